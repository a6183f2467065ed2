//! Spans that differ in their ids, their times and perhaps their statement only: typed once, then copied.

use std::hash::{Hash, Hasher};

use detectors::evidence::shape::sql::Dialect;
use detectors::evidence::{OriginRef, Span};
use rustc_hash::FxHasher;

use crate::ingest::attributes::Key;
use crate::ingest::familiar::{Keys, Path};
use crate::ingest::raw::{RawSpan, Value};

/// A power of two: a quarter of a megabyte.
const SLOTS: usize = 1024;

/// Longer names of spans are not remembered.
const NAME_MAX: usize = 256;

/// Keys under which the text of a statement is, in the order in which they count.
pub(super) const TEXTS: [Key; 2] = [Key::QueryText, Key::Statement];

/// The last span for each hash of what it says beside ids, times and values that vary.
#[derive(Debug)]
pub(super) struct Prototypes(Vec<Option<Prototype>>);

/// What spans have in common.
#[derive(Debug, Clone)]
struct Prototype {
    path: u32,
    name: Box<[u8]>,
    kind: u8,
    error: bool,
    span: Span,
    /// The language of the statement that each of them has of its own.
    statement: Option<Dialect>,
}

impl Prototypes {
    pub(super) fn new() -> Self {
        Self(vec![None; SLOTS])
    }

    /// The span that was noted for one like this, and the language of its statement, where that is another one each time.
    #[inline]
    pub(super) fn get(
        &self,
        raw: &RawSpan<'_>,
        path: Path,
        origin: OriginRef,
    ) -> Option<(&Span, Option<Dialect>)> {
        let found = self.0[place(raw, path, origin)].as_ref()?;
        let is_like = found.path == path.number
            && found.span.origin == origin
            && (found.kind, found.error) == (raw.kind, raw.error)
            && *found.name == *raw.name;
        is_like.then_some((&found.span, found.statement))
    }

    /// Notes a span that was typed by `asked`, if nothing that varies decided but the text of its `statement`.
    pub(super) fn put(
        &mut self,
        raw: &RawSpan<'_>,
        path: Path,
        asked: Keys,
        statement: Option<Dialect>,
        span: &Span,
    ) {
        let varying = path.varying.and(asked);
        let statements = Keys::of(&TEXTS);
        let decided = varying.without(if statement.is_some() { statements } else { Keys::default() });
        if !decided.is_empty() || raw.name.len() > NAME_MAX || span.composite {
            return;
        }
        let statement = statement.filter(|_| !varying.and(statements).is_empty());
        let (name, kind, error) = (raw.name.into(), raw.kind, raw.error);
        self.0[place(raw, path, span.origin)] =
            Some(Prototype { path: path.number, name, kind, error, span: *span, statement });
    }
}

fn place(raw: &RawSpan<'_>, path: Path, origin: OriginRef) -> usize {
    let mut hasher = FxHasher::default();
    (path.number, origin.0, raw.kind, raw.error, raw.name.len()).hash(&mut hasher);
    hasher.finish() as usize % SLOTS
}

/// The text of a statement, found without all other attributes.
#[inline]
pub(super) fn text_of<'a>(raw: &RawSpan<'a>) -> Option<&'a [u8]> {
    TEXTS.into_iter().find_map(|wanted| {
        let first = raw.attributes.iter().find(|(key, _)| *key == wanted)?;
        match first.1 {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use detectors::evidence::Dictionary;

    use super::super::Typing;
    use super::*;

    /// Types a span after another one with the same path, and by itself: the same comes out. Whether the first one served.
    fn follows(first: (&str, &[(Key, &str)]), second: (&str, &[(Key, &str)]), varying: &[Key]) -> bool {
        let dictionary = Mutex::new(Dictionary::default());
        let mut typing = Typing::new(&dictionary, 7);
        let origin = typing.origin(&[(Key::ServiceName, Value::Text(b"shop"))], b"");
        let path = Path { number: 5, varying: Keys::of(varying) };
        let typed = |typing: &mut Typing<'_>, (name, told): (&str, &[(Key, &str)]), path| {
            let attributes: Vec<_> =
                told.iter().map(|(key, text)| (*key, Value::Text(text.as_bytes()))).collect();
            let (name, attributes) = (name.as_bytes(), &*attributes);
            let raw = RawSpan {
                trace: 1,
                id: 9,
                start_ns: 5,
                end_ns: 8,
                kind: 3,
                name,
                attributes,
                ..RawSpan::default()
            };
            let served = typing.prototypes.get(&raw, path, origin).is_some();
            (typing.familiar_span(&raw, path, origin), served)
        };
        typed(&mut typing, first, path);
        let (familiar, served) = typed(&mut typing, second, path);
        assert_eq!(familiar, typed(&mut typing, second, Path::default()).0, "{first:?} {second:?}");
        served
    }

    #[test]
    fn statements_are_their_own() {
        let told = |text: &'static str| {
            [(Key::DbSystem, "postgresql"), (Key::Statement, text), (Key::DbName, "shop")]
        };
        let varying = [Key::Statement];
        let first = told("SELECT * FROM orders WHERE id = 1");
        for (text, serves) in [
            ("SELECT * FROM orders WHERE id = 2", true),
            ("INSERT INTO orders VALUES (1, 2)", true),
            ("", true),
            ("connect", true),
            ("/* nothing but this */", true),
        ] {
            assert_eq!(follows(("query", &first), ("query", &told(text)), &varying), serves, "{text}");
        }
        // The first one was told by its name alone.
        for text in ["", "/* nothing but this */"] {
            assert!(!follows(("SELECT shop", &told(text)), ("SELECT shop", &first), &varying));
        }
        assert!(!follows(("query", &first), ("prepare query", &first), &varying));
        assert!(follows(("prepare query", &first), ("prepare query", &told("SELECT 1")), &[]));
    }

    #[test]
    fn what_decided_must_be_the_same() {
        let told = |url: &'static str, target: &'static str| {
            [(Key::HttpMethod, "GET"), (Key::HttpUrl, url), (Key::HttpTarget, target)]
        };
        let (one, other) = (told("http://a/x/1", "/x/1"), told("http://b/y/2", "/y/2"));
        assert!(!follows(("GET", &one), ("GET", &other), &[Key::HttpUrl]));
        // Nobody asked for the status of a database.
        assert!(follows(("GET", &one), ("GET", &one), &[Key::DbStatusCode]));
        let parameters = |value: &'static str| {
            [(Key::DbSystem, "postgresql"), (Key::Statement, "SELECT ?"), (Key::QueryParameter, value)]
        };
        let (one, other) = (parameters("1"), parameters("2"));
        assert!(!follows(("q", &one), ("q", &other), &[Key::Statement, Key::QueryParameter]));
    }
}
