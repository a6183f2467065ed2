//! A hash table of numbers whose keys are elsewhere.

/// Slots of an empty table; a power of two, as always.
const SLOTS_MIN: usize = 64;

/// Most numbers; each is smaller.
pub(crate) const NUMBERS_MAX: usize = (1 << 24) - 1;

/// Finds numbers by the hash of what they stand for.
///
/// A slot has 8 bits of the hash beside the number, so that a look-up touches one line of the cache and then, almost always, only
/// what it looks for. With millions of nodes that is what counts, and why slots are small.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Bits of the hash and a number plus one; zero is empty.
    slots: Vec<u32>,
    used: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self { slots: vec![0; SLOTS_MIN], used: 0 }
    }
}

impl Table {
    /// The number with this hash that `is` the one.
    pub(crate) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = place(hash, mask);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if slot & TAG == tag(hash) && is(number(slot)) {
                return Some(number(slot));
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a number that is not in it. `hash_of` gives the hash of each that is.
    pub(crate) fn insert(&mut self, hash: u64, number: u32, hash_of: impl Fn(u32) -> u64) {
        debug_assert!((number as usize) < NUMBERS_MAX, "the caller's bound");
        // Two thirds full: longer ways cost more than the room does.
        if self.used * 3 >= self.slots.len() * 2 {
            let larger = vec![0; self.slots.len() * 2];
            let slots = std::mem::replace(&mut self.slots, larger);
            for known in slots.into_iter().filter(|slot| *slot != 0).map(self::number) {
                self.put(hash_of(known), known);
            }
        }
        self.put(hash, number);
        self.used += 1;
    }

    fn put(&mut self, hash: u64, number: u32) {
        let mask = self.slots.len() - 1;
        let mut at = place(hash, mask);
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = tag(hash) | (number + 1);
    }
}

/// The bits of a slot that are of the hash.
const TAG: u32 = 0xff << 24;

/// The highest bits: the place is of the lowest.
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32 & TAG
}

fn number(slot: u32) -> u32 {
    (slot & !TAG) - 1
}

/// Where to look first.
fn place(hash: u64, mask: usize) -> usize {
    (hash as usize) & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in_and_nothing_else() {
        let hash = |number: u32| u64::from(number % 500).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut table = Table::default();
        for number in (0..10_000).step_by(2) {
            assert_eq!(table.find(hash(number), |known| known == number), None);
            table.insert(hash(number), number, hash);
        }
        for number in 0..10_000 {
            let found = table.find(hash(number), |known| known == number);
            assert_eq!(found, (number % 2 == 0).then_some(number));
        }
    }
}
