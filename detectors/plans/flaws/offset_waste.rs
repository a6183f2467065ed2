//! Finds pages far behind: rows that are made in order to be skipped.
//!
//! ## Why it is slow
//!
//! `OFFSET 10000 LIMIT 20` makes 10,020 rows and gives twenty. The further a user turns the pages, the slower they get.
//!
//! ## What counts
//!
//! Limits that skip at least `rows_min` rows, and nine in ten of those that are made for them.
//!
//! ## Stays silent
//!
//! - on first pages;
//! - where a limit gives all that it is given.
//!
//! ## Remedy
//!
//! Ask for what comes behind the last row that was shown (`WHERE (created_at, id) < (…, …) ORDER BY created_at DESC, id
//! DESC LIMIT 20`), with an index in that order. Best case: only the rows of the page are made. Worst case, where they come in
//! that order already: three tenths of the time are left. Where they are sorted for it, that needs the index, and may win
//! nothing without.
//!
//! ## How to check
//!
//! Rows of the node below the limit: as many as the page has.

use crate::evidence::plan::{Key, NodeType};
use crate::finding::Confidence;
use crate::plans::{PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

use super::{left, rows, tables};

const ROWS_MIN: Setting = Setting {
    name: "rows_min",
    unit: "rows that are skipped",
    default: 1_000,
    why: "fewer are skipped in a millisecond",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "offset-waste",
    summary: "rows are made in order to be skipped: a page far behind",
    page: include_str!("offset_waste.rs"),
    settings: &[ROWS_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// So many of a hundred rows are skipped.
const SKIPPED: f64 = 90.0;

/// What is left at worst, per mille, where rows come in order already.
const WORST_IN_ORDER: u16 = 300;

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    let mut next = 0;
    for (number, node) in view.nodes().filter(|(_, node)| node.node_type == NodeType::Limit) {
        let Some(below) = view.inputs(number).next().filter(|_| number >= next) else { continue };
        let (Some(given), Some(made)) = (node.rows(), view.node(below).rows()) else { continue };
        let skipped = made - given;
        if skipped < settings.get(&ROWS_MIN) as f64 || skipped * 100.0 < made * SKIPPED {
            if skipped >= 1.0 {
                let reason = format!("skips {} of {} rows", rows(skipped), rows(made));
                problems.dismiss(number, subject(view, number), reason);
            }
            continue;
        }
        next = view.end(number);
        tell(view, number, below, problems);
    }
}

fn subject(view: &PlanView<'_>, number: u32) -> String {
    format!("page of {}", tables(view, number))
}

fn tell(view: &PlanView<'_>, number: u32, below: u32, problems: &mut Problems) {
    let given = view.node(number).rows().unwrap_or(0.0);
    let made = view.node(below).rows().unwrap_or(0.0);
    let sort = sort_below(view, below);
    let (confidence, worst) = match sort {
        Some(_) => (Confidence::Medium, 1000),
        None => (Confidence::High, WORST_IN_ORDER),
    };
    let best = left(given.max(1.0), made);
    let problem = problems.push(number, subject(view, number), confidence);
    problem
        .claim_all(made_for_it(view, below), best, worst.max(best))
        .because(format!(
            "{} rows are made, {} of them are skipped and {} given",
            rows(made),
            rows(made - given),
            rows(given),
        ))
        .advise(
            "ask for what comes behind the last row of the page before (WHERE (column, id) < (…, …) ORDER BY both LIMIT n), \
             with an index in that order",
            "pages can be turned, and not jumped to",
        )
        .check(format!("rows below the limit: {} now, {} then", rows(made), rows(given)));
    if sort.is_some() {
        problem.advise("keep the keys of the result for whoever turns its pages", "they get old");
    }
}

/// The sort that gives rows to a limit, through nodes that hand them on.
fn sort_below(view: &PlanView<'_>, below: u32) -> Option<u32> {
    let mut at = Some(below);
    for _ in 0..8 {
        let number = at?;
        match view.node(number).node_type {
            NodeType::Sort => return Some(number),
            NodeType::Gather | NodeType::GatherMerge | NodeType::SubqueryScan | NodeType::Result => {}
            _ => return None,
        }
        at = view.inputs(number).next();
    }
    None
}

/// What is done row by row as the limit asks for them: all but what others read to the end.
fn made_for_it(view: &PlanView<'_>, below: u32) -> Vec<u32> {
    let all = view.end(below);
    let (mut at, mut made) = (below, Vec::new());
    let is_sorted = sort_below(view, below).is_some();
    while at < all {
        let node = view.node(at);
        let reads_all = matches!(node.node_type, NodeType::Sort | NodeType::Hash)
            || matches!(node.facts.text(Key::Strategy), Some("Hashed" | "Plain"));
        if reads_all && !is_sorted {
            at = view.end(at);
        } else {
            made.push(at);
            at += 1;
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn page(made: f64, given: f64) -> Sketch {
        sketch()
            .node(0, NodeType::Limit, 500.0, given, 1)
            .node(1, NodeType::NestedLoop, 499.0, made, 1)
            .node(2, NodeType::IndexScan, 200.0, made, 1)
            .text(Key::RelationName, "orders")
            .node(2, NodeType::IndexScan, 0.01, 1.0, made as u32)
            .text(Key::RelationName, "customers")
            .execution(500.0)
    }

    #[test]
    fn rows_that_are_skipped_are_told() {
        let report = page(10_020.0, 20.0).judged();
        let problem = report.only("offset-waste");
        assert_eq!((problem.node, &*problem.subject), (0, "page of orders and customers"));
        let [worst, best] = problem.gain_range_ns.unwrap();
        assert_eq!((worst / 1_000_000, best / 1_000_000, problem.confidence), (349, 498, Confidence::High));
    }

    #[test]
    fn where_rows_are_sorted_for_it_an_index_has_to_come_with_it() {
        let plan = sketch()
            .node(0, NodeType::Limit, 500.0, 20.0, 1)
            .node(1, NodeType::Sort, 499.0, 10_020.0, 1)
            .node(2, NodeType::SeqScan, 200.0, 50_000.0, 1);
        let report = plan.judged();
        assert_eq!(report.only("offset-waste").gain_range_ns.unwrap()[0], 0);
    }

    #[test]
    fn silent_on_first_pages() {
        page(20.0, 20.0).judged().silent("offset-waste");
        page(120.0, 20.0).judged().silent("offset-waste");
        page(2_000.0, 1_000.0).judged().silent("offset-waste");
    }
}
