//! Finds wrong estimates of rows that lead to a plan for few rows where there are many, or for many where there are few.
//!
//! ## Why it is slow
//!
//! The planner chooses joins by how many rows it expects. A nested loop with lookups is best for ten rows and bad for a
//! hundred thousand; a hash table is sized for what is expected; and to read a table whole is right only if much of it is
//! wanted. Conditions on columns that depend on each other are estimated as if they did not, expressions and
//! functions by fixed guesses.
//!
//! ## What counts
//!
//! An estimate that is off by at least `factor_min`, at the node where the error begins, of at least `rows_min` rows, and only
//! where it leads to something in this plan:
//!
//! - a nested loop whose second side is executed at least `loops_min` times, and that many times more often than expected;
//! - a hash table that had to be cut into more batches than planned;
//! - a table read whole for a join with a few rows, where many were expected.
//!
//! ## Stays silent
//!
//! - where the error changes nothing in this plan;
//! - on nodes that may have been stopped early (below a limit, a merge join, a semi join) and gave fewer rows;
//! - above the node where the error begins;
//! - on scans without a condition: that is [stale-statistics](stale-statistics.md).
//!
//! ## Remedy
//!
//! `ANALYZE`; extended statistics on columns that depend on each other; statistics of an expression; `ROWS` of a function.
//! What another plan takes is not known. Best case of a nested loop: it takes what it was expected to take. Worst case: nothing
//! comes back, where as many lookups are no slower than reading the other table. A table that is read for a few rows may be
//! replaced by lookups, or not at all.
//!
//! ## How to check
//!
//! Estimated and actual rows of the node, and the join above it.

use crate::evidence::plan::{Engine, Key, Node, NodeType};
use crate::finding::Confidence;
use crate::plans::conditions::columns_of;
use crate::plans::estimates::Estimates;
use crate::plans::{PlanView, Problem, Problems};
use crate::settings::{Setting, Values};
use crate::wording::list;
use crate::{Detector, Inspect};

use super::effects::{Effect, LOOPS_MIN, Limits, Origins, ROWS_MIN, claim, found, numbers};
use super::{rows, tables};

const FACTOR_MIN: Setting = Setting {
    name: "factor_min",
    unit: "times more or fewer rows",
    default: 10,
    why: "plans rarely change for less, and estimates are rarely better",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "row-misestimate",
    summary: "a wrong estimate of rows leads to a plan that is bad for the rows there are",
    page: include_str!("row_misestimate.rs"),
    settings: &[FACTOR_MIN, ROWS_MIN, LOOPS_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    let limits = Limits::of(settings, &FACTOR_MIN, Origins::Others);
    let estimates = Estimates::of(view);
    for (effect, origin) in found(view, &estimates, limits) {
        tell(view, &estimates, effect, origin, problems);
    }
}

fn tell(view: &PlanView<'_>, estimates: &Estimates, effect: Effect, origin: u32, problems: &mut Problems) {
    let node = view.node(origin);
    let subject = format!("rows of {}", what(view, origin));
    let confidence =
        if matches!(effect, Effect::Whole { .. }) { Confidence::Low } else { Confidence::Medium };
    let problem = problems.push(origin, subject, confidence);
    let led_to = claim(view, estimates, effect, problem);
    problem.because(format!("{}{}: {led_to}", numbers(view, origin), reason(view, origin))).check(format!(
        "estimated rows of this node: {} now",
        rows(node.facts.number(Key::PlanRows).unwrap_or(0.0))
    ));
    advise(view, origin, problem);
}

fn what(view: &PlanView<'_>, number: u32) -> String {
    match view.target(number) {
        name if !name.is_empty() => name,
        _ if view.node(number).node_type.is_join() => format!("the join of {}", tables(view, number)),
        _ => format!("{} of {}", view.node(number).title(), tables(view, number)),
    }
}

/// The condition of a node whose effect was estimated wrongly.
fn condition(node: &Node) -> Option<Key> {
    [Key::Filter, Key::IndexCond, Key::RecheckCond, Key::JoinFilter, Key::HashCond, Key::MergeCond]
        .into_iter()
        .find(|key| node.facts.has(*key))
}

/// Columns of all conditions of a scan.
fn scanned_columns(node: &Node, engine: Engine) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for key in [Key::IndexCond, Key::RecheckCond, Key::Filter] {
        let found = node.facts.text(key).map_or_else(Vec::new, |text| columns_of(text, engine));
        columns.extend(found);
    }
    columns.sort();
    columns.dedup();
    columns
}

