//! Finds requests that wait before they are served because all workers of the called service are busy.
//!
//! ## Why it is slow
//!
//! A server has a fixed number of workers: threads or processes, each of which serves one request at a
//! time. Ten threads and requests of 200 ms are 50 requests a second and no more; who comes then waits
//! before anything of the request is done. The server's own figures do not show that wait, as its spans
//! begin when a worker takes the request.
//!
//! ## What counts
//!
//! From the start of the caller's span (a client's, or that of a proxy in front) to the start of the
//! server's, where that is 5 ms or longer. It counts when these waits end as another request of the same
//! process ends, at least half of the time that is waited and far more than by chance, and when at these
//! moments the number of requests that are served is the same maximum, which is then taken for the
//! number of workers. A caller whose HTTP client opens only so many connections waits in the same way: where one
//! process alone calls, look there, too.
//!
//! ## Stays silent
//!
//! - on a plateau that is the load itself: as many requests as callers, and none of them waits;
//! - on a slow network: its delay ends when nobody's request ends;
//! - on a service that is slow, but takes every request at once;
//! - where callers are not traced: nothing shows when a request was sent.
//!
//! ## Remedy
//!
//! Hold workers for a shorter time, or have more of them. Best case: nobody waits. Worst case: half of
//! the waits is left, as more requests at once share the processor and the database. Workers that would
//! do follow from Little's law: arrivals times the time of one request.
//!
//! ## How to check
//!
//! The 95th percentile of the wait before a request is served, under the same load.

use crate::candidate::{Advice, Candidates, Case, Check, Mark, Part, Remedy, Subject, Told, View};
use crate::docket::CandidateKey;
use crate::evidence::Dictionary;
use crate::evidence::timeline::sent_ns;
use crate::evidence::trace::NONE;
use crate::finding::{Confidence, Unit};
use crate::nature::Nature;
use crate::settings::Setting;
use crate::shown::{Shown, Unconfirmed, Whole};
use crate::stack::Stack;
use crate::timelines::Starvation;
use crate::wording::{duration, list};
use crate::{Detector, Inspect};

const QUEUE_MIN: Setting = Setting {
    name: "queue_min",
    unit: "ms",
    default: 5,
    why: "shorter gaps between the caller's span and the server's are the network and the connect",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "worker-starvation",
    summary: "requests that wait before they are served, as all workers are busy",
    page: include_str!("worker_starvation.rs"),
    settings: &[QUEUE_MIN],
    inspect: Inspect::Request(Nature::CALLED, inspect),
    plan: None,
    confirm: Some(confirm),
    logs: false,
    tell: Some(tell),
};

/// What is left of the waits in the worst case, per mille.
const LEFT_AT_WORST: u16 = 500;

/// Endpoints with this share of the workers' time, per mille, are named.
const SHARE_MIN: u64 = 10;

/// Names calls that may wait for a worker; the timelines tell whether they do.
fn inspect(view: &View<'_>, found: &mut Candidates) {
    for (number, operation) in view.operations().filter(|(_, operation)| operation.called != NONE) {
        let Some(served) = view.trace.requests.get(operation.called as usize) else { continue };
        let waited_ns =
            sent_ns(view.trace, served).map_or(0, |sent_ns| served.start_ns.saturating_sub(sent_ns));
        if waited_ns < view.settings.get(&QUEUE_MIN).saturating_mul(1_000_000) {
            continue;
        }
        let service = view.dictionary.origin(served.opened_by.origin).service;
        let subject = Subject::Workers(service);
        let remedy = Remedy::Remove { worst: LEFT_AT_WORST };
        let candidate = found.about(subject, remedy, Confidence::High);
        // A proxy's call is the served request itself: the wait lies before it.
        let passed_on = operation.id == served.span();
        candidate.claim_part(number, if passed_on { Part::GapBefore } else { Part::OwnBeforeFirst });
        let mark = Mark::By(served.opened_by.origin);
        if !candidate.marks.contains(&mark) {
            candidate.mark(mark);
        }
    }
}

