// Search: a regular expression over the names of functions.

/** Looks for what is searched now; `before` is the state before. What is found is shown when it is known. */
function applySearch(before) {
  const { search, caseful } = page.state;
  ids.case.setAttribute("aria-pressed", caseful);
  if (!changed(before, "search", "caseful")) {
    tellMatches();
    return;
  }
  clearTimeout(page.searchTimer);
  page.searched = new Promise((done) => {
    const tell = (found) => {
      clearTimeout(page.searchTimer);
      showMatches(found);
      done();
    };
    if (search === "") tell({}); else findMatching(search, caseful, tell);
    page.searchTimer = search === "" ? 0 : setTimeout(() => { ids.found.textContent = "searching …"; }, SEARCHING_MS);
  });
}

/** A search that takes longer says that it goes on. */
const SEARCHING_MS = 250;

/** Marks what matches, and says how much that is, or what is wrong. */
function showMatches({ matching = null, problem = "", isPlain = false }) {
  page.matching = matching;
  page.matchTables = null;
  page.searchProblem = problem;
  page.searchNote = isPlain ? "; as a plain text, since this browser starts no worker" : "";
  tellMatches();
  if (page.state.view === "table") showTable(); else paint();
}

function tellMatches() {
  const { found } = ids;
  const { matching, searchProblem } = page;
  found.classList.toggle("bad", searchProblem !== "");
  ids.search.setAttribute("aria-invalid", searchProblem !== "");
  found.textContent = searchProblem || (matching ? told() + page.searchNote : "");
  found.title = found.textContent;
}

/** What matches: functions, and what share they and what is below them have. */
function told() {
  if (!page.matching.includes(1)) return `no ${words().one} matches`;
  const functions = page.matching.reduce((sum, matches, frame) => sum + (matches && isFunction(frame) ? 1 : 0), 0);
  const { view } = page.state;
  const share = view === "sandwich" ? toldAround() : view === "time" ? toldInTime() : view === "callers" && page.parts[0].from > 0 ? toldThrough() : toldBelow();
  return `${share}, ${counted(functions, words().one, words().many)}`;
}

/** Shares of both sides, before and after. */
const bothSides = (share) => page.weighed.totals.map(share).join(" → ");

/** Of all, or of what calls are zoomed to; a match below a match is not counted again. */
function toldBelow() {
  const from = page.state.view === "calls" ? page.state.node : 0;
  const found = page.weighed.totals.map((total) => matchesBelow(page.tree, from, page.matching, total));
  const share = bothSides((total, side) => percent(found[side].sum, total[from]));
  return `${share}${from > 0 ? " of what is shown" : ""} in ${counted(found[0].nodes, "box", "boxes")}`;
}

/** Of the time that is shown. */
function toldInTime() {
  const { tree, from } = page.parts[0];
  const found = matchesBelow(tree, from, page.matching, tree.width);
  return `${percent(found.sum, tree.width[from])} of what is shown in ${counted(found.nodes, "box", "boxes")}`;
}

/** Of one function: how much of it is in what it calls that matches, and how much comes through callers that do. */
function toldAround() {
  const { tree, matching, weighed } = page;
  const nodes = outermostOf(tree, page.state.frame, page.frames);
  const through = matchesAbove(tree, matching);
  const of = (total, some) => percent(nodes.reduce((sum, node) => sum + some(node), 0), nodes.reduce((sum, node) => sum + total[node], 0));
  const inCalls = (total) => of(total, (node) => matchesBelow(tree, node, matching, total).sum);
  const fromCallers = (total) => of(total, (node) => (through[tree.parent[node]] ? total[node] : 0));
  if (matching[page.state.frame]) return "the function itself matches";
  return `of it ${bothSides(inCalls)} in what it calls, ${bothSides(fromCallers)} by way of callers`;
}

/** Of the callers that are zoomed to: how much comes through what matches. */
function toldThrough() {
  const { tree, from } = page.parts[0];
  const through = matchesAbove(page.tree, page.matching);
  const isOnWay = page.state.path.some((frame) => page.matching[frame]);
  const { nodes, sums } = tree.members[from];
  const share = sums.map((column) => {
    const found = nodes.reduce((sum, node, i) => sum + (isOnWay || through[node] ? column[i] : 0), 0);
    return percent(found, sumOf(column));
  });
  return `${share.join(" → ")} of what is shown`;
}

/** Selects the next match in the order of the boxes, or the previous one. */
function goToMatch(way) {
  if (!page.matching || page.state.view === "table") return;
  const found = page.state.view === "calls" ? nextInCalls(way) : nextInRows(way);
  if (found) select(found);
}

/** Walks all nodes in the order of the file; one that is too narrow is zoomed to. */
function nextInCalls(way) {
  const { tree, state } = page;
  const from = state.node;
  const count = tree.end[from] - from;
  const start = page.selected && page.selected.node >= from ? page.selected.node - from : way > 0 ? -1 : 0;
  for (let step = 1; step <= count; step++) {
    const node = from + ((start + way * step) % count + count) % count;
    if (!page.matching[tree.frame[node]] || page.weighed.width[node] === 0) continue;
    if (!boxOf({ part: 0, node })) zoom(widestAround(node));
    return { part: 0, node };
  }
  return null;
}

/** The lowest ancestor in which a node is at least a few pixels wide. */
function widestAround(node) {
  const { tree, weighed, size } = page;
  let around = node;
  while (tree.parent[around] >= 0 && weighed.width[node] / weighed.width[tree.parent[around]] >= 12 / size.width) around = tree.parent[around];
  return around;
}

function nextInRows(way) {
  const boxes = page.parts.flatMap(({ rows, tree }, part) =>
    rows.slice(part).flatMap((row) => row.nodes.filter((node) => node >= 0 && page.matching[tree.frame[node]]).map((node) => ({ part, node }))));
  if (boxes.length === 0) return null;
  const at = boxes.findIndex((box) => sameBox(box, page.selected));
  return boxes[at < 0 ? (way > 0 ? 0 : boxes.length - 1) : (at + way + boxes.length) % boxes.length];
}
