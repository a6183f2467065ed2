// The trees that views draw. Each has, for every node: frame, parent, depth, width and place (`x`), the sums of its sides, and
// its children by `open(node)` and `next[node]`.

/** The tree of calls, as it is in the profile. */
function callTree(tree, weighed, byValue) {
  const links = linksOf(tree, weighed.width, byValue);
  return {
    frame: tree.frame, parent: tree.parent, depth: tree.depth, next: links.next,
    width: weighed.width, x: placesOf(tree, weighed.width, links),
    open: (node) => links.first[node],
    size: (node) => tree.end[node] - node,
    sums: (node) => weighed.totals.map((total) => total[node]),
    own: (node) => weighed.own.map((own) => own[node]),
  };
}

/** Nodes of the calls that are one node of another tree, each with its width and the sums of its sides. */
class Members {
  constructor(frame, sides) {
    this.frame = frame;
    this.nodes = [];
    this.widths = [];
    this.sums = Array.from({ length: sides }, () => []);
  }

  /** Adds what `weights` has at `index`. Nodes that are members already grow; `slots` says where they are. */
  add(node, weights, index, slots) {
    const { widths, sums } = this;
    let slot = slots[node];
    if (slot < 0) {
      slot = slots[node] = this.nodes.push(node) - 1;
      widths.push(0);
      for (const column of sums) column.push(0);
    }
    widths[slot] += weights.widths[index];
    for (let side = 0; side < sums.length; side++) sums[side][slot] += weights.sums[side][index];
  }
}

function sumOf(column) {
  let sum = 0;
  for (let i = 0; i < column.length; i++) sum += column[i];
  return sum;
}

/**
 * A tree that grows where it is looked at: its nodes are members with one frame, put together. `step(members, i, depth, put)`
 * says what comes below member `i`, by `put(node, weights, index)`.
 */
class GrownTree {
  constructor(tree, root, step, byValue) {
    Object.assign(this, { tree, step, byValue, frame: [], parent: [], depth: [], next: [], width: [], x: [], members: [], first: [], values: [] });
    this.add(root, -1, 0);
  }

  add(members, parent, x) {
    this.parent.push(parent);
    this.depth.push(parent < 0 ? 0 : this.depth[parent] + 1);
    this.next.push(-1);
    this.x.push(x);
    this.first.push(undefined);
    this.members.push(members);
    this.width.push(sumOf(members.widths));
    this.values.push(members.sums.map(sumOf));
    return this.frame.push(members.frame) - 1;
  }

  /** The first child, or -1; children are made when they are asked for. */
  open(node) {
    if (this.first[node] === undefined) this.grow(node);
    return this.first[node];
  }

  grow(node) {
    const width = (members) => sumOf(members.widths);
    const groups = this.groups(node);
    groups.sort(this.byValue ? (a, b) => width(b) - width(a) || a.frame - b.frame : (a, b) => a.frame - b.frame);
    this.first[node] = groups.length > 0 ? this.frame.length : -1;
    let place = this.x[node];
    groups.forEach((members, i) => {
      const child = this.add(members, node, place);
      place += this.width[child];
      if (i + 1 < groups.length) this.next[child] = child + 1;
    });
  }

  /** What comes below a node, by frame. */
  groups(node) {
    const members = this.members[node];
    const slots = (this.tree.slots ??= new Int32Array(this.tree.count).fill(-1));
    const groups = new Map();
    const put = (next, weights, index) => {
      const frame = this.tree.frame[next];
      let group = groups.get(frame);
      if (!group) groups.set(frame, (group = new Members(frame, members.sums.length)));
      group.add(next, weights, index, slots);
    };
    for (let i = 0; i < members.nodes.length; i++) this.step(members, i, this.depth[node], put);
    for (const group of groups.values()) for (const next of group.nodes) slots[next] = -1;
    return [...groups.values()];
  }

  size() { return 1; }
  sums(node) { return this.values[node]; }
  own() { return null; }
}

const ownWeights = (weighed) => ({ widths: weighed.widthOwn, sums: weighed.own });
const totalWeights = (weighed) => ({ widths: weighed.width, sums: weighed.totals });

function membersOf(tree, frame, nodes, weights) {
  const members = new Members(frame, weights.sums.length);
  const slots = new Int32Array(tree.count).fill(-1);
  for (const node of nodes) members.add(node, weights, node, slots);
  return members;
}

/** Functions by their own values, below each its callers. */
function callersTree(tree, weighed, byValue) {
  const weights = ownWeights(weighed);
  const nodes = [];
  for (let node = 0; node < tree.count; node++) if (weights.sums.some((own) => own[node] > 0)) nodes.push(node);
  // Members of the root stand for themselves; only below them it goes to callers.
  const step = (members, i, depth, put) => {
    const next = depth === 0 ? members.nodes[i] : tree.parent[members.nodes[i]];
    if (next > 0) put(next, members, i);
  };
  return new GrownTree(tree, membersOf(tree, tree.frame[0], nodes, weights), step, byValue);
}

/** Who calls a function, and what it calls; a call of the function below itself belongs to the outer one. */
function aroundFunction(tree, weighed, byValue, frame, frames) {
  const weights = totalWeights(weighed);
  const nodes = outermostOf(tree, frame, frames);
  const toCaller = (members, i, depth, put) => {
    const next = tree.parent[members.nodes[i]];
    if (next > 0) put(next, members, i);
  };
  const toCallees = (members, i, depth, put) => {
    const node = members.nodes[i];
    for (let child = node + 1; child < tree.end[node]; child = tree.end[child]) put(child, weights, child);
  };
  const grown = (step) => new GrownTree(tree, membersOf(tree, frame, nodes, weights), step, byValue);
  return { callers: grown(toCaller), callees: grown(toCallees) };
}

/** The frames from the root to a node, which find the node again in a tree that was grown anew. */
function pathOf(tree, node) {
  const path = [];
  for (let at = node; at > 0; at = tree.parent[at]) path.push(tree.frame[at]);
  return path.reverse();
}

/** The node that a path leads to, or the last one of it that is there. */
function follow(tree, path) {
  let node = 0;
  for (const frame of path) {
    let child = tree.open(node);
    while (child >= 0 && tree.frame[child] !== frame) child = tree.next[child];
    if (child < 0) return node;
    node = child;
  }
  return node;
}
