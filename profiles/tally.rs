//! What was skipped or noticed: counted by reason, with the place of the first.

use std::borrow::Cow;
use std::fmt;

/// Reasons that are told apart; further ones are counted as "other reasons".
const REASONS_MAX: usize = 64;

/// Counts by reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    counted: Vec<Counted>,
}

/// One reason, and how often it was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Lower case, without values.
    pub reason: Cow<'static, str>,
    /// How often.
    pub count: u64,
    /// Where first; `None` where the format has no places.
    pub first: Option<Place>,
}

/// A place in an input, after decompression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line, 1-based.
    Line(u64),
    /// A byte offset.
    Byte(u64),
    /// A record by its number (sample, event, message), 1-based.
    Record(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(out, "line {line}"),
            Self::Byte(offset) => write!(out, "byte {offset}"),
            Self::Record(number) => write!(out, "record {number}"),
        }
    }
}

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, reason: impl Into<Cow<'static, str>>, place: Option<Place>) {
        self.add_many(reason, 1, place);
    }

    /// Counts `count` more, the first of which is at `place`.
    pub fn add_many(&mut self, reason: impl Into<Cow<'static, str>>, count: u64, place: Option<Place>) {
        let mut reason = reason.into();
        if self.counted.len() >= REASONS_MAX && self.counted.iter().all(|counted| counted.reason != reason) {
            reason = Cow::Borrowed("other reasons");
        }
        match self.counted.iter_mut().find(|counted| counted.reason == reason) {
            Some(counted) => counted.count = counted.count.saturating_add(count),
            None => self.counted.push(Counted { reason, count, first: place }),
        }
    }

    /// In the order in which they were met first.
    pub fn iter(&self) -> impl Iterator<Item = &Counted> {
        self.counted.iter()
    }

    /// All reasons together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counted.iter().fold(0, |sum, counted| sum.saturating_add(counted.count))
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counted.is_empty()
    }
}
