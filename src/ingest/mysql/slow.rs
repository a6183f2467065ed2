//! The slow log of MySQL, Percona Server and MariaDB.
//!
//! An event is a header of lines that begin with `#`, then `use` where the database is another one than before,
//! `SET timestamp`, and the statement up to the next event. A statement may have lines that look like those of a
//! header: an event begins where a statement has ended with a semicolon, and its header says how long it took.

use memchr::memmem::{self, Finder};
use memchr::{memchr, memchr_iter, memrchr};

use detectors::evidence::{Effort, Logged, Status, Traced};

use super::header::{Header, seconds};
use super::recorder::{Owner, Recorder, name_of_use};
use crate::ingest::typing::saturated;
use crate::ingest::{Block, Decode, Format, Framing, Head, Reading};

/// The slow log.
pub(in crate::ingest) const FORMAT: Format = Format {
    name: "mysql-slow-log",
    summary: "the slow log of MySQL, Percona Server and MariaDB",
    sniff,
    cut: |_, bytes| last_event(bytes),
    decoder: |_| Box::new(Decoder { user: Finder::new(USER), recorder: Recorder::default() }),
};

/// Begins the line of a header that each event has.
pub(super) const USER: &[u8] = b"# User@Host: ";

/// May be the line before.
const TIME: &[u8] = b"# Time: ";

/// The line that says how long it took is at the latest so many lines behind that of the user.
const HEADER_LINES_MAX: usize = 8;

/// Other lines before `SET timestamp`: profiles of Percona Server that go on without a `#`.
const OTHER_LINES_MAX: usize = 8;

/// A shorter wait for locks is what opening a table takes.
const LOCKED_MIN_NS: u64 = 1_000_000;

fn sniff(head: Head<'_>) -> Option<Framing> {
    next_event(&Finder::new(USER), head.bytes, 0).map(|_| Framing::Lines)
}

/// Where the last event begins of which the header is there.
fn last_event(bytes: &[u8]) -> usize {
    let mut end = bytes.len();
    while let Some(at) = memmem::rfind(&bytes[..end], USER) {
        if let Some(start) = begins(bytes, at, false) {
            return start;
        }
        end = at;
    }
    0
}

/// Where the next event begins of which the line of its user is behind a place, and where that line goes on.
pub(super) fn next_event(user: &Finder<'_>, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut users = user.find_iter(&bytes[from..]).map(|at| from + at);
    users.find_map(|at| Some((begins(bytes, at, true)?, at + USER.len())))
}

/// Where an event begins that has the line of its user at a place; `None` where this is within a statement. A header
/// that ends with the bytes is one where nothing follows them.
fn begins(bytes: &[u8], user_at: usize, ended: bool) -> Option<usize> {
    let line_before = |end: usize| memrchr(b'\n', &bytes[..end]).map_or(0, |at| at + 1);
    if user_at > 0 && bytes[user_at - 1] != b'\n' {
        return None;
    }
    let before = if user_at > 0 { line_before(user_at - 1) } else { 0 };
    let start = if bytes[before..user_at].starts_with(TIME) { before } else { user_at };
    (ends_statement(&bytes[..start]) && says_how_long(&bytes[user_at..], ended)).then_some(start)
}

/// Whether a statement ends here, or the head that a server writes when it starts.
fn ends_statement(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_end();
    let line = || &bytes[memrchr(b'\n', bytes).map_or(0, |at| at + 1)..];
    bytes.is_empty() || bytes.ends_with(b";") || is_column_heads(line())
}

/// The last of the three lines of a server's start, `Time                 Id Command    Argument`.
fn is_column_heads(line: &[u8]) -> bool {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    [&b"Time"[..], b"Id", b"Command", b"Argument"].into_iter().all(|word| words.next() == Some(word))
}

fn says_how_long(header: &[u8], ended: bool) -> bool {
    let mut rest = header;
    for _ in 0..HEADER_LINES_MAX {
        let Some(end) = memchr(b'\n', rest) else { return ended && rest.starts_with(b"#") };
        if rest.starts_with(b"# Query_time: ") {
            return true;
        }
        rest = &rest[end + 1..];
        if !rest.starts_with(b"#") {
            return ended && rest.is_empty();
        }
    }
    false
}

struct Decoder {
    user: Finder<'static>,
    recorder: Recorder,
}

/// Which database the log is in: that of the latest `use` of any connection, as far as this block tells.
#[derive(Debug, Default)]
struct Used {
    owner: Owner,
    /// The line that says so.
    line: Option<u64>,
}

impl Decode for Decoder {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let bytes = block.whole(last_event);
        self.recorder.begin(reading, &block.place.file);
        let unnamed = self.recorder.owner(reading, b"");
        let mut used = Used { owner: unnamed, line: None };
        let mut line = block.place.line;
        let (mut start, mut from) = next_event(&self.user, bytes, 0).unwrap_or((bytes.len(), bytes.len()));
        let before = &bytes[..start];
        if !is_head(before) {
            let reason = "not an event of a slow log";
            reading.skipped.skip(&block.place.file, block.place.offset, line, before.len() as u64, reason);
        }
        line += lines(before);
        while start < bytes.len() {
            let (end, next) = next_event(&self.user, bytes, from).unwrap_or((bytes.len(), bytes.len()));
            let event = &bytes[start..end];
            if !self.event(reading, event, line, &mut used) {
                let offset = block.place.offset + start as u64;
                let reason = "an event of a slow log that does not say how long it took";
                reading.skipped.skip(&block.place.file, offset, line, event.len() as u64, reason);
            }
            line += lines(event);
            (start, from) = (end, next);
        }
        if let Some(line) = used.line {
            let id = self.recorder.id(reading.line(line));
            reading.typing.note_database(id, used.owner.origin, used.owner.target);
        }
        bytes.len()
    }
}

