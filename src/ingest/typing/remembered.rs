//! What came out for texts that come again and again, found by the texts themselves.
//!
//! Most requests have one of few routes and most calls one of few URLs. Comparing the texts takes a
//! tenth of folding them into a template.

use std::hash::Hasher;
use std::ops::Range;

use detectors::evidence::{ShapeRef, Values};
use memchr::memchr;
use rustc_hash::FxHasher;

/// A power of two: with [`TEXTS_MAX`] about half a megabyte.
const SLOTS: usize = 512;

/// Longer texts are not remembered.
const TEXTS_MAX: usize = 1_024;

/// Stands for a number that is not compared; texts with such a byte are compared whole.
const NUMBER: u8 = 0;

/// Shapes by the texts that they were made from: the last for each hash.
#[derive(Debug)]
pub(super) struct Remembered {
    slots: Vec<Slot>,
    /// The texts that were asked for last; empty if they are too long.
    asked: Vec<u8>,
    /// Where numbers are in the URL that was asked for last.
    numbers: Vec<Range<usize>>,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    texts: Vec<u8>,
    found: Found,
}

/// What came out for some texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found {
    pub(super) shape: ShapeRef,
    pub(super) values: Values,
    /// The values are the numbers that are not compared.
    pub(super) by_numbers: bool,
}

impl Remembered {
    pub(super) fn new() -> Self {
        Self { slots: vec![Slot::default(); SLOTS], asked: Vec::new(), numbers: Vec::new() }
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
        self.found().map(|found| (found.shape, found.values))
    }

    /// What was noted for a method and a URL or path that is the same but for numbers, each a whole segment of the part
    /// that is a `path`: in a template all numbers are alike.
    pub(super) fn get_url(
        &mut self,
        what: u8,
        method: &[u8],
        url: &[u8],
        path: Range<usize>,
    ) -> Option<Found> {
        self.asked.clear();
        self.numbers.clear();
        if method.len() + url.len() > TEXTS_MAX {
            return None;
        }
        let is_cut = memchr(NUMBER, url).is_none();
        self.asked.extend([what, u8::from(is_cut)]);
        self.asked.extend_from_slice(&(method.len() as u16).to_le_bytes());
        self.asked.extend_from_slice(method);
        if is_cut {
            self.push_without_numbers(url, path);
        } else {
            self.asked.extend_from_slice(url);
        }
        self.found()
    }

    fn push_without_numbers(&mut self, url: &[u8], path: Range<usize>) {
        let mut kept = 0;
        let mut first = path.start;
        while let Some(length) = memchr(b'/', &url[first..path.end]) {
            first += length + 1;
            let digits = url[first..path.end].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let end = first + digits;
            if digits > 0 && (end == path.end || url[end] == b'/') {
                self.asked.extend_from_slice(&url[kept..first]);
                self.asked.push(NUMBER);
                self.numbers.push(first..end);
                kept = end;
            }
            first = end;
        }
        self.asked.extend_from_slice(&url[kept..]);
    }

    /// The numbers in the URL that was asked for last.
    pub(super) fn numbers<'u>(&self, url: &'u [u8]) -> impl ExactSizeIterator<Item = &'u [u8]> {
        self.numbers.iter().map(|number| &url[number.clone()])
    }

    fn found(&self) -> Option<Found> {
        let slot = self.slots.get(place(&self.asked))?;
        (slot.texts == self.asked).then_some(slot.found)
    }

    /// Notes what came out for the texts that were asked for last.
    pub(super) fn put(&mut self, (shape, values): (ShapeRef, Values)) {
        self.note(Found { shape, values, by_numbers: false });
    }

    /// Notes what came out for the URL that was asked for last.
    pub(super) fn note(&mut self, found: Found) {
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
