//! Where nodes hang when leading blanks are lost.
//!
//! Nodes stand in order, each before what is below it. A join has two inputs, a sort one, a scan none: so there is one
//! tree only, unless a node may have any number of inputs and another still waits for one of its own.

use detectors::evidence::plan::{Node, NodeType, Relationship};

use super::apart;
use super::tree::inputs_of;

/// A node and how many inputs it can still get: the least and the most.
struct Waiting {
    node: usize,
    least: usize,
    most: usize,
}

/// Finds where the next node hangs.
pub(super) struct Rebuilt {
    open: Vec<Waiting>,
    count: usize,
}

impl Rebuilt {
    pub(super) fn new(root: &NodeType) -> Self {
        let mut rebuilt = Self { open: Vec::new(), count: 0 };
        rebuilt.enter(root);
        rebuilt
    }

    fn enter(&mut self, node_type: &NodeType) {
        let (least, most) = inputs_of(node_type);
        self.open.push(Waiting { node: self.count, least, most });
        self.count += 1;
    }

    /// Where a node hangs; `None` where that cannot be told.
    pub(super) fn parent(&mut self, next: &NodeType, apart: Option<&str>, nodes: &[Node]) -> Option<usize> {
        let parent = match apart.map(|name| (name, apart::relationship(name))) {
            None => self.input()?,
            // They stand before the inputs of the node that they belong to.
            Some((_, Some(Relationship::InitPlan))) => self.count - 1,
            Some((name, _)) => self.asking(name, nodes)?,
        };
        self.enter(next);
        Some(parent)
    }

    fn input(&mut self) -> Option<usize> {
        while self.open.last().is_some_and(|open| open.most == 0) {
            self.open.pop();
        }
        let last = self.open.last()?;
        // Another may wait for what comes.
        if last.least == 0 && self.open.iter().rev().skip(1).any(|open| open.least > 0) {
            return None;
        }
        let last = self.open.last_mut()?;
        last.least = last.least.saturating_sub(1);
        last.most -= 1;
        Some(last.node)
    }

    /// The last node that has all its inputs and an expression with a subplan in it.
    fn asking(&mut self, name: &str, nodes: &[Node]) -> Option<usize> {
        let name = name.split(" (").next().unwrap_or(name);
        (0..self.count).rev().find(|at| {
            let mut facts = nodes.get(*at).into_iter().flat_map(|node| node.facts.iter());
            facts.any(|(_, value)| super::mentions(value, name))
        })
    }
}
