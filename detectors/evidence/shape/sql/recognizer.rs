//! Statements that differ in nothing but plain literals from one that was read before.
//!
//! A program sends few statements, each many times. What the lexer found in one holds for every
//! text that has the same bytes around its literals, as long as a number stands where a number
//! stood and a simple string where a simple string stood: the lexer looks at the kind of such a
//! literal and at the bytes around it, never at its digits or letters. Comparing takes a tenth of
//! lexing; what is not recognised is lexed, so that the result never depends on what came before.

use std::mem::swap;

use super::lexer::{Dialect, Lexer, Scanned, may_be_cut};

/// Statements that share a beginning and are remembered together.
const WAYS: usize = 8;

/// A power of two: with [`WAYS`] and [`LENGTH_MAX`] at most 4 MB.
const SETS: usize = 128;

/// Longer statements are not remembered.
const LENGTH_MAX: usize = 4_096;

/// Statements with more literals are not remembered.
const LITERALS_MAX: usize = 64;

/// After so many misses without a hit a beginning is remembered only now and then: its statements
/// have lists of another length each time, or comments with an id.
const PATIENCE: u32 = 8;

/// How often then: each so manieth miss.
const SELDOM: u32 = 16;

/// A lexer that remembers.
#[derive(Debug, Clone, Default)]
pub struct Recognizer {
    lexer: Lexer,
    sets: Vec<Set>,
    places: Vec<(u32, u32)>,
}

/// Statements with one beginning, the more often met ones in front.
#[derive(Debug, Clone, Default)]
struct Set {
    known: Vec<Known>,
    misses: u32,
}

/// A statement that was lexed.
#[derive(Debug, Clone)]
struct Known {
    text: Box<[u8]>,
    dialect: Dialect,
    literals: Box<[Place]>,
    scanned: Scanned,
}

/// Where a literal stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// First byte of its value, sign included.
    start: u32,
    /// First byte that may differ; its end where none may.
    varies: u32,
    /// The byte after the last.
    end: u32,
    /// What it is, if it may differ.
    plain: Option<Plain>,
}

impl Recognizer {
    /// Remembers nothing yet.
    pub fn new(lexer: Lexer) -> Self {
        Self { lexer, sets: vec![Set::default(); SETS], places: Vec::new() }
    }

    /// The lexer behind it.
    pub fn lexer(&self) -> &Lexer {
        &self.lexer
    }

    /// What [`Lexer::scan`] says of a text, for less where its like was read before.
    pub fn scan(&mut self, text: &[u8], dialect: Dialect) -> Scanned {
        if text.len() > LENGTH_MAX || may_be_cut(text) {
            return self.lexer.scan(text, dialect);
        }
        let Some(set) = self.sets.get_mut(beginning(text) as usize % SETS) else {
            return self.lexer.scan(text, dialect);
        };
        if let Some(scanned) = set.recognize(&self.lexer, text, dialect) {
            return scanned;
        }
        set.misses = set.misses.saturating_add(1);
        if set.misses > PATIENCE && set.misses % SELDOM != 0 {
            return self.lexer.scan(text, dialect);
        }
        self.places.clear();
        let scanned = self.lexer.scan_noting(text, dialect, LITERALS_MAX, &mut self.places);
        if self.places.len() <= LITERALS_MAX
            && let Some(known) = Known::of(text, dialect, &self.places, scanned)
        {
            set.remember(known);
        }
        scanned
    }
}

impl Set {
    fn recognize(&mut self, lexer: &Lexer, text: &[u8], dialect: Dialect) -> Option<Scanned> {
        let found = self.known.iter().enumerate().find_map(|(place, known)| {
            let values = known.values_of(lexer, text, dialect)?;
            Some((place, known.scanned.with_literals(values)))
        });
        let (place, scanned) = found?;
        self.misses = 0;
        if let Some([before, known]) = place.checked_sub(1).and_then(|at| self.known.get_mut(at..=place)) {
            swap(before, known);
        }
        Some(scanned)
    }

    fn remember(&mut self, known: Known) {
        if self.known.len() == WAYS {
            self.known.pop();
        }
        self.known.push(known);
    }
}

