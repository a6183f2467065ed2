//! One span, and the attributes of spans and resources.

use detectors::evidence::TraceId;

use super::written::Attribute;
use crate::ingest::attributes::Key;
use crate::ingest::familiar::{Familiar, Path};
use crate::ingest::json::scanner::{Scalar, Scan, Scanner, bad};
use crate::ingest::json::values::{self, boolean, double, integer, untyped};
use crate::ingest::json::{self, plain, text};
use crate::ingest::raw::{Attributes, Found, RawSpan, Value};

/// Reads the span that is next; its attributes replace those that are given.
#[inline]
pub(super) fn span<'b>(
    scanner: &mut Scanner<'b>,
    attributes: &mut Attributes<'b>,
    familiar: Option<&mut Familiar<Attribute>>,
) -> Scan<Found<'b>> {
    attributes.clear();
    let mut found = Found::default();
    scanner.at += 1;
    usual_start(scanner, &mut found);
    if let Some(familiar) = familiar
        && scanner.take(b"\"attributes\":")
    {
        found.path = familiar_list(scanner, attributes, familiar)?;
        if scanner.take(b",\"status\":{}}") {
            return Ok(found.checked());
        }
    }
    while let Some(key) = scanner.next_key()? {
        member(scanner, key, &mut found, attributes)?;
    }
    Ok(found.checked())
}

/// Members in the order in which most programs write them; each one is tried and none is expected.
/// What is not there is left to the general loop.
#[inline(always)]
fn usual_start<'b>(scanner: &mut Scanner<'b>, found: &mut Found<'b>) {
    let span = &mut found.span;
    LastIds::default().read(scanner, span);
    scanner.skip_number(b"\"flags\":");
    if let Some(name) = scanner.take_plain(b"\"name\":\"", b"\",") {
        span.name = name;
    }
    if let Some([kind @ b'0'..=b'5', b',']) = scanner.ahead(b"\"kind\":") {
        span.kind = kind - b'0';
        scanner.at += b"\"kind\":0,".len();
    }
    if let Some(time) = scanner.take_fixed(b"\"startTimeUnixNano\":\"", values::nanoseconds_19) {
        span.start_ns = time;
    }
    if let Some(time) = scanner.take_fixed(b"\"endTimeUnixNano\":\"", values::nanoseconds_19) {
        span.end_ns = time;
    }
}

/// Ids that were read last: spans of one trace follow one another, and so do those with one parent.
#[derive(Debug)]
pub(super) struct LastIds {
    trace: ([u8; 32], u128),
    parent: ([u8; 16], u64),
}

impl Default for LastIds {
    fn default() -> Self {
        Self { trace: ([b'0'; 32], 0), parent: ([b'0'; 16], 0) }
    }
}

impl LastIds {
    /// Reads ids, as those members are written that a span begins with.
    #[inline(always)]
    pub(super) fn read(&mut self, scanner: &mut Scanner<'_>, span: &mut RawSpan<'_>) {
        if let Some(id) = scanner.take_fixed(b"\"traceId\":\"", |digits| self.trace(digits)) {
            span.trace = id;
        }
        if let Some(id) = scanner.take_fixed(b"\"spanId\":\"", values::hex_64) {
            span.id = id;
        }
        scanner.take(b"\"traceState\":\"\",");
        if let Some(id) = scanner.take_fixed(b"\"parentSpanId\":\"", |digits| self.parent(digits)) {
            span.parent = id;
        } else {
            scanner.take(b"\"parentSpanId\":\"\",");
        }
    }

    #[inline(always)]
    fn trace(&mut self, digits: &[u8; 32]) -> Option<u128> {
        if *digits != self.trace.0 {
            self.trace = (*digits, values::hex_128(digits)?);
        }
        Some(self.trace.1)
    }

    #[inline(always)]
    fn parent(&mut self, digits: &[u8; 16]) -> Option<u64> {
        if *digits != self.parent.0 {
            self.parent = (*digits, values::hex_64(digits)?);
        }
        Some(self.parent.1)
    }
}

/// The name behind the ids, where it is usual; the scanner stays.
#[inline(always)]
pub(super) fn usual_name<'b>(scanner: &mut Scanner<'b>) -> Option<&'b [u8]> {
    let from = scanner.at;
    scanner.skip_number(b"\"flags\":");
    let name = scanner.take_plain(b"\"name\":\"", b"\",");
    scanner.at = from;
    name
}

/// The trace of a span that is damaged, if that can still be read: its id is among the first members.
pub(super) fn trace_of(bytes: &[u8]) -> Option<TraceId> {
    values::trace_id(json::early_text(bytes, &[b"\"traceId\"", b"\"trace_id\""])?)
}

