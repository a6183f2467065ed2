//! Finds statements that search many partitions of a table for rows that are in a few of them.
//!
//! ## Why it is slow
//!
//! A partition is left out only where the condition says so: where it compares the partition key, by itself, with a value. A
//! statement that names other columns, or the key inside of a function, opens, locks and searches each partition, and plans
//! each scan. That grows with every partition that is added.
//!
//! ## What counts
//!
//! At least `partitions_min` partitions of one table that were searched by a condition, of which at most `useful_share` had
//! rows. Partitions that the execution left out do not count.
//!
//! ## Stays silent
//!
//! - where `Subplans Removed` or scans that were never executed show that partitions are left out while it runs;
//! - where the rows are in many partitions, so that none could be left out;
//! - where there is no row at all, or no condition: nothing says where the rows are;
//! - on the branches of a `UNION ALL`;
//! - where a limit may have stopped it before the rest was searched.
//!
//! ## Remedy
//!
//! Name the partition key beside what is sought. Best case: nothing is left of the scans of partitions without a row. Worst
//! case: nothing is won, where the statement cannot know the key. Where most statements cannot, partitions by another column, or
//! fewer of them, do better.
//!
//! ## How to check
//!
//! How many partitions the plan reads.

use crate::evidence::plan::{Key, Node, NodeType};
use crate::figures::{count, duration};
use crate::finding::Confidence;
use crate::plans::{Basis, PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

const PARTITIONS_MIN: Setting = Setting {
    name: "partitions_min",
    unit: "partitions of one table",
    default: 8,
    why: "a few partitions are searched as quickly as one",
};

const USEFUL_SHARE: Setting = Setting {
    name: "useful_share",
    unit: "percent of the partitions",
    default: 25,
    why: "rows in more partitions than that are hardly those of one value of the key",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "unpruned-partitions",
    summary: "many partitions are searched for rows that are in a few",
    page: include_str!("unpruned_partitions.rs"),
    settings: &[PARTITIONS_MIN, USEFUL_SHARE],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// Conditions by which a partition is searched.
const CONDITIONS: [Key; 3] = [Key::Filter, Key::IndexCond, Key::RecheckCond];

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    if view.times.basis != Basis::Measured {
        return;
    }
    let appends = view
        .nodes()
        .filter(|(_, node)| matches!(node.node_type, NodeType::Append | NodeType::MergeAppend))
        .filter(|(number, node)| {
            node.facts.count(Key::SubplansRemoved) == 0 && !view.may_stop_early(*number)
        });
    for (number, _) in appends {
        let Some((table, scans)) = partitions(view, number) else { continue };
        let (useful, empty): (Vec<u32>, Vec<u32>) =
            scans.iter().partition(|scan| view.node(**scan).rows().unwrap_or(0.0) > 0.0);
        let are_many = scans.len() as u64 >= settings.get(&PARTITIONS_MIN);
        let are_few = useful.len() as u64 * 100 <= scans.len() as u64 * settings.get(&USEFUL_SHARE);
        if are_many && are_few && !useful.is_empty() {
            tell(view, number, table, (useful.len(), &empty), problems);
        }
    }
}

/// The partitions that a node reads, each searched by a condition, and the name that their table has in the statement.
fn partitions<'v>(view: &'v PlanView<'_>, append: u32) -> Option<(&'v str, Vec<u32>)> {
    let scans: Vec<u32> = view.inputs(append).collect();
    let (stem, _) = numbered(name(view.node(*scans.first()?))?)?;
    let mut tables: Vec<&str> = Vec::new();
    for scan in &scans {
        let node = view.node(*scan);
        let is_searched = view
            .subtree(*scan)
            .any(|part| CONDITIONS.iter().any(|key| view.node(part).facts.text(*key).is_some()));
        let is_own = numbered(name(node)?).is_some_and(|(own, _)| own == stem);
        if !node.node_type.is_table_scan() || !is_searched || !is_own || node.loops() == 0 {
            return None;
        }
        tables.push(node.facts.text(Key::RelationName)?);
    }
    tables.sort_unstable();
    tables.dedup();
    // Branches of a union that read one table are numbered alike; those that read numbered tables name each.
    let is_named = tables.iter().any(|table| names(view, table));
    (tables.len() == scans.len() && !is_named).then_some((stem, scans))
}

/// The name that a table has in the statement: its own, where no other is told.
fn name(node: &Node) -> Option<&str> {
    node.facts.text(Key::Alias).or(node.facts.text(Key::RelationName))
}

