//! From what a line tells to the spans of its request.

use std::hash::Hasher;

use detectors::evidence::{OriginRef, Recorder, SpanId, TraceId, Traced};
use memchr::memchr2;
use rustc_hash::FxHasher;

use super::times::{Moment, Unit, duration_ns, number};
use crate::ingest::Reading;
use crate::ingest::attributes::Key;
use crate::ingest::envelopes::{NO_YEAR, is_without_year};
use crate::ingest::origins::Origins;
use crate::ingest::raw::{Found, RawSpan, Value};

/// `SpanKind` of OTLP for a server and a client.
const SERVER: u8 = 2;
const CLIENT: u8 = 3;

/// Attempts of one request at other servers that are read.
const ATTEMPTS_MAX: usize = 16;

const NO_ZONE: &str = "a log names no time zone: its times are taken for UTC";

/// What a line tells of one request, borrowed from it; empty texts are not told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told<'l> {
    /// When it was written, or when the request came.
    pub(super) moment: Option<Moment>,
    /// The moment is that of the request's end.
    pub(super) at_end: bool,
    pub(super) duration_ns: Option<u64>,
    pub(super) method: &'l [u8],
    /// Path with query, or the whole URL.
    pub(super) target: &'l [u8],
    /// What a framework calls the path.
    pub(super) route: &'l [u8],
    pub(super) status: Option<u64>,
    pub(super) bytes: Option<u64>,
    /// Type of the answer's content; of use only where its encoding is told too.
    pub(super) content_type: &'l [u8],
    /// Encoding of the answer's body; `Some` of an empty text where there is none.
    pub(super) encoding: Option<&'l [u8]>,
    /// Who wrote it, where it says more than that it was this kind of server.
    pub(super) service: &'l [u8],
    /// Which process.
    pub(super) instance: &'l [u8],
    pub(super) trace: TraceId,
    pub(super) parent: SpanId,
    pub(super) upstream: Upstream<'l>,
    pub(super) passed_on: Option<PassedOn<'l>>,
}

/// What servers behind this one did, one after another where the first ones failed; each text is a list.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Upstream<'l> {
    /// What each took.
    pub(super) times: &'l [u8],
    pub(super) unit: Unit,
    pub(super) addresses: &'l [u8],
    pub(super) statuses: &'l [u8],
    /// The name that they have together.
    pub(super) name: &'l [u8],
}

/// The request as the server behind a proxy serves it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PassedOn<'l> {
    pub(super) service: &'l [u8],
    pub(super) instance: &'l [u8],
    /// Nanoseconds from the begin of the proxy's request until the server has it.
    pub(super) after_ns: u64,
    /// Nanoseconds that it has it; to the end of the proxy's request where that is not told.
    pub(super) took_ns: Option<u64>,
    pub(super) status: Option<u64>,
}

impl<'l> Told<'l> {
    /// Takes a request line, `GET /orders?page=2 HTTP/1.1`.
    pub(super) fn request_line(&mut self, line: &'l [u8]) {
        let line = line.trim_ascii();
        let Some(blank) = line.iter().position(|byte| *byte == b' ') else { return };
        let (method, rest) = (&line[..blank], line[blank + 1..].trim_ascii_start());
        let is_method = (1..=20).contains(&method.len())
            && method.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'));
        if !is_method {
            return;
        }
        self.method = method;
        self.target = match rest.iter().rposition(|byte| *byte == b' ') {
            Some(at) if rest[at + 1..].starts_with(b"HTTP/") => rest[..at].trim_ascii_end(),
            _ => rest,
        };
    }

    /// Takes a `traceparent`, or the id of a trace alone.
    pub(super) fn trace(&mut self, text: &[u8]) {
        use crate::ingest::json::values::{hex_64, hex_128};
        let (trace, parent) = match text {
            [_, _, b'-', rest @ ..] => (rest.get(..32), rest.get(33..49)),
            _ => (Some(text), None),
        };
        let trace = trace.and_then(|digits| hex_128(digits.try_into().ok()?));
        self.trace = trace.unwrap_or(self.trace);
        let parent = parent.and_then(|digits| hex_64(digits.try_into().ok()?));
        self.parent = parent.unwrap_or(self.parent);
    }
}

/// What tells one line from all others.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineId {
    /// A hash of the file's name.
    pub(super) file: u64,
    /// Offset of its first byte.
    pub(super) offset: u64,
    /// When it was written, as its envelope tells; zero where there is none.
    pub(super) written_ns: u64,
}