const TRACE_ID: &str = "a trace id that is no 16 bytes in hexadecimal digits or base64";
const SPAN_ID: &str = "a span id that is no 8 bytes in hexadecimal digits or base64";
const PARENT_ID: &str = "a parent id that is no 8 bytes in hexadecimal digits or base64";
const START: &str = "a start time that is no number of nanoseconds";
const END: &str = "an end time that is no number of nanoseconds";

#[inline(always)]
fn set<T>(field: &mut T, value: Option<T>, problem: &mut Option<&'static str>, reason: &'static str) {
    match value {
        Some(value) => *field = value,
        None => *problem = Some(reason),
    }
}

fn member<'b>(
    scanner: &mut Scanner<'b>,
    key: &[u8],
    found: &mut Found<'b>,
    attributes: &mut Attributes<'b>,
) -> Scan<()> {
    let Found { span, problem, path } = found;
    match key {
        b"attributes" => {
            attributes.clear();
            *path = Path::default();
            return list(scanner, attributes);
        }
        b"status" => {
            span.error = false;
            return status(scanner, span);
        }
        b"events" => {
            let of_spans: [&[u8]; 4] =
                [b"traceId", b"trace_id", b"startTimeUnixNano", b"start_time_unix_nano"];
            return json::skip_events(scanner, &of_spans);
        }
        // The end of this span and the begin of the next one are missing.
        b"traceId" | b"trace_id" if span.trace != 0 => return bad("two spans in one"),
        b"spanId" | b"span_id" if span.id != 0 => return bad("two spans in one"),
        b"startTimeUnixNano" | b"start_time_unix_nano" if span.start_ns != 0 => {
            return bad("two spans in one");
        }
        b"traceId" | b"trace_id" => id(plain(scanner)?, &mut span.trace, values::trace_id, problem, TRACE_ID),
        b"spanId" | b"span_id" => id(plain(scanner)?, &mut span.id, values::span_id, problem, SPAN_ID),
        b"parentSpanId" | b"parent_span_id" => {
            id(plain(scanner)?, &mut span.parent, values::span_id, problem, PARENT_ID);
        }
        b"name" => span.name = text(scanner.scalar()?),
        b"kind" => span.kind = values::span_kind(scanner.scalar()?),
        b"startTimeUnixNano" | b"start_time_unix_nano" => {
            time(plain(scanner)?, &mut span.start_ns, problem, START)
        }
        b"endTimeUnixNano" | b"end_time_unix_nano" => time(plain(scanner)?, &mut span.end_ns, problem, END),
        // The begin of the span is missing, and this is of an event of the one before.
        b"timeUnixNano" | b"time_unix_nano" => return bad("an event without its end"),
        // The span lost its end, and this belongs to what is around it.
        b"spans" | b"scope" | b"scopeSpans" | b"scope_spans" | b"resource" | b"resourceSpans"
        | b"resource_spans" => return bad("a span without its end"),
        _ => return scanner.skip_value(),
    }
    Ok(())
}

fn id<T>(
    scalar: Scalar<'_>,
    field: &mut T,
    parse: fn(&[u8]) -> Option<T>,
    problem: &mut Option<&'static str>,
    reason: &'static str,
) {
    match scalar {
        Scalar::Nothing => {}
        Scalar::Text(text) => set(field, parse(text), problem, reason),
        _ => *problem = Some(reason),
    }
}

fn time(scalar: Scalar<'_>, field: &mut u64, problem: &mut Option<&'static str>, reason: &'static str) {
    match scalar {
        Scalar::Nothing => {}
        scalar => set(field, values::nanoseconds(scalar), problem, reason),
    }
}

fn status(scanner: &mut Scanner<'_>, span: &mut RawSpan<'_>) -> Scan<()> {
    if scanner.take(b"{}") || !scanner.open(b'{')? {
        return Ok(());
    }
    while let Some(key) = scanner.next_key()? {
        match key {
            b"code" => span.error = values::is_error(scanner.scalar()?),
            _ => scanner.skip_value()?,
        }
    }
    Ok(())
}

/// Reads the list of attributes that is next, as far as it can be told by those that were read before.
#[inline]
fn familiar_list<'b>(
    scanner: &mut Scanner<'b>,
    attributes: &mut Attributes<'b>,
    familiar: &mut Familiar<Attribute>,
) -> Scan<Path> {
    if !scanner.open(b'[')? {
        return Ok(Path::default());
    }
    let mut path = familiar.begin();
    loop {
        while familiar.take(&mut path, scanner, attributes) {
            if !scanner.take(b",") {
                break;
            }
        }
        if !scanner.next_element()? {
            return Ok(path);
        }
        let (start, before) = (scanner.at, attributes.len());
        attribute(scanner, attributes)?;
        let written = &scanner.bytes()[start..scanner.at];
        familiar.learn(&mut path, || Attribute::of(written, &attributes[before..]));
    }
}

