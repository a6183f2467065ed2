//! Finds joins that pair each row of one side with each of the other.
//!
//! ## Why it is slow
//!
//! Where a join has no condition that both sides have to meet, there are as many pairs as the rows of one side times those of
//! the other. Mostly a condition was forgotten, or `DISTINCT` and `GROUP BY` above hide that there are too many.
//!
//! ## What counts
//!
//! Nested loops without a condition on pairs, whose second side is the same for each row of the first, that make at least
//! `pairs_min` pairs.
//!
//! ## Stays silent
//!
//! - where one side has a single row, such as a setting or a total;
//! - where the second side is looked up by the first;
//! - on what is computed from the row it stands beside (`LATERAL`, functions).
//!
//! ## Remedy
//!
//! The condition that the two have to meet. Best case: one pair for each row of the larger side is left. Worst case: all pairs
//! are wanted, and nothing is won.
//!
//! ## How to check
//!
//! Rows of the join: no more than those of its larger side.

use crate::evidence::plan::{Key, Node, NodeType};
use crate::finding::Confidence;
use crate::plans::{PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

use super::{left, rows, tables};

const PAIRS_MIN: Setting = Setting {
    name: "pairs_min",
    unit: "pairs of rows",
    default: 10_000,
    why: "small tables are often paired on purpose: days with shops, sizes with colours",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "cartesian-join",
    summary: "a join pairs each row of one side with each of the other",
    page: include_str!("cartesian_join.rs"),
    settings: &[PAIRS_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    for (number, node) in view.nodes().filter(|(_, node)| node.node_type == NodeType::NestedLoop) {
        let mut inputs = view.inputs(number);
        let (Some(outer), Some(inner)) = (inputs.next(), inputs.next()) else { continue };
        let is_inner = node.facts.text(Key::JoinType).is_none_or(|kind| kind == "Inner");
        if !is_inner || node.facts.has(Key::JoinFilter) || !is_the_same(view, inner) {
            continue;
        }
        let first = view.node(outer).rows().unwrap_or(0.0);
        let second = view.node(inner).facts.number(Key::ActualRows).unwrap_or(0.0);
        let pairs = node.rows().unwrap_or(0.0);
        let is_product = first >= 2.0 && second >= 2.0 && pairs >= first * second * 0.9;
        if !is_product {
            continue;
        }
        let subject = format!("{} with {}", tables(view, outer), tables(view, inner));
        if pairs < settings.get(&PAIRS_MIN) as f64 {
            problems.dismiss(number, subject, format!("{} pairs", rows(pairs)));
            continue;
        }
        let larger = left(first.max(second), pairs);
        problems
            .push(number, subject, Confidence::Medium)
            .claim(number, larger, 1000)
            .claim(inner, larger, 1000)
            .because(format!(
                "nothing says which rows belong together: {} rows and {} rows make {} pairs",
                rows(first),
                rows(second),
                rows(pairs),
            ))
            .advise("join them by a condition; where DISTINCT or GROUP BY stands above, it may be there only to hide it", "")
            .check(format!("rows of the join: {} now", rows(pairs)));
    }
}

/// Whether a second side is the same for each row of the first: it is kept in memory, or is a whole table.
fn is_the_same(view: &PlanView<'_>, inner: u32) -> bool {
    let node = view.node(inner);
    let conditions = [Key::Filter, Key::IndexCond, Key::RecheckCond, Key::TidCond];
    let is_bare = |node: &Node| !conditions.into_iter().any(|key| node.facts.has(key));
    match node.node_type {
        NodeType::Materialize => true,
        _ => node.node_type.is_table_scan() && node.node_type != NodeType::SampleScan && is_bare(node),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn paired(first: f64, second: f64) -> Sketch {
        sketch()
            .node(0, NodeType::NestedLoop, 900.0, first * second, 1)
            .text(Key::JoinType, "Inner")
            .node(1, NodeType::SeqScan, 5.0, first, 1)
            .text(Key::RelationName, "orders")
            .node(1, NodeType::Materialize, 0.5, second, first as u32)
            .node(2, NodeType::SeqScan, 5.0, second, 1)
            .text(Key::RelationName, "customers")
    }

    #[test]
    fn all_pairs_are_told() {
        let report = paired(1_000.0, 500.0).judged();
        let problem = report.only("cartesian-join");
        assert_eq!(problem.subject, "orders with customers");
        assert_eq!(problem.gain_range_ns.unwrap()[0], 0);
        assert!(problem.why.contains("make 500,000 pairs"), "{}", problem.why);
    }

    #[test]
    fn silent_on_one_row_on_few_pairs_on_conditions_and_lookups() {
        paired(100_000.0, 1.0).judged().silent("cartesian-join");
        paired(50.0, 20.0).judged().silent("cartesian-join");
        let filtered = paired(1_000.0, 500.0).whole(|plan| {
            let filter = crate::evidence::plan::Value::Text("(a.at > b.at)".into());
            plan.nodes[0].facts.set(Key::JoinFilter, filter);
        });
        filtered.judged().silent("cartesian-join");
        let lookup = sketch()
            .node(0, NodeType::NestedLoop, 900.0, 5e5, 1)
            .node(1, NodeType::SeqScan, 5.0, 1e3, 1)
            .node(1, NodeType::IndexScan, 0.8, 500.0, 1_000)
            .text(Key::IndexCond, "(customer_id = c.id)");
        lookup.judged().silent("cartesian-join");
    }
}
