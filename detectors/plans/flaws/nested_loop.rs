//! Finds nested loops that go through all rows of one side for each row of the other.
//!
//! ## Why it is slow
//!
//! A nested loop is right where an index leads from a row of the first side to its partners. Where none does, the second
//! side is read, or walked through in memory, once for each row of the first: a thousand rows on each side make a million
//! pairs, of which the condition throws nearly all away.
//!
//! ## What counts
//!
//! - Nested loops whose condition throws away at least `pairs_min` pairs, and nine in ten of all.
//! - Nested loops whose second side reads a table whole at least `loops_min` times.
//!
//! ## Stays silent
//!
//! - where the second side is looked up by an index;
//! - where it is read whole a few times, or is small.
//!
//! ## Remedy
//!
//! A join by equality can be hashed: each row of both sides is then read once. Best case that is left; worst case half of
//! the time. What stands in the way is an estimate of a few rows, different types on both sides, or a condition that is no
//! equality: then an index on the column of the second side.
//!
//! ## How to check
//!
//! `Rows Removed by Join Filter` and the loops of the second side, or a hash join in its place.

use crate::evidence::plan::{Engine, Key, Node, NodeType};
use crate::figures::{count, duration};
use crate::finding::Confidence;
use crate::plans::{Basis, PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

use super::{all_but, left, removed, rows, tables};

const PAIRS_MIN: Setting = Setting {
    name: "pairs_min",
    unit: "pairs of rows",
    default: 100_000,
    why: "as many pairs are compared in about ten milliseconds",
};

const LOOPS_MIN: Setting = Setting {
    name: "loops_min",
    unit: "executions of the second side",
    default: 10,
    why: "reading a table a few times may cost less than an index on it",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "nested-loop",
    summary: "a nested loop goes through all rows of one side for each row of the other",
    page: include_str!("nested_loop.rs"),
    settings: &[PAIRS_MIN, LOOPS_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// What is left at worst, per mille.
const WORST: u16 = 500;

/// The join condition throws away so many of a hundred pairs.
const THROWN_AWAY: f64 = 90.0;

/// What a loop joins.
#[derive(Debug, Clone, Copy)]
struct Sides {
    outer: u32,
    inner: u32,
}

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    let loops = view.nodes().filter(|(_, node)| node.node_type == NodeType::NestedLoop);
    let mut loops: Vec<(Sides, u32)> =
        loops.filter_map(|(number, _)| Some((sides(view, number)?, number))).collect();
    // The second sides that are told are told whole: what is inside of them only once.
    loops.sort_unstable_by_key(|(sides, _)| sides.inner);
    let mut next = 0;
    for (sides, number) in loops.into_iter() {
        if sides.inner < next {
            continue;
        }
        if compares(view.node(number), settings) {
            tell_pairs(view, number, sides, problems);
        } else if let Some(scan) = read_whole(view, sides.inner, settings) {
            tell_scans(view, number, sides, scan, problems);
        } else {
            continue;
        }
        next = view.end(sides.inner);
    }
}

fn sides(view: &PlanView<'_>, number: u32) -> Option<Sides> {
    let mut inputs = view.inputs(number);
    Some(Sides { outer: inputs.next()?, inner: inputs.next()? })
}

/// Whether the condition of a loop throws nearly all of many pairs away.
fn compares(node: &Node, settings: Values<'_>) -> bool {
    let gone = removed(node, Key::RowsRemovedByJoinFilter);
    let kept = node.rows().unwrap_or(0.0);
    gone >= settings.get(&PAIRS_MIN) as f64 && gone * 100.0 >= (gone + kept) * THROWN_AWAY
}

/// A scan of a whole table that the second side does in each loop.
fn read_whole(view: &PlanView<'_>, inner: u32, settings: Values<'_>) -> Option<u32> {
    let loops_min = settings.get(&LOOPS_MIN);
    let mut at = Some(inner);
    // Down the inputs: what hangs elsewhere is executed at other times.
    for _ in 0..8 {
        let number = at?;
        let node = view.node(number);
        if node.loops() < loops_min {
            return None;
        }
        if is_whole(node) {
            return Some(number);
        }
        at = view.inputs(number).next();
    }
    None
}

/// Whether a node reads a table whole and keeps little of it.
fn is_whole(node: &Node) -> bool {
    let reads_all = match node.node_type {
        NodeType::SeqScan => true,
        NodeType::IndexScan | NodeType::IndexOnlyScan => {
            !node.facts.has(Key::IndexCond) && node.facts.has(Key::Filter)
        }
        _ => false,
    };
    let kept = node.facts.number(Key::ActualRows).unwrap_or(0.0);
    reads_all && node.removed() >= 100.0 && node.removed() >= 10.0 * kept
}

fn tell_pairs(view: &PlanView<'_>, number: u32, sides: Sides, problems: &mut Problems) {
    let node = view.node(number);
    let (gone, kept) = (removed(node, Key::RowsRemovedByJoinFilter), node.rows().unwrap_or(0.0));
    let (outer, inner) = (view.node(sides.outer).rows().unwrap_or(0.0), per_loop(view, sides.inner));
    let filter = view.expression(number, Key::JoinFilter).unwrap_or_default();
    let is_equal = filter.contains(" = ");
    let confidence = if is_equal { Confidence::High } else { Confidence::Medium };
    let best = left(outer + inner + kept, gone + kept);
    let problem = problems.push(number, subject(view, sides), confidence);
    problem
        .claim(number, best, WORST.max(best))
        .claim_all(kept_rows(view, sides.inner), best, WORST.max(best))
        .because(format!(
            "{} rows are compared with {} each, and the condition {filter} throws away {} pairs",
            rows(outer),
            rows(inner),
            all_but(kept, gone + kept),
        ))
        .check(format!("Rows Removed by Join Filter: {} now", rows(gone)));
    if is_equal {
        problem.advise(hashed(view.engine()), "");
    }
    problem.advise(
        format!("an index on the column of {} that is compared", tables(view, sides.inner)),
        "an index costs each write to its table, and space",
    );
}

/// How to get a hash join where the condition is an equality.
fn hashed(engine: Engine) -> &'static str {
    match engine {
        Engine::MariaDb => {
            "let it be a hash join: SET join_cache_level = 4 or more (the default of 2 has none), and compare columns of the same type"
        }
        Engine::MySql => {
            "let it be a hash join (from 8.0.18 on): compare columns of the same type without a function around them"
        }
        Engine::PostgreSql | Engine::Sqlite => {
            "let it be a hash join: ANALYZE the tables, compare columns of the same type without a function around them"
        }
    }
}

/// The second side where it only hands on rows that are kept: what it took grows with the pairs.
fn kept_rows(view: &PlanView<'_>, inner: u32) -> Option<u32> {
    let node = view.node(inner);
    (node.node_type == NodeType::Materialize || node.node_type.is_table_scan()).then_some(inner)
}

fn per_loop(view: &PlanView<'_>, number: u32) -> f64 {
    view.node(number).facts.number(Key::ActualRows).unwrap_or(0.0)
}

fn tell_scans(view: &PlanView<'_>, number: u32, sides: Sides, scan: u32, problems: &mut Problems) {
    let node = view.node(scan);
    let loops = node.loops();
    let best = left(1.0, loops as f64);
    let each = match view.times.basis {
        Basis::Measured => format!(", {} each time", duration(view.inclusive_ns(scan) / loops)),
        _ => String::new(),
    };
    let table = view.target(scan);
    let condition = view.expression(scan, Key::Filter).unwrap_or_default();
    problems
        .push(number, subject(view, sides), Confidence::High)
        .claim_all(view.subtree(sides.inner), best, WORST)
        .because(format!(
            "{table} is read whole {} times{each}, for each row of the first side, and {condition} keeps {} of {} rows",
            count(loops),
            rows(per_loop(view, scan)),
            rows(per_loop(view, scan) + node.removed()),
        ))
        .advise(
            format!("an index on the columns of {table} that are compared, or a join that can be hashed"),
            "an index costs each write to its table, and space",
        )
        .check(format!("times that {table} is read: {} now, once or by an index then", count(loops)));
}

fn subject(view: &PlanView<'_>, sides: Sides) -> String {
    format!("nested loop of {} and {}", tables(view, sides.outer), tables(view, sides.inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn pairs(filter: &str, gone: f64) -> Sketch {
        sketch()
            .node(0, NodeType::NestedLoop, 900.0, 1_000.0, 1)
            .text(Key::JoinFilter, filter)
            .number(Key::RowsRemovedByJoinFilter, gone)
            .node(1, NodeType::SeqScan, 5.0, 1_000.0, 1)
            .text(Key::RelationName, "orders")
            .node(1, NodeType::Materialize, 0.1, 5_000.0, 1_000)
            .node(2, NodeType::SeqScan, 20.0, 5_000.0, 1)
            .text(Key::RelationName, "prices")
    }

    fn scanned(loops: u32, removed: f64) -> Sketch {
        sketch()
            .node(0, NodeType::NestedLoop, 900.0, 100.0, 1)
            .node(1, NodeType::SeqScan, 5.0, f64::from(loops), 1)
            .text(Key::RelationName, "orders")
            .node(1, NodeType::SeqScan, 800.0 / f64::from(loops), 1.0, loops)
            .text(Key::RelationName, "items")
            .text(Key::Filter, "(order_id = orders.id)")
            .number(Key::RowsRemovedByFilter, removed)
    }

    #[test]
    fn pairs_that_are_thrown_away_are_told() {
        let report = pairs("(orders.code = prices.code)", 4_999_000.0).judged();
        let problem = report.only("nested-loop");
        assert_eq!(problem.subject, "nested loop of orders and prices");
        assert_eq!(problem.confidence, Confidence::High);
        assert!(problem.why.starts_with("1,000 rows are compared with 5,000 each"), "{}", problem.why);
        let range = pairs("(orders.at >= prices.since)", 4_999_000.0).judged();
        assert_eq!(range.only("nested-loop").confidence, Confidence::Medium);
    }

    #[test]
    fn a_table_that_is_read_in_each_loop_is_told() {
        let report = scanned(100, 20_000.0).judged();
        let problem = report.only("nested-loop");
        assert_eq!(problem.gain_range_ns, Some([400_000_000, 792_000_000]));
        assert!(problem.why.contains("items is read whole 100 times, 8 ms each time"), "{}", problem.why);
    }

    #[test]
    fn silent_on_few_pairs_on_few_loops_and_on_lookups() {
        pairs("(orders.code = prices.code)", 40_000.0).judged().silent("nested-loop");
        scanned(5, 20_000.0).judged().silent("nested-loop");
        scanned(100, 0.0).judged().silent("nested-loop");
        let lookups = sketch()
            .node(0, NodeType::NestedLoop, 900.0, 1e5, 1)
            .node(1, NodeType::SeqScan, 50.0, 1e5, 1)
            .node(1, NodeType::IndexScan, 0.008, 1.0, 100_000)
            .text(Key::IndexCond, "(id = orders.customer_id)");
        lookups.judged().silent("nested-loop");
    }
}
