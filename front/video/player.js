// The player: ties films, controls, jumps and areas together. What the reader set stays over reruns of the page.

export default function render({ parentElement, data }) {
  const root = parentElement.querySelector(".player");
  const player = (root.instance ??= createPlayer(root));
  player.update(data);
  return () => player.dispose();
}

function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const rest = tenths % 600;
  return `${Math.floor(tenths / 600)}:${String(Math.floor(rest / 10)).padStart(2, "0")}.${rest % 10}`;
}

function createPlayer(root) {
  const find = (selector) => root.querySelector(selector);
  const seekBar = find(".seek");
  let data = null;
  let films = null;
  let areas = [];
  let length = 0; // of the areas that are drawn
  let frame = 0;

  function update(next) {
    if (data?.id === next.id) return;
    const from = next.goesOn && films ? films.time() : 0;
    films?.dispose();
    data = next;
    length = 0;
    root.dataset.ready = "false";
    films = createFilms(next.films, show);
    if (from > 0) films.goOnFrom(from);
    find(".films").style.setProperty("--columns", String(next.films.length));
    find(".films").replaceChildren(...films.figures);
    buildJumps();
    drawAreas();
    show();
  }

  // Of the film, whose end is later than its last frame's time; until it is known, of the shares.
  function duration() {
    return films.duration() || Math.max(0.04, ...data.areas.map((area) => area.seconds.at(-1)));
  }

  function drawAreas() {
    if (Math.abs(duration() - length) < 1e-3) return;
    length = duration();
    areas = data.areas.map((area) => buildArea(area, length, films.seek));
    find(".areas").style.setProperty("--columns", String(Math.min(2, areas.length)));
    find(".areas").replaceChildren(...areas.map((area) => area.figure));
  }

  function buildJumps() {
    const box = find(".jumps");
    box.hidden = data.jumps.length === 0;
    const buttons = data.jumps.map((jump) => {
      const button = text("button", "", `${clock(jump.seconds)} · ${jump.text}`);
      button.type = "button";
      button.addEventListener("click", () => {
        films.pause();
        films.seek(jump.seconds + 0.001); // times are rounded on their way: a little later is the same frame
      });
      return button;
    });
    box.replaceChildren(text("span", "", "The shares of the models differ most at"), ...buttons);
  }

  function show() {
    if (!films) return;
    drawAreas();
    const time = films.time();
    const playing = films.playing();
    const button = find(".play");
    button.dataset.state = playing ? "playing" : "paused";
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
    if (playing || !seekBar.matches(":active")) {
      seekBar.value = String(Math.round((1000 * time) / length));
    }
    const told = `${clock(time)} / ${clock(length)}`;
    find(".time").textContent = told;
    seekBar.setAttribute("aria-valuetext", told);
    areas.forEach((area) => area.show(time));
    root.dataset.time = time.toFixed(3);
    root.dataset.ready = String(films.duration() > 0);
    if (playing && !frame) frame = requestAnimationFrame(tick);
  }

  function tick() {
    frame = 0;
    films.keepTogether();
    show();
  }

  // To the frame before or after, as the shares tell the frames' times.
  function step(by) {
    films.pause();
    const times = data.areas[0]?.seconds ?? [];
    const goal = times[indexAt(times, films.time()) + by];
    if (goal !== undefined) films.seek(goal + 0.001);
  }

  find(".play").addEventListener("click", () => films.toggle());
  find(".back").addEventListener("click", () => step(-1));
  find(".next").addEventListener("click", () => step(1));
  seekBar.addEventListener("input", () => films.seek((Number(seekBar.value) / 1000) * length));
  find(".pace select").addEventListener("change", (event) => films.pace(Number(event.target.value)));
  root.addEventListener("keydown", (event) => {
    if (event.key === "," || event.key === ".") step(event.key === "," ? -1 : 1);
  });

  return {
    update,
    dispose() {
      cancelAnimationFrame(frame);
      films?.dispose();
      root.instance = null;
    },
  };
}
