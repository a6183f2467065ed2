//! From a raw span to a typed one: the only place that knows what attributes mean.

mod connection;
pub(crate) mod content;
mod database;
mod documents;
mod entry;
mod fields;
mod http;
mod location;
mod logged;
mod messaging;
mod origin;
mod prototypes;
mod remembered;
mod shaping;

use std::sync::Mutex;

use detectors::evidence::shape::sql::Alike;
use detectors::evidence::{
    CacheResult, Dictionary, Kind, Origin, OriginRef, Recorder, Role, ShapeRef, Span, Status, Symbol,
    UNKNOWN, Values,
};
use rustc_hash::FxHashMap;

use self::fields::Fields;
pub use self::logged::{Comment, ReadStatement};
use self::messaging::Handling;
pub(in crate::ingest) use self::origin::Library;
use self::prototypes::{Made, Prototypes};
pub(in crate::ingest) use self::prototypes::{Prototype, Told};
use self::shaping::{Call, Shaping};
use super::attributes::Key;
use super::familiar::{Keys, Path};
use super::interning::Local;
use super::raw::{RawSpan, Value};
use super::texts::KeptTexts;

/// What one worker needs to type spans: its dictionary, lexer and scratch space.
#[derive(Debug)]
pub struct Typing<'r> {
    local: Local<'r>,
    shapes: Shaping,
    libraries: FxHashMap<OriginRef, Library>,
    /// The last origin that was asked for: spans of one come together.
    last: (OriginRef, Library),
    scratch: Vec<u8>,
    prototypes: Prototypes,
    /// The text that made the shape of the last span, if it was one and nothing else.
    told: Option<Told>,
}

impl<'r> Typing<'r> {
    /// Ready for the first span. `values_key` keys the hashes of literals.
    pub fn new(shared: &'r Mutex<Dictionary>, values_key: u64) -> Self {
        Self {
            local: Local::new(shared),
            shapes: Shaping::new(values_key),
            libraries: FxHashMap::default(),
            last: Default::default(),
            scratch: Vec::new(),
            prototypes: Prototypes::new(),
            told: None,
        }
    }

    /// Keeps whole texts of statements from here on.
    pub fn keep_texts(&mut self) {
        self.shapes.texts = Some(KeptTexts::default());
    }

    /// Whether whole texts of statements are kept.
    pub(super) fn keeps_texts(&self) -> bool {
        self.shapes.texts.is_some()
    }

    /// The texts that were kept.
    pub fn into_texts(self) -> Option<KeptTexts> {
        self.shapes.texts
    }

