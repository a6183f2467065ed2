//! Finds single statements that take a large part of a request.
//!
//! ## Why it is slow
//!
//! One statement makes the request wait because the server reads, sorts or sends far more than
//! the answer needs, or waits itself. Once is enough: it need not be repeated.
//!
//! ## What counts
//!
//! SQL statements and queries of document stores that take at least `share_min` of the critical path
//! of their request: of the median request, or of the slowest ones. A statement that runs a few times
//! counts with the sum.
//!
//! ## Stays silent
//!
//! - on statements that are long but off the critical path, beside something longer;
//! - on waits: for a connection, for a lock, while connecting; and on transaction statements;
//! - on statements whose median takes at most four times the quickest one of the same database (and
//!   p95 sixteen times): that is mostly the way there and back;
//! - on writes and locking reads that are quick at times: then they wait for a lock, and whoever holds
//!   it is the cause; nor on statements that wait for locks for most of their time as the server's log says;
//! - on the statements of a loop: the loop is the flaw, that is n-plus-one.
//!
//! ## Remedy
//!
//! Make it read less: an index for its predicates, fewer rows or columns, a better plan, statistics.
//! What that gives back is not known without the plan. Best case: a twentieth of its time is left,
//! as with an index that leads to a few rows. Worst case: seven tenths, as where most rows are
//! needed. Writes and locking reads may have waited for a lock: medium confidence. What only one or
//! two of many requests show may be a cold start: low.
//!
//! ## How to check
//!
//! Time of the statement, at p95, and its plan before and after.

use crate::candidate::{Advice, Candidates, Case, Check, Mark, Part, Remedy, ShortOf, Subject, Told, View};
use crate::evidence::shape::sql::{Comparison, Verb};
use crate::evidence::{Kind, Shape};
use crate::finding::{Confidence, Unit};
use crate::group::{self, Group};
use crate::nature::Nature;
use crate::settings::Setting;
use crate::stack::Stack;
use crate::wording::{brief, duration};
use crate::{Detector, Inspect, n_plus_one, place_of};

const SHARE_MIN: Setting = Setting {
    name: "share_min",
    unit: "% of the request",
    default: 20,
    why: "a fifth of the time in one statement is a main cost wherever it is",
};

/// Its place among all detectors.
pub(crate) const PLACE: usize = place_of(DETECTOR.id);

pub(crate) const DETECTOR: Detector = Detector {
    id: "slow-query",
    summary: "one statement takes a large part of the request",
    page: include_str!("slow_query.rs"),
    settings: &[SHARE_MIN],
    inspect: Inspect::Request(Nature::QUERY, inspect),
    plan: None,
    confirm: None,
    logs: true,
    tell: Some(tell),
};

const REMEDY: Remedy = Remedy::Shrink { best: 50, worst: 700 };

/// A share below this is not noted as "considered": no remedy could give enough back.
const CONSIDERED_MIN: u64 = 5;

/// A write whose median takes this many times its fastest execution waits for most of it.
const QUICK_ALONE: u64 = 10;

/// A statement that takes at most so many times the quickest one of its database is mostly the way
/// there and back.
const ROUND_TRIPS: u64 = 4;

/// The same at the 95th percentile, where machines are busy.
const ROUND_TRIPS_AT_P95: u64 = 16;

/// What a server's log calls slow takes at least so long.
const SLOW_IN_LOG_NS: u64 = 10_000_000;

const WAITS: &str = "quick when it runs alone: it waits for a lock that others hold";

const MAY_WAIT: &str = "quick at times: it waits for a lock, or has more rows to change at others; a log with \
                        log_lock_waits = on tells which";

const WAITS_AS_LOGGED: &str = "waits for locks for most of its time, as the server's log tells";

/// What waits for locks for this share of its time in a log, per mille, is quick otherwise.
const MOSTLY_WAITS: u128 = 800;

fn inspect(view: &View<'_>, found: &mut Candidates) {
    for numbers in view.groups().filter(|numbers| view.nature(numbers[0]).has(Nature::QUERY)) {
        if let Some(group) = Group::of(view, numbers) {
            inspect_group(&group, found);
        }
    }
}

