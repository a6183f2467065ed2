//! Jaeger's JSON: what its user interface downloads and its API answers, one trace alone, an array of
//! traces, or lines of either.
//!
//! The processes that recorded the spans come behind them as a rule: spans wait for theirs. Times are
//! whole microseconds.
//!
//! Source: `model/json/model.go` of Jaeger, and "OpenTelemetry to Jaeger Transformation" of the
//! OpenTelemetry specification for the tags that stand for what a span of OTLP has.

mod processes;
mod span;

use detectors::evidence::TraceId;

use self::processes::Processes;
use super::json::scanner::{Scan, Scanner, Stop, bad};
use super::json::{self, Decoder, Here, MARK, Walk};
use super::raw::{Attributes, Found, RawSpan};
use super::{Format, Framing, Head, Reading};

/// Jaeger's JSON.
pub(super) const FORMAT: Format = Format {
    name: "jaeger-json",
    summary: "Jaeger traces in JSON: downloads and answers of its API, traces as one document, an array, or \
              one on each line",
    sniff,
    cut: json::cut,
    decoder: |_| Box::new(Decoder::<Traces>::default()),
};

fn sniff(head: Head<'_>) -> Option<Framing> {
    json::sniff(head, |text| {
        let has = |name, values| json::has_member(text, name, values);
        has("spanID", b"\"") && has("operationName", b"\"") && has("startTime", b"\"0123456789")
    })
}

/// A list or object that the decoder is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// A list of traces.
    Traces,
    /// An answer that has traces, or a trace.
    Object,
    /// The spans of a trace.
    Spans,
}

/// What an object is, told by its first keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Object,
    Span,
}

impl Start {
    fn of_key(key: &[u8]) -> Option<Self> {
        match key {
            b"data" | b"spans" | b"processes" | b"warnings" => Some(Self::Object),
            b"spanID" | b"operationName" | b"references" | b"startTime" | b"duration" | b"processID"
            | b"flags" | b"parentSpanID" => Some(Self::Span),
            _ => None,
        }
    }
}

/// Where among traces the decoder is.
#[derive(Debug, Default)]
struct Traces {
    levels: Vec<Level>,
    processes: Processes,
    /// The object that the decoder is in had members, and one of them was known.
    members: bool,
    known: bool,
}

impl Walk for Traces {
    type Start = Start;

    /// Traces and spans may both begin with the id of the trace.
    fn start_at(bytes: &[u8]) -> Scan<Option<Start>> {
        const BYTES_MAX: usize = 512;
        match json::first_key(bytes)? {
            Some(b"traceID") => {}
            key => return Ok(key.and_then(Start::of_key)),
        }
        let mut scanner = Scanner::new(&bytes[..bytes.len().min(BYTES_MAX)], 1, &mut []);
        let mut second = || {
            scanner.next_key()?;
            scanner.skip_value()?;
            scanner.next_key()
        };
        match second() {
            Ok(key) => Ok(key.and_then(Start::of_key)),
            Err(Stop::End) if bytes.len() < BYTES_MAX => Err(Stop::End),
            Err(_) => Ok(None),
        }
    }

    fn span<'b>(
        start: Start,
        scanner: &mut Scanner<'b>,
        attributes: &mut Attributes<'b>,
    ) -> Option<Scan<Found<'b>>> {
        (start == Start::Span).then(|| span::span(scanner, attributes).map(|recorded| recorded.found))
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
            Some(Level::Object) => self.member(here, scanner, attributes),
            _ => self.element(here, scanner),
        }
    }

    fn go_on(&mut self, here: &mut Here<'_, '_>, start: Start) {
        match start {
            Start::Span => {
                if self.levels.last() != Some(&Level::Spans) {
                    if self.levels.last() != Some(&Level::Object) {
                        self.enter(here, Level::Object);
                    }
                    self.enter(here, Level::Spans);
                }
                self.known = true;
            }
            // An object is among the traces of another one at most.
            Start::Object => {
                let outer = self.levels.iter().position(|level| *level == Level::Traces);
                while self.levels.len() > outer.map_or(0, |outer| outer + 1) {
                    self.leave(here);
                }
            }
        }
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
        self.processes.last_trace(reading)
    }

    fn end_block(&mut self, reading: &Reading<'_>, ended: bool) {
        self.processes.end_block(reading, ended);
    }
}

