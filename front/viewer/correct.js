// Correcting a class map: a brush, or a press that gives a whole region another class. The map in the browser is changed at
// once; what differs from the model's own map goes to the page as runs of pixels when the reader keeps it.

const UNDO_STEPS = 40;

// What differs between two maps of one size: start, length, class id, and so on, in one list.
function runsBetween(before, after) {
  const runs = [];
  for (let i = 0; i < after.length; i++) {
    if (before[i] === after[i]) continue;
    const start = i;
    while (i + 1 < after.length && after[i + 1] === after[start] && before[i + 1] !== after[i + 1]) i++;
    runs.push(start, i + 1 - start, after[start]);
  }
  return runs;
}

function applyRuns(ids, runs) {
  for (let i = 0; i + 2 < runs.length; i += 3) ids.fill(runs[i + 2], runs[i], runs[i] + runs[i + 1]);
}

// The pixels connected to one by pixels of the same class, as spans [start, end) of the flat map.
function regionAt({ ids, width, height }, column, row) {
  const wanted = ids[row * width + column];
  const seen = new Uint8Array(ids.length);
  const spans = [];
  const stack = [row * width + column];
  while (stack.length) {
    const at = stack.pop();
    if (seen[at]) continue;
    const [left, right] = [at - (at % width), at - (at % width) + width];
    let [start, end] = [at, at + 1];
    while (start > left && ids[start - 1] === wanted) start--;
    while (end < right && ids[end] === wanted) end++;
    seen.fill(1, start, end);
    spans.push([start, end]);
    for (const shift of [-width, width]) {
      if (start + shift < 0 || start + shift >= width * height) continue;
      for (let i = start + shift, open = false; i < end + shift; i++) {
        const joins = ids[i] === wanted && !seen[i];
        if (joins && !open) stack.push(i);
        open = joins;
      }
    }
  }
  return spans;
}

// The spans of a disc, cut at the map's edges.
function discAt({ width, height }, x, y, radius) {
  const spans = [];
  for (let row = Math.ceil(y - radius); row <= y + radius; row++) {
    if (row < 0 || row >= height) continue;
    const half = Math.sqrt(Math.max(0, radius * radius - (row - y) ** 2));
    const start = Math.max(0, Math.round(x - half));
    const end = Math.min(width, Math.round(x + half) + 1);
    if (end > start) spans.push([row * width + start, row * width + end]);
  }
  return spans;
}

// The bar and what it does. `viewer` gives layers(), redraw(), recolour() and keep(layer, runs).
function createCorrection(box, toggle, viewer) {
  const find = (selector) => box.querySelector(selector);
  const chosen = { on: false, layer: 0, name: null, tool: "brush", size: 24 };
  let undo = []; // of each step a map's layer, and its spans as they were
  let last = null; // where the brush was, in pixels of the map

  const layers = () => viewer.layers().filter((layer) => layer.original);
  const layer = () => layers()[Math.min(chosen.layer, layers().length - 1)];
  const idOf = () => layer().classes.findIndex((c) => c.name === chosen.name);

  function paint(spans) {
    const { map, colours } = layer();
    const id = idOf();
    const step = undo.at(-1);
    const context = colours.getContext("2d");
    context.fillStyle = `rgb(${layer().classes[id].color.join()})`;
    for (const [start, end] of spans) {
      step.spans.push([start, map.ids.slice(start, end)]);
      map.ids.fill(id, start, end);
      context.fillRect(start % map.width, Math.floor(start / map.width), end - start, 1);
    }
  }

  function show() {
    box.hidden = !chosen.on;
    toggle.setAttribute("aria-pressed", String(chosen.on));
    find(".undo").disabled = !undo.length;
    for (const button of box.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === chosen.tool));
    }
    find(".size").hidden = chosen.tool !== "brush";
    const changed = chosen.on && layers().length ? runsBetween(layer().original, layer().map.ids).length : 0;
    find(".keep").disabled = !changed && !layer()?.kept;
    find(".reset").disabled = !changed;
  }

  toggle.onclick = () => {
    chosen.on = !chosen.on;
    show();
    viewer.redraw();
  };
  find(".of select").onchange = (event) => {
    chosen.layer = Number(event.target.value);
    build();
  };
  find(".as select").onchange = (event) => (chosen.name = event.target.value);
  find(".size input").oninput = (event) => (chosen.size = Number(event.target.value));
  for (const button of box.querySelectorAll("[data-tool]")) {
    button.onclick = () => {
      chosen.tool = button.dataset.tool;
      show();
    };
  }
  find(".undo").onclick = () => {
    const step = undo.pop();
    for (const [start, ids] of step.spans.reverse()) step.layer.map.ids.set(ids, start);
    viewer.recolour();
    show();
  };
  find(".reset").onclick = () => {
    undo = [];
    layer().map.ids.set(layer().original);
    viewer.recolour();
    show();
  };
  find(".keep").onclick = () => viewer.keep(layer(), runsBetween(layer().original, layer().map.ids));

  function build() {
    const all = layers();
    toggle.hidden = !all.length;
    if (!all.length) chosen.on = false;
    find(".of").hidden = all.length < 2;
    find(".of select").replaceChildren(...all.map((one, i) => new Option(one.title, String(i))));
    const classes = all.length ? layer().classes : [];
    if (!classes.some((c) => c.name === chosen.name)) chosen.name = classes[0]?.name ?? null;
    find(".as select").replaceChildren(...classes.map((c) => new Option(c.name)));
    find(".as select").value = chosen.name;
    find(".of select").value = String(chosen.layer);
    find(".size input").value = String(chosen.size);
    show();
  }

  return {
    // New maps have come: what was changed before lies in them, or is gone.
    update() {
      undo = [];
      last = null;
      chosen.layer = Math.max(0, Math.min(chosen.layer, layers().length - 1));
      build();
    },
    on: () => chosen.on,
    // A stroke of the brush begins, goes on or ends at a point of the picture; `perScreen` is pixels of the map for one
    // of the screen.
    stroke(phase, { x, y }, perScreen) {
      const { map } = layer();
      const [column, row] = [x * map.width - 0.5, y * map.height - 0.5];
      const inside = x >= 0 && x < 1 && y >= 0 && y < 1;
      if (phase === "begin") {
        undo = [...undo.slice(1 - UNDO_STEPS), { layer: layer(), spans: [] }];
        last = [column, row];
        if (chosen.tool === "region" && inside) {
          paint(regionAt(map, Math.round(column), Math.round(row)));
        }
      }
      if (chosen.tool === "brush" && phase !== "end" && last) {
        const radius = Math.max(0.5, (chosen.size / 2) * perScreen);
        const steps = Math.max(1, Math.ceil(Math.hypot(column - last[0], row - last[1]) / Math.max(1, radius / 2)));
        for (let i = 1; i <= steps; i++) {
          const [atX, atY] = [column, row].map((to, axis) => last[axis] + ((to - last[axis]) * i) / steps);
          paint(discAt(map, atX, atY, radius));
        }
        last = [column, row];
        viewer.redraw();
      }
      if (phase === "end" || chosen.tool === "region") {
        viewer.recolour();
        show();
      }
    },
  };
}
