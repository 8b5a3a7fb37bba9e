// How sure a model is of each pixel: a grey ramp over the photo, stripes where it is below the reader's threshold.

const MOST = 255; // what a probability of 1 is in a layer's map
const RAMP_FROM = 0.3; // below this it gets no darker: the winner of several classes is seldom lower
const SURE = [236, 240, 238];
const UNSURE = [32, 24, 72];
const STRIPES = 110; // across the picture: so many are told apart on a phone, too

// A canvas with the ramp and the stripes, and the share of the picture that is below the threshold.
function paintSure(layer, threshold, shown) {
  const { ids, width, height } = layer.map;
  const sure = layer.sure.ids;
  const ramp = Uint32Array.from({ length: MOST + 1 }, (_, value) => {
    const t = Math.max(0, (value / MOST - RAMP_FROM) / (1 - RAMP_FROM));
    return word(UNSURE.map((low, i) => Math.round(low + t * (SURE[i] - low))), 255);
  });
  const mark = word(MARK, 255);
  const shows = layer.classes.map((c) => shown(c.name));
  const step = Math.max(4, Math.round(width / STRIPES));
  const canvas = makeCanvas(width, height);
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  let below = 0;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const unsure = sure[i] < threshold * MOST;
      below += unsure;
      if (shows[ids[i]] === false) continue; // a class that is not looked at stays clear
      words[i] = unsure && (x + y) % step < 0.45 * step ? mark : ramp[sure[i]];
    }
  }
  context.putImageData(image, 0, 0);
  return { canvas, share: below / words.length };
}

// The probability of the class at a point, 0..1; null where it was not asked for.
function sureAt(layer, x, y) {
  if (!layer.sure) return null;
  const { width, height } = layer.sure;
  const column = Math.min(width - 1, Math.max(0, Math.floor(x * width)));
  const row = Math.min(height - 1, Math.max(0, Math.floor(y * height)));
  return layer.sure.ids[row * width + column] / MOST;
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

// The slider and the sentences that say how to read the view; they show in that view alone.
function buildSure(root, data, state, changed) {
  const box = root.querySelector(".unsure");
  const key = root.querySelector(".key");
  box.hidden = key.hidden = state.view !== "sure";
  root.querySelector(".differ").hidden = data.layers.filter((layer) => !layer.truth).length < 2 || state.view === "sure"; // of class colours alone
  const range = box.querySelector("input");
  range.value = String(Math.round(100 * (state.unsure ?? data.sure?.below ?? 0.5)));
  const show = () => (box.querySelector("output").textContent = `${range.value} %`);
  range.oninput = () => {
    state.unsure = Number(range.value) / 100;
    show();
    changed.unsure();
  };
  show();
  key.replaceChildren(...(data.sure?.key ?? []).map((sentence) => text("span", "", `${sentence} `)));
}

// What a panel of the view says beside its title, and to those who cannot see it.
function tellSure(panel, share) {
  const told = share === null ? "asking how sure it is …" : `${percent(share)} of the picture is unsure`;
  panel.figure.querySelector(".note").textContent = told;
  panel.canvas.setAttribute("aria-label", `${panel.title}: ${told}. Arrow keys move the pointer.`);
}