fn reason(view: &PlanView<'_>, number: u32) -> String {
    let condition = condition(view.node(number)).and_then(|key| view.expression(number, key));
    condition.map_or_else(String::new, |condition| format!(" of {condition}"))
}

fn advise(view: &PlanView<'_>, number: u32, problem: &mut Problem) {
    let node = view.node(number);
    let table = node.facts.text(Key::RelationName).or(node.target()).unwrap_or("the tables");
    let columns = scanned_columns(node, view.engine());
    match (view.engine(), &node.node_type) {
        (_, NodeType::FunctionScan) => {
            let name = node.facts.text(Key::FunctionName).unwrap_or("…");
            problem.advise(
                format!("ALTER FUNCTION {name} ROWS with the number that it mostly gives; or keep its rows in a temporary table and ANALYZE that"),
                "",
            );
        }
        (Engine::MySql, _) if node.node_type.is_table_scan() => {
            problem.advise(format!("ANALYZE TABLE {table} UPDATE HISTOGRAM ON {}", list(&columns)), "");
        }
        (Engine::MariaDb, _) if node.node_type.is_table_scan() => {
            problem.advise(format!("ANALYZE TABLE {table} PERSISTENT FOR ALL"), "");
        }
        (_, node_type) if node_type.is_table_scan() => advise_scan(table, &columns, problem),
        (_, node_type) if node_type.is_join() => {
            problem.advise(
                "ANALYZE both tables; what columns of two tables have to do with each other no statistics tell: join the smaller \
                 part first in WITH … AS MATERIALIZED, or keep it in a temporary table and ANALYZE that",
                "the planner can no longer choose its order",
            );
        }
        _ => {
            problem.advise("ANALYZE the tables below, with a higher statistics target of the columns that are grouped by", "");
        }
    }
}

