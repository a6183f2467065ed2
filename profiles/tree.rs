//! Stacks as a tree.

use rustc_hash::FxHashMap;

use crate::FrameId;
use crate::children::Children;
use crate::limits::NODES_MAX;

/// Number of a node in its tree. Children have higher numbers than their parents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// Where every stack begins; it has no frame.
    pub const ROOT: Self = Self(0);

    /// As an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Stacks that share what they have in common from the root on, with values of their own for each measure.
///
/// Values are `f64`: whole numbers are exact up to 2^53, which is 104 days in nanoseconds. They are finite and not negative.
#[derive(Debug, Clone)]
pub struct Tree {
    nodes: Vec<Node>,
    ids: FxHashMap<Node, u32>,
    /// By measure, then by node; shorter where the last nodes have none.
    own: Vec<Vec<f64>>,
    refused: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Node {
    parent: u32,
    frame: u32,
}

impl Default for Tree {
    fn default() -> Self {
        let root = Node { parent: 0, frame: u32::MAX };
        Self { nodes: vec![root], ids: FxHashMap::default(), own: Vec::new(), refused: 0 }
    }
}

impl Tree {
    /// The child of `parent` with this frame, which is new or known. Beyond [`NODES_MAX`](crate::NODES_MAX) it is the parent itself,
    /// so that what is added there is not lost.
    pub fn child(&mut self, parent: NodeId, frame: FrameId) -> NodeId {
        let node = Node { parent: parent.0, frame: frame.0 };
        if let Some(id) = self.ids.get(&node) {
            return NodeId(*id);
        }
        if self.nodes.len() >= NODES_MAX {
            self.refused += 1;
            return parent;
        }
        let id = self.nodes.len() as u32;
        self.nodes.push(node);
        self.ids.insert(node, id);
        NodeId(id)
    }

    /// Adds to a node's own value. Values that are no number, infinite or negative are left out.
    pub fn add(&mut self, node: NodeId, measure: usize, value: f64) {
        if !(value > 0.0 && value.is_finite()) {
            return;
        }
        if self.own.len() <= measure {
            self.own.resize_with(measure + 1, Vec::new);
        }
        let column = &mut self.own[measure];
        if column.len() <= node.index() {
            column.resize(self.nodes.len(), 0.0);
        }
        column[node.index()] += value;
    }

    /// What a node has of a measure itself, without its children.
    #[must_use]
    pub fn own(&self, node: NodeId, measure: usize) -> f64 {
        self.own.get(measure).and_then(|column| column.get(node.index())).copied().unwrap_or(0.0)
    }

    /// What each node has of a measure together with everything below it; the root has all.
    #[must_use]
    pub fn totals(&self, measure: usize) -> Vec<f64> {
        let mut totals = self.own.get(measure).cloned().unwrap_or_default();
        totals.resize(self.nodes.len(), 0.0);
        for index in (1..self.nodes.len()).rev() {
            totals[self.nodes[index].parent as usize] += totals[index];
        }
        totals
    }

    /// All of a measure.
    #[must_use]
    pub fn total(&self, measure: usize) -> f64 {
        self.own.get(measure).map_or(0.0, |column| column.iter().sum())
    }

    /// How many nodes there are, the root included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no stack.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 1
    }

    /// All nodes, parents before their children, the root first.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The node above; the root is its own parent.
    #[must_use]
    pub fn parent(&self, node: NodeId) -> NodeId {
        NodeId(self.nodes[node.index()].parent)
    }

    /// A node's frame; the root has none.
    #[must_use]
    pub fn frame(&self, node: NodeId) -> Option<FrameId> {
        (node != NodeId::ROOT).then(|| FrameId(self.nodes[node.index()].frame))
    }

    /// The children of every node, in the order of `key`, then as they were met.
    pub fn children<K: Ord>(&self, key: impl Fn(NodeId) -> K) -> Children {
        Children::of(self, key)
    }

    /// How often there was no room for a node.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }
}