impl LineId {
    fn hash(self, what: u64) -> u64 {
        let mut hasher = FxHasher::default();
        hasher.write_u64(self.file);
        hasher.write_u64(self.offset);
        hasher.write_u64(what);
        hasher.finish().max(1)
    }
}

/// Makes spans of what lines tell.
#[derive(Debug)]
pub(super) struct Requests {
    /// Name of the format, and of the service where no line says more.
    scope: &'static str,
    service: &'static str,
    language: &'static str,
    origins: Origins,
    /// Of servers that requests are passed on to.
    servers: Origins,
}

impl Requests {
    pub(super) fn new(scope: &'static str, service: &'static str, language: &'static str) -> Self {
        Self { scope, service, language, origins: Origins::default(), servers: Origins::default() }
    }

    /// Keeps the request that a line tells.
    ///
    /// # Errors
    ///
    /// Why it is of no use.
    pub(super) fn keep(
        &mut self,
        told: &Told<'_>,
        id: LineId,
        reading: &mut Reading<'_>,
    ) -> Result<(), &'static str> {
        if told.route.is_empty() && !is_target(told.target, told.method) {
            return Err("a request without method and path");
        }
        let written = Some(Moment { at_ns: id.written_ns, coarse: false, no_zone: false });
        let written = written.filter(|written| written.at_ns > 0);
        let moment = told.moment.or(written).ok_or("a request without its time")?;
        let duration_ns = told.duration_ns.ok_or("a request that does not say how long it took")?;
        let start_ns = match told.at_end || told.moment.is_none() {
            true => moment.at_ns.checked_sub(duration_ns).ok_or("a request longer than its time")?,
            false => moment.at_ns,
        };
        if told.moment.is_none() && is_without_year(moment.at_ns) {
            reading.remarks.insert(NO_YEAR);
        }
        if moment.no_zone {
            reading.remarks.insert(NO_ZONE);
        }
        let trace =
            if told.trace == 0 { u128::from(id.hash(0)) << 64 | u128::from(id.hash(1)) } else { told.trace };
        let span = RawSpan {
            trace,
            id: id.hash(2),
            parent: told.parent,
            start_ns,
            end_ns: start_ns.saturating_add(duration_ns),
            kind: SERVER,
            ..RawSpan::default()
        };
        let recorder = if moment.coarse { Recorder::CoarseLog } else { Recorder::Log };
        let scope = self.scope.as_bytes();
        let origin = self.origins.of(reading, &self.who(told), scope, recorder);
        push(&span, &served(told), origin, reading)?;
        let passed_on = match told.passed_on {
            Some(passed_on) => Some(passed_on),
            None => last_attempt(&span, told, origin, id, reading),
        };
        if let Some(passed_on) = passed_on {
            self.pass_on(&span, told, &passed_on, recorder, id, reading)?;
        }
        Ok(())
    }

    /// Keeps the request as the server behind this one serves it.
    fn pass_on(
        &mut self,
        above: &RawSpan<'_>,
        told: &Told<'_>,
        passed_on: &PassedOn<'_>,
        recorder: Recorder,
        id: LineId,
        reading: &mut Reading<'_>,
    ) -> Result<(), &'static str> {
        let who = [(Key::ServiceName, passed_on.service), (Key::ServiceInstanceId, passed_on.instance)];
        let who = who.map(|(key, text)| (key, Value::Text(text)));
        let origin = self.servers.of(reading, &who, self.scope.as_bytes(), recorder);
        // Times are rounded, so that what is inside may seem to be longer.
        let start_ns = above.start_ns.saturating_add(passed_on.after_ns).min(above.end_ns);
        let end_ns = passed_on.took_ns.map_or(above.end_ns, |took_ns| start_ns.saturating_add(took_ns));
        let end_ns = end_ns.min(above.end_ns);
        let behind = RawSpan { id: id.hash(3), parent: above.id, start_ns, end_ns, ..above.clone() };
        push(&behind, &served(&Told { status: passed_on.status.or(told.status), ..*told }), origin, reading)
    }

    /// Who wrote a line.
    fn who<'l>(&self, told: &Told<'l>) -> [(Key, Value<'l>); 3] {
        let service = if told.service.is_empty() { self.service.as_bytes() } else { told.service };
        [
            (Key::ServiceName, Value::Text(service)),
            (Key::ServiceInstanceId, Value::Text(told.instance)),
            (Key::SdkLanguage, Value::Text(self.language.as_bytes())),
        ]
    }
}

