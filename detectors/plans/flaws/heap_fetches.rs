//! Finds index-only scans that look into the table all the same.
//!
//! ## Why it is slow
//!
//! An index holds no word on who may see a row. An index-only scan spares the table only where a map says that all rows of
//! a page are visible to everybody, and `VACUUM` writes that map. On pages that were changed since, each row is looked
//! up in the table as if the index lacked its columns.
//!
//! ## What counts
//!
//! Index-only scans that look up at least `fetched_min` of their rows in the table, and at least `fetches_min` of them.
//!
//! ## Stays silent
//!
//! - where few rows are looked up;
//! - on plans of servers that do not tell of it.
//!
//! ## Remedy
//!
//! `VACUUM` of the table, and more often. Best case: only the pages of the index are looked at, at least a fifth of the time
//! is left. Worst case: nine tenths, on a table that is changed all the time.
//!
//! ## How to check
//!
//! `Heap Fetches` of the scan right after `VACUUM`: none.

use crate::evidence::plan::{Key, Node, NodeType};
use crate::figures::{count, share};
use crate::finding::Confidence;
use crate::plans::{PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

use super::{left, removed};

const FETCHED_MIN: Setting = Setting {
    name: "fetched_min",
    unit: "% of the rows",
    default: 25,
    why: "some pages are always changed since the last VACUUM",
};

const FETCHES_MIN: Setting = Setting {
    name: "fetches_min",
    unit: "rows looked up in the table",
    default: 100,
    why: "fewer are looked up in less than a millisecond",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "heap-fetches",
    summary: "an index-only scan looks into the table all the same, for want of VACUUM",
    page: include_str!("heap_fetches.rs"),
    settings: &[FETCHED_MIN, FETCHES_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// At best so much is left, per mille: the index has its own pages. And so much at worst.
const LEFT: (u16, u16) = (200, 900);

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    for (number, node) in view.nodes().filter(|(_, node)| node.node_type == NodeType::IndexOnlyScan) {
        let fetches = node.facts.count(Key::HeapFetches);
        if fetches == 0 {
            continue;
        }
        let rows = read(node).max(fetches);
        let subject =
            format!("{} by {}", view.target(number), node.facts.text(Key::IndexName).unwrap_or("index"));
        let is_little = fetches < settings.get(&FETCHES_MIN);
        if is_little || fetches.saturating_mul(100) < rows.saturating_mul(settings.get(&FETCHED_MIN)) {
            let reason = format!("{} of {} rows are looked up in the table", count(fetches), count(rows));
            problems.dismiss(number, subject, reason);
            continue;
        }
        let table = node.facts.text(Key::RelationName).unwrap_or("the table");
        problems
            .push(number, subject, Confidence::High)
            .claim(number, best(view, number, fetches), LEFT.1)
            .because(format!(
                "the index has all that is asked for, and still {} of {} rows ({}) are looked up in the table, as its \
                 pages were changed since the last VACUUM",
                count(fetches),
                count(rows),
                share(fetches, rows)
            ))
            .advise(format!("VACUUM {table}, to see whether it helps"), "it reads what was changed, and blocks nobody")
            .advise(
                format!(
                    "ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02, \
                     autovacuum_vacuum_insert_scale_factor = 0.02), so that it happens in time"
                ),
                "VACUUM runs more often on this table",
            )
            .check(format!("Heap Fetches: {} now, none after VACUUM", count(fetches)));
    }
}

/// Rows of all loops that the index gave, kept or not.
fn read(node: &Node) -> u64 {
    (node.rows().unwrap_or(0.0) + removed(node, Key::RowsRemovedByFilter)) as u64
}

/// Where pages are told, those of the index are left: all that are not of the table.
fn best(view: &PlanView<'_>, number: u32, fetches: u64) -> u16 {
    let blocks = view.self_blocks(number);
    left(blocks.saturating_sub(fetches) as f64, blocks.max(1) as f64).clamp(LEFT.0, LEFT.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn fetched(fetches: f64, rows: f64, loops: u32) -> Sketch {
        sketch()
            .node(0, NodeType::IndexOnlyScan, 100.0, rows, loops)
            .text(Key::RelationName, "orders")
            .text(Key::IndexName, "orders_created")
            .number(Key::HeapFetches, fetches)
            .number(Key::SharedHitBlocks, 10_000.0)
    }

    #[test]
    fn rows_that_are_looked_up_are_told() {
        let report = fetched(4_000.0, 10_000.0, 1).judged();
        let problem = report.only("heap-fetches");
        assert_eq!(problem.subject, "orders by orders_created");
        assert_eq!(problem.gain_range_ns, Some([10_000_000, 40_000_000]));
    }

    #[test]
    fn fetches_are_of_all_loops_as_rows_are() {
        fetched(4_000.0, 100.0, 1_000).judged().silent("heap-fetches");
        fetched(0.0, 100.0, 1).judged().silent("heap-fetches");
        fetched(50.0, 100.0, 1).judged().silent("heap-fetches");
    }
}