fn inspect_group(group: &Group<'_>, found: &mut Candidates) {
    let view = group.view;
    let own_ns = own_path_ns(group);
    let subject = Subject::Shape(group.first.shape);
    let in_loop = || found.has_found(n_plus_one::PLACE, &subject);
    if own_ns < view.share_ns(CONSIDERED_MIN) || in_loop() {
        return;
    }
    let seen = view.share_of(own_ns);
    // A log tells of the database's time alone, of which anything may be a large part.
    let longest_ns = || group.operations().map(|call| call.self_path_ns).max().unwrap_or(0);
    let is_quick = || longest_ns() < SLOW_IN_LOG_NS || !has_plan(group);
    if view.request.is_logged() && is_quick() {
        return;
    }
    let needed = view.settings.get_for(&SHARE_MIN, group.shape);
    let waits = group.writes() || group.facts().is_some_and(|facts| facts.locks) || view.request.guessed;
    let confidence = if waits { Confidence::Medium } else { Confidence::High };
    let candidate = found.push(subject, REMEDY, confidence);
    candidate.repeats(group.calls());
    match view.request.is_logged() {
        true => group.numbers.iter().for_each(|number| _ = candidate.claim_part(*number, Part::Own)),
        false => _ = candidate.claim(group.numbers.iter().copied()),
    }
    if seen < needed {
        candidate.short_of(ShortOf { what: "% of the request", seen, needed });
        return;
    }
    group.mark_origin(candidate);
    if group.writes() {
        candidate.mark(Mark::Writes);
    }
}

/// What its executions add to the critical path; those in a log without their waits for locks.
fn own_path_ns(group: &Group<'_>) -> u64 {
    match group.view.request.is_logged() {
        true => group.operations().map(|call| call.self_path_ns).sum(),
        false => group.view.path_ns(group.numbers),
    }
}

/// Whether there is something to see in its plan.
fn has_plan(group: &Group<'_>) -> bool {
    let queries = [Verb::Select, Verb::Insert, Verb::Update, Verb::Delete, Verb::Merge, Verb::Call];
    queries.contains(&group.verb()) || group.shape.text.starts_with("WITH ")
}

pub(crate) fn is_query(kind: Kind, shape: &Shape) -> bool {
    match kind {
        Kind::Sql => group::verb(shape) != Verb::Transaction && !group::is_session(shape),
        Kind::Document => true,
        _ => false,
    }
}

fn tell(case: &Case<'_>) -> Told {
    let shape = case.shape();
    let statement = brief(case.dictionary, shape);
    let single_ns = case.single_ns.1;
    let times = match case.repeats.p50 {
        0 | 1 => "it takes".to_owned(),
        several => format!("its {several} executions take"),
    };
    Told {
        why: format!(
            "{times} at least {} % of the request's time: p50 {}, p95 {} each",
            case.settings.get(&SHARE_MIN),
            duration(case.single_ns.0),
            duration(single_ns)
        ),
        fix: fixes(case),
        verify: Check {
            metric: format!("p95 of {statement}"),
            unit: Unit::Ns,
            now: single_ns,
            expected: single_ns / 1000 * 375,
        },
        confidence: case.is_rare().then_some(Confidence::Low),
        dismissed: dismissed(case),
    }
}

/// Why a statement that takes a large part of its request is no slow one after all.
fn dismissed(case: &Case<'_>) -> Option<String> {
    let (p50_ns, p95_ns) = case.single_ns;
    let is_trip = |trip_ns: &u64| {
        p50_ns <= trip_ns.saturating_mul(ROUND_TRIPS) && p95_ns <= trip_ns.saturating_mul(ROUND_TRIPS_AT_P95)
    };
    match case.round_trip_ns.filter(is_trip) {
        _ if waits_as_logged(case) => Some(WAITS_AS_LOGGED.to_owned()),
        _ if waits_for_lock(case) => Some(if is_unlogged(case) { MAY_WAIT } else { WAITS }.to_owned()),
        Some(trip_ns) => Some(format!(
            "takes {} where the quickest statement of its database takes {}: little can be won",
            duration(p50_ns),
            duration(trip_ns)
        )),
        None => None,
    }
}

/// Whether a log has most of its executions, and they waited for locks for most of their time.
fn waits_as_logged(case: &Case<'_>) -> bool {
    let (executions, total_ns, lock_ns) = case.logged;
    let traced = case.requests.saturating_mul(case.repeats.p50.max(1));
    executions.saturating_mul(2) >= traced
        && u128::from(lock_ns) * 1000 >= u128::from(total_ns.max(1)) * MOSTLY_WAITS
}

