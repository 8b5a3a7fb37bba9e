// The photos in a row: pressed, or stepped through with the arrow keys, or with n and p, which work in the viewer too.

export default function render({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".strip");
  const strip = (root.instance ??= createStrip(root));
  strip.update(data, setTriggerValue);
  return () => strip.dispose();
}

// Where a key means a letter, or moves something else.
const TYPES = "input, textarea, select, [contenteditable]:not([contenteditable=false])";
const MOVES = "canvas, [role=slider], [role=radio], [role=tab], [role=option], [role=listbox], [role=combobox], [role=menu], [role=grid], iframe, video, .js-plotly-plot";

// 1 for the next photo, -1 for the one before, 0 for neither.
function stepOf(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return 0;
  const target = event.composedPath()[0];
  if (!(target instanceof Element) || target.closest(TYPES)) return 0;
  if (event.key === "n") return 1;
  if (event.key === "p") return -1;
  if (target.closest(MOVES)) return 0;
  return { ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0;
}

function createStrip(root) {
  const row = root.querySelector(".row");
  const [before, after] = [root.querySelector(".before"), root.querySelector(".after")];
  let data = { photos: [] };
  let selected = null; // what was pressed last, which the page may not have taken up yet
  let shown = "";
  let tell = () => {};

  const place = () => data.photos.findIndex((photo) => photo.id === selected);
  function choose(id) {
    if (!id || id === selected) return;
    selected = id;
    mark();
    tell("chosen", id);
  }
  const step = (by) => choose(data.photos[place() + by]?.id);
  const onKey = (event) => {
    const by = stepOf(event);
    if (!by) return;
    event.preventDefault();
    step(by);
  };
  before.onclick = () => step(-1);
  after.onclick = () => step(1);
  document.addEventListener("keydown", onKey);

  function mark() {
    for (const button of row.querySelectorAll("button")) {
      const current = button.dataset.id === selected;
      button.setAttribute("aria-current", String(current));
      if (current) reveal(button);
    }
    before.disabled = place() <= 0;
    after.disabled = place() >= data.photos.length - 1;
  }

  // Scrolls the row alone, never the page.
  function reveal(button) {
    const left = button.parentElement.offsetLeft - row.offsetLeft;
    const right = left + button.offsetWidth;
    if (left < row.scrollLeft) row.scrollLeft = left - 8;
    else if (right > row.scrollLeft + row.clientWidth) row.scrollLeft = right - row.clientWidth + 8;
  }

  function build() {
    row.replaceChildren(
      ...data.photos.map((photo, i) => {
        const [item, button, picture] = ["li", "button", "img"].map((tag) => document.createElement(tag));
        button.type = "button";
        button.dataset.id = photo.id;
        button.dataset.refused = String(photo.refused);
        button.title = photo.name;
        button.setAttribute("aria-label", `${photo.name}, photo ${i + 1} of ${data.photos.length}`);
        button.onclick = () => choose(photo.id);
        picture.alt = "";
        if (photo.jpeg) picture.src = `data:image/jpeg;base64,${photo.jpeg}`;
        button.append(picture);
        item.append(button);
        return item;
      }),
    );
  }

  return {
    update(next, setTriggerValue) {
      tell = setTriggerValue;
      data = next;
      selected = next.selected;
      if (shown !== next.version) build();
      shown = next.version;
      mark();
    },
    dispose() {
      document.removeEventListener("keydown", onKey);
      root.instance = null;
    },
  };
}
