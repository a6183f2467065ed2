// The page: what it holds, what happens when something changes, and how it starts.

/** All that is known of the profile and of what is shown. */
const page = {
  profile: null, tree: null, strings: [], frames: 0, state: null, weighed: null, sums: [], trees: {}, timeTree: null, parts: [], colours: null,
  matching: null, searchProblem: "", searchNote: "", searched: null, searchTimer: 0, matchTables: null, selected: null, hovered: null, tableRow: null, size: { width: 0, height: 0 }, textWidths: [],
};

/** Elements by their id. */
const ids = new Proxy({}, { get: (known, id) => (known[id] ??= document.getElementById(id)) });

const isDifference = () => page.profile.head.sides.length === 2;
const mainPart = () => (page.state.view === "table" ? ids.functions.querySelector("table") : ids.graph);
const changed = (before, ...names) => !before || names.some((name) => before[name] !== page.state[name]);

/** Brings everything to the state; `before` is the one that is shown now, if any. */
function show(before) {
  const paths = page.state.view === "callers" && page.selected && changed(before, "measure", "mode", "width", "order") ? pathOf(page.parts[0].tree, page.selected.node) : null;
  if (changed(before, "measure", "mode", "width")) reweigh();
  if (changed(before, "measure", "mode", "width", "order")) page.trees = {};
  if (changed(before, "measure", "mode", "width", "colour")) recolour();
  if (changed(before, "view", "frame")) page.selected = page.state.view === "calls" && page.state.node > 0 ? { part: 0, node: page.state.node } : null;
  if (changed(before, "sort", "descending", "measure", "mode", "width")) page.matchTables = null;
  if (changed(before, "measure")) showAbout();
  page.hovered = null;
  showControls();
  if (page.state.view === "table") showTable(); else showGraph(before, paths);
  showCrumbs();
  applySearch(before);
}

function showGraph(before, path) {
  relay();
  if (path) page.selected = { part: 0, node: follow(page.parts[0].tree, path) };
  if (!page.selected && page.state.view === "sandwich") page.selected = { part: 0, node: 0 };
  const { from } = page.parts[0];
  if (!page.selected && from > 0) page.selected = { part: 0, node: from };
  if (from > 0 && changed(before, "view", "orientation", "node", "path", "moment")) scrollTo({ part: 0, node: from });
  else if (changed(before, "view", "frame", "orientation")) scrollToStart();
  showDetails();
}

function reweigh() {
  page.weighed = weigh(page.tree, page.profile, page.state);
  page.sums = page.weighed.own.map((own, side) => functionSums(page.tree, own, page.weighed.totals[side], page.frames));
}

function recolour() {
  const self = page.sums.at(-1).self.map((value, frame) => Math.max(...page.sums.map((sums) => sums.self[frame]), value));
  const packages = packageColours(page.profile.head.frames, self);
  page.colours = page.state.colour === "self" ? { of: selfColours(self) } : packages;
}

function select(box) {
  page.selected = box;
  // Whoever walks by keys does not mean what lies under the pointer.
  page.hovered = null;
  scrollTo(box);
  showDetails();
  paint();
}

function turn() {
  setState({ orientation: isFlame() ? "icicle" : "flame" });
}

function switchTheme(theme = isDark() ? "light" : "dark") {
  document.documentElement.dataset.theme = theme;
  if (!page.state) return;
  recolour();
  showControls();
  paint();
}

/** Measures what there is room for, and lays out anew. */
function resize() {
  const { graph, functions } = ids;
  if (page.state.view === "table") {
    if (functions.clientHeight > 0) showRows();
    return;
  }
  const style = getComputedStyle(graph);
  const width = graph.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  page.size = { width: Math.max(50, width), height: Math.max(ROW, graph.clientHeight) };
  ids.canvas.style.width = `${page.size.width}px`;
  ids.canvas.style.height = `${page.size.height}px`;
}

async function start() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  switchTheme(system.matches ? "dark" : "light");
  system.addEventListener("change", () => switchTheme(system.matches ? "dark" : "light"));
  try {
    page.profile = await readProfile();
    begin();
  } catch (error) {
    ids.message.textContent = `The profile cannot be read: ${error.message}.`;
  }
}

function begin() {
  const { head } = page.profile;
  page.strings = head.strings.map(visible);
  page.frames = head.frames.name.length;
  page.tree = makeTree(page.profile);
  page.state = stateOf(location.hash);
  ids.search.value = page.state.search;
  ids.message.hidden = true;
  showHead(head);
  listen();
  show(null);
}

start();
