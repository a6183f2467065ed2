//! From texts to interned shapes.

use std::ops::Range;

use detectors::evidence::content_hash::{START, fnv_1a};
use detectors::evidence::shape::sql::{Alike, Dialect, Lexer, Recognizer, Scanned};
use detectors::evidence::shape::url::{Template, Templates};
use detectors::evidence::{ShapeId, ShapeRef, Span, Values};

use memchr::{memchr, memchr_iter, memchr2};

use super::remembered::{Found, Remembered};
use crate::ingest::interning::Local;
use crate::ingest::texts::KeptTexts;

/// Longest name of a span of the process itself; the rest is cut off.
pub(super) const NAME_MAX: usize = 300;

/// What is told of the URL of a call; empty where it is not told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Call<'a> {
    pub(super) method: &'a [u8],
    /// The whole URL.
    pub(super) url: &'a [u8],
    pub(super) scheme: &'a [u8],
    /// With the port.
    pub(super) host: &'a [u8],
    /// With the query string.
    pub(super) path: &'a [u8],
    /// The path as a template.
    pub(super) template: &'a [u8],
    /// Name of a GraphQL operation.
    pub(super) graphql: &'a [u8],
}

/// What the text of a statement in a log says, its values included.
#[derive(Debug, Clone, Copy)]
pub struct ReadStatement {
    scanned: Scanned,
    shape: ShapeRef,
}

/// Makes shapes out of texts.
#[derive(Debug)]
pub(super) struct Shaping {
    values_key: u64,
    statements: Recognizer,
    templates: Templates,
    remembered: Remembered,
    /// Whole texts of statements; `None` unless they are to be kept.
    pub(super) texts: Option<KeptTexts>,
}

impl Shaping {
    pub(super) fn new(values_key: u64) -> Self {
        let statements = Recognizer::new(Lexer::new(values_key));
        let templates = Templates::new(values_key);
        Self { values_key, statements, templates, remembered: Remembered::new(), texts: None }
    }

    /// What is known of values that are told apart from a statement.
    pub(super) fn values(&self, value: &[u8]) -> Values {
        // Which hash does not matter, as these are compared among themselves only.
        Values::hashed(fnv_1a(self.values_key ^ START, value.iter().copied()))
    }

    /// How statements are alike that are like one whose shape was noted just now, unless their texts are kept.
    pub(super) fn alike(&self, text: &[u8], dialect: Dialect) -> Option<Alike> {
        if self.texts.is_some() { None } else { self.statements.alike(text, dialect) }
    }

    /// A statement that is alike was not looked at.
    pub(super) fn pass(&mut self, alike: &Alike) {
        self.statements.pass(alike);
    }

    /// Notes the shape of a statement that a log tells of, as [`Self::statement`] does, unless there are too many of
    /// them.
    pub(super) fn logged_statement(
        &mut self,
        local: &mut Local<'_>,
        text: &[u8],
        dialect: Dialect,
        parameters: Option<&[u8]>,
        span: &mut Span,
    ) {
        let took_ns = span.end_ns - span.start_ns;
        self.shaped(text, dialect, parameters, span, |id, lexer| match id == ShapeId::default() {
            true => ShapeRef::default(),
            false => local.executed_ref(id, took_ns, || lexer.describe(text, dialect)),
        });
    }

    /// Notes the shape of a statement and what is known of its values; bound parameters count as values.
    pub(super) fn statement(
        &mut self,
        local: &mut Local<'_>,
        text: &[u8],
        dialect: Dialect,
        parameters: Option<&[u8]>,
        span: &mut Span,
    ) {
        self.shaped(text, dialect, parameters, span, |id, lexer| {
            local.shape_ref(id, || lexer.describe(text, dialect))
        });
    }

    /// Notes what a statement's text tells, with the reference that it is given.
    fn shaped(
        &mut self,
        text: &[u8],
        dialect: Dialect,
        parameters: Option<&[u8]>,
        span: &mut Span,
        refer: impl FnOnce(ShapeId, &Lexer) -> ShapeRef,
    ) {
        let scanned = self.statements.scan(text, dialect);
        let shape = refer(scanned.id, self.statements.lexer());
        self.note(&ReadStatement { scanned, shape }, text, dialect, parameters, span);
    }

