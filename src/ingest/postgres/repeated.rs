//! Messages that were read before: what a program sends with placeholders, and what opens and ends its transactions, is
//! logged in the same words each time, but for how long it took. What such words say is looked up.

use detectors::evidence::Logged;

use crate::ingest::typing::ReadStatement;

/// A power of two: with [`WORDS_MAX`] at most 4 MB.
const SLOTS: usize = 1 << 10;

/// Longer messages are not remembered.
const WORDS_MAX: usize = 4_096;

/// After so many messages that only look like the one before, a place is given to another now and then only: each of
/// them has other values.
const PATIENCE: u32 = 8;

/// How seldom then: to each so manieth.
const SELDOM: u32 = 16;

/// What the words of a message say of a statement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeated {
    pub(super) logged: Logged,
    /// Where the statement begins.
    pub(super) begins: usize,
    pub(super) statement: ReadStatement,
}

/// What messages say, by their words; those behind a duration where one is in front.
#[derive(Debug)]
pub(super) struct Remembered {
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    words: Vec<u8>,
    said: Option<Repeated>,
    /// Of the words that were looked for last and are others.
    other: u64,
    misses: u32,
}

impl Default for Remembered {
    fn default() -> Self {
        Self { slots: vec![Slot::default(); SLOTS] }
    }
}

impl Remembered {
    /// What words say that are known, of a statement that begins or of one that took some time.
    #[inline]
    pub(super) fn get(&mut self, words: &[u8], is_announced: bool) -> Option<Repeated> {
        let slot = self.slots.get(place(hash(words)?))?;
        let said = slot.said.filter(|said| (said.logged == Logged::Announced) == is_announced)?;
        (slot.words == words).then_some(said)
    }

    /// Notes what words say that are not known, where they are likely to come again: the like came just before.
    pub(super) fn note(&mut self, words: &[u8], read: impl FnOnce() -> Option<Repeated>) {
        let Some(hash) = hash(words).filter(|_| words.len() <= WORDS_MAX) else { return };
        let Some(slot) = self.slots.get_mut(place(hash)) else { return };
        if slot.other != hash {
            slot.other = hash;
            return;
        }
        slot.misses = slot.misses.saturating_add(1);
        if slot.misses > PATIENCE && slot.misses % SELDOM != 0 {
            return;
        }
        if let Some(said) = read() {
            slot.words.clear();
            slot.words.extend_from_slice(words);
            slot.said = Some(said);
        }
    }
}

fn place(hash: u64) -> usize {
    hash as usize % SLOTS
}

/// A hash of the length of a text and of bytes at its front, in its middle and at its end; those that differ in few places
/// may have the same.
#[inline]
fn hash(text: &[u8]) -> Option<u64> {
    let (front, end) = (text.first_chunk()?, text.last_chunk()?);
    let middle = text.get(text.len() / 2..)?.first_chunk().unwrap_or(end);
    let [front, middle, end] = [front, middle, end].map(|chunk| u64::from_le_bytes(*chunk));
    let mixed = (front.rotate_left(20) ^ middle.rotate_left(40) ^ end).wrapping_add(text.len() as u64);
    let product = u128::from(mixed) * 0x9e37_79b9_7f4a_7c15;
    Some(product as u64 ^ (product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use detectors::evidence::shape::sql::Dialect;
    use detectors::evidence::{Dictionary, Span};

    use super::*;
    use crate::ingest::typing::Typing;

    #[test]
    fn words_are_remembered_as_they_come_again() {
        let dictionary = Mutex::new(Dictionary::default());
        let mut typing = Typing::new(&dictionary, 5);
        let mut remembered = Remembered::default();
        let words = |number: u32| format!("execute a{number:03}: SELECT 1 FROM a WHERE b = $1");
        let read = |typing: &mut Typing<'_>, words: &str| {
            let begins = words.find("SELECT").expect("a statement");
            let text = &words.as_bytes()[begins..];
            typing.logged_statement(text, Dialect::Postgres, None, &mut Span::default());
            let statement = typing.read_statement(text, Dialect::Postgres)?;
            Some(Repeated { logged: Logged::Execution, begins, statement })
        };
        let known = words(1);
        for is_known in [false, false, true, true] {
            let said = remembered.get(known.as_bytes(), false);
            assert_eq!(said.map(|said| said.begins), is_known.then_some(14));
            if !is_known {
                remembered.note(known.as_bytes(), || read(&mut typing, &known));
            }
        }
        assert!(remembered.get(known.as_bytes(), true).is_none(), "no announcement");
        for number in 2..100 {
            let words = words(number);
            assert!(remembered.get(words.as_bytes(), false).is_none(), "{words}");
            remembered.note(words.as_bytes(), || read(&mut typing, &words));
        }
        assert!(remembered.get(b"short", false).is_none());
    }
}
