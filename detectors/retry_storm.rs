//! Finds calls that fail and are made again at once, several times.
//!
//! ## Why it is slow
//!
//! The caller waits for each attempt, though what failed a moment ago mostly fails again. And it makes
//! matters worse: a service that is overloaded gets several calls for each request, just when it can
//! answer none, and so do all that lie between, where each layer tries again on its own.
//!
//! ## What counts
//!
//! Calls over HTTP or remote procedure calls of one request, of one shape with the same values, each
//! begun after the one before had failed: with a status of 500 and above, 408, 425 or 429, what gRPC
//! calls unavailable, exhausted, aborted, internal, unknown or too late, or without an answer. At least
//! `failures_min` fail, and no pause between them is longer than `pause_max`. Where bodies are hidden
//! (writes, remote procedure calls) calls may be different ones: a lead, unless the instrumentation
//! counts the attempts. So are calls of which the last one succeeds: there giving up would lose it.
//!
//! ## Stays silent
//!
//! - on one retry, and on a second, whether they succeed or not;
//! - where pauses grow (exponential back-off), or are long;
//! - on failures of different calls, such as those of a loop over rows: that is n-plus-one;
//! - on answers that another attempt does not change (400, 404, 409);
//! - on attempts that an HTTP library makes without a span of their own, such as urllib3's `Retry`.
//!
//! ## Remedy
//!
//! Give up sooner, and wait before another attempt. Best case: the first failure is the answer. Worst
//! case: there is a second attempt. Waiting between the attempts spares the other side, not this request.
//!
//! ## How to check
//!
//! Count the attempts of one request while the other side fails.

use rustc_hash::FxHashMap;

use crate::candidate::{Advice, Candidates, Case, Check, Remedy, ShortOf, Subject, Told, View};
use crate::evidence::trace::Operation;
use crate::evidence::{Kind, Status, Symbol, Values};
use crate::finding::{Confidence, Unit};
use crate::group::Group;
use crate::nature::Nature;
use crate::settings::Setting;
use crate::stack::{Language, Stack};
use crate::wording::{brief, duration};
use crate::{Detector, Inspect, group, place_of};

const FAILURES_MIN: Setting = Setting {
    name: "failures_min",
    unit: "attempts that fail",
    default: 3,
    why: "a second attempt heals a lost connection; the third without a pause only adds load",
};

const PAUSE_MAX: Setting = Setting {
    name: "pause_max",
    unit: "ms",
    default: 100,
    why: "a service that is overloaded or restarts needs longer than that to recover",
};

/// Its place among all detectors.
pub(crate) const PLACE: usize = place_of(DETECTOR.id);

pub(crate) const DETECTOR: Detector = Detector {
    id: "retry-storm",
    summary: "a call that fails is made again at once, several times",
    page: include_str!("retry_storm.rs"),
    settings: &[FAILURES_MIN, PAUSE_MAX],
    inspect: Inspect::Request(Nature::FAILED, inspect),
    plan: None,
    confirm: None,
    logs: false,
    tell: Some(tell),
};

/// Pauses below this are no back-off, however they grow: the caller's own work and a busy machine.
const PAUSE_NOTED_NS: u64 = 20_000_000;

/// Statuses of gRPC after which another attempt may succeed: unknown, deadline exceeded, resource
/// exhausted, aborted, internal, unavailable.
const GRPC_AGAIN: [u16; 6] = [2, 4, 8, 10, 13, 14];

fn inspect(view: &View<'_>, found: &mut Candidates) {
    for numbers in view.groups().filter(|numbers| numbers.len() > 1) {
        let is_failing = |number: &u32| view.nature(*number).has(Nature::FAILED);
        if let Some(group) = Group::of(view, numbers).filter(|_| numbers.iter().any(is_failing)) {
            inspect_group(&group, found);
        }
    }
}

