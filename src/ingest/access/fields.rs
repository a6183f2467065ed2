//! Lines that are objects in JSON: which member means what, by its name.

use super::lines::{Keep, ReadLine, first_lines};
use super::meaning::Meaning;
use super::request::Told;
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
    pub(super) fn sniff(&'static self, head: Head<'_>) -> Option<Framing> {
        let mut fields = Fields::of(self);
        let (mut all, mut fit) = (0, 0);
        for line in first_lines(head.bytes, head.whole) {
            all += 1;
            fit += usize::from(line.first() == Some(&b'{') && fields.fits(line));
        }
        (fit > 0 && fit * 2 >= all).then_some(Framing::Lines)
    }

    fn place_of(&self, name: &[u8]) -> Option<usize> {
        self.fields.iter().take(FIELDS_MAX).position(|(known, _)| known.as_bytes() == name)
    }

    /// Whether a member with this name has others inside that mean something.
    fn has_inside(&self, name: &[u8]) -> bool {
        let inside = |(known, _): &(&str, Meaning)| {
            known.as_bytes().strip_prefix(name).is_some_and(|rest| rest.starts_with(b"."))
        };
        self.fields.iter().any(inside)
    }
}

/// Reads lines by a table.
pub(super) struct Fields {
    table: &'static Table,
    /// Room for texts whose escapes were undone.
    room: Vec<u8>,
    names: Names,
}

/// The texts of a line by the places of the table.
type Texts<'l> = [Option<&'l [u8]>; FIELDS_MAX];

impl Fields {
    pub(super) fn of(table: &'static Table) -> Self {
        Self { table, room: Vec::new(), names: Names::default() }
    }

    /// Whether a line has what the table asks for.
    fn fits(&mut self, line: &[u8]) -> bool {
        self.room.resize(self.room.len().max(line.len()), 0);
        let mut texts: Texts<'_> = [None; FIELDS_MAX];
        let mut scanner = Scanner::new(line, 0, &mut self.room);
        self.names.next = 0;
        let read = Walk { table: self.table, names: &mut self.names, texts: &mut texts };
        let is_read = read_object(read, &mut scanner).is_ok();
        let has =
            |name: &&str| self.table.place_of(name.as_bytes()).is_some_and(|place| texts[place].is_some());
        is_read && self.table.must_have.iter().all(|names| names.iter().any(has))
    }
}

impl ReadLine for Fields {
    fn read(&mut self, line: &[u8], keep: &mut Keep<'_, '_>) -> Result<(), &'static str> {
        self.room.resize(self.room.len().max(line.len()), 0);
        let mut texts: Texts<'_> = [None; FIELDS_MAX];
        let mut scanner = Scanner::new(line, 0, &mut self.room);
        self.names.next = 0;
        let read = Walk { table: self.table, names: &mut self.names, texts: &mut texts };
        read_object(read, &mut scanner).map_err(|_| "a line that is no object in JSON")?;
        let mut told = Told { at_end: self.table.at_end, ..Told::default() };
        for ((_, meaning), text) in self.table.fields.iter().zip(texts).rev() {
            if let Some(text) = text.filter(|text| !text.is_empty() || meaning.may_be_empty()) {
                meaning.take(text, &mut told)?;
            }
        }
        keep.request(&told)
    }
}

/// One line on the way to its texts.
struct Walk<'w, 'l> {
    table: &'static Table,
    names: &'w mut Names,
    texts: &'w mut Texts<'l>,
}

fn read_object<'l>(mut walk: Walk<'_, 'l>, scanner: &mut Scanner<'l>) -> Scan<()> {
    if scanner.open(b'{')? {
        walk.members(scanner, &mut Vec::new())?;
    }
    Ok(())
}

impl<'l> Walk<'_, 'l> {
    fn members(&mut self, scanner: &mut Scanner<'l>, above: &mut Vec<u8>) -> Scan<()> {
        while let Some(key) = scanner.next_key()? {
            let found = self.names.find(key, above, self.table);
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
    /// It has a place in the table.
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
    fn find(&mut self, key: &[u8], above: &[u8], table: &Table) -> Found {
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
        let found = match table.place_of(&name) {
            Some(place) => Found::Place(place),
            None if table.has_inside(&name) => Found::Inside,
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
