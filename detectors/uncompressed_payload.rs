//! Finds large answers of text that are sent as they are, though they would shrink to a fraction.
//!
//! ## Why it is slow
//!
//! JSON, HTML, scripts and style sheets shrink to a tenth or a third when they are compressed. Sent as they are,
//! they take that much longer on the way: 400 kB need 160 ms on a mobile network of 20 Mbit/s, and several
//! round trips more while the connection speeds up.
//!
//! ## What counts
//!
//! Answers of at least `body_min` that hold text or data (`content-type`), whose headers name no
//! `content-encoding`: those of an endpoint that is called from outside, and those to calls of this service.
//! Headers have to be captured, these three of them; no instrumentation does it by itself:
//! `OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE=content-type,content-length,content-encoding` in
//! Python, `otel.instrumentation.http.server.capture-response-headers` in Java, `headersToSpanAttributes` in
//! Node.js; `…CLIENT_RESPONSE` and `…client…` for calls.
//!
//! ## Stays silent
//!
//! - on images, archives and all else that is compressed in itself, on small answers, and on those that name
//!   an encoding;
//! - where `content-type` or the size is not told: what is not captured is not known;
//! - on calls between services that are both traced and near each other: what is received after the other
//!   side is done is measured there, and mostly too short to matter.
//!
//! An encoding that is missing on all spans of a service may not have been captured, and a proxy in front of the
//! service may compress. `whyslow probe URL` asks the address that users ask, with and without compression.
//!
//! ## Remedy
//!
//! Compress answers in the service or in the proxy before it. What is left is between 15 and 50 %; gzip leaves
//! 10 to 30 % of most text. Where a call shows how long it receives after the other side is done, that time
//! shrinks with it; elsewhere no span holds the way to the caller, so bytes are told and no time. That
//! compressing costs time itself is the worse end of the range.
//!
//! ## How to check
//!
//! Bytes of the answers before and after, and `whyslow probe URL`.

use crate::candidate::{Advice, Candidates, Case, Check, Part, Remedy, ShortOf, Subject, Told, View};
use crate::evidence::trace::{NONE, Operation};
use crate::evidence::{Kind, Media, Span, UNKNOWN};
use crate::finding::{Confidence, Unit};
use crate::impact::given_back;
use crate::nature::Nature;
use crate::settings::Setting;
use crate::stack::Stack;
use crate::wording::{brief, bytes, duration};
use crate::{Detector, Inspect, place_of};

const BODY_MIN: Setting = Setting {
    name: "body_min",
    unit: "kB of one answer",
    default: 100,
    why: "100 kB take 40 ms at 20 Mbit/s; less is not noticed, though servers compress from 1 kB on",
};

/// Its place among all detectors.
pub(crate) const PLACE: usize = place_of(DETECTOR.id);

pub(crate) const DETECTOR: Detector = Detector {
    id: "uncompressed-payload",
    summary: "a large answer of text is sent without compression",
    page: include_str!("uncompressed_payload.rs"),
    settings: &[BODY_MIN],
    inspect: Inspect::Request(Nature::BYTES.or(Nature::SERVICE), inspect),
    plan: None,
    confirm: None,
    logs: false,
    tell: Some(tell),
};

/// What compression leaves, per mille: gzip leaves 100 to 300 of most JSON and HTML. The rest covers what
/// compressing itself takes.
const REMEDY: Remedy = Remedy::Shrink { best: 150, worst: 500 };

/// A mobile network in bytes of a millisecond: 20 Mbit/s.
const MOBILE_BYTES_PER_MS: u64 = 2_500;

fn inspect(view: &View<'_>, found: &mut Candidates) {
    // Who calls it inside of the trace receives it, and shows how long that takes.
    if view.request.caller == NONE && view.is_answered() {
        inspect_answer(view, found);
    }
    for numbers in view.groups() {
        if view.operation(numbers[0]).kind == Kind::Http {
            inspect_calls(view, numbers, found);
        }
    }
}

fn inspect_answer(view: &View<'_>, found: &mut Candidates) {
    let answer = &view.request.opened_by;
    let Some(size) = plain_bytes(answer).filter(|_| view.has_body(answer.shape)) else { return };
    let needed = view.settings.get(&BODY_MIN);
    if size < needed.saturating_mul(1_000) {
        note_short(Subject::Encoding, size, needed, found);
        return;
    }
    let candidate = found.push(Subject::Encoding, REMEDY, Confidence::Medium);
    view.mark_request(candidate.bytes(size));
}

