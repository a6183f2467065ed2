//! OTLP in JSON: export requests as one document, an array, one on each line, or one after another.
//!
//! After an error reading goes on at the next object that can only be a span, a scope, a resource or a
//! request.
//!
//! Source: opentelemetry-proto `trace/v1/trace.proto` in its JSON mapping, with the older names
//! (`instrumentationLibrarySpans`), those of the proto files (`scope_spans`), and `batches` of Tempo.

mod mould;
mod span;
mod written;

pub(super) use self::mould::Mould;
pub(super) use self::written::Attribute;
use std::mem;

use detectors::evidence::TraceId;
use memchr::{memchr_iter, memmem};

use self::mould::BehindIds;
use self::span::LastIds;
use super::familiar::Path;
use super::json::scanner::{Scalar, Scan, Scanner, bad};
use super::json::{self, Decoder, Here, MARK, Walk};
use super::moulds::Fits;
use super::owner::Owner;
use super::raw::{Attributes, Found, RawSpan};
use super::{Format, Framing, Head, Reading};

/// OTLP in JSON.
pub(super) const FORMAT: Format = Format {
    name: "otlp-json",
    summary: "OpenTelemetry traces in JSON: export requests as one document, an array, or one on each line",
    sniff,
    cut: json::cut,
    decoder: |_| Box::new(Decoder::<Requests>::default()),
};

fn sniff(head: Head<'_>) -> Option<Framing> {
    let text = json::beginning(head.bytes);
    let is_json = matches!(text.first(), Some(b'{' | b'['));
    // The first line may be the end of one that was cut.
    let is_text = || !text.iter().take(64).any(|byte| byte.is_ascii_control());
    let found = is_json && has_request(text) || is_text() && has_request_line(text);
    found.then(|| json::framing(text, head.whole))
}

fn has_request(text: &[u8]) -> bool {
    let named = |key: &[u8]| {
        memmem::find_iter(text, key)
            .any(|at| at > 0 && text[at - 1] == b'"' && text.get(at + key.len()) == Some(&b'"'))
    };
    // Other formats may have attributes of the last name.
    named(b"resourceSpans") || named(b"resource_spans") || json::has_member(text, "batches", b"[")
}

fn has_request_line(text: &[u8]) -> bool {
    memchr_iter(b'\n', text).any(|end| begins_request(&text[end + 1..]))
}

/// Whether an export request begins here.
pub(super) fn begins_request(text: &[u8]) -> bool {
    matches!(Start::at(text), Ok(Some(Start::Request)))
}

/// The names of the list that makes an object a request.
const REQUEST_KEYS: [&[u8]; 3] = [b"resourceSpans", b"resource_spans", b"batches"];

/// What the lists of other signals are called: no spans, and nothing lost.
const OTHER_SIGNALS: [&[u8]; 6] = [
    b"resourceMetrics",
    b"resource_metrics",
    b"resourceLogs",
    b"resource_logs",
    b"resourceProfiles",
    b"partialSuccess",
];

/// A list or object that the decoder is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Requests,
    Request,
    Resources,
    Resource,
    Scopes,
    Scope,
    Spans,
}

/// All levels of a request, the outer ones first.
const LEVELS: [Level; 6] =
    [Level::Request, Level::Resources, Level::Resource, Level::Scopes, Level::Scope, Level::Spans];

impl Level {
    /// The object that has a member of this name.
    fn of_member(key: &[u8]) -> Option<Self> {
        match key {
            b"resourceSpans" | b"resource_spans" | b"batches" => Some(Self::Request),
            b"resource"
            | b"scopeSpans"
            | b"scope_spans"
            | b"instrumentationLibrarySpans"
            | b"instrumentation_library_spans" => Some(Self::Resource),
            b"scope" | b"spans" | b"instrumentationLibrary" | b"instrumentation_library" => Some(Self::Scope),
            _ => None,
        }
    }

    fn is_list(self) -> bool {
        matches!(self, Self::Requests | Self::Resources | Self::Scopes | Self::Spans)
    }
}

/// What an object is, told by its first key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Request,
    Resource,
    Scope,
    Span,
}

impl Start {
    /// What the object is that begins here.
    fn at(bytes: &[u8]) -> Scan<Option<Self>> {
        Ok(json::first_key(bytes)?.and_then(Self::of_key))
    }

