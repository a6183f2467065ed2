//! From texts to interned shapes.

use detectors::evidence::shape::sql::{Dialect, Lexer};
use detectors::evidence::shape::{Family, Shape, ShapeId};
use detectors::evidence::{ShapeRef, Span, Values};

use crate::ingest::interning::Local;

/// Longest text of a shape that is not a statement; the rest is cut off.
const TEXT_MAX: usize = 300;

/// The parts of a URL that matter here.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Url<'a> {
    pub(super) host: &'a [u8],
    pub(super) path: &'a [u8],
    pub(super) query: &'a [u8],
}

impl<'a> Url<'a> {
    /// Takes a whole URL apart; whatever is not one has no parts.
    pub(super) fn parse(text: &'a [u8]) -> Self {
        let Some(scheme) = text.windows(3).position(|bytes| bytes == b"://") else { return Self::default() };
        let rest = &text[scheme + 3..];
        let ends = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(ends);
        let host = authority.rsplit(|&byte| byte == b'@').next().unwrap_or(authority);
        let Self { path, query, .. } = Self::of_target(rest);
        Self { host, path: if path.is_empty() { b"/" } else { path }, query }
    }

    /// Takes path and query apart.
    pub(super) fn of_target(text: &'a [u8]) -> Self {
        let text = text.split(|&byte| byte == b'#').next().unwrap_or_default();
        match text.iter().position(|&byte| byte == b'?') {
            Some(mark) => Self { host: b"", path: &text[..mark], query: &text[mark + 1..] },
            None => Self { host: b"", path: text, query: b"" },
        }
    }
}

/// Makes shapes out of texts and knows which ones it made.
#[derive(Debug)]
pub(super) struct Shaping {
    values_key: u64,
    lexer: Lexer,
    scratch: Vec<u8>,
}

impl Shaping {
    pub(super) fn new(values_key: u64) -> Self {
        Self { values_key, lexer: Lexer::new(values_key), scratch: Vec::new() }
    }

    /// A keyed hash of a value.
    pub(super) fn hash(&self, value: &[u8]) -> u64 {
        fold(self.values_key ^ START, value)
    }

    /// Notes the shape of a statement and what is known of its values; bound parameters count as values.
    pub(super) fn statement(
        &self,
        local: &mut Local<'_>,
        text: &[u8],
        dialect: Dialect,
        parameters: Option<&[u8]>,
        span: &mut Span,
    ) {
        let scanned = self.lexer.scan(text, dialect);
        span.shape = local.shape_ref(scanned.id, || self.lexer.describe(text, dialect));
        span.values = self.lexer.values_with(&scanned, parameters);
        span.parameters = scanned.parameters();
    }

    /// The shape of an HTTP call and what is known of its values.
    pub(super) fn url(
        &mut self,
        local: &mut Local<'_>,
        method: &[u8],
        url: &Url<'_>,
        template: Option<&[u8]>,
        graphql: Option<&[u8]>,
    ) -> (ShapeRef, Values) {
        self.put(&[method]);
        self.scratch.push(b' ');
        self.scratch.extend_from_slice(url.host);
        self.scratch.extend_from_slice(template.unwrap_or(url.path));
        if let Some(name) = graphql {
            self.scratch.push(b' ');
            self.scratch.extend_from_slice(name);
        }
        let hash = fold(self.hash(url.path), url.query);
        (self.intern(local, Family::Url), Values::hashed(hash))
    }

    /// A command, method or destination, made of words.
    pub(super) fn other(&mut self, local: &mut Local<'_>, words: &[&[u8]]) -> ShapeRef {
        self.put(words);
        self.intern(local, Family::Other)
    }

    /// A span's name, where nothing else says what it does; ids in it are taken out.
    pub(super) fn name(&mut self, local: &mut Local<'_>, name: &[u8]) -> ShapeRef {
        self.scratch.clear();
        push_without_ids(name, &mut self.scratch);
        self.intern(local, Family::Other)
    }

    /// An endpoint named by words that are no path.
    pub(super) fn endpoint_name(&mut self, local: &mut Local<'_>, words: &[&[u8]]) -> ShapeRef {
        self.put(words);
        self.intern(local, Family::Endpoint)
    }

    /// An endpoint named by the span's name; ids in it are taken out.
    pub(super) fn endpoint_of_name(&mut self, local: &mut Local<'_>, name: &[u8]) -> ShapeRef {
        self.scratch.clear();
        push_without_ids(name, &mut self.scratch);
        self.intern(local, Family::Endpoint)
    }

    /// An endpoint named by method and route.
    pub(super) fn endpoint_of_route(
        &mut self,
        local: &mut Local<'_>,
        method: &[u8],
        route: &[u8],
    ) -> ShapeRef {
        self.endpoint_name(local, &[method, route])
    }

    /// An endpoint named by method and path.
    pub(super) fn endpoint_of_path(&mut self, local: &mut Local<'_>, method: &[u8], path: &[u8]) -> ShapeRef {
        self.endpoint_name(local, &[method, path])
    }

    fn put(&mut self, words: &[&[u8]]) {
        self.scratch.clear();
        for word in words.iter().filter(|word| !word.is_empty()) {
            if !self.scratch.is_empty() {
                self.scratch.push(b' ');
            }
            self.scratch.extend_from_slice(word);
        }
    }

    fn intern(&mut self, local: &mut Local<'_>, family: Family) -> ShapeRef {
        if self.scratch.is_empty() {
            return ShapeRef::default();
        }
        self.scratch.truncate(TEXT_MAX);
        let id = ShapeId { family, hash: fold(START, &self.scratch) };
        local.shape_ref(id, || Shape { id, text: String::from_utf8_lossy(&self.scratch).into(), facts: None })
    }
}

/// FNV-1a, of which the id of a shape is made: the same everywhere.
const START: u64 = 0xcbf2_9ce4_8422_2325;

fn fold(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Copies a name; words that look like an id become `?`.
pub(super) fn push_without_ids(name: &[u8], out: &mut Vec<u8>) {
    let name = &name[..name.len().min(TEXT_MAX)];
    let mut rest = name;
    while !rest.is_empty() {
        let ends = rest.iter().position(|byte| is_separator(*byte)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(ends);
        if looks_like_id(word) {
            out.push(b'?');
        } else {
            out.extend_from_slice(word);
        }
        let separators = after.iter().take_while(|byte| is_separator(**byte)).count();
        out.extend_from_slice(&after[..separators]);
        rest = &after[separators..];
    }
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"/:=,;()[]{}<>\"'#?&@|".contains(&byte)
}

/// Four digits in a row, or a long word of hex digits.
fn looks_like_id(word: &[u8]) -> bool {
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let hex = word.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    word.windows(4).any(|four| four.iter().all(u8::is_ascii_digit)) || (hex && word.len() >= 16 && digits > 0)
}
