//! A shop that calls its stock. Times are milliseconds.

use crate::finding::{Finding, Report};
use crate::testing::trace;

/// Calls come in groups of four; a request takes 50 to 60 ms. `workers` serve at the same time.
fn calls(workers: usize, proxy: bool) -> Report {
    trace().judge(200, |trace, number| {
        let group = f64::from(number / 4) * 400.0;
        let place = (number % 4) as usize;
        let turn = (place / workers) as f64;
        // The second of two ends a little later, and so does who comes after it.
        let took = 50.0 + f64::from(number % 7) + (place % workers) as f64 * 5.0;
        let sent = group + 2.0;
        let begin = sent
            + 1.0
            + turn
                * (51.0
                    + f64::from((number - number % 4 + (number % 4) % workers as u32) % 7)
                    + (place % workers) as f64 * 5.0);
        let end = begin + took;
        let trace = trace.entry("GET /availability", group, end + 3.0);
        let trace =
            if proxy { trace } else { trace.http("GET stock/products/{id}", sent, end + 1.0).below() };
        let trace = trace.service("stock").entry("GET /products/{id}", begin, end);
        let trace = trace.out();
        let trace = if proxy { trace } else { trace.out() };
        trace.out().service("shop")
    })
}

fn starved(report: &Report) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.detector == "worker-starvation").collect()
}

#[test]
fn waits_for_the_only_worker() {
    let report = calls(1, false);
    let [starved] = starved(&report)[..] else { panic!("{:#?} {:#?}", report.findings, report.dismissed) };
    assert_eq!(starved.subject.text, "workers of stock");
    assert_eq!(starved.endpoint.as_deref(), Some("GET /availability"));
    assert!(starved.why.contains("while 1 request is served"), "{}", starved.why);
    assert!(starved.latency_ns.predicted.p50 < starved.latency_ns.measured.p50);
}

#[test]
fn waits_behind_a_proxy() {
    let report = calls(1, true);
    assert_eq!(starved(&report).len(), 1, "{:#?}", report.dismissed);
}

#[test]
fn silent_where_there_are_as_many_workers_as_calls() {
    assert!(starved(&calls(4, false)).is_empty());
}
