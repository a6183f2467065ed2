//! Finds a loop that sends one statement, call or command for each row of an earlier result.
//!
//! ## Why it is slow
//!
//! Each statement pays a round trip, and the server parses, plans and answers each on its own. A
//! page that lists 200 orders and loads the customer of each waits 200 times for what one statement
//! returns in one trip. The loop grows with the data: it is quick in tests and slow for the largest
//! customer.
//!
//! ## What counts
//!
//! Calls of one shape in one request: SQL statements, queries of document stores, cache commands,
//! HTTP and remote procedure calls. How fast they are, what lies between them, how deep they are
//! nested and in how many batches they come does not matter; whether the loop is worth mending is
//! decided by the time that it costs. Values may be hidden: then the surroundings speak, such as a
//! query of many rows before the loop, a lookup by key, a mapper, the number of calls.
//!
//! Statements that are all sent at once count too, with medium confidence: they may cost little
//! time and still take as many connections.
//!
//! ## Stays silent
//!
//! - on fewer calls than `repeats_min`, as long as no request of the endpoint has more;
//! - on calls that each come from another line: they are written by hand;
//! - on chunks: lists of `IN`, rows of `VALUES`, `COPY`, `MGET`, `insertMany`, batch calls;
//! - on HTTP and remote calls that run at the same time and together take about as long as one;
//! - on transaction and session statements, and on retries;
//! - on calls of a timer: in the background, with long pauses between them;
//! - on statements whose known values are the same each time: that is repeated-query.
//!
//! Paging through a result is named, with low confidence: each page needs the one before. So are
//! executions that do not tell their statement, which may be several.
//!
//! ## Remedy
//!
//! Load or send all at once: an eager-loading call of the mapper, a join, `WHERE id = ANY($1)`, a
//! batch for writes, `MGET` or a pipeline, `$in`, an endpoint that takes many ids. Best case: the
//! median call, once. Worst case: that, and for each further row what the server does for one row
//! (from the fastest call less the round trip where that is known, else half a call).
//!
//! ## How to check
//!
//! Count the statements of one request before and after: they no longer grow with the rows.

use crate::candidate::{Candidate, Candidates, Case, Check, Mark, Remedy, ShortOf, Subject, Told, View};
use crate::evidence::shape::sql::Verb;
use crate::evidence::trace::{EndpointName, Operation};
use crate::evidence::{Kind, UNKNOWN};
use crate::finding::{Confidence, Unit};
use crate::group::{self, Group, GroupValues};
use crate::mapper::Batch;
use crate::nature::Nature;
use crate::settings::Setting;
use crate::wording::{brief, duration, list};
use crate::{Detector, Inspect, place_of, retry_storm};

const REPEATS_MIN: Setting = Setting {
    name: "repeats_min",
    unit: "calls",
    default: 5,
    why: "three or four of one shape are often written by hand; a loop shows more for some request",
};

/// Its place among all detectors.
pub(crate) const PLACE: usize = place_of(DETECTOR.id);

pub(crate) const DETECTOR: Detector = Detector {
    id: "n-plus-one",
    summary: "one statement or call for each row of an earlier result",
    page: include_str!("n_plus_one.rs"),
    settings: &[REPEATS_MIN],
    inspect: Inspect::Request(Nature::REPEATED, inspect),
    plan: None,
    confirm: None,
    logs: true,
    tell: Some(tell),
};

/// Statements sent at once: together they take at least this many times the time that they cover.
const AT_ONCE_FACTOR: u64 = 2;

/// Calls to services at once: together they take at most this many times the longest.
const ABOUT_ONE_CALL: u64 = 2;

/// From here on the number of calls alone speaks for a loop.
const MANY: u64 = 20;

fn inspect(view: &View<'_>, found: &mut Candidates) {
    // One alone may stand for several.
    let may_repeat = |numbers: &[u32]| numbers.len() > 1 || view.operation(numbers[0]).composite;
    for numbers in view.groups().filter(|numbers| may_repeat(numbers)) {
        if let Some(group) = Group::of(view, numbers).filter(may_loop) {
            inspect_group(&group, found);
        }
    }
}

