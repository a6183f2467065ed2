//! Finds indexes that lead to many rows, of which a filter then throws nearly all away.
//!
//! ## Why it is slow
//!
//! The index knows some of the columns of the condition and not the others. Each row that it leads to is looked up in the
//! table, mostly in a page of its own, only to be found not wanted.
//!
//! ## What counts
//!
//! Scans by an index whose filter takes away at least `removed_min` of the rows, and at least `rows_min` of them in all.
//!
//! ## Stays silent
//!
//! - where most rows are kept: an index on more columns would lead to as many;
//! - on filters that ask another part of the plan for each row: no index knows the answer;
//! - on scans of whole tables: that is a missing index.
//!
//! ## Remedy
//!
//! An index that has the columns of the filter as well. Best case: only what is kept is read, and each execution of the scan
//! costs one way down the index. Worst case: half of what the filter threw away is still read.
//!
//! ## How to check
//!
//! `Rows Removed by Filter` of the scan, and the pages that it looks at.

use crate::evidence::plan::{Key, Node, NodeType};
use crate::figures::share;
use crate::finding::Confidence;
use crate::plans::conditions::columns_of;
use crate::plans::{PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::wording::list;
use crate::{Detector, Inspect};

use super::{all_but, left, removed, rows};

const REMOVED_MIN: Setting = Setting {
    name: "removed_min",
    unit: "% of the rows that are read",
    default: 90,
    why: "where more is kept a better index gives back less than it costs each write",
};

const ROWS_MIN: Setting = Setting {
    name: "rows_min",
    unit: "rows that are thrown away",
    default: 1_000,
    why: "fewer are read in a millisecond",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "filter-waste",
    summary: "an index leads to many rows, of which a filter throws nearly all away",
    page: include_str!("filter_waste.rs"),
    settings: &[REMOVED_MIN, ROWS_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    for (number, node) in view.nodes() {
        let is_by_index = node.node_type.is_index_scan() || node.node_type == NodeType::BitmapHeapScan;
        let Some(filter) = node.facts.text(Key::Filter).filter(|_| is_by_index) else { continue };
        let gone = removed(node, Key::RowsRemovedByFilter);
        let kept = node.rows().unwrap_or(0.0);
        let subject = format!("filter of {}", view.target(number));
        let is_little = gone < settings.get(&ROWS_MIN) as f64;
        if is_little || gone * 100.0 < (gone + kept) * settings.get(&REMOVED_MIN) as f64 {
            if gone > 0.0 {
                problems.dismiss(
                    number,
                    subject,
                    format!("throws {} of {} rows away", rows(gone), rows(gone + kept)),
                );
            }
            continue;
        }
        if filter.contains("SubPlan") {
            problems.dismiss(number, subject, "the filter asks another part of the plan");
            continue;
        }
        tell(view, number, &subject, problems);
    }
}

fn tell(view: &PlanView<'_>, number: u32, subject: &str, problems: &mut Problems) {
    let node = view.node(number);
    let (gone, kept) = (removed(node, Key::RowsRemovedByFilter), node.rows().unwrap_or(0.0));
    let best = left(kept + node.loops() as f64, kept + gone);
    let worst = left(kept + gone / 2.0, kept + gone).max(best);
    let below = view.inputs(number).filter(|below| view.node(*below).node_type == NodeType::BitmapIndexScan);
    let filter = view.expression(number, Key::Filter).unwrap_or_default();
    let columns = node.facts.text(Key::Filter).map_or_else(Vec::new, |text| columns_of(text, view.engine()));
    let confidence = if columns.is_empty() { Confidence::Medium } else { Confidence::High };
    problems
        .push(number, subject, confidence)
        .claim(number, best, worst)
        .claim_all(below, best, worst)
        .because(format!(
            "{} leads to {} rows, and the filter {filter} throws away {} ({})",
            index(view, number),
            rows(gone + kept),
            all_but(kept, gone + kept),
            share(gone as u64, (gone + kept) as u64),
        ))
        .advise(advice(view, number, &columns), "an index costs each write to its table, and space")
        .check(format!("Rows Removed by Filter: {} now, next to none then", rows(gone)));
}

/// The index that leads to the rows.
fn index(view: &PlanView<'_>, number: u32) -> String {
    let own = |node: &Node| node.facts.text(Key::IndexName).map(str::to_owned);
    let below = || view.inputs(number).find_map(|below| own(view.node(below)));
    let name = own(view.node(number)).or_else(below);
    name.map_or_else(|| "the index".to_owned(), |name| format!("index {name}"))
}

/// Whether a condition leads through the index; else it is read from one end to the other.
fn leads(node: &Node) -> bool {
    let by_engine = node.facts.text(Key::AccessType).is_some_and(|how| how != "index");
    by_engine || node.facts.has(Key::IndexCond) || node.facts.has(Key::RecheckCond)
}

fn advice(view: &PlanView<'_>, number: u32, columns: &[String]) -> String {
    let node = view.node(number);
    let table = node.facts.text(Key::RelationName).or(node.target()).unwrap_or("the table");
    let (index, added) = (index(view, number), list(columns));
    match (columns, leads(node)) {
        ([], _) => {
            format!("an index on {table} that has the expression of the filter, beside what {index} has")
        }
        (_, true) => format!(
            "an index on {table} that has {added} beside the columns of {index}: those compared with = first"
        ),
        (_, false) => format!(
            "an index on {table} that has {added} in front of the columns of {index}, which gives only the order"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn filtered(kept: f64, gone: f64, loops: u32) -> Sketch {
        sketch()
            .node(0, NodeType::IndexScan, 900.0 / f64::from(loops), kept, loops)
            .text(Key::RelationName, "orders")
            .text(Key::Alias, "o")
            .text(Key::IndexName, "orders_customer")
            .text(Key::IndexCond, "(o.customer_id = 7)")
            .text(Key::Filter, "(o.status = 'failed'::text)")
            .number(Key::RowsRemovedByFilter, gone)
            .execution(900.0)
    }

    #[test]
    fn a_filter_that_throws_nearly_all_away_is_told() {
        let report = filtered(10.0, 9_990.0, 1).judged();
        let problem = report.only("filter-waste");
        assert_eq!((&*problem.subject, problem.confidence), ("filter of orders o", Confidence::High));
        assert_eq!(problem.gain_range_ns, Some([450_000_000, 899_100_000]));
        assert!(problem.why.contains("index orders_customer leads to 10,000 rows"), "{}", problem.why);
        assert!(problem.fix[0].text.contains("on orders that has status beside"), "{:?}", problem.fix);
        assert!(!format!("{report:?}").contains("failed"));
    }

    #[test]
    fn an_index_that_only_gives_the_order_gets_the_column_in_front() {
        let ordered = |access: Option<&str>| {
            let plan = filtered(10.0, 9_990.0, 1).whole(|plan| plan.nodes[0].facts.remove(Key::IndexCond));
            let plan = match access {
                Some(access) => plan.text(Key::AccessType, access),
                None => plan,
            };
            plan.judged().only("filter-waste").fix[0].text.clone()
        };
        assert!(ordered(None).contains("status in front of the columns of index orders_customer"));
        assert!(ordered(Some("index")).contains("in front of"));
        assert!(ordered(Some("ref")).contains("status beside the columns"));
    }

    #[test]
    fn each_loop_keeps_its_way_down_the_index() {
        let report = filtered(0.0, 10.0, 1_000).judged();
        assert_eq!(report.only("filter-waste").gain_range_ns, Some([450_000_000, 810_000_000]));
    }

    #[test]
    fn silent_where_rows_are_kept_or_few_or_another_part_is_asked() {
        filtered(5_000.0, 5_000.0, 1).judged().silent("filter-waste");
        filtered(1.0, 900.0, 1).judged().silent("filter-waste");
        let asks = filtered(10.0, 9_990.0, 1).text(Key::Filter, "(NOT (SubPlan 1))").judged();
        asks.silent("filter-waste");
        assert_eq!(asks.dismissed[0].reason, "the filter asks another part of the plan");
    }
}
