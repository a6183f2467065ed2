//! Statements that differ in nothing but plain literals from one that was read before.
//!
//! A program sends few statements, each many times. What the lexer found in one holds for every
//! text that has the same bytes around its literals, as long as a number stands where a number
//! stood and a simple string where a simple string stood: the lexer looks at the kind of such a
//! literal and at the bytes around it, never at its digits or letters. Where two literals of a kind
//! follow one another behind a comma, any number of them may: a list has another length each time.
//! So may rows of `VALUES` that are alike.
//! Comparing takes a tenth of lexing; what is not recognised is lexed, so that the result never
//! depends on what came before.

use std::mem::swap;
use std::ops::Range;

use super::lexer::{Dialect, Lexer, Scanned, may_be_cut};
use super::noted::{Noted, Notes, Rows};
use super::plain::{Plain, behind_comma, integers, others, plain, short_integer};

/// Statements that share a beginning and are remembered together.
const WAYS: usize = 8;

/// A power of two: with [`WAYS`] and [`LENGTH_MAX`] at most 4 MB.
const SETS: usize = 128;

/// Longer statements are not remembered; of a run of literals one counts, and of rows that are alike.
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
    notes: Notes,
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
    /// One after another: what is before a row, the row, and what is behind it, or all in one.
    parts: Box<[Part]>,
    scanned: Scanned,
}

/// A part of a statement.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    /// How many literals there are up to its end.
    literals: usize,
    /// The byte after the last.
    end: usize,
    /// It is a row: others that are alike follow behind commas, any number of them.
    repeats: bool,
}

/// How far a text is compared, and the literals up to there.
#[derive(Debug, Clone, Copy)]
struct Compared<'t> {
    rest: &'t [u8],
    /// The state of the values' hash.
    state: u64,
    count: u32,
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
        Self { lexer, sets: vec![Set::default(); SETS], notes: Notes::default() }
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
        let scanned = self.lexer.scan_noting(text, dialect, LITERALS_MAX, &mut self.notes);
        if self.notes.places.len() <= LITERALS_MAX
            && let Some(known) = Known::of(text, dialect, &self.notes, scanned)
        {
            set.remember(known);
        }
        scanned
    }
}

impl Set {
    fn recognize(&mut self, lexer: &Lexer, text: &[u8], dialect: Dialect) -> Option<Scanned> {
        let scanned = |place: usize| {
            let known = self.known.get(place)?;
            let (state, count) = known.values_of(lexer, text, dialect)?;
            Some((place, known.scanned.with_literals(state, count)))
        };
        // Those that differ late differ in length as a rule.
        let likely =
            (0..self.known.len()).min_by_key(|place| self.known[*place].text.len().abs_diff(text.len()));
        let others = || (0..self.known.len()).filter(|place| Some(*place) != likely).find_map(scanned);
        let (place, scanned) = likely.and_then(scanned).or_else(others)?;
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
    fn of(text: &[u8], dialect: Dialect, notes: &Notes, scanned: Scanned) -> Option<Self> {
        if scanned.truncated {
            return None;
        }
        let (mut kept, mut literals, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        let mut keep = |bytes: Range<usize>| {
            let bytes = text.get(bytes).filter(|bytes| kept.len() + bytes.len() <= LENGTH_MAX)?;
            kept.extend_from_slice(bytes);
            Some(kept.len())
        };
        for (range, places, repeats) in parts_of(text, notes) {
            let mut from = range.start;
            for &Noted { start, end, until, .. } in notes.places.get(places)? {
                let literal = start as usize..end as usize;
                let place = keep(from..literal.start)?;
                literals.push(Place::of(text, literal.clone()).at(place, until > end));
                keep(literal)?;
                from = until as usize;
            }
            parts.push(Part { literals: literals.len(), end: keep(from..range.end)?, repeats });
        }
        // Behind a named placeholder's bracket the lexer looks on for a closing one.
        let looks_on = !literals.is_empty() && kept.windows(2).any(|two| two == b"%(");
        (!looks_on).then_some(Self {
            text: kept.into(),
            dialect,
            literals: literals.into(),
            parts: parts.into(),
            scanned,
        })
    }

    /// The state of the values' hash and their number, if the text is this statement.
    fn values_of(&self, lexer: &Lexer, text: &[u8], dialect: Dialect) -> Option<(u64, u32)> {
        if dialect != self.dialect {
            return None;
        }
        let mut found = Compared { rest: text, state: lexer.no_literals(), count: 0 };
        let mut before = Part::default();
        for part in &self.parts {
            found = self.compare(&before, part, found)?;
            while part.repeats
                && let Some(row) = behind_comma(found.rest)
                && let Some(more) = self.compare(&before, part, Compared { rest: row, ..found })
            {
                found = more;
            }
            before = *part;
        }
        found.rest.is_empty().then_some((found.state, found.count))
    }

    /// Compares one part, which begins where the one before it ends.
    fn compare<'t>(&self, before: &Part, part: &Part, mut found: Compared<'t>) -> Option<Compared<'t>> {
        let mut from = before.end;
        for place in self.literals.get(before.literals..part.literals)? {
            let same = (place.varies as usize).checked_sub(from)?;
            let after = behind(self.text.get(from..)?, same, found.rest)?;
            let sign = (place.varies - place.start) as usize;
            match place.plain {
                Some(Plain::Integer) if place.repeats => found.take_integers(after)?,
                Some(Plain::Integer) if sign == 0 && found.take_short_integer(after) => {}
                plain => {
                    let length = plain.map_or(Some(0), |kind| kind.length(after))?;
                    found.add(found.rest.get(same.checked_sub(sign)?..same + length)?, 1);
                    found.rest = after.get(length..)?;
                    if let (Some(kind), true) = (plain, place.repeats) {
                        found.take_others(kind)?;
                    }
                }
            }
            from = place.end as usize;
        }
        found.rest = behind(self.text.get(from..)?, part.end.checked_sub(from)?, found.rest)?;
        Some(found)
    }
}