/// Reads the list of attributes that is next.
pub(super) fn list<'b>(scanner: &mut Scanner<'b>, attributes: &mut Attributes<'b>) -> Scan<()> {
    if !scanner.open(b'[')? {
        return Ok(());
    }
    while scanner.next_element()? {
        attribute(scanner, attributes)?;
    }
    Ok(())
}

/// Reads the attribute that is next; most are texts, and have their name first.
#[inline]
pub(super) fn attribute<'b>(scanner: &mut Scanner<'b>, attributes: &mut Attributes<'b>) -> Scan<()> {
    let Some(name) = scanner.take_plain(b"{\"key\":\"", b"\",\"value\":{") else {
        if scanner.peek()? != b'{' {
            return bad("an attribute that is no object");
        }
        return any_order(scanner, attributes);
    };
    let wanted = Key::of(name);
    if let Some(text) = scanner.take_plain(b"\"stringValue\":\"", b"\"}}") {
        attributes.extend(wanted.map(|key| (key, Value::Text(text))));
        return Ok(());
    }
    typed(scanner, wanted, attributes, Arrays::Flat)?;
    after_value(scanner)
}

/// Whether the elements of an array are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrays {
    /// One by one, under the key of the array.
    Flat,
    /// Not at all: this is inside an array already.
    Left,
}

/// An attribute whose members come in any order.
fn any_order<'b>(scanner: &mut Scanner<'b>, attributes: &mut Attributes<'b>) -> Scan<()> {
    let (mut name, mut value_at) = (None, None);
    scanner.open(b'{')?;
    while let Some(member) = scanner.next_key()? {
        match member {
            b"key" => name = Some(text(scanner.scalar()?)),
            b"value" => {
                value_at = Some(scanner.at);
                scanner.skip_value()?;
            }
            _ => scanner.skip_value()?,
        }
    }
    let Some(name) = name else {
        return bad("an attribute without a key");
    };
    if let (Some(key), Some(at)) = (Key::of(name), value_at) {
        let end = std::mem::replace(&mut scanner.at, at);
        value(scanner, key, attributes, Arrays::Flat)?;
        scanner.at = end;
    }
    Ok(())
}

/// Members behind the value of an attribute, and its end.
fn after_value(scanner: &mut Scanner<'_>) -> Scan<()> {
    while scanner.next_key()?.is_some() {
        scanner.skip_value()?;
    }
    Ok(())
}

fn value<'b>(
    scanner: &mut Scanner<'b>,
    key: Key,
    attributes: &mut Attributes<'b>,
    arrays: Arrays,
) -> Scan<()> {
    if scanner.peek()? == b'{' {
        scanner.at += 1;
        return typed(scanner, Some(key), attributes, arrays);
    }
    attributes.extend(untyped(scanner.scalar()?).map(|value| (key, value)));
    Ok(())
}

/// The members of an `AnyValue`, and its end; the last one counts.
fn typed<'b>(
    scanner: &mut Scanner<'b>,
    key: Option<Key>,
    attributes: &mut Attributes<'b>,
    arrays: Arrays,
) -> Scan<()> {
    let before = attributes.len();
    while let Some(kind) = scanner.next_key()? {
        let Some(key) = key else {
            scanner.skip_value()?;
            continue;
        };
        let value = match kind {
            b"stringValue" | b"string_value" => match scanner.scalar()? {
                Scalar::Text(text) => Some(Value::Text(text)),
                _ => None,
            },
            b"intValue" | b"int_value" => integer(scanner.scalar()?),
            b"doubleValue" | b"double_value" => double(scanner.scalar()?),
            b"boolValue" | b"bool_value" => boolean(scanner.scalar()?),
            b"arrayValue" | b"array_value" if arrays == Arrays::Flat => {
                attributes.truncate(before);
                array(scanner, key, attributes)?;
                continue;
            }
            _ => {
                scanner.skip_value()?;
                continue;
            }
        };
        if let Some(value) = value {
            attributes.truncate(before);
            attributes.push((key, value));
        }
    }
    Ok(())
}

fn array<'b>(scanner: &mut Scanner<'b>, key: Key, attributes: &mut Attributes<'b>) -> Scan<()> {
    if !scanner.open(b'{')? {
        return Ok(());
    }
    while let Some(member) = scanner.next_key()? {
        match member {
            b"values" if scanner.open(b'[')? => {
                while scanner.next_element()? {
                    value(scanner, key, attributes, Arrays::Left)?;
                }
            }
            b"values" => {}
            _ => scanner.skip_value()?,
        }
    }
    Ok(())
}
