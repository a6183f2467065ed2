//! Two reports side by side: what changed for each endpoint, which findings went and which came.
//!
//! Figures are per request and never totals, so that recordings of different length compare. Nothing is
//! proven by one recording of each side: the same code measured twice differs, too.

mod statements;

use std::collections::BTreeMap;

use serde::Serialize;

pub use self::statements::{Change, Side, StatementChange, StatementChanges, StatementFigures};
use crate::finding::{Confidence, Endpoint, Finding, Latency, Report, Spread, Subject};

/// The version of the comparison's form.
pub const VERSION: u32 = 1;

/// What is different between two reports.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// [`VERSION`].
    pub version: u32,
    /// Endpoints of either side, by service and name.
    pub endpoints: Vec<EndpointChange>,
    /// Findings of either side: those that came first, then those that stay, then those that went; each
    /// kind in the order of rank.
    pub findings: Vec<FindingChange>,
    /// Statements of logs; `None` where one side has no log of a database.
    pub statements: Option<StatementChanges>,
}

/// One endpoint on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EndpointChange {
    /// Service name.
    pub service: String,
    /// Endpoint.
    pub name: String,
    /// Before; `None` where it was not exercised.
    pub before: Option<Figures>,
    /// After; `None` where it was not exercised.
    pub after: Option<Figures>,
}

/// An endpoint on one side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    /// Requests seen.
    pub requests: u64,
    /// Latency as measured.
    pub latency_ns: Latency,
    /// SQL statements in one request.
    pub statements_per_request: Spread,
}

/// One finding on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingChange {
    /// Its id.
    pub id: String,
    /// What became of it.
    pub state: State,
    /// Detector id.
    pub detector: String,
    /// Service.
    pub service: String,
    /// Endpoint; `None` for findings about a process or database.
    pub endpoint: Option<String>,
    /// What it is about.
    pub subject: Subject,
    /// How sure its cause is, as the later side has it.
    pub confidence: Confidence,
    /// Before; `None` where it was not found.
    pub before: Option<Cost>,
    /// After; `None` where it was not found.
    pub after: Option<Cost>,
}

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Found after, at an endpoint that was exercised before, too.
    Came,
    /// Found after, at an endpoint that was not exercised before.
    NewEndpoint,
    /// Found on both sides.
    Stays,
    /// Found before only; its endpoint was exercised after, too.
    Gone,
    /// Found before; its endpoint was not exercised after, so nothing is known.
    NotExercised,
}

/// A finding on one side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// How often in one request; `None` where repeats are not the point.
    pub repeats: Option<Spread>,
    /// What its fix gives back, in each request that shows it.
    pub gain_ns_per_request: u64,
    /// The bytes that its fix gives back, in each request that shows it, where it is told for them.
    pub gain_bytes_per_request: Option<u64>,
}

/// Compares two reports.
pub fn compare(before: &Report, after: &Report) -> Comparison {
    let logged = before.logged.as_ref().zip(after.logged.as_ref());
    Comparison {
        version: VERSION,
        endpoints: endpoints(before, after),
        findings: findings(before, after),
        statements: logged.map(|(before, after)| statements::compare(before, after)),
    }
}

fn endpoints(before: &Report, after: &Report) -> Vec<EndpointChange> {
    let mut sides: BTreeMap<(&str, &str), [Option<Figures>; 2]> = BTreeMap::new();
    for (side, report) in [before, after].into_iter().enumerate() {
        for endpoint in &report.endpoints {
            let known = sides.entry((&endpoint.service, &endpoint.name)).or_default();
            known[side] = Some(figures(endpoint));
        }
    }
    let change = |((service, name), [before, after]): ((&str, &str), [Option<Figures>; 2])| EndpointChange {
        service: service.to_owned(),
        name: name.to_owned(),
        before,
        after,
    };
    sides.into_iter().map(change).collect()
}

fn figures(endpoint: &Endpoint) -> Figures {
    Figures {
        requests: endpoint.requests,
        latency_ns: endpoint.latency_ns,
        statements_per_request: endpoint.statements_per_request,
    }
}

fn findings(before: &Report, after: &Report) -> Vec<FindingChange> {
    let came = after.findings.iter().map(|finding| {
        let earlier = before.findings.iter().find(|earlier| is_same(earlier, finding));
        let state = match earlier {
            Some(_) => State::Stays,
            None if is_exercised(finding, before) => State::Came,
            None => State::NewEndpoint,
        };
        change(finding, state, earlier.map(cost), Some(cost(finding)))
    });
    let went =
        before.findings.iter().filter(|finding| !after.findings.iter().any(|later| is_same(finding, later)));
    let went = went.map(|finding| {
        let state = if is_exercised(finding, after) { State::Gone } else { State::NotExercised };
        change(finding, state, Some(cost(finding)), None)
    });
    let mut changes: Vec<FindingChange> = came.chain(went).collect();
    changes.sort_by_key(|change| change.state);
    changes
}