    fn of_key(key: &[u8]) -> Option<Self> {
        const OF_SPAN: [&[u8]; 18] = [
            b"traceId",
            b"trace_id",
            b"spanId",
            b"span_id",
            b"parentSpanId",
            b"parent_span_id",
            b"traceState",
            b"trace_state",
            b"name",
            b"kind",
            b"startTimeUnixNano",
            b"start_time_unix_nano",
            b"endTimeUnixNano",
            b"end_time_unix_nano",
            b"attributes",
            b"status",
            b"flags",
            b"events",
        ];
        match Level::of_member(key) {
            Some(Level::Request) => Some(Self::Request),
            Some(Level::Resource) => Some(Self::Resource),
            Some(_) => Some(Self::Scope),
            None => OF_SPAN.contains(&key).then_some(Self::Span),
        }
    }

    /// The lists and objects around it.
    fn surroundings(self) -> &'static [Level] {
        &LEVELS[..match self {
            Self::Request => 0,
            Self::Resource => 2,
            Self::Scope => 4,
            Self::Span => 6,
        }]
    }
}

/// Where in export requests the decoder is.
#[derive(Debug, Default)]
struct Requests {
    levels: Vec<Level>,
    owner: Owner,
    ids: LastIds,
    /// Members of the request that the decoder is in, and whether one of them was known.
    members: u64,
    known: bool,
}

impl Walk for Requests {
    type Start = Start;

    fn start_at(bytes: &[u8]) -> Scan<Option<Start>> {
        Start::at(bytes)
    }

    fn span<'b>(
        start: Start,
        scanner: &mut Scanner<'b>,
        attributes: &mut Attributes<'b>,
    ) -> Option<Scan<Found<'b>>> {
        (start == Start::Span).then(|| span::span(scanner, attributes, None))
    }

    fn trace_of(bytes: &[u8]) -> Option<TraceId> {
        span::trace_of(bytes)
    }

    #[inline]
    fn step<'b>(
        &mut self,
        here: &mut Here<'_, '_>,
        scanner: &mut Scanner<'b>,
        attributes: &mut Attributes<'b>,
    ) -> Scan<()> {
        match self.levels.last() {
            Some(Level::Spans) => self.span(here, scanner, attributes),
            Some(Level::Request) => self.request_member(here, scanner),
            Some(Level::Resource) => self.resource_member(here, scanner, attributes),
            Some(Level::Scope) => self.scope_member(here, scanner),
            _ => self.element(here, scanner),
        }
    }

    fn go_on(&mut self, here: &mut Here<'_, '_>, start: Start) {
        self.move_into(here, start.surroundings());
    }

    fn leave_all(&mut self, here: &mut Here<'_, '_>) {
        while !self.levels.is_empty() {
            self.leave(here);
        }
    }

    fn is_outside(&self) -> bool {
        self.levels.is_empty()
    }

    fn is_at_spans(&self) -> bool {
        self.levels.last() == Some(&Level::Spans)
    }

    fn last_trace(&self, reading: &Reading<'_>) -> TraceId {
        self.owner.last_trace(reading)
    }

    fn end_block(&mut self, reading: &Reading<'_>, ended: bool) {
        self.owner.end_block(reading, ended);
    }
}

/// Steps over a member that nobody knows, unless it holds what the list with a damaged name would.
fn skip_member(scanner: &mut Scanner<'_>, inner: Start) -> Scan<()> {
    if scanner.peek()? == b'[' {
        let list = scanner.bytes()[scanner.at + 1..].trim_ascii_start();
        // Names and attributes have many objects, ids of spans only spans.
        let ids: [&[u8]; 2] = [b"{\"traceId\"", b"{\"trace_id\""];
        if Start::at(list)? == Some(inner) || ids.iter().any(|id| list.starts_with(id)) {
            return bad("a list of an unknown name");
        }
    }
    scanner.skip_value()
}

