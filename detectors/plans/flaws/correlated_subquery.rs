//! Finds subqueries that are executed once for each row.
//!
//! ## Why it is slow
//!
//! A subquery that refers to the row it stands beside is executed anew for each row. Even by an index that is a lookup a
//! row; where it reads a table, that table is read as often as there are rows. `NOT IN` of a long list is of the
//! same kind: the list is walked for each row.
//!
//! ## What counts
//!
//! Subqueries (`SubPlan` in the plan) that are executed at least `executions_min` times.
//!
//! ## Stays silent
//!
//! - on subqueries that are executed once: hashed ones, and those that refer to no row;
//! - where they are executed a few times.
//!
//! ## Remedy
//!
//! A join with the subquery grouped by what it was asked for, `LATERAL` where a few rows each are wanted, `NOT EXISTS` for
//! `NOT IN`. Where each execution reads rows that it throws away, at best each of them is read once, at worst half of the
//! time is left. Where an index leads to what is wanted, that is only a lead: a join wins less, at best three tenths are left,
//! at worst all of it.
//!
//! ## How to check
//!
//! No `SubPlan` with many loops in the plan, and the pages of the statement.

use crate::evidence::plan::{Key, NodeType, Relationship};
use crate::figures::{count, duration};
use crate::finding::Confidence;
use crate::plans::{Basis, PlanView, Problem, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

use super::{left, rows, tables};

const EXECUTIONS_MIN: Setting = Setting {
    name: "executions_min",
    unit: "executions",
    default: 100,
    why: "a subquery for each of a few rows costs no more than a join",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "correlated-subquery",
    summary: "a subquery is executed once for each row",
    page: include_str!("correlated_subquery.rs"),
    settings: &[EXECUTIONS_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// Where an index leads to what each execution wants, so much is left at best, per mille: the rows are the same.
const BY_INDEX: u16 = 300;

/// Of a node that walked through a list for each of its rows so much is left at best, per mille: it reads them still.
const ASKING: u16 = 50;

/// What an execution throws away for each row that it keeps, so that one pass over the table is less work.
const WASTE_MIN: f64 = 10.0;

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    let mut next = 0;
    for (number, node) in view.nodes().filter(|(_, node)| node.relationship == Relationship::SubPlan) {
        let loops = node.loops();
        if number < next || loops < 2 {
            continue;
        }
        let name = node.facts.text(Key::SubplanName).unwrap_or("subquery");
        let subject = match tables(view, number) {
            names if names.is_empty() => name.to_owned(),
            names => format!("subquery on {names}"),
        };
        if loops < settings.get(&EXECUTIONS_MIN) {
            problems.dismiss(number, subject, format!("is executed {} times", count(loops)));
            continue;
        }
        next = view.end(number);
        let wasted = view.subtree(number).find(|below| wastes(view, *below));
        let is_sure = wasted.is_some() || node.node_type == NodeType::Materialize;
        let confidence = if is_sure { Confidence::Medium } else { Confidence::Low };
        tell(view, number, wasted, problems.push(number, subject, confidence));
    }
}

/// Tells a subquery, of which a node may read rows in vain in each execution.
fn tell(view: &PlanView<'_>, number: u32, wasted: Option<u32>, problem: &mut Problem) {
    let node = view.node(number);
    let loops = node.loops();
    let is_list = node.node_type == NodeType::Materialize;
    let (best, worst) = match wasted {
        _ if is_list => (left(1.0, loops as f64), 500),
        Some(_) => (left(1.0, loops as f64), 500),
        None => (BY_INDEX, 1000),
    };
    let each = match view.times.basis {
        Basis::Measured => format!(", {} each", duration(view.inclusive_ns(number) / loops)),
        _ => String::new(),
    };
    let wasting = wasted.map(|below| {
        let removed = rows(view.node(below).removed());
        format!("; each reads {removed} rows of {} that it throws away", view.target(below))
    });
    // Who asks compares its row with the list, entry by entry.
    let asking = node.parent.filter(|_| is_list);
    problem
        .claim_all(view.subtree(number), best, worst)
        .claim_all(asking, ASKING, worst)
        .because(format!("it is executed {} times{each}{}", count(loops), wasting.unwrap_or_default()))
        .check(format!("executions of the subquery: {} now, one then", count(loops)));
    match is_list {
        true => problem.advise(
            "NOT EXISTS instead of NOT IN, which can be a join; or more work_mem, so that the list is hashed",
            "NOT IN is never true where the list has a NULL, NOT EXISTS may be",
        ),
        false => problem.advise(
            "join the subquery, grouped by the columns that it is compared with (LEFT JOIN where there may be none)",
            "it is computed for all of them, so that it loses where only a few rows ask",
        ),
    };
}

/// Whether a node reads much more than it keeps in each execution.
fn wastes(view: &PlanView<'_>, number: u32) -> bool {
    let node = view.node(number);
    let kept = node.facts.number(Key::ActualRows).unwrap_or(0.0);
    node.node_type.is_table_scan() && node.removed() >= WASTE_MIN * kept.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn subquery(loops: u32, removed: f64) -> Sketch {
        sketch()
            .node(0, NodeType::SeqScan, 1_000.0, f64::from(loops), 1)
            .text(Key::RelationName, "customers")
            .node(1, NodeType::Aggregate, 900.0 / f64::from(loops), 1.0, loops)
            .apart(Relationship::SubPlan, "SubPlan 1")
            .node(2, NodeType::SeqScan, 800.0 / f64::from(loops), 10.0, loops)
            .text(Key::RelationName, "orders")
            .number(Key::RowsRemovedByFilter, removed)
            .execution(1_000.0)
    }

    #[test]
    fn a_table_that_is_read_for_each_row_is_told() {
        let report = subquery(200, 5_000.0).judged();
        let problem = report.only("correlated-subquery");
        assert_eq!((problem.node, &*problem.subject), (1, "subquery on orders"));
        assert_eq!(problem.gain_range_ns, Some([450_000_000, 895_500_000]));
        assert!(problem.why.contains("executed 200 times, 4.5 ms each"), "{}", problem.why);
    }

    #[test]
    fn lookups_win_less_and_may_win_nothing() {
        let report = subquery(200, 0.0).judged();
        let problem = report.only("correlated-subquery");
        assert_eq!((problem.gain_range_ns, problem.confidence), (Some([0, 630_000_000]), Confidence::Low));
    }

    #[test]
    fn silent_where_it_is_executed_a_few_times_or_once() {
        subquery(50, 5_000.0).judged().silent("correlated-subquery");
        subquery(1, 5_000.0).judged().silent("correlated-subquery");
    }
}
