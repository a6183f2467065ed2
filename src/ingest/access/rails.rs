//! Rails: `Started GET "/orders/17"` and `Completed 200 OK in 345ms`, and the lines of lograge.
//!
//! Both lines of a request have its id where `config.log_tags = [:request_id]` is set. Without it they are paired by
//! process; where two requests of one process overlap, neither is taken. Other lines are no requests and pass by.
//!
//! Source: Rails 7.1, "Debugging Rails Applications"; `Rails::Rack::Logger`, `ActionController::LogSubscriber`; lograge,
//! "README".

use memchr::{memchr, memmem};
use rustc_hash::FxHashMap;

use super::fields::{Fields, Table};
use super::lines::{Lines, cut, each_line, first_lines};
use super::meaning::Meaning;
use super::request::{LineId, Requests, Told};
use super::times::{Moment, Unit, duration_ns, moment, number};
use crate::ingest::{Block, Decode, Format, Framing, Head, Place, Reading, Rest};

pub(in crate::ingest) const RAILS: Format = Format {
    name: "rails-log",
    summary: "logs of Rails: `Started GET …` and `Completed 200 OK in 345ms`, by request id or by process",
    sniff,
    cut: |_, _| 0,
    decoder: |_| Box::new(Rails::new()),
};

fn sniff(head: Head<'_>) -> Option<Framing> {
    let is_of_it = |line: &[u8]| matches!(Line::of(line), Some(Line { said: Said::Started { .. }, .. }));
    first_lines(head.bytes, head.whole).any(is_of_it).then_some(Framing::Document)
}

/// Requests that have begun and not ended, at most: more means that ends are missing.
const OPEN_MAX: usize = 10_000;

const WITHOUT_END: &str = "a request that began and did not end in this log";
const WITHOUT_BEGIN: &str = "a request that ended and did not begin in this log";
const OVERLAPS: &str =
    "requests of one process overlap and cannot be told apart: config.log_tags = [:request_id]";

/// Pairs the lines of each request.
struct Rails {
    requests: Requests,
    open: FxHashMap<Box<[u8]>, Started>,
    in_long_line: bool,
}

/// What began.
struct Started {
    method: Box<[u8]>,
    target: Box<[u8]>,
    process: Box<[u8]>,
    moment: Option<Moment>,
    id: LineId,
    line: u64,
    /// Another one of the same process was open.
    overlaps: bool,
}

/// A line that is about a request.
struct Line<'l> {
    /// When it was written.
    moment: Option<Moment>,
    process: &'l [u8],
    /// What it has in common with other lines of its request: its tags, else the process.
    key: &'l [u8],
    said: Said<'l>,
}

enum Said<'l> {
    /// Method and path, and when.
    Started { method: &'l [u8], target: &'l [u8], at: &'l [u8] },
    /// Status, and how long it took.
    Completed { status: &'l [u8], took: &'l [u8] },
}

impl<'l> Line<'l> {
    fn of(line: &'l [u8]) -> Option<Self> {
        const STARTED: &[u8] = b"Started ";
        const COMPLETED: &[u8] = b"Completed ";
        let (at, said) = match memmem::find(line, STARTED) {
            Some(at) => (at, started(&line[at + STARTED.len()..])?),
            None => {
                let at = memmem::find(line, COMPLETED)?;
                (at, completed(&line[at + COMPLETED.len()..])?)
            }
        };
        let before = &line[..at];
        // `I, [2024-01-01T00:00:00.123456 #4242]  INFO -- : [id] `
        let (written, tags) = match memmem::find(before, b" -- ") {
            Some(end) => (&before[..end], before[end + 4..].trim_ascii_start().strip_prefix(b":")?),
            None => (&b""[..], before),
        };
        let inside = memchr(b'[', written).map_or(&b""[..], |open| &written[open + 1..]);
        let inside = &inside[..memchr(b']', inside).unwrap_or(inside.len())];
        let mut words = inside.split(|byte| *byte == b' ');
        let moment = words.next().and_then(moment);
        let process = words.find_map(|word| word.strip_prefix(b"#")).unwrap_or_default();
        let tags = tags.trim_ascii();
        // What a program says in the middle of a line is no begin of a request.
        let are_tags = tags.is_empty() || (tags.starts_with(b"[") && tags.ends_with(b"]"));
        are_tags.then_some(Self { moment, process, key: if tags.is_empty() { process } else { tags }, said })
    }
}

