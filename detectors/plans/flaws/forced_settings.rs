//! Finds plans that a setting has kept from being better.
//!
//! ## Why it is slow
//!
//! `enable_hashjoin = off` and its like are for looking at what the planner would do without. Left on, in the configuration
//! of the server, of a role or of a pool, they take the best plan away from all statements.
//!
//! ## What counts
//!
//! Settings that switch a kind of node off, where nodes of the plan stand in its place: a nested loop or merge join
//! where hash joins are off, a scan of the whole table that throws rows away where index scans are.
//!
//! ## Stays silent
//!
//! - where the plan has nothing that would stand in the place of what is off;
//! - on plans that do not tell of settings (`EXPLAIN (SETTINGS)`, `auto_explain.log_settings`).
//!
//! ## Remedy
//!
//! Switch it on again, and compare. Best case, as it is not known: half of the time of the nodes that stand in its place.
//! Worst case: nothing is won.
//!
//! ## How to check
//!
//! The plan of the statement with `SET LOCAL … = on`.

use crate::evidence::plan::{Key, Node, NodeType};
use crate::figures::counted;
use crate::finding::Confidence;
use crate::plans::{PlanView, Problems};
use crate::settings::Values;
use crate::{Detector, Inspect};

pub(crate) const DETECTOR: Detector = Detector {
    id: "forced-settings",
    summary: "a setting keeps the planner from a kind of plan",
    page: include_str!("forced_settings.rs"),
    settings: &[],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// Half may be left of the time of nodes in the place of others, or all of it, per mille.
const LEFT: (u16, u16) = (500, 1000);

/// Whether a node stands in the place of what a setting forbids.
type StandsIn = fn(&Node) -> bool;

const SETTINGS: [(&str, StandsIn); 8] = [
    ("enable_hashjoin", |node| matches!(node.node_type, NodeType::NestedLoop | NodeType::MergeJoin)),
    ("enable_mergejoin", |node| matches!(node.node_type, NodeType::NestedLoop | NodeType::HashJoin)),
    ("enable_nestloop", |node| matches!(node.node_type, NodeType::HashJoin | NodeType::MergeJoin)),
    ("enable_indexscan", throws_away),
    ("enable_bitmapscan", throws_away),
    ("enable_indexonlyscan", |node| node.node_type == NodeType::IndexScan),
    ("enable_hashagg", |node| {
        node.node_type == NodeType::Group || node.facts.text(Key::Strategy) == Some("Sorted")
    }),
    ("enable_seqscan", |node| {
        node.node_type.is_index_scan() && !node.facts.has(Key::IndexCond)
            || node.node_type == NodeType::BitmapHeapScan
    }),
];

fn throws_away(node: &Node) -> bool {
    let kept = node.facts.number(Key::ActualRows).unwrap_or(0.0);
    node.node_type == NodeType::SeqScan && node.removed() > kept
}

fn inspect(view: &PlanView<'_>, _: Values<'_>, problems: &mut Problems) {
    let is_off = |name: &str| {
        let value = view.plan.settings.iter().find(|(own, _)| &**own == name).map(|(_, value)| &**value);
        matches!(value, Some("off" | "'off'" | "false" | "0"))
    };
    for (name, stands_in) in SETTINGS.into_iter().filter(|(name, _)| is_off(name)) {
        let instead: Vec<u32> = view
            .nodes()
            .filter(|(_, node)| node.loops() > 0 && stands_in(node))
            .map(|(number, _)| number)
            .collect();
        let Some(first) = instead.iter().copied().max_by_key(|number| view.self_ns(*number)) else {
            continue;
        };
        problems
            .push(first, format!("{name} = off"), Confidence::Medium)
            .claim_all(instead.iter().copied(), LEFT.0, LEFT.1)
            .because(format!(
                "{name} is off, and {} of the plan may stand in the place of what it forbids",
                counted(instead.len() as u64, "node"),
            ))
            .advise(
                format!("SET LOCAL {name} = on, and compare; RESET it for who runs this if that is better"),
                "",
            )
            .check(format!("the plan with {name} = on"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn joined(setting: &str, value: &str) -> Sketch {
        sketch()
            .node(0, NodeType::MergeJoin, 100.0, 1e4, 1)
            .node(1, NodeType::IndexScan, 20.0, 1e4, 1)
            .text(Key::IndexCond, "(id > 7)")
            .node(1, NodeType::IndexScan, 20.0, 1e4, 1)
            .text(Key::IndexCond, "(id > 7)")
            .whole(|plan| plan.settings.push((setting.into(), value.into())))
    }

    #[test]
    fn what_stands_in_the_place_of_what_is_off_is_told() {
        let report = joined("enable_hashjoin", "off").judged();
        let problem = report.only("forced-settings");
        assert_eq!((problem.node, &*problem.subject), (0, "enable_hashjoin = off"));
        assert_eq!(problem.gain_range_ns, Some([0, 30_000_000]));
    }

    #[test]
    fn silent_where_nothing_stands_in_its_place() {
        joined("enable_hashjoin", "on").judged().silent("forced-settings");
        joined("enable_seqscan", "off").judged().silent("forced-settings");
        joined("work_mem", "64MB").judged().silent("forced-settings");
    }
}
