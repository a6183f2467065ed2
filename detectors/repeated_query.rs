//! Finds a statement that one request sends again with the same values.
//!
//! ## Why it is slow
//!
//! The answer is already known: nothing wrote to its tables in between, so each repeat waits for
//! a round trip and gets the same rows. Often a helper that each layer calls (the user, the tenant,
//! a setting, a permission), or a loop over rows that all refer to one row.
//!
//! ## What counts
//!
//! Queries of one shape, to one database, whose values are known and equal, in one request. Each
//! one is compared with the last that had the same values. Queries of document stores and reads
//! of a cache count as well.
//!
//! ## Stays silent
//!
//! - where the driver hides the values: the calls may differ;
//! - where the request wrote to one of the tables in between, or did something that may have
//!   written, such as calling a procedure;
//! - on reads that take locks, and on statements without a table;
//! - on loops whose values mostly differ: that is n-plus-one;
//! - on what a timer in the background asks again and again.
//!
//! ## Remedy
//!
//! Read once and keep the result for the rest of the request. Best case: the repeats are gone. Worst
//! case: a tenth of their time is left, for looking the result up.
//!
//! ## How to check
//!
//! Count the statements of one request before and after.

use rustc_hash::FxHashMap;

use crate::candidate::{Candidates, Case, Check, Mark, Remedy, ShortOf, Subject, Told, View};
use crate::evidence::shape::sql::Verb;
use crate::evidence::trace::Operation;
use crate::evidence::{Kind, Shape, Symbol, Values};
use crate::finding::{Confidence, Unit};
use crate::group::Group;
use crate::nature::Nature;
use crate::settings::Setting;
use crate::stack::Stack;
use crate::wording::duration;
use crate::{Detector, Inspect, n_plus_one, place_of};

const REPEATS_MIN: Setting = Setting {
    name: "repeats_min",
    unit: "statements",
    default: 2,
    why: "the second one already asks for what is known; time decides whether it matters",
};

/// Its place among all detectors.
pub(crate) const PLACE: usize = place_of(DETECTOR.id);

pub(crate) const DETECTOR: Detector = Detector {
    id: "repeated-query",
    summary: "the same statement with the same values again in one request",
    page: include_str!("repeated_query.rs"),
    settings: &[REPEATS_MIN],
    inspect: Inspect::Request(Nature::REPEATED, inspect),
    plan: None,
    confirm: None,
    logs: true,
    tell: Some(tell),
};

/// Per mille of the repeats' time that is left in the worst case.
const LEFT_AT_WORST: u16 = 100;

/// A loop is repeated-query's only if at most one in so many calls brings new values.
const CALLS_FOR_EACH_VALUE: usize = 5;

/// With more writes than this in between, something has surely changed.
const WRITES_MAX: usize = 256;

fn inspect(view: &View<'_>, found: &mut Candidates) {
    if view.request.guessed {
        // Each of several requests on one connection may ask once.
        return;
    }
    let mut writes: Option<Vec<&Operation>> = None;
    for numbers in view.groups().filter(|numbers| numbers.len() > 1) {
        let Some(group) = Group::of(view, numbers).filter(may_be_kept) else { continue };
        let Some(differ) = group.has_more_values_than(numbers.len() / CALLS_FOR_EACH_VALUE) else { continue };
        let subject = Subject::Shape(group.first.shape);
        if !differ || !found.has_found(n_plus_one::PLACE, &subject) {
            let writes = writes.get_or_insert_with(|| writes_of(view));
            inspect_group(&group, subject, writes, found);
        }
    }
}

fn inspect_group(group: &Group<'_>, subject: Subject, writes: &[&Operation], found: &mut Candidates) {
    let repeats = repeats(group, writes);
    if repeats.is_empty() {
        return;
    }
    let seen = repeats.len() as u64 + 1;
    let needed = group.view.settings.get_for(&REPEATS_MIN, group.shape);
    let candidate = found.push(subject, Remedy::Remove { worst: LEFT_AT_WORST }, Confidence::High);
    candidate.repeats(seen).claim(repeats);
    if seen < needed {
        candidate.short_of(ShortOf { what: "statements with the same values", seen, needed });
        return;
    }
    group.mark_origin(candidate);
    candidate.mark(Mark::SameValues);
}

fn may_be_kept(group: &Group<'_>) -> bool {
    if group.is_timed() {
        return false;
    }
    match group.first.kind {
        Kind::Sql => group.facts().is_some_and(|facts| {
            facts.verb == Verb::Select && !facts.locks && !facts.tables.is_empty() && facts.written.is_empty()
        }),
        Kind::Document | Kind::Cache => !group.writes() && !group.is_paged(),
        _ => false,
    }
}

/// The calls that ask for what an earlier one has answered.
fn repeats(group: &Group<'_>, writes: &[&Operation]) -> Vec<u32> {
    let mut last: FxHashMap<(Values, Symbol), &Operation> = FxHashMap::default();
    let mut repeats = Vec::new();
    for &number in group.numbers {
        let call = group.view.operation(number);
        let before = last.insert((call.values, call.target), call);
        // Calls at the same time cannot use each other's answer; sharing it still spares all but one.
        if before.is_some_and(|before| !is_changed(group, before, call, writes)) {
            repeats.push(number);
        }
    }
    repeats
}

