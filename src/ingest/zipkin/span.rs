//! One span with its endpoints and tags.

use detectors::evidence::{Span, TraceId};

use crate::ingest::attributes::Key;
use crate::ingest::json;
use crate::ingest::json::scanner::{Scalar, Scan, Scanner, bad};
use crate::ingest::json::values::{self, untyped};
use crate::ingest::owner::SCOPE_BYTES_MAX;
use crate::ingest::raw::{Attributes, Found, Value};

/// A span, and which instrumentation recorded it.
#[derive(Default)]
pub(super) struct Recorded<'b> {
    pub(super) found: Found<'b>,
    /// The name of its instrumentation scope.
    pub(super) scope: &'b [u8],
}

const TRACE_ID: &str = "a trace id that is no 16 bytes in hexadecimal digits";
const SPAN_ID: &str = "a span id that is no 8 bytes in hexadecimal digits";
const PARENT_ID: &str = "a parent id that is no 8 bytes in hexadecimal digits";
const START: &str = "a timestamp that is no number of microseconds";
const DURATION: &str = "a duration that is no number of microseconds";

/// `SpanKind` of OTLP for a server, a producer and a consumer.
const SERVER: u8 = 2;
const PRODUCER: u8 = 4;
const CONSUMER: u8 = 5;

/// What is put together at the end of a span, as its members come in any order.
#[derive(Default)]
struct Parts<'b> {
    duration_ns: Option<u64>,
    /// The client's span has the same id.
    shared: bool,
    local: Endpoint<'b>,
    remote: Endpoint<'b>,
}

/// Where a span was recorded, or what it talks to.
#[derive(Default)]
struct Endpoint<'b> {
    service: &'b [u8],
    address: &'b [u8],
    port: Option<Value<'b>>,
}

/// Reads the span that is next; its attributes replace those that are given.
#[inline]
pub(super) fn span<'b>(scanner: &mut Scanner<'b>, attributes: &mut Attributes<'b>) -> Scan<Recorded<'b>> {
    attributes.clear();
    let (mut recorded, mut parts) = (Recorded::default(), Parts::default());
    scanner.at += 1;
    while let Some(key) = scanner.next_key()? {
        member(scanner, key, &mut recorded, &mut parts, attributes)?;
    }
    recorded.scope = &recorded.scope[..recorded.scope.len().min(SCOPE_BYTES_MAX)];
    let Found { span, .. } = &mut recorded.found;
    // A message may be handed over in no time that was measured.
    let instant = matches!(span.kind, PRODUCER | CONSUMER).then_some(0);
    span.end_ns = parts.duration_ns.or(instant).map_or(0, |duration| span.start_ns.saturating_add(duration));
    if parts.shared && span.kind == SERVER && span.id != 0 {
        span.parent = span.id;
        span.id = Span::server_side(span.parent);
    }
    parts.put_endpoints(attributes);
    recorded.found = recorded.found.checked();
    Ok(recorded)
}

impl<'b> Parts<'b> {
    /// Puts what the endpoints say behind the tags, which say it better; the name of the service is
    /// said by nothing else.
    fn put_endpoints(&self, attributes: &mut Attributes<'b>) {
        let mut put = |key, text: &'b [u8]| {
            if !text.is_empty() {
                attributes.push((key, Value::Text(text)));
            }
        };
        put(Key::ServiceName, self.local.service);
        put(Key::HostId, self.local.address);
        put(Key::PeerAddress, self.remote.address);
        put(Key::PeerService, self.remote.service);
        attributes.extend(self.remote.port.map(|port| (Key::PeerPort, port)));
    }
}

/// The trace of a span that is damaged, if that can still be read: its id is among the first members.
pub(super) fn trace_of(bytes: &[u8]) -> Option<TraceId> {
    values::hex_any(json::early_text(bytes, &[b"\"traceId\""])?)
}

