//! OTLP in JSON: export requests as one document, an array, one on each line, or one after another.
//!
//! Read in order by a scanner that remembers between blocks which lists it is in, so that a document of
//! any size and layout takes the memory of one block. After an error it goes on at the next object that
//! can only be a span, a scope, a resource or a request: a damaged span costs itself.
//!
//! Source: opentelemetry-proto `trace/v1/trace.proto` in its JSON mapping, with the older names
//! (`instrumentationLibrarySpans`), those of the proto files (`scope_spans`), and `batches` of Tempo.

mod scanner;
mod span;
mod values;

use std::mem;

use memchr::{memchr, memchr_iter, memmem, memrchr};

use self::scanner::{Scalar, Scan, Scanner, Stop, bad};
use super::owner::Owner;
use super::raw::{Attributes, RawSpan};
use super::{Block, Decode, Format, Framing, Head, Place, Reading, Rest};

/// OTLP in JSON.
pub(super) const FORMAT: Format = Format {
    name: "otlp-json",
    summary: "OpenTelemetry traces in JSON: export requests as one document, an array, or one on each line",
    sniff,
    cut,
    decoder: |_| Box::new(Decoder::default()),
};

/// A byte order mark in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

fn sniff(head: Head<'_>) -> Option<Framing> {
    let text = head.bytes.strip_prefix(MARK).unwrap_or(head.bytes).trim_ascii_start();
    let is_json = matches!(text.first(), Some(b'{' | b'['));
    // The first line may be the end of one that was cut.
    let is_text = || !text.iter().take(64).any(|byte| byte.is_ascii_control());
    if !(is_json && has_request(text) || is_text() && has_request_line(text)) {
        return None;
    }
    Some(if is_one_a_line(text, head.whole) { Framing::Lines } else { Framing::Document })
}

fn has_request(text: &[u8]) -> bool {
    REQUEST_KEYS.iter().any(|key| {
        memmem::find_iter(text, key)
            .any(|at| at > 0 && text[at - 1] == b'"' && text.get(at + key.len()) == Some(&b'"'))
    })
}

fn has_request_line(text: &[u8]) -> bool {
    memchr_iter(b'\n', text).any(|end| begins_request(&text[end + 1..]))
}

/// A line break between a closing and an opening brace is never inside a document.
fn is_one_a_line(text: &[u8], whole: bool) -> bool {
    let Some(end) = memchr(b'\n', text) else {
        return false;
    };
    let (first, rest) = (text[..end].trim_ascii_end(), text[end..].trim_ascii_start());
    match rest.first() {
        Some(byte) => *byte == b'{' && !matches!(first.last(), Some(b'[' | b',' | b'{' | b':')),
        None => whole && first.ends_with(b"}"),
    }
}

/// Whether an export request begins here.
pub(super) fn begins_request(text: &[u8]) -> bool {
    matches!(Start::at(text), Ok(Some(Start::Request)))
}

