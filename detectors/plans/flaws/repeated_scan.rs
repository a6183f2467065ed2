//! Finds statements that read the same table whole several times.
//!
//! ## Why it is slow
//!
//! Each total, each branch of a `UNION ALL` and each subquery that stands for itself reads its table anew, where one pass could
//! count for all of them.
//!
//! ## What counts
//!
//! Tables that are read whole at least `scans_min` times in one plan, at different nodes.
//!
//! ## Stays silent
//!
//! - on a table that is joined with itself, which is two scans;
//! - on one scan that is executed many times: that is a [nested-loop](nested-loop.md) or a
//!   [correlated-subquery](correlated-subquery.md);
//! - on partitions, which are tables of their own.
//!
//! ## Remedy
//!
//! One pass that computes all (`count(*) FILTER (WHERE …)`, `CASE`, window functions, one common table expression). Best
//! case: of all scans but the longest two tenths are left. Worst case: nothing is won, where each needs the table for itself.
//!
//! ## How to check
//!
//! How often the table is in the plan, and the pages of the statement.

use std::collections::BTreeMap;

use crate::evidence::plan::{Key, NodeType};
use crate::figures::{count, duration};
use crate::finding::Confidence;
use crate::plans::{Basis, PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

const SCANS_MIN: Setting = Setting {
    name: "scans_min",
    unit: "scans of one table",
    default: 3,
    why: "two are often a table that is joined with itself",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "repeated-scan",
    summary: "one statement reads the same table whole several times",
    page: include_str!("repeated_scan.rs"),
    settings: &[SCANS_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// Of all scans but the longest so much is left, per mille: at best, and at worst.
const LEFT: (u16, u16) = (200, 1000);

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    let mut scans: BTreeMap<(Option<&str>, &str), Vec<u32>> = BTreeMap::new();
    for (number, node) in view.nodes().filter(|(_, node)| node.node_type == NodeType::SeqScan) {
        let is_once = node.loops() <= u64::from(view.times.nodes[number as usize].processes);
        let name = node.facts.text(Key::RelationName).or(node.facts.text(Key::Alias));
        if let Some(name) = name.filter(|_| is_once && view.self_ns(number) > 0) {
            scans.entry((node.facts.text(Key::Schema), name)).or_default().push(number);
        }
    }
    for ((_, table), scans) in scans {
        if scans.len() as u64 >= settings.get(&SCANS_MIN) {
            tell(view, table, &scans, problems);
        }
    }
}

fn tell(view: &PlanView<'_>, table: &str, scans: &[u32], problems: &mut Problems) {
    let longest = scans.iter().copied().max_by_key(|scan| view.self_ns(*scan)).unwrap_or(scans[0]);
    let together = scans.iter().map(|scan| view.self_ns(*scan)).fold(0, u64::saturating_add);
    let took = match view.times.basis {
        Basis::Measured => format!(", {} together", duration(together)),
        _ => String::new(),
    };
    problems
        .push(scans[0], format!("scans of {table}"), Confidence::Low)
        .claim_all(scans.iter().copied().filter(|scan| *scan != longest), LEFT.0, LEFT.1)
        .because(format!("{table} is read whole {} times{took}", count(scans.len() as u64)))
        .advise(
            "compute what is asked for in one pass: count(*) FILTER (WHERE …) or sum(CASE …) for each, or one common table \
             expression that all read",
            "",
        )
        .check(format!("scans of {table} in the plan: {} now, one then", count(scans.len() as u64)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn counted(scans: usize, tables: &[&str]) -> Sketch {
        let all = sketch().node(0, NodeType::Append, 100.0 * scans as f64 + 1.0, 3.0, 1);
        (0..scans).fold(all, |sketch, scan| {
            sketch
                .node(1, NodeType::SeqScan, 100.0, 1e5, 1)
                .text(Key::RelationName, tables[scan % tables.len()])
        })
    }

    #[test]
    fn a_table_that_is_read_three_times_is_a_lead() {
        let report = counted(3, &["orders"]).judged();
        let problem = report.only("repeated-scan");
        assert_eq!((&*problem.subject, problem.confidence), ("scans of orders", Confidence::Low));
        assert_eq!(problem.gain_range_ns, Some([0, 160_000_000]));
    }

    #[test]
    fn silent_on_a_pair_and_on_partitions() {
        counted(2, &["orders"]).judged().silent("repeated-scan");
        counted(3, &["orders_1", "orders_2", "orders_3"]).judged().silent("repeated-scan");
    }
}
