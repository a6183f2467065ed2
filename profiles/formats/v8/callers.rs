//! Who calls whom among V8's nodes, where numbers can be anything.

use rustc_hash::FxHashMap;

use super::samples::Node;
use crate::{Place, Profile};

/// The caller of each node, of which it has one or none.
pub(super) struct Callers {
    callers: Vec<Caller>,
    /// The nodes that each node calls.
    called: Vec<Vec<usize>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Caller {
    None,
    Node(usize),
    /// It is told, and not there.
    Missing,
    /// The node has the number of one before it, and is left out.
    Double,
}

impl Callers {
    /// Of nodes in any order. What does not fit together is counted: each node keeps the first caller that is told.
    pub(super) fn of(nodes: &[&Node<'_>], profile: &mut Profile) -> Self {
        let mut numbers: FxHashMap<i64, usize> = FxHashMap::default();
        let mut callers = vec![Caller::None; nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            if *numbers.entry(node.id).or_insert(index) != index {
                callers[index] = Caller::Double;
                profile.skipped.add("a node with the number of another", place(index));
            }
        }
        let mut of = Self { callers, called: vec![Vec::new(); nodes.len()] };
        let kept: Vec<_> = nodes.iter().enumerate().filter(|(index, _)| !of.is_double(*index)).collect();
        for (index, node) in &kept {
            if let Some(parent) = node.parent {
                of.calls(numbers.get(&parent).copied(), *index, profile);
            }
        }
        for (index, node) in kept {
            for child in &node.children {
                match numbers.get(child) {
                    Some(child) => of.calls(Some(index), *child, profile),
                    None => profile.noticed.add("nodes that call one that is not there", place(index)),
                }
            }
        }
        of
    }

    fn calls(&mut self, caller: Option<usize>, called: usize, profile: &mut Profile) {
        match (self.callers[called], caller) {
            (Caller::None, Some(caller)) => {
                self.callers[called] = Caller::Node(caller);
                self.called[caller].push(called);
            }
            (Caller::None, None) => self.callers[called] = Caller::Missing,
            (known, Some(caller)) if known == Caller::Node(caller) => {}
            _ => profile.noticed.add("nodes with two callers, shown below the first", place(called)),
        }
    }

    /// Nodes that nobody calls.
    pub(super) fn roots(&self) -> impl Iterator<Item = usize> {
        (0..self.callers.len()).filter(|index| self.callers[*index] == Caller::None)
    }

    /// The nodes that a node calls.
    pub(super) fn called_by(&self, index: usize) -> impl Iterator<Item = usize> {
        self.called[index].iter().copied()
    }

    /// Whether a node is left out, since its number is another's.
    pub(super) fn is_double(&self, index: usize) -> bool {
        self.callers[index] == Caller::Double
    }
}

/// Nodes are counted from one.
fn place(index: usize) -> Option<Place> {
    Some(Place::Record(index as u64 + 1))
}
