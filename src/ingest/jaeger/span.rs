//! One span, its references and tags, and the description of a process.

use detectors::evidence::TraceId;

use crate::ingest::attributes::Key;
use crate::ingest::json;
use crate::ingest::json::scanner::{Scalar, Scan, Scanner, bad};
use crate::ingest::json::values::{self, boolean, double, integer, untyped};
use crate::ingest::raw::{Attributes, Found, Value};

/// A span, and who recorded it.
#[derive(Default)]
pub(super) struct Recorded<'b> {
    pub(super) found: Found<'b>,
    /// The key of its process.
    pub(super) process: &'b [u8],
    /// The name of its instrumentation scope.
    pub(super) scope: &'b [u8],
}

const TRACE_ID: &str = "a trace id that is no 16 bytes in hexadecimal digits";
const SPAN_ID: &str = "a span id that is no 8 bytes in hexadecimal digits";
const START: &str = "a start time that is no number of microseconds";
const DURATION: &str = "a duration that is no number of microseconds";

/// What is put together at the end of a span, as its members come in any order.
#[derive(Default)]
struct Parts {
    duration_ns: Option<u64>,
    /// Where the references are, if the trace was not known when they came.
    references_at: Option<usize>,
    parent: Parent,
}

/// What the references say of the parent, the best one last.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Parent {
    #[default]
    None,
    /// By the member of older versions.
    Member(u64),
    FollowsFrom(u64),
    ChildOf(u64),
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
    let Found { span, .. } = &mut recorded.found;
    if let Some(at) = parts.references_at {
        let end = std::mem::replace(&mut scanner.at, at);
        references(scanner, span.trace, &mut parts.parent)?;
        scanner.at = end;
    }
    span.parent = match parts.parent {
        Parent::None => 0,
        Parent::Member(id) | Parent::FollowsFrom(id) | Parent::ChildOf(id) => id,
    };
    span.end_ns = parts.duration_ns.map_or(0, |duration| span.start_ns.saturating_add(duration));
    recorded.found = recorded.found.checked();
    Ok(recorded)
}

/// The trace of a span that is damaged, if that can still be read: its id is among the first members.
pub(super) fn trace_of(bytes: &[u8]) -> Option<TraceId> {
    values::hex_any(json::early_text(bytes, &[b"\"traceID\""])?)
}

fn member<'b>(
    scanner: &mut Scanner<'b>,
    key: &[u8],
    recorded: &mut Recorded<'b>,
    parts: &mut Parts,
    attributes: &mut Attributes<'b>,
) -> Scan<()> {
    let Found { span, problem, .. } = &mut recorded.found;
    match key {
        // The end of this span and the begin of the next one are missing.
        b"traceID" if span.trace != 0 => return bad("two spans in one"),
        b"spanID" if span.id != 0 => return bad("two spans in one"),
        b"traceID" => {
            let id = json::known(json::plain(scanner)?, values::hex, TRACE_ID, problem);
            span.trace = id.unwrap_or(0);
        }
        b"spanID" => {
            span.id = json::known(json::plain(scanner)?, values::hex_short, SPAN_ID, problem).unwrap_or(0);
        }
        b"parentSpanID" => {
            let id = values::hex_short(json::plain(scanner)?).filter(|id| *id != 0);
            parts.parent = parts.parent.max(id.map_or(Parent::None, Parent::Member));
        }
        b"operationName" => span.name = json::text(scanner.scalar()?),
        b"references" if span.trace != 0 => references(scanner, span.trace, &mut parts.parent)?,
        b"references" => {
            parts.references_at = Some(scanner.at);
            scanner.skip_value()?;
        }
        b"startTime" => {
            let time = json::known(json::plain(scanner)?, values::microseconds, START, problem);
            span.start_ns = time.unwrap_or(span.start_ns);
        }
        b"duration" => {
            parts.duration_ns = json::known(json::plain(scanner)?, values::microseconds, DURATION, problem);
        }
        b"tags" => {
            return tags(scanner, |name, kind, scanner| tag(name, kind, scanner, recorded, attributes));
        }
        b"logs" => return json::skip_events(scanner, &[b"traceID", b"spanID", b"operationName"]),
        b"processID" => recorded.process = json::text(scanner.scalar()?),
        // The span lost its end, and this belongs to what is around it.
        b"spans" | b"processes" | b"data" => return bad("a span without its end"),
        _ => return scanner.skip_value(),
    }
    Ok(())
}

/// Reads references; those to other traces are links.
fn references(scanner: &mut Scanner<'_>, trace: TraceId, parent: &mut Parent) -> Scan<()> {
    if !scanner.open(b'[')? {
        return Ok(());
    }
    while scanner.next_element()? {
        if !scanner.open(b'{')? {
            continue;
        }
        let (mut kind, mut of, mut to) = (&b""[..], None, None);
        while let Some(key) = scanner.next_key()? {
            match key {
                b"refType" => kind = json::text(scanner.scalar()?),
                b"traceID" => of = values::hex(json::plain(scanner)?),
                b"spanID" => to = values::hex_short(json::plain(scanner)?).filter(|id| *id != 0),
                b"operationName" | b"startTime" => return bad("a span among the references of another one"),
                _ => scanner.skip_value()?,
            }
        }
        let Some(to) = to.filter(|_| of.is_none_or(|of| of == trace)) else { continue };
        match (kind, *parent) {
            (_, Parent::ChildOf(_)) => {}
            (b"CHILD_OF", _) => *parent = Parent::ChildOf(to),
            (b"FOLLOWS_FROM", Parent::None | Parent::Member(_)) => *parent = Parent::FollowsFrom(to),
            _ => {}
        }
    }
    Ok(())
}

