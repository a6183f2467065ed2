//! Requests of one process, told so that they overlap. Times are milliseconds.

use crate::finding::{Finding, Report};
use crate::testing::{TraceBuilder, trace};

/// A round of 200 ms: one request computes (or calls) from 20 to 120, others are under way.
const ROUND: f64 = 200.0;

const QUICK: &str = "SELECT name FROM customers WHERE id = ?";

/// Four requests a round: the first is `culprit`, the others wait for a statement that was sent before.
fn rounds(
    language: &'static str,
    culprit: fn(TraceBuilder, f64) -> TraceBuilder,
    lets_go_on: bool,
) -> Report {
    rounds_from(0.0, language, culprit, lets_go_on)
}

/// The culprit begins so late in its round.
fn rounds_from(
    begins: f64,
    language: &'static str,
    culprit: fn(TraceBuilder, f64) -> TraceBuilder,
    lets_go_on: bool,
) -> Report {
    // Only the library tells Python's event loop.
    let told = if language == "asyncio" {
        trace().language("python").server("asgi")
    } else {
        trace().language(language)
    };
    told.judge(160, |trace, number| {
        let (round, place) = (f64::from(number / 4) * ROUND, number % 4);
        if place == 0 {
            return culprit(trace.entry("GET /scores", round + begins, round + 121.0), round);
        }
        let sent = round + f64::from(place) * 5.0;
        let done = if lets_go_on { sent + 30.0 * f64::from(place) } else { round + 120.5 };
        trace.entry("GET /order", sent - 1.0, done + 4.0).sql(QUICK, sent, done).sql(
            "SELECT id FROM orders WHERE id = ?",
            done + 0.5,
            done + 3.0,
        )
    })
}

fn computes(trace: TraceBuilder, round: f64) -> TraceBuilder {
    trace.sql("SELECT id FROM orders", round + 1.0, round + 20.0)
}

fn calls(trace: TraceBuilder, round: f64) -> TraceBuilder {
    trace.http("GET partner/rates", round + 20.0, round + 120.0)
}

fn stalls(report: &Report) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.detector == "event-loop-stall").collect()
}

#[test]
fn names_the_culprit_and_not_its_victims() {
    let report = rounds("nodejs", computes, false);
    let [stall] = stalls(&report)[..] else { panic!("{:#?}", report.findings) };
    assert_eq!(stall.endpoint.as_deref(), Some("GET /scores"));
    assert_eq!(stall.subject.text, "own time after the last call");
    assert_eq!(stall.affects.len(), 1);
    assert_eq!(stall.affects[0].endpoint, "GET /order");
    let latency = stall.affects[0].latency_ns;
    assert!(latency.predicted.p50 < latency.measured.p50, "{latency:?}");
    assert_eq!(stall.latency_ns.predicted, stall.latency_ns.measured);
    let others: Vec<&str> = report.findings.iter().map(|finding| finding.detector.as_str()).collect();
    assert_eq!(others, ["event-loop-stall"], "what its victims wait for is not slow by itself");
}

#[test]
fn a_call_that_blocks_is_a_culprit() {
    let report = rounds("asyncio", calls, false);
    let [stall] = stalls(&report)[..] else { panic!("{:#?}", report.findings) };
    assert_eq!(stall.subject.text, "GET partner/rates");
}

/// Nothing is recorded of it but the request itself.
fn computes_alone(trace: TraceBuilder, _: f64) -> TraceBuilder {
    trace
}

#[test]
fn a_request_without_any_call_is_a_culprit() {
    let report = rounds_from(20.0, "nodejs", computes_alone, false);
    let [stall] = stalls(&report)[..] else { panic!("{:#?}", report.findings) };
    assert_eq!(stall.endpoint.as_deref(), Some("GET /scores"));
    assert_eq!(stall.subject.text, "own time");
}

#[test]
fn silent_where_others_go_on() {
    assert!(stalls(&rounds("asyncio", calls, true)).is_empty());
    assert!(stalls(&rounds("asyncio", computes, true)).is_empty());
    assert!(stalls(&rounds("nodejs", computes, true)).is_empty());
}

#[test]
fn silent_on_calls_of_node() {
    assert!(stalls(&rounds("nodejs", calls, false)).is_empty());
}

#[test]
fn silent_on_threads() {
    assert!(stalls(&rounds("java", computes, false)).is_empty());
    assert!(stalls(&rounds("python", computes, false)).is_empty(), "no library of an event loop");
}

#[test]
fn silent_where_nobody_is_under_way() {
    let report = trace().language("nodejs").judge(60, |trace, number| {
        let round = f64::from(number) * ROUND;
        computes(trace.entry("GET /scores", round, round + 121.0), round)
    });
    assert!(stalls(&report).is_empty());
    assert_eq!(report.findings[0].detector, "heavy-compute");
}
