//! Which nodes may have been stopped before they had given all their rows.
//!
//! What reads from them had enough: a limit, a join that wants to know only whether there is a partner, a merge join whose
//! other side was at its end. That such a node gave fewer rows than were estimated says nothing about the estimate.

use crate::evidence::plan::{Key, Node, NodeType, Plan, Relationship};

/// For each node whether it may have been stopped.
pub(super) fn may_stop_early(plan: &Plan) -> Vec<bool> {
    let mut stops: Vec<bool> = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        let by_parent = node.parent.is_some_and(|parent| {
            let above = &plan.nodes[parent as usize];
            stopped_by(above, node) || (stops[parent as usize] && !reads_all(above))
        });
        stops.push(by_parent);
    }
    stops
}

/// Whether the node right above may want no more rows.
fn stopped_by(parent: &Node, node: &Node) -> bool {
    // Whether a part that is planned apart is asked for all its rows no plan tells: `EXISTS` wants one.
    if node.relationship.is_apart() {
        return true;
    }
    let wants_a_partner = matches!(parent.facts.text(Key::JoinType), Some("Semi" | "Anti"))
        || parent.facts.is(Key::InnerUnique);
    match parent.node_type {
        NodeType::Limit | NodeType::MergeJoin => true,
        NodeType::NestedLoop => wants_a_partner && node.relationship == Relationship::Inner,
        // Its first input is not read on where the hash table is empty.
        NodeType::HashJoin => node.relationship == Relationship::Outer && parent.rows() == Some(0.0),
        NodeType::Memoize => parent.facts.count(Key::CacheHits) > 0,
        _ => false,
    }
}

/// Whether a node has read all its input before it gives its first row.
fn reads_all(node: &Node) -> bool {
    let hashes = node.facts.text(Key::Strategy) == Some("Hashed");
    match node.node_type {
        NodeType::Sort | NodeType::Hash | NodeType::BitmapHeapScan | NodeType::ModifyTable => true,
        NodeType::Aggregate => hashes || node.facts.text(Key::Strategy) == Some("Plain"),
        NodeType::SetOp => hashes,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::sketch;

    #[test]
    fn below_a_limit_until_something_reads_all() {
        let plan = sketch()
            .node(0, NodeType::Limit, 1.0, 1.0, 1)
            .node(1, NodeType::NestedLoop, 1.0, 1.0, 1)
            .text(Key::JoinType, "Semi")
            .node(2, NodeType::Sort, 1.0, 1.0, 1)
            .node(3, NodeType::SeqScan, 1.0, 1.0, 1)
            .node(2, NodeType::IndexScan, 1.0, 1.0, 1)
            .plan();
        assert_eq!(may_stop_early(&plan), [false, true, true, false, true]);
    }

    #[test]
    fn partners_and_merges_stop_and_other_joins_do_not() {
        let plan = sketch()
            .node(0, NodeType::HashJoin, 1.0, 1.0, 1)
            .node(1, NodeType::MergeJoin, 1.0, 1.0, 1)
            .node(2, NodeType::IndexScan, 1.0, 1.0, 1)
            .node(2, NodeType::IndexScan, 1.0, 1.0, 1)
            .node(1, NodeType::Hash, 1.0, 1.0, 1)
            .node(2, NodeType::SeqScan, 1.0, 1.0, 1)
            .plan();
        assert_eq!(may_stop_early(&plan), [false, false, true, true, false, false]);
    }
}
