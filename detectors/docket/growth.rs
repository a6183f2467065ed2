//! How the time of a candidate goes with the size of the data, over all requests that show it.

use std::collections::BTreeMap;

use super::histogram::{Histogram, size_bucket};
use crate::candidate::{Measure, Sizes};

/// Times by the size of the data: for each measure at most 128 sizes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Growth(BTreeMap<(Measure, u16), Times>);

/// Requests of nearly the same size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) requests: u64,
    /// Their sizes, summed up.
    sizes: u64,
    /// The claimed time of one request, in nanoseconds.
    pub(crate) claimed: Histogram,
}

impl Growth {
    pub(crate) fn add(&mut self, sizes: &Sizes, claimed_ns: u64) {
        for (measure, size) in sizes.known() {
            let times = self.0.entry((measure, size_bucket(size))).or_default();
            times.requests += 1;
            times.sizes = times.sizes.saturating_add(size);
            times.claimed.add(claimed_ns);
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (place, theirs) in other.0 {
            let mine = self.0.entry(place).or_default();
            mine.requests += theirs.requests;
            mine.sizes = mine.sizes.saturating_add(theirs.sizes);
            mine.claimed.merge(&theirs.claimed);
        }
    }

    /// By size, the smallest first.
    pub(crate) fn by(&self, measure: Measure) -> impl Iterator<Item = &Times> {
        self.0.range((measure, 0)..=(measure, u16::MAX)).map(|(_, times)| times)
    }
}

impl Times {
    /// The mean of the sizes.
    pub(crate) fn size(&self) -> u64 {
        self.sizes / self.requests.max(1)
    }
}