    /// Interns who recorded spans: resource attributes and the name of the instrumentation scope.
    /// Asked once for each scope of each message, not for each span.
    pub fn origin(&mut self, resource: &[(Key, Value<'_>)], scope: &[u8]) -> OriginRef {
        self.origin_of(resource, scope, Recorder::Tracing)
    }

    /// As [`Typing::origin`], for what was recorded in another way.
    pub(super) fn origin_of(
        &mut self,
        resource: &[(Key, Value<'_>)],
        scope: &[u8],
        recorder: Recorder,
    ) -> OriginRef {
        let origin = Origin { recorder, ..origin::origin(resource, scope, &mut self.local) };
        let origin = self.local.origin_ref(origin);
        let library = Library::of(scope);
        if library != Library::Other {
            self.libraries.insert(origin, library);
        }
        origin
    }

    /// Types one span.
    pub fn span(&mut self, raw: &RawSpan<'_>, origin: OriginRef) -> Span {
        self.typed(raw, &Fields::new(raw.attributes), origin)
    }

    /// Types one span as [`Typing::span`] does; like the last one with this path where nothing else speaks.
    #[inline]
    pub(super) fn familiar_span(&mut self, raw: &RawSpan<'_>, path: Path, origin: OriginRef) -> Span {
        if !path.is_known() {
            return self.span(raw, origin);
        }
        let library = self.library(origin);
        // Lent, as the rest is needed, too.
        let prototypes = std::mem::take(&mut self.prototypes);
        let like = prototypes.get(raw, path, library).and_then(|prototype| {
            let mut span = prototype.span_of(raw, origin);
            self.like(prototype, raw.attributes, &mut span).map(|()| span)
        });
        self.prototypes = prototypes;
        if let Some(span) = like {
            return span;
        }
        let fields = Fields::new(raw.attributes);
        self.told = None;
        let span = self.typed(raw, &fields, origin);
        self.prototypes.put(raw, path, library, fields.asked(), self.told.take(), &span);
        span
    }

    /// What was noted for a span that was typed.
    pub(super) fn prototype(
        &mut self,
        raw: &RawSpan<'_>,
        path: Path,
        origin: OriginRef,
    ) -> Option<&Prototype> {
        let library = self.library(origin);
        self.prototypes.get(raw, path, library)
    }

    /// Notes what a span has of its own in a span that is else like the prototype. `None` where that says something else.
    #[inline]
    pub(super) fn like(
        &mut self,
        prototype: &Prototype,
        attributes: &[(Key, Value<'_>)],
        span: &mut Span,
    ) -> Option<()> {
        if !prototype.counts.is_empty() {
            note_counts(attributes, prototype.counts, span)?;
        }
        if let Some(told) = &prototype.told {
            self.by_text(told, told.text_of(attributes)?, span)?;
        }
        Some(())
    }

    /// How statements are alike that are like one which was typed just now.
    pub(super) fn alike(&self, told: &Told, text: &[u8]) -> Option<Alike> {
        match told.made {
            Made::Statement(dialect) => self.shapes.alike(text, dialect),
            _ => None,
        }
    }

    /// A span was not typed whose statement is alike.
    pub(super) fn pass(&mut self, alike: &Alike) {
        self.shapes.pass(alike);
    }

    /// Notes what the text of a span says. `None` where something else of the span decides.
    #[inline]
    fn by_text(&mut self, told: &Told, text: &[u8], span: &mut Span) -> Option<()> {
        match &told.made {
            Made::Statement(_) | Made::Command(_) if database::is_connect(text) => return None,
            Made::Statement(dialect) => {
                self.shapes.statement(&mut self.local, text, *dialect, None, span);
                // It may hold nothing but comments.
                return (span.shape != ShapeRef::default()).then_some(());
            }
            Made::Command(together) => self.command_of(together, text, span),
            Made::Call { method, tells_server } => {
                if *tells_server {
                    span.target = Some(shaping::host_of(text))
                        .filter(|host| !host.is_empty())
                        .map(|host| self.local.symbol(host))?;
                }
                let call = Call { method, url: text, ..Call::default() };
                (span.shape, span.values) = self.shapes.call(&mut self.local, &call);
            }
            Made::Endpoint(method) => {
                span.shape = self.shapes.endpoint_by_path(&mut self.local, method, text);
            }
        }
        Some(())
    }

    fn typed(&mut self, raw: &RawSpan<'_>, fields: &Fields<'_>, origin: OriginRef) -> Span {
        let library = self.library(origin);
        let mut span = Span {
            id: raw.id,
            parent: raw.parent,
            start_ns: raw.start_ns,
            end_ns: raw.end_ns.max(raw.start_ns),
            origin,
            role: role(raw.kind),
            status: if raw.error { Status::Error } else { Status::Ok },
            values: Values::UNKNOWN,
            rows: UNKNOWN,
            response_bytes: UNKNOWN,
            thread: thread(fields.number([Key::ThreadId])),
            repeats: 1,
            location: location::location(fields, &mut self.local, &mut self.scratch),
            ..Span::default()
        };
        match span.role {
            Role::Server => self.server_entry(raw, fields, &mut span),
            Role::Consumer => self.consumer_entry(raw, fields, library, &mut span),
            _ => self.operation(raw, fields, library, &mut span),
        }
        if let Some(count @ 2..) = fields.number([Key::CompositeCount]) {
            // What else the span says is of its first call.
            (span.repeats, span.composite, span.values) = (saturated(Some(count)), true, Values::UNKNOWN);
            span.rows = UNKNOWN;
        }
        span
    }

    /// What recorded spans of an origin.
    #[inline]
    pub(super) fn library(&mut self, origin: OriginRef) -> Library {
        if self.last.0 != origin {
            self.last = (origin, self.libraries.get(&origin).copied().unwrap_or_default());
        }
        self.last.1
    }

    /// Types a span that is no entry by its kind, by what its attributes are about.
    fn operation(&mut self, raw: &RawSpan<'_>, fields: &Fields<'_>, library: Library, span: &mut Span) {
        if span.role == Role::Internal && self.test_entry(raw, fields, span) {
            return;
        }
        let text = fields.text(prototypes::TEXTS);
        let has_text = text.is_some_and(|text| !database::is_connect(text));
        if !has_text && let Some(kind) = connection::of(raw.name, library) {
            return self.connection(kind, fields, span);
        }
        let handling = messaging::handling(fields);
        match fields.text([Key::DbSystemName, Key::DbSystem]) {
            Some(system) => self.database(raw, fields, system, span),
            None if has_text => self.database(raw, fields, b"", span),
            None if library == Library::InProcess => self.internal(raw, fields, library, span),
            None if span.role == Role::Producer || handling == Some(Handling::Publish) => {
                self.publish(raw, fields, library, span);
            }
            None if handling == Some(Handling::Receive) || handling == Some(Handling::Settle) => {
                self.ask_broker(handling.unwrap_or(Handling::Receive), fields, span);
            }
            None if fields.has(Key::RpcSystem) => self.rpc_call(raw, fields, span),
            None if span.role == Role::Client && http::is_call(fields) => self.http_call(fields, span),
            None if span.role == Role::Client => self.unknown_call(raw, fields, span),
            None => self.internal(raw, fields, library, span),
        }
    }

    fn connection(&mut self, kind: Kind, fields: &Fields<'_>, span: &mut Span) {
        span.kind = kind;
        span.target = self.database_target(fields);
        span.shape = match kind {
            Kind::PoolWait => self.shapes.operation(&mut self.local, b"wait for a connection", b""),
            _ => self.shapes.operation(&mut self.local, b"connect", connection::name_of_target(fields)),
        };
    }

    fn internal(&mut self, raw: &RawSpan<'_>, fields: &Fields<'_>, library: Library, span: &mut Span) {
        span.cache = database::cache_result(fields);
        let serves = fields.has(Key::HttpRequestMethod) || fields.has(Key::HttpMethod);
        if library == Library::Files {
            span.kind = Kind::File;
            span.shape = self.shapes.operation(&mut self.local, raw.name, b"");
        } else if span.cache != CacheResult::Unknown {
            span.kind = Kind::Cache;
            span.shape = self.shapes.operation(&mut self.local, raw.name, b"");
        } else if fields.has(Key::JobSystem) || library == Library::Jobs {
            self.job_entry(raw, span);
        } else if serves {
            // A framework's span for the request it handles: an endpoint where no entry says so.
            self.http_endpoint(fields, span);
        }
        span.name = self.name(raw.name);
    }

    /// The name of a span of the process itself, without the ids in it.
    fn name(&mut self, name: &[u8]) -> Symbol {
        if !name.iter().any(|byte| byte.is_ascii_digit() || *byte == b'@') {
            return self.local.symbol(&name[..name.len().min(shaping::NAME_MAX)]);
        }
        self.scratch.clear();
        shaping::push_without_ids(name, &mut self.scratch);
        self.local.symbol(&self.scratch)
    }

    fn push_number(&mut self, number: u64) {
        let mut digits = [0; 20];
        let mut first = digits.len();
        let mut rest = number;
        while rest > 0 || first == digits.len() {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.scratch.extend_from_slice(&digits[first..]);
    }
}

fn role(kind: u8) -> Role {
    match kind {
        2 => Role::Server,
        3 => Role::Client,
        4 => Role::Producer,
        5 => Role::Consumer,
        _ => Role::Internal,
    }
}

/// A count or size of 32 bits; what is larger than that is as large as can be told.
pub(super) fn saturated(number: Option<u64>) -> u32 {
    number.map_or(UNKNOWN, |number| number.min(u64::from(UNKNOWN - 1)) as u32)
}

/// A thread's number in 32 bits; those of Python are addresses.
fn thread(number: Option<u64>) -> u32 {
    number.map_or(UNKNOWN, |number| ((number ^ (number >> 32)) as u32).min(UNKNOWN - 1))
}

/// Notes counts of these keys as typing does: the first under each key. `None` where one of them is no number.
fn note_counts(attributes: &[(Key, Value<'_>)], keys: Keys, span: &mut Span) -> Option<()> {
    for (key, value) in attributes.iter().rev().filter(|(key, _)| keys.has(*key)) {
        let number = Some(fields::number_of(*value)?);
        match key {
            Key::ThreadId => span.thread = thread(number),
            Key::Rows => span.rows = saturated(number),
            _ => span.response_bytes = saturated(number),
        }
    }
    Some(())
}
