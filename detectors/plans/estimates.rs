//! How far estimated rows are off, and where that begins.

use super::view::PlanView;
use crate::evidence::plan::{Key, Node, NodeType, Relationship};

/// How far the estimates of a plan's nodes are off, in powers of ten: 2 is a hundred times the rows that were estimated,
/// -2 a hundredth, 0 also where it cannot be told.
#[derive(Debug)]
pub(crate) struct Estimates(Vec<f64>);

impl Estimates {
    /// Compares what was estimated with what was measured.
    pub(crate) fn of(view: &PlanView<'_>) -> Self {
        let mut off = vec![0.0; view.plan.nodes.len()];
        for number in (0..view.plan.nodes.len() as u32).rev() {
            let node = view.node(number);
            off[number as usize] = match view.inputs(number).next() {
                Some(input) if hands_on(&node.node_type) => off[input as usize],
                _ => of_node(view, number, node),
            };
        }
        Self(off)
    }

    /// How far a node's estimate is off.
    pub(crate) fn off(&self, number: u32) -> f64 {
        self.0[number as usize]
    }

    /// What a node adds to what its inputs are off: of a scan all of it, of a join what its condition is off.
    pub(crate) fn own(&self, view: &PlanView<'_>, number: u32) -> f64 {
        let node = view.node(number);
        if hands_on(&node.node_type) {
            return 0.0;
        }
        let wants_a_partner = matches!(node.facts.text(Key::JoinType), Some("Semi" | "Anti"));
        let inputs = view.inputs(number).take(if wants_a_partner { 1 } else { usize::MAX });
        let by_inputs: f64 = inputs.map(|input| self.off(input)).sum();
        match node.node_type {
            // Groups do not grow with the rows that are grouped.
            NodeType::Aggregate | NodeType::Group | NodeType::Unique if by_inputs.abs() > 0.5 => 0.0,
            _ => self.off(number) - by_inputs,
        }
    }
}

/// Rows that a node gives and was estimated to give, as far as they can be compared.
fn of_node(view: &PlanView<'_>, number: u32, node: &Node) -> f64 {
    if !is_comparable(&node.node_type) || node.loops() == 0 {
        return 0.0;
    }
    let facts = &node.facts;
    let (Some(estimated), Some(actual)) = (facts.number(Key::PlanRows), facts.number(Key::ActualRows)) else {
        return 0.0;
    };
    let off = (actual.max(1.0) / estimated.max(1.0)).log10();
    // A merge join reads rows of its second input again, and each time counts.
    let is_read_again = node.relationship == Relationship::Inner
        && node.parent.is_some_and(|parent| view.node(parent).node_type == NodeType::MergeJoin);
    match off {
        off if !off.is_finite() => 0.0,
        off if off < 0.0 && view.may_stop_early(number) => 0.0,
        off if off > 0.0 && is_read_again => 0.0,
        off => off,
    }
}

/// Whether a node gives the rows of its input as they are.
pub(crate) fn hands_on(node_type: &NodeType) -> bool {
    matches!(
        node_type,
        NodeType::Hash
            | NodeType::Sort
            | NodeType::IncrementalSort
            | NodeType::Materialize
            | NodeType::Memoize
            | NodeType::Gather
            | NodeType::GatherMerge
            | NodeType::LockRows
            | NodeType::Limit
    )
}

/// Whether what is measured of a node are its rows.
fn is_comparable(node_type: &NodeType) -> bool {
    !matches!(
        node_type,
        NodeType::ModifyTable
            | NodeType::BitmapAnd
            | NodeType::BitmapOr
            | NodeType::BitmapIndexScan
            | NodeType::Result
            | NodeType::RecursiveUnion
            | NodeType::WorkTableScan
            | NodeType::Other(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::sketch;

    #[test]
    fn an_error_belongs_to_the_node_where_it_begins() {
        let plan = sketch()
            .node(0, NodeType::HashJoin, 9.0, 1e5, 1)
            .number(Key::PlanRows, 1e3)
            .node(1, NodeType::SeqScan, 5.0, 1e4, 1)
            .number(Key::PlanRows, 1e2)
            .node(1, NodeType::Hash, 2.0, 10.0, 1)
            .node(2, NodeType::SeqScan, 2.0, 10.0, 1)
            .plan();
        let view = PlanView::new(&plan);
        let estimates = Estimates::of(&view);
        let own: Vec<f64> = (0..4).map(|number| estimates.own(&view, number).round()).collect();
        assert_eq!((estimates.off(0), own), (2.0, vec![0.0, 2.0, 0.0, 0.0]));
    }

    #[test]
    fn what_was_stopped_early_may_have_given_less() {
        let plan = |rows: f64| {
            sketch()
                .node(0, NodeType::Limit, 9.0, 1.0, 1)
                .node(1, NodeType::SeqScan, 5.0, rows, 1)
                .number(Key::PlanRows, 1e4)
                .plan()
        };
        let off = |rows: f64| {
            let plan = plan(rows);
            Estimates::of(&PlanView::new(&plan)).off(1)
        };
        assert_eq!((off(10.0), off(1e6)), (0.0, 2.0));
    }
}
