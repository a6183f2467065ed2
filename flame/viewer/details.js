// What is told of a box: beside the pointer, below the graph, and to screen readers.

/** An element with properties and children. Texts are texts: nothing is parsed. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value; else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const nameOf = (frame) => page.strings[page.profile.head.frames.name[frame]];

/** File, line, package and kind, as far as they are known; of the root what one can do. */
function whereOf(frame) {
  if (frame === 0) return "Point at a box for its figures, click to zoom, ? for keys";
  const { file, line, module, kind } = page.profile.head.frames;
  const text = (column) => page.strings[column[frame]];
  const place = text(file) + (line[frame] > 0 ? `:${line[frame]}` : "");
  return [place, text(module), text(kind)].filter((part) => part !== "").join(" · ");
}

function headOf(frame) {
  return [make("div", { className: "name", textContent: nameOf(frame) }), make("div", { className: "where", textContent: whereOf(frame) })];
}

/** Rows of figures of a box: a list of cells each, the first row being the head. */
function figuresOf(part, node) {
  const { tree, from } = part;
  const sums = tree.sums(node);
  const isMiddle = page.state.view === "sandwich" && node === 0;
  const own = isMiddle ? page.sums.map((side) => side.self[tree.frame[node]]) : tree.own(node);
  return isDifference() ? differenceRows(sums, own) : plainRows(part, node, sums[0], own, tree.sums(from)[0]);
}

function plainRows(part, node, value, own, zoomed) {
  const { tree, from } = part;
  const { all = page.weighed.totals[0][0], unit = page.weighed.unit } = tree;
  const parent = tree.parent[node];
  const rows = [["", "value", "of all"], ["total", figure(value, unit), percent(value, all)]];
  if (own) rows.push(["own", figure(own[0], unit), percent(own[0], all)]);
  if (page.state.view === "time") rows.push(["begins at", figure(tree.x[node], unit), percent(tree.x[node], all)]);
  if (parent < 0) return rows;
  rows[0].push("of its parent");
  rows[1].push(percent(value, tree.sums(parent)[0]));
  if (from > 0 && tree.depth[node] > tree.depth[from]) {
    rows[0].push("of what is shown");
    rows[1].push(percent(value, zoomed));
  }
  return rows;
}

function differenceRows(sums, own) {
  const rows = [["", "before", "after", "change"], ["total", ...differenceCells(sums)]];
  if (own) rows.push(["own", ...differenceCells(own)]);
  rows.push(["share", ...sums.map((sum, side) => percent(sum, page.weighed.totals[side][0])), points(sums)]);
  return rows;
}

/** Before, after, and what became of it, in the way of comparing that is chosen. */
function differenceCells([before, after]) {
  const told = change(before * page.weighed.scale, after);
  const noisy = withinNoise(page.weighed.noise, before, after) && told !== "same" && told !== "–";
  return [comparable(before, 0), comparable(after, 1), noisy ? `${told}, within noise` : told];
}

/** A value as it is compared: of a share mode its share, per request or second so much of it. */
function comparable(value, side) {
  const { mode } = page.state;
  if (mode === "share") return percent(value, page.weighed.totals[side][0]);
  const per = { request: " / request", second: " / s" }[mode] ?? "";
  return figure(value * page.weighed.factors[side], page.weighed.unit) + per;
}

/** How far a share moved, in points of a hundred. */
function points(sums) {
  const [before, after] = sums.map((sum, side) => (page.weighed.totals[side][0] > 0 ? (100 * sum) / page.weighed.totals[side][0] : 0));
  const moved = after - before;
  return `${moved < 0 ? "−" : "+"}${Math.abs(moved).toFixed(2)} points`;
}