fn inspect_group(group: &Group<'_>, found: &mut Candidates) {
    let needed = minimum(group);
    let seen = group.calls();
    let subject = Subject::Shape(group.first.shape);
    if seen < needed {
        let candidate = found.push(subject, Remedy::SendOnce, Confidence::Low);
        candidate.repeats(seen).claim(group.numbers.iter().copied());
        candidate.short_of(ShortOf { what: "calls of one shape", seen, needed });
        return;
    }
    if retry_storm::is_tried_again(group) {
        return;
    }
    if let Some(reason) = harmless(group, needed) {
        return found.short(subject, reason);
    }
    let values = group.values();
    let is_store = matches!(group.first.kind, Kind::Sql | Kind::Document | Kind::Cache);
    if values == GroupValues::Same && is_store {
        return found.short(subject, ShortOf { what: "different values", seen: 1, needed: 2 });
    }
    let sent_for = group.sent_for();
    if group.view.request.guessed && (sent_for.is_none() || !is_one_run(group)) {
        return found
            .short(subject, ShortOf { what: "queries that one run of them follows", seen: 0, needed: 1 });
    }
    let at_once = is_at_once(group);
    let confidence = confidence(group, values, sent_for, at_once);
    let candidate = found.push(subject, Remedy::SendOnce, confidence);
    candidate.repeats(seen).claim(group.numbers.iter().copied());
    group.mark_origin(candidate);
    candidate.marks.extend(sent_for.map(|query| Mark::After(query.shape)));
    candidate.marks.extend(group.sent_with().into_iter().map(Mark::With));
    mark_facts(candidate, group, values, at_once);
}

/// Whether calls of this kind can be a loop at all.
fn may_loop(group: &Group<'_>) -> bool {
    match group.first.kind {
        Kind::Sql => {
            let other = matches!(group.verb(), Verb::Transaction | Verb::Definition);
            // `SELECT now()` asks for no row; `SELECT price(?)` may.
            let without = group.verb() == Verb::Session && !group::has_parameters(group.shape);
            !other && !without && !group::is_session(group.shape)
        }
        Kind::Document | Kind::Cache | Kind::Http | Kind::Rpc => {
            group.operations().filter(|call| call.retries > 0).count() * 2 < group.numbers.len()
        }
        _ => false,
    }
}

fn minimum(group: &Group<'_>) -> u64 {
    group.view.settings.get_for(&REPEATS_MIN, group.shape).max(2)
}

/// Why many calls of one shape need no mending.
fn harmless(group: &Group<'_>, needed: u64) -> Option<ShortOf> {
    if group.is_bulk() {
        return Some(ShortOf { what: "calls for a single row", seen: 0, needed });
    }
    if group.is_timed() {
        return Some(ShortOf { what: "calls without long pauses", seen: 1, needed });
    }
    if group.has_places_of_their_own() {
        return Some(ShortOf { what: "calls from one line", seen: 1, needed });
    }
    if matches!(group.first.kind, Kind::Http | Kind::Rpc) {
        let extent = group.extent();
        let times = extent.union_ns / extent.longest_ns.max(1);
        if extent.sum_ns > extent.union_ns && times < ABOUT_ONE_CALL {
            return Some(ShortOf { what: "calls one after another", seen: 1, needed });
        }
    }
    None
}

/// Only statements: concurrent calls to services are what sequential-calls advises.
fn is_at_once(group: &Group<'_>) -> bool {
    let extent = group.extent();
    let is_store = matches!(group.first.kind, Kind::Sql | Kind::Document | Kind::Cache);
    is_store && extent.sum_ns >= extent.union_ns.saturating_mul(AT_ONCE_FACTOR) && extent.union_ns > 0
}

/// What speaks for a loop, added up: one point makes it likely, three make it sure.
fn confidence(
    group: &Group<'_>,
    values: GroupValues,
    sent_for: Option<&Operation>,
    at_once: bool,
) -> Confidence {
    let unsure = group.is_paged() || group::hides_statement(group.shape);
    if unsure || group.view.request.name == EndpointName::Incomplete {
        return Confidence::Low;
    }
    let points = [
        (values == GroupValues::Other, 2),
        (sent_for.is_some(), 1),
        (sent_for.is_some_and(|query| counts_rows(query, group.calls())), 1),
        (group.is_by_key(), 1),
        (group.writes(), 1),
        (group.calls() >= MANY, 1),
        (group.is_of_mapper(), 1),
    ];
    match points.iter().filter(|(holds, _)| *holds).map(|(_, points)| points).sum::<u32>() {
        0 => Confidence::Low,
        3.. if !at_once && !group.view.request.guessed => Confidence::High,
        _ => Confidence::Medium,
    }
}