    /// What a text says of a statement that is executed again and again: that of one that is described.
    pub(super) fn read_statement(
        &mut self,
        local: &Local<'_>,
        text: &[u8],
        dialect: Dialect,
    ) -> Option<ReadStatement> {
        let scanned = self.statements.scan(text, dialect);
        let shape = local.described_ref(scanned.id)?;
        Some(ReadStatement { scanned, shape })
    }

    /// Notes what [`Self::logged_statement`] does of a text that was read before.
    #[inline]
    pub(super) fn repeated_statement(
        &mut self,
        local: &mut Local<'_>,
        read: &ReadStatement,
        (text, dialect): (&[u8], Dialect),
        parameters: Option<&[u8]>,
        span: &mut Span,
    ) {
        local.executed_again(span.end_ns - span.start_ns);
        self.note(read, text, dialect, parameters, span);
    }

    /// Notes what was read of a statement's text.
    #[inline]
    fn note(
        &mut self,
        ReadStatement { scanned, shape }: &ReadStatement,
        text: &[u8],
        dialect: Dialect,
        parameters: Option<&[u8]>,
        span: &mut Span,
    ) {
        span.shape = *shape;
        span.values = self.statements.lexer().values_with(scanned, parameters);
        span.parameters = scanned.parameters();
        if let Some(texts) = self.texts.as_mut().filter(|_| !scanned.truncated) {
            texts.note_text(span, (text, dialect), scanned.placeholders > 0, parameters);
        }
    }

    /// The shape of an HTTP call and what is known of its values.
    pub(super) fn call(&mut self, local: &mut Local<'_>, call: &Call<'_>) -> (ShapeRef, Values) {
        let Call { method, url, scheme, host, path, template, graphql } = *call;
        if !url.is_empty() && template.is_empty() && graphql.is_empty() {
            return self.call_to(local, method, url.trim_ascii());
        }
        if let Some(found) = self.remembered.get(b'c', [method, url, scheme, host, path, template, graphql]) {
            return found;
        }
        let found = self.new_call(local, call);
        self.remembered.put(found);
        found
    }

    /// The shape of a call to a whole URL.
    fn call_to(&mut self, local: &mut Local<'_>, method: &[u8], url: &[u8]) -> (ShapeRef, Values) {
        let found = self.remembered.get_url(b'u', method, url, path_of_url(url));
        match found {
            Some(Found { shape, by_numbers: true, .. }) => {
                return (shape, self.templates.values_of(self.remembered.numbers(url)));
            }
            Some(Found { shape, values, .. }) => return (shape, values),
            None => {}
        }
        let numbers = self.remembered.numbers(url).len();
        let template = self.templates.call(method, url);
        let taken = template.taken as usize;
        let (shape, values) = intern(local, template);
        let by_numbers = numbers > 0 && values.is_known();
        // Where other values are among them, the numbers alone do not tell.
        if !by_numbers || taken == numbers {
            self.remembered.note(Found { shape, values, by_numbers });
        }
        (shape, values)
    }

    fn new_call(&mut self, local: &mut Local<'_>, call: &Call<'_>) -> (ShapeRef, Values) {
        let Call { method, url, scheme, host, path, template, graphql } = *call;
        let templates = &mut self.templates;
        if !graphql.is_empty() {
            return intern(
                local,
                templates.graphql(method, if url.is_empty() { path } else { url }, graphql),
            );
        }
        let plain = match url {
            b"" => templates.call_in_parts(method, scheme, host, path),
            _ => templates.call(method, url),
        };
        if template.is_empty() {
            return intern(local, plain);
        }
        // What fills the template is a value, though it may look like a word.
        let known = plain.values.is_known();
        let values =
            if known { self.values(if url.is_empty() { path } else { url }) } else { Values::UNKNOWN };
        let shape = intern_named(local, self.templates.call_by_template(method, scheme, host, template));
        (shape, values)
    }

    /// The shape of a remote procedure call.
    pub(super) fn rpc(&mut self, local: &mut Local<'_>, service: &[u8], method: &[u8]) -> ShapeRef {
        intern(local, self.templates.rpc_call(service, method)).0
    }

    /// The shape of a message that is handed over, asked for or settled.
    pub(super) fn message(
        &mut self,
        local: &mut Local<'_>,
        operation: &[u8],
        destination: &[u8],
    ) -> ShapeRef {
        intern(local, self.templates.message_sent(operation, destination)).0
    }