/// Whether a log tells of it that does not tell of waits for locks.
fn is_unlogged(case: &Case<'_>) -> bool {
    case.logged.0 > 0 && !case.dictionary.server().tells_of_waits()
}

/// A write that is quick alone: what it takes beyond that it has waited for whoever held its rows.
fn waits_for_lock(case: &Case<'_>) -> bool {
    let locks = case.dictionary.shape(case.shape()).facts.as_deref().is_some_and(|facts| facts.locks);
    let single_ns = case.single_ns.0;
    (locks || case.mostly(Mark::Writes)) && case.fastest_ns.saturating_mul(QUICK_ALONE) <= single_ns
}

fn fixes(case: &Case<'_>) -> Vec<Advice> {
    let advice = |text: &str, tradeoff: &str| Advice {
        text: text.to_owned(),
        tradeoff: tradeoff.to_owned(),
        remedy: None,
    };
    let facts = case.dictionary.shape(case.shape()).facts.as_deref();
    if matches!(facts.map(|facts| facts.verb), Some(Verb::Insert | Verb::Merge | Verb::Copy)) {
        return vec![advice(
            "fewer indexes, triggers and foreign keys that each row pays for; COPY for many rows",
            "what an index or a trigger was for has to be done otherwise",
        )];
    }
    let mut fixes = Vec::new();
    let columns = columns(case);
    let look = match columns.is_empty() {
        _ if case.kind == Some(Kind::Document) => Stack::of_case(case).explain_query().to_owned(),
        _ if reads_what_it_needs(case) => READS_WHAT_IT_NEEDS.to_owned(),
        true => format!("look at its plan: {} shows what it reads for nothing", explain(case)),
        false => format!(
            "look at its plan ({}): is there an index that leads with {}?",
            explain(case),
            columns.join(", ")
        ),
    };
    fixes.push(Advice {
        text: look,
        tradeoff: match reads_what_it_needs(case) {
            true => "what it waits for may be busy with something else that is needed",
            false => "an index costs each write to its table, and space",
        }
        .to_owned(),
        remedy: None,
    });
    if case.mostly(Mark::Writes) || facts.is_some_and(|facts| facts.locks) {
        fixes.push(advice(
            "look for who holds the lock: a write that is quick alone may only have waited",
            "shorter transactions in the holder; its work may have to be split",
        ));
    } else if facts.is_some_and(|facts| !facts.limited) {
        fixes.push(advice(
            "ask for fewer rows and columns: a limit, a narrower list, a sum kept up to date",
            "the caller has to page, or the sum has to be kept",
        ));
    }
    fixes
}

/// Whether the server reads no more rows than it gives or changes, as its log tells.
fn reads_what_it_needs(case: &Case<'_>) -> bool {
    case.examined_mean > 0 && case.examined_mean <= case.rows_mean
}

const READS_WHAT_IT_NEEDS: &str = "no index helps: it reads no more rows than it gives or changes; look at what it waits \
                                   for while it runs (locks, disk, triggers): SHOW FULL PROCESSLIST, SHOW ENGINE INNODB \
                                   STATUS";

