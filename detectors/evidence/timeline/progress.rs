//! When requests of an event loop did something: a process whose requests take turns on one thread shows in
//! none of them that another one keeps the thread.

use super::WINDOW_NS;
use crate::docket::hash_of;
use crate::evidence::trace::{Request, Trace};

/// Of the moments of one request that lie in the same piece of time of this length only the first is kept.
pub(crate) const GRAIN_NS: u64 = 2_000_000;

/// Moments of one request that are kept.
const STIRS_MAX: usize = 4_096;

/// A moment at which a span of a request began or ended, within its window: sorted as a number it is by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stir(u64);

/// Moments are kept this exactly, so that 32 bits are enough for a window.
const TICK_NS: u64 = 4;

impl Stir {
    fn new(at_ns: u64, request: u64) -> Self {
        Self((at_ns % WINDOW_NS / TICK_NS) << 32 | request & u64::from(u32::MAX))
    }

    /// The moment, in the window of this number.
    pub(crate) fn at_ns(self, window: u64) -> u64 {
        window * WINDOW_NS + (self.0 >> 32) * TICK_NS
    }

    /// The lower half of the hash of trace and span of the request.
    pub(crate) fn request(self) -> u32 {
        self.0 as u32
    }
}

/// Reads the moments of one request after the other.
#[derive(Debug, Default)]
pub(super) struct Progress {
    moments_ns: Vec<u64>,
    stirs: Vec<Stir>,
}

impl Progress {
    /// The moments of a request by window, in time order.
    pub(super) fn of(&mut self, trace: &Trace, request: &Request) -> impl Iterator<Item = (u64, &[Stir])> {
        self.moments_ns.clear();
        let operations = || trace.operations_of(request).iter().take(STIRS_MAX);
        // Two runs that are sorted for the most part, which are merged.
        self.moments_ns.push(request.start_ns);
        self.moments_ns.extend(operations().map(|it| it.start_ns));
        self.moments_ns.extend(operations().map(|it| it.end_ns));
        self.moments_ns.push(request.end_ns);
        self.moments_ns.iter_mut().for_each(|at_ns| *at_ns = request.recorded_ns(*at_ns));
        self.moments_ns.sort();
        self.moments_ns.dedup_by_key(|at_ns| *at_ns / GRAIN_NS);
        let hash = hash_of(request.trace, request.span());
        self.stirs.clear();
        self.stirs.extend(self.moments_ns.iter().map(|&at_ns| Stir::new(at_ns, hash)));
        let mut later = &self.stirs[..];
        let windows = self.moments_ns.chunk_by(|one, other| one / WINDOW_NS == other / WINDOW_NS);
        windows.map(move |moments_ns| {
            let (stirs, after) = later.split_at(moments_ns.len());
            later = after;
            (moments_ns[0] / WINDOW_NS, stirs)
        })
    }
}
