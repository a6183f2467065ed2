// Which boxes are seen: level by level from where the graph is zoomed to, and nothing that is narrower than a pixel.

const ROW = 21;

/** Boxes narrower than this many pixels are not drawn. */
const NARROWEST = 1;

/** A row of boxes from left to right; node -1 stands for neighbours that are too narrow each. */
const newRow = () => ({ nodes: [], lefts: [], rights: [] });

function put(row, node, left, right) {
  row.nodes.push(node);
  row.lefts.push(left);
  row.rights.push(right);
}

/** Rows of a tree from a node on, `pixels` wide; `above` has a row for each ancestor of the node. */
function layOut(tree, from, pixels) {
  const scale = tree.width[from] > 0 ? pixels / tree.width[from] : 0;
  const laid = { tree, from, scale, rows: [], hidden: 0, drawn: 0 };
  for (let node = from; node >= 0; node = tree.parent[node]) {
    const row = newRow();
    put(row, node, 0, pixels);
    laid.rows.unshift(row);
  }
  laid.ancestors = laid.rows.length - 1;
  if (scale > 0) while (layNext(laid, pixels));
  return laid;
}

/** The row below the last one; whether there is anything in it. */
function layNext(laid, pixels) {
  const { tree, from, scale, rows } = laid;
  const row = newRow();
  for (const node of rows.at(-1).nodes) {
    if (node >= 0) layChildren(laid, row, node, (place) => Math.min(pixels, (place - tree.x[from]) * scale));
  }
  if (row.nodes.length === 0) return false;
  rows.push(row);
  return true;
}

function layChildren(laid, row, node, at) {
  const { tree, scale } = laid;
  // Neighbours that are narrow and lie side by side are put together.
  let narrow = null;
  const gather = () => {
    if (narrow !== null && narrow.right - narrow.left >= NARROWEST) put(row, -1, narrow.left, narrow.right);
    narrow = null;
  };
  for (let child = tree.open(node); child >= 0; child = tree.next[child]) {
    const left = at(tree.x[child]);
    const right = at(tree.x[child] + tree.width[child]);
    if (tree.width[child] * scale >= NARROWEST) {
      gather();
      put(row, child, left, right);
      laid.drawn++;
      continue;
    }
    laid.hidden += tree.size(child);
    if (narrow !== null && left - narrow.right > NARROWEST) gather();
    narrow = { left: narrow?.left ?? left, right };
  }
  gather();
}

/** The box of a row at a place, or -1. */
function boxAt(row, x) {
  let low = 0;
  let high = row.nodes.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (row.lefts[middle] <= x) low = middle; else high = middle - 1;
  }
  return high >= 0 && row.lefts[low] <= x && x < row.rights[low] ? low : -1;
}
