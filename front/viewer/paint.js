// Pixels: class maps to colours, and how one panel is drawn. No DOM events here.

const CLASSES_MISSING = 255;
const MARK = [176, 20, 100]; // where models differ: dark enough to stand out on a bleached photo

async function decodePicture(base64, type) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  // Class ids are data: no colour conversion may touch them.
  return createImageBitmap(new Blob([bytes], { type }), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
}

async function decodeMap(base64) {
  const bitmap = await decodePicture(base64, "image/png");
  const canvas = makeCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const rgba = new Uint32Array(context.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
  const ids = new Uint8Array(rgba.length);
  for (let i = 0; i < ids.length; i++) ids[i] = rgba[i] & 255;
  return { ids, width: bitmap.width, height: bitmap.height };
}

function makeCanvas(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

// Little-endian RGBA in one 32-bit word, which is what ImageData's buffer holds on every browser in use.
function word([r, g, b], alpha) {
  return ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

// A canvas with the class colours; ids that `shown` rejects stay clear. `where` limits it to some pixels.
function colourLayer(layer, shown, where) {
  const table = new Uint32Array(256);
  layer.classes.forEach((c, id) => {
    if (shown(c.name)) table[id] = word(c.color, 255);
  });
  return paintWords(layer.map, table, where, 0);
}

// A canvas that bleaches everything that is not isolated: class colours are mostly dark and stand out on it.
function veilLayer(layer, shown, where) {
  const veil = word([246, 248, 248], 178);
  const table = new Uint32Array(256).fill(veil);
  layer.classes.forEach((c, id) => {
    if (shown(c.name)) table[id] = 0;
  });
  return paintWords(layer.map, table, where, veil);
}

// By hatch, a canvas that is opaque where a class has it: over a photo its colour alone looks like a shadow.
function hatchLayer(layer, shown, where) {
  return [...new Set(layer.classes.map((c) => c.hatch).filter(Number.isInteger))].map((hatch) => {
    const table = new Uint32Array(256);
    layer.classes.forEach((c, id) => {
      if (c.hatch === hatch && shown(c.name)) table[id] = 0xffffffff;
    });
    return { hatch, mask: paintWords(layer.map, table, where, 0) };
  });
}

// Each pixel's word from the table, or `elsewhere` where the mask `where` is given and 0.
function paintWords({ ids, width, height }, table, where, elsewhere) {
  const canvas = makeCanvas(width, height);
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  for (let i = 0; i < ids.length; i++) words[i] = table[ids[i]];
  if (where) {
    for (let i = 0; i < ids.length; i++) if (!where[i]) words[i] = elsewhere;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

// A canvas that marks where two layers differ, for classes that `shown` accepts in either, and bleaches the rest.
function markDifference(a, b, shown) {
  const mark = word(MARK, 255);
  const veil = word([246, 248, 248], 178);
  const [showsA, showsB] = [a, b].map((layer) => layer.classes.map((c) => shown(c.name)));
  const differs = differenceOf([a, b]);
  const canvas = makeCanvas(a.map.width, a.map.height);
  const context = canvas.getContext("2d");
  const image = context.createImageData(a.map.width, a.map.height);
  const words = new Uint32Array(image.data.buffer);
  let marked = 0;
  for (let i = 0; i < words.length; i++) {
    marked += differs[i];
    words[i] = differs[i] && (showsA[a.map.ids[i]] || showsB[b.map.ids[i]]) ? mark : veil;
  }
  context.putImageData(image, 0, 0);
  return { canvas, share: marked / words.length };
}

// 1 where not all models give the same class name, by name because class sets may differ between models.
function differenceOf(layers) {
  const first = layers[0];
  const differs = new Uint8Array(first.map.ids.length);
  for (const other of layers.slice(1)) {
    const same = new Uint8Array(65536);
    first.classes.forEach((a, i) => other.classes.forEach((b, j) => (same[(i << 8) | j] = a.name === b.name)));
    for (let i = 0; i < differs.length; i++) {
      if (other.map.ids[i] === CLASSES_MISSING || first.map.ids[i] === CLASSES_MISSING) continue; // not labelled
      if (!same[(first.map.ids[i] << 8) | other.map.ids[i]]) differs[i] = 1;
    }
  }
  return differs;
}

// Draws the part of a picture that is looked at over the whole canvas.
function drawPart(context, picture, { scale, x, y }) {
  const { width, height } = context.canvas;
  const [w, h] = [picture.width, picture.height];
  context.drawImage(picture, x * w, y * h, w / scale, h / scale, 0, 0, width, height);
}

// Draws photo, veil and colours of one side of a panel, clipped to [from, to) of its width.
function drawSide(context, side, scene, from, to) {
  const { width, height } = context.canvas;
  const x0 = Math.round(from * width);
  const x1 = Math.round(to * width);
  if (x1 <= x0) return;
  context.save();
  context.beginPath();
  context.rect(x0, 0, x1 - x0, height);
  context.clip();
  context.globalAlpha = 1;
  // Where a pixel of the photo takes three of the screen, it is shown as the square that it is.
  context.imageSmoothingEnabled = (width * scene.part.scale) / scene.photo.width < 3;
  drawPart(context, scene.photo, scene.part);
  if (side.sure) {
    context.globalAlpha = scene.opacity;
    if (side.layer.sureness) drawPart(context, side.layer.sureness.canvas, scene.part);
    context.restore();
    return;
  }
  if (side.difference) drawPart(context, side.difference, scene.part);
  if (side.layer) {
    if (side.layer.veil) drawPart(context, side.layer.veil, scene.part);
    context.globalAlpha = side.opacity ?? scene.opacity;
    context.imageSmoothingEnabled = false;
    drawPart(context, side.layer.colours, scene.part);
    drawHatches(context, side, scene);
  }
  context.restore();
}

function drawPanel(context, panel, scene) {
  context.imageSmoothingQuality = "high";
  if (!panel.right) {
    drawSide(context, panel.left, scene, 0, 1);
    return;
  }
  drawSide(context, panel.left, scene, 0, scene.divider);
  drawSide(context, panel.right, scene, scene.divider, 1);
}

function classAt(layer, x, y) {
  const column = Math.min(layer.map.width - 1, Math.max(0, Math.floor(x * layer.map.width)));
  const row = Math.min(layer.map.height - 1, Math.max(0, Math.floor(y * layer.map.height)));
  const id = layer.map.ids[row * layer.map.width + column];
  return layer.classes[id] ?? { name: id === CLASSES_MISSING ? "not labelled" : `class ${id}`, color: [128, 128, 128] };
}