/// Reads a list of tags; `each` takes the value that is next.
fn tags<'b>(
    scanner: &mut Scanner<'b>,
    mut each: impl FnMut(&'b [u8], &'b [u8], &mut Scanner<'b>) -> Scan<()>,
) -> Scan<()> {
    if !scanner.open(b'[')? {
        return Ok(());
    }
    while scanner.next_element()? {
        if let Some((name, kind)) = usual_tag(scanner) {
            each(name, kind, scanner)?;
            while scanner.next_key()?.is_some() {
                scanner.skip_value()?;
            }
            continue;
        }
        if !scanner.open(b'{')? {
            continue;
        }
        let (mut name, mut kind, mut value_at) = (None, &b""[..], None);
        while let Some(key) = scanner.next_key()? {
            match key {
                b"key" => name = Some(json::text(scanner.scalar()?)),
                b"type" => kind = json::text(scanner.scalar()?),
                b"value" => {
                    value_at = Some(scanner.at);
                    scanner.skip_value()?;
                }
                b"spanID" | b"operationName" => return bad("a span among the tags of another one"),
                _ => scanner.skip_value()?,
            }
        }
        let Some(name) = name else { return bad("a tag without a key") };
        if let Some(at) = value_at {
            let end = std::mem::replace(&mut scanner.at, at);
            each(name, kind, scanner)?;
            scanner.at = end;
        }
    }
    Ok(())
}

/// The key and the type of a tag in the order in which Jaeger writes them, and the scanner is at its value;
/// or the scanner stays.
#[inline(always)]
fn usual_tag<'b>(scanner: &mut Scanner<'b>) -> Option<(&'b [u8], &'b [u8])> {
    let start = scanner.at;
    let name = scanner.take_plain(b"{\"key\":\"", b"\",\"type\":\"")?;
    let kind = scanner.take_plain(b"", b"\",\"value\":");
    scanner.at = if kind.is_none() { start } else { scanner.at };
    Some((name, kind?))
}

/// Takes a tag of a span: what OTLP has members for, or an attribute.
fn tag<'b>(
    name: &[u8],
    kind: &[u8],
    scanner: &mut Scanner<'b>,
    recorded: &mut Recorded<'b>,
    attributes: &mut Attributes<'b>,
) -> Scan<()> {
    let span = &mut recorded.found.span;
    match name {
        b"span.kind" => span.kind = values::span_kind(scanner.scalar()?),
        b"error" => span.error |= matches!(scanner.scalar()?, Scalar::True | Scalar::Text(b"true")),
        b"otel.status_code" => span.error |= values::is_error(scanner.scalar()?),
        b"otel.scope.name" => recorded.scope = json::text(scanner.scalar()?),
        b"otel.library.name" => {
            let name = json::text(scanner.scalar()?);
            recorded.scope = if recorded.scope.is_empty() { name } else { recorded.scope };
        }
        _ => return attribute(Key::of(name), kind, scanner, attributes),
    }
    Ok(())
}

fn attribute<'b>(
    key: Option<Key>,
    kind: &[u8],
    scanner: &mut Scanner<'b>,
    attributes: &mut Attributes<'b>,
) -> Scan<()> {
    let Some(key) = key else { return scanner.skip_value() };
    let scalar = scanner.scalar()?;
    let value = match kind {
        b"int64" => integer(scalar),
        b"float64" => double(scalar),
        b"bool" => boolean(scalar),
        _ => untyped(scalar),
    };
    match value {
        Some(Value::Text(text)) => json::push_texts(key, text, attributes),
        value => attributes.extend(value.map(|value| (key, value))),
    }
    Ok(())
}

/// Reads the description of a process as the attributes of a resource.
pub(super) fn process<'b>(scanner: &mut Scanner<'b>, attributes: &mut Attributes<'b>) -> Scan<()> {
    if !scanner.open(b'{')? {
        return Ok(());
    }
    while let Some(key) = scanner.next_key()? {
        match key {
            b"serviceName" => {
                let name = json::text(scanner.scalar()?);
                attributes.insert(0, (Key::ServiceName, Value::Text(name)));
            }
            b"tags" => tags(scanner, |name, kind, scanner| match name {
                b"hostname" => attribute(Some(Key::HostName), kind, scanner, attributes),
                b"client-uuid" => attribute(Some(Key::ServiceInstanceId), kind, scanner, attributes),
                b"jaeger.version" => {
                    let version = json::text(scanner.scalar()?);
                    let language = language(version).map(|name| (Key::SdkLanguage, Value::Text(name)));
                    attributes.extend(language);
                    Ok(())
                }
                _ => attribute(Key::of(name), kind, scanner, attributes),
            })?,
            b"operationName" | b"spanID" => return bad("a span among the processes"),
            _ => scanner.skip_value()?,
        }
    }
    Ok(())
}

/// The language of one of Jaeger's own clients, by its version, such as `Go-2.30.0`.
fn language(version: &[u8]) -> Option<&'static [u8]> {
    let client = version.split(|&byte| byte == b'-').next()?;
    Some(match client {
        b"Go" => b"go",
        b"Java" => b"java",
        b"Python" => b"python",
        b"Node" => b"nodejs",
        b"CSharp" => b"dotnet",
        b"C++" => b"cpp",
        _ => return None,
    })
}
