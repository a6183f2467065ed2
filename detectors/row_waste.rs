//! Finds statements that make the server read far more rows than it gives: a lead for an index that is missing.
//!
//! ## Why it is slow
//!
//! Without an index that leads to the rows, the server reads a table from its first row to its last and throws nearly
//! all of them away. That takes longer the more the table holds, keeps a processor busy and drives from memory what
//! others need; in an `UPDATE` it also locks the rows that are read.
//!
//! ## What counts
//!
//! Queries, `UPDATE` and `DELETE` whose executions read at least `rows_min` rows each, and for each row that they give
//! or change at least `read_per_row_min`; where the server says that it read a whole table (full scan, full join),
//! `scanned_per_row_min` is enough. How many rows are read tell the slow logs of MySQL, Percona Server and MariaDB
//! (`Rows_examined`), the last two also full scans (`log_slow_verbosity`).
//!
//! ## Stays silent
//!
//! - where rows read are not told: no trace and no log of PostgreSQL has them;
//! - on statements that sum up, group or compare all rows with one another (`count`, `sum`, `GROUP BY`, `DISTINCT`,
//!   `UNION`, windows), which have to read them;
//! - on `INSERT … SELECT`, on exports, and on pages by `OFFSET`, where an index would read as many;
//! - on tables so small that reading them whole is quicker than an index.
//!
//! ## Remedy
//!
//! An index that leads with the columns that are compared, or in whose order the rows are wanted. Best case: a
//! twentieth of the time is left. Worst case: half of it, where the rows lie all over the table or something else took
//! the time.
//!
//! ## How to check
//!
//! Rows read by one execution, before and after, and `EXPLAIN`: a key where it said `ALL`.

use crate::candidate::{Advice, Candidates, Case, Check, Mark, Remedy, ShortOf, Subject, Told, View};
use crate::evidence::shape::sql::{Comparison, Facts, Verb};
use crate::evidence::trace::Operation;
use crate::evidence::{Effort, Kind, UNKNOWN};
use crate::figures::count;
use crate::finding::{Confidence, Unit};
use crate::group::{Group, contains};
use crate::nature::Nature;
use crate::settings::Setting;
use crate::slow_query::columns;
use crate::wording::{brief, duration};
use crate::{Detector, Inspect};

const ROWS_MIN: Setting = Setting {
    name: "rows_min",
    unit: "rows read by one execution",
    default: 1000,
    why: "a table of fewer rows is read whole within a millisecond; servers do so by choice",
};

const READ_PER_ROW_MIN: Setting = Setting {
    name: "read_per_row_min",
    unit: "rows read for each row",
    default: 100,
    why: "a join by indexes reads a few rows of each table for one of the result, never a hundred",
};

const SCANNED_PER_ROW_MIN: Setting = Setting {
    name: "scanned_per_row_min",
    unit: "rows read for each row, where a whole table is read",
    default: 20,
    why: "for one row of twenty an index is quicker than the whole table; for one of five it need not be",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "row-waste",
    summary: "the server reads far more rows than a statement gives: an index may be missing",
    page: include_str!("row_waste.rs"),
    settings: &[ROWS_MIN, READ_PER_ROW_MIN, SCANNED_PER_ROW_MIN],
    inspect: Inspect::Request(Nature::EXAMINED, inspect),
    plan: None,
    confirm: None,
    logs: true,
    tell: Some(tell),
};

const REMEDY: Remedy = Remedy::Shrink { best: 50, worst: 500 };

/// An execution that reads less than one of so many parts of what it takes is not even noted.
const CONSIDERED_PART: u64 = 4;

/// What statements say that have to read more than they give.
const ALL_ROWS: [&str; 19] = [
    "count(",
    "sum(",
    "avg(",
    "min(",
    "max(",
    "group_concat(",
    "json_arrayagg(",
    "json_objectagg(",
    "std(",
    "stddev(",
    "variance(",
    "bit_",
    " over ",
    " over(",
    "distinct",
    "group by",
    " union ",
    " offset ",
    "limit ?, ?",
];

fn inspect(view: &View<'_>, found: &mut Candidates) {
    for numbers in view.groups() {
        let first = view.operation(numbers[0]);
        let tells_rows = first.kind == Kind::Sql && first.rows_examined().is_some();
        if tells_rows && let Some(group) = Group::of(view, numbers) {
            inspect_group(&group, found);
        }
    }
}

/// Whether a statement is about some rows of its tables, which an index could lead to.
fn looks_for_rows(group: &Group<'_>) -> bool {
    let text = &*group.shape.text;
    let sums_up = || ALL_ROWS.iter().any(|word| contains(text, word));
    group.facts().is_some_and(|facts| is_lookup(facts) && !facts.truncated && !sums_up())
}

fn is_lookup(facts: &Facts) -> bool {
    match facts.verb {
        Verb::Select => facts.written.is_empty() && !facts.tables.is_empty(),
        Verb::Update | Verb::Delete => true,
        _ => false,
    }
}

fn inspect_group(group: &Group<'_>, found: &mut Candidates) {
    let view = group.view;
    let needed = view.settings.get_for(&ROWS_MIN, group.shape);
    let subject = Subject::Shape(group.first.shape);
    let wasteful: Vec<u32> =
        group.numbers.iter().copied().filter(|number| wastes(group, view.operation(*number))).collect();
    if wasteful.is_empty() || !looks_for_rows(group) {
        return;
    }
    let most = wasteful.iter().map(|number| examined(view.operation(*number))).max().unwrap_or(0);
    if most < needed {
        if most >= (needed / CONSIDERED_PART).max(1) {
            found.short(subject, ShortOf { what: "rows read by one execution", seen: most, needed });
        }
        return;
    }
    let large = |number: &u32| examined(view.operation(*number)) >= needed;
    let wasteful: Vec<u32> = wasteful.into_iter().filter(large).collect();
    let scans = wasteful.iter().all(|number| is_scan(view.operation(*number)));
    let confidence = if scans { Confidence::High } else { Confidence::Medium };
    let candidate = found.push(subject, REMEDY, confidence);
    candidate.repeats(wasteful.len() as u64).claim(wasteful);
    group.mark_origin(candidate);
    if group.writes() {
        candidate.mark(Mark::Writes);
    }
}