impl Requests {
    #[inline]
    fn span<'b>(
        &mut self,
        here: &mut Here<'_, '_>,
        scanner: &mut Scanner<'b>,
        attributes: &mut Attributes<'b>,
    ) -> Scan<()> {
        match scanner.separated()? {
            b'{' => {}
            close @ (b']' | b'}') => return self.close(here, scanner, close),
            _ => return bad("not a span where one belongs"),
        }
        let fits = match self.familiar_spans(here, scanner, attributes) {
            Ok(()) => return Ok(()),
            Err(fits) => fits,
        };
        let start = scanner.at;
        let found = span::span(scanner, attributes, Some(&mut here.reading.familiar.json))?;
        match found.problem {
            None => {
                let raw = RawSpan { attributes, ..found.span };
                self.owner.push(here.reading, &raw, found.path);
                if fits == Fits::No {
                    self.learn(here, &scanner.bytes()[start..scanner.at], &raw, found.path);
                }
            }
            Some(reason) => here.refuse(scanner, start, found.span.trace, reason),
        }
        Ok(())
    }

    /// Takes spans that are next, at least one, as long as they are like some that were read before.
    #[inline]
    fn familiar_spans<'b>(
        &mut self,
        here: &mut Here<'_, '_>,
        scanner: &mut Scanner<'b>,
        attributes: &mut Attributes<'b>,
    ) -> Result<(), Fits> {
        let origin = self.owner.origin(here.reading).ok_or(Fits::No)?;
        let Reading { moulds, typing, spans, .. } = &mut *here.reading;
        let from = scanner.at;
        loop {
            let mut raw = RawSpan::default();
            let start = scanner.at;
            scanner.at += 1;
            self.ids.read(scanner, &mut raw);
            let next = BehindIds { at: scanner.at, scanner };
            match moulds.json.take((next, raw), attributes, (typing, origin), spans) {
                Ok(()) if scanner.ahead(b",") == Some(b"{") => scanner.at += 1,
                Ok(()) => return Ok(()),
                Err(fits) if start == from => {
                    scanner.at = start;
                    return Err(fits);
                }
                Err(_) => {
                    // Before its comma, where it begins if it is read right after one that did not fit either.
                    scanner.at = start - 1;
                    return Ok(());
                }
            }
        }
    }

    /// Makes a mould of a span that was read in full.
    #[cold]
    fn learn(&mut self, here: &mut Here<'_, '_>, text: &[u8], raw: &RawSpan<'_>, path: Path) {
        let Some(origin) = self.owner.origin(here.reading).filter(|_| path.is_known()) else { return };
        let Reading { moulds, typing, .. } = &mut *here.reading;
        moulds.json.learn(raw, path, (typing, origin), || {
            let mut scanner = Scanner::new(text, 1, &mut []);
            LastIds::default().read(&mut scanner, &mut RawSpan::default());
            (span::usual_name(&mut scanner)? == raw.name).then(|| Mould::of(&text[scanner.at..]))?
        });
    }

    /// An element of any other list, or what is outside of all documents.
    fn element(&mut self, here: &mut Here<'_, '_>, scanner: &mut Scanner<'_>) -> Scan<()> {
        let within = self.levels.last().copied();
        match (scanner.separated()?, within) {
            (b'{', _) => {
                let (level, belongs) = match within {
                    None | Some(Level::Requests) => (Level::Request, Start::Request),
                    Some(Level::Resources) => (Level::Resource, Start::Resource),
                    Some(_) => (Level::Scope, Start::Scope),
                };
                // A bracket too many or too few before: the lists have changed their places.
                if Start::at(&scanner.bytes()[scanner.at..])?.is_some_and(|start| start != belongs) {
                    return bad("brackets that do not match");
                }
                self.enter(level);
            }
            (b'[', None) => self.enter(Level::Requests),
            // Left over from a damaged document.
            (b']' | b'}', None) => {}
            (close @ (b']' | b'}'), Some(_)) => return self.close(here, scanner, close),
            (0xef, None) => return scanner.mark(MARK),
            (_, None) => return bad("not a JSON document"),
            (_, Some(_)) => return bad("not an object where one belongs"),
        }
        scanner.at += 1;
        Ok(())
    }

    /// The next key of an object; `None` when the decoder is in another one now.
    fn member<'b>(&mut self, here: &mut Here<'_, '_>, scanner: &mut Scanner<'b>) -> Scan<Option<&'b [u8]>> {
        match scanner.separated()? {
            close @ (b']' | b'}') => self.close(here, scanner, close).map(|()| None),
            _ => {
                let start = scanner.at;
                let key = scanner.next_key()?;
                let owner = key.and_then(Level::of_member);
                if let Some(owner) = owner.filter(|owner| self.levels.last() != Some(owner)) {
                    // The end of this object and the begin of that one are missing.
                    here.skip(scanner.bytes(), start, 0, "brackets that do not match");
                    let depth = LEVELS.iter().position(|level| *level == owner).unwrap_or(0);
                    self.move_into(here, &LEVELS[..depth]);
                    self.enter(owner);
                    self.known = true;
                    // Read again as a member of what it belongs to.
                    scanner.at = start;
                    return Ok(None);
                }
                Ok(key)
            }
        }
    }

    fn request_member(&mut self, here: &mut Here<'_, '_>, scanner: &mut Scanner<'_>) -> Scan<()> {
        let Some(key) = self.member(here, scanner)? else {
            return Ok(());
        };
        let mut known = true;
        match key {
            key if REQUEST_KEYS.contains(&key) => self.enter_list(scanner, Level::Resources)?,
            // The answer of a trace store has the request inside; more than once it is nothing known.
            b"trace" if self.levels.len() <= 2 => {
                if scanner.open(b'{')? {
                    self.enter(Level::Request);
                }
            }
            _ => {
                known = OTHER_SIGNALS.contains(&key);
                if known { scanner.skip_value()? } else { skip_member(scanner, Start::Resource)? }
            }
        }
        self.members += 1;
        self.known |= known;
        Ok(())
    }

    fn resource_member<'b>(
        &mut self,
        here: &mut Here<'_, '_>,
        scanner: &mut Scanner<'b>,
        attributes: &mut Attributes<'b>,
    ) -> Scan<()> {
        match self.member(here, scanner)? {
            Some(b"resource") => {
                attributes.clear();
                if scanner.open(b'{')? {
                    while let Some(key) = scanner.next_key()? {
                        match key {
                            b"attributes" => span::list(scanner, attributes)?,
                            _ => skip_member(scanner, Start::Scope)?,
                        }
                    }
                }
                self.owner.resource(attributes);
            }
            Some(
                b"scopeSpans"
                | b"scope_spans"
                | b"instrumentationLibrarySpans"
                | b"instrumentation_library_spans",
            ) => self.enter_list(scanner, Level::Scopes)?,
            Some(_) => skip_member(scanner, Start::Scope)?,
            None => {}
        }
        Ok(())
    }

    fn scope_member(&mut self, here: &mut Here<'_, '_>, scanner: &mut Scanner<'_>) -> Scan<()> {
        match self.member(here, scanner)? {
            Some(b"scope" | b"instrumentationLibrary" | b"instrumentation_library") => {
                let mut name: &[u8] = b"";
                if scanner.open(b'{')? {
                    while let Some(key) = scanner.next_key()? {
                        match key {
                            b"name" => {
                                if let Scalar::Text(text) = scanner.scalar()? {
                                    name = text;
                                }
                            }
                            _ => skip_member(scanner, Start::Span)?,
                        }
                    }
                }
                self.owner.scope(name);
            }
            Some(b"spans") => self.enter_list(scanner, Level::Spans)?,
            Some(_) => skip_member(scanner, Start::Span)?,
            None => {}
        }
        Ok(())
    }

    fn enter_list(&mut self, scanner: &mut Scanner<'_>, level: Level) -> Scan<()> {
        if scanner.open(b'[')? {
            self.enter(level);
        }
        Ok(())
    }

    fn enter(&mut self, level: Level) {
        let Self { levels, owner, members, known, .. } = self;
        match level {
            Level::Request => (*members, *known) = (0, false),
            Level::Resource => owner.begin_resource(),
            Level::Scope => owner.begin_scope(),
            _ => {}
        }
        levels.push(level);
    }

    /// Steps over a closing bracket, and leaves everything up to the nearest level of its kind: a
    /// bracket that is missing costs nothing.
    fn close(&mut self, here: &mut Here<'_, '_>, scanner: &mut Scanner<'_>, bracket: u8) -> Scan<()> {
        while let Some(level) = self.levels.last().copied() {
            if level == Level::Request && mem::take(&mut self.members) > 0 && !self.known {
                here.skip(scanner.bytes(), scanner.at, 0, "an object that is no export request");
            }
            self.leave(here);
            if level.is_list() == (bracket == b']') {
                break;
            }
        }
        scanner.at += 1;
        Ok(())
    }

    fn leave(&mut self, here: &mut Here<'_, '_>) {
        match self.levels.pop() {
            Some(Level::Scope) => self.owner.end_scope(here.reading),
            Some(Level::Resource) => self.owner.end_resource(here.reading, here.place),
            _ => {}
        }
    }

    /// Leaves and enters until `wanted` is what the decoder is in.
    fn move_into(&mut self, here: &mut Here<'_, '_>, wanted: &[Level]) {
        let levels = &self.levels;
        let outer = levels.iter().rposition(|level| *level == Level::Request).unwrap_or(levels.len().min(1));
        let same = |(have, want): &(&Level, &Level)| have == want;
        let kept = levels[outer..].iter().zip(wanted).take_while(same).count();
        while self.levels.len() > outer + kept {
            self.leave(here);
        }
        wanted[kept..].iter().for_each(|level| self.enter(*level));
        self.known |= !wanted.is_empty();
    }
}
