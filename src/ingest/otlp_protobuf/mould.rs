//! A span as it is written in protobuf, without what differs from span to span.

use super::span::{attribute, name};
use super::wire::Wire;
use super::written::Attribute;
use crate::ingest::familiar::Written;
use crate::ingest::moulds::{BYTES_MAX, Candidate, Draft, Holes, Pattern};
use crate::ingest::raw::{Attributes, RawSpan, Value};

/// What is behind the ids of a span.
#[derive(Debug)]
pub(in crate::ingest) struct Mould(Pattern<Hole>);

/// What is another one in each span.
#[derive(Debug)]
enum Hole {
    /// The two times.
    Times,
    /// An attribute with a value of its own.
    Varying(Attribute),
    /// Whatever is in a field of this tag, which means nothing.
    Skipped(u8),
    /// Nothing: the span ends.
    End,
}

impl Mould {
    /// What a span with such bytes behind its ids has in common with others. `None` where it is written in an unusual way.
    #[cold]
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > BYTES_MAX {
            return None;
        }
        let (mut draft, mut wire) = (Draft::new(), Wire(bytes));
        while !wire.0.is_empty() {
            let before = wire.0;
            match Hole::next(&mut wire)? {
                Some(then) => draft.hole(then),
                None => draft.same(&before[..before.len() - wire.0.len()]),
            }
        }
        draft.hole(Hole::End);
        draft.done().map(Self)
    }

    /// Takes what differs out of bytes that fit, which are those behind the ids; attributes have only those that differ.
    #[inline]
    pub(super) fn fit<'b>(
        &self,
        bytes: &'b [u8],
        span: &mut RawSpan<'_>,
        attributes: &mut Attributes<'b>,
    ) -> Option<()> {
        attributes.clear();
        let mut wire = Wire(bytes);
        for (same, then) in self.0.steps() {
            wire.0 = wire.0.strip_prefix(same)?;
            match then {
                Hole::Times => (span.start_ns, span.end_ns) = times(&mut wire)?,
                Hole::Varying(attribute) => {
                    if let Some(read) = attribute.take(&mut wire)? {
                        attributes.push(read);
                    }
                }
                Hole::Skipped(tag) => {
                    wire.0 = wire.0.strip_prefix(&[*tag])?;
                    wire.bytes()?;
                }
                Hole::End => return wire.0.is_empty().then_some(()),
            }
        }
        None
    }
}

impl Mould {
    /// Where something differs in bytes that fit.
    #[cold]
    fn holes(&self, bytes: &[u8]) -> Option<Holes> {
        let (mut holes, mut wire) = (Holes::default(), Wire(bytes));
        for (same, then) in self.0.steps() {
            wire.0 = wire.0.strip_prefix(same)?;
            let (before, from) = (wire.0, bytes.len() - wire.0.len());
            match then {
                Hole::Times => {
                    times(&mut wire)?;
                    holes.times = from;
                    holes.free.extend([from + 1..from + 9, from + 10..from + 18]);
                }
                Hole::Varying(attribute) => {
                    let read = attribute.take(&mut wire)?;
                    let end = bytes.len() - wire.0.len();
                    match (read, attribute.meaningless(before)) {
                        (Some((key, Value::Text(text))), _) => {
                            holes.texts.push((Some(key), end - text.len()..end))
                        }
                        (None, Some(value)) => holes.free.push(end - value.len()..end),
                        _ => return None,
                    }
                }
                Hole::Skipped(_) => {
                    wire.0 = wire.0.get(1..)?;
                    let length = wire.bytes()?.len();
                    let end = bytes.len() - wire.0.len();
                    holes.free.push(end - length..end);
                }
                Hole::End => return Some(holes),
            }
        }
        None
    }
}

/// What is behind the ids of a span that is next.
pub(super) struct BehindIds<'b>(pub(super) &'b [u8]);

impl<'b> Candidate<'b, Mould> for BehindIds<'b> {
    #[inline(always)]
    fn name(&mut self) -> Option<&'b [u8]> {
        name(self.0)
    }

    #[inline(always)]
    fn fit(&mut self, mould: &Mould, span: &mut RawSpan<'_>, attributes: &mut Attributes<'b>) -> Option<()> {
        mould.fit(self.0, span, attributes)
    }

    #[inline(always)]
    fn bytes(&self, length: usize) -> Option<&'b [u8]> {
        (self.0.len() == length).then_some(self.0)
    }

    #[inline(always)]
    fn is_text(_: &[u8]) -> bool {
        true
    }

    #[inline(always)]
    fn take(&mut self, bytes: &'b [u8], at: usize) -> Option<(u64, u64)> {
        times(&mut Wire(bytes.get(at..)?))
    }

    fn holes(&self, mould: &Mould) -> Option<(&'b [u8], Holes)> {
        Some((self.0, mould.holes(self.0)?))
    }
}