fn confirm<'a>(whole: &'a Whole<'a>, key: &CandidateKey) -> Result<Shown<'a>, Unconfirmed> {
    let Subject::Workers(service) = key.subject else { return Err(Unconfirmed(None)) };
    let busy = whole.busy.confirms(service).map(Shown::Workers);
    busy.ok_or_else(|| Unconfirmed::because("no other request ended when the wait ended"))
}

fn tell(case: &Case<'_>) -> Told {
    let Shown::Workers(busy) = *case.shown else { return Told::default() };
    Told {
        dismissed: None,
        why: why(case.dictionary, busy),
        fix: fixes(case, busy),
        verify: Check {
            metric: format!(
                "p95 of the wait before a request is served by {}",
                case.dictionary.text(busy.service)
            ),
            unit: Unit::Ns,
            now: case.single_ns.1,
            expected: 0,
        },
        confidence: None,
    }
}

fn why(dictionary: &Dictionary, busy: &Starvation) -> String {
    let percent = |per_mille: u64| per_mille / 10;
    let (_, workers) = busy.pool_size;
    format!(
        "{} % of the time of {} waits before a request is served ends when another one ends ({} % by chance), and \
         {} % of these end while {} served, which is the inferred number of workers of a process; a request \
         takes {} on average (p95 {}), so that {workers} of them serve at most {} a second: {}",
        percent(busy.explained),
        busy.waits,
        percent(busy.by_chance),
        percent(busy.at_plateau),
        requests(workers),
        duration(busy.hold_mean_ns),
        duration(busy.hold_p95_ns),
        ceiling(workers, busy.hold_mean_ns),
        list(&holders(dictionary, busy)),
    )
}

fn requests(number: u64) -> String {
    if number == 1 { "1 request is".to_owned() } else { format!("{number} requests are") }
}

/// Requests that so many workers can serve in a second.
fn ceiling(workers: u64, hold_ns: u64) -> String {
    let per_1000_s = u128::from(workers) * 1_000_000_000_000 / u128::from(hold_ns.max(1));
    match per_1000_s {
        10_000.. => format!("{}", per_1000_s / 1000),
        _ => format!("{}.{}", per_1000_s / 1000, per_1000_s % 1000 / 100),
    }
}

fn holders(dictionary: &Dictionary, busy: &Starvation) -> Vec<String> {
    let named = busy.held_for().filter(|(_, share)| *share >= SHARE_MIN);
    named.map(|(shape, share)| format!("{} ({} %)", dictionary.shape(shape).text, share / 10)).collect()
}

fn fixes(case: &Case<'_>, busy: &Starvation) -> Vec<Advice> {
    let (_, workers) = busy.pool_size;
    let enough = busy.size_p95.max(workers + 1);
    let most = busy.held_for().next().map(|(shape, _)| case.dictionary.shape(shape).text.to_string());
    let mut fixes = vec![Advice {
        text: format!(
            "more workers in each process of {}: {} from {workers} to {enough} (arrivals x time of a request: {} by \
             the mean, {} by the p95; {} wanted one at once), or more processes",
            case.dictionary.text(busy.service),
            Stack::of_case(case).workers(),
            busy.size_mean,
            busy.size_p95,
            busy.asked_at_once_p95,
        ),
        tradeoff: "memory for each, and a database connection for each that works with one; where requests \
                   compute, processors are shared by more of them"
            .to_owned(),
        remedy: None,
    }];
    fixes.push(Advice {
        text: format!(
            "if a single process calls: its HTTP client may let no more through ({})",
            Stack::of_case(case).connections_of_client()
        ),
        tradeoff: "more requests at once than the called service can work on wait there instead".to_owned(),
        remedy: None,
    });
    if let Some(most) = most {
        fixes.push(Advice {
            text: format!("make what holds the workers faster: {most}; see its own findings"),
            tradeoff: "the wait goes down faster than the time of a request does".to_owned(),
            remedy: None,
        });
    }
    fixes
}

#[cfg(test)]
mod tests;