fn member<'b>(
    scanner: &mut Scanner<'b>,
    key: &[u8],
    recorded: &mut Recorded<'b>,
    parts: &mut Parts<'b>,
    attributes: &mut Attributes<'b>,
) -> Scan<()> {
    let Found { span, problem, .. } = &mut recorded.found;
    match key {
        // The end of this span and the begin of the next one are missing.
        b"traceId" if span.trace != 0 => return bad("two spans in one"),
        b"id" if span.id != 0 => return bad("two spans in one"),
        b"traceId" => {
            let id = json::known(json::plain(scanner)?, values::hex, TRACE_ID, problem);
            span.trace = id.unwrap_or(0);
        }
        b"id" => {
            span.id = json::known(json::plain(scanner)?, values::hex_short, SPAN_ID, problem).unwrap_or(0)
        }
        b"parentId" => {
            let id = json::known(json::plain(scanner)?, values::hex_short, PARENT_ID, problem);
            span.parent = id.unwrap_or(0);
        }
        b"name" => span.name = json::text(scanner.scalar()?),
        b"kind" => span.kind = values::span_kind(scanner.scalar()?),
        b"timestamp" => {
            let time = json::known(json::plain(scanner)?, values::microseconds, START, problem);
            span.start_ns = time.unwrap_or(span.start_ns);
        }
        b"duration" => {
            parts.duration_ns = json::known(json::plain(scanner)?, values::microseconds, DURATION, problem);
        }
        b"shared" => parts.shared = scanner.scalar()? == Scalar::True,
        b"localEndpoint" => return endpoint(scanner, &mut parts.local),
        b"remoteEndpoint" => return endpoint(scanner, &mut parts.remote),
        b"annotations" => {
            return json::skip_events(scanner, &[b"traceId", b"parentId", b"localEndpoint", b"tags"]);
        }
        b"tags" => return tags(scanner, recorded, attributes),
        _ => return scanner.skip_value(),
    }
    Ok(())
}

fn endpoint<'b>(scanner: &mut Scanner<'b>, endpoint: &mut Endpoint<'b>) -> Scan<()> {
    if !scanner.open(b'{')? {
        return Ok(());
    }
    while let Some(key) = scanner.next_key()? {
        match key {
            b"serviceName" => endpoint.service = json::text(scanner.scalar()?),
            b"ipv4" | b"ipv6" => endpoint.address = json::text(scanner.scalar()?),
            b"port" => endpoint.port = untyped(scanner.scalar()?),
            b"traceId" | b"tags" => return bad("an endpoint without its end"),
            _ => scanner.skip_value()?,
        }
    }
    Ok(())
}

fn tags<'b>(
    scanner: &mut Scanner<'b>,
    recorded: &mut Recorded<'b>,
    attributes: &mut Attributes<'b>,
) -> Scan<()> {
    if !scanner.open(b'{')? {
        return Ok(());
    }
    let span = &mut recorded.found.span;
    while let Some(name) = scanner.next_key()? {
        match name {
            // What it holds is a message as a rule.
            b"error" => span.error |= !matches!(scanner.scalar()?, Scalar::False | Scalar::Text(b"false")),
            b"otel.status_code" => span.error |= values::is_error(scanner.scalar()?),
            b"otel.scope.name" => recorded.scope = json::text(scanner.scalar()?),
            b"otel.library.name" => {
                let name = json::text(scanner.scalar()?);
                recorded.scope = if recorded.scope.is_empty() { name } else { recorded.scope };
            }
            b"traceId" | b"localEndpoint" => return bad("tags without their end"),
            _ => match Key::of(name) {
                None => scanner.skip_value()?,
                Some(key) => match scanner.scalar()? {
                    // All are texts, but some exporters write numbers as they are.
                    Scalar::Text(text) | Scalar::Number(text) => json::push_texts(key, text, attributes),
                    scalar => attributes.extend(values::boolean(scalar).map(|value| (key, value))),
                },
            },
        }
    }
    Ok(())
}