impl Decoder {
    /// Takes an event; `false` if it does not tell enough.
    fn event(&mut self, reading: &mut Reading<'_>, event: &[u8], line: u64, used: &mut Used) -> bool {
        let mut header = Header::default();
        let mut lines = Lines { rest: event, number: line };
        while let Some(line) = lines.next_if(|line| line.starts_with(b"#")) {
            header.line(line);
        }
        let name = lines.next_if(|line| line.starts_with(b"use "));
        if let Some(name) = name.filter(|_| header.schema.is_none()) {
            used.owner = self.recorder.owner(reading, &name_of_use(name));
            used.line = Some(lines.number - 1);
        }
        let second_ns = lines.timestamp();
        let (Some(took_ns), true) = (header.took_ns, header.ended_ns.is_some() || second_ns.is_some()) else {
            return false;
        };
        let text = statement(lines.rest);
        if text.is_empty() || text.starts_with(b"# administrator command: ") {
            return true;
        }
        let owner = header.schema.map_or(used.owner, |schema| self.recorder.owner(reading, schema));
        let connection = if header.thread.is_empty() { header.account } else { header.thread };
        let trace = self.recorder.session(connection);
        let (at_ns, logged) = match header.ended_ns {
            Some(ended_ns) => (ended_ns, Logged::Execution),
            // MariaDB writes the second in which a statement began, MySQL until 8.0.13 that in which it ended.
            None if header.of_mariadb => (second_ns.unwrap_or(0), Logged::Begun),
            None => (second_ns.unwrap_or(0), Logged::Execution),
        };
        if header.locked_ns >= LOCKED_MIN_NS {
            reading.events.lock_wait();
            let mut locked = self.recorder.line(reading.line(line), at_ns, owner, Logged::Locked);
            locked.end_ns = at_ns.saturating_add(header.locked_ns);
            reading.spans.push(Traced { trace, span: locked });
        }
        let mut span = self.recorder.line(reading.line(lines.number), at_ns, owner, logged);
        span.end_ns = at_ns.saturating_add(took_ns);
        span.rows = saturated(header.rows_sent.filter(|sent| *sent > 0).or(header.rows_affected));
        if let Some(examined) = header.rows_examined {
            span.examined = saturated(Some(examined));
            span.effort = header.effort;
            span.effort.add(Effort::TOLD);
        }
        span.repeats = header.one_of.clamp(1, u64::from(u32::MAX)) as u32;
        if let Some(failure) = header.failure {
            (span.status, span.status_code) = (Status::Error, failure as u16);
        }
        self.recorder.push(reading, trace, span, text);
        true
    }
}

/// Lines of an event, one after another.
pub(super) struct Lines<'b> {
    pub(super) rest: &'b [u8],
    /// Of the first line of the rest.
    pub(super) number: u64,
}

impl<'b> Lines<'b> {
    pub(super) fn next_if(&mut self, is_wanted: impl FnOnce(&[u8]) -> bool) -> Option<&'b [u8]> {
        let length = memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        let line = &self.rest[..length];
        if line.is_empty() || !is_wanted(line) {
            return None;
        }
        self.rest = &self.rest[(length + 1).min(self.rest.len())..];
        self.number += 1;
        Some(line.trim_ascii_end())
    }

    /// Takes `SET timestamp=1795888828;` and what is before it; nothing where there is none.
    pub(super) fn timestamp(&mut self) -> Option<u64> {
        let mut lines = Lines { ..*self };
        for _ in 0..OTHER_LINES_MAX {
            let line = lines.next_if(|_| true)?;
            if let Some(settings) = line.strip_prefix(b"SET ").and_then(|set| set.strip_suffix(b";")) {
                let mut settings = settings.split(|byte| *byte == b',');
                if let Some(at_ns) = settings.find_map(|one| seconds(one.strip_prefix(b"timestamp=")?)) {
                    *self = lines;
                    return Some(at_ns);
                }
            }
        }
        None
    }
}

/// The statement of an event, without what ends it and without the head of a server that started after it.
pub(super) fn statement(text: &[u8]) -> &[u8] {
    let mut text = text.trim_ascii();
    let line_before = |end: usize| memrchr(b'\n', &text[..end]);
    if let Some(heads) = line_before(text.len()).filter(|at| is_column_heads(&text[at + 1..])) {
        let ports = line_before(heads);
        let version = ports.and_then(line_before);
        text = text[..version.unwrap_or(0)].trim_ascii_end();
    }
    text.strip_suffix(b";").unwrap_or(text)
}

/// Whether nothing is there, or what servers write when they start.
pub(super) fn is_head(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii();
    bytes.is_empty() || is_column_heads(&bytes[memrchr(b'\n', bytes).map_or(0, |at| at + 1)..])
}

fn lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}