fn inspect_calls(view: &View<'_>, numbers: &[u32], found: &mut Candidates) {
    let first = view.operation(numbers[0]);
    if !view.has_body(first.shape) {
        return;
    }
    let needed = view.settings.get_for(&BODY_MIN, view.dictionary.shape(first.shape));
    let received = |number: u32| plain_bytes_of_call(view, view.operation(number)).unwrap_or(0);
    let large = |number: &u32| received(*number) >= needed.saturating_mul(1_000).max(1);
    let subject = Subject::Shape(first.shape);
    if !numbers.iter().any(large) {
        let most = numbers.iter().map(|&number| received(number)).max().unwrap_or(0);
        note_short(subject, most, needed, found);
        return;
    }
    let candidate = found.push(subject, REMEDY, Confidence::Medium);
    for &number in numbers.iter().filter(|number| large(number)) {
        candidate.repeats += 1;
        candidate.bytes += received(number);
        if view.operation(number).called != NONE {
            candidate.claim_part(number, Part::OwnAfterLast);
        }
    }
    view.mark_origin(first, candidate);
}

/// Calls that were found in the request and receive for most of their time, after the other side is done.
pub(crate) fn received_slowly(view: &View<'_>, found: &Candidates) -> impl Iterator<Item = u32> {
    let claims = found.found_by(PLACE).flat_map(|candidate| &candidate.claims);
    let is_slow = move |number: &u32| {
        let call = view.operation(*number);
        let called = view.trace.requests.get(call.called as usize);
        let receives_ns = called.map_or(0, |called| call.end_ns.saturating_sub(called.end_ns));
        receives_ns.saturating_mul(2) >= call.duration_ns()
    };
    claims.map(|claim| claim.operation).filter(is_slow)
}

/// An answer of half the size is considered.
fn note_short(subject: Subject, size: u64, needed: u64, found: &mut Candidates) {
    let seen = size / 1_000;
    if seen.saturating_mul(2) >= needed.max(1) {
        found.short(subject, ShortOf { what: "kB of one answer", seen, needed });
    }
}

/// Bytes of a body that would shrink and names no encoding, as far as its headers tell.
fn plain_bytes(span: &Span) -> Option<u64> {
    let shrinks = matches!(span.body.media(), Media::Data | Media::Text);
    let plain = shrinks && !span.body.is_encoded() && span.response_bytes != UNKNOWN;
    plain.then(|| u64::from(span.response_bytes))
}

/// What a call receives, as it tells itself or the service that it calls.
fn plain_bytes_of_call(view: &View<'_>, call: &Operation) -> Option<u64> {
    if call.body.is_encoded() {
        return None;
    }
    let called = || view.trace.requests.get(call.called as usize);
    plain_bytes(&call.span).or_else(|| plain_bytes(&called()?.opened_by))
}

fn tell(case: &Case<'_>) -> Told {
    let is_own = case.subject.is_response();
    let each = case.bytes.p50 / case.repeats.p50.max(1);
    let what = match is_own {
        true => format!("answers of {}", case.endpoint),
        false => format!("answers to {}", brief(case.dictionary, case.shape())),
    };
    let most = match case.bytes.max {
        most if is_own && most > each + each / 10 => format!(" (up to {})", bytes(most)),
        _ => String::new(),
    };
    Told {
        why: format!(
            "{what} hold {} of text{most} and name no encoding; {}{}",
            bytes(each),
            way(case, each),
            doubt(case, is_own)
        ),
        fix: fixes(case, is_own),
        verify: Check {
            metric: format!("bytes of {what}"),
            unit: Unit::Bytes,
            now: each,
            expected: each - given_back(REMEDY, each),
        },
        confidence: confidence(case),
        dismissed: None,
    }
}

/// What is known of the time on the way.
fn way(case: &Case<'_>, each: u64) -> String {
    match case.claimed_ns.max {
        0 => format!(
            "at 20 Mbit/s they take {} on the way, which no span here measures",
            duration(each / MOBILE_BYTES_PER_MS * 1_000_000)
        ),
        _ => {
            format!("after the other side is done, {} pass until one is received", duration(case.single_ns.0))
        }
    }
}

