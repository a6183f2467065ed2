// The keyboard.

const KEYS = {
  "/": () => focusSearch(),
  "?": () => ids.keys.showModal(),
  0: () => zoom(0),
  c: () => setState({ view: "calls" }),
  r: () => setState({ view: "callers" }),
  t: () => setState({ view: "table" }),
  o: () => { if (page.profile.time) setState({ view: "time" }); },
  s: () => aroundOne(),
  i: () => turn(),
  d: () => switchTheme(),
  n: () => goToMatch(1),
  N: () => goToMatch(-1),
  Escape: () => leave(),
  Enter: () => enter(),
  ArrowLeft: () => walk(0, -1),
  ArrowRight: () => walk(0, 1),
  ArrowUp: () => walk(-1, 0),
  ArrowDown: () => walk(1, 0),
};

/** Keys that belong to what has the focus, not to the graph. */
const isTaken = (event) => ids.keys.open || (event.target.matches("input, select") && event.key !== "Escape")
  || (event.target.matches("button") && (event.key === "Enter" || event.key === " "));

function onKey(event) {
  if ((event.ctrlKey || event.metaKey) && event.key === "f") {
    event.preventDefault();
    focusSearch();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
  if (event.target.matches("[role=tab]") && walkTabs(event)) return;
  const act = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
  if (!act) return;
  event.preventDefault();
  act();
}

/** Arrows on a tab go to its neighbours. */
function walkTabs(event) {
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!way) return false;
  event.preventDefault();
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const next = tabs[(tabs.indexOf(event.target) + way + tabs.length) % tabs.length];
  openTab(next.dataset.view);
  next.focus();
  return true;
}

function focusSearch() {
  ids.search.focus();
  ids.search.select();
}

/** Out of the search, else out of the zoom, else out of the search's matches. */
function leave() {
  if (document.activeElement === ids.search) {
    mainPart().focus();
    return;
  }
  if (page.state.view === "sandwich") setState({ view: "calls" });
  else if (page.state.view === "table" || !zoomOut()) clearSearch();
}

function clearSearch() {
  ids.search.value = "";
  if (page.state.search !== "") setState({ search: "" });
}

function enter() {
  if (page.state.view === "table") {
    const frame = tableFrames()[page.tableRow ?? 0];
    if (frame !== undefined) showAround(frame);
  } else if (page.selected) act(page.selected);
}

/** What a click on a box does. */
function act(box) {
  if (page.state.view === "sandwich") showAround(page.parts[box.part].tree.frame[box.node]);
  else zoom(box.node);
}

/** From the selected box to a neighbour: rows down or up as they are seen, or within the row. */
function walk(down, right) {
  if (page.state.view === "table") {
    walkTable(down);
    return;
  }
  const at = page.selected && boxOf(page.selected);
  const next = !at ? { part: 0, node: page.parts[0].from } : right !== 0 ? beside(at, right) : overOrUnder(at, isFlame() ? -down : down);
  if (next) select(next);
}

/** The next box of the row. */
function beside({ row, box }, right) {
  const { part } = page.selected;
  const { nodes } = page.parts[part].rows[row];
  let next = box + right;
  while (nodes[next] < 0) next += right;
  return nodes[next] === undefined ? null : { part, node: nodes[next] };
}

/** Towards what is called (1) or towards the caller (-1). */
function overOrUnder({ row }, way) {
  const { part, node } = page.selected;
  const shown = page.parts[part];
  if (node === 0 && page.parts.length > 1) return widestChild(way > 0 ? 0 : 1, 0, 1);
  if (way * shown.direction > 0) return widestChild(part, node, row + 1);
  const parent = shown.tree.parent[node];
  return parent < 0 ? null : { part: parent === 0 ? 0 : part, node: parent };
}

function widestChild(part, node, row) {
  const { rows, tree } = page.parts[part];
  const children = (rows[row]?.nodes ?? []).filter((child) => child >= 0 && tree.parent[child] === node);
  if (children.length === 0) return null;
  return { part, node: children.reduce((widest, child) => (tree.width[child] > tree.width[widest] ? child : widest)) };
}
