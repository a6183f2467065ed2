//! What came out for texts that come again and again, found by the texts themselves.
//!
//! Most requests have one of few routes and most calls one of few URLs. Comparing the texts takes a
//! tenth of folding them into a template.

use std::hash::Hasher;

use detectors::evidence::{ShapeRef, Values};
use rustc_hash::FxHasher;

/// A power of two: with [`TEXTS_MAX`] about half a megabyte.
const SLOTS: usize = 512;

/// Longer texts are not remembered.
const TEXTS_MAX: usize = 1_024;

/// Shapes by the texts that they were made from: the last for each hash.
#[derive(Debug)]
pub(super) struct Remembered {
    slots: Vec<Slot>,
    /// The texts that were asked for last; empty if they are too long.
    asked: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    texts: Vec<u8>,
    found: (ShapeRef, Values),
}

impl Remembered {
    pub(super) fn new() -> Self {
        Self { slots: vec![Slot::default(); SLOTS], asked: Vec::new() }
    }

    /// What was noted for these texts, of which `what` says how they were used.
    pub(super) fn get<const N: usize>(&mut self, what: u8, texts: [&[u8]; N]) -> Option<(ShapeRef, Values)> {
        self.asked.clear();
        if texts.iter().map(|text| text.len()).sum::<usize>() > TEXTS_MAX {
            return None;
        }
        self.asked.push(what);
        for text in texts {
            self.asked.extend_from_slice(&(text.len() as u16).to_le_bytes());
            self.asked.extend_from_slice(text);
        }
        let slot = self.slots.get(place(&self.asked))?;
        (slot.texts == self.asked).then_some(slot.found)
    }

    /// Notes what came out for the texts that were asked for last.
    pub(super) fn put(&mut self, found: (ShapeRef, Values)) {
        if self.asked.is_empty() {
            return;
        }
        if let Some(slot) = self.slots.get_mut(place(&self.asked)) {
            slot.texts.clone_from(&self.asked);
            slot.found = found;
        }
    }
}

fn place(texts: &[u8]) -> usize {
    let mut hasher = FxHasher::default();
    hasher.write(texts);
    hasher.finish() as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart_by_use_and_by_where_they_end() {
        let mut remembered = Remembered::new();
        let found = (ShapeRef(7), Values::NONE);
        assert_eq!(remembered.get(b'r', [b"GET", b"/orders"]), None);
        remembered.put(found);
        assert_eq!(remembered.get(b'r', [b"GET", b"/orders"]), Some(found));
        assert_eq!(remembered.get(b'p', [b"GET", b"/orders"]), None);
        assert_eq!(remembered.get(b'r', [b"GET/", b"orders"]), None);
    }

    #[test]
    fn long_texts_are_not_remembered() {
        let mut remembered = Remembered::new();
        let long = [b'x'; TEXTS_MAX + 1];
        assert_eq!(remembered.get(b'r', [b"", &long]), None);
        remembered.put((ShapeRef(7), Values::NONE));
        assert_eq!(remembered.get(b'r', [b"", &long]), None);
    }
}