/// What may be behind it besides a missing compression.
fn doubt(case: &Case<'_>, is_own: bool) -> &'static str {
    match (case.encodes, is_own) {
        (true, true) => ", while other answers of the service name one",
        (true, false) => ", while answers to other calls name one",
        (false, true) => {
            ". No answer of the service names one: content-encoding may not be captured, and a proxy in front may \
             compress. whyslow probe URL asks where users do"
        }
        (false, false) => {
            ". No answer to a call of this service names one: content-encoding may not be captured"
        }
    }
}

fn confidence(case: &Case<'_>) -> Option<Confidence> {
    match case.is_rare() {
        true => Some(Confidence::Low),
        false => case.encodes.then_some(Confidence::High),
    }
}

fn fixes(case: &Case<'_>, is_own: bool) -> Vec<Advice> {
    let stack = Stack::of_case(case);
    let first = match is_own {
        true => format!("compress answers of text: {}", stack.compress()),
        false => format!("have the other side compress, and ask for it: {}", stack.accept_encoding()),
    };
    vec![
        Advice::new(
            first,
            "about 5 to 10 ms of a processor for 400 kB by gzip, which is more than it saves within one data centre; \
             pages that repeat what was sent to them beside a secret must not be compressed (BREACH)",
        ),
        Advice::new(
            "compress in the proxy in front: nginx gzip on with gzip_types application/json and gzip_proxied any, \
             Caddy encode zstd gzip, or the CDN",
            "the way from the service to the proxy stays as it is",
        ),
        Advice::new(
            "send less: a page at a time, and only the fields that are shown",
            "callers have to ask for the rest",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Body;
    use crate::finding::{Finding, GainKind, Report};
    use crate::testing::{TraceBuilder, trace};

    const DATA: Body = Body::DATA;

    fn answer(body: Body, bytes: u32) -> TraceBuilder {
        trace().entry("GET /orders", 0.0, 50.0).body(body, bytes).sql("SELECT id FROM orders", 1.0, 9.0)
    }

    /// A page of one service, for which another one is asked, that is done at `done` of 100 ms.
    fn page(trace: TraceBuilder, done: f64) -> TraceBuilder {
        let trace = trace.entry("GET /page", 0.0, 110.0).http("GET http://stock/items", 2.0, 102.0).below();
        let trace = trace.service("stock").entry("GET /items", 3.0, done).body(DATA, 900_000);
        trace.out().out().service("shop")
    }

    fn told(report: &Report) -> &Finding {
        let mut findings = report.findings.iter().filter(|finding| finding.detector == DETECTOR.id);
        findings.next().unwrap_or_else(|| panic!("{:#?}", report.dismissed))
    }

    #[test]
    fn large_text_without_encoding() {
        let inspected = answer(DATA, 400_000).inspect();
        let found = inspected.one(DETECTOR.id);
        assert_eq!((found.bytes, found.confidence, found.claims.len()), (400_000, Confidence::Medium, 0));
    }

    #[test]
    fn silent_on_what_is_encoded_small_or_not_text() {
        answer(Body::new(Media::Data, true), 400_000).inspect().silent(DETECTOR.id);
        answer(Body::new(Media::Other, false), 400_000).inspect().silent(DETECTOR.id);
        answer(DATA, 99_000).inspect().silent(DETECTOR.id);
        assert_eq!(answer(DATA, 60_000).inspect().all_by(DETECTOR.id).len(), 1);
    }

    #[test]
    fn silent_on_what_is_not_captured() {
        answer(Body::default(), 400_000).inspect().silent(DETECTOR.id);
        answer(DATA, UNKNOWN).inspect().silent(DETECTOR.id);
        let asked = trace().entry("HEAD /orders", 0.0, 50.0).body(DATA, 400_000);
        asked.internal("look", 1.0, 2.0).inspect().silent(DETECTOR.id);
    }

    #[test]
    fn bytes_are_told_where_no_span_holds_the_way() {
        let report = trace().judge(20, |trace, _| {
            trace.entry("GET /orders", 0.0, 20.0).body(DATA, 400_000).sql("SELECT id FROM orders", 1.0, 9.0)
        });
        let finding = told(&report);
        assert_eq!(finding.gain.kind, GainKind::Network);
        assert_eq!((finding.gain.total_ns, finding.gain.total_bytes), (0, Some(20 * 270_000)));
        assert_eq!((finding.verify.now, finding.verify.expected), (399_360, 129_792));
        assert_eq!(finding.confidence, Confidence::Medium);
        assert!(finding.why.contains("whyslow probe"), "{}", finding.why);
    }

    #[test]
    fn an_encoding_elsewhere_shows_that_it_is_captured() {
        let report: Report = trace().judge(40, |trace, number| match number % 2 {
            0 => trace.entry("GET /a", 0.0, 50.0).body(DATA, 400_000).internal("work", 1.0, 2.0),
            _ => trace
                .entry("GET /b", 0.0, 50.0)
                .body(Body::new(Media::Data, true), 40_000)
                .internal("work", 1.0, 2.0),
        });
        assert_eq!(told(&report).confidence, Confidence::High);
    }

    #[test]
    fn the_time_until_an_answer_is_received_is_predicted() {
        let report = trace().judge(20, |trace, _| page(trace, 20.0));
        let finding = told(&report);
        assert_eq!(finding.gain.kind, GainKind::Latency);
        assert_eq!((&*finding.service, finding.endpoint.as_deref()), ("shop", Some("GET /page")));
        let p50 = finding.latency_ns.predicted.p50.expect("a median");
        assert!((52_000_000..62_000_000).contains(&p50), "{p50}");
    }

    #[test]
    fn silent_between_services_that_are_near() {
        let report = trace().judge(20, |trace, _| page(trace, 100.0));
        assert!(report.findings.iter().all(|finding| finding.detector != DETECTOR.id));
        assert!(report.dismissed.iter().any(|dismissal| dismissal.detector == DETECTOR.id));
    }
}
