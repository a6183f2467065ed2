//! A hash table of numbers whose keys are elsewhere.

/// Slots of an empty table; a power of two, as always.
const SLOTS_MIN: usize = 64;

/// Finds numbers by the hash of what they stand for.
///
/// A slot has half of the hash beside the number, so that a look-up touches one line of the cache and then, almost always, only what
/// it looks for. With millions of nodes that is what counts.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Half a hash and a number plus one; zero is empty.
    slots: Vec<u64>,
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
            let number = (slot as u32) - 1;
            if slot >> 32 == hash >> 32 && is(number) {
                return Some(number);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a number that is not in it; `u32::MAX` is none. `hash_of` gives the hash of each that is.
    pub(crate) fn insert(&mut self, hash: u64, number: u32, hash_of: impl Fn(u32) -> u64) {
        // Two thirds full: longer ways cost more than the room does.
        if self.used * 3 >= self.slots.len() * 2 {
            let larger = vec![0; self.slots.len() * 2];
            let slots = std::mem::replace(&mut self.slots, larger);
            for slot in slots.into_iter().filter(|slot| *slot != 0) {
                let number = (slot as u32) - 1;
                self.put(hash_of(number), number);
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
        self.slots[at] = hash >> 32 << 32 | (u64::from(number) + 1);
    }
}

/// Where to look first. The tag is the upper half, so that this is the lower.
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
