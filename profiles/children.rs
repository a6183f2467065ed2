//! Trees from the root to the leaves, without recursion: stacks may be deeper than ours.

use crate::{NodeId, Tree};

/// The children of every node, in one order.
#[derive(Debug, Clone)]
pub struct Children {
    /// Where a node's children begin in `nodes`; the next node's begin is their end.
    begins: Vec<u32>,
    nodes: Vec<NodeId>,
}

impl Children {
    pub(crate) fn of<K: Ord>(tree: &Tree, key: impl Fn(NodeId) -> K) -> Self {
        let mut begins = vec![0_u32; tree.len() + 1];
        tree.nodes().skip(1).for_each(|node| begins[tree.parent(node).index() + 1] += 1);
        for index in 1..begins.len() {
            begins[index] += begins[index - 1];
        }
        let mut next = begins.clone();
        let mut nodes = vec![NodeId::ROOT; tree.len() - 1];
        for node in tree.nodes().skip(1) {
            let place = &mut next[tree.parent(node).index()];
            nodes[*place as usize] = node;
            *place += 1;
        }
        for pair in begins.windows(2) {
            nodes[pair[0] as usize..pair[1] as usize].sort_by_key(|node| key(*node));
        }
        Self { begins, nodes }
    }

    /// One node's children.
    #[must_use]
    pub fn of_node(&self, node: NodeId) -> &[NodeId] {
        let range = self.begins[node.index()] as usize..self.begins[node.index() + 1] as usize;
        &self.nodes[range]
    }

    /// Every node below `node` and itself, each before its children.
    #[must_use]
    pub fn depth_first(&self, node: NodeId) -> DepthFirst<'_> {
        DepthFirst { children: self, open: vec![Visit { node, depth: 0 }] }
    }
}

/// A node on the way through a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// Which.
    pub node: NodeId,
    /// How many nodes are above it on the way; the first has zero.
    pub depth: usize,
}

/// Nodes in depth-first order.
#[derive(Debug, Clone)]
pub struct DepthFirst<'c> {
    children: &'c Children,
    open: Vec<Visit>,
}

impl Iterator for DepthFirst<'_> {
    type Item = Visit;

    fn next(&mut self) -> Option<Visit> {
        let visit = self.open.pop()?;
        let below = self.children.of_node(visit.node).iter().rev();
        self.open.extend(below.map(|node| Visit { node: *node, depth: visit.depth + 1 }));
        Some(visit)
    }
}