/// The last attempt of a server to have a request served by one behind it; keeps those before, which failed, as
/// calls.
fn last_attempt<'l>(
    above: &RawSpan<'_>,
    told: &Told<'l>,
    origin: OriginRef,
    id: LineId,
    reading: &mut Reading<'_>,
) -> Option<PassedOn<'l>> {
    let Upstream { times, unit, addresses, statuses, name } = told.upstream;
    let mut times = list(times).take(ATTEMPTS_MAX).peekable();
    let (mut addresses, mut statuses) = (list(addresses), list(statuses));
    let (mut place, mut after_ns) = (0, 0_u64);
    loop {
        let took_ns = duration_ns(times.next()?, unit);
        let (address, status) = (addresses.next(), statuses.next().and_then(number));
        if times.peek().is_none() {
            // Status 0: none of them was asked.
            return took_ns.filter(|_| status != Some(0)).map(|took_ns| PassedOn {
                service: if name.is_empty() { BEHIND } else { name },
                instance: address.unwrap_or_default(),
                after_ns,
                took_ns: Some(took_ns),
                status,
            });
        }
        let took_ns = took_ns.unwrap_or(0);
        keep_failed(above, told, (place, after_ns, took_ns, status), origin, id, reading);
        after_ns = after_ns.saturating_add(took_ns);
        place += 1;
    }
}

/// Name of servers behind another one that have none.
const BEHIND: &[u8] = b"upstream";

/// Status of an attempt that failed in a way that is not told.
const BAD_GATEWAY: u64 = 502;

/// Keeps a call that failed: which one of its request, when it was made, how long it took, what came back.
fn keep_failed(
    above: &RawSpan<'_>,
    told: &Told<'_>,
    (place, after_ns, took_ns, status): (u64, u64, u64, Option<u64>),
    origin: OriginRef,
    id: LineId,
    reading: &mut Reading<'_>,
) {
    let start_ns = above.start_ns.saturating_add(after_ns).min(above.end_ns);
    let end_ns = start_ns.saturating_add(took_ns).min(above.end_ns);
    let id = id.hash(4 + place);
    let call = RawSpan { id, parent: above.id, start_ns, end_ns, kind: CLIENT, ..above.clone() };
    let attributes = [
        (Key::HttpRequestMethod, Value::Text(told.method)),
        (Key::UrlPath, Value::Text(path(told.target))),
        (Key::ServerAddress, Value::Text(BEHIND)),
        (Key::HttpStatus, Value::Integer(status.unwrap_or(BAD_GATEWAY) as i64)),
    ];
    // Its times lie within those of the request, which was kept.
    let _ = push(&call, &attributes, origin, reading);
}

/// What a span says of the request that is served.
fn served<'l>(told: &Told<'l>) -> [(Key, Value<'l>); 7] {
    let absent = Value::Text(b"");
    let number = |number: Option<u64>| {
        number.map_or(absent, |number| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
    };
    let is_known = told.encoding.is_some();
    [
        (Key::HttpRequestMethod, Value::Text(told.method)),
        (Key::HttpRoute, Value::Text(told.route)),
        (Key::UrlPath, Value::Text(path(told.target))),
        (Key::HttpStatus, number(told.status)),
        (Key::ResponseBodySize, number(told.bytes)),
        (Key::ContentType, if is_known { Value::Text(told.content_type) } else { absent }),
        (Key::ContentEncoding, Value::Text(told.encoding.unwrap_or_default())),
    ]
}

fn push(
    span: &RawSpan<'_>,
    attributes: &[(Key, Value<'_>)],
    origin: OriginRef,
    reading: &mut Reading<'_>,
) -> Result<(), &'static str> {
    let Found { span, problem, .. } =
        Found { span: RawSpan { attributes, ..span.clone() }, ..Found::default() }.checked();
    if let Some(problem) = problem {
        return Err(problem);
    }
    let typed = reading.typing.span(&span, origin);
    reading.spans.push(Traced { trace: span.trace, span: typed });
    Ok(())
}

/// A path, a URL, `*`, or the host that is to be connected to.
fn is_target(target: &[u8], method: &[u8]) -> bool {
    target.starts_with(b"/")
        || (target == b"*" && method == b"OPTIONS")
        || (!target.is_empty() && method == b"CONNECT")
        || target.windows(3).take(12).any(|bytes| bytes == b"://")
}

/// A target without its query, whose values differ from request to request.
fn path(target: &[u8]) -> &[u8] {
    &target[..memchr2(b'?', b'#', target).unwrap_or(target.len())]
}

/// The elements of `0.001, 0.013 : 0.002`.
pub(super) fn list(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b',' | b' ')).filter(|element| !matches!(*element, b"" | b":"))
}
