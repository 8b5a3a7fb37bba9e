// One panel: its canvas, the mark under the pointer, the divider, and how mouse, touch and keyboard reach them.
// `actions` is what a panel may ask of the viewer: moveTo(x, y), leave(), divideAt(fraction), divider().

function text(tag, className, content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = content;
  return element;
}

function swatch(color) {
  const box = document.createElement("i");
  box.style.background = `rgb(${color.join()})`;
  return box;
}

// [name, colour] of every class in any layer, in order.
function legendOf(layers) {
  return [...new Map(layers.flatMap((layer) => layer.classes.map((c) => [c.name, c.color])))];
}

// The panels of a view; `left` and `right` are sides for drawSide, a side without a layer is the bare photo.
function panelSpecs(view, layers, photoAlt, left, right) {
  const photo = {};
  if (view === "layers") {
    return layers.flatMap((layer) => [
      { title: "Photo", alt: photoAlt, left: photo },
      { title: `${layer.title}: mask`, alt: layer.alt, left: { layer, opacity: 1 } },
      { title: `${layer.title}: overlay`, alt: layer.alt, left: { layer } },
    ]);
  }
  if (view === "wipe") {
    return layers.map((layer) => ({
      title: `Photo | ${layer.title}`, alt: layer.alt, left: photo, right: { layer },
    }));
  }
  if (view === "pair") {
    const [a, b] = [layers[left], layers[right]];
    return [
      { title: `${a.title} | ${b.title}`, alt: `${a.alt} ${b.alt}`, left: { layer: a }, right: { layer: b } },
      { title: "Where they differ", alt: `Where ${a.title} and ${b.title} differ.`, left: { differ: [a, b] } },
    ];
  }
  return layers.map((layer) => ({ title: layer.title, note: layer.note, alt: layer.alt, left: { layer } }));
}

function buildPanel(spec, photo, actions) {
  const figure = document.createElement("figure");
  const caption = text("figcaption", "", spec.title);
  if (spec.note) caption.append(text("span", "note", spec.note));
  const stage = text("div", "stage", "");
  stage.style.aspectRatio = `${photo.width} / ${photo.height}`;
  const canvas = makeCanvas(1, 1);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${spec.title}. ${spec.alt} Arrow keys move the pointer.`);
  canvas.tabIndex = 0;
  const mark = text("span", "mark", "");
  const tag = text("span", "tag", "");
  tag.setAttribute("aria-hidden", "true");
  stage.append(canvas, mark, tag);
  const panel = { ...spec, figure, canvas, mark, tag };
  if (spec.right) {
    panel.handle = buildHandle(spec, actions);
    stage.append(panel.handle);
  }
  followPointer(stage, canvas, Boolean(spec.right), actions);
  followKeys(canvas, actions);
  figure.append(caption, stage);
  return panel;
}

function buildHandle(spec, actions) {
  const handle = text("div", "handle", "");
  handle.tabIndex = 0;
  handle.setAttribute("role", "slider");
  handle.setAttribute("aria-label", `Divider between ${spec.title.replace(" | ", " and ")}`);
  handle.setAttribute("aria-valuemin", "0");
  handle.setAttribute("aria-valuemax", "100");
  const steps = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1 };
  handle.addEventListener("keydown", (event) => {
    if (event.key === "Home") actions.divideAt(0);
    else if (event.key === "End") actions.divideAt(1);
    else if (event.key in steps) actions.divideAt(actions.divider() + steps[event.key]);
    else return;
    event.preventDefault();
  });
  return handle;
}

// Pressing drags the divider where there is one; moving without pressing reads the class.
function followPointer(stage, canvas, divided, actions) {
  let dragging = false;
  const position = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  stage.addEventListener("pointerdown", (event) => {
    if (!divided || event.button !== 0) {
      actions.moveTo(...position(event));
      return;
    }
    dragging = true;
    stage.setPointerCapture(event.pointerId);
    actions.divideAt(position(event)[0]);
  });
  stage.addEventListener("pointermove", (event) => {
    if (dragging) actions.divideAt(position(event)[0]);
    else actions.moveTo(...position(event));
  });
  const stop = () => (dragging = false);
  stage.addEventListener("pointerup", stop);
  stage.addEventListener("pointercancel", stop);
  stage.addEventListener("pointerleave", (event) => {
    // A finger leaves when it is lifted; what it touched stays readable.
    if (!dragging && event.pointerType === "mouse") actions.leave();
  });
}

function followKeys(canvas, actions) {
  canvas.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.1 : 0.01;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key in moves) actions.moveBy(...moves[event.key]);
    else if (event.key === "Escape") actions.leave();
    else return;
    event.preventDefault();
  });
}