impl Traces {
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
            b'"' => {
                // The end of the list is missing, and this is a member of what is around it.
                here.skip(scanner.bytes(), scanner.at, 0, "brackets that do not match");
                self.leave(here);
                return Ok(());
            }
            _ => return bad("not a span where one belongs"),
        }
        let start = scanner.at;
        let recorded = span::span(scanner, attributes)?;
        match recorded.found.problem {
            None => {
                let raw = RawSpan { attributes, ..recorded.found.span };
                self.processes.push(here.reading, &raw, recorded.process, recorded.scope);
            }
            Some(reason) => here.refuse(scanner, start, recorded.found.span.trace, reason),
        }
        Ok(())
    }

    /// A trace or an answer, or what is outside of all documents.
    fn element(&mut self, here: &mut Here<'_, '_>, scanner: &mut Scanner<'_>) -> Scan<()> {
        match (scanner.separated()?, self.levels.is_empty()) {
            (b'{', _) => {
                if Self::start_at(&scanner.bytes()[scanner.at..])? == Some(Start::Span) {
                    return bad("brackets that do not match");
                }
                self.enter(here, Level::Object);
            }
            (b'[', true) => self.enter(here, Level::Traces),
            // Left over from a damaged document.
            (b']' | b'}', true) => {}
            (close @ (b']' | b'}'), false) => return self.close(here, scanner, close),
            (0xef, true) => return scanner.mark(MARK),
            (_, true) => return bad("not a JSON document"),
            (_, false) => return bad("not an object where one belongs"),
        }
        scanner.at += 1;
        Ok(())
    }

    fn member<'b>(
        &mut self,
        here: &mut Here<'_, '_>,
        scanner: &mut Scanner<'b>,
        attributes: &mut Attributes<'b>,
    ) -> Scan<()> {
        if let close @ (b']' | b'}') = scanner.separated()? {
            return self.close(here, scanner, close);
        }
        let mut known = true;
        match scanner.next_key()? {
            Some(b"spans") => self.enter_list(here, scanner, Level::Spans)?,
            // An answer inside of a trace is nothing known.
            Some(b"data") if self.levels.len() == 1 => self.enter_list(here, scanner, Level::Traces)?,
            Some(b"processes") => self.processes(here, scanner, attributes)?,
            Some(key) => {
                known = key == b"traceID";
                self.unknown_member(scanner)?;
            }
            None => {}
        }
        self.members = true;
        self.known |= known;
        Ok(())
    }

    /// Steps over a member that nobody knows, unless it holds what the list with a damaged name would.
    fn unknown_member(&self, scanner: &mut Scanner<'_>) -> Scan<()> {
        if scanner.peek()? == b'['
            && Self::start_at(scanner.bytes()[scanner.at + 1..].trim_ascii_start())?.is_some()
        {
            return bad("a list of an unknown name");
        }
        scanner.skip_value()
    }

    /// Reads all processes of a trace; they are known together or not at all.
    fn processes<'b>(
        &mut self,
        here: &mut Here<'_, '_>,
        scanner: &mut Scanner<'b>,
        attributes: &mut Attributes<'b>,
    ) -> Scan<()> {
        let mut found = Vec::new();
        if scanner.open(b'{')? {
            while let Some(id) = scanner.next_key()? {
                attributes.clear();
                span::process(scanner, attributes)?;
                found.push((id, attributes.clone()));
            }
        }
        for (id, attributes) in found {
            self.processes.describe(id, &attributes);
        }
        self.processes.settle(here.reading);
        Ok(())
    }

    fn enter_list(&mut self, here: &mut Here<'_, '_>, scanner: &mut Scanner<'_>, level: Level) -> Scan<()> {
        if scanner.open(b'[')? {
            self.enter(here, level);
        }
        Ok(())
    }

    fn enter(&mut self, here: &mut Here<'_, '_>, level: Level) {
        if level == Level::Object {
            (self.members, self.known) = (false, false);
            // What is around a trace has no spans.
            self.processes.end_trace(here);
        }
        self.levels.push(level);
    }

    /// Steps over a closing bracket, and leaves everything up to the nearest level of its kind: a
    /// bracket that is missing costs nothing.
    fn close(&mut self, here: &mut Here<'_, '_>, scanner: &mut Scanner<'_>, bracket: u8) -> Scan<()> {
        while let Some(level) = self.levels.last().copied() {
            if level == Level::Object && std::mem::take(&mut self.members) && !self.known {
                here.skip(scanner.bytes(), scanner.at, 0, "an object that is no trace");
            }
            self.leave(here);
            if (level != Level::Object) == (bracket == b']') {
                break;
            }
        }
        scanner.at += 1;
        Ok(())
    }

    fn leave(&mut self, here: &mut Here<'_, '_>) {
        if self.levels.pop() == Some(Level::Object) {
            self.processes.end_trace(here);
            // What is around a trace is an answer.
            self.known = true;
        }
    }
}