impl Hole {
    /// Reads the field that is next, or both times; nothing where it is the same each time.
    fn next(wire: &mut Wire<'_>) -> Option<Option<Self>> {
        let before = wire.0;
        match before.first()? {
            0x39 => {
                times(wire)?;
                Some(Some(Self::Times))
            }
            // Ids, and an end without a begin.
            0x0a | 0x12 | 0x22 | 0x41 => None,
            0x4a => {
                wire.0 = &before[1..];
                let mut read = Attributes::new();
                attribute(wire.bytes()?, &mut read)?;
                let written = Attribute::of(&before[..before.len() - wire.0.len()], &read)?;
                Some(written.content.is_varying().then_some(Self::Varying(written)))
            }
            tag => {
                let number = wire.varint()?;
                wire.skip(number)?;
                // What means something is of one byte or the same; anything else of some length may be anything.
                let means_nothing = number & 7 == 2 && !matches!(tag, 0x2a | 0x7a);
                if means_nothing && number >= 0x80 {
                    return None;
                }
                Some(means_nothing.then_some(Self::Skipped(*tag)))
            }
        }
    }
}

/// The fields of both times.
#[inline(always)]
fn times(wire: &mut Wire<'_>) -> Option<(u64, u64)> {
    let (start, rest) = wire.0.strip_prefix(&[0x39])?.split_first_chunk()?;
    let (end, rest) = rest.strip_prefix(&[0x41])?.split_first_chunk()?;
    wire.0 = rest;
    Some((u64::from_le_bytes(*start), u64::from_le_bytes(*end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::attributes::Key;
    use crate::ingest::moulds::HOLES_MAX;

    fn field(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, content.len() as u8][..], content].concat()
    }

    fn attribute(name: &str, value: &str) -> Vec<u8> {
        let value = field(0x12, &field(0x0a, value.as_bytes()));
        field(0x4a, &[field(0x0a, name.as_bytes()), value].concat())
    }

    /// What is behind the ids of a span.
    fn span(name: &str, start_ns: u64, statement: &str, database: &str, event: &str) -> Vec<u8> {
        let time = |tag: u8, time: u64| [&[tag][..], &time.to_le_bytes()].concat();
        [
            field(0x2a, name.as_bytes()),
            vec![0x30, 3],
            time(0x39, start_ns),
            time(0x41, start_ns + 2),
            attribute("db.system", "postgresql"),
            attribute("db.statement", statement),
            attribute("db.name", database),
            attribute("some.word", event),
            field(0x5a, event.as_bytes()),
            field(0x7a, b""),
            vec![0x85, 1, 1, 1, 0, 0],
        ]
        .concat()
    }

    /// Times and statement, if it fits.
    fn fitted(mould: &Mould, bytes: &[u8]) -> Option<(u64, u64, String)> {
        let (mut raw, mut attributes) = (RawSpan::default(), Attributes::new());
        mould.fit(bytes, &mut raw, &mut attributes)?;
        let [(Key::Statement, Value::Text(text))] = attributes[..] else { panic!("{attributes:?}") };
        Some((raw.start_ns, raw.end_ns, String::from_utf8_lossy(text).into_owned()))
    }

    #[test]
    fn what_differs_is_taken_out_of_spans_that_fit() {
        let mould = Mould::of(&span("query", 5, "SELECT 1", "shop", "")).unwrap();
        let like = span("query", 7, "SELECT 22", "shop", "anything");
        assert_eq!(fitted(&mould, &like), Some((7, 9, "SELECT 22".into())));
        for other in [span("other", 7, "SELECT 22", "shop", ""), span("query", 7, "SELECT 22", "stock", "")] {
            assert_eq!(fitted(&mould, &other), None);
        }
        for end in 0..like.len() {
            assert_eq!(fitted(&mould, &like[..end]), None, "{end}");
        }
        assert_eq!(fitted(&mould, &[like, vec![0x30, 2]].concat()), None);
    }

    #[test]
    fn spans_that_are_written_in_another_way_make_no_mould() {
        let usual = span("query", 5, "SELECT 1", "shop", "");
        assert!(Mould::of(&[usual.clone(), field(0x22, &[7; 8])].concat()).is_none());
        assert!(Mould::of(&usual[..usual.len() - 1]).is_none());
        let statements = attribute("db.statement", "SELECT 1").repeat(HOLES_MAX);
        assert!(Mould::of(&[usual, statements].concat()).is_none());
    }
}
