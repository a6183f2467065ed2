//! Statements that differ in nothing but plain literals from one that was read before.
//!
//! A program sends few statements, each many times. What the lexer found in one holds for every
//! text that has the same bytes around its literals, as long as a number stands where a number
//! stood and a simple string where a simple string stood: the lexer looks at the kind of such a
//! literal and at the bytes around it, never at its digits or letters. Where two literals of a kind
//! follow one another behind a comma, any number of them may: a list has another length each time.
//! So may rows of `VALUES` that are alike.
//! Statements follow one another as they did before, mostly: what came after the last one is compared
//! first, and only then those with the same beginning. Comparing takes a tenth of lexing; what is not
//! recognised is lexed, so that the result never depends on what came before.

use std::mem::swap;
use std::ops::Range;

use crate::evidence::Values;

use super::lexer::{Dialect, Lexer, Scanned, may_be_cut};
use super::noted::{Noted, Notes, Rows};
use super::plain::{Plain, behind_comma, integers, others, plain, short_integer, word_of_end};

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
    /// The statement that was met last.
    last: At,
}

/// Texts of one statement that are alike: what differs are plain literals, each as long as in the others.
#[derive(Debug, Clone)]
pub struct Alike {
    scanned: Scanned,
    /// The state of the values' hash before the first literal.
    state: u64,
    literals: Box<[Literal]>,
    /// How many there are.
    count: u32,
    /// Where the statement is remembered.
    at: At,
}

/// A literal of such texts, or several whole numbers.
#[derive(Debug, Clone, Copy)]
struct Literal {
    start: u32,
    /// First byte that may differ.
    varies: u32,
    end: u32,
    /// What it is, if it may differ.
    plain: Option<Plain>,
    count: u32,
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
    /// What came after it last time.
    next: At,
}

/// Where a statement is remembered; another one may be there by now.
#[derive(Debug, Clone, Copy, Default)]
struct At {
    set: usize,
    place: usize,
}

/// A part of a statement.
#[derive(Debug, Clone, Default)]
struct Part {
    /// Which of the literals are in it.
    literals: Range<usize>,
    /// The bytes behind the last of them.
    behind: Range<usize>,
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

/// A literal, and what is before it.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The byte behind the literal before it.
    from: u32,
    /// So many bytes from there on are the same each time; all of the literal is where nothing of it may differ.
    same: u32,
    /// So many of these belong to its value: a sign, or all of it.
    own: u32,
    /// What it is, if it may differ.
    plain: Option<Plain>,
    /// Others of its kind follow, any number of them.
    repeats: bool,
}

impl Recognizer {
    /// Remembers nothing yet.
    pub fn new(lexer: Lexer) -> Self {
        Self { lexer, sets: vec![Set::default(); SETS], notes: Notes::default(), last: At::default() }
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
        if let Some(scanned) = self.expected(text, dialect) {
            return scanned;
        }
        let number = beginning(text) as usize % SETS;
        let Some(set) = self.sets.get_mut(number) else {
            return self.lexer.scan(text, dialect);
        };
        if let Some((place, scanned)) = set.recognize(&self.lexer, text, dialect) {
            self.follows(At { set: number, place });
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
            let place = set.remember(known);
            self.follows(At { set: number, place });
        }
        scanned
    }

    /// How texts are like one that was read just now, if it was recognised or is remembered.
    pub fn alike(&self, text: &[u8], dialect: Dialect) -> Option<Alike> {
        let known = self.sets.get(self.last.set)?.known.get(self.last.place)?;
        if may_be_cut(text) { None } else { known.alike(&self.lexer, text, dialect, self.last) }
    }

    /// Such a text was read elsewhere: what comes next follows it.
    pub fn pass(&mut self, alike: &Alike) {
        self.last = alike.at;
    }

    /// What a text says that is like the one after the last statement last time, or like the last one itself.
    #[inline]
    fn expected(&mut self, text: &[u8], dialect: Dialect) -> Option<Scanned> {
        let next = self.sets.get(self.last.set)?.known.get(self.last.place)?.next;
        for at in [next, self.last] {
            let set = self.sets.get_mut(at.set)?;
            if let Some(scanned) =
                set.known.get(at.place).and_then(|it| it.scanned(&self.lexer, text, dialect))
            {
                set.misses = 0;
                self.last = at;
                return Some(scanned);
            }
        }
        None
    }

    /// Notes what comes after the last statement, and is the last one now.
    fn follows(&mut self, at: At) {
        let last = std::mem::replace(&mut self.last, at);
        if let Some(known) = self.sets.get_mut(last.set).and_then(|set| set.known.get_mut(last.place)) {
            known.next = at;
        }
    }
}

