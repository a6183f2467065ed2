//! Statements that differ in nothing but plain literals from one that was read before.
//!
//! A program sends few statements, each many times. What the lexer found in one holds for every
//! text that has the same bytes around its literals, as long as a number stands where a number
//! stood and a simple string where a simple string stood: the lexer looks at the kind of such a
//! literal and at the bytes around it, never at its digits or letters. Where two literals of a kind
//! follow one another behind a comma, any number of them may: a list has another length each time.
//! Comparing takes a tenth of lexing; what is not recognised is lexed, so that the result never
//! depends on what came before.

use std::mem::swap;

use super::lexer::{Dialect, Lexer, Noted, Scanned, may_be_cut};
use super::plain::{Plain, others, plain};

/// Statements that share a beginning and are remembered together.
const WAYS: usize = 8;

/// A power of two: with [`WAYS`] and [`LENGTH_MAX`] at most 4 MB.
const SETS: usize = 128;

/// Longer statements are not remembered; of a run of literals one counts.
const LENGTH_MAX: usize = 4_096;

/// Statements with more literals, or runs of them, are not remembered.
const LITERALS_MAX: usize = 64;

/// After so many misses without a hit a beginning is remembered only now and then: its statements
/// have rows of another number each time, or comments with an id.
const PATIENCE: u32 = 8;

/// How often then: each so manieth miss.
const SELDOM: u32 = 16;

/// A lexer that remembers.
#[derive(Debug, Clone, Default)]
pub struct Recognizer {
    lexer: Lexer,
    sets: Vec<Set>,
    places: Vec<Noted>,
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
    /// Others of its kind follow, any number of them.
    repeats: bool,
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
        if may_be_cut(text) {
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
            let (state, count) = known.values_of(lexer, text, dialect)?;
            Some((place, known.scanned.with_literals(state, count)))
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
    fn of(text: &[u8], dialect: Dialect, places: &[Noted], scanned: Scanned) -> Option<Self> {
        if scanned.truncated {
            return None;
        }
        let mut literals = Vec::with_capacity(places.len());
        let mut kept = Vec::new();
        let mut from = 0;
        for &Noted { start, end, until, .. } in places {
            let (start, end) = (start as usize, end as usize);
            let around = text.get(from..start)?;
            // Behind a named placeholder's bracket the lexer looks on for a closing one.
            if around.windows(2).any(|two| two == b"%(") || kept.len() + end - from > LENGTH_MAX {
                return None;
            }
            kept.extend_from_slice(around);
            literals.push(Place::of(text, start, end).at(kept.len(), until as usize > end));
            kept.extend_from_slice(text.get(start..end)?);
            from = until as usize;
        }
        let behind = text.get(from..)?;
        if behind.windows(2).any(|two| two == b"%(") && !literals.is_empty()
            || kept.len() + behind.len() > LENGTH_MAX
        {
            return None;
        }
        kept.extend_from_slice(behind);
        Some(Self { text: kept.into(), dialect, literals: literals.into(), scanned })
    }

    /// The state of the values' hash and their number, if the text is this statement.
    fn values_of(&self, lexer: &Lexer, text: &[u8], dialect: Dialect) -> Option<(u64, u32)> {
        if dialect != self.dialect {
            return None;
        }
        let (mut state, mut count) = (lexer.no_literals(), self.literals.len() as u32);
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
            if let (true, Some(kind)) = (place.repeats, place.plain) {
                let first = count;
                rest = others(kind, rest, |literal| {
                    state = Lexer::and_literal(state, literal);
                    count = count.saturating_add(1);
                });
                // Alone it may count as one and not as several.
                if count == first {
                    return None;
                }
            }
        }
        (self.text.get(from..)? == rest).then_some((state, count))
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
        Self { start: start as u32, varies: varies as u32, end: end as u32, plain, repeats: false }
    }

    /// The same at another place, perhaps with others behind it.
    fn at(self, start: usize, repeats: bool) -> Self {
        let [varies, end] = [self.varies, self.end].map(|place| start as u32 + (place - self.start));
        Self { start: start as u32, varies, end, repeats, ..self }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether one text is recognised as the like of another.
    fn is_like(known: &str, text: &str) -> bool {
        let (lexer, mut places) = (Lexer::new(1), Vec::new());
        let scanned = lexer.scan_noting(known.as_bytes(), Dialect::Postgres, LITERALS_MAX, &mut places);
        let known =
            Known::of(known.as_bytes(), Dialect::Postgres, &places, scanned).expect("to be remembered");
        let values = known.values_of(&lexer, text.as_bytes(), Dialect::Postgres);
        let found = values.map(|(state, count)| scanned.with_literals(state, count));
        assert!(found.is_none_or(|found| found == lexer.scan(text.as_bytes(), Dialect::Postgres)), "{text}");
        found.is_some()
    }

    #[test]
    fn lists_of_another_length_are_recognised() {
        let known = "SELECT a FROM b WHERE c IN (1, 2) AND d = 'x'";
        let long = format!("SELECT a FROM b WHERE c IN (1{}) AND d = 'y'", ",\n\t234".repeat(9_000));
        assert!(is_like(known, known) && is_like(known, &long) && is_like(&long, known));
        assert!(is_like("SELECT f('a', 'b', 3.5)", "SELECT f('a','c','d', 0.1)"));
        for other in ["(1)", "(1, 2.5)", "(1, 2, x)", "(1, 2", "(1, 2,)", "(1, 'a')", "(1, 2e5)"] {
            assert!(!is_like(known, &known.replace("(1, 2)", other)), "{other}");
        }
    }
}