impl<'t> Compared<'t> {
    /// Adds a literal, or several whole numbers.
    fn add(&mut self, literals: &[u8], count: u32) {
        self.state = Lexer::and_literal(self.state, literals);
        self.count = self.count.saturating_add(count);
    }

    /// Takes the short whole number that what is left begins with behind the same bytes, and says whether there is one.
    fn take_short_integer(&mut self, after: &'t [u8]) -> bool {
        let Some((number, length)) = after.first_chunk().and_then(|chunk| short_integer(*chunk)) else {
            return false;
        };
        self.state = Lexer::and_short_literal(self.state, number, length);
        self.count = self.count.saturating_add(1);
        self.rest = after.get(length..).unwrap_or_default();
        true
    }

    /// Takes several whole numbers; alone one may count otherwise.
    fn take_integers(&mut self, after: &'t [u8]) -> Option<()> {
        let (integers, count, rest) = integers(after).filter(|(_, count, _)| *count > 1)?;
        self.add(integers, count);
        self.rest = rest;
        Some(())
    }

    /// Takes at least one more literal of a kind, each behind a comma.
    fn take_others(&mut self, kind: Plain) -> Option<()> {
        let first = self.count;
        self.rest = others(kind, self.rest, |literal| self.add(literal, 1));
        (self.count > first).then_some(())
    }
}

/// What is behind the first bytes of a text, if they are those of a known one; often they are few.
fn behind<'t>(known: &[u8], length: usize, text: &'t [u8]) -> Option<&'t [u8]> {
    if let (Some(known), Some(first), 0..8) = (known.first_chunk(), text.first_chunk(), length) {
        let differ = u64::from_le_bytes(*known) ^ u64::from_le_bytes(*first);
        return if differ & !(u64::MAX << (8 * length)) == 0 { text.get(length..) } else { None };
    }
    text.strip_prefix(known.get(..length)?)
}

/// The parts of a text, the literals of each, and whether others that are alike may follow.
fn parts_of(text: &[u8], notes: &Notes) -> impl Iterator<Item = (Range<usize>, Range<usize>, bool)> {
    let all = notes.places.len();
    let parts = match notes.repeated() {
        Some(Rows { literals, first, until }) => [
            Some((0..first.start, 0..literals.start, false)),
            Some((first.clone(), literals.clone(), true)),
            Some((*until..text.len(), literals.end..all, false)),
        ],
        None => [Some((0..text.len(), 0..all, false)), None, None],
    };
    parts.into_iter().flatten()
}

impl Place {
    /// The literal at `start..end` of a text.
    fn of(text: &[u8], Range { start, end }: Range<usize>) -> Self {
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
    let mut rest = text.get(..64).unwrap_or(text);
    let mut hash = 0;
    while let Some((chunk, behind)) = rest.split_first_chunk::<16>().filter(|(chunk, _)| !has_literal(chunk))
    {
        hash = chunk.as_chunks().0.iter().fold(hash, with_word);
        rest = behind;
    }
    rest.first_chunk().filter(|word| !has_literal(word)).map_or(hash, |word| with_word(hash, word)) >> 32
}

fn with_word(hash: u64, word: &[u8; 8]) -> u64 {
    (hash.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// A digit or a single quote is among some bytes; all are looked at, which is done at once.
fn has_literal<const LENGTH: usize>(bytes: &[u8; LENGTH]) -> bool {
    bytes.iter().fold(false, |has, byte| has | byte.is_ascii_digit() | (*byte == b'\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether one text is recognised as the like of another.
    fn is_like(known: &str, text: &str) -> bool {
        let (lexer, mut notes) = (Lexer::new(1), Notes::default());
        let scanned = lexer.scan_noting(known.as_bytes(), Dialect::Postgres, LITERALS_MAX, &mut notes);
        let known =
            Known::of(known.as_bytes(), Dialect::Postgres, &notes, scanned).expect("to be remembered");
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
    #[test]
    fn other_rows_are_recognised() {
        let rows = |rows: &[&str]| {
            format!("INSERT INTO a (b, c) VALUES {} ON CONFLICT DO NOTHING", rows.join(",\n\t"))
        };
        let known = rows(&["('x', 1)", "('y', 2)"]);
        let many = rows(&["('z', 77)"; 500]);
        assert!(is_like(&known, &many) && is_like(&many, &known) && is_like(&known, &rows(&["('x', 1)"])));
        for other in ["('x', -1)", "('x', 1, 2)", "('x', 1.5)", "('x',1)", "('x', $1)", "('x', now())"] {
            assert!(!is_like(&known, &rows(&["('x', 1)", other])), "{other}");
            assert!(is_like(&rows(&["('x', 1)", "('y', 2)", other]), &rows(&["('y', 3)", other])), "{other}");
        }
        assert!(!is_like(
            "INSERT INTO a VALUES (?, 1), (?, 2)",
            "INSERT INTO a VALUES (?, 1), (?, 2), (?, 3)"
        ));
    }
}