/// `GET "/orders/17?page=2" for 127.0.0.1 at 2024-01-01 00:00:00 +0000`
fn started(text: &[u8]) -> Option<Said<'_>> {
    let quote = memchr(b'"', text)?;
    let method = text[..quote].trim_ascii();
    let rest = &text[quote + 1..];
    let end = memmem::find(rest, b"\" for ")?;
    let at = memmem::rfind(rest, b" at ").map_or(&b""[..], |at| &rest[at + 4..]);
    let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase);
    is_method.then_some(Said::Started { method, target: &rest[..end], at })
}

/// `200 OK in 345ms (Views: 12.3ms | ActiveRecord: 280.1ms)`
fn completed(text: &[u8]) -> Option<Said<'_>> {
    let status = text.get(..3).filter(|status| number(status).is_some())?;
    let took = &text[memmem::find(text, b" in ")? + 4..];
    let took = &took[..memchr(b' ', took).unwrap_or(took.len())];
    took.ends_with(b"ms").then_some(Said::Completed { status, took })
}

impl Rails {
    fn new() -> Self {
        let requests = Requests::new("rails-log", "rails", "ruby");
        Self { requests, open: FxHashMap::default(), in_long_line: false }
    }

    fn line(
        &mut self,
        line: &[u8],
        id: LineId,
        here: (&Place, u64),
        reading: &mut Reading<'_>,
    ) -> Result<(), &'static str> {
        let Some(line) = Line::of(line) else { return Ok(()) };
        match line.said {
            Said::Started { method, target, at } => {
                if self.open.len() >= OPEN_MAX {
                    self.give_up(here.0, reading);
                }
                let mut started = Started {
                    method: method.into(),
                    target: target.into(),
                    process: line.process.into(),
                    moment: line.moment.or_else(|| moment(at)),
                    id,
                    line: here.1,
                    overlaps: false,
                };
                let before = self.open.remove(line.key);
                started.overlaps = before.is_some();
                self.open.insert(line.key.into(), started);
                if let Some(before) = before {
                    skip(&before, OVERLAPS, here.0, reading);
                }
                Ok(())
            }
            Said::Completed { status, took } => {
                let started = self.open.remove(line.key).ok_or(WITHOUT_BEGIN)?;
                if started.overlaps {
                    return Err(OVERLAPS);
                }
                let told = Told {
                    moment: started.moment,
                    duration_ns: duration_ns(took, Unit::Milliseconds),
                    method: &started.method,
                    target: &started.target,
                    status: number(status),
                    instance: &started.process,
                    ..Told::default()
                };
                self.requests.keep(&told, started.id, reading)
            }
        }
    }

    /// Counts what has begun and will not be seen to end.
    fn give_up(&mut self, place: &Place, reading: &mut Reading<'_>) {
        for (_, started) in self.open.drain() {
            skip(&started, WITHOUT_END, place, reading);
        }
    }
}

fn skip(started: &Started, reason: &str, place: &Place, reading: &mut Reading<'_>) {
    reading.skipped.skip(&place.file, started.id.offset, started.line, 0, reason);
}

impl Decode for Rails {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let mut in_long_line = self.in_long_line;
        let done = each_line(reading, block, &mut in_long_line, |line, id, number, reading| {
            self.line(line, id, (block.place, number), reading)
        });
        self.in_long_line = in_long_line;
        if block.rest == Rest::Nothing {
            self.give_up(block.place, reading);
        }
        done
    }
}

pub(in crate::ingest) const LOGRAGE: Format = Format {
    name: "lograge-log",
    summary: "logs of Rails by lograge: `method=GET path=/orders status=200 duration=58.33`, or JSON with the same names",
    sniff: |head| FIELDS.sniff(head),
    cut,
    decoder: |_| Lines::boxed(Fields::of(&FIELDS), "lograge-log", "rails", "ruby"),
};

static FIELDS: Table = Table {
    must_have: &[&["method"], &["path"], &["status"], &["duration"], &["controller", "db"]],
    at_end: true,
    fields: &[
        ("@timestamp", Meaning::Time),
        ("timestamp", Meaning::Time),
        ("time", Meaning::Time),
        ("duration", Meaning::Duration(Unit::Milliseconds)),
        ("method", Meaning::Method),
        ("path", Meaning::Target),
        ("status", Meaning::Status),
        ("host", Meaning::Host),
        ("pid", Meaning::Process),
        ("trace_id", Meaning::Trace),
        ("controller", Meaning::Other),
        ("db", Meaning::Other),
    ],
};