fn inspect_group(group: &Group<'_>, found: &mut Candidates) {
    let view = group.view;
    let needed = view.settings.get_for(&FAILURES_MIN, group.shape);
    let subject = Subject::Shape(group.first.shape);
    let failures = |chain: &[u32]| {
        chain.iter().filter(|number| may_be_tried_again(view.operation(**number))).count() as u64
    };
    let mut chains = chains(group);
    let seen = chains.iter().map(|chain| failures(chain)).max().unwrap_or(0);
    chains.retain(|chain| failures(chain) >= needed);
    let some = !chains.is_empty();
    chains.retain(|chain| !waits_between(group, chain));
    let Some(longest) = chains.iter().map(Vec::len).max() else {
        match some {
            true => found.short(subject, ShortOf { what: "attempts without back-off", seen: 0, needed }),
            false if seen > 1 => found.short(subject, ShortOf { what: "attempts that fail", seen, needed }),
            false => {}
        }
        return;
    };
    let worst = u16::try_from(1000 / (longest - 1).max(1)).unwrap_or(1000);
    let candidate = found.push(subject, Remedy::Remove { worst }, confidence(group, &chains));
    candidate.repeats(longest as u64).claim(chains.iter().flat_map(|chain| chain.iter().copied().skip(1)));
    group.mark_origin(candidate);
}

/// Whether a caller backs off: a pause is long, or they grow.
fn waits_between(group: &Group<'_>, chain: &[u32]) -> bool {
    let view = group.view;
    let longest_ns = view.settings.get_for(&PAUSE_MAX, group.shape).saturating_mul(1_000_000);
    let pause = |pair: &[u32]| view.operation(pair[1]).start_ns - view.operation(pair[0]).end_ns;
    let pauses: Vec<u64> = chain.windows(2).map(pause).collect();
    pauses.iter().any(|pause_ns| *pause_ns > longest_ns) || is_growing(&pauses)
}

/// Attempts after the first that were found in the request and are no mere lead.
pub(crate) fn attempts_found(found: &Candidates) -> impl Iterator<Item = u32> {
    let likely = found.found_by(PLACE).filter(|candidate| candidate.confidence > Confidence::Low);
    likely.flat_map(|candidate| candidate.claims.iter().map(|claim| claim.operation))
}

/// Whether most of the calls are attempts at one thing that fails, with or without back-off.
pub(crate) fn is_tried_again(group: &Group<'_>) -> bool {
    let failing = || group.operations().any(may_be_tried_again);
    let longest = || chains(group).iter().map(Vec::len).max().unwrap_or(0);
    group.view.seen.has(Nature::FAILED)
        && group::known_values(group.first, group.shape).is_some()
        && failing()
        && longest() * 2 > group.numbers.len()
}

/// Whether a call has failed in a way that another attempt may heal.
pub(crate) fn may_be_tried_again(call: &Operation) -> bool {
    let by_status = || match (call.kind, call.status_code) {
        (_, 0) => true,
        (Kind::Http, status) => status >= 500 || matches!(status, 408 | 425 | 429),
        (Kind::Rpc, status) => GRPC_AGAIN.contains(&status) || status >= 500,
        _ => false,
    };
    matches!(call.kind, Kind::Http | Kind::Rpc) && call.status == Status::Error && by_status()
}

/// Calls with the same values, each after the failure of the one before; in order of their first.
fn chains(group: &Group<'_>) -> Vec<Vec<u32>> {
    let view = group.view;
    let mut chains: Vec<Vec<u32>> = Vec::new();
    let mut open: FxHashMap<(Values, Symbol), usize> = FxHashMap::default();
    // A client may report each attempt below the call that they are made for.
    let mut around: Vec<u32> = group.operations().map(|call| call.parent).collect();
    around.sort_unstable();
    for &number in group.numbers.iter().filter(|number| around.binary_search(number).is_err()) {
        let call = view.operation(number);
        let key = (call.values, call.target);
        let chain = open.get(&key).copied().filter(|&chain| {
            let last = chains[chain].last().map(|&last| view.operation(last));
            last.is_some_and(|last| may_be_tried_again(last) && last.end_ns <= call.start_ns)
        });
        match chain {
            Some(chain) => chains[chain].push(number),
            None => {
                open.insert(key, chains.len());
                chains.push(vec![number]);
            }
        }
    }
    chains
}

/// Whether the later pauses are at least half as long again as the earlier ones.
fn is_growing(pauses: &[u64]) -> bool {
    let (earlier, later) = pauses.split_at(pauses.len() / 2);
    let longest = |pauses: &[u64]| pauses.iter().copied().max().unwrap_or(0);
    let (earlier_ns, later_ns) = (longest(earlier), longest(later));
    later_ns >= PAUSE_NOTED_NS && later_ns.saturating_mul(2) >= earlier_ns.saturating_mul(3)
}