/// Whether nothing else is sent between the calls: where requests are told apart by pauses alone, several that
/// follow one another do other things in between.
fn is_one_run(group: &Group<'_>) -> bool {
    group.numbers.windows(2).all(|pair| pair[0] + 1 == pair[1])
}

/// Whether a query returned about as many rows as there are calls: a mapper may know some already.
fn counts_rows(query: &Operation, calls: u64) -> bool {
    let rows = u64::from(query.rows);
    query.rows != UNKNOWN && (calls..=calls.saturating_mul(4)).contains(&rows)
}

fn mark_facts(candidate: &mut Candidate, group: &Group<'_>, values: GroupValues, at_once: bool) {
    candidate.mark(match values {
        GroupValues::Unknown => Mark::UnknownValues,
        GroupValues::Same => Mark::SameValues,
        GroupValues::Other => Mark::OtherValues,
    });
    let facts = [(at_once, Mark::AtOnce), (group.is_paged(), Mark::Paged), (group.writes(), Mark::Writes)];
    candidate.marks.extend(facts.iter().filter(|(holds, _)| *holds).map(|(_, mark)| *mark));
}

fn tell(case: &Case<'_>) -> Told {
    let shape = case.shape();
    let is_statement = case.dictionary.shape(shape).facts.is_some();
    let repeats = case.repeats.p50.max(1);
    Told {
        why: why(case),
        fix: Batch::of(case).advice(),
        verify: match is_statement {
            true => Check {
                metric: "statements per request".to_owned(),
                unit: Unit::Count,
                now: case.statements_per_request.p50.max(repeats),
                expected: case.statements_per_request.p50.max(repeats) - repeats + 1,
            },
            false => Check {
                metric: format!("calls per request of {}", brief(case.dictionary, shape)),
                unit: Unit::Count,
                now: repeats,
                expected: 1,
            },
        },
        confidence: None,
        dismissed: None,
    }
}

