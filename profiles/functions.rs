//! The table of functions.

use crate::{FrameId, NodeId, Tree};

/// What one function has of a measure, wherever it occurs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Function {
    /// Which.
    pub frame: FrameId,
    /// In the function itself.
    pub own: f64,
    /// In the function and in what it calls. A stack counts once, however often the function is on it.
    pub total: f64,
}

/// Functions with something of a measure: those with the largest total first, then by number. `frames` is how many frames there are.
#[must_use]
pub fn functions(tree: &Tree, frames: usize, measure: usize) -> Vec<Function> {
    let totals = tree.totals(measure);
    let children = tree.children(|_| ());
    let mut table: Vec<Function> =
        (0..frames).map(|index| Function { frame: FrameId(index as u32), own: 0.0, total: 0.0 }).collect();
    let mut on_path = vec![0_u32; frames];
    let mut path: Vec<FrameId> = Vec::new();
    for visit in children.depth_first(NodeId::ROOT) {
        let Some(frame) = tree.frame(visit.node) else { continue };
        path.drain(visit.depth - 1..).for_each(|left| on_path[left.index()] -= 1);
        path.push(frame);
        let function = &mut table[frame.index()];
        function.own += tree.own(visit.node, measure);
        if on_path[frame.index()] == 0 {
            function.total += totals[visit.node.index()];
        }
        on_path[frame.index()] += 1;
    }
    table.retain(|function| function.total > 0.0);
    table.sort_by(|one, other| other.total.total_cmp(&one.total).then(one.frame.cmp(&other.frame)));
    table
}
