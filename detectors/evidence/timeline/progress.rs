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
    /// When something began, and when something ended.
    starts_ns: Vec<u64>,
    ends_ns: Vec<u64>,
    stirs: Vec<Stir>,
}

impl Progress {
    /// Puts the moments at which something began or ended in order, and keeps the first of each piece of time. Both
    /// are in order already for the most part.
    fn merge(&mut self) {
        self.starts_ns.sort_unstable();
        self.ends_ns.sort_unstable();
        self.moments_ns.clear();
        let (mut starts_ns, mut ends_ns) = (self.starts_ns.iter().peekable(), self.ends_ns.iter().peekable());
        let mut piece = None;
        loop {
            let start_is_next = match (starts_ns.peek(), ends_ns.peek()) {
                (Some(start_ns), Some(end_ns)) => start_ns <= end_ns,
                (start_ns, _) => start_ns.is_some(),
            };
            let next = if start_is_next { starts_ns.next() } else { ends_ns.next() };
            let Some(&at_ns) = next else { return };
            if piece.replace(at_ns / GRAIN_NS) != Some(at_ns / GRAIN_NS) {
                self.moments_ns.push(at_ns);
            }
        }
    }

    /// The moments of a request by window, in time order.
    pub(super) fn of(&mut self, trace: &Trace, request: &Request) -> impl Iterator<Item = (u64, &[Stir])> {
        let operations = || trace.operations_of(request).iter().take(STIRS_MAX);
        let recorded_ns = |at_ns| request.recorded_ns(at_ns);
        self.starts_ns.clear();
        self.starts_ns.push(recorded_ns(request.start_ns));
        self.starts_ns.extend(operations().map(|it| recorded_ns(it.start_ns)));
        self.ends_ns.clear();
        self.ends_ns.extend(operations().map(|it| recorded_ns(it.end_ns)));
        self.ends_ns.push(recorded_ns(request.end_ns));
        self.merge();
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn moments_are_those_that_sorting_leaves(
            begin_ns in 0..u64::MAX / 2,
            starts in prop::collection::vec(0u64..200_000_000, 0..40),
            ends in prop::collection::vec(0u64..200_000_000, 0..40),
        ) {
            let at = |later_ns: &u64| begin_ns + later_ns;
            let (starts_ns, ends_ns) = (starts.iter().map(at).collect(), ends.iter().map(at).collect());
            let mut sorted_ns: Vec<u64> = starts.iter().chain(&ends).map(at).collect();
            sorted_ns.sort_unstable();
            sorted_ns.dedup_by_key(|at_ns| *at_ns / GRAIN_NS);
            let mut progress = Progress { starts_ns, ends_ns, ..Progress::default() };
            progress.merge();
            prop_assert_eq!(progress.moments_ns, sorted_ns);
        }
    }
}
