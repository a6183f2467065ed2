//! Stacks as a tree.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

use crate::FrameId;
use crate::children::Children;
use crate::limits::NODES_MAX;
use crate::table::{NUMBERS_MAX, Table};

const _: () = assert!(NODES_MAX < NUMBERS_MAX, "the table has room for every node");

/// Number of a node in its tree. Children have higher numbers than their parents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// Numbers of nodes by parent and frame. Keys are compared in `nodes`, which is looked at anyhow.
    ids: Table,
    /// By measure, then by node; shorter where the last nodes have none.
    own: Vec<Vec<f64>>,
    refused: u64,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: u32,
    frame: u32,
    /// The child that is asked for most often, by majority vote (Boyer and Moore): it is found without the table, whose place is
    /// rarely in the cache.
    usual: u32,
    /// By how many votes.
    votes: u32,
}

impl Node {
    fn is(&self, parent: NodeId, frame: FrameId) -> bool {
        (self.parent, self.frame) == (parent.0, frame.0)
    }

    fn hash(&self) -> u64 {
        FxBuildHasher.hash_one(u64::from(self.parent) << 32 | u64::from(self.frame))
    }
}

impl Default for Tree {
    fn default() -> Self {
        let root = Node { parent: 0, frame: u32::MAX, usual: 0, votes: 0 };
        Self { nodes: vec![root], ids: Table::default(), own: Vec::new(), refused: 0 }
    }
}

impl Tree {
    /// The child of `parent` with this frame, which is new or known. Beyond [`NODES_MAX`] it is the parent itself,
    /// so that what is added there is not lost.
    pub fn child(&mut self, parent: NodeId, frame: FrameId) -> NodeId {
        let Node { usual, votes, .. } = self.nodes[parent.index()];
        if self.nodes[usual as usize].is(parent, frame) {
            self.nodes[parent.index()].votes = votes.saturating_add(1);
            return NodeId(usual);
        }
        let Some(child) = self.known_or_new(parent, frame) else {
            self.refused += 1;
            return parent;
        };
        let above = &mut self.nodes[parent.index()];
        (above.usual, above.votes) = if votes == 0 { (child, 1) } else { (usual, votes - 1) };
        NodeId(child)
    }

    fn known_or_new(&mut self, parent: NodeId, frame: FrameId) -> Option<u32> {
        let node = Node { parent: parent.0, frame: frame.0, usual: 0, votes: 0 };
        let known = self.ids.find(node.hash(), |id| self.nodes[id as usize].is(parent, frame));
        if known.is_some() || self.nodes.len() >= NODES_MAX {
            return known;
        }
        let id = self.nodes.len() as u32;
        self.nodes.push(node);
        self.ids.insert(node.hash(), id, |id| self.nodes[id as usize].hash());
        Some(id)
    }

    /// The same tree without its first node, whose children are the root's then. The root has no value of its own.
    pub(crate) fn without_first(&self) -> Self {
        let mut tree = Self { refused: self.refused, ..Self::default() };
        let mut nodes = vec![NodeId::ROOT; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate().skip(2) {
            nodes[index] = tree.child(nodes[node.parent as usize], FrameId(node.frame));
        }
        for (measure, column) in self.own.iter().enumerate() {
            for (index, value) in column.iter().enumerate() {
                tree.add(nodes[index], measure, *value);
            }
        }
        tree
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
