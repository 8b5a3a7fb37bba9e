// Class shares over time as stacked areas, with a cursor at the films' time and the shares there in the legend.

const SVG = "http://www.w3.org/2000/svg";

function css(colour) {
  return `rgb(${colour.join(" ")})`;
}

// Index of the last point at or before a time.
function indexAt(seconds, time) {
  let low = 0;
  let high = seconds.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (seconds[middle] <= time + 1e-6) low = middle;
    else high = middle - 1;
  }
  return low;
}

// One path a class from its lower to its upper edge; x is time in thousandths of the clip, y share in thousandths.
function stackedPaths(area, duration) {
  const times = area.seconds;
  const x = (i) => ((1000 * times[i]) / duration).toFixed(1);
  const floor = new Float64Array(times.length);
  return area.values.map((values, c) => {
    const top = values.map((value, i) => floor[i] + value);
    // The last frame is seen until the end of the clip.
    const upper = top.map((y, i) => `${x(i)} ${(1000 - 1000 * y).toFixed(1)}`);
    const lower = Array.from(floor, (y, i) => `${x(i)} ${(1000 - 1000 * y).toFixed(1)}`);
    const last = times.length - 1;
    upper.push(`1000 ${(1000 - 1000 * top[last]).toFixed(1)}`);
    lower.push(`1000 ${(1000 - 1000 * floor[last]).toFixed(1)}`);
    top.forEach((y, i) => (floor[i] = y));
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", `M${upper.join("L")}L${lower.reverse().join("L")}Z`);
    path.setAttribute("fill", css(area.colours[c]));
    return path;
  });
}

function buildArea(area, duration, seek) {
  const figure = document.createElement("figure");
  const plot = text("div", "plot", "");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 1000 1000");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", area.alt);
  svg.append(...stackedPaths(area, duration));
  const cursor = text("div", "cursor", "");
  plot.append(svg, cursor);
  const go = (event) => {
    const box = plot.getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * duration);
  };
  plot.addEventListener("pointerdown", (event) => {
    plot.setPointerCapture(event.pointerId);
    go(event);
  });
  plot.addEventListener("pointermove", (event) => plot.hasPointerCapture(event.pointerId) && go(event));
  const legend = text("ul", "legend", "");
  const readings = area.names.map((name, c) => {
    const item = document.createElement("li");
    const swatch = document.createElement("i");
    swatch.style.background = css(area.colours[c]);
    const value = text("b", "", "");
    item.append(swatch, document.createTextNode(name), value);
    legend.append(item);
    return value;
  });
  figure.append(text("figcaption", "", `Share of the picture, ${area.title}`), plot, legend);
  const show = (time) => {
    cursor.style.left = `${Math.min(100, (100 * time) / duration)}%`;
    const at = indexAt(area.seconds, time);
    readings.forEach((value, c) => (value.textContent = `${(100 * area.values[c][at]).toFixed(1)} %`));
  };
  show(0);
  return { figure, show };
}