fn advise_scan(table: &str, columns: &[String], problem: &mut Problem) {
    problem.advise(format!("ANALYZE {table}"), "it reads a sample, and blocks nobody");
    match columns {
        [] => problem.advise(
            format!("CREATE STATISTICS on the expression of the condition, FROM {table}; then ANALYZE {table} (from 14 on)"),
            "ANALYZE takes a little longer",
        ),
        [column] => problem.advise(
            format!("ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 1000; then ANALYZE {table}"),
            "planning takes a little longer",
        ),
        columns => problem.advise(
            format!(
                "CREATE STATISTICS (dependencies, mcv) ON {} FROM {table}; then ANALYZE {table}",
                columns.join(", ")
            ),
            "ANALYZE takes a little longer",
        ),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn looped(estimated: f64, actual: f64, filter: &str) -> Sketch {
        sketch()
            .node(0, NodeType::NestedLoop, 900.0, actual, 1)
            .number(Key::PlanRows, estimated)
            .node(1, NodeType::SeqScan, 50.0, actual, 1)
            .number(Key::PlanRows, estimated)
            .text(Key::RelationName, "orders")
            .text(Key::Filter, filter)
            .node(1, NodeType::IndexScan, 800.0 / actual, 1.0, actual as u32)
            .text(Key::RelationName, "customers")
            .text(Key::IndexCond, "(id = orders.customer_id)")
    }

    const TWO: &str = "((city = 'Oslo'::text) AND (country = 'NO'::text))";

    #[test]
    fn a_nested_loop_for_few_rows_is_told_where_the_error_begins() {
        let report = looped(10.0, 20_000.0, TWO).judged();
        let problem = report.only("row-misestimate");
        assert_eq!((problem.node, &*problem.subject), (1, "rows of orders"));
        assert_eq!(problem.gain_range_ns, Some([0, 760_000_000]));
        let statistics =
            "CREATE STATISTICS (dependencies, mcv) ON city, country FROM orders; then ANALYZE orders";
        assert_eq!(problem.fix[1].text, statistics);
        assert!(!format!("{report:?}").contains("Oslo"));
    }

    #[test]
    fn silent_where_it_leads_to_nothing() {
        looped(3_000.0, 20_000.0, TWO).judged().silent("row-misestimate");
        looped(10.0, 900.0, TWO).judged().silent("row-misestimate");
        let alone = sketch()
            .node(0, NodeType::SeqScan, 500.0, 1e6, 1)
            .number(Key::PlanRows, 10.0)
            .text(Key::Filter, TWO)
            .judged();
        alone.silent("row-misestimate");
    }

    #[test]
    fn groups_end_what_an_error_leads_to() {
        let plan = sketch()
            .node(0, NodeType::NestedLoop, 900.0, 2e4, 1)
            .node(1, NodeType::Aggregate, 60.0, 2e4, 1)
            .node(2, NodeType::SeqScan, 50.0, 1e6, 1)
            .number(Key::PlanRows, 10.0)
            .text(Key::Filter, TWO)
            .node(1, NodeType::IndexScan, 0.04, 1.0, 20_000);
        plan.judged().silent("row-misestimate");
    }

    fn hashed(estimated: f64, actual: f64) -> Sketch {
        sketch()
            .node(0, NodeType::HashJoin, 900.0, actual, 1)
            .node(1, NodeType::SeqScan, 600.0, 1e6, 1)
            .text(Key::RelationName, "orders")
            .node(1, NodeType::Hash, 50.0, actual, 1)
            .number(Key::PlanRows, estimated)
            .node(2, NodeType::SeqScan, 50.0, actual, 1)
            .number(Key::PlanRows, estimated)
            .text(Key::RelationName, "customers")
            .text(Key::Filter, "(lower(email) = 'a@b.c'::text)")
    }

    #[test]
    fn a_table_that_is_read_for_a_row_is_a_lead() {
        let report = hashed(5_000.0, 1.0).judged();
        let problem = report.only("row-misestimate");
        assert_eq!((problem.node, problem.confidence), (3, Confidence::Low));
        hashed(5_000.0, 4_000.0).judged().silent("row-misestimate");
    }

    #[test]
    fn a_hash_table_in_more_batches_than_planned_is_told() {
        let plan = |planned: f64| {
            hashed(100.0, 1e5).whole(move |plan| {
                let hash = &mut plan.nodes[2].facts;
                hash.set(Key::HashBatches, crate::evidence::plan::Value::Number(8.0));
                hash.set(Key::OriginalHashBatches, crate::evidence::plan::Value::Number(planned));
                hash.set(Key::ActualTotalTime, crate::evidence::plan::Value::Number(300.0));
            })
        };
        assert_eq!(plan(1.0).judged().only("row-misestimate").node, 3);
        plan(8.0).judged().silent("row-misestimate");
    }

    #[test]
    fn rows_of_a_function_are_a_guess() {
        let report = looped(10.0, 20_000.0, TWO)
            .whole(|plan| {
                plan.nodes[1].node_type = NodeType::FunctionScan;
                plan.nodes[1].facts.set(Key::FunctionName, crate::evidence::plan::Value::Text("due".into()));
            })
            .judged();
        assert!(report.only("row-misestimate").fix[0].text.starts_with("ALTER FUNCTION due ROWS"));
    }
}