fn confidence(group: &Group<'_>, chains: &[Vec<u32>]) -> Confidence {
    let view = group.view;
    let mut attempts = chains.iter().flatten();
    let counted = attempts.any(|&attempt| view.operation(attempt).retries > 0);
    let fails = |chain: &Vec<u32>| chain.last().is_some_and(|&last| may_be_tried_again(view.operation(last)));
    let known = group::known_values(group.first, group.shape).is_some();
    match chains.iter().any(fails) && (known || counted) {
        true => Confidence::High,
        false => Confidence::Low,
    }
}

fn tell(case: &Case<'_>) -> Told {
    let attempts = case.repeats.p50.max(2);
    let pause = case.settings.get(&PAUSE_MAX);
    let most = match case.repeats.max {
        most if most > attempts => format!(" (up to {most})"),
        _ => String::new(),
    };
    Told {
        why: format!(
            "tried {attempts} times in a request{most}, and each attempt fails after {}; the next attempt begins \
             within {pause} ms, and pauses do not grow: while the other side fails it gets {attempts} times \
             the load",
            duration(case.single_ns.0),
        ),
        fix: fixes(Stack::of_case(case).language),
        verify: Check {
            metric: format!("attempts in a request at {}", brief(case.dictionary, case.shape())),
            unit: Unit::Count,
            now: attempts,
            expected: 1,
        },
        confidence: None,
        dismissed: None,
    }
}

fn fixes(language: Language) -> Vec<Advice> {
    let advice =
        |text: String, tradeoff: &str, remedy| Advice { text, tradeoff: tradeoff.to_owned(), remedy };
    let waiting = Some(Remedy::Shrink { best: 1000, worst: 1000 });
    vec![
        advice(
            format!(
                "give up at the first or second failure, with an answer for that case, and skip calls while they fail: {}",
                breaker(language)
            ),
            "a failure that a later attempt would have healed reaches the caller; the breaker's limits have to be chosen",
            None,
        ),
        advice(
            format!("wait longer before each further attempt, by chance (jitter): {}", back_off(language)),
            "the request takes longer while the other side fails: bound the sum by the time that it has",
            waiting,
        ),
        advice(
            "a budget for retries: at most a tenth of all calls, and at one layer only".to_owned(),
            "when the budget is used up, single failures are no longer healed either",
            waiting,
        ),
    ]
}

fn breaker(language: Language) -> &'static str {
    match language {
        Language::Python => "a circuit breaker (pybreaker, aiobreaker)",
        Language::Node => "a circuit breaker (opossum, cockatiel)",
        Language::Java => "a circuit breaker (Resilience4j)",
        Language::Go => "a circuit breaker (gobreaker)",
        Language::DotNet => "a circuit breaker (Polly)",
        Language::Ruby => "a circuit breaker (circuitbox, stoplight)",
        _ => "a circuit breaker",
    }
}

