//! Zipkin's JSON of version 2: lists of spans as exporters send them, lists of such lists as the API
//! answers, or lines of either.
//!
//! Each span says by itself who recorded it. Times are whole microseconds.
//!
//! Source: `zipkin2-api.yaml` of Zipkin, and "OpenTelemetry to Zipkin Transformation" of the OpenTelemetry
//! specification for the tags that stand for what a span of OTLP has.

mod span;

use detectors::evidence::{Recorder, TraceId, Traced};

use super::json::scanner::{Scan, Scanner, bad};
use super::json::{self, Decoder, Here, MARK, Walk};
use super::origins::Origins;
use super::raw::{Attributes, Found, RawSpan};
use super::{Format, Framing, Head, Reading};

/// Zipkin's JSON.
pub(super) const FORMAT: Format = Format {
    name: "zipkin-json",
    summary: "Zipkin traces in JSON, version 2: lists of spans, or answers of its API, as one document or one on \
              each line",
    sniff,
    cut: json::cut,
    decoder: |_| Box::new(Decoder::<Spans>::default()),
};

fn sniff(head: Head<'_>) -> Option<Framing> {
    json::sniff(head, |text| {
        let has = |name, values| json::has_member(text, name, values);
        let is_span = has("traceId", b"\"") && has("id", b"\"");
        let is_zipkin = has("localEndpoint", b"{") || has("timestamp", b"0123456789");
        // What version 1 has for tags.
        is_span && is_zipkin && !has("binaryAnnotations", b"[")
    })
}

/// Where among lists the decoder is.
#[derive(Debug, Default)]
struct Spans {
    /// Lists around what comes next.
    depth: u32,
    origins: Origins,
    /// Trace of the last span in earlier blocks; zero where there is none.
    last: TraceId,
}

impl Walk for Spans {
    /// Everything that is looked for is a span.
    type Start = ();

    fn start_at(bytes: &[u8]) -> Scan<Option<()>> {
        // Annotations begin with a timestamp, too.
        const OF_SPAN: [&[u8]; 8] =
            [b"traceId", b"id", b"parentId", b"kind", b"name", b"duration", b"annotations", b"localEndpoint"];
        Ok(json::first_key(bytes)?.filter(|key| OF_SPAN.contains(key)).map(drop))
    }

    fn span<'b>(
        _: (),
        scanner: &mut Scanner<'b>,
        attributes: &mut Attributes<'b>,
    ) -> Option<Scan<Found<'b>>> {
        Some(span::span(scanner, attributes).map(|recorded| recorded.found))
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
        match scanner.separated()? {
            b'{' => return self.span(here, scanner, attributes),
            b'[' => self.depth = self.depth.saturating_add(1),
            b']' => self.depth = self.depth.saturating_sub(1),
            // Left over from a damaged span.
            b'}' => {}
            0xef if self.depth == 0 => return scanner.mark(MARK),
            _ => return bad("not a span where one belongs"),
        }
        scanner.at += 1;
        Ok(())
    }

    fn go_on(&mut self, _: &mut Here<'_, '_>, (): ()) {}

    fn leave_all(&mut self, _: &mut Here<'_, '_>) {
        self.depth = 0;
    }

    fn is_outside(&self) -> bool {
        self.depth == 0
    }

    fn is_at_spans(&self) -> bool {
        true
    }

    fn last_trace(&self, reading: &Reading<'_>) -> TraceId {
        reading.spans.last().map_or(self.last, |span| span.trace)
    }

    fn end_block(&mut self, reading: &Reading<'_>, ended: bool) {
        self.last = if ended { 0 } else { self.last_trace(reading) };
    }
}

impl Spans {
    #[inline]
    fn span<'b>(
        &mut self,
        here: &mut Here<'_, '_>,
        scanner: &mut Scanner<'b>,
        attributes: &mut Attributes<'b>,
    ) -> Scan<()> {
        let start = scanner.at;
        let recorded = span::span(scanner, attributes)?;
        match recorded.found.problem {
            None => {
                let raw = RawSpan { attributes, ..recorded.found.span };
                let origin = self.origins.of(here.reading, attributes, recorded.scope, Recorder::Tracing);
                let span = here.reading.typing.span(&raw, origin);
                here.reading.spans.push(Traced { trace: raw.trace, span });
            }
            Some(reason) => here.refuse(scanner, start, recorded.found.span.trace, reason),
        }
        Ok(())
    }
}
