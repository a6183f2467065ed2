//! Lines with named members: objects in JSON, or `name=value`. Which member means what is told by its name.

use std::sync::Arc;

use super::lines::{Keep, ReadLine, first_lines};
use super::meaning::Meaning;
use super::request::Told;
use super::times::moment;
use super::tokens::{Around, Tokens, labelled};
use crate::ingest::json::scanner::{Scalar, Scan, Scanner};
use crate::ingest::{Framing, Head};

/// What the members of a log mean.
#[derive(Debug)]
pub(super) struct Table {
    /// Of each of these lists a line has one member at least.
    pub(super) must_have: &'static [&'static [&'static str]],
    /// A moment is that of a request's end.
    pub(super) at_end: bool,
    /// By name, with points between those of objects inside of each other. Of several with one meaning the first
    /// counts that is there.
    pub(super) fields: &'static [(&'static str, Meaning)],
}

/// Members of a line that are looked at.
const FIELDS_MAX: usize = 48;

/// Members whose places are remembered.
const PLACES_MAX: usize = 128;

/// The longest name with those around it.
const NAME_MAX: usize = 200;

impl Table {
    /// Recognises an input.
    pub(super) fn sniff(&self, head: Head<'_>) -> Option<Framing> {
        let mut fields = Fields::of(self);
        let (mut all, mut fit) = (0, 0);
        for line in first_lines(head.bytes, head.whole) {
            all += 1;
            fit += usize::from(fields.fits(line));
        }
        (fit > 0 && fit * 2 >= all).then_some(Framing::Lines)
    }
}

/// A table whose names may be known only when the program runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Members {
    /// As in a table, by place.
    must_have: Vec<Vec<usize>>,
    at_end: bool,
    fields: Vec<(String, Meaning)>,
}

impl Members {
    /// Members of which each is one that a line must have, or none is.
    pub(super) fn new(fields: Vec<(String, Meaning)>, at_end: bool) -> Self {
        Self { must_have: Vec::new(), at_end, fields }
    }

    fn of(table: &Table) -> Self {
        let fields: Vec<_> =
            table.fields.iter().map(|(name, meaning)| ((*name).to_owned(), *meaning)).collect();
        let mut members = Self::new(fields, table.at_end);
        let places =
            |names: &&[&str]| names.iter().filter_map(|name| members.place_of(name.as_bytes())).collect();
        members.must_have = table.must_have.iter().map(places).collect();
        members
    }

    fn place_of(&self, name: &[u8]) -> Option<usize> {
        self.fields.iter().take(FIELDS_MAX).position(|(known, _)| known.as_bytes() == name)
    }

    /// Whether a member with this name has others inside that mean something.
    fn has_inside(&self, name: &[u8]) -> bool {
        let inside = |(known, _): &(String, Meaning)| {
            known.as_bytes().strip_prefix(name).is_some_and(|rest| rest.starts_with(b"."))
        };
        self.fields.iter().any(inside)
    }
}

/// Reads lines by their members.
pub(super) struct Fields {
    members: Arc<Members>,
    /// Room for texts whose escapes were undone.
    room: Vec<u8>,
    names: Names,
}

/// The texts of a line by the places of its members.
type Texts<'l> = [Option<&'l [u8]>; FIELDS_MAX];

impl Fields {
    pub(super) fn of(table: &Table) -> Self {
        Self::by(Arc::new(Members::of(table)))
    }

    pub(super) fn by(members: Arc<Members>) -> Self {
        Self { members, room: Vec::new(), names: Names::default() }
    }

    /// Whether a line has what it must have.
    fn fits(&mut self, line: &[u8]) -> bool {
        let texts = texts(line, &self.members, &mut self.names, &mut self.room);
        let has = |places: &Vec<usize>| places.iter().any(|place| texts.0[*place].is_some());
        texts.1.is_ok() && self.members.must_have.iter().all(has)
    }

    /// What a line tells.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    pub(super) fn told<'l>(&'l mut self, line: &'l [u8]) -> Result<Told<'l>, &'static str> {
        let (texts, read) = texts(line, &self.members, &mut self.names, &mut self.room);
        read.map_err(|_| "a line that is no object in JSON")?;
        let mut told = Told { at_end: self.members.at_end, ..Told::default() };
        if line.first() != Some(&b'{') {
            told.moment = Tokens::of(line).find_map(unnamed_moment);
        }
        for ((_, meaning), text) in self.members.fields.iter().zip(texts).rev() {
            if let Some(text) = text.filter(|text| !text.is_empty() || meaning.may_be_empty()) {
                let taken = meaning.take(text, &mut told);
                // Another member may hold the time.
                taken.or_else(|problem| if *meaning == Meaning::Time { Ok(()) } else { Err(problem) })?;
            }
        }
        Ok(told)
    }
}