function figuresTable(rows) {
  const cells = (row, tag) => row.map((text, i) => make(i === 0 ? "th" : tag, { textContent: text, scope: i === 0 ? "row" : "col" }));
  const [head, ...body] = rows;
  const labels = make("tr", {}, ...head.map((text) => (text ? make("th", { textContent: text, scope: "col" }) : make("td"))));
  return make("table", {}, make("thead", {}, labels), make("tbody", {}, ...body.map((row) => make("tr", {}, ...cells(row, "td")))));
}

/** Shows the selected box below the graph, and tells it to screen readers. */
function showDetails() {
  const selected = page.selected ?? { part: 0, node: 0 };
  const part = page.parts[selected.part];
  const frame = part.tree.frame[selected.node];
  const around = make("button", { type: "button", textContent: `One ${words().one}`, title: "Who calls it and what it calls (s)" });
  around.addEventListener("click", () => showAround(frame));
  ids.details.replaceChildren(make("div", { className: "what" }, ...headOf(frame)), figuresTable(figuresOf(part, selected.node)), ...(frame > 0 && page.state.view !== "sandwich" ? [around] : []));
  showItem(part, selected, frame);
}

/** The selected box as an item of a tree. */
function showItem(part, { node }, frame) {
  const rows = figuresOf(part, node);
  const told = rows[1].slice(1).map((text, i) => `${rows[0][i + 1]} ${text}`).join(", ");
  const { item } = ids;
  const siblings = siblingsOf(part.tree, node);
  item.setAttribute("aria-level", part.tree.depth[node] + 1);
  item.setAttribute("aria-posinset", siblings.indexOf(node) + 1);
  item.setAttribute("aria-setsize", siblings.length);
  item.setAttribute("aria-selected", "true");
  item.textContent = `${nameOf(frame)}: ${told}`;
}

function siblingsOf(tree, node) {
  const parent = tree.parent[node];
  if (parent < 0) return [node];
  const siblings = [];
  for (let child = tree.open(parent); child >= 0; child = tree.next[child]) siblings.push(child);
  return siblings;
}

/** Shows the box under the pointer beside it. */
function showTip(box, x, y) {
  const { tip } = ids;
  tip.hidden = box === null;
  if (box === null) return;
  const part = page.parts[box.part];
  tip.replaceChildren(...headOf(part.tree.frame[box.node]), figuresTable(figuresOf(part, box.node)));
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, window.innerWidth - width - 8))}px`;
  tip.style.top = `${y + 18 + height > window.innerHeight ? Math.max(4, y - height - 12) : y + 18}px`;
}

/** The way from the root to where the graph is zoomed to. */
function showCrumbs() {
  const { state } = page;
  const crumbs = [];
  if (state.view === "sandwich") {
    const [callers, calls] = isFlame() ? ["below", "above"] : ["above", "below"];
    crumbs.push(crumb(nameOf(state.frame), null), make("span", { textContent: `callers ${callers}, what it calls ${calls}; click a box to put it into the middle` }));
  }
  if (state.view !== "sandwich" && state.view !== "table") {
    const { tree, from } = page.parts[0];
    const nodes = [];
    for (let node = from; node >= 0; node = tree.parent[node]) nodes.unshift(node);
    // Of deep stacks the ends are shown; the graph has the rest.
    const kept = nodes.length > CRUMBS ? [nodes[0], null, ...nodes.slice(1 - CRUMBS)] : nodes;
    for (const node of kept) crumbs.push(node === null ? make("i", { textContent: "…" }) : crumb(nameOf(tree.frame[node]), node));
  }
  ids.crumbs.replaceChildren(...crumbs.flatMap((crumb, i) => (i > 0 && crumb.tagName === "BUTTON" ? [make("i", { textContent: "›" }), crumb] : [crumb])));
  [...ids.crumbs.querySelectorAll("button")].at(-1)?.setAttribute("aria-current", "location");
}

/** Steps of the way that are shown. */
const CRUMBS = 9;

function crumb(name, node) {
  const button = make("button", { type: "button", textContent: name, title: name });
  if (node !== null) button.addEventListener("click", () => zoom(node));
  return button;
}
