//! The own time of a request: where it lies among the calls.

use crate::candidate::{Claim, OwnTime, Part, View};
use crate::evidence::trace::{NONE, Segment};
use crate::nature::Nature;

/// The calls of a request: what its own time lies around.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    first_ns: u64,
    last_ns: u64,
    /// A database or cache client is instrumented.
    pub(crate) store_seen: bool,
}

impl Calls {
    /// `None` where the request makes no call at all.
    pub(crate) fn of(view: &View<'_>) -> Option<Self> {
        let mut calls = Self { first_ns: u64::MAX, last_ns: 0, store_seen: view.seen.has(Nature::STORE) };
        for number in view.request.operations.clone().filter(|&number| view.is_call(number)) {
            let call = view.operation(number);
            if call.path_ns > 0 {
                calls.first_ns = calls.first_ns.min(call.start_ns);
                calls.last_ns = calls.last_ns.max(call.end_ns);
            }
        }
        (calls.last_ns > 0).then_some(calls)
    }

    /// Where in the request a stretch of its own time lies, and what claims it; `next` follows it on the path.
    /// `None` where a server only waits for its client.
    pub(crate) fn place(
        &self,
        view: &View<'_>,
        segment: &Segment,
        next: Option<u32>,
    ) -> Option<(OwnTime, Claim)> {
        let operation = segment.operation;
        if operation != NONE && (self.last_ns == 0 || !view.nature(operation).has(Nature::AROUND)) {
            let name = view.operation(operation).name;
            let waits = is_transfer(view.dictionary.text(name));
            return (!waits).then_some((OwnTime::Span(name), Claim { operation, part: Part::Own }));
        }
        let own = match segment {
            _ if self.last_ns == 0 => OwnTime::All,
            _ if segment.end_ns <= self.first_ns => OwnTime::BeforeFirst,
            _ if segment.start_ns >= self.last_ns => OwnTime::AfterLast,
            _ => OwnTime::Between,
        };
        let claim = match next.and_then(|next| child_of(view, operation, next)) {
            Some(child) => Claim { operation: child, part: Part::GapBefore },
            None => Claim { operation, part: Part::OwnAfterLast },
        };
        Some((own, claim))
    }
}

/// Whether a stretch of the critical path is the request's own time.
pub(crate) fn is_own(view: &View<'_>, segment: &Segment) -> bool {
    segment.operation == NONE || !view.is_call(segment.operation)
}

/// Spans of ASGI servers that wait for the client's side.
fn is_transfer(name: &str) -> bool {
    [" http send", " http receive", " websocket send", " websocket receive"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// The child of `parent` that is `operation` or has it below it; `None` if it is elsewhere.
fn child_of(view: &View<'_>, parent: u32, operation: u32) -> Option<u32> {
    if operation == NONE {
        return None;
    }
    let upwards = std::iter::successors(Some(operation), |&below| {
        Some(view.operation(below).parent).filter(|&above| above != NONE)
    });
    upwards.into_iter().find(|&below| view.operation(below).parent == parent)
}