fn back_off(language: Language) -> &'static str {
    match language {
        Language::Python => {
            "tenacity's wait_random_exponential; urllib3's Retry(backoff_factor=…, backoff_jitter=…)"
        }
        Language::Node => "p-retry with factor and randomize; axios-retry's exponentialDelay",
        Language::Java => "Resilience4j's IntervalFunction.ofExponentialRandomBackoff",
        Language::Go => "cenkalti/backoff, or go-retryablehttp with its Backoff",
        Language::DotNet => "Polly's DelayBackoffType.Exponential with UseJitter",
        Language::Ruby => "faraday-retry with backoff_factor and interval_randomness",
        Language::Php => "Guzzle's retry middleware with a delay",
        Language::Rust => "backon's ExponentialBuilder with_jitter",
        Language::Other => "twice as long each time",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Report;
    use crate::testing::{TraceBuilder, trace};

    const QUOTE: &str = "GET http://partner/quotes/{id}";

    /// Attempts of 30 ms that fail, with these pauses before them.
    fn attempts(pauses_ms: &[f64]) -> TraceBuilder {
        let mut from = 1.0;
        pauses_ms.iter().fold(trace().entry("GET /quote", 0.0, 900.0), |trace, pause| {
            from += pause + 30.0;
            trace.http(QUOTE, from - 30.0, from).values(7).failed()
        })
    }

    #[test]
    fn attempts_at_once_or_after_a_constant_pause() {
        for pause in [0.5, 60.0] {
            let inspected = attempts(&[0.0, pause, pause, pause, pause]).inspect();
            let found = inspected.one(DETECTOR.id);
            assert_eq!((found.repeats, found.claims.len(), found.confidence), (5, 4, Confidence::High));
            assert_eq!(found.remedy, Remedy::Remove { worst: 250 });
            inspected.silent("n-plus-one");
        }
    }

    #[test]
    fn silent_on_back_off_and_few_attempts() {
        let backs_off = attempts(&[0.0, 10.0, 20.0, 40.0, 80.0]).inspect();
        backs_off.silent(DETECTOR.id);
        backs_off.silent("n-plus-one");
        attempts(&[0.0, 150.0, 150.0, 150.0]).inspect().silent(DETECTOR.id);
        attempts(&[0.0, 1.0]).inspect().silent(DETECTOR.id);
        let healed = attempts(&[0.0]).http(QUOTE, 40.0, 70.0).values(7);
        healed.inspect().silent(DETECTOR.id);
    }

    #[test]
    fn silent_on_failures_of_different_calls() {
        let rows = trace().entry("GET /quotes", 0.0, 400.0).each(8, |trace, number| {
            let from = 1.0 + number * 40.0;
            trace.http(QUOTE, from, from + 30.0).values(number as u64 + 1).failed()
        });
        let inspected = rows.inspect();
        inspected.silent(DETECTOR.id);
        assert_eq!(inspected.one("n-plus-one").repeats, 8);
        let stumbling = trace().entry("GET /quotes", 0.0, 400.0).each(6, |trace, number| {
            let (from, values) = (1.0 + number * 60.0, number as u64 + 1);
            let trace = trace.http(QUOTE, from, from + 29.0).values(values).failed();
            trace.http(QUOTE, from + 30.0, from + 59.0).values(values)
        });
        assert_eq!(stumbling.inspect().one("n-plus-one").repeats, 12);
    }

    #[test]
    fn silent_on_answers_that_do_not_change() {
        let mut missing = attempts(&[0.0, 1.0, 1.0, 1.0]);
        missing.spans.iter_mut().skip(1).for_each(|span| span.status_code = 404);
        missing.inspect().silent(DETECTOR.id);
    }

    #[test]
    fn what_may_be_other_calls_or_succeeds_at_last_is_a_lead() {
        let written = trace().entry("POST /quote", 0.0, 400.0).each(5, |trace, number| {
            let from = 1.0 + number * 31.0;
            trace.http("POST http://partner/quotes", from, from + 30.0).values(0).failed()
        });
        assert_eq!(written.inspect().one(DETECTOR.id).confidence, Confidence::Low);
        let succeeds = attempts(&[0.0, 1.0, 1.0]).http(QUOTE, 95.0, 125.0).values(7);
        assert_eq!(succeeds.inspect().one(DETECTOR.id).confidence, Confidence::Low);
    }

    #[test]
    fn attempts_below_the_call_that_they_are_made_for() {
        let outer =
            trace().entry("GET /quote", 0.0, 300.0).http(QUOTE, 1.0, 299.0).values(7).failed().below();
        let layered = outer.each(6, |trace, number| {
            let from = 2.0 + number * 40.0;
            trace.http(QUOTE, from, from + 39.0).values(7).failed()
        });
        assert_eq!(layered.inspect().one(DETECTOR.id).repeats, 6);
    }

    #[test]
    fn the_attempts_are_told_and_not_the_call() {
        let report: Report = trace().judge(20, |trace, _| {
            trace.entry("GET /quote", 0.0, 160.0).each(5, |trace, number| {
                let from = 1.0 + number * 31.0;
                trace.http(QUOTE, from, from + 30.0).values(7).failed()
            })
        });
        let finding = &report.findings[0];
        assert_eq!((&*finding.detector, finding.verify.now), (DETECTOR.id, 5));
        assert!(finding.why.contains("5 times the load"), "{}", finding.why);
        assert!(finding.fix[1].text.contains("tenacity"), "{:?}", finding.fix);
        assert!(report.findings.iter().all(|finding| finding.detector != "n-plus-one"));
    }
}