fn why(case: &Case<'_>) -> String {
    let how = match (case.mostly(Mark::Paged), case.mostly(Mark::AtOnce)) {
        (true, _) => "page by page",
        (_, true) => "many at the same time",
        _ => "one after another",
    };
    let mut why = format!("sent {} times in a request, {how}", case.repeats.p50);
    // A log that tells only of begins has no times.
    if case.single_ns.1 > 0 {
        why.push_str(&format!(", {} each", duration(case.single_ns.0)));
    }
    if let Some(query) = case.most(|mark| if let Mark::After(shape) = mark { Some(shape) } else { None }) {
        let of = if case.mostly(Mark::Paged) { "after" } else { "once for each row of" };
        why.push_str(&format!("; {of} {}", brief(case.dictionary, query)));
    }
    let with: Vec<String> = case
        .marks
        .iter()
        .filter_map(|(mark, _)| if let Mark::With(shape) = mark { Some(*shape) } else { None })
        .take(2)
        .map(|shape| brief(case.dictionary, shape))
        .collect();
    if !with.is_empty() {
        why.push_str(&format!("; in the same loop: {}", list(&with)));
    }
    if case.mostly(Mark::SameValues) {
        why.push_str("; the values are the same each time");
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TraceBuilder, trace};

    const CUSTOMER: &str = "SELECT * FROM customers WHERE id = ?";
    const ORDERS: &str = "SELECT * FROM orders WHERE shop = ?";

    fn orders(end: f64) -> TraceBuilder {
        trace().entry("GET /orders", 0.0, end).by("psycopg2").sql(ORDERS, 1.0, 5.0)
    }

    /// A loop of `times` calls, each `ms` long.
    fn looped(times: u32, ms: f64, call: impl Fn(TraceBuilder, f64, f64) -> TraceBuilder) -> TraceBuilder {
        orders(20.0 + f64::from(times) * (ms + 1.0)).each(times, |trace, number| {
            let from = 10.0 + number * (ms + 1.0);
            call(trace, from, from + ms)
        })
    }

    #[test]
    fn loops_of_any_speed() {
        for (times, ms) in [(5, 0.05), (12, 5.0), (10, 100.0), (200, 5.0)] {
            let inspected = looped(times, ms, |trace, from, to| trace.sql(CUSTOMER, from, to)).inspect();
            let found = inspected.one("n-plus-one");
            assert_eq!((found.repeats, found.claims.len()), (u64::from(times), times as usize));
            assert!(found.confidence >= Confidence::Medium);
            assert!(found.marks.iter().any(|mark| matches!(mark, Mark::After(_))));
        }
    }

    #[test]
    fn one_span_may_stand_for_the_whole_loop() {
        let inspected = orders(150.0).sql(CUSTOMER, 10.0, 130.0).composite(24).inspect();
        let found = inspected.one("n-plus-one");
        assert_eq!((found.repeats, found.claims.len()), (24, 1));
        assert!(found.confidence >= Confidence::Medium);
        let two = orders(150.0).sql(CUSTOMER, 10.0, 130.0).composite(2).inspect();
        assert!(two.by("n-plus-one").is_empty());
    }

    #[test]
    fn a_mapper_or_other_values_make_it_sure() {
        let hidden = looped(12, 5.0, |trace, from, to| {
            trace.by("opentelemetry.instrumentation.sqlalchemy").sql(CUSTOMER, from, to)
        });
        assert_eq!(hidden.inspect().one("n-plus-one").confidence, Confidence::High);
        let known = looped(12, 5.0, |trace, from, to| trace.sql(CUSTOMER, from, to).values(from as u64));
        assert_eq!(known.inspect().one("n-plus-one").confidence, Confidence::High);
    }

    #[test]
    fn calls_caches_and_documents_loop_as_well() {
        for (kind, text) in [
            (Kind::Http, "GET http://customers/customers/{id}"),
            (Kind::Rpc, "shop.Customers/GetCustomer"),
            (Kind::Cache, "GET ?"),
            (Kind::Document, "find customers"),
        ] {
            let inspected = looped(8, 5.0, |trace, from, to| trace.call(kind, text, from, to)).inspect();
            assert_eq!(inspected.one("n-plus-one").repeats, 8, "{text}");
        }
    }

    #[test]
    fn executions_of_unknown_statements_are_a_lead_only() {
        let execute = |trace: TraceBuilder, from, to| trace.sql("PDOStatement::execute", from, to);
        assert_eq!(looped(25, 5.0, execute).inspect().one("n-plus-one").confidence, Confidence::Low);
    }

    #[test]
    fn a_timer_in_the_background_is_no_loop() {
        let every = |pause: f64| {
            let trace = trace().entry("GET /", 0.0, 20.0);
            trace.each(20, |trace, number| trace.sql(CUSTOMER, 30.0 + number * pause, 33.0 + number * pause))
        };
        every(40.0).inspect().silent("n-plus-one");
        assert_eq!(every(5.0).inspect().one("n-plus-one").repeats, 20);
    }

    #[test]
    fn other_spans_sub_trees_and_batches_do_not_hide_it() {
        let between = looped(8, 5.0, |trace, from, to| {
            trace
                .inside("render", from, to)
                .call(Kind::Cache, "GET ?", from, from + 1.0)
                .sql(CUSTOMER, from + 2.0, to)
                .out()
        });
        let inspected = between.inspect();
        let found = inspected.by("n-plus-one");
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|found| found.marks.iter().any(|mark| matches!(mark, Mark::With(_)))));
        let batches = looped(10, 5.0, |trace, from, to| {
            let late = if from > 40.0 { 8.0 } else { 0.0 };
            trace.sql(CUSTOMER, from + late, to + late)
        });
        assert_eq!(batches.inspect().one("n-plus-one").repeats, 10);
    }

    #[test]
    fn through_requests_to_another_service() {
        let inspected = looped(6, 5.0, |trace, from, to| {
            let call = trace.service("shop").http("GET http://stock/items/{id}", from, to).below();
            let called = call.service("stock").entry("GET /items/{id}", from + 1.0, to - 1.0);
            called.sql("SELECT * FROM items WHERE id = ?", from + 2.0, to - 2.0).out().out()
        });
        assert_eq!(inspected.inspect().one("n-plus-one").repeats, 6);
    }

    #[test]
    fn nested_loops_are_two() {
        let inspected = trace()
            .entry("GET /orders", 0.0, 500.0)
            .sql(ORDERS, 1.0, 5.0)
            .each(5, |trace, order| {
                let from = 10.0 + order * 60.0;
                let trace = trace.sql("SELECT * FROM items WHERE order_id = ?", from, from + 5.0);
                trace.each(4, |trace, item| {
                    let from = from + 10.0 + item * 10.0;
                    trace.sql("SELECT * FROM products WHERE id = ?", from, from + 5.0)
                })
            })
            .inspect();
        let repeats: Vec<u64> = inspected.by("n-plus-one").iter().map(|found| found.repeats).collect();
        assert_eq!(repeats, [5, 20]);
    }

    #[test]
    fn many_statements_at_once_cost_connections() {
        let at_once = orders(100.0).each(20, |trace, number| trace.sql(CUSTOMER, 10.0 + number / 10.0, 30.0));
        let inspected = at_once.inspect();
        let found = inspected.one("n-plus-one");
        assert_eq!(found.confidence, Confidence::Medium);
        assert!(found.marks.contains(&Mark::AtOnce));
    }

    #[test]
    fn silent_on_calls_that_run_together() {
        let together = orders(100.0).each(10, |trace, number| {
            trace.http("GET http://a/{id}", 10.0 + number, 50.0 + number).values(number as u64 + 1)
        });
        together.inspect().silent("n-plus-one");
        let different = orders(100.0).each(10, |trace, number| {
            trace.sql(&format!("SELECT * FROM table_{number} WHERE id = ?"), 10.0, 50.0)
        });
        different.inspect().silent("n-plus-one");
    }

    #[test]
    fn silent_on_chunks() {
        let list = "SELECT * FROM customers WHERE id IN (?)";
        let rows = "INSERT INTO log (at, text) VALUES (?)";
        looped(8, 5.0, |trace, from, to| trace.sql(list, from, to).parameters(500))
            .inspect()
            .silent("n-plus-one");
        looped(8, 5.0, |trace, from, to| trace.sql(list, from, to)).inspect().silent("n-plus-one");
        looped(8, 5.0, |trace, from, to| trace.sql(rows, from, to).parameters(2000))
            .inspect()
            .silent("n-plus-one");
        looped(8, 5.0, |trace, from, to| trace.sql(rows, from, to).rows(100)).inspect().silent("n-plus-one");
        // A mapper writes a list for a single key as well.
        let single = looped(8, 5.0, |trace, from, to| trace.sql(list, from, to).parameters(1)).inspect();
        assert_eq!(single.one("n-plus-one").repeats, 8);
        let row = looped(8, 5.0, |trace, from, to| trace.sql(rows, from, to).parameters(2)).inspect();
        assert!(row.one("n-plus-one").marks.contains(&Mark::Writes));
    }

    #[test]
    fn silent_on_what_is_written_by_hand() {
        let few = looped(4, 5.0, |trace, from, to| trace.sql(CUSTOMER, from, to)).inspect();
        few.silent("n-plus-one");
        let short = few.all_by("n-plus-one")[0].short_of;
        assert_eq!(short, Some(ShortOf { what: "calls of one shape", seen: 4, needed: 5 }));
        let setting = "SELECT value FROM settings WHERE name = ?";
        let lines =
            looped(6, 5.0, |trace, from, to| trace.sql(setting, from, to).at("setup.py", from as u32));
        lines.inspect().silent("n-plus-one");
    }

    #[test]
    fn silent_on_transactions_and_sessions() {
        let inspected = looped(8, 5.0, |trace, from, to| {
            let trace =
                trace.sql("BEGIN", from, from + 1.0).sql("SET search_path = ?", from + 1.0, from + 2.0);
            trace.sql("SELECT 1", from + 2.0, from + 3.0).sql("COMMIT", from + 3.0, to)
        });
        inspected.inspect().silent("n-plus-one");
    }

    #[test]
    fn pages_are_a_lead_only() {
        let page = "SELECT * FROM orders WHERE id > ? ORDER BY id LIMIT ? OFFSET ?";
        let inspected = looped(8, 5.0, |trace, from, to| trace.sql(page, from, to)).inspect();
        let found = inspected.one("n-plus-one");
        assert_eq!(found.confidence, Confidence::Low);
        assert!(found.marks.contains(&Mark::Paged));
        let cursor = "GET http://a/items?cursor=?&limit=?";
        let inspected = looped(8, 5.0, |trace, from, to| trace.http(cursor, from, to)).inspect();
        assert_eq!(inspected.one("n-plus-one").confidence, Confidence::Low);
    }

    #[test]
    fn the_same_values_are_left_to_repeated_query() {
        let inspected = looped(8, 5.0, |trace, from, to| trace.sql(CUSTOMER, from, to).values(7)).inspect();
        inspected.silent("n-plus-one");
        assert_eq!(inspected.one("repeated-query").repeats, 8);
        // Nobody else speaks for calls.
        let url = "GET http://rates";
        let calls = looped(8, 5.0, |trace, from, to| trace.http(url, from, to).values(0)).inspect();
        assert!(calls.one("n-plus-one").marks.contains(&Mark::SameValues));
    }
}
