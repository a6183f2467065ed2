//! A span as programs write it in JSON, without what differs from span to span.

use super::span::{attribute, usual_name};
use super::written::Attribute;
use crate::ingest::familiar::Written;
use crate::ingest::json::scanner::{Scanner, special};
use crate::ingest::json::values;
use crate::ingest::moulds::{BYTES_MAX, Candidate, Draft, Holes, Pattern};
use crate::ingest::raw::{Attributes, RawSpan, Value};

/// What is behind the ids of a span, up to its end.
#[derive(Debug)]
pub(in crate::ingest) struct Mould(Pattern<Hole>);

/// What is another one in each span.
#[derive(Debug)]
enum Hole {
    /// The two times.
    Times,
    /// An attribute with a value of its own.
    Varying(Attribute),
    /// Nothing: the span ends.
    End,
}

impl Mould {
    /// What a span with such a text behind its ids has in common with others. `None` where it is written in an unusual way.
    #[cold]
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        if text.len() > BYTES_MAX {
            return None;
        }
        let mut draft = Draft::new();
        let mut scanner = Scanner::new(text, 0, &mut []);
        scanner.skip_number(b"\"flags\":");
        scanner.take_plain(b"\"name\":\"", b"\",")?;
        scanner.ahead::<2>(b"\"kind\":").filter(|[kind, end]| kind.is_ascii_digit() && *end == b',')?;
        scanner.at += b"\"kind\":0,".len();
        draft.same(&text[..scanner.at]);
        draft.hole(Hole::Times);
        times(&mut scanner)?;
        let mut first = scanner.at;
        scanner.take(b"\"attributes\":[").then_some(())?;
        while scanner.ahead::<1>(b"").is_some_and(|next| next == b"{") {
            let start = scanner.at;
            let mut read = Attributes::new();
            attribute(&mut scanner, &mut read).ok()?;
            let written = Attribute::of(&text[start..scanner.at], &read)?;
            if written.content.is_varying() {
                draft.same(&text[first..start]);
                draft.hole(Hole::Varying(written));
                first = scanner.at;
            }
            scanner.take(b",");
        }
        scanner.take(b"]").then_some(())?;
        end(&mut scanner)?;
        draft.same(&text[first..]);
        draft.hole(Hole::End);
        draft.done().map(Self)
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
        for (same, then) in self.0.steps() {
            scanner.take(same).then_some(())?;
            match then {
                Hole::Times => (span.start_ns, span.end_ns) = times(scanner)?,
                Hole::Varying(attribute) => {
                    if let Some(read) = attribute.take(scanner)? {
                        attributes.push(read);
                    }
                }
                Hole::End => return Some(()),
            }
        }
        None
    }
}

impl Mould {
    /// Where something differs in a text that fits.
    #[cold]
    fn holes(&self, text: &[u8]) -> Option<Holes> {
        let (mut holes, mut scanner) = (Holes::default(), Scanner::new(text, 0, &mut []));
        for (same, then) in self.0.steps() {
            scanner.take(same).then_some(())?;
            let from = scanner.at;
            match then {
                Hole::Times => {
                    times(&mut scanner)?;
                    holes.times = from;
                    let start = from + START.len();
                    let end = start + DIGITS + b"\",".len() + END.len();
                    holes.free.extend([start..start + DIGITS, end..end + DIGITS]);
                }
                Hole::Varying(attribute) => {
                    let read = attribute.take(&mut scanner)?;
                    let key = match read {
                        Some((key, Value::Text(_))) => Some(key),
                        Some(_) => return None,
                        None => None,
                    };
                    holes.texts.push((key, attribute.value_within(from..scanner.at)));
                }
                Hole::End => return (scanner.at == text.len()).then_some(holes),
            }
        }
        None
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

    #[inline(always)]
    fn bytes(&self, length: usize) -> Option<&'b [u8]> {
        self.scanner.bytes().get(self.at..)?.get(..length)
    }

    #[inline(always)]
    fn is_text(bytes: &[u8]) -> bool {
        special(bytes).is_none()
    }

    #[inline(always)]
    fn take(&mut self, bytes: &'b [u8], at: usize) -> Option<(u64, u64)> {
        let times = times(&mut Scanner::new(bytes, at, &mut []))?;
        self.scanner.at = self.at + bytes.len();
        Some(times)
    }

    fn holes(&self, mould: &Mould) -> Option<(&'b [u8], Holes)> {
        let bytes = self.scanner.bytes().get(self.at..self.scanner.at)?;
        Some((bytes, mould.holes(bytes)?))
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

/// What is before both times.
const START: &[u8] = b"\"startTimeUnixNano\":\"";
const END: &[u8] = b"\"endTimeUnixNano\":\"";

/// Digits of a time.
const DIGITS: usize = 19;

/// The members with both times.
#[inline(always)]
fn times(scanner: &mut Scanner<'_>) -> Option<(u64, u64)> {
    let start = scanner.take_fixed::<DIGITS, _>(START, values::nanoseconds_19)?;
    let end = scanner.take_fixed::<DIGITS, _>(END, values::nanoseconds_19)?;
    Some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::attributes::Key;

    const START_NS: u64 = 1_760_000_000_000_000_000;

    /// What is behind the ids of a span.
    fn span(name: &str, statement: &str, database: &str, end: &str) -> String {
        let attribute =
            |key: &str, text: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"{text}"}}}}"#);
        let list = [attribute("db.statement", statement), attribute("db.name", database)].join(",");
        format!(
            r#""flags":257,"name":"{name}","kind":3,"startTimeUnixNano":"{START_NS}","endTimeUnixNano":"{}","attributes":[{list}]{end}"#,
            START_NS + statement.len() as u64
        )
    }

    /// How long it took and its statement, if it fits, and how much of the text was taken.
    fn fitted(mould: &Mould, text: &str) -> Option<(u64, String, usize)> {
        let (mut raw, mut attributes) = (RawSpan::default(), Attributes::new());
        let mut scanner = Scanner::new(text.as_bytes(), 0, &mut []);
        mould.fit(&mut scanner, &mut raw, &mut attributes)?;
        let [(Key::Statement, Value::Text(text))] = attributes[..] else { panic!("{attributes:?}") };
        Some((raw.end_ns - raw.start_ns, String::from_utf8_lossy(text).into_owned(), scanner.at))
    }

    #[test]
    fn what_differs_is_taken_out_of_spans_that_fit() {
        let end = r#","droppedAttributesCount":0,"status":{"code":0}}"#;
        let mould = Mould::of(span("query", "SELECT 1", "shop", end).as_bytes()).unwrap();
        let like = span("query", "SELECT 22", "shop", end);
        assert_eq!(fitted(&mould, &format!("{like},")), Some((9, "SELECT 22".into(), like.len())));
        for other in [
            span("other", "SELECT 22", "shop", end),
            span("query", "SELECT 22", "stock", end),
            span("query", r"SELECT \u0041", "shop", end),
            span("query", "SELECT 22", "shop", "}"),
        ] {
            assert_eq!(fitted(&mould, &other), None, "{other}");
        }
        for cut in 0..like.len() {
            assert_eq!(fitted(&mould, &like[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn what_is_said_twice_makes_no_mould() {
        for end in [r#","parentSpanId":"00000000000000aa"}"#, r#","endTimeUnixNano":"5"}"#, r#","status":{"#]
        {
            assert!(Mould::of(span("query", "SELECT 1", "shop", end).as_bytes()).is_none(), "{end}");
        }
    }
}
