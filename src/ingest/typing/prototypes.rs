//! Spans that differ in their ids, their times and perhaps their statement only: typed once, then copied.

use std::hash::{Hash, Hasher};

use detectors::evidence::shape::sql::Dialect;
use detectors::evidence::{OriginRef, Span};
use rustc_hash::FxHasher;

use super::origin::Library;
use crate::ingest::attributes::Key;
use crate::ingest::familiar::{Keys, Path};
use crate::ingest::raw::{RawSpan, Value};

/// A power of two: a quarter of a megabyte.
const SLOTS: usize = 1024;

/// Longer names of spans are not remembered.
const NAME_MAX: usize = 256;

/// Keys under which the text of a statement is, in the order in which they count.
pub(super) const TEXTS: [Key; 2] = [Key::QueryText, Key::Statement];

/// Keys of counts that a span has of its own and that decide nothing else.
const COUNTS: [Key; 4] = [Key::ThreadId, Key::Rows, Key::ResponseBodySize, Key::OldResponseBodySize];

/// The last span for each hash of what it says beside ids, times and values that vary.
#[derive(Debug, Default)]
pub(super) struct Prototypes(Vec<Option<Noted>>);

#[derive(Debug, Clone)]
struct Noted {
    path: u32,
    library: Library,
    name: Box<[u8]>,
    kind: u8,
    error: bool,
    prototype: Prototype,
}

/// What spans have in common, and what each of them has of its own.
#[derive(Debug, Clone)]
pub(in crate::ingest) struct Prototype {
    pub(super) span: Span,
    /// The text that each has of its own.
    pub(super) told: Option<Told>,
    /// Keys of counts that each has of its own.
    pub(super) counts: Keys,
}

/// A text that decides about a span, and nothing else but what is the same.
#[derive(Debug, Clone)]
pub(in crate::ingest) struct Told {
    /// The attribute that it is in.
    pub(super) key: Key,
    pub(super) made: Made,
}

/// What is made of the text.
#[derive(Debug, Clone)]
pub(super) enum Made {
    /// The shape of a statement in this language.
    Statement(Dialect),
    /// The pattern of a command to a cache, which is sent together with others in this way.
    Command(Box<[u8]>),
    /// The template of a call with this method to a URL, and the server where nothing else tells it.
    Call { method: Box<[u8]>, tells_server: bool },
    /// The template of an endpoint with this method by its path.
    Endpoint(Box<[u8]>),
}

impl Prototype {
    /// A span that was typed by `asked`, if nothing that varies decided but a text and counts.
    fn of(raw: &RawSpan<'_>, varying: Keys, asked: Keys, told: Option<Told>, span: &Span) -> Option<Self> {
        let varying = varying.and(asked);
        let told = told.filter(|told| varying.has(told.key));
        let counts = told.iter().fold(varying, |keys, told| keys.without(Keys::of(&[told.key])));
        let sizes = counts.and(Keys::of(&COUNTS[2..]));
        // One size may be told under two keys.
        let is_clear = counts.without(Keys::of(&COUNTS)).is_empty() && sizes != Keys::of(&COUNTS[2..]);
        let fits = is_clear && raw.name.len() <= NAME_MAX && !span.composite;
        fits.then_some(Self { span: *span, told, counts })
    }

    /// A span like this with the ids and times of another one.
    #[inline(always)]
    pub(in crate::ingest) fn span_of(&self, raw: &RawSpan<'_>, origin: OriginRef) -> Span {
        let RawSpan { id, parent, start_ns, .. } = *raw;
        Span { id, parent, start_ns, end_ns: raw.end_ns.max(start_ns), origin, ..self.span }
    }

    /// The text that is all that each has of its own, if it has one; `None` where each has counts as well.
    #[inline]
    pub(in crate::ingest) fn only_text(&self) -> Option<Option<&Told>> {
        self.counts.is_empty().then_some(self.told.as_ref())
    }

    /// Whether each value of its own is the only one under its key.
    pub(in crate::ingest) fn is_told_once(&self, attributes: &[(Key, Value<'_>)]) -> bool {
        let own = self.told.iter().fold(self.counts, |keys, told| keys.with(told.key));
        attributes.iter().filter(|(key, _)| own.has(*key)).count() == own.len()
    }
}

impl Told {
    /// Whether it is a statement of which the shape is noted.
    #[inline]
    pub(in crate::ingest) fn is_statement(&self) -> bool {
        matches!(self.made, Made::Statement(_))
    }

    /// The attribute that it is in.
    pub(in crate::ingest) fn key(&self) -> Key {
        self.key
    }

    /// The text of a span, found without all other attributes; `None` where it is empty or no text.
    #[inline]
    pub(in crate::ingest) fn text_of<'a>(&self, attributes: &[(Key, Value<'a>)]) -> Option<&'a [u8]> {
        let first = attributes.iter().find(|(key, _)| *key == self.key)?;
        match first.1 {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

impl Prototypes {
    pub(super) fn new() -> Self {
        Self(vec![None; SLOTS])
    }

    /// What was noted for a span like this.
    #[inline]
    pub(super) fn get(&self, raw: &RawSpan<'_>, path: Path, library: Library) -> Option<&Prototype> {
        let found = self.0.get(place(raw, path, library))?.as_ref()?;
        let is_like = found.path == path.number
            && found.library == library
            && (found.kind, found.error) == (raw.kind, raw.error)
            && *found.name == *raw.name;
        is_like.then_some(&found.prototype)
    }

    /// Notes a span that was typed by `asked` where others with its path are like it.
    pub(super) fn put(
        &mut self,
        raw: &RawSpan<'_>,
        path: Path,
        library: Library,
        asked: Keys,
        told: Option<Told>,
        span: &Span,
    ) {
        let Some(prototype) = Prototype::of(raw, path.varying, asked, told, span) else { return };
        let (name, kind, error) = (raw.name.into(), raw.kind, raw.error);
        self.0[place(raw, path, library)] =
            Some(Noted { path: path.number, library, name, kind, error, prototype });
    }
}

fn place(raw: &RawSpan<'_>, path: Path, library: Library) -> usize {
    let mut hasher = FxHasher::default();
    (path.number, library as u8, raw.kind, raw.error, raw.name.len()).hash(&mut hasher);
    hasher.finish() as usize % SLOTS
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
            let served = typing.prototypes.get(&raw, path, Library::Other).is_some();
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
        // The URL tells shape, values and server; the target is not asked for beside it.
        assert!(follows(("GET", &one), ("GET", &other), &[Key::HttpUrl, Key::HttpTarget]));
        assert!(!follows(("GET", &one), ("GET", &other), &[Key::HttpUrl, Key::HttpMethod]));
        // Nobody asked for the status of a database.
        assert!(follows(("GET", &one), ("GET", &one), &[Key::DbStatusCode]));
        let parameters = |value: &'static str| {
            [(Key::DbSystem, "postgresql"), (Key::Statement, "SELECT ?"), (Key::QueryParameter, value)]
        };
        let (one, other) = (parameters("1"), parameters("2"));
        assert!(!follows(("q", &one), ("q", &other), &[Key::Statement, Key::QueryParameter]));
    }
}