    /// The shape of any other operation, by its name and what it is done to.
    pub(super) fn operation(&mut self, local: &mut Local<'_>, operation: &[u8], object: &[u8]) -> ShapeRef {
        if let Some((shape, _)) = self.remembered.get(b'o', [operation, object]) {
            return shape;
        }
        let found = intern(local, self.templates.operation(operation, object));
        self.remembered.put(found);
        found.0
    }

    /// An endpoint by method and route.
    pub(super) fn endpoint_by_route(
        &mut self,
        local: &mut Local<'_>,
        method: &[u8],
        route: &[u8],
    ) -> ShapeRef {
        if let Some((shape, _)) = self.remembered.get(b'r', [method, route]) {
            return shape;
        }
        let shape = intern_named(local, self.templates.endpoint_by_route(method, route));
        self.remembered.put((shape, Values::UNKNOWN));
        shape
    }

    /// An endpoint by method and path or URL.
    pub(super) fn endpoint_by_path(&mut self, local: &mut Local<'_>, method: &[u8], path: &[u8]) -> ShapeRef {
        // What else is in a URL does not matter.
        let own = &path[path_of_endpoint(path)];
        if let Some(found) = self.remembered.get_url(b'p', method, own, 0..own.len()) {
            return found.shape;
        }
        let found = intern(local, self.templates.endpoint_by_path(method, path));
        self.remembered.put(found);
        found.0
    }

    /// An endpoint by service and method.
    pub(super) fn endpoint_by_rpc(
        &mut self,
        local: &mut Local<'_>,
        service: &[u8],
        method: &[u8],
    ) -> ShapeRef {
        intern_named(local, self.templates.endpoint_by_rpc(service, method))
    }

    /// An endpoint by what is done and to messages or jobs of what name.
    pub(super) fn endpoint_by_message(
        &mut self,
        local: &mut Local<'_>,
        operation: &[u8],
        destination: &[u8],
    ) -> ShapeRef {
        intern_named(local, self.templates.endpoint_by_message(operation, destination))
    }

    /// A test by the name of its file, where that does not belong to its own, and by its own.
    pub(super) fn test_by_name(&mut self, local: &mut Local<'_>, file: &[u8], name: &[u8]) -> ShapeRef {
        intern_named(local, self.templates.test_by_name(file, name))
    }

    /// An endpoint of which only the name of its span is told.
    pub(super) fn endpoint_by_name(&mut self, local: &mut Local<'_>, name: &[u8]) -> ShapeRef {
        intern_named(local, self.templates.endpoint_by_name(name))
    }
}

fn intern(local: &mut Local<'_>, template: Template<'_>) -> (ShapeRef, Values) {
    if template.text.is_empty() {
        return (ShapeRef::default(), Values::UNKNOWN);
    }
    (local.shape_ref(template.id, || template.shape()), template.values)
}

/// Interns the name of an endpoint or call that a framework gave.
fn intern_named(local: &mut Local<'_>, template: Template<'_>) -> ShapeRef {
    if template.text.is_empty() {
        return ShapeRef::default();
    }
    local.template_ref(template.id, || template.shape())
}

/// Where the path of a URL is, which is absolute or a path itself; its numbers are ids.
fn path_of_url(url: &[u8]) -> Range<usize> {
    let host = match behind_scheme(url) {
        None if url.starts_with(b"//") => 2,
        host => host.unwrap_or(0),
    };
    path_from(url, host)
}

/// Where the path of an endpoint is in a URL or path.
fn path_of_endpoint(url: &[u8]) -> Range<usize> {
    path_from(url, behind_scheme(url).unwrap_or(0))
}

/// Where the host begins, behind the first `://`.
fn behind_scheme(url: &[u8]) -> Option<usize> {
    memchr_iter(b':', url).map(|colon| colon + 3).find(|host| url[..*host.min(&url.len())].ends_with(b"://"))
}

/// The path behind a host that may be empty.
fn path_from(url: &[u8], host: usize) -> Range<usize> {
    let end = memchr2(b'?', b'#', &url[host..]).map_or(url.len(), |end| host + end);
    let start = memchr(b'/', &url[host..end]).map_or(end, |start| host + start);
    start..end
}

/// Host and port of a URL, without the user in front; empty if it has none.
pub(super) fn host_of(url: &[u8]) -> &[u8] {
    let Some(host) = behind_scheme(url) else { return b"" };
    let authority = url[host..].split(|byte| b"/?#".contains(byte)).next().unwrap_or_default();
    authority.rsplit(|&byte| byte == b'@').next().unwrap_or_default()
}

