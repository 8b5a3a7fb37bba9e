// The viewer's state and what follows from it. Gets the photo and the class maps once; all else is the browser's work.
// What the reader set stays over a change of page and a reload: the browser keeps it for as long as the tab is open.

export default function render({ parentElement, data, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".viewer");
  // Streamlit calls again on every rerun; the instance keeps what the user set.
  const viewer = (root.instance ??= createViewer(root));
  viewer.update(data, setStateValue, setTriggerValue);
  return () => viewer.dispose();
}

function createViewer(root) {
  const find = (selector) => root.querySelector(selector);
  const state = {
    view: null, opacity: 0.6, unsure: null, divider: 0.5, part: WHOLE,
    isolated: new Set(), differ: false, left: 0, right: 1,
  };
  let wanted = new Set(); // classes to show alone, those among them too that this photo's models do not have
  const resized = new ResizeObserver(() => schedule());
  let data = null;
  let scene = null;
  let panels = [];
  let point = null;
  let frame = 0;
  let tellOnce = () => {}; // tells the page of a press
  let tell = () => {}; // tells the page whether the reader looks at how sure the models are: then it asks the API
  resized.observe(find(".panels"));

  const clamp = (value, most) => Math.min(most, Math.max(0, value));
  const actions = {
    moveTo: (u, v) => setPoint(toPicture(state.part, u, v)),
    moveBy: (du, dv) => {
      const { x, y } = point ?? toPicture(state.part, 0.5, 0.5);
      setPoint({ x: x + du / state.part.scale, y: y + dv / state.part.scale });
      if (point) lookAt(following(state.part, point));
    },
    leave: () => setPoint(null),
    divider: () => state.divider,
    divideAt: (fraction) => {
      state.divider = clamp(fraction, 1);
      schedule();
    },
    zoom: (factor, u, v) => lookAt(zoomedAt(state.part, factor, u, v, mostScale())),
    zoomOnPoint: (factor) => {
      const { u, v } = point ? toPanel(state.part, point) : { u: 0.5, v: 0.5 };
      actions.zoom(factor, u, v);
    },
    pan: (du, dv) => lookAt(pannedBy(state.part, du, dv)),
    whole: () => lookAt(WHOLE),
    zoomed: () => state.part.scale > 1,
    corrects: () => correction.on(),
    correct: (phase, u, v) => {
      const at = u === undefined ? point : toPicture(state.part, u, v); // without a place: where the keys have led
      const perScreen = data.photo.width / (state.part.scale * Math.max(1, panels[0].canvas.clientWidth));
      if (at) correction.stroke(phase, at, perScreen);
      setPoint(at);
    },
  };
  const mostScale = () => largestScale(data.photo.width, panels[0]?.canvas.clientWidth);

  function lookAt(part) {
    state.part = part;
    root.classList.toggle("zoomed", part.scale > 1);
    showZoom(find(".zoom"), part.scale, mostScale());
    schedule();
  }

  const changed = {
    view: () => {
      keep({ view: state.view });
      ask();
      buildSure(root, data, state, changed);
      buildPanels();
    },
    opacity: () => {
      keep({ opacity: state.opacity });
      schedule();
    },
    unsure: () => {
      keep({ unsure: state.unsure });
      measureSureness();
    },
    isolated: () => {
      const others = [...wanted].filter((name) => !classNames(data.layers).has(name));
      wanted = new Set([...others, ...state.isolated]);
      keep({ isolated: [...wanted] });
      recolour();
    },
    zoom: (factor) => (factor ? actions.zoom(factor, 0.5, 0.5) : actions.whole()),
    panels: buildPanels,
    colours: recolour,
  };
  const correction = createCorrection(find(".fix"), find(".correct"), {
    layers: () => scene?.layers ?? [],
    redraw: () => {
      root.classList.toggle("correcting", correction.on());
      schedule();
    },
    recolour: () => {
      scene.differs = null;
      recolour();
    },
    keep: (layer, runs) => tellOnce("corrected", { model: layer.model, runs }),
  });
  const link = createLink(() => ({ view: state.view, opacity: state.opacity, classes: [...wanted] }));
  const keep = (settings) => {
    remember(data.memory, settings);
    link.changed();
  };
  const classNames = (layers) => new Set(layers.flatMap((layer) => layer.classes.map((c) => c.name)));

  function ask() {
    const looks = state.view === "sure";
    if (!data.sure || looks === data.sure.asked) return;
    data.sure.asked = looks;
    tell("sure", looks);
  }

  async function update(next, setStateValue, setTriggerValue) {
    [tell, tellOnce] = [setStateValue, setTriggerValue];
    link.update(next.link, setStateValue);
    if (data && data.id === next.id) {
      data.sure = next.sure;
      return;
    }
    const samePhoto = data && data.photo.id === next.photo.id;
    data = next;
    root.dataset.ready = "false";
    if (!scene) reserve(next);
    const [photo, maps, sure] = await Promise.all([
      decodePicture(next.photo.base64, "image/jpeg"),
      Promise.all(next.layers.map((layer) => decodeMap(layer.base64))),
      Promise.all(next.layers.map((layer) => layer.sure && decodeMap(layer.sure))),
    ]);
    if (data.id !== next.id) return; // a newer update overtook this one
    const layers = next.layers.map((layer, i) => ({ ...layer, map: maps[i], sure: sure[i] }));
    for (const layer of layers.filter(({ model }) => model)) {
      layer.original = layer.map.ids.slice();
      applyRuns(layer.map.ids, layer.kept ?? []);
    }
    scene = { photo, layers, differs: null, hatch: next.hatch };
    keepWhatStillFits();
    correction.update();
    if (!samePhoto) point = null;
    buildControls(root, data, state, changed);
    lookAt(samePhoto ? state.part : WHOLE);
    showReading(find(".readout"), data, layers, point);
    recolour();
    buildPanels();
    ask();
    root.dataset.photo = next.photo.id;
    root.dataset.ready = "true";
    link.changed();
  }

  // The first time, the panels take their place before the pictures are decoded: what lies below does not jump.
  function reserve(next) {
    const kept = { ...recall(next.memory), ...next.link?.start };
    state.view = next.views.includes(kept.view) ? kept.view : next.views[0];
    if (kept.opacity >= 0 && kept.opacity <= 1) state.opacity = kept.opacity;
    if (kept.unsure >= 0 && kept.unsure <= 1) state.unsure = kept.unsure;
    if (Array.isArray(kept.isolated)) wanted = new Set(kept.isolated);
    if (next.link) remember(next.memory, next.link.start);
    buildControls(root, next, state, changed);
    showZoom(find(".zoom"), 1, 1);
    showReading(find(".readout"), next, [], null);
    const specs = panelSpecs(state.view, next.layers, next.photo.alt, 0, 1);
    setColumns(specs.map((spec) => buildPanel(spec, next.photo, actions)));
  }

  // After a change of photo or models: settings that make no sense any more fall back.
  function keepWhatStillFits() {
    const names = classNames(scene.layers);
    state.isolated = new Set([...wanted].filter((name) => names.has(name)));
    const last = scene.layers.length - 1;
    if (!data.views.includes(state.view)) state.view = data.views[0];
    if (last < 1) state.differ = false;
    state.left = Math.min(state.left, last);
    state.right = Math.min(state.right, last);
  }

  const shown = (name) => state.isolated.size === 0 || state.isolated.has(name);

  function recolour() {
    if (!scene) return;
    const all = state.isolated.size === 0;
    const where = state.differ ? (scene.differs ??= differenceOf(scene.layers.filter((layer) => !layer.truth))) : null;
    for (const layer of scene.layers) {
      layer.colours = colourLayer(layer, shown, where);
      layer.hatches = hatchLayer(layer, shown, where);
      layer.veil = all && !where ? null : veilLayer(layer, shown, where);
    }
    markDifferences();
    measureSureness();
  }

  function measureSureness() {
    for (const panel of panels.filter(({ left }) => left.sure)) {
      const { layer } = panel.left;
      layer.sureness = layer.sure ? paintSure(layer, state.unsure ?? data.sure.below, shown) : null;
      tellSure(panel, layer.sureness ? layer.sureness.share : null);
    }
    schedule();
  }

  function markDifferences() {
    for (const panel of panels.filter(({ left }) => left.differ)) {
      const [a, b] = panel.left.differ;
      const { canvas, share } = markDifference(a, b, shown);
      panel.left.difference = canvas;
      const told = `${a.title} and ${b.title} differ on ${(100 * share).toFixed(1)} % of the picture.`;
      panel.canvas.setAttribute("aria-label", `${told} Arrow keys move the pointer.`);
    }
  }

  function schedule() {
    if (!frame) frame = requestAnimationFrame(draw);
  }

  function draw() {
    frame = 0;
    if (!scene) return;
    scene.opacity = state.opacity;
    scene.divider = state.divider;
    scene.part = state.part;
    const ratio = window.devicePixelRatio || 1;
    for (const panel of panels) {
      // No more than the photo has, of what is looked at.
      const most = Math.ceil(scene.photo.width * state.part.scale);
      const width = Math.min(most, Math.max(1, Math.round(panel.canvas.clientWidth * ratio)));
      const height = Math.max(1, Math.round((width * data.photo.height) / data.photo.width));
      if (panel.canvas.width !== width || panel.canvas.height !== height) {
        panel.canvas.width = width;
        panel.canvas.height = height;
      }
      drawPanel(panel.canvas.getContext("2d"), panel, scene);
      if (panel.handle) {
        panel.handle.style.left = `${state.divider * 100}%`;
        panel.handle.setAttribute("aria-valuenow", String(Math.round(state.divider * 100)));
      }
      placeMark(panel);
    }
  }

  function placeMark(panel) {
    const { u, v } = point ? toPanel(state.part, point) : { u: -1, v: -1 };
    panel.mark.hidden = panel.tag.hidden = u < 0 || u > 1 || v < 0 || v > 1;
    if (panel.mark.hidden) return;
    panel.mark.style.left = panel.tag.style.left = `${u * 100}%`;
    panel.mark.style.top = panel.tag.style.top = `${v * 100}%`;
    panel.tag.dataset.side = `${v < 0.2 ? "below" : "above"} ${u > 0.6 ? "left" : "right"}`;
    const side = panel.right && u >= state.divider ? panel.right : panel.left;
    const classes = (side.differ ?? [side.layer]).filter(Boolean).map((layer) => classAt(layer, point.x, point.y));
    const once = classes.filter((c, i) => classes.findIndex((other) => other.name === c.name) === i);
    const sure = side.differ || !side.layer ? null : sureAt(side.layer, point.x, point.y);
    panel.tag.hidden = !once.length;
    panel.tag.replaceChildren(...once.flatMap((c) => [swatch(c), document.createTextNode(c.name)]));
    if (sure !== null) panel.tag.append(text("span", "", percent(sure)));
  }

  function setPoint(next) {
    if (!scene) return;
    point = next && { x: clamp(next.x, 0.99999), y: clamp(next.y, 0.99999) };
    showReading(find(".readout"), data, scene.layers, point);
    schedule();
  }

  function buildPanels() {
    if (!scene) return;
    const severalPairs = state.view === "pair" && data.layers.length > 2;
    find(".pick-left").hidden = find(".pick-right").hidden = !severalPairs;
    const specs = panelSpecs(state.view, scene.layers, data.photo.alt, state.left, state.right);
    panels = specs.map((spec) => buildPanel(spec, data.photo, actions));
    setColumns(panels);
    root.dataset.view = state.view;
    markDifferences();
    measureSureness();
  }

  function setColumns(built) {
    const box = find(".panels");
    box.style.setProperty("--columns", String(state.view === "layers" ? 3 : Math.min(2, built.length)));
    box.replaceChildren(...built.map((panel) => panel.figure));
  }

  return {
    update,
    dispose() {
      resized.disconnect();
      link.end();
      cancelAnimationFrame(frame);
      root.instance = null;
    },
  };
}
