// One panel: its canvas, the mark under the pointer, the divider, and how mouse, touch and keyboard reach them.
// `actions` is what a panel may ask of the viewer: moveTo(u, v), leave(), divideAt(fraction), divider(), and of what is
// looked at: zoom(factor, u, v), zoomOnPoint(factor), pan(du, dv), whole(), zoomed(); corrects() and correct(phase, u, v).

function text(tag, className, content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = content;
  return element;
}

// A class's colour, hatched as it is over a photo.
function swatch({ color, hatch }) {
  const box = document.createElement("i");
  box.style.background = [...hatchesOf(hatch).map(stripes), `rgb(${color.join()})`].join();
  return box;
}

// Every class in any layer, in order; of two with one name the last.
function legendOf(layers) {
  return [...new Map(layers.flatMap((layer) => layer.classes.map((c) => [c.name, c]))).values()];
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
  if (view === "errors") {
    const truth = layers.find((layer) => layer.truth);
    return layers.filter((layer) => !layer.truth).map((layer) => ({
      title: `${layer.title}: errors`, note: layer.note, alt: layer.alt, left: { differ: [layer, truth] },
    }));
  }
  if (view === "sure") {
    return layers.filter((layer) => !layer.truth).map((layer) => ({ title: layer.title, note: " ", alt: layer.alt, left: { layer, sure: true } }));
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
  canvas.setAttribute("aria-label", `${spec.title}. ${spec.alt} Arrow keys move the pointer, plus and minus zoom.`);
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

// Pressing drags the divider where there is one, else what is looked at; two fingers zoom; moving without pressing reads
// the class. Of a zoomed picture with a divider, the divider's handle drags it and the rest of the panel the picture.
function followPointer(stage, canvas, divided, actions) {
  const down = new Map(); // pointers that are pressed, and where they are
  let drags = null;
  const position = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  stage.addEventListener("pointerdown", (event) => {
    const at = position(event);
    const onHandle = event.target.closest(".handle") !== null;
    if (actions.corrects() && event.button === 0 && !onHandle) {
      drags = "brush";
      down.set(event.pointerId, at);
      stage.setPointerCapture(event.pointerId);
      actions.correct("begin", ...at);
      return;
    }
    down.set(event.pointerId, at);
    drags = event.button === 0 && divided && (onHandle || !actions.zoomed()) ? "divider" : "picture";
    if (drags === "divider" || actions.zoomed() || down.size > 1) stage.setPointerCapture(event.pointerId);
    if (drags === "divider") actions.divideAt(at[0]);
    else actions.moveTo(...at);
  });
  stage.addEventListener("pointermove", (event) => {
    const at = position(event);
    const before = down.get(event.pointerId);
    if (!before) {
      actions.moveTo(...at);
      return;
    }
    if (drags === "brush") {
      actions.correct("on", ...at);
      return;
    }
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    down.set(event.pointerId, at);
    if (other) {
      const apart = ([u, v]) => Math.max(0.01, Math.hypot(u - other[0], v - other[1]));
      actions.zoom(apart(at) / apart(before), (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
    } else if (drags === "divider") {
      actions.divideAt(at[0]);
    } else if (actions.zoomed()) {
      actions.pan(at[0] - before[0], at[1] - before[1]);
    } else {
      actions.moveTo(...at);
    }
  });
  const stop = (event) => {
    const known = down.delete(event.pointerId);
    if (!known || drags !== "brush") return;
    drags = null;
    actions.correct("end", ...position(event));
  };
  stage.addEventListener("pointerup", stop);
  stage.addEventListener("pointercancel", stop);
  stage.addEventListener("pointerleave", (event) => {
    // A finger leaves when it is lifted; what it touched stays readable.
    if (!down.has(event.pointerId) && event.pointerType === "mouse") actions.leave();
  });
  stage.addEventListener("dblclick", (event) => {
    if (actions.corrects()) return;
    actions.zoom(event.shiftKey ? 0.5 : 2, ...position(event));
  });
  // A touchpad's pinch comes as a wheel with Ctrl. The wheel alone scrolls the page.
  const turn = (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    actions.zoom(2 ** (-Math.max(-100, Math.min(100, event.deltaY)) / 100), ...position(event));
  };
  stage.addEventListener("wheel", turn, { passive: false });
}

function followKeys(canvas, actions) {
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser's own
    const step = event.shiftKey ? 0.1 : 0.01;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key in moves) actions.moveBy(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") actions.zoomOnPoint(ZOOM_STEP);
    else if (event.key === "-") actions.zoomOnPoint(1 / ZOOM_STEP);
    else if (event.key === "0") actions.whole();
    else if (event.key === "Escape") actions.leave();
    else if (event.key === "Enter" && actions.corrects()) ["begin", "on", "end"].forEach((phase) => actions.correct(phase));
    else return;
    event.preventDefault();
  });
}