/// Whether an execution reads far more rows than it gives.
fn wastes(group: &Group<'_>, call: &Operation) -> bool {
    let setting = if is_scan(call) { &SCANNED_PER_ROW_MIN } else { &READ_PER_ROW_MIN };
    let least = group.view.settings.get_for(setting, group.shape);
    call.rows != UNKNOWN && examined(call) >= least.saturating_mul(u64::from(call.rows).max(1))
}

fn examined(call: &Operation) -> u64 {
    call.rows_examined().map_or(0, u64::from)
}

fn is_scan(call: &Operation) -> bool {
    call.effort.has(Effort::FULL_SCAN) || call.effort.has(Effort::FULL_JOIN)
}

fn tell(case: &Case<'_>) -> Told {
    let given = match (case.mostly(Mark::Writes), case.rows_mean) {
        (true, 0) => "to change none".to_owned(),
        (true, rows) => format!("to change {}", count(rows)),
        (false, 0) => "to give none".to_owned(),
        (false, rows) => format!("to give {}", count(rows)),
    };
    Told {
        why: format!(
            "the server reads {} rows {given}, on average: {} each (p95 {}); an index that leads to them would read \
             only those",
            count(case.examined_mean),
            duration(case.single_ns.0),
            duration(case.single_ns.1),
        ),
        fix: fixes(case),
        verify: Check {
            metric: format!("rows read by {}", brief(case.dictionary, case.shape())),
            unit: Unit::Count,
            now: case.examined_mean,
            expected: case.rows_mean.max(1).min(case.examined_mean),
        },
        confidence: None,
        dismissed: None,
    }
}

fn fixes(case: &Case<'_>) -> Vec<Advice> {
    let costs = "an index costs each write to its table, and space";
    let columns = columns(case);
    let compared = case.dictionary.shape(case.shape()).facts.as_deref().map_or(&[][..], |it| &it.predicates);
    let by_pattern = compared.iter().any(|predicate| predicate.comparison == Comparison::Pattern);
    let first = match columns.is_empty() {
        false => Advice::new(
            format!(
                "look for an index that leads with {}, and add it if there is none (EXPLAIN says ALL without it)",
                columns.join(", ")
            ),
            costs,
        ),
        true if by_pattern => Advice::new(
            "a full-text index: one that leads with the column helps only a pattern that begins with letters",
            "words are found, not parts of words; the statement has to ask by MATCH … AGAINST",
        ),
        true => Advice::new(
            "an index in the order that the rows are wanted in, or on what joins the tables",
            costs,
        ),
    };
    vec![
        first,
        Advice::new(
            "if there is one: compare the column itself, as a function around it or a value of another type keeps the \
             index out",
            "none, but for the words of the statement",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TraceBuilder, trace};

    const BY_STATUS: &str = "SELECT * FROM orders WHERE status = ?";

    /// One statement of 100 ms that gives so many rows and reads so many.
    fn statement(text: &str, rows: u32, examined: u32) -> TraceBuilder {
        trace()
            .entry("GET /orders", 0.0, 110.0)
            .sql(text, 1.0, 101.0)
            .rows(rows)
            .examined(examined, Effort::TOLD)
    }

    #[test]
    fn rows_that_are_read_for_nothing_are_a_lead() {
        let inspected = statement(BY_STATUS, 3, 6_000).inspect();
        assert_eq!(inspected.one(DETECTOR.id).confidence, Confidence::Medium);
        let mut scan = Effort::TOLD;
        scan.add(Effort::FULL_SCAN);
        let scanned = statement(BY_STATUS, 300, 6_000);
        assert_eq!(scanned.examined(6_000, scan).inspect().one(DETECTOR.id).confidence, Confidence::High);
        assert_eq!(
            statement("DELETE FROM orders WHERE note = ?", 0, 6_000).inspect().by(DETECTOR.id).len(),
            1
        );
    }

    #[test]
    fn silent_where_the_rows_are_needed_or_not_told() {
        statement(BY_STATUS, 300, 6_000).inspect().silent(DETECTOR.id);
        statement(BY_STATUS, 6_000, 6_000).inspect().silent(DETECTOR.id);
        statement(BY_STATUS, 3, 6_000).examined(6_000, Effort::default()).inspect().silent(DETECTOR.id);
        for text in [
            "SELECT count(*) FROM orders WHERE status = ?",
            "SELECT status FROM orders GROUP BY status",
            "SELECT DISTINCT status FROM orders",
            "SELECT id FROM orders ORDER BY id LIMIT ? OFFSET ?",
            "INSERT INTO archive SELECT * FROM orders WHERE status = ?",
            "SELECT 1",
        ] {
            statement(text, 1, 6_000).inspect().silent(DETECTOR.id);
        }
    }

    #[test]
    fn small_tables_are_noted_at_most() {
        let inspected = statement(BY_STATUS, 1, 400).inspect();
        inspected.silent(DETECTOR.id);
        let short_of = inspected.all_by(DETECTOR.id)[0].short_of;
        assert_eq!(short_of, Some(ShortOf { what: "rows read by one execution", seen: 400, needed: 1000 }));
        assert!(statement(BY_STATUS, 1, 200).inspect().all_by(DETECTOR.id).is_empty());
    }
}