/// Whether something between two calls may have changed their answer.
fn is_changed(group: &Group<'_>, before: &Operation, after: &Operation, writes: &[&Operation]) -> bool {
    let from = writes.partition_point(|write| write.start_ns < before.start_ns);
    let until = from + writes[from..].partition_point(|write| write.start_ns < after.start_ns);
    let mut between = writes[from..until].iter().filter(|write| write.kind == group.first.kind);
    until - from > WRITES_MAX || between.any(|write| may_write_to(group, write))
}

fn may_write_to(group: &Group<'_>, write: &Operation) -> bool {
    let facts = group.view.dictionary.shape(write.shape).facts.as_deref();
    match (group.facts(), facts) {
        (Some(read), Some(write)) if !write.written.is_empty() => {
            write.written.iter().any(|table| read.tables.contains(table))
        }
        // A write whose target is not understood may go anywhere.
        _ => true,
    }
}

/// Everything in the request that may write, by start.
fn writes_of<'a>(view: &View<'a>) -> Vec<&'a Operation> {
    let changes = |number: &u32| view.nature(*number).has(Nature::CHANGES);
    view.request.operations.clone().filter(changes).map(|number| view.operation(number)).collect()
}

/// Whether what comes later may mean something else: another schema or role, or work that is taken back.
pub(crate) fn changes_session(shape: &Shape) -> bool {
    let text = shape.text.as_bytes();
    let is_at = |at: usize, word: &str| {
        text.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()))
    };
    is_at(0, "set ") || is_at(0, "rollback") || (0..text.len()).any(|at| is_at(at, "set_config"))
}

fn tell(case: &Case<'_>) -> Told {
    let repeats = case.repeats.p50.max(2);
    let statements = case.statements_per_request.p50.max(repeats);
    // A log that tells only of begins has no times.
    let each = match case.single_ns.1 {
        0 => String::new(),
        _ => format!(", {} each", duration(case.single_ns.0)),
    };
    Told {
        why: format!(
            "sent {repeats} times in a request with the same values{each}; nothing writes to its tables in between"
        ),
        fix: Stack::of_case(case).keep_result(),
        verify: Check {
            metric: "statements per request".to_owned(),
            unit: Unit::Count,
            now: statements,
            expected: statements - repeats + 1,
        },
        confidence: None,
        dismissed: None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{TraceBuilder, trace};

    const USER: &str = "SELECT * FROM users WHERE id = ?";

    fn twice(between: impl Fn(TraceBuilder) -> TraceBuilder) -> TraceBuilder {
        let trace = trace().entry("GET /me", 0.0, 100.0).sql(USER, 1.0, 20.0).values(7);
        between(trace).sql(USER, 50.0, 70.0).values(7)
    }

    #[test]
    fn the_second_one_is_claimed() {
        let inspected = twice(|trace| trace.sql("SELECT * FROM orders WHERE id = ?", 30.0, 40.0)).inspect();
        let found = inspected.one("repeated-query");
        assert_eq!((found.repeats, found.claims.len()), (2, 1));
        assert_eq!(inspected.trace.operations[found.claims[0].operation as usize].start_ns, 1_050_000_000);
        let without_values = trace().entry("GET /", 0.0, 9.0).each(3, |trace, number| {
            trace.sql("SELECT * FROM settings", number * 3.0, number * 3.0 + 2.0).values(0)
        });
        assert_eq!(without_values.inspect().one("repeated-query").repeats, 3);
    }

    #[test]
    fn silent_where_the_table_was_written() {
        let write = "UPDATE users SET name = ? WHERE id = ?";
        twice(|trace| trace.sql(write, 30.0, 40.0)).inspect().silent("repeated-query");
        twice(|trace| trace.sql("CALL refresh ( )", 30.0, 40.0)).inspect().silent("repeated-query");
        let elsewhere = twice(|trace| trace.sql("INSERT INTO log VALUES (...)", 30.0, 40.0)).inspect();
        assert_eq!(elsewhere.one("repeated-query").repeats, 2);
    }

    #[test]
    fn silent_on_other_and_unknown_values() {
        let hidden = trace().entry("GET /", 0.0, 100.0).sql(USER, 1.0, 9.0).sql(USER, 10.0, 19.0);
        hidden.inspect().silent("repeated-query");
        let other =
            trace().entry("GET /", 0.0, 100.0).sql(USER, 1.0, 9.0).values(1).sql(USER, 10.0, 19.0).values(2);
        other.inspect().silent("repeated-query");
        let tenants = trace().entry("GET /", 0.0, 100.0).each(2, |trace, number| {
            let target = format!("tenant {number}");
            trace.sql(USER, number * 20.0, number * 20.0 + 9.0).values(1).target(&target)
        });
        tenants.inspect().silent("repeated-query");
    }

    #[test]
    fn silent_on_locking_reads_and_statements_without_a_table() {
        for text in ["SELECT * FROM users WHERE id = ? FOR UPDATE", "SELECT 1"] {
            let trace = trace()
                .entry("GET /", 0.0, 100.0)
                .sql(text, 1.0, 9.0)
                .values(0)
                .sql(text, 10.0, 19.0)
                .values(0);
            trace.inspect().silent("repeated-query");
        }
    }

    #[test]
    fn a_loop_with_some_equal_values_is_left_to_n_plus_one() {
        let inspected = trace()
            .entry("GET /orders", 0.0, 200.0)
            .sql("SELECT * FROM orders", 1.0, 5.0)
            .each(12, |trace, number| {
                trace.sql(USER, 10.0 + number * 10.0, 15.0 + number * 10.0).values(number as u64 % 5)
            })
            .inspect();
        assert_eq!(inspected.one("n-plus-one").repeats, 12);
        inspected.silent("repeated-query");
    }
}
