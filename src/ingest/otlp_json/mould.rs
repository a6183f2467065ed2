//! A span as programs write it in JSON, without what differs from span to span.

use super::span::{attribute, usual_name};
use super::written::Attribute;
use crate::ingest::familiar::Written;
use crate::ingest::json::scanner::Scanner;
use crate::ingest::json::values;
use crate::ingest::moulds::{BYTES_MAX, Candidate};
use crate::ingest::raw::{Attributes, RawSpan};

/// What is behind the ids of a span, up to its end.
#[derive(Debug)]
pub(in crate::ingest) struct Mould(Box<[Piece]>);

/// A part of a span.
#[derive(Debug)]
enum Piece {
    /// These bytes.
    Same(Box<[u8]>),
    /// The two times.
    Times,
    /// An attribute with a value of its own.
    Varying(Attribute),
}

impl Mould {
    /// What a span with such a text behind its ids has in common with others. `None` where it is written in an unusual way.
    #[cold]
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        if text.len() > BYTES_MAX {
            return None;
        }
        let mut pieces = Vec::new();
        let mut scanner = Scanner::new(text, 0, &mut []);
        scanner.skip_number(b"\"flags\":");
        scanner.take_plain(b"\"name\":\"", b"\",")?;
        scanner.ahead::<2>(b"\"kind\":").filter(|[kind, end]| kind.is_ascii_digit() && *end == b',')?;
        scanner.at += b"\"kind\":0,".len();
        pieces.push(Piece::Same(text[..scanner.at].into()));
        times(&mut scanner)?;
        pieces.push(Piece::Times);
        let mut same = scanner.at;
        scanner.take(b"\"attributes\":[").then_some(())?;
        while scanner.ahead::<1>(b"").is_some_and(|next| next == b"{") {
            let start = scanner.at;
            let mut read = Attributes::new();
            attribute(&mut scanner, &mut read).ok()?;
            let written = Attribute::of(&text[start..scanner.at], &read)?;
            if written.is_varying() {
                pieces.push(Piece::Same(text[same..start].into()));
                pieces.push(Piece::Varying(written));
                same = scanner.at;
            }
            scanner.take(b",");
        }
        scanner.take(b"]").then_some(())?;
        end(&mut scanner)?;
        pieces.push(Piece::Same(text[same..].into()));
        Some(Self(pieces.into()))
    }

    /// Takes what differs out of a text that fits, from behind the ids on; attributes have only those that differ.
    #[inline]
    pub(super) fn fit<'b>(
        &self,
        scanner: &mut Scanner<'b>,
        span: &mut RawSpan<'_>,
        attributes: &mut Attributes<'b>,
    ) -> Option<()> {
        attributes.clear();
        for piece in &self.0 {
            match piece {
                Piece::Same(text) => scanner.take(text).then_some(())?,
                Piece::Times => (span.start_ns, span.end_ns) = times(scanner)?,
                Piece::Varying(attribute) => {
                    if let Some(read) = attribute.take(scanner)? {
                        attributes.push(read);
                    }
                }
            }
        }
        Some(())
    }
}

/// What is behind the ids of a span that is next.
pub(super) struct BehindIds<'s, 'b> {
    pub(super) scanner: &'s mut Scanner<'b>,
    pub(super) at: usize,
}

impl<'b> Candidate<'b, Mould> for BehindIds<'_, 'b> {
    fn name(&mut self) -> Option<&'b [u8]> {
        self.scanner.at = self.at;
        usual_name(self.scanner)
    }

    #[inline(always)]
    fn fit(&mut self, mould: &Mould, span: &mut RawSpan<'_>, attributes: &mut Attributes<'b>) -> Option<()> {
        self.scanner.at = self.at;
        mould.fit(self.scanner, span, attributes)
    }
}

/// Steps over what is behind the attributes, if nothing in it says anew what was said before them.
fn end(scanner: &mut Scanner<'_>) -> Option<()> {
    const OTHERS: [&[u8]; 8] = [
        b"status",
        b"events",
        b"links",
        b"flags",
        b"traceState",
        b"droppedAttributesCount",
        b"droppedEventsCount",
        b"droppedLinksCount",
    ];
    while let Some(key) = scanner.next_key().ok()? {
        OTHERS.contains(&key).then_some(())?;
        scanner.skip_value().ok()?;
    }
    Some(())
}

/// The members with both times.
#[inline(always)]
fn times(scanner: &mut Scanner<'_>) -> Option<(u64, u64)> {
    let start = scanner.take_fixed(b"\"startTimeUnixNano\":\"", values::nanoseconds_19)?;
    let end = scanner.take_fixed(b"\"endTimeUnixNano\":\"", values::nanoseconds_19)?;
    Some((start, end))
}