fn cut(framing: Framing, bytes: &[u8]) -> usize {
    match framing {
        Framing::Lines => memrchr(b'\n', bytes).map_or(0, |end| end + 1),
        _ => 0,
    }
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
    /// The longest key, its quotes, and blanks before it.
    const BYTES_MAX: usize = 256;

    /// What the object is that begins here.
    fn at(bytes: &[u8]) -> Scan<Option<Self>> {
        let Some(inner) = bytes.strip_prefix(b"{") else {
            return Ok(None);
        };
        let key = match inner.trim_ascii_start() {
            [b'"', key @ ..] => key,
            [] if bytes.len() < Self::BYTES_MAX => return Err(Stop::End),
            _ => return Ok(None),
        };
        match memchr(b'"', &key[..key.len().min(Self::BYTES_MAX)]) {
            Some(end) => Ok(Self::of_key(&key[..end])),
            None if key.len() < Self::BYTES_MAX => Err(Stop::End),
            None => Ok(None),
        }
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

/// Bytes that belong to no record, until something that can be read follows.
#[derive(Debug)]
struct Gap {
    offset: u64,
    line: u64,
    reason: &'static str,
}

/// Where the decoder is between two blocks.
#[derive(Debug, Default)]
struct Decoder {
    levels: Vec<Level>,
    owner: Owner,
    gap: Option<Gap>,
    /// Members of the request that the decoder is in, and whether one of them was known.
    members: u64,
    known: bool,
    /// Room for texts whose escapes were undone.
    room: Vec<u8>,
}

/// Bytes of a block that may be read again in any case.
const CREDIT_MIN: usize = 1 << 20;

/// Bytes for texts without escapes at first; a text that is longer gets more.
const ROOM_BYTES: usize = 64 << 10;

impl Decode for Decoder {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let mut room = mem::take(&mut self.room);
        let mut done = 0;
        let mut pass = Pass {
            decoder: self,
            reading,
            place: block.place,
            rest: block.rest,
            counted: (0, block.place.line),
            credit: CREDIT_MIN.max(4 * block.bytes.len()),
        };
        loop {
            if room.is_empty() {
                room.resize(ROOM_BYTES, 0);
            }
            let (at, ended) = pass.run(block.bytes, done, &mut room);
            if ended {
                done = at;
                break;
            }
            if at == done {
                let longer = (2 * room.len()).max(ROOM_BYTES);
                room.resize(longer, 0);
            }
            done = at;
        }
        self.room = room;
        self.owner.end_block(reading, block.rest == Rest::Nothing);
        done
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

/// One walk over a block.
struct Pass<'p, 'r> {
    decoder: &'p mut Decoder,
    reading: &'p mut Reading<'r>,
    place: &'p Place,
    rest: Rest,
    /// A position in the block, and its line.
    counted: (usize, u64),
    /// Bytes that may still be read again in search of something whole: this bounds the work on
    /// damaged text to a multiple of its length.
    credit: usize,
}

impl Pass<'_, '_> {
    /// Walks until the block is done with (`true`) or the room is spent (`false`), and returns how far
    /// it came.
    fn run<'b>(&mut self, bytes: &'b [u8], from: usize, room: &'b mut [u8]) -> (usize, bool) {
        let mut scanner = Scanner::new(bytes, from, room);
        let mut attributes = Attributes::new();
        loop {
            let start = scanner.at;
            let step = match self.decoder.gap {
                Some(_) => self.close_gap(&mut scanner, &mut attributes),
                None => self.step(&mut scanner, &mut attributes),
            };
            match step {
                Ok(()) => {}
                Err(Stop::Spent) => return (start, false),
                Err(Stop::Bad(reason)) => {
                    self.lose_span(&bytes[start..]);
                    self.open_gap(bytes, start, reason);
                    scanner.at = start;
                }
                Err(Stop::End) => match self.end(bytes, start, scanner.at) {
                    Some(done) => return (done, true),
                    None => scanner.at = start,
                },
            }
        }
    }

    /// The block ended in a step; how many bytes are done with, or `None` to look for what can be
    /// read behind the start of the step.
    fn end(&mut self, bytes: &[u8], start: usize, at: usize) -> Option<usize> {
        let in_gap = self.decoder.gap.is_some();
        match self.rest {
            // Only blanks are left.
            _ if !in_gap && self.decoder.levels.is_empty() && at == bytes.len() => Some(at),
            Rest::Follows if in_gap => Some(at),
            Rest::Follows => Some(start),
            Rest::TooLong => {
                if !in_gap {
                    self.open_gap(bytes, start, "a value longer than can be read");
                }
                Some(bytes.len())
            }
            Rest::Nothing if in_gap => {
                self.count_gap(bytes.len());
                self.leave_all();
                Some(bytes.len())
            }
            Rest::Nothing => {
                let last = self.decoder.owner.last_trace(self.reading);
                self.reading.lose(last);
                self.lose_span(&bytes[start..]);
                self.open_gap(bytes, start, "the text ends before the document does");
                None
            }
        }
    }

    /// One step by what the decoder is in. Changes what the decoder is in only after its last read,
    /// so that a step that meets the end of the block can be taken again.
    #[inline]
    fn step<'b>(&mut self, scanner: &mut Scanner<'b>, attributes: &mut Attributes<'b>) -> Scan<()> {
        match self.decoder.levels.last() {
            Some(Level::Spans) => self.span(scanner, attributes),
            Some(Level::Request) => self.request_member(scanner),
            Some(Level::Resource) => self.resource_member(scanner, attributes),
            Some(Level::Scope) => self.scope_member(scanner),
            _ => self.element(scanner),
        }
    }

    #[inline]
    fn span<'b>(&mut self, scanner: &mut Scanner<'b>, attributes: &mut Attributes<'b>) -> Scan<()> {
        match scanner.separated()? {
            b'{' => {}
            close @ (b']' | b'}') => return self.close(scanner, close),
            _ => return bad("not a span where one belongs"),
        }
        let start = scanner.at;
        let found = span::span(scanner, attributes)?;
        match found.problem {
            None => {
                let raw = RawSpan { attributes, ..found.span };
                self.decoder.owner.push(self.reading, &raw);
            }
            Some(reason) => {
                self.reading.lose(found.span.trace);
                self.skip(scanner.bytes(), start, scanner.at - start, reason);
            }
        }
        Ok(())
    }

    /// An element of any other list, or what is outside of all documents.
    fn element(&mut self, scanner: &mut Scanner<'_>) -> Scan<()> {
        let within = self.decoder.levels.last().copied();
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
            (close @ (b']' | b'}'), Some(_)) => return self.close(scanner, close),
            (0xef, None) => return scanner.mark(MARK),
            (_, None) => return bad("not a JSON document"),
            (_, Some(_)) => return bad("not an object where one belongs"),
        }
        scanner.at += 1;
        Ok(())
    }

    /// The next key of an object; `None` when the decoder is in another one now.
    fn member<'b>(&mut self, scanner: &mut Scanner<'b>) -> Scan<Option<&'b [u8]>> {
        match scanner.separated()? {
            close @ (b']' | b'}') => self.close(scanner, close).map(|()| None),
            _ => {
                let start = scanner.at;
                let key = scanner.next_key()?;
                let owner = key.and_then(Level::of_member);
                if let Some(owner) = owner.filter(|owner| self.decoder.levels.last() != Some(owner)) {
                    // The end of this object and the begin of that one are missing.
                    self.skip(scanner.bytes(), start, 0, "brackets that do not match");
                    let depth = LEVELS.iter().position(|level| *level == owner).unwrap_or(0);
                    self.move_into(&LEVELS[..depth]);
                    self.enter(owner);
                    self.decoder.known = true;
                    // Read again as a member of what it belongs to.
                    scanner.at = start;
                    return Ok(None);
                }
                Ok(key)
            }
        }
    }

    fn request_member(&mut self, scanner: &mut Scanner<'_>) -> Scan<()> {
        let Some(key) = self.member(scanner)? else {
            return Ok(());
        };
        let mut known = true;
        match key {
            key if REQUEST_KEYS.contains(&key) => self.enter_list(scanner, Level::Resources)?,
            // The answer of a trace store has the request inside; more than once it is nothing known.
            b"trace" if self.decoder.levels.len() <= 2 => {
                if scanner.open(b'{')? {
                    self.enter(Level::Request);
                }
            }
            _ => {
                known = OTHER_SIGNALS.contains(&key);
                if known { scanner.skip_value()? } else { skip_member(scanner, Start::Resource)? }
            }
        }
        self.decoder.members += 1;
        self.decoder.known |= known;
        Ok(())
    }

    fn resource_member<'b>(
        &mut self,
        scanner: &mut Scanner<'b>,
        attributes: &mut Attributes<'b>,
    ) -> Scan<()> {
        match self.member(scanner)? {
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
                self.decoder.owner.resource(attributes);
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

    fn scope_member(&mut self, scanner: &mut Scanner<'_>) -> Scan<()> {
        match self.member(scanner)? {
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
                self.decoder.owner.scope(name);
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
        let Decoder { levels, owner, members, known, .. } = &mut *self.decoder;
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
    fn close(&mut self, scanner: &mut Scanner<'_>, bracket: u8) -> Scan<()> {
        while let Some(level) = self.decoder.levels.last().copied() {
            if level == Level::Request && mem::take(&mut self.decoder.members) > 0 && !self.decoder.known {
                self.skip(scanner.bytes(), scanner.at, 0, "an object that is no export request");
            }
            self.leave();
            if level.is_list() == (bracket == b']') {
                break;
            }
        }
        scanner.at += 1;
        Ok(())
    }

    fn leave(&mut self) {
        match self.decoder.levels.pop() {
            Some(Level::Scope) => self.decoder.owner.end_scope(self.reading),
            Some(Level::Resource) => self.decoder.owner.end_resource(self.reading, self.place),
            _ => {}
        }
    }

    fn leave_all(&mut self) {
        while !self.decoder.levels.is_empty() {
            self.leave();
        }
    }

    fn open_gap(&mut self, bytes: &[u8], start: usize, reason: &'static str) {
        let line = self.line(bytes, start);
        self.decoder.gap = Some(Gap { offset: self.place.offset + start as u64, line, reason });
    }

    /// Looks at the next object that may be whole; the gap ends before it if it is.
    fn close_gap<'b>(&mut self, scanner: &mut Scanner<'b>, attributes: &mut Attributes<'b>) -> Scan<()> {
        let bytes = scanner.bytes();
        let Some(distance) = memchr(b'{', &bytes[scanner.at..]) else {
            scanner.at = bytes.len();
            return Err(Stop::End);
        };
        scanner.at += distance;
        let candidate = scanner.at;
        match Start::at(&bytes[candidate..])? {
            Some(start) if start == Start::Span => {
                let found = span::span(scanner, attributes);
                let reached = mem::replace(&mut scanner.at, candidate);
                match found {
                    Ok(found) if found.problem.is_none() => self.go_on(candidate, start),
                    Err(Stop::End) if self.rest == Rest::Follows => return Err(Stop::End),
                    Err(Stop::Spent) => return Err(Stop::Spent),
                    // Not read to its end is not read far: the scanner stands before what stopped it.
                    Err(Stop::End) => scanner.at = self.pass_over(bytes, candidate, bytes.len()),
                    _ => scanner.at = self.pass_over(bytes, candidate, reached),
                }
            }
            Some(start) => self.go_on(candidate, start),
            None => scanner.at += 1,
        }
        Ok(())
    }

    /// Where to go on after a candidate that was read up to `reached` in vain.
    fn pass_over(&mut self, bytes: &[u8], candidate: usize, reached: usize) -> usize {
        self.lose_span(&bytes[candidate..]);
        match self.credit.checked_sub(reached - candidate) {
            Some(credit) => {
                self.credit = credit;
                candidate + 1
            }
            None => reached.max(candidate + 1),
        }
    }

    /// Ends the gap before an object, as if all brackets around it had been read.
    fn go_on(&mut self, end: usize, start: Start) {
        self.count_gap(end);
        self.move_into(start.surroundings());
    }

    /// Leaves and enters until `wanted` is what the decoder is in.
    fn move_into(&mut self, wanted: &[Level]) {
        let levels = &self.decoder.levels;
        let outer = levels.iter().rposition(|level| *level == Level::Request).unwrap_or(levels.len().min(1));
        let same = |(have, want): &(&Level, &Level)| have == want;
        let kept = levels[outer..].iter().zip(wanted).take_while(same).count();
        while self.decoder.levels.len() > outer + kept {
            self.leave();
        }
        wanted[kept..].iter().for_each(|level| self.enter(*level));
        self.decoder.known |= !wanted.is_empty();
    }

    /// What begins here cannot be read; if it is a span, its trace may be known all the same.
    fn lose_span(&mut self, bytes: &[u8]) {
        if self.decoder.levels.last() == Some(&Level::Spans) {
            self.reading.lose(span::trace_of(bytes).unwrap_or(0));
        }
    }

    fn count_gap(&mut self, end: usize) {
        if let Some(Gap { offset, line, reason }) = self.decoder.gap.take() {
            let length = (self.place.offset + end as u64).saturating_sub(offset);
            self.reading.skipped.skip(&self.place.file, offset, line, length, reason);
        }
    }

    fn skip(&mut self, bytes: &[u8], start: usize, length: usize, reason: &str) {
        let line = self.line(bytes, start);
        let offset = self.place.offset + start as u64;
        self.reading.skipped.skip(&self.place.file, offset, line, length as u64, reason);
    }

    /// The line of a position; positions mostly come in their order.
    fn line(&mut self, bytes: &[u8], at: usize) -> u64 {
        if self.place.line == 0 {
            return 0;
        }
        let (from, line) = if self.counted.0 <= at { self.counted } else { (0, self.place.line) };
        self.counted = (at, line + memchr_iter(b'\n', &bytes[from..at]).count() as u64);
        self.counted.1
    }
}
