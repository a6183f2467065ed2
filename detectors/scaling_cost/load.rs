//! Time that grows with the number of requests at once.

use crate::candidate::{Advice, Case, Check, Told};
use crate::docket::CandidateKey;
use crate::figures::duration;
use crate::finding::{Confidence, Unit};
use crate::shown::{Shown, Unconfirmed, Whole};
use crate::stack::Stack;
use crate::timelines::Load;
use crate::wording::list;

pub(super) fn confirm<'a>(whole: &'a Whole<'a>, key: &CandidateKey) -> Result<Shown<'a>, Unconfirmed> {
    whole.loads.confirms(key.endpoint).map(Shown::Load).map_err(|order| {
        Unconfirmed(order.map(|order| {
            format!("the time hardly grows with the requests at once: the order that fits best is {order:.1}")
        }))
    })
}

pub(super) fn tell(case: &Case<'_>, load: &Load) -> Told {
    let most_ns = load.points.last().map_or(0, |point| point.1);
    Told {
        why: why(load),
        fix: fixes(case),
        verify: Check {
            metric: format!(
                "median of {} with {}",
                case.endpoint,
                load.points.last().map_or_else(String::new, at_once)
            ),
            unit: Unit::Ns,
            now: most_ns,
            expected: load.alone_ns(),
        },
        confidence: Some(Confidence::Medium),
        dismissed: None,
    }
}

fn why(load: &Load) -> String {
    let [lowest, likely, highest] = load.order;
    let points = load.points.iter().map(|point| format!("{} with {}", duration(point.1), at_once(point)));
    format!(
        "a request takes longer the more its process serves at once (order {likely:.1}, between {lowest:.1} and \
         {highest:.1}; 1 is a single thing that serves one at a time): {}; no connection, worker or lock that was seen \
         explains it",
        list(&points.collect::<Vec<_>>())
    )
}

/// `4.1 at once`.
fn at_once((tenths, _): &(u64, u64)) -> String {
    match tenths % 10 {
        0 => format!("{} at once", tenths / 10),
        tenth => format!("{}.{tenth} at once", tenths / 10),
    }
}

fn fixes(case: &Case<'_>) -> Vec<Advice> {
    let plain = |text: String, tradeoff: &str| Advice { text, tradeoff: tradeoff.to_owned(), remedy: None };
    vec![
        plain(
            format!(
                "find what is shared, under that load: {}; the processor, an interpreter's lock, a lock of the code, a \
                 disk",
                Stack::of_case(case).profiler()
            ),
            "a sampling profiler costs a few per cent while it runs",
        ),
        plain(
            "serve fewer at once in each process: more processes or machines, and a limit in front that lets the others \
             wait where they cost nothing"
                .to_owned(),
            "memory and database connections for each process; what waits in front waits all the same",
        ),
    ]
}
