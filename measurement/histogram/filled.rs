//! Bins with durations. Of many histograms each is looked at a few times, so that these are small and quickly gone through.

use super::bins::{STEPS, longest, middle, spare};

/// Bits of the count; the others are the bin's.
const COUNT_BITS: u32 = u64::BITS - 20;

/// The most durations that a bin counts: seventeen million millions, of which no run has that many.
pub(super) const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;

/// A bin and how many durations it has. They are in the order of their bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Filled(u64);

impl Filled {
    /// A bin with so many, or with the most that it counts.
    pub(super) fn new(bin: u32, count: u64) -> Self {
        Self(u64::from(bin) << COUNT_BITS | count.min(COUNT_MAX))
    }

    // Twenty bits are left.
    pub(super) fn bin(self) -> u32 {
        (self.0 >> COUNT_BITS) as u32
    }

    pub(super) fn count(self) -> u64 {
        self.0 & COUNT_MAX
    }

    /// The count where it is known to have no more than 32 bits: processors multiply several such at a time.
    fn few_count(self) -> u64 {
        self.0 & u64::from(u32::MAX)
    }

    /// The longest duration of the bin, which stands for all of them.
    pub(super) fn longest(self) -> u64 {
        longest(self.bin())
    }
}

/// How many durations these are; all bins together cannot have more than fit.
pub(super) fn total(filled: &[Filled]) -> u64 {
    filled.iter().map(|filled| filled.count()).sum()
}

/// The sum of durations, each as long as the middle of its bin; bins in order.
pub(super) fn sum(mut filled: &[Filled]) -> u128 {
    let mut sum = 0;
    while let [first, ..] = filled {
        // Middles of bins that know the same bits are as far apart as the next ones.
        let beyond = Filled::new((first.bin() / STEPS + 1) * STEPS, 0);
        let (alike, rest) = filled.split_at(filled.partition_point(|filled| *filled < beyond));
        // A thousand bins with a thousand steps of so many durations each fit.
        let (count, first) = (total(alike), first.bin());
        let steps = match u32::try_from(count) {
            Ok(_) => {
                alike.iter().map(|filled| u64::from(filled.bin() - first) * filled.few_count()).sum::<u64>()
            }
            Err(_) => alike.iter().map(|filled| u64::from(filled.bin() - first) * filled.count()).sum(),
        };
        sum += (u128::from(steps) << spare(first)) + u128::from(middle(first)) * u128::from(count);
        filled = rest;
    }
    sum
}

/// The last bin that is not beyond so many durations, counted from the end.
pub(super) fn reached(filled: &[Filled], mut beyond: u64) -> Option<Filled> {
    // Several are added up at a time.
    for some in filled.rchunks(SOME) {
        let of_some = total(some);
        if of_some > beyond {
            return some.iter().rev().copied().find(|filled| {
                let is_reached = filled.count() > beyond;
                beyond = beyond.saturating_sub(filled.count());
                is_reached
            });
        }
        beyond -= of_some;
    }
    None
}

/// Bins that are added up before one of them is looked for.
const SOME: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_all_middles() {
        let counted = |step: u32| Filled::new(step * 37, u64::from(step * 7 % 5) * 1_000 + 1);
        let most = |step: u32| Filled::new(step * 3, u64::MAX);
        for filled in [(0..900).map(counted).collect::<Vec<_>>(), (0..11_000).map(most).collect(), Vec::new()]
        {
            let product = |filled: &Filled| u128::from(middle(filled.bin())) * u128::from(filled.count());
            assert_eq!(sum(&filled), filled.iter().map(product).sum::<u128>());
            assert_eq!(
                u128::from(total(&filled)),
                filled.iter().map(|filled| u128::from(filled.count())).sum()
            );
        }
        assert_eq!((most(4).bin(), most(4).count()), (12, COUNT_MAX));
    }
}
