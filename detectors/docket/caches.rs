//! How often caches had what was asked for; merging is exact in any order.

use std::collections::BTreeMap;

use crate::evidence::cache_reads::CacheRead;
use crate::evidence::trace::Operation;
use crate::evidence::{CacheResult, Values};

/// Keys that are told apart: those with the smallest hashes.
const KEYS_MAX: usize = 256;

/// All reads of one shape at one endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheTally {
    /// Reads.
    pub(crate) reads: u64,
    /// Reads whose value was missing.
    pub(crate) misses: u64,
    /// Reads of which the instrumentation itself says whether the value was there.
    pub(crate) told: u64,
    /// How often each key was read, where keys are known. One of the smallest hashes is among them from its
    /// first read on, so that its count is exact.
    keys: BTreeMap<Values, u64>,
    /// There are more keys than are told apart; which these are differs from run to run.
    pub(crate) keys_cut: bool,
}

impl CacheTally {
    pub(crate) fn add(&mut self, read: &CacheRead, operation: &Operation) {
        self.reads += 1;
        self.misses += u64::from(read.found == CacheResult::Miss);
        self.told += u64::from(operation.cache != CacheResult::Unknown);
        if operation.values.is_known() && operation.values != Values::NONE {
            self.add_key(operation.values);
        }
    }

    fn add_key(&mut self, key: Values) {
        let is_beyond = self.keys.last_key_value().is_some_and(|(last, _)| key > *last);
        if is_beyond && self.keys.len() >= KEYS_MAX {
            self.keys_cut = true;
            return;
        }
        *self.keys.entry(key).or_default() += 1;
        self.cut();
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.reads += other.reads;
        self.misses += other.misses;
        self.told += other.told;
        self.keys_cut |= other.keys_cut;
        for (key, reads) in other.keys {
            *self.keys.entry(key).or_default() += reads;
        }
        self.cut();
    }

    /// Reads of the keys that are told apart, and those among them that ask for a key again.
    pub(crate) fn known_and_again(&self) -> (u64, u64) {
        let known: u64 = self.keys.values().sum();
        (known, known - self.keys.len() as u64)
    }

    fn cut(&mut self) {
        while self.keys.len() > KEYS_MAX {
            self.keys.pop_last();
            self.keys_cut = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Span;
    use crate::evidence::trace::NONE;

    fn tally(keys: impl Iterator<Item = u64>) -> CacheTally {
        let mut tally = CacheTally::default();
        for key in keys {
            let span =
                Span { values: Values::hashed(key.wrapping_mul(0x9e37_79b9_7f4a_7c15)), ..Span::default() };
            let operation = Operation { span, parent: NONE, called: NONE, path_ns: 0, self_path_ns: 0 };
            let found = if key.is_multiple_of(3) { CacheResult::Miss } else { CacheResult::Unknown };
            tally.add(&CacheRead { operation: 0, found, filled_by: NONE }, &operation);
        }
        tally
    }

    #[test]
    fn merging_is_exact_in_any_order() {
        let whole = tally((0..3_000).map(|number| number % 700));
        let parts =
            [2, 0, 1].map(|part| tally((0..3_000).filter(|number| number % 3 == part).map(|it| it % 700)));
        let merged = parts.into_iter().reduce(|mut one, other| {
            one.merge(other);
            one
        });
        assert_eq!(merged.as_ref(), Some(&whole));
        assert_eq!((whole.keys.len(), whole.keys_cut), (KEYS_MAX, true));
        let (known, again) = whole.known_and_again();
        assert_eq!(known - again, KEYS_MAX as u64);
    }
}