/// Copies a name; words that look like an id and mail addresses become `?`.
pub(super) fn push_without_ids(name: &[u8], out: &mut Vec<u8>) {
    let name = &name[..name.len().min(NAME_MAX)];
    let mut rest = name;
    let mut in_address = false;
    while !rest.is_empty() {
        let ends = rest.iter().position(|byte| is_separator(*byte)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(ends);
        let begins_address = !word.is_empty() && after.strip_prefix(b"@").is_some_and(begins_with_host);
        if in_address || begins_address || looks_like_id(word) {
            out.push(b'?');
        } else {
            out.extend_from_slice(word);
        }
        let separators = after.iter().take_while(|byte| is_separator(**byte)).count();
        out.extend_from_slice(&after[..separators]);
        rest = &after[separators..];
        in_address = begins_address;
    }
}

/// `example.com`, but not the method of `OrderController@index`.
fn begins_with_host(after: &[u8]) -> bool {
    let host = after.split(|byte| is_separator(*byte)).next().unwrap_or_default();
    host.iter().skip(1).any(|byte| *byte == b'.')
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"/:=,;()[]{}<>\"'#?&@|".contains(&byte)
}

/// Four digits in a row, a long word of hex digits, or a part such as that of a token.
fn looks_like_id(word: &[u8]) -> bool {
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let hex = word.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    word.windows(4).any(|four| four.iter().all(u8::is_ascii_digit))
        || (hex && word.len() >= 16 && digits > 0)
        || word.split(|byte| !byte.is_ascii_alphanumeric()).any(looks_like_token)
}

/// Long, with digits at several places; `convertUtf8ToUtf16` is still a name.
fn looks_like_token(part: &[u8]) -> bool {
    let runs_of_digits = part.split(|byte| !byte.is_ascii_digit()).filter(|run| !run.is_empty()).count();
    part.len() >= 16 && runs_of_digits >= 3
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use detectors::evidence::Dictionary;

    use super::*;

    /// URLs out of few parts, which differ in numbers and other values.
    fn urls() -> impl Iterator<Item = String> {
        let hosts = ["", "http://shop", "//shop", "https://u:p@shop:443", "shop.internal", "http://7", "5"];
        let first = ["", "/", "/orders", "/5", "/orders/17/", "/7d9f3a4e8b2c", "/a;v=1/2", "/{id}/4"];
        let second =
            ["", "/3", "/44", "/3x", "/jane@example.com", "/\0", "/12345678901234567890123456789012345/1"];
        let ends = ["", "?page=3&size=11", "?x=/5/", "#/6", "/?8"];
        hosts.into_iter().flat_map(move |host| {
            first.into_iter().flat_map(move |first| {
                second
                    .into_iter()
                    .flat_map(move |second| ends.map(|end| format!("{host}{first}{second}{end}")))
            })
        })
    }

    #[test]
    fn urls_that_differ_in_numbers_say_what_they_say_alone() {
        let dictionary = Mutex::new(Dictionary::default());
        let mut local = Local::new(&dictionary);
        let mut shapes = Shaping::new(5);
        for url in urls().chain(urls()) {
            for method in ["GET", "POST"] {
                let url = url.as_bytes();
                let call = Call { method: method.as_bytes(), url, ..Call::default() };
                let text = String::from_utf8_lossy(url);
                assert_eq!(
                    shapes.call(&mut local, &call),
                    Shaping::new(5).call(&mut local, &call),
                    "{method} {text}"
                );
                assert_eq!(
                    shapes.endpoint_by_path(&mut local, call.method, url),
                    Shaping::new(5).endpoint_by_path(&mut local, call.method, url),
                    "{method} {text}"
                );
            }
        }
    }

    #[test]
    fn names_lose_addresses_and_tokens_and_keep_words() {
        let cases = [
            ("send to carol.smith@mail.example.com now", "send to ?@? now"),
            ("token sk_live_4eC39HqLyjWDarjtT1zd", "token ?"),
            ("OrderController@index", "OrderController@index"),
            ("@Transactional save", "@Transactional save"),
            ("convertUtf8ToUtf16String", "convertUtf8ToUtf16String"),
        ];
        for (name, expected) in cases {
            let mut out = Vec::new();
            push_without_ids(name.as_bytes(), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
