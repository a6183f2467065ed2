//! Finds requests that keep the event loop of their process, so that no other request goes on.
//!
//! ## Why it is slow
//!
//! Node.js, and Python under asyncio, serve all requests of a process on one thread, which a request has
//! to itself until it awaits something. Computing for 200 ms, or one call that blocks instead of being
//! awaited, adds 200 ms to every other request that was under way, even to the quickest one: the slow
//! requests that a user sees are the victims, not the cause.
//!
//! ## What counts
//!
//! Stretches of own time (in Python calls, too) of 20 ms or longer on the critical path, at which the other
//! requests of the same process are looked at. One that was under way and does the next thing right after the
//! stretch was held up; one that does something meanwhile went on. It takes at least 10 that were held
//! up by 3 stretches, four of five of all that did something, and far more than by chance, and those that were held
//! up took longer than those that were not. Of several
//! requests that stand still at the same time the innermost stretch is the cause: who waits for it has
//! begun before and goes on after it.
//!
//! ## Stays silent
//!
//! - on calls that are awaited: others go on meanwhile;
//! - on several threads: a thread that computes lets the others go on, also under Python's lock;
//! - on requests that wait for the same thing (one call for all of them) and go on together: none takes longer for it;
//! - on the victims: quick endpoints and health checks whose requests happen to stand still;
//! - on services in other languages, and where requests never run at the same time.
//!
//! ## Remedy
//!
//! Compute beside the loop (a thread for calls that block, a process or worker thread for computing), or
//! await. What the request itself takes stays; the others no longer stand still. Best case: all of the
//! time from the start of a stretch to its end; worst case: none of it, as what they waited for might
//! have taken as long anyway. Computing less helps both, and is predicted apart.
//!
//! ## How to check
//!
//! The longest stretch, and with it the loop's delay (`perf_hooks.monitorEventLoopDelay`, asyncio's debug
//! mode), falls below 20 ms.

use crate::candidate::{
    Advice, Candidate, Candidates, Case, Check, Claim, Mark, OwnTime, Part, Remedy, Subject, Told, View,
};
use crate::docket::CandidateKey;
use crate::evidence::Dictionary;
use crate::evidence::trace::Segment;
use crate::finding::{Confidence, Unit};
use crate::nature::Nature;
use crate::own_time::{Calls, is_own};
use crate::settings::Setting;
use crate::shown::{Shown, Unconfirmed, Whole};
use crate::stack::{EventLoop, Stack};
use crate::timelines::{Delayed, Stall};
use crate::wording::{brief, duration, list};
use crate::{Detector, Inspect, heavy_compute};

const STRETCH_MIN: Setting = Setting {
    name: "stretch_min",
    unit: "ms",
    default: 20,
    why: "shorter turns are usual; ten of them are not felt by a request",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "event-loop-stall",
    summary: "one request keeps the event loop, so that others stand still",
    page: include_str!("event_loop_stall.rs"),
    settings: &[STRETCH_MIN],
    inspect: Inspect::Request(Nature::ANY, inspect),
    plan: None,
    confirm: Some(confirm),
    logs: false,
    tell: Some(tell),
};

/// What the request itself takes does not change.
const REMEDY: Remedy = Remedy::Shrink { best: 1000, worst: 1000 };

/// Stretches of one request that are looked at.
const STRETCHES_MAX: usize = 64;

/// Endpoints whose requests are held up that are named.
const DELAYED_MAX: usize = 3;

/// Names what may keep the loop; the timelines tell whether it does.
fn inspect(view: &View<'_>, found: &mut Candidates) {
    let long_ns = view.settings.get(&STRETCH_MIN).saturating_mul(1_000_000);
    let origin = view.request.opened_by.origin;
    let Some(event_loop) = view.memo.event_loop(origin, view.dictionary) else { return };
    if view.request.duration_ns() < long_ns {
        return;
    }
    // Only stretches of own time lie among them.
    let mut calls: Option<Calls> = None;
    // The path runs backwards: what follows a segment was met just before it.
    let mut next: Option<u32> = None;
    let mut stretches = 0;
    for segment in view.trace.path_of(view.request) {
        if segment.end_ns - segment.start_ns >= long_ns && stretches < STRETCHES_MAX {
            // Clients of Node.js do not block.
            if event_loop == EventLoop::Asyncio || is_own(view, segment) {
                stretches += 1;
                claim(view, (&mut calls, next), segment, found);
            }
        }
        next = Some(segment.operation);
    }
}