/// What shows a plan with its times. Rows that are read only logs of MySQL and MariaDB tell.
fn explain(case: &Case<'_>) -> &'static str {
    match case.examined_mean {
        0 => "EXPLAIN (ANALYZE, BUFFERS)",
        _ => "EXPLAIN ANALYZE, in MariaDB ANALYZE",
    }
}

/// Columns whose comparison an index can serve, equalities first.
pub(crate) fn columns(case: &Case<'_>) -> Vec<String> {
    let Some(facts) = case.dictionary.shape(case.shape()).facts.as_deref() else { return Vec::new() };
    let mut columns: Vec<String> = Vec::new();
    for comparisons in [&[Comparison::Equal, Comparison::In][..], &[Comparison::Range][..]] {
        for predicate in facts.predicates.iter().filter(|it| comparisons.contains(&it.comparison)) {
            let column = match &predicate.table {
                Some(table) => format!("{table}.{}", predicate.column),
                None => predicate.column.to_string(),
            };
            if !columns.contains(&column) && columns.len() < 4 {
                columns.push(column);
            }
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::trace;

    #[test]
    fn a_write_that_is_quick_alone_waits() {
        let judged = |fastest: f64| {
            trace().judge(40, |trace, number| {
                let takes = if number == 0 { fastest } else { 90.0 };
                let trace = trace.entry("POST /count", 0.0, takes + 3.0);
                trace.sql("UPDATE counters SET value = ?", 1.0, 1.0 + takes)
            })
        };
        let waits = judged(1.0);
        assert!(waits.findings.is_empty());
        assert!(waits.dismissed.iter().any(|dismissed| dismissed.reason == WAITS));
        assert_eq!(judged(60.0).findings[0].detector, "slow-query");
    }

    #[test]
    fn no_index_is_asked_for_where_no_row_is_read_in_vain() {
        let fix = |examined: u32| {
            let report = trace().judge(5, |trace, number| {
                let from = f64::from(number) * 5_000.0;
                let update = "UPDATE acct SET bal = ? WHERE id = ?";
                trace
                    .execution(update, from, from + 3_000.0, crate::evidence::UNKNOWN)
                    .rows(1)
                    .examined(examined, crate::evidence::Effort::TOLD)
            });
            report.findings[0].fix[0].text.clone()
        };
        assert!(fix(1).contains("no index helps"), "{}", fix(1));
        assert!(fix(50).contains("an index that leads with"), "{}", fix(50));
    }

    #[test]
    fn plans_of_document_stores_are_in_their_words() {
        let report = trace().judge(5, |trace, _| {
            let trace = trace.entry("GET /search", 0.0, 900.0).by("opentelemetry.instrumentation.pymongo");
            trace.call(Kind::Document, "find orders", 5.0, 890.0)
        });
        assert!(report.findings[0].fix[0].text.contains("executionStats"), "{:?}", report.findings[0].fix);
    }

    const SEARCH: &str = "SELECT * FROM orders WHERE note = ?";

    #[test]
    fn once_is_enough() {
        let inspected = trace().entry("GET /search", 0.0, 30_000.0).sql(SEARCH, 5.0, 29_000.0).inspect();
        let found = inspected.one("slow-query");
        assert_eq!((found.repeats, found.confidence), (1, Confidence::High));
        let write =
            trace().entry("POST /pay", 0.0, 100.0).sql("UPDATE carts SET paid = ?", 5.0, 90.0).inspect();
        assert_eq!(write.one("slow-query").confidence, Confidence::Medium);
        let fast = trace().entry("GET /search", 0.0, 1.0).sql(SEARCH, 0.1, 0.8).inspect();
        assert_eq!(fast.one("slow-query").repeats, 1);
    }

    #[test]
    fn a_smaller_share_is_noted() {
        let inspected = trace().entry("GET /search", 0.0, 100.0).sql(SEARCH, 5.0, 15.0).inspect();
        inspected.silent("slow-query");
        let considered = inspected.all_by("slow-query");
        assert_eq!(considered[0].short_of, Some(ShortOf { what: "% of the request", seen: 10, needed: 20 }));
        let tiny = trace().entry("GET /search", 0.0, 100.0).sql(SEARCH, 5.0, 7.0).inspect();
        assert!(tiny.all_by("slow-query").is_empty());
    }

    #[test]
    fn silent_off_the_path_and_on_waits() {
        let beside = trace()
            .entry("GET /search", 0.0, 100.0)
            .sql(SEARCH, 5.0, 60.0)
            .http("GET http://other", 4.0, 95.0)
            .inspect();
        beside.silent("slow-query");
        let waits = trace()
            .entry("GET /search", 0.0, 100.0)
            .call(Kind::PoolWait, "connect", 1.0, 40.0)
            .call(Kind::LockWait, "lock", 41.0, 70.0)
            .sql("COMMIT", 71.0, 95.0)
            .inspect();
        waits.silent("slow-query");
    }

    #[test]
    fn a_loop_is_left_to_n_plus_one() {
        let by_id = "SELECT * FROM orders WHERE id = ?";
        let inspected = trace()
            .entry("GET /", 0.0, 600.0)
            .each(5, |trace, number| trace.sql(by_id, number * 110.0, number * 110.0 + 100.0))
            .inspect();
        assert_eq!(inspected.one("n-plus-one").repeats, 5);
        inspected.silent("slow-query");
        let chunks = trace()
            .entry("GET /", 0.0, 600.0)
            .each(5, |trace, number| {
                trace
                    .sql("SELECT * FROM orders WHERE id IN (?)", number * 110.0, number * 110.0 + 100.0)
                    .parameters(900)
            })
            .inspect();
        assert_eq!(chunks.one("slow-query").repeats, 5);
    }
}
