// Search: a regular expression over the names of functions.

/** Reads the search field, marks what matches, and says how much that is. */
function applySearch() {
  const { search, caseful } = page.state;
  const { found } = ids;
  const expression = search === "" ? null : compile(search, caseful);
  found.classList.toggle("bad", typeof expression === "string");
  ids.search.setAttribute("aria-invalid", typeof expression === "string");
  ids.case.setAttribute("aria-pressed", caseful);
  page.matching = expression instanceof RegExp ? matchingFrames(expression) : null;
  found.textContent = typeof expression === "string" ? expression : page.matching ? told() : "";
  page.matchTables = null;
}

/** The expression, or what is wrong with it. */
function compile(text, caseful) {
  try {
    return new RegExp(text, caseful ? "u" : "iu");
  } catch {
    return compileLoosely(text, caseful);
  }
}

/** Expressions that only the older rules allow, such as `\{{closure}`. */
function compileLoosely(text, caseful) {
  try {
    return new RegExp(text, caseful ? "" : "i");
  } catch (error) {
    return `not a regular expression: ${error.message.split(": ").at(-1).toLowerCase()}`;
  }
}

function matchingFrames(expression) {
  const matching = new Uint8Array(page.frames);
  const { name } = page.profile.head.frames;
  for (let frame = 1; frame < page.frames; frame++) if (expression.test(page.strings[name[frame]])) matching[frame] = 1;
  return matching;
}

/** What matches: functions, boxes, and their share, in which a match below a match is not counted again. */
function told() {
  const { tree, weighed } = page;
  const functions = page.matching.reduce((sum, matches) => sum + matches, 0);
  if (functions === 0) return `no ${words().one} matches`;
  const from = page.state.view === "calls" ? page.state.node : 0;
  const shares = weighed.totals.map((total) => {
    const found = matchesBelow(tree, from, page.matching, total);
    return { ...found, share: percent(found.sum, total[from]) };
  });
  const share = shares.map((side) => side.share).join(" → ");
  const of = from > 0 ? " of what is shown" : "";
  return `${share}${of} in ${counted(shares[0].nodes, "box", "boxes")}, ${counted(functions, words().one, words().many)}`;
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
