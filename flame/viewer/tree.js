// The call tree: nodes in depth-first order, so that a subtree is a range and parents come before children.

/** Links of the tree. `ups[i]` is how many levels node `i` is above a child of the node before it. */
function makeTree({ ups, frame }) {
  const count = frame.length;
  const tree = { count, frame, parent: new Int32Array(count).fill(-1), depth: new Int32Array(count), end: new Int32Array(count).fill(count) };
  for (let node = 1; node < count; node++) {
    let above = node - 1;
    for (let up = ups[node]; up > 0; up--) {
      tree.end[above] = node;
      above = tree.parent[above];
    }
    tree.parent[node] = above;
    tree.depth[node] = tree.depth[above] + 1;
  }
  return tree;
}

/** Sums of whole subtrees. */
function totalsOf(tree, own) {
  const total = Float64Array.from(own);
  for (let node = tree.count - 1; node > 0; node--) total[tree.parent[node]] += total[node];
  return total;
}

/** First child and next sibling of each node, siblings by name (the order of the file) or the greatest first. */
function linksOf(tree, total, byValue) {
  const first = new Int32Array(tree.count).fill(-1);
  const next = new Int32Array(tree.count).fill(-1);
  for (let node = tree.count - 1; node > 0; node--) {
    next[node] = first[tree.parent[node]];
    first[tree.parent[node]] = node;
  }
  if (byValue) for (let node = 0; node < tree.count; node++) sortChildren(node, first, next, total);
  return { first, next };
}

function sortChildren(node, first, next, total) {
  if (first[node] < 0 || next[first[node]] < 0) return;
  const children = [];
  for (let child = first[node]; child >= 0; child = next[child]) children.push(child);
  children.sort((a, b) => total[b] - total[a] || a - b);
  first[node] = children[0];
  children.forEach((child, i) => { next[child] = i + 1 < children.length ? children[i + 1] : -1; });
}

/** Where each box begins, in the unit of the values: children from the left, a node's own value to their right. */
function placesOf(tree, total, { first, next }) {
  const x = new Float64Array(tree.count);
  for (let node = 0; node < tree.count; node++) {
    let place = x[node];
    for (let child = first[node]; child >= 0; child = next[child]) {
      x[child] = place;
      place += total[child];
    }
  }
  return x;
}

/** Calls `visit(node)` for nodes that have no node of the same frame above them. */
function forOutermost(tree, frames, visit) {
  const openUntil = new Int32Array(frames);
  for (let node = 0; node < tree.count; node++) {
    const frame = tree.frame[node];
    if (node < openUntil[frame]) continue;
    openUntil[frame] = tree.end[node];
    visit(node);
  }
}

/** The nodes of a frame that have none of it above them. */
function outermostOf(tree, frame, frames) {
  const nodes = [];
  forOutermost(tree, frames, (node) => { if (tree.frame[node] === frame) nodes.push(node); });
  return nodes;
}

/** Own and total value of each frame; a frame that calls itself counts once in its total. */
function functionSums(tree, own, total, frames) {
  const sums = { self: new Float64Array(frames), total: new Float64Array(frames) };
  for (let node = 0; node < tree.count; node++) sums.self[tree.frame[node]] += own[node];
  forOutermost(tree, frames, (node) => { sums.total[tree.frame[node]] += total[node]; });
  return sums;
}

/** What matches below `from`: how many nodes, and their sum, in which a match below a match is not counted again. */
function matchesBelow(tree, from, matching, total) {
  const found = { nodes: 0, sum: 0 };
  for (let node = from, coveredUntil = 0; node < tree.end[from]; node++) {
    if (!matching[tree.frame[node]]) continue;
    found.nodes++;
    if (node < coveredUntil) continue;
    found.sum += total[node];
    coveredUntil = tree.end[node];
  }
  return found;
}

/** By node: 1 where it matches or something above it does. */
function matchesAbove(tree, matching) {
  const above = new Uint8Array(tree.count);
  for (let node = 1; node < tree.count; node++) above[node] = above[tree.parent[node]] | matching[tree.frame[node]];
  return above;
}
