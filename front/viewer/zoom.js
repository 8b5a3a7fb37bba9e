// Which part of the picture all panels show: `part` is { scale, x, y }, its left top corner in fractions of the picture,
// and how many times larger than the whole it is drawn. Pure functions; a panel is 1 wide and 1 high here.

const WHOLE = { scale: 1, x: 0, y: 0 };
const ZOOM_STEP = 1.5;

function within({ scale, x, y }) {
  const most = 1 - 1 / scale;
  return { scale, x: Math.min(most, Math.max(0, x)), y: Math.min(most, Math.max(0, y)) };
}

// The part at another scale; what lies at (u, v) of a panel stays there.
function zoomedAt(part, factor, u, v, most) {
  const scale = Math.min(most, Math.max(1, part.scale * factor));
  const at = toPicture(part, u, v);
  return within({ scale, x: at.x - u / scale, y: at.y - v / scale });
}

function pannedBy(part, du, dv) {
  return within({ scale: part.scale, x: part.x - du / part.scale, y: part.y - dv / part.scale });
}

// The part moved as little as brings a point of the picture into view.
function following(part, point) {
  const side = 1 / part.scale;
  const near = (from, at) => Math.min(at, Math.max(from, at - side));
  const inside = (from, at) => at >= from && at <= from + side;
  return within({
    scale: part.scale,
    x: inside(part.x, point.x) ? part.x : near(part.x, point.x),
    y: inside(part.y, point.y) ? part.y : near(part.y, point.y),
  });
}

function toPicture(part, u, v) {
  return { x: part.x + u / part.scale, y: part.y + v / part.scale };
}

function toPanel(part, point) {
  return { u: (point.x - part.x) * part.scale, v: (point.y - part.y) * part.scale };
}

// A scale at which a pixel of the picture is a square of two dozen pixels of the screen.
function largestScale(pictureWidth, panelWidth = pictureWidth) {
  return Math.max(4, Math.min(256, (24 * pictureWidth) / Math.max(1, panelWidth)));
}