/// Whether two findings are about the same: also where a test's server has another port in each run.
fn is_same(one: &Finding, other: &Finding) -> bool {
    let scope =
        |finding: &Finding| (finding.detector.clone(), finding.service.clone(), finding.endpoint.clone());
    let subject = |finding: &Finding| without_passing_ports(&finding.subject.text);
    one.id == other.id || scope(one) == scope(other) && subject(one) == subject(other)
}

/// Ports from here on are given out by systems for as long as a program runs.
const PASSING_PORTS_FROM: u32 = 32_768;

/// A text in which ports of this machine that last as long as a program are `{port}`: a test's server has another in each run.
pub fn without_passing_ports(text: &str) -> String {
    let mut left = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(colon) = rest.find(':') {
        let (before, after) = rest.split_at(colon + 1);
        left.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let is_here = ["127.0.0.1:", "localhost:", "[::1]:"].iter().any(|host| before.ends_with(host));
        let passes = after[..digits].parse::<u32>().is_ok_and(|port| port >= PASSING_PORTS_FROM);
        rest = after;
        if is_here && passes {
            left.push_str("{port}");
            rest = &after[digits..];
        }
    }
    left.push_str(rest);
    left
}

/// Whether a report has requests of a finding's endpoint, or of its service where it has none.
fn is_exercised(finding: &Finding, report: &Report) -> bool {
    let of_endpoint =
        |endpoint: &Endpoint| finding.endpoint.as_ref().is_none_or(|name| *name == endpoint.name);
    report.endpoints.iter().any(|endpoint| endpoint.service == finding.service && of_endpoint(endpoint))
}

fn change(finding: &Finding, state: State, before: Option<Cost>, after: Option<Cost>) -> FindingChange {
    FindingChange {
        id: finding.id.clone(),
        state,
        detector: finding.detector.clone(),
        service: finding.service.clone(),
        endpoint: finding.endpoint.clone(),
        subject: finding.subject.clone(),
        confidence: finding.confidence,
        before,
        after,
    }
}

fn cost(finding: &Finding) -> Cost {
    let requests = finding.requests.max(1);
    Cost {
        repeats: finding.repeats,
        gain_ns_per_request: finding.gain.total_ns / requests,
        gain_bytes_per_request: finding.gain.total_bytes.map(|bytes| bytes / requests),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::trace;

    fn report(endpoint: &str, customers: u32) -> Report {
        trace().judge(20, |trace, _| {
            let trace = trace.entry(endpoint, 0.0, 30.0 + f64::from(customers) * 10.0);
            trace.sql("SELECT * FROM orders", 1.0, 9.0).each(customers, |trace, number| {
                let from = 10.0 + number * 10.0;
                trace.sql("SELECT name FROM customers WHERE id = ?", from, from + 9.0).values(number as u64)
            })
        })
    }

    fn states(before: &Report, after: &Report) -> Vec<(String, State)> {
        let changes = compare(before, after).findings;
        changes.into_iter().map(|change| (change.detector, change.state)).collect()
    }

    #[test]
    fn a_loop_that_is_mended_is_gone_where_the_endpoint_was_exercised() {
        let (slow, quick) = (report("GET /orders", 20), report("GET /orders", 0));
        let loops = |states: Vec<(String, State)>| {
            states.into_iter().find(|(detector, _)| detector == "n-plus-one").map(|(_, state)| state)
        };
        assert_eq!(loops(states(&slow, &quick)), Some(State::Gone));
        assert_eq!(loops(states(&quick, &slow)), Some(State::Came));
        assert_eq!(loops(states(&slow, &slow)), Some(State::Stays));
        let other = report("GET /carts", 0);
        assert_eq!(loops(states(&slow, &other)), Some(State::NotExercised));
        assert_eq!(loops(states(&other, &slow)), Some(State::NewEndpoint));
    }

    #[test]
    fn ports_of_a_run_do_not_tell_findings_apart() {
        let text =
            without_passing_ports("POST http://127.0.0.1:52829/charge, http://pay:52829/a:1, localhost:8080");
        assert_eq!(text, "POST http://127.0.0.1:{port}/charge, http://pay:52829/a:1, localhost:8080");
        let report = |port: u32| {
            trace().judge(20, |trace, _| {
                trace.entry("GET /pay", 0.0, 320.0).http(
                    &format!("POST http://127.0.0.1:{port}/charge"),
                    10.0,
                    310.0,
                )
            })
        };
        assert_eq!(states(&report(40_000), &report(50_000)), [("blocking-call".to_owned(), State::Stays)]);
    }

    #[test]
    fn figures_are_per_request() {
        let comparison = compare(&report("GET /orders", 20), &report("GET /orders", 0));
        let endpoint = &comparison.endpoints[0];
        let statements = |side: Option<Figures>| side.map(|side| side.statements_per_request.p50);
        assert_eq!((statements(endpoint.before), statements(endpoint.after)), (Some(21), Some(1)));
        let cost = comparison.findings.iter().find(|change| change.detector == "n-plus-one").unwrap().before;
        let gain_ns = cost.unwrap().gain_ns_per_request;
        assert!((100_000_000..230_000_000).contains(&gain_ns), "{gain_ns}");
    }
}
