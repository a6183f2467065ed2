//! Counts in log-linear buckets under 1 % wide; merging is exact.

use rustc_hash::FxHashMap;

/// Linear steps in one doubling: 1/128 is under 1 %.
const FINE: u32 = 7;

/// The bucket of a value: exact below 256, then 128 to a doubling.
pub(crate) fn fine_bucket(value: u64) -> u16 {
    bucket(value, FINE)
}

/// The coarse bucket that the sample is kept by: eight to a doubling.
pub(crate) fn coarse_bucket(value: u64) -> u16 {
    bucket(value, 3)
}

/// The bucket that sizes of data are kept by: two to a doubling.
pub(crate) fn size_bucket(value: u64) -> u16 {
    bucket(value, 1)
}

fn bucket(value: u64, steps_log2: u32) -> u16 {
    let exponent = 63 - (value | 1).leading_zeros();
    if exponent <= steps_log2 {
        return value as u16;
    }
    let shift = exponent - steps_log2;
    ((shift << steps_log2) + (value >> shift) as u32) as u16
}

/// The smallest value of a fine bucket.
pub(crate) fn fine_floor(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    let shift = (bucket >> FINE).saturating_sub(1);
    (bucket - (shift << FINE)) << shift
}

/// How often which value occurred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    counts: FxHashMap<u16, u64>,
    max: u64,
}

impl Histogram {
    /// Counts one value.
    pub(crate) fn add(&mut self, value: u64) {
        self.add_many(value, 1);
    }

    /// Counts a value that occurred so often.
    pub(crate) fn add_many(&mut self, value: u64, times: u64) {
        *self.counts.entry(fine_bucket(value)).or_default() += times;
        self.max = self.max.max(value);
    }

    /// Adds what another one has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            *self.counts.entry(*bucket).or_default() += count;
        }
        self.max = self.max.max(other.max);
    }

    /// The largest value.
    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    /// The value below or at which `permille` of the values lie.
    pub(crate) fn quantile(&self, permille: u64) -> u64 {
        let total: u64 = self.counts.values().sum();
        let rank = rank_of(total, permille);
        if rank == total {
            return self.max;
        }
        let mut counts: Vec<(u16, u64)> =
            self.counts.iter().map(|(bucket, count)| (*bucket, *count)).collect();
        counts.sort_unstable();
        let mut seen = 0;
        for (bucket, count) in counts {
            seen += count;
            if seen >= rank {
                return fine_floor(bucket).min(self.max);
            }
        }
        self.max
    }
}

/// The one-based rank of a quantile among `total` values (nearest rank).
pub(crate) fn rank_of(total: u64, permille: u64) -> u64 {
    (total * permille).div_ceil(1000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_and_stay_under_one_per_cent() {
        let mut last = 0;
        for value in (0..100_000u64).chain((0..400).map(|step| 100_000 * (step + 1) * (step + 1))) {
            let bucket = fine_bucket(value);
            assert!(bucket >= last, "{value}");
            last = bucket;
            let floor = fine_floor(bucket);
            assert!(floor <= value && (value - floor) * 100 <= value, "{value} {floor}");
        }
        assert!(fine_bucket(u64::MAX) > last);
        assert_eq!(fine_floor(fine_bucket(u64::MAX)) >> 56, 255);
    }

    #[test]
    fn quantiles_by_nearest_rank() {
        let mut histogram = Histogram::default();
        for value in 1..=100 {
            histogram.add(value);
        }
        assert_eq!(histogram.quantile(500), 50);
        assert_eq!(histogram.quantile(990), 99);
        assert_eq!(histogram.quantile(1000), 100);
    }
}
