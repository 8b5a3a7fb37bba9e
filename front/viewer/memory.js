// What is kept of a viewer's settings: by the browser for as long as its tab is open, and in the address of a page that
// is shared, so that a link shows the same to somebody else.

const LINK_PAUSE_MS = 600; // a slider that is dragged changes the address once, when it stands

// What is kept of the settings of all viewers of one kind (`memory`): the view that was pressed, the opacity, the
// threshold of the unsure, and the classes shown alone.
function recall(memory) {
  try {
    return JSON.parse(sessionStorage.getItem(`streetseg-${memory}`)) ?? {};
  } catch {
    return {}; // a browser that keeps nothing, or something else under this name
  }
}

function remember(memory, settings) {
  try {
    sessionStorage.setItem(`streetseg-${memory}`, JSON.stringify({ ...recall(memory), ...settings }));
  } catch {
    // a browser that keeps nothing: the settings last as long as the page
  }
}

// Tells the page the settings that belong into the address, where it has one: `read` gives view, opacity and classes.
function createLink(read) {
  let shared = false;
  let tell = () => {};
  let told = "";
  let timer = 0;
  const now = () => {
    const settings = read();
    const text = JSON.stringify(settings);
    if (!shared || !settings.view || text === told) return;
    told = text;
    tell("settings", settings);
  };
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(now, LINK_PAUSE_MS);
  };
  return {
    update(next, setStateValue) {
      tell = setStateValue;
      const begins = Boolean(next?.shared) && !shared;
      shared = Boolean(next?.shared);
      if (begins) changed();
    },
    changed,
    end: () => clearTimeout(timer),
  };
}
