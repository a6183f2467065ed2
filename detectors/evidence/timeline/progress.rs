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

/// Ticks of a piece of time in which moments of a window are sorted, as a power of two: 8 ms.
const PIECE_LOG2: u32 = 21;

/// Such pieces in a window.
const PIECES: usize = ((WINDOW_NS / TICK_NS) >> PIECE_LOG2) as usize + 1;

impl Stir {
    fn new(at_ns: u64, request: u64) -> Self {
        Self((at_ns % WINDOW_NS / TICK_NS) << 32 | request & u64::from(u32::MAX))
    }

    /// The moments of a window in order: those of one piece of time together, and then each piece.
    pub(crate) fn in_order(stirs: &[Self]) -> Vec<Self> {
        let piece = |stir: &Self| (stir.0 >> (32 + PIECE_LOG2)) as usize;
        let mut ends = [0; PIECES + 1];
        stirs.iter().for_each(|stir| ends[piece(stir) + 1] += 1);
        for piece in 0..PIECES {
            ends[piece + 1] += ends[piece];
        }
        // Each is the begin of its piece at first, and in the end that of the next one.
        let mut ordered = vec![Self(0); stirs.len()];
        for stir in stirs {
            let place = &mut ends[piece(stir)];
            ordered[*place] = *stir;
            *place += 1;
        }
        let mut rest = &mut ordered[..];
        let mut before = 0;
        for end in &ends[..PIECES] {
            let (of_piece, others) = rest.split_at_mut(end - before);
            of_piece.sort_unstable();
            (rest, before) = (others, *end);
        }
        ordered
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
        let Self { moments_ns, starts_ns, ends_ns, .. } = self;
        for in_order in [&mut *starts_ns, &mut *ends_ns] {
            if !in_order.is_sorted() {
                in_order.sort_unstable();
            }
        }
        moments_ns.clear();
        let (mut start, mut end) = (0, 0);
        let mut last_of_piece_ns = None;
        loop {
            let at_ns = match (starts_ns.get(start), ends_ns.get(end)) {
                (Some(&start_ns), ended) if ended.is_none_or(|end_ns| start_ns <= *end_ns) => {
                    start += 1;
                    start_ns
                }
                (_, Some(&end_ns)) => {
                    end += 1;
                    end_ns
                }
                _ => return,
            };
            if last_of_piece_ns.is_none_or(|last_ns| at_ns > last_ns) {
                moments_ns.push(at_ns);
                last_of_piece_ns = Some((at_ns - at_ns % GRAIN_NS).saturating_add(GRAIN_NS - 1));
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
        let mut later = (&self.moments_ns[..], &self.stirs[..]);
        std::iter::from_fn(move || {
            let (moments_ns, stirs) = later;
            let window = moments_ns.first()? / WINDOW_NS;
            let within = moments_ns.partition_point(|at_ns| at_ns / WINDOW_NS == window);
            later = (&moments_ns[within..], &stirs[within..]);
            Some((window, &stirs[..within]))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn moments_of_a_window_are_sorted(
            moments in prop::collection::vec((0..WINDOW_NS, 0u64..4), 0..200),
        ) {
            let stirs: Vec<Stir> = moments.iter().map(|(at_ns, request)| Stir::new(*at_ns, *request)).collect();
            let mut sorted = stirs.clone();
            sorted.sort_unstable();
            prop_assert_eq!(Stir::in_order(&stirs), sorted);
        }

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