fn claim(
    view: &View<'_>,
    (calls, next): (&mut Option<Calls>, Option<u32>),
    segment: &Segment,
    found: &mut Candidates,
) {
    let (subject, claim) = match is_own(view, segment) {
        true => {
            let calls = calls.get_or_insert_with(|| Calls::of(view).unwrap_or_default());
            match calls.place(view, segment, next) {
                Some((own, claim)) => (Subject::Own(own), claim),
                None => return,
            }
        }
        false => {
            let operation = segment.operation;
            let shape = view.operation(operation).shape;
            (Subject::Shape(shape), Claim { operation, part: Part::Whole })
        }
    };
    let candidate = found.about(subject, REMEDY, Confidence::High);
    if candidate.claims.is_empty() {
        mark(view, claim, candidate);
    }
    if !candidate.claims.contains(&claim) {
        candidate.claims.push(claim);
    }
    candidate.stretches.push((segment.start_ns, segment.end_ns));
}

fn mark(view: &View<'_>, claim: Claim, candidate: &mut Candidate) {
    match view.trace.operations.get(claim.operation as usize) {
        Some(operation) => view.mark_origin(operation, candidate),
        None => {
            candidate.mark(Mark::By(view.request.opened_by.origin));
        }
    }
}

fn confirm<'a>(whole: &'a Whole<'a>, key: &CandidateKey) -> Result<Shown<'a>, Unconfirmed> {
    whole.stalls.confirms(key.endpoint, &key.subject).map(Shown::Stall).map_err(|(held_up, went_on)| {
        Unconfirmed(match (held_up, went_on) {
            (0, 0) => None,
            _ => Some(format!("{went_on} other requests went on meanwhile, {held_up} were held up")),
        })
    })
}

fn tell(case: &Case<'_>) -> Told {
    let Shown::Stall(stall) = *case.shown else { return Told::default() };
    Told {
        dismissed: None,
        why: why(case.dictionary, stall),
        fix: fixes(case),
        verify: Check {
            metric: format!("longest stretch that {} keeps the event loop", case.endpoint),
            unit: Unit::Ns,
            now: stall.stretch_ns.1,
            expected: case.settings.get(&STRETCH_MIN) * 1_000_000,
        },
        confidence: None,
    }
}

fn why(dictionary: &Dictionary, stall: &Stall) -> String {
    let (median_ns, longest_ns) = stall.stretch_ns;
    let counted = stall.held_up + stall.went_on;
    format!(
        "{} keeps the event loop for {} (up to {}): of {counted} times that another request of the process did \
         something next, {} came right after it and {} meanwhile ({} % right after it by chance); held up: {}",
        what(dictionary, &stall.subject),
        duration(median_ns),
        duration(longest_ns),
        stall.held_up,
        stall.went_on,
        stall.by_chance / 10,
        list(&victims(dictionary, stall)),
    )
}

fn what(dictionary: &Dictionary, subject: &Subject) -> String {
    match subject {
        Subject::Own(OwnTime::BeforeFirst) => "own code before the first call".to_owned(),
        Subject::Own(OwnTime::AfterLast) => "own code after the last call".to_owned(),
        Subject::Own(OwnTime::Between | OwnTime::All) => "own code".to_owned(),
        Subject::Own(OwnTime::Span(name)) => format!("own code in {}", dictionary.text(*name)),
        Subject::Shape(shape) => format!("{}, which is not awaited,", brief(dictionary, *shape)),
        _ => String::new(),
    }
}

/// Those whose requests stand still longest, all together.
fn victims(dictionary: &Dictionary, stall: &Stall) -> Vec<String> {
    let mut delayed: Vec<(u64, String, &Delayed)> = stall
        .delayed
        .iter()
        .map(|it| (it.requests_ns.iter().map(|ns| ns.1).sum(), it.endpoint.name.text(dictionary), it))
        .collect();
    delayed.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    let named = delayed.iter().take(DELAYED_MAX).map(|(_, name, delayed)| {
        let (held_up, of) = (delayed.held_up(), delayed.requests_ns.len());
        format!("{held_up} of {of} of {name}, by up to {}", duration(delayed.stood_p50_ns()))
    });
    named.collect()
}

fn fixes(case: &Case<'_>) -> Vec<Advice> {
    let stack = Stack::of_case(case);
    if matches!(case.subject, Subject::Shape(_)) {
        return vec![Advice {
            text: stack.await_call().to_owned(),
            tradeoff: "code around it has to be asynchronous, too; in a thread, it needs as many threads as \
                       calls are made at once"
                .to_owned(),
            remedy: None,
        }];
    }
    vec![
        Advice {
            text: stack.beside_the_loop().to_owned(),
            tradeoff: "what is handed over and back is copied; the request itself takes as long as before"
                .to_owned(),
            remedy: None,
        },
        Advice {
            text: format!("compute less; see where it goes: {}", stack.profiler()),
            tradeoff: "the answer may change its form; kept results may be out of date".to_owned(),
            remedy: Some(heavy_compute::REMEDY),
        },
    ]
}

#[cfg(test)]
mod tests;
