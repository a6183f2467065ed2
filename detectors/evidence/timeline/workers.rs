//! Requests as those see them that serve them: how long each took, and how long it waited before.

use crate::docket::{EndpointKey, hash_of};
use crate::evidence::Dictionary;
use crate::evidence::trace::{NONE, Request, Trace};

/// A request of one process, by the clock of that process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Served {
    /// Hash of trace and span.
    pub(crate) request: u64,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) endpoint: EndpointKey,
    /// When its caller sent it; `None` where the caller is not recorded.
    pub(crate) sent_ns: Option<u64>,
}

impl Served {
    /// `None` where the request itself was not recorded.
    pub(super) fn of(trace: &Trace, request: &Request, dictionary: &Dictionary) -> Option<Self> {
        if request.name.is_made_up() {
            return None;
        }
        Some(Self {
            request: hash_of(request.trace, request.span()),
            start_ns: request.recorded_ns(request.start_ns),
            end_ns: request.recorded_ns(request.end_ns),
            endpoint: EndpointKey::of(request, dictionary),
            sent_ns: sent_ns(trace, request).map(|at_ns| request.recorded_ns(at_ns)),
        })
    }
}

/// When the caller of a request sent it. What a proxy passes on without a span of its own for the call was
/// sent when the proxy's request began.
pub(crate) fn sent_ns(trace: &Trace, request: &Request) -> Option<u64> {
    let call = trace.operations.get(request.caller as usize).filter(|_| request.caller != NONE)?;
    if call.id != request.span() {
        return Some(call.start_ns);
    }
    // The operations of one request come after those of the requests before it.
    let place = trace.requests.partition_point(|above| above.operations.end <= request.caller);
    trace.requests.get(place).map(|above| above.start_ns)
}