/// A moment that stands in front of what has names.
fn unnamed_moment(token: super::tokens::Token<'_>) -> Option<super::times::Moment> {
    match token.around {
        Around::Quotes => None,
        // `[2024-01-01T00:00:00.123456 #4242]`
        Around::Brackets => {
            moment(token.text.split(|byte| *byte == b' ').next()?).or_else(|| moment(token.text))
        }
        Around::Nothing => moment(token.text),
    }
}

/// The texts of a line, and whether it could be read.
fn texts<'l>(
    line: &'l [u8],
    members: &Members,
    names: &mut Names,
    room: &'l mut Vec<u8>,
) -> (Texts<'l>, Scan<()>) {
    let mut texts: Texts<'l> = [None; FIELDS_MAX];
    names.next = 0;
    let mut walk = Walk { members, names, texts: &mut texts };
    let read = if line.first() == Some(&b'{') {
        room.resize(room.len().max(line.len()), 0);
        walk.members(&mut Scanner::new(line, 1, room), &mut Vec::new())
    } else {
        walk.named_values(line);
        Ok(())
    };
    (texts, read)
}

impl ReadLine for Fields {
    fn read(&mut self, line: &[u8], keep: &mut Keep<'_, '_>) -> Result<(), &'static str> {
        let told = self.told(line)?;
        keep.request(&told)
    }
}

/// One line on the way to its texts.
struct Walk<'w, 'l> {
    members: &'w Members,
    names: &'w mut Names,
    texts: &'w mut Texts<'l>,
}

impl<'l> Walk<'_, 'l> {
    /// Notes the values of `name=value`.
    fn named_values(&mut self, line: &'l [u8]) {
        for token in Tokens::of(line) {
            let (label, text) = match (token.label, token.around) {
                (b"", Around::Nothing) => labelled(token.text),
                (label, _) => (label, token.text),
            };
            if !label.is_empty()
                && let Found::Place(place) = self.names.find(label, &[], self.members)
            {
                self.texts[place] = Some(text);
            }
        }
    }

    fn members(&mut self, scanner: &mut Scanner<'l>, above: &mut Vec<u8>) -> Scan<()> {
        while let Some(key) = scanner.next_key()? {
            let found = self.names.find(key, above, self.members);
            match (found, scanner.peek()?) {
                (Found::Inside, b'{') if above.len() + key.len() < NAME_MAX => {
                    let length = above.len();
                    above.extend_from_slice(key);
                    above.push(b'.');
                    scanner.at += 1;
                    self.members(scanner, above)?;
                    above.truncate(length);
                }
                (Found::Place(place), b'[') => {
                    scanner.at += 1;
                    let mut first = None;
                    while scanner.next_element()? {
                        first = first.or(text_of(scanner.scalar()?));
                    }
                    self.texts[place] = first;
                }
                (Found::Place(place), _) => self.texts[place] = text_of(scanner.scalar()?),
                _ => scanner.skip_value()?,
            }
        }
        Ok(())
    }
}

fn text_of(scalar: Scalar<'_>) -> Option<&[u8]> {
    match scalar {
        Scalar::Text(text) | Scalar::Number(text) => Some(text),
        _ => None,
    }
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It has a place among those that mean something.
    Place(usize),
    /// There are such inside of it.
    Inside,
    Nothing,
}

/// What members are, by their names: those of most lines come in the same order.
#[derive(Debug, Default)]
struct Names {
    known: Vec<(Vec<u8>, Found)>,
    next: usize,
}

impl Names {
    fn find(&mut self, key: &[u8], above: &[u8], members: &Members) -> Found {
        let place = self.next;
        self.next += 1;
        if let Some((known, found)) = self.known.get(place)
            && known.len() == above.len() + key.len()
            && known.starts_with(above)
            && known.ends_with(key)
        {
            return *found;
        }
        let name = [above, key].concat();
        let found = match members.place_of(&name) {
            Some(place) => Found::Place(place),
            None if members.has_inside(&name) => Found::Inside,
            None => Found::Nothing,
        };
        if let Some(known) = self.known.get_mut(place) {
            *known = (name, found);
        } else if place == self.known.len() && place < PLACES_MAX {
            self.known.push((name, found));
        }
        found
    }
}
