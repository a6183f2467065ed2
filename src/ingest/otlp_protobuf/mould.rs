//! A span as it is written in protobuf, without what differs from span to span.

use super::span::{attribute, name};
use super::wire::Wire;
use super::written::Attribute;
use crate::ingest::familiar::Written;
use crate::ingest::moulds::{BYTES_MAX, Candidate};
use crate::ingest::raw::{Attributes, RawSpan};

/// What is behind the ids of a span.
#[derive(Debug)]
pub(in crate::ingest) struct Mould {
    /// All bytes that are the same, one after another.
    same: Box<[u8]>,
    steps: Box<[Step]>,
}

/// So many bytes that are the same, and what follows.
#[derive(Debug)]
struct Step {
    same: usize,
    then: Hole,
}

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
        let (mut same, mut steps) = (Vec::new(), Vec::new());
        let mut wire = Wire(bytes);
        let mut first = 0;
        while !wire.0.is_empty() {
            let before = wire.0;
            match Hole::next(&mut wire)? {
                Some(then) => {
                    steps.push(Step { same: same.len() - first, then });
                    first = same.len();
                }
                None => same.extend_from_slice(&before[..before.len() - wire.0.len()]),
            }
        }
        steps.push(Step { same: same.len() - first, then: Hole::End });
        Some(Self { same: same.into(), steps: steps.into() })
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
        let (mut wire, mut same) = (Wire(bytes), &*self.same);
        for step in &self.steps {
            let (before, behind) = same.split_at_checked(step.same)?;
            same = behind;
            wire.0 = wire.0.strip_prefix(before)?;
            match &step.then {
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
                Some(written.is_varying().then_some(Self::Varying(written)))
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
