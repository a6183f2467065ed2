//! When requests of an event loop did something: a process whose requests take turns on one thread shows in
//! none of them that another one keeps the thread.

use super::WINDOW_NS;
use crate::docket::hash_of;
use crate::evidence::trace::{Request, Trace};

/// Of the moments of one request that lie in the same piece of time of this length only the first is kept.
pub(crate) const GRAIN_NS: u64 = 2_000_000;

/// Moments of one request that are kept.
const STIRS_MAX: usize = 4_096;

/// Pieces of time for each moment up to which they are gone through one by one.
const PIECES_PER_MOMENT: usize = 8;

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
    /// The first moment of each piece of time; the largest number where there is none.
    firsts_ns: Vec<u64>,
    stirs: Vec<Stir>,
}

impl Progress {
    /// Keeps the first moment of each piece of time, and puts them in order: where the pieces are about as many as the
    /// moments, by asking for each piece which is its first.
    fn keep_first(&mut self) {
        let bounds = (self.moments_ns.iter().min(), self.moments_ns.iter().max());
        let (Some(&least_ns), Some(&most_ns)) = bounds else { return };
        let pieces = (most_ns / GRAIN_NS - least_ns / GRAIN_NS) as usize;
        if pieces > self.moments_ns.len() * PIECES_PER_MOMENT || most_ns == u64::MAX {
            self.moments_ns.sort_unstable();
            return self.moments_ns.dedup_by_key(|at_ns| *at_ns / GRAIN_NS);
        }
        self.firsts_ns.clear();
        self.firsts_ns.resize(pieces + 1, u64::MAX);
        for &at_ns in &self.moments_ns {
            let first_ns = &mut self.firsts_ns[(at_ns / GRAIN_NS - least_ns / GRAIN_NS) as usize];
            *first_ns = at_ns.min(*first_ns);
        }
        self.moments_ns.clear();
        self.moments_ns.extend(self.firsts_ns.iter().filter(|&&first_ns| first_ns != u64::MAX));
    }

    /// The moments of a request by window, in time order.
    pub(super) fn of(&mut self, trace: &Trace, request: &Request) -> impl Iterator<Item = (u64, &[Stir])> {
        self.moments_ns.clear();
        let operations = || trace.operations_of(request).iter().take(STIRS_MAX);
        self.moments_ns.push(request.start_ns);
        self.moments_ns.extend(operations().map(|it| it.start_ns));
        self.moments_ns.extend(operations().map(|it| it.end_ns));
        self.moments_ns.push(request.end_ns);
        self.moments_ns.iter_mut().for_each(|at_ns| *at_ns = request.recorded_ns(*at_ns));
        self.keep_first();
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
            later_ns in prop::collection::vec(0u64..200_000_000, 1..60),
        ) {
            let moments_ns: Vec<u64> = later_ns.iter().map(|later_ns| begin_ns + later_ns).collect();
            let mut sorted_ns = moments_ns.clone();
            sorted_ns.sort_unstable();
            sorted_ns.dedup_by_key(|at_ns| *at_ns / GRAIN_NS);
            let mut progress = Progress { moments_ns, ..Progress::default() };
            progress.keep_first();
            prop_assert_eq!(progress.moments_ns, sorted_ns);
        }
    }
}
