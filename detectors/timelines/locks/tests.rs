//! Statements that want one lock, simulated: requests come, wait in line, hold it and give it back.

use super::*;
use crate::analysis::Gathers;
use crate::evidence::shape::sql::Facts;
use crate::evidence::shape::{Family, Shape, ShapeId};
use crate::evidence::{Kind, Origin, Role, Span, UNKNOWN};
use crate::testing::{Random, docket};

const MS: u64 = 1_000_000;

/// Requests that update one of `rows` rows and go on for `hold_ms` in the transaction; one every 40 ms, or three
/// at once each second.
fn simulate(rows: u64, hold_ms: u64) -> (Dictionary, Vec<Vec<Span>>) {
    let mut dictionary = Dictionary::default();
    let (service, target) = (dictionary.symbol("shop"), dictionary.symbol("postgresql"));
    let origin = dictionary.origin_ref(Origin { service, ..Origin::default() });
    let mut shape = |family: Family, text: &str, hash: u64, facts: Option<Facts>| {
        let id = ShapeId { family, hash };
        dictionary.shape_ref(id, || Shape { id, text: text.into(), facts: facts.map(Box::new) })
    };
    let table: Box<str> = "counters".into();
    let write = Facts {
        verb: crate::evidence::shape::sql::Verb::Update,
        tables: vec![table.clone()],
        main: Some(table.clone()),
        written: vec![table],
        predicates: Vec::new(),
        limited: false,
        single_row: true,
        paged: false,
        locks: false,
        truncated: false,
        parsed: true,
    };
    let read =
        Facts { verb: crate::evidence::shape::sql::Verb::Select, written: Vec::new(), ..write.clone() };
    let endpoint = shape(Family::Endpoint, "POST /count", 1, None);
    let update =
        shape(Family::Statement, "UPDATE counters SET value = value + ? WHERE name = ?", 2, Some(write));
    let select = shape(Family::Statement, "SELECT rating(?)", 3, Some(read));
    let plain = Span {
        origin,
        target,
        rows: UNKNOWN,
        response_bytes: UNKNOWN,
        thread: UNKNOWN,
        repeats: 1,
        ..Span::default()
    };
    let mut random = Random(5);
    let mut free_ns = vec![0; rows as usize];
    let mut traces = Vec::new();
    for number in 0..300u64 {
        let together = number % 10 < 7;
        let asked_ns = 1_700_000_000_000 * MS
            + number / 10 * 1_000 * MS
            + if together { random.below(4 * MS) } else { (number % 10) * 90 * MS };
        let row = random.below(rows) as usize;
        let taken_ns = free_ns[row].max(asked_ns) + random.below(MS / 5);
        let done_ns = taken_ns + 2 * MS + random.below(MS / 2);
        let end_ns = done_ns + hold_ms * MS + random.below(MS);
        free_ns[row] = end_ns;
        let entry = Span { id: 1, kind: Kind::Entry, role: Role::Server, shape: endpoint, ..plain };
        let client = Span { parent: 1, kind: Kind::Sql, role: Role::Client, ..plain };
        traces.push(vec![
            Span { start_ns: asked_ns - MS, end_ns: end_ns + MS, ..entry },
            Span { id: 2, shape: update, start_ns: asked_ns, end_ns: done_ns, ..client },
            Span { id: 3, shape: select, start_ns: done_ns + MS / 10, end_ns, ..client },
        ]);
    }
    (dictionary, traces)
}

fn contentions(rows: u64, hold_ms: u64) -> (Dictionary, Contentions) {
    let (dictionary, traces) = simulate(rows, hold_ms);
    let found = Contentions::of(&docket(&dictionary, &traces, |_| true).timelines, &dictionary);
    (dictionary, found)
}

#[test]
fn one_row_is_waited_for() {
    let (dictionary, found) = contentions(1, 25);
    let [contention] = &found.0[..] else { panic!("{found:#?}") };
    assert_eq!(contention.held, Held::FirstToLast);
    assert!(contention.waits > 100 && contention.explained > 900, "{contention:?}");
    let (shape, alone_ns) = contention.waiting[0];
    assert!(dictionary.shape(shape).text.starts_with("UPDATE"));
    assert!((MS..4 * MS).contains(&alone_ns), "{alone_ns}");
    let Some((Holding::Statement(shape), share)) = contention.holders.first() else {
        panic!("{contention:?}")
    };
    assert!(dictionary.shape(*shape).text.starts_with("SELECT") && *share > 800);
}

#[test]
fn many_rows_are_not() {
    assert!(contentions(5_000, 25).1.0.is_empty());
}

/// Where the database stands still: updates of different rows, which come one after another and end together.
fn stand_still(mut traces: Vec<Vec<Span>>) -> Vec<Vec<Span>> {
    let mut random = Random(11);
    for (number, trace) in traces.iter_mut().enumerate().filter(|(number, _)| number % 10 < 7) {
        let second_ns = (1_700_000_000 + number as u64 / 10) * 1_000 * MS;
        let done_ns = second_ns + 600 * MS + random.below(2 * MS);
        trace.truncate(2);
        (trace[1].start_ns, trace[1].end_ns) = (second_ns + random.below(30 * MS), done_ns);
        (trace[0].start_ns, trace[0].end_ns) = (trace[1].start_ns - MS, done_ns + 5 * MS);
    }
    traces
}

#[test]
fn a_database_that_stands_still_is_no_lock() {
    let (dictionary, traces) = simulate(5_000, 2);
    let traces = stand_still(traces);
    let found = Contentions::of(&docket(&dictionary, &traces, |_| true).timelines, &dictionary);
    assert_eq!(found.0, []);
}

#[test]
fn three_dockets_of_a_third_each_say_the_same() {
    let (dictionary, traces) = simulate(1, 25);
    let whole = Contentions::of(&docket(&dictionary, &traces, |_| true).timelines, &dictionary);
    let mut merged = docket(&dictionary, &traces, |number| number % 3 == 2);
    for third in [0, 1] {
        merged.merge(docket(&dictionary, &traces, |number| number % 3 == third));
    }
    assert_eq!(Contentions::of(&merged.timelines, &dictionary).0, whole.0);
    assert_eq!(whole.0.len(), 1);
}
