// The table of functions. Only rows in sight are in the page; assistive technology learns of the others by their count.

const TABLE_ROW = 28;

/** Columns: what is sorted by, and the cells. */
function columnsOfTable() {
  const name = { id: "name", title: words().one[0].toUpperCase() + words().one.slice(1), key: (frame) => nameOf(frame).toLowerCase() };
  const kinds = [["self", "Own"], ["total", "Total"]];
  if (!isDifference()) {
    return [name, ...kinds.map(([id, title]) => ({ id, title, key: (frame) => page.sums[0][id][frame], cell: (frame) => valueCell(id, frame) }))];
  }
  return [name, ...kinds.flatMap(([id, title]) => differenceColumns(id, title))];
}

function valueCell(id, frame) {
  const value = page.sums[0][id][frame];
  const share = make("span", { className: "share", textContent: percent(value, page.weighed.totals[0][0]) });
  return [figure(value, page.weighed.unit), share];
}

function differenceColumns(id, title) {
  const [before, after] = page.sums.map((sums) => sums[id]);
  const { scale, noise } = page.weighed;
  const moved = (frame) => after[frame] - before[frame] * scale;
  const told = (frame) => {
    const noisy = withinNoise(noise, before[frame], after[frame]);
    const word = noisy ? "noise" : moved(frame) > 0 ? "up" : "down";
    return [make("span", { className: word, textContent: change(before[frame] * scale, after[frame]) })];
  };
  return [
    { id: `${id}-before`, title: `${title} before`, key: (frame) => before[frame], cell: (frame) => [comparable(before[frame], 0)] },
    { id: `${id}-after`, title: `${title} after`, key: (frame) => after[frame], cell: (frame) => [comparable(after[frame], 1)] },
    { id: `${id}-change`, title: `${title} change`, key: (frame) => Math.abs(moved(frame)), cell: told },
  ];
}

/** Whether a frame is a function, and not a thread or process. */
const isFunction = (frame) => page.strings[page.profile.head.frames.kind[frame]] !== "thread";

/** Functions with a value on any side. */
function occurringFrames() {
  const frames = [];
  for (let frame = 1; frame < page.frames; frame++) {
    if (isFunction(frame) && page.sums.some((sums) => sums.total[frame] > 0)) frames.push(frame);
  }
  return frames;
}

/** Functions that occur and match, sorted; kept until something changes. */
function tableFrames() {
  if (page.matchTables) return page.matchTables;
  const { sort, descending } = page.state;
  const columns = columnsOfTable();
  const { key } = columns.find((column) => column.id === sort) ?? columns.find((column) => column.id.startsWith("self"));
  const keys = new Map();
  for (const frame of occurringFrames()) if (!page.matching || page.matching[frame]) keys.set(frame, key(frame));
  const order = (a, b) => (keys.get(a) < keys.get(b) ? -1 : keys.get(a) > keys.get(b) ? 1 : 0);
  page.matchTables = [...keys.keys()].sort((a, b) => (descending ? order(b, a) : order(a, b)) || a - b);
  return page.matchTables;
}

function showTable() {
  const { functions } = ids;
  const table = functions.querySelector("table");
  const columns = columnsOfTable();
  table.setAttribute("aria-colcount", columns.length);
  table.style.setProperty("--columns", columns.length);
  table.setAttribute("aria-rowcount", tableFrames().length + 1);
  table.tHead.replaceChildren(make("tr", { "aria-rowindex": 1 }, ...columns.map(columnHead)));
  showRows();
}

function columnHead({ id, title }) {
  const { sort, descending } = page.state;
  const button = make("button", { type: "button", textContent: title });
  button.addEventListener("click", () => sortBy(id));
  const sorted = id !== sort ? "none" : descending ? "descending" : "ascending";
  return make("th", { scope: "col", "aria-sort": sorted }, button);
}

function sortBy(id) {
  const { sort, descending } = page.state;
  setState({ sort: id, descending: sort === id ? !descending : id !== "name" });
}

/** Puts the rows in sight into the page, with gaps for those above and below. */
function showRows() {
  const { functions } = ids;
  const frames = tableFrames();
  const columns = columnsOfTable();
  const first = Math.max(0, Math.floor(functions.scrollTop / TABLE_ROW) - 5);
  const last = Math.min(frames.length, first + Math.ceil(functions.clientHeight / TABLE_ROW) + 12);
  const gap = (rows) => make("tr", { className: "gap", "aria-hidden": "true" }, make("td", { colSpan: columns.length, height: rows * TABLE_ROW }));
  const rows = frames.slice(first, last).map((frame, i) => functionRow(frame, first + i, columns));
  functions.querySelector("tbody").replaceChildren(gap(first), ...rows, gap(frames.length - last));
}

function functionRow(frame, index, columns) {
  const [, ...values] = columns;
  const name = make("td", { title: `${nameOf(frame)} ${whereOf(frame)}` }, nameOf(frame), make("span", { className: "where", textContent: whereOf(frame) }));
  const row = make("tr", { className: "row", "aria-rowindex": index + 2, "aria-selected": String(index === page.tableRow) }, name, ...values.map(({ cell }) => make("td", {}, ...cell(frame))));
  // What screen readers are told to be at.
  if (index === page.tableRow) row.id = "row";
  row.addEventListener("click", () => showAround(frame));
  return row;
}

/** Moves the selected row of the table. */
function walkTable(step) {
  const count = tableFrames().length;
  if (count === 0) return;
  page.tableRow = Math.max(0, Math.min(count - 1, (page.tableRow ?? -1) + step));
  const { functions } = ids;
  const top = page.tableRow * TABLE_ROW;
  if (top < functions.scrollTop) functions.scrollTop = top;
  if (top + 3 * TABLE_ROW > functions.scrollTop + functions.clientHeight) functions.scrollTop = top + 3 * TABLE_ROW - functions.clientHeight;
  showRows();
}