impl Set {
    /// What a text says that is like one of these, and the place of that one.
    fn recognize(&mut self, lexer: &Lexer, text: &[u8], dialect: Dialect) -> Option<(usize, Scanned)> {
        let scanned = |place: usize| Some((place, self.known.get(place)?.scanned(lexer, text, dialect)?));
        // Those that differ late differ in length as a rule.
        let likely =
            (0..self.known.len()).min_by_key(|place| self.known[*place].text.len().abs_diff(text.len()));
        let others = || (0..self.known.len()).filter(|place| Some(*place) != likely).find_map(scanned);
        let (place, scanned) = likely.and_then(scanned).or_else(others)?;
        self.misses = 0;
        if let Some([before, known]) = place.checked_sub(1).and_then(|at| self.known.get_mut(at..=place)) {
            swap(before, known);
        }
        Some((place.saturating_sub(1), scanned))
    }

    /// Remembers one more, and says at which place.
    fn remember(&mut self, known: Known) -> usize {
        self.known.truncate(WAYS - 1);
        self.known.push(known);
        self.known.len() - 1
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
        let mut behind = 0;
        for (range, places, repeats) in parts_of(text, notes) {
            let (mut from, first) = (range.start, literals.len());
            for &Noted { start, end, until, .. } in notes.places.get(places)? {
                let literal = start as usize..end as usize;
                let before = keep(from..literal.start)? - behind;
                literals.push(Place::of(text, literal.clone()).at(behind, before, until > end));
                behind = keep(literal)?;
                from = until as usize;
            }
            let end = keep(from..range.end)?;
            parts.push(Part { literals: first..literals.len(), behind: behind..end, repeats });
            behind = end;
        }
        // Behind a named placeholder's bracket the lexer looks on for a closing one.
        let looks_on = !literals.is_empty() && kept.windows(2).any(|two| two == b"%(");
        (!looks_on).then_some(Self {
            text: kept.into(),
            dialect,
            literals: literals.into(),
            parts: parts.into(),
            scanned,
            next: At::default(),
        })
    }

    /// What a text says, if it is this statement.
    #[inline]
    fn scanned(&self, lexer: &Lexer, text: &[u8], dialect: Dialect) -> Option<Scanned> {
        let (state, count) = self.values_of(lexer, text, dialect)?;
        Some(self.scanned.with_literals(state, count))
    }

    /// The state of the values' hash and their number, if the text is this statement.
    #[inline]
    fn values_of(&self, lexer: &Lexer, text: &[u8], dialect: Dialect) -> Option<(u64, u32)> {
        if dialect != self.dialect {
            return None;
        }
        let mut found = Compared { rest: text, state: lexer.no_literals(), count: 0 };
        for part in &self.parts {
            found = self.compare(part, found)?;
            while part.repeats
                && let Some(row) = behind_comma(found.rest)
                && let Some(more) = self.compare(part, Compared { rest: row, ..found })
            {
                found = more;
            }
        }
        found.rest.is_empty().then_some((found.state, found.count))
    }

    /// How texts are like this one, where lists in it have one length.
    fn alike(&self, lexer: &Lexer, text: &[u8], dialect: Dialect, at: At) -> Option<Alike> {
        let [Part { repeats: false, behind: end, .. }] = &*self.parts else { return None };
        if dialect != self.dialect {
            return None;
        }
        let state = lexer.no_literals();
        let mut found = Compared { rest: text, state, count: 0 };
        let literal = |place: &Place| {
            let (before, count) = (text.len() - found.rest.len(), found.count);
            found.take(place, self.text.get(place.from as usize..)?)?;
            let (same, end) = (before as u32 + place.same, (text.len() - found.rest.len()) as u32);
            let count = found.count - count;
            let (start, varies) = match (place.plain, place.repeats) {
                (Some(Plain::Integer), true) => (same, same),
                (_, true) => return None,
                (Some(_), _) => (same - place.own, same),
                (None, _) => (same - place.own, end),
            };
            Some(Literal { start, varies, end, plain: place.plain, count })
        };
        let literals = self.literals.iter().map(literal).collect::<Option<_>>()?;
        let is_it = found.rest == self.text.get(end.clone())?;
        is_it.then_some(Alike { scanned: self.scanned, state, literals, count: found.count, at })
    }

    /// Compares one part.
    #[inline]
    fn compare<'t>(&self, part: &Part, mut found: Compared<'t>) -> Option<Compared<'t>> {
        for place in self.literals.get(part.literals.clone())? {
            found.take(place, self.text.get(place.from as usize..)?)?;
        }
        found.rest = behind(self.text.get(part.behind.start..)?, part.behind.len(), found.rest)?;
        Some(found)
    }
}

impl<'t> Compared<'t> {
    /// Takes the literal that is next, behind what is before it in a known text.
    #[inline]
    fn take(&mut self, place: &Place, known: &[u8]) -> Option<()> {
        let (same, own) = (place.same as usize, place.own as usize);
        let after = behind(known, same, self.rest)?;
        match place.plain {
            Some(Plain::Integer) if place.repeats => self.take_integers(after)?,
            Some(Plain::Integer) if own == 0 && self.take_short_integer(after) => {}
            plain => {
                let length = plain.map_or(Some(0), |kind| kind.length(after))?;
                self.add(self.rest.get(same.checked_sub(own)?..same + length)?, 1);
                self.rest = after.get(length..)?;
                if let (Some(kind), true) = (plain, place.repeats) {
                    self.take_others(kind)?;
                }
            }
        }
        Some(())
    }

