//! Many requests on one thread, simulated: each turn keeps the thread until it awaits something.

use super::*;
use crate::analysis::Gathers;
use crate::evidence::shape::{Family, Shape, ShapeId};
use crate::evidence::{Dictionary, Kind, Origin, Role, Span, UNKNOWN};
use crate::testing::{Random, docket};

const MS: u64 = 1_000_000;

/// A service in which one request in twenty computes for 60 ms after its first statement. Each other sends three
/// statements of 3 to 9 ms. `threads` of them run at the same time.
fn simulate(threads: usize) -> (Dictionary, Vec<Vec<Span>>) {
    let mut dictionary = Dictionary::default();
    let (service, language) = (dictionary.symbol("shop"), dictionary.symbol("nodejs"));
    let origin = dictionary.origin_ref(Origin { service, language, ..Origin::default() });
    let mut shape = |family: Family, text: &str, hash: u64| {
        let id = ShapeId { family, hash };
        dictionary.shape_ref(id, || Shape { id, text: text.into(), facts: None })
    };
    let endpoints = [shape(Family::Endpoint, "GET /order", 1), shape(Family::Endpoint, "GET /scores", 2)];
    let statement = shape(Family::Statement, "SELECT name FROM customers WHERE id = ?", 3);
    let plain = Span {
        origin,
        rows: UNKNOWN,
        response_bytes: UNKNOWN,
        thread: UNKNOWN,
        repeats: 1,
        ..Span::default()
    };
    let mut random = Random(3);
    // Until when each thread is kept, and requests that are ready: when, which, and what is left to do.
    let mut kept_until_ns = vec![0; threads];
    let mut ready: std::collections::BTreeSet<(u64, usize, u32)> = Default::default();
    let mut traces: Vec<Vec<Span>> = Vec::new();
    for number in 0..400 {
        ready.insert((1_700_000_000_000 * MS + number as u64 * 8 * MS + random.below(20 * MS), number, 3));
        traces.push(Vec::new());
    }
    while let Some((ready_ns, number, left)) = ready.pop_first() {
        let thread = (0..threads).min_by_key(|&thread| kept_until_ns[thread]).unwrap();
        if kept_until_ns[thread] > ready_ns {
            ready.insert((kept_until_ns[thread], number, left));
            continue;
        }
        let computes = number % 20 == 0;
        let spans = &mut traces[number];
        let id = spans.len() as u64 + 1;
        let mut now_ns = ready_ns;
        match spans.last_mut() {
            None => spans.push(Span {
                id,
                kind: Kind::Entry,
                role: Role::Server,
                start_ns: now_ns,
                shape: endpoints[usize::from(computes)],
                ..plain
            }),
            Some(sent) => sent.end_ns = now_ns,
        }
        if computes && left == 2 {
            now_ns += 60 * MS;
        }
        if left == 0 || computes && left == 1 {
            now_ns += MS / 10;
            spans[0].end_ns = now_ns;
        } else {
            let id = spans.len() as u64 + 1;
            spans.push(Span {
                id,
                parent: 1,
                kind: Kind::Sql,
                role: Role::Client,
                start_ns: now_ns,
                shape: statement,
                ..plain
            });
            ready.insert((now_ns + 3 * MS + random.below(6 * MS), number, left - 1));
        }
        kept_until_ns[thread] = now_ns + MS / 20;
    }
    (dictionary, traces)
}

fn stalls(threads: usize) -> Vec<Stall> {
    let (dictionary, traces) = simulate(threads);
    Stalls::of(&docket(&dictionary, &traces, |_| true).timelines).proven().to_vec()
}

#[test]
fn one_thread_is_kept() {
    let stalls = stalls(1);
    let [stall] = &stalls[..] else { panic!("{stalls:#?}") };
    assert!(matches!(stall.subject, Subject::Own(_)), "{stall:?}");
    assert_eq!(stall.stretch_ns.0 / MS, 60);
    assert!(stall.held_up > 30 && stall.went_on == 0, "{} {}", stall.held_up, stall.went_on);
}

#[test]
fn several_threads_go_on() {
    assert_eq!(stalls(4), []);
}

/// The same, called by another service that has its answer before the loop gets to end the request: it seems as if
/// their clocks differed, in each trace by something else.
fn called(traces: Vec<Vec<Span>>, dictionary: &mut Dictionary) -> Vec<Vec<Span>> {
    let service = dictionary.symbol("caller");
    let origin = dictionary.origin_ref(Origin { service, ..Origin::default() });
    let mut random = Random(17);
    let with_caller = traces.into_iter().map(|mut trace| {
        let entry = trace[0];
        let (start_ns, end_ns) = (entry.start_ns - 60 * MS, entry.end_ns - random.below(40 * MS));
        let caller = Span { id: 90, origin, start_ns, end_ns, ..entry };
        let call = Span { id: 91, parent: 90, kind: Kind::Http, role: Role::Client, ..caller };
        trace[0].parent = 91;
        trace.extend([caller, call]);
        trace
    });
    with_caller.collect()
}

#[test]
fn clocks_that_seem_to_differ_hide_nothing() {
    let (mut dictionary, traces) = simulate(1);
    let traces = called(traces, &mut dictionary);
    let stalls = Stalls::of(&docket(&dictionary, &traces, |_| true).timelines);
    let [stall] = stalls.proven() else { panic!("{stalls:#?}") };
    assert_eq!((stall.stretch_ns.0 / MS, stall.went_on), (60, 0));
}

/// Pairs that go on together: one makes a call of 200 ms, the other comes later, reads, and waits for the same.
fn waiting_together() -> (Dictionary, Vec<Vec<Span>>) {
    let (dictionary, traces) = simulate(1);
    let mut random = Random(7);
    let mut pairs = Vec::new();
    for pair in 0..40 {
        let start_ns = (1_700_000_000_000 + pair * 300) * MS;
        let end_ns = start_ns + 200 * MS + random.below(10 * MS);
        let (mut entry, mut call) = (traces[1][0], traces[1][1]);
        (entry.start_ns, entry.end_ns) = (start_ns, end_ns + MS);
        (call.start_ns, call.end_ns) = (start_ns + MS, end_ns);
        let later_ns = start_ns + 10 * MS + random.below(60 * MS);
        let read = Span { start_ns: later_ns + MS, end_ns: later_ns + 5 * MS, ..call };
        pairs.extend([vec![entry, call], vec![Span { start_ns: later_ns, ..entry }, read]]);
    }
    (dictionary, pairs)
}

#[test]
fn who_waits_for_the_same_call_keeps_nothing() {
    let (dictionary, traces) = waiting_together();
    assert_eq!(Stalls::of(&docket(&dictionary, &traces, |_| true).timelines).proven(), []);
}

#[test]
fn three_dockets_of_a_third_each_say_the_same() {
    let (dictionary, traces) = simulate(1);
    let whole = Stalls::of(&docket(&dictionary, &traces, |_| true).timelines);
    let mut merged = docket(&dictionary, &traces, |number| number % 3 == 2);
    for third in [0, 1] {
        merged.merge(docket(&dictionary, &traces, |number| number % 3 == third));
    }
    assert_eq!(Stalls::of(&merged.timelines).proven(), whole.proven());
    assert_eq!(whole.proven().len(), 1);
}
