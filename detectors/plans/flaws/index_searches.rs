//! Finds scans that go down an index many times, as its first column is not in the condition.
//!
//! ## Why it is slow
//!
//! From PostgreSQL 18 on an index on `(region, created_at)` may serve a condition on `created_at` alone: it is
//! searched once for each region that there is. For a handful of regions that is quick, for thousands it is not.
//!
//! ## What counts
//!
//! Scans that go down an index at least `searches_min` times, and at least ten times in each execution, where the condition
//! asks for no list.
//!
//! ## Stays silent
//!
//! - on lists (`= ANY`, `IN`): each of their values has to be searched;
//! - on servers that do not tell of searches;
//! - where an index is searched once for each execution.
//!
//! ## Remedy
//!
//! An index that begins with the column of the condition. Best case: one search for each execution, and the rows that are
//! wanted. Worst case: seven tenths are left.
//!
//! ## How to check
//!
//! `Index Searches` of the node: as many as its loops.

use crate::evidence::plan::{Key, NodeType};
use crate::figures::count;
use crate::finding::Confidence;
use crate::plans::conditions::columns_of;
use crate::plans::{PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::wording::list;
use crate::{Detector, Inspect};

use super::left;

const SEARCHES_MIN: Setting = Setting {
    name: "searches_min",
    unit: "searches",
    default: 1_000,
    why: "as many take about a millisecond",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "index-searches",
    summary: "an index is searched many times, as its first column is not in the condition",
    page: include_str!("index_searches.rs"),
    settings: &[SEARCHES_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// What is left at worst, per mille.
const WORST: u16 = 700;

/// Fewer searches in an execution are what a condition of two parts may take.
const IN_EACH: u64 = 10;

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    for (number, node) in view.nodes() {
        let is_scan = node.node_type.is_index_scan() || node.node_type == NodeType::BitmapIndexScan;
        let (searches, loops) = (node.facts.count(Key::IndexSearches), node.loops().max(1));
        let index = node.facts.text(Key::IndexName).filter(|_| is_scan && searches / loops >= IN_EACH);
        let Some(index) = index else { continue };
        let subject = format!("searches of {index}");
        let condition = node.facts.text(Key::IndexCond).unwrap_or_default();
        if condition.contains("ANY (") {
            let reason = format!("{} searches for the values of a list", count(searches));
            problems.dismiss(number, subject, reason);
            continue;
        }
        if searches < settings.get(&SEARCHES_MIN) {
            problems.dismiss(number, subject, format!("{} searches", count(searches)));
            continue;
        }
        let rows = node.rows().unwrap_or(0.0);
        let columns = columns_of(condition, view.engine());
        problems
            .push(number, subject, Confidence::High)
            .claim(number, left(loops as f64 + rows, searches as f64 + rows), WORST)
            .because(format!(
                "{} searches in {} of the scan: the condition {} says nothing of the first column of the index",
                count(searches),
                if loops == 1 { "one execution".to_owned() } else { format!("{} executions", count(loops)) },
                view.expression(number, Key::IndexCond).unwrap_or_default(),
            ))
            .advise(
                match columns.as_slice() {
                    [] => "an index that begins with the column of the condition".to_owned(),
                    columns => format!("an index that begins with {}", list(columns)),
                },
                "an index costs each write to its table, and space",
            )
            .check(format!("Index Searches: {} now, {} then", count(searches), count(loops)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn searched(searches: f64, condition: &str, loops: u32) -> Sketch {
        sketch()
            .node(0, NodeType::IndexOnlyScan, 80.0 / f64::from(loops), 20.0, loops)
            .text(Key::IndexName, "orders_region_created")
            .text(Key::IndexCond, condition)
            .number(Key::IndexSearches, searches)
    }

    #[test]
    fn an_index_that_is_searched_for_each_first_value_is_told() {
        let report = searched(9_980.0, "(created_at > '2024-01-01'::date)", 1).judged();
        let problem = report.only("index-searches");
        assert_eq!(problem.fix[0].text, "an index that begins with created_at");
        assert_eq!(problem.gain_range_ns, Some([24_000_000, 79_840_000]));
    }

    #[test]
    fn silent_on_lists_on_lookups_and_on_few() {
        searched(5_000.0, "(id = ANY ('{1,2}'::integer[]))", 1).judged().silent("index-searches");
        searched(5_000.0, "(id = o.id)", 5_000).judged().silent("index-searches");
        searched(200.0, "(created_at > '2024-01-01'::date)", 1).judged().silent("index-searches");
    }
}
