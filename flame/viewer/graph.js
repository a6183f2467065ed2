// The graph: which trees it shows, where their rows lie, and what is under the pointer.

/** The trees of the current view; direction -1 grows against the way of the graph, as callers above a function do. */
function treesShown() {
  const { view, orderByValue, frame } = { ...page.state, orderByValue: page.state.order === "value" };
  const key = view === "sandwich" ? `sandwich ${frame}` : view;
  return (page.trees[key] ??= growTrees(view, orderByValue, frame));
}

function growTrees(view, byValue, frame) {
  const { tree, weighed } = page;
  if (view === "time") return [{ tree: theTimeTree(), direction: 1 }];
  if (view === "callers") return [{ tree: callersTree(tree, weighed, byValue), direction: 1 }];
  if (view !== "sandwich") return [{ tree: callTree(tree, weighed, byValue), direction: 1 }];
  const { callers, callees } = aroundFunction(tree, weighed, byValue, frame, page.frames);
  return [{ tree: callees, direction: 1 }, { tree: callers, direction: -1 }];
}

/** The tree of what ran when, which no choice changes. */
function theTimeTree() {
  const { time, head } = page.profile;
  return (page.timeTree ??= timeTree(page.tree, time, head.measures[head.time.measure].unit));
}

/** The node that fills the width. */
function zoomedTo({ tree }) {
  const { view, node, path, moment } = page.state;
  if (view === "callers") return follow(tree, path);
  return view === "calls" ? node : view === "time" && moment < tree.count ? moment : 0;
}

/** Lays all out anew: after a zoom, another width, other choices. */
function relay() {
  const shown = treesShown();
  page.parts = shown.map(({ tree, direction }) => ({ direction, ...layOut(tree, zoomedTo({ tree }), page.size.width) }));
  page.rowsBefore = page.parts.length > 1 ? page.parts[1].rows.length - 1 : 0;
  page.rowCount = page.rowsBefore + page.parts[0].rows.length;
  page.height = Math.max(page.size.height, page.rowCount * ROW);
  ids.extent.style.height = `${page.height - page.size.height}px`;
  showStatus();
  paint();
}

const isFlame = () => page.state.orientation === "flame";

/** Where a row lies, in pixels from the top of all rows. */
function topOf(part, row) {
  const place = page.rowsBefore + row * part.direction;
  return isFlame() ? page.height - (place + 1) * ROW : place * ROW;
}

/** Rows of a part that are in sight, as a first and a last one. */
function rowsInSight(part) {
  const top = ids.graph.scrollTop;
  const place = (y) => Math.floor((isFlame() ? page.height - y : y) / ROW) - page.rowsBefore;
  const ends = [place(top) * part.direction, place(top + page.size.height) * part.direction].sort((a, b) => a - b);
  // The function in the middle is drawn once, with what it calls.
  return [Math.max(part.direction < 0 ? 1 : 0, ends[0]), Math.min(part.rows.length - 1, ends[1])];
}

/** The box under a point of the window, or null. */
function boxUnder(clientX, clientY) {
  const area = ids.canvas.getBoundingClientRect();
  const y = clientY - area.top + ids.graph.scrollTop;
  const place = Math.floor((isFlame() ? page.height - y : y) / ROW) - page.rowsBefore;
  for (const [index, part] of page.parts.entries()) {
    const row = part.rows[place * part.direction];
    if (!row || (part.direction < 0 && place === 0)) continue;
    const box = boxAt(row, clientX - area.left);
    if (box >= 0 && row.nodes[box] >= 0) return { part: index, node: row.nodes[box] };
  }
  return null;
}

/** Row and number of a node's box, or null where it is not drawn. */
function boxOf({ part, node }) {
  const { tree, rows } = page.parts[part];
  const row = tree.depth[node];
  const box = rows[row] ? rows[row].nodes.indexOf(node) : -1;
  return box < 0 ? null : { row, box };
}

/** Brings a node's row into sight. */
function scrollTo(selected) {
  const part = page.parts[selected.part];
  const top = topOf(part, part.tree.depth[selected.node]);
  const { graph } = ids;
  if (top < graph.scrollTop) graph.scrollTop = top - ROW;
  if (top + ROW > graph.scrollTop + page.size.height) graph.scrollTop = top + 2 * ROW - page.size.height;
}

/** Where the stacks begin. */
function scrollToStart() {
  ids.graph.scrollTop = isFlame() ? page.height : 0;
  if (page.state.view === "sandwich") scrollTo({ part: 0, node: 0 });
}

const sameBox = (one, other) => one !== null && other !== null && one.part === other.part && one.node === other.node;
