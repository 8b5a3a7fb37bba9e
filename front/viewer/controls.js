// What stands around the panels: the choice of view, opacity, models and classes, and the line that reads a pixel.
// Each control writes what was chosen to `state` and says what that changes: `changed.view()`, `changed.opacity()` and
// `changed.isolated()` and `changed.unsure()` are kept for the next page, `changed.panels()` and `changed.colours()` are not.
// `changed.zoom` takes a factor, 0 for the whole picture.

const VIEWS = {
  overlay: "Overlay",
  layers: "Photo, mask, overlay",
  wipe: "Before / after",
  pair: "Model against model",
  sure: "How sure",
  errors: "Errors",
};

function buildControls(root, data, state, changed) {
  root.setAttribute("aria-label", `Viewer: ${data.photo.alt}`);
  buildViews(root.querySelector(".views"), data.views, state, changed);
  buildOpacity(root.querySelector(".opacity"), state, changed);
  buildZoom(root.querySelector(".zoom"), changed);
  buildDiffer(root.querySelector(".differ"), data.layers.filter((layer) => !layer.truth), state, changed);
  buildSure(root, data, state, changed);
  for (const side of ["left", "right"]) {
    buildPick(root.querySelector(`.pick-${side} select`), side, data.layers, state, changed);
  }
  buildLegend(root.querySelector(".legend"), data.layers, state, changed);
}

function pressButton(label, pressed, onClick) {
  const button = text("button", "", label);
  button.type = "button";
  button.setAttribute("aria-pressed", String(pressed));
  button.addEventListener("click", onClick);
  return button;
}

function buildViews(box, names, state, changed) {
  const buttons = names.map((name) =>
    pressButton(VIEWS[name], name === state.view, (event) => {
      state.view = name;
      buttons.forEach((b) => b.setAttribute("aria-pressed", String(b === event.currentTarget)));
      changed.view();
    }),
  );
  box.replaceChildren(...buttons);
  box.hidden = buttons.length < 2;
}

function buildOpacity(box, state, changed) {
  const range = box.querySelector("input");
  const show = () => (box.querySelector("output").textContent = `${range.value} %`);
  range.value = String(Math.round(state.opacity * 100));
  range.oninput = () => {
    state.opacity = Number(range.value) / 100;
    show();
    changed.opacity();
  };
  show();
}

function buildZoom(box, changed) {
  box.querySelector(".in").onclick = () => changed.zoom(ZOOM_STEP);
  box.querySelector(".out").onclick = () => changed.zoom(1 / ZOOM_STEP);
  box.querySelector(".whole").onclick = () => changed.zoom(0);
}

function showZoom(box, scale, most) {
  box.querySelector("output").textContent = `× ${scale < 10 ? scale.toFixed(1) : Math.round(scale)}`;
  box.querySelector(".out").disabled = box.querySelector(".whole").disabled = scale <= 1;
  box.querySelector(".in").disabled = scale >= most;
}

function buildDiffer(button, layers, state, changed) {
  button.hidden = layers.length < 2;
  button.setAttribute("aria-pressed", String(state.differ));
  button.onclick = () => {
    state.differ = !state.differ;
    button.setAttribute("aria-pressed", String(state.differ));
    changed.colours();
  };
}

function buildPick(select, side, layers, state, changed) {
  select.replaceChildren(...layers.map((layer, i) => new Option(layer.title, String(i))));
  select.value = String(state[side]);
  select.onchange = () => {
    state[side] = Number(select.value);
    changed.panels();
  };
}

function buildLegend(box, layers, state, changed) {
  const chips = legendOf(layers).map((one) => {
    const { name } = one;
    const chip = pressButton("", state.isolated.has(name), () => {
      if (!state.isolated.delete(name)) state.isolated.add(name);
      show();
      changed.isolated();
    });
    chip.dataset.class = name;
    chip.append(swatch(one), document.createTextNode(name));
    return chip;
  });
  const all = text("button", "all", "Show all classes");
  all.type = "button";
  all.addEventListener("click", () => {
    state.isolated.clear();
    show();
    changed.isolated();
  });
  const show = () => {
    for (const chip of chips) chip.setAttribute("aria-pressed", String(state.isolated.has(chip.dataset.class)));
    all.disabled = state.isolated.size === 0;
  };
  box.replaceChildren(...chips, all);
  show();
}

// Each model's class at a point of the photo, or the hint where there is no point.
function showReading(line, data, layers, point) {
  if (!point) {
    line.replaceChildren(text("span", "hint", data.hint));
    return;
  }
  const classes = layers.map((layer) => classAt(layer, point.x, point.y));
  const column = Math.floor(point.x * data.photo.fullWidth);
  const row = Math.floor(point.y * data.photo.fullHeight);
  const parts = [text("span", "where", `x ${column}, y ${row}`)];
  classes.forEach((c, i) => {
    const item = text("span", "reading", "");
    item.dataset.model = layers[i].title;
    item.dataset.class = c.name;
    item.append(text("span", "model", `${layers[i].title} `), swatch(c), text("b", "", c.name));
    const sure = sureAt(layers[i], point.x, point.y);
    if (sure !== null) {
      item.dataset.sure = String(Math.round(100 * sure));
      item.append(text("span", "", percent(sure)));
    }
    parts.push(item);
  });
  const said = classes.filter((_, i) => !layers[i].truth);
  if (said.some((c) => c.name !== said[0].name)) parts.push(text("span", "alert", "models differ"));
  line.replaceChildren(...parts);
}
