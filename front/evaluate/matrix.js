// The table: a button a cell. What was pressed goes to the page, and the pictures come into view.

export default function render({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".matrix");
  if (root.dataset.id === data.id) return;
  root.dataset.id = data.id;
  const cell = (name, text) => Object.assign(document.createElement(name), { textContent: text });
  root.querySelector("caption").textContent = `Rows: the label. Columns: what ${data.model} sees.`;
  const head = document.createElement("tr");
  head.append(cell("td", ""), ...data.names.map((name) => {
    const title = document.createElement("th");
    title.scope = "col";
    title.append(cell("span", name));
    return title;
  }));
  root.querySelector("thead").replaceChildren(head);
  root.querySelector("tbody").replaceChildren(...data.shares.map((row, truth) => {
    const line = document.createElement("tr");
    const title = cell("th", data.names[truth]);
    title.scope = "row";
    line.append(title, ...row.map((share, seen) => {
      const place = document.createElement("td");
      const button = cell("button", share === null || share < 0.5 ? "" : share.toFixed(0));
      button.type = "button";
      button.disabled = !share;
      button.style.setProperty("--share", String((share ?? 0) / 100));
      const told = `${data.names[truth]} seen as ${data.names[seen]}: ${(share ?? 0).toFixed(1)} %`;
      button.title = told;
      button.setAttribute("aria-label", `${told}. Show its pictures.`);
      button.addEventListener("click", () => {
        setTriggerValue("cell", [truth, seen]);
        document.querySelector(".st-key-pictures")?.scrollIntoView({ behavior: "smooth", block: "start" });
      });
      place.append(button);
      return place;
    }));
    return line;
  }));
}
