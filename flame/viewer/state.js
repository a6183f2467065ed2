// What is shown, and the link that shows it again.

const VIEWS = ["calls", "callers", "sandwich", "time", "table"];

/** How the page begins. */
function initialState(head) {
  const isTwo = head.sides.length === 2;
  return {
    view: "calls", node: 0, path: [], moment: 0, frame: 0, search: "", caseful: false, measure: head.measure, mode: modesOf(head.sides)[0],
    width: isTwo ? "union" : "after", colour: isTwo ? "difference" : "package", order: "name", orientation: "icicle",
    sort: isTwo ? "self-change" : "self", descending: true,
  };
}

/** How parts of the state are written into the link, and read from it; what cannot be is left out. */
const LINK = {
  view: [String, (text) => (VIEWS.includes(text) ? text : undefined)],
  node: [String, (text) => below(text, page.tree.count)],
  path: [(path) => path.join("."), (text) => text.split(".").map((part) => below(part, page.frames)).filter((frame) => frame !== undefined)],
  moment: [String, (text) => below(text, TIME_NODES_MAX)],
  frame: [String, (text) => below(text, page.frames)],
  search: [String, String],
  caseful: [(value) => (value ? "1" : ""), (text) => text === "1"],
  measure: [String, (text) => below(text, page.profile.head.measures.length)],
  mode: [String, (text) => oneOf(text, modesOf(page.profile.head.sides))],
  width: [String, (text) => oneOf(text, ["union", "before", "after"])],
  colour: [String, (text) => oneOf(text, ["difference", "package", "self"])],
  order: [String, (text) => oneOf(text, ["name", "value"])],
  orientation: [String, (text) => oneOf(text, ["flame", "icicle"])],
  sort: [String, (text) => oneOf(text, ["name", "self", "total", "self-before", "self-after", "self-change", "total-before", "total-after", "total-change"])],
  descending: [(value) => (value ? "1" : "0"), (text) => text === "1"],
};

const oneOf = (text, known) => (known.includes(text) ? text : undefined);

function below(text, end) {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : end;
  return number < end ? number : undefined;
}

/** The state as the part of the address after `#`: what differs from how the page begins. */
function linkOf(state) {
  const initial = initialState(page.profile.head);
  const link = new URLSearchParams();
  for (const [name, [write]] of Object.entries(LINK)) {
    const value = write(state[name]);
    if (value !== write(initial[name]) && value !== "") link.set(name, value);
  }
  return `#${link}`;
}

/** The state that the address names. */
function stateOf(hash) {
  const state = initialState(page.profile.head);
  for (const [name, text] of new URLSearchParams(hash.slice(1))) {
    const value = Object.hasOwn(LINK, name) ? LINK[name][1](text) : undefined;
    if (value !== undefined) state[name] = value;
  }
  if ((state.view === "sandwich" && state.frame === 0) || (state.view === "time" && !page.profile.time)) state.view = "calls";
  return state;
}

/** Changes parts of the state, the address and what is shown. What one would go back from becomes a step of the history. */
function setState(changes) {
  const before = page.state;
  page.state = { ...before, ...changes };
  const link = linkOf(page.state);
  const isStep = ["view", "node", "path", "moment", "frame"].some((name) => name in changes);
  if (link !== shownLink()) {
    if (isStep) location.hash = link; else location.replace(link);
  }
  show(before);
}

const shownLink = () => location.hash || "#";

/** Someone went back, or changed the address. */
function followLink() {
  if (shownLink() === linkOf(page.state)) return;
  const before = page.state;
  page.state = stateOf(location.hash);
  ids.search.value = page.state.search;
  show(before);
}

function zoom(node) {
  const { tree } = page.parts[0];
  page.selected = { part: 0, node };
  const { view } = page.state;
  if (view === "calls") setState({ node }); else if (view === "time") setState({ moment: node }); else if (view === "callers") setState({ path: pathOf(tree, node) });
}

/** To the nearest ancestor that shows more. */
function zoomOut() {
  const { tree, from } = page.parts[0];
  if (from === 0) return false;
  let node = tree.parent[from];
  while (node > 0 && tree.width[node] === tree.width[from]) node = tree.parent[node];
  zoom(node);
  return true;
}

function showAround(frame) {
  if (frame > 0) setState({ view: "sandwich", frame });
}