/// Whether the statement itself names a table.
fn names(view: &PlanView<'_>, table: &str) -> bool {
    let facts = view.statement.as_ref().and_then(|statement| statement.facts.as_ref());
    facts.is_some_and(|facts| facts.tables.iter().any(|own| own.rsplit('.').next() == Some(table)))
}

/// PostgreSQL numbers the partitions of a table by the name that it has in the statement: `events_1`, `events_2`.
fn numbered(alias: &str) -> Option<(&str, u32)> {
    let (stem, number) = alias.rsplit_once('_')?;
    Some((stem, number.parse().ok()?))
}

fn tell(
    view: &PlanView<'_>,
    append: u32,
    table: &str,
    (useful, empty): (usize, &[u32]),
    problems: &mut Problems,
) {
    let all = useful + empty.len();
    let took = empty.iter().map(|scan| view.inclusive_ns(*scan)).fold(0, u64::saturating_add);
    problems
        .push(append, format!("partitions of {table}"), Confidence::Medium)
        .claim_all(empty.iter().flat_map(|scan| view.subtree(*scan)), 0, 1000)
        .because(format!(
            "{} partitions of {table} are searched, and the rows are in {}: the others take {}",
            count(all as u64),
            count(useful as u64),
            duration(took)
        ))
        .advise(
            "name the partition key beside what is sought: compared with a value, by itself and not inside of a function",
            "the caller must know it",
        )
        .advise(
            "where callers cannot know the key, partition by what they ask for, or make fewer and larger partitions",
            "rows are moved",
        )
        .check(format!("partitions of {table} in the plan: {} now, about {} then", count(all as u64), count(useful as u64)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    /// Partitions of a table that are searched for 10 ms each; the first ones have rows.
    fn searched(partitions: usize, useful: usize) -> Sketch {
        let all = sketch().node(0, NodeType::Append, 10.0 * partitions as f64, 5.0 * useful as f64, 1);
        (1..=partitions).fold(all, |sketch, number| {
            let rows = if number <= useful { 5.0 } else { 0.0 };
            sketch
                .node(1, NodeType::IndexScan, 10.0, rows, 1)
                .text(Key::RelationName, &format!("events_2025_{number}"))
                .text(Key::Alias, &format!("e_{number}"))
                .text(Key::IndexCond, "(e.user_id = 17)")
        })
    }

    #[test]
    fn partitions_without_rows_are_searched_in_vain() {
        let report = searched(12, 2).judged();
        let problem = report.only("unpruned-partitions");
        assert_eq!((&*problem.subject, problem.confidence), ("partitions of e", Confidence::Medium));
        assert_eq!(problem.gain_range_ns, Some([0, 100_000_000]));
        assert!(
            problem.why.contains("12 partitions of e are searched, and the rows are in 2"),
            "{}",
            problem.why
        );
    }

    #[test]
    fn silent_where_rows_are_in_many_or_none_or_partitions_are_few() {
        for (partitions, useful) in [(12, 6), (12, 0), (4, 1)] {
            searched(partitions, useful).judged().silent("unpruned-partitions");
        }
    }

    #[test]
    fn silent_where_partitions_are_left_out_while_it_runs() {
        let removed = searched(12, 2).whole(|plan| {
            plan.nodes[0].facts.set(Key::SubplansRemoved, crate::evidence::plan::Value::Number(3.0));
        });
        removed.judged().silent("unpruned-partitions");
        let never = searched(12, 2).node(1, NodeType::IndexScan, 0.0, 0.0, 0).text(Key::Alias, "e_13");
        never.judged().silent("unpruned-partitions");
    }

    #[test]
    fn silent_on_a_union_and_without_a_condition() {
        let union = (1..=12).fold(sketch().node(0, NodeType::Append, 120.0, 5.0, 1), |sketch, number| {
            let rows = if number == 1 { 5.0 } else { 0.0 };
            let scan = sketch.node(1, NodeType::SeqScan, 10.0, rows, 1).text(Key::RelationName, "events");
            scan.text(Key::Alias, &format!("events_{number}")).text(Key::Filter, "(a = 1)")
        });
        union.judged().silent("unpruned-partitions");
        let named = searched(12, 2).whole(|plan| {
            plan.statement = Some("SELECT 1 FROM events_2025_1 UNION ALL SELECT 1 FROM events_2025_2".into());
        });
        named.judged().silent("unpruned-partitions");
        let whole = searched(12, 2).whole(|plan| {
            plan.nodes.iter_mut().for_each(|node| node.facts.remove(Key::IndexCond));
        });
        whole.judged().silent("unpruned-partitions");
    }
}