impl Known {
    /// `None` where a text of other literals could mean another statement.
    fn of(text: &[u8], dialect: Dialect, places: &[(u32, u32)], scanned: Scanned) -> Option<Self> {
        if scanned.truncated {
            return None;
        }
        let mut literals = Vec::with_capacity(places.len());
        let mut from = 0;
        for &(start, end) in places {
            // Behind a named placeholder's bracket the lexer looks on for a closing one.
            if text.get(from..start as usize)?.windows(2).any(|two| two == b"%(") {
                return None;
            }
            literals.push(Place::of(text, start as usize, end as usize));
            from = end as usize;
        }
        if text.get(from..)?.windows(2).any(|two| two == b"%(") && !literals.is_empty() {
            return None;
        }
        Some(Self { text: text.into(), dialect, literals: literals.into(), scanned })
    }

    /// The state of the values' hash, if the text is this statement.
    fn values_of(&self, lexer: &Lexer, text: &[u8], dialect: Dialect) -> Option<u64> {
        if dialect != self.dialect {
            return None;
        }
        let mut state = lexer.no_literals();
        let (mut rest, mut from) = (text, 0);
        for place in &self.literals {
            let same = self.text.get(from..place.varies as usize)?;
            let after = rest.strip_prefix(same)?;
            let length = match place.plain {
                Some(known) => plain(after).filter(|(found, _)| *found == known)?.1,
                None => 0,
            };
            let fixed = (place.varies - place.start) as usize;
            let value = rest.get(same.len().checked_sub(fixed)?..same.len() + length)?;
            state = Lexer::and_literal(state, value);
            rest = after.get(length..)?;
            from = place.end as usize;
        }
        (self.text.get(from..)? == rest).then_some(state)
    }
}

impl Place {
    /// The literal at `start..end` of a text.
    fn of(text: &[u8], start: usize, end: usize) -> Self {
        let literal = text.get(start..end).unwrap_or_default();
        let sign = literal.iter().take_while(|byte| matches!(byte, b'+' | b'-' | b' ')).count();
        // What follows is looked at as well: a number that only begins like one is not plain.
        let found = plain(text.get(start + sign..).unwrap_or_default());
        let plain = found.filter(|&(_, length)| start + sign + length == end).map(|(plain, _)| plain);
        let varies = if plain.is_some() { start + sign } else { end };
        Self { start: start as u32, varies: varies as u32, end: end as u32, plain }
    }
}

/// A literal that any other of its kind may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plain {
    /// Digits.
    Integer,
    /// Digits with a point among them.
    Decimal,
    /// A string without a quote or backslash in it.
    Text,
}

/// The plain literal that a text begins with, and its length.
fn plain(text: &[u8]) -> Option<(Plain, usize)> {
    match text.first()? {
        b'\'' => {
            let inner = text.get(1..)?;
            let length = inner.iter().position(|byte| matches!(byte, b'\'' | b'\\'))?;
            (inner.get(length) == Some(&b'\'')).then_some((Plain::Text, length + 2))
        }
        b'0'..=b'9' => {
            let whole = digits(text);
            match text.get(whole..) {
                Some([b'.', rest @ ..]) if rest.first().is_some_and(u8::is_ascii_digit) => {
                    Some((Plain::Decimal, whole + 1 + digits(rest)))
                }
                _ => Some((Plain::Integer, whole)),
            }
        }
        _ => None,
    }
}

fn digits(text: &[u8]) -> usize {
    text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}

/// A hash of up to 64 bytes that hold no digit and no quote: up to the table's name, mostly.
fn beginning(text: &[u8]) -> u64 {
    let words = text.as_chunks::<8>().0.iter().take(8).map(|chunk| u64::from_le_bytes(*chunk));
    let fixed = words.take_while(|word| !has_literal(*word));
    let hash =
        fixed.fold(0, |hash: u64, word| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95));
    hash >> 32
}

/// A digit or a single quote is among eight bytes.
fn has_literal(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    let less = |word: u64, than: u64| word.wrapping_sub(ONES * than) & !word & (ONES << 7) != 0;
    less(word ^ (ONES * u64::from(b'0')), 10) || less(word ^ (ONES * u64::from(b'\'')), 1)
}
