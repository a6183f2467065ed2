// The tree of the time view: stacks in the order in which they ran. A box is a call where calls were recorded; of samples it is a
// function that was met in one sample after the other.

/** Boxes of the time view; what would need more is counted at its caller. */
const TIME_NODES_MAX = 4_000_000;

/** A tree of what ran when; its nodes have the frames of the nodes of the calls that they stand for. */
function timeTree(calls, { node, kept, value }, unit) {
  const tree = { frame: [0], parent: [-1], depth: [0], x: [0], ownTime: [0], next: [], first: [], end: [], unit };
  const open = [{ box: 0, stands: 0 }];
  let now = 0;
  for (let i = 0; i < node.length; i++) {
    const stack = stackOf(calls, node[i]);
    goOn(open, stack, kept[i]);
    for (let depth = open.length - 1; depth < stack.length && tree.frame.length < TIME_NODES_MAX; depth++) {
      open.push({ box: addBox(tree, open.at(-1).box, calls.frame[stack[depth]], now), stands: stack[depth] });
    }
    tree.ownTime[open.at(-1).box] += value[i];
    now += value[i];
  }
  return withMethods(tree);
}

/** The nodes from the root, which is not among them, to a node. */
function stackOf(calls, node) {
  const stack = [];
  for (let at = node; at > 0; at = calls.parent[at]) stack.push(at);
  return stack.reverse();
}

/** Closes what does not go on: what is no more on the stack, and calls that ended although the next one looks the same. */
function goOn(open, stack, kept) {
  let common = 0;
  while (common < stack.length && open[common + 1]?.stands === stack[common]) common++;
  open.length = 1 + (kept > 0 ? Math.min(common, kept - 1) : common);
}

function addBox(tree, parent, frame, now) {
  tree.parent.push(parent);
  tree.depth.push(tree.depth[parent] + 1);
  tree.x.push(now);
  tree.ownTime.push(0);
  return tree.frame.push(frame) - 1;
}

/** Boxes stand depth first, so that sums, links and ends come from behind. */
function withMethods(tree) {
  const count = tree.frame.length;
  const width = Float64Array.from(tree.ownTime);
  const end = Int32Array.from({ length: count }, (_, box) => box + 1);
  for (let box = count - 1; box > 0; box--) {
    const parent = tree.parent[box];
    width[parent] += width[box];
    end[parent] = Math.max(end[parent], end[box]);
  }
  const links = linksOf({ count, parent: tree.parent }, width, false);
  return {
    ...tree, count, width, end, next: links.next, all: width[0],
    open: (box) => links.first[box], size: (box) => end[box] - box, sums: (box) => [width[box]], own: (box) => [tree.ownTime[box]],
  };
}
