//! When requests of an event loop did something: a process whose requests take turns on one thread shows in
//! none of them that another one keeps the thread.

use crate::docket::hash_of;
use crate::evidence::trace::{Request, Trace};

/// Of the moments of one request that lie in the same piece of time of this length only the first is kept.
pub(crate) const GRAIN_NS: u64 = 2_000_000;

/// Moments of one request that are kept.
const STIRS_MAX: usize = 4_096;

/// A moment at which a span of a request began or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stir {
    pub(crate) at_ns: u64,
    /// Hash of trace and span of the request.
    pub(crate) request: u64,
}

/// Reads the moments of one request after the other.
#[derive(Debug, Default)]
pub(super) struct Progress {
    moments_ns: Vec<u64>,
    stirs: Vec<Stir>,
}

impl Progress {
    /// The moments of a request, in time order.
    pub(super) fn of(&mut self, trace: &Trace, request: &Request) -> &[Stir] {
        self.moments_ns.clear();
        self.moments_ns.extend([request.start_ns, request.end_ns]);
        let operations = trace.operations_of(request).iter().take(STIRS_MAX);
        self.moments_ns.extend(operations.flat_map(|it| [it.start_ns, it.end_ns]));
        self.moments_ns.iter_mut().for_each(|at_ns| *at_ns = request.recorded_ns(*at_ns));
        self.moments_ns.sort_unstable();
        self.moments_ns.dedup_by_key(|at_ns| *at_ns / GRAIN_NS);
        let hash = hash_of(request.trace, request.span());
        self.stirs.clear();
        self.stirs.extend(self.moments_ns.iter().map(|&at_ns| Stir { at_ns, request: hash }));
        &self.stirs
    }
}
