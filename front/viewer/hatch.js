// Fine light lines over classes whose colour, laid over a photo, looks like a shadow of the photo: shadows have no lines.
// They fade where the colours alone are seen, and where they are not seen at all.

const HATCH_STEP = 8; // pixels of the screen from line to line, whatever the zoom
const HATCH_LINE = "rgb(255 255 255 / 75%)"; // of the swatches

// The directions that a hatch is made of: 1 rises to the right, -1 falls.
function hatchesOf(hatch) {
  return Number.isInteger(hatch) ? [[1], [-1], [1, -1]][hatch] : [];
}

function stripes(direction) {
  const angle = direction > 0 ? 135 : 45;
  return `repeating-linear-gradient(${angle}deg, transparent 0 3px, ${HATCH_LINE} 3px 4px)`;
}

// A tile whose lines meet those of its neighbours.
function hatchTile(step, hatch, [r, g, b]) {
  const tile = makeCanvas(step, step);
  const context = tile.getContext("2d");
  context.strokeStyle = `rgb(${r} ${g} ${b})`;
  context.lineWidth = Math.max(1, step / 7);
  for (const direction of hatchesOf(hatch)) {
    for (const shift of [-step, 0, step]) {
      context.beginPath();
      context.moveTo(shift - 1, direction > 0 ? step + 1 : -1);
      context.lineTo(shift + step + 1, direction > 0 ? -1 : step + 1);
      context.stroke();
    }
  }
  return tile;
}

const lines = makeCanvas(1, 1); // one for all panels: they are drawn one after the other

function drawHatches(context, side, scene) {
  const { hatches } = side.layer;
  const opacity = side.opacity ?? scene.opacity;
  const strength = scene.hatch.opacity * Math.min(1, 4 * opacity, 4 * (1 - opacity));
  if (!hatches.length || strength <= 0) return;
  const { width, height } = context.canvas;
  const step = Math.max(4, Math.round((HATCH_STEP * width) / (context.canvas.clientWidth || width)));
  for (const { hatch, mask } of hatches) {
    [lines.width, lines.height] = [width, height]; // which clears it
    const drawn = lines.getContext("2d");
    drawn.imageSmoothingEnabled = false;
    drawPart(drawn, mask, scene.part);
    drawn.globalCompositeOperation = "source-in";
    drawn.fillStyle = drawn.createPattern(hatchTile(step, hatch, scene.hatch.line), "repeat");
    drawn.fillRect(0, 0, width, height);
    context.globalAlpha = strength;
    context.drawImage(lines, 0, 0);
  }
}