    /// Adds a literal, or several whole numbers.
    fn add(&mut self, literals: &[u8], count: u32) {
        self.state = Lexer::and_literal(self.state, literals);
        self.count = self.count.saturating_add(count);
    }

    /// Takes the short whole number that what is left begins with behind the same bytes, and says whether there is one.
    #[inline]
    fn take_short_integer(&mut self, after: &'t [u8]) -> bool {
        let Some((number, length)) = word_of_end(self.rest, after.len()).and_then(short_integer) else {
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

/// What is behind the first bytes of a text, if they are those of a known one, of which more may follow. Often they are
/// few, and if not they differ in the first ones.
#[inline]
fn behind<'t>(known: &[u8], length: usize, text: &'t [u8]) -> Option<&'t [u8]> {
    if length == 0 {
        return Some(text);
    }
    let word = |text: &[u8]| text.first_chunk().map(|chunk| u64::from_le_bytes(*chunk));
    let (Some(one), Some(other)) = (word(known), word(text)) else {
        return text.strip_prefix(known.get(..length)?);
    };
    let is_same = match length {
        0..8 => (one ^ other) & !(u64::MAX << (8 * length)) == 0,
        _ if one != other => false,
        8..=16 => word(known.get(length - 8..)?) == word(text.get(length - 8..)?),
        _ => known.get(8..length)? == text.get(8..length)?,
    };
    if is_same { text.get(length..) } else { None }
}

impl Alike {
    /// Where such texts may differ.
    pub fn differs(&self) -> impl Iterator<Item = Range<usize>> {
        self.literals.iter().map(|literal| literal.varies as usize..literal.end as usize)
    }

    /// What is known of the values of a text of the same length that does not differ elsewhere. `None` where it is no
    /// such text, as a literal is of another kind.
    #[inline]
    pub fn values(&self, text: &[u8]) -> Option<Values> {
        let mut state = self.state;
        for literal in &self.literals {
            state = literal.and(state, text)?;
        }
        Some(self.scanned.with_literals(state, self.count).values)
    }
}

impl Literal {
    /// The state of the values' hash after it, if it is of its kind and length in a text.
    #[inline(always)]
    fn and(&self, state: u64, text: &[u8]) -> Option<u64> {
        let from = text.get(self.start as usize..)?;
        let length = (self.end - self.start) as usize;
        let own = (self.varies - self.start) as usize;
        let found = match self.plain {
            Some(Plain::Integer) if self.count > 1 => {
                integers(from).filter(|(_, count, _)| *count == self.count)?.0.len()
            }
            Some(Plain::Integer) if own == 0 && length < 8 => {
                let (number, found) = word_of_end(text, from.len()).and_then(short_integer)?;
                return (found == length).then(|| Lexer::and_short_literal(state, number, length));
            }
            Some(kind) => own + kind.length(from.get(own..)?)?,
            None => length,
        };
        let literal = from.get(..length).filter(|_| found == length)?;
        Some(Lexer::and_literal(state, literal))
    }
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
        let own = if plain.is_some() { sign } else { end - start } as u32;
        Self { from: 0, same: own, own, plain, repeats: false }
    }

    /// The same behind so many bytes from a place on, perhaps with others behind it.
    fn at(self, from: usize, before: usize, repeats: bool) -> Self {
        Self { from: from as u32, same: before as u32 + self.own, repeats, ..self }
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
    fn texts_that_are_alike_say_what_they_say_alone() {
        let (lexer, dialect) = (Lexer::new(1), Dialect::Postgres);
        for known in [
            "INSERT INTO a VALUES (17, 2, 'SKU-1', 1.50, -3, E'x') RETURNING b",
            "SELECT a FROM b WHERE c IN (1, 22,3) AND d = 12345678 AND e = $1 LIMIT 11",
            "SELECT a FROM b",
        ] {
            let mut recognizer = Recognizer::new(lexer.clone());
            let before = recognizer.scan(known.as_bytes(), dialect);
            let alike = recognizer.alike(known.as_bytes(), dialect).expect("to be remembered");
            assert_eq!(alike.values(known.as_bytes()), Some(before.values));
            for place in alike.differs().flatten() {
                for byte in 0..=255 {
                    let mut text = known.as_bytes().to_vec();
                    text[place] = byte;
                    let Some(values) = alike.values(&text) else { continue };
                    let found = lexer.scan(&text, dialect);
                    assert_eq!((found.id, found.values), (before.id, values), "{known} {place} {byte}");
                    assert_eq!(found.parameters(), before.parameters());
                }
            }
            assert!(known.len() < 20 || alike.differs().count() >= 3);
            assert_eq!(recognizer.alike(b"SELECT a FROM c", dialect).map(|alike| alike.count), None);
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
