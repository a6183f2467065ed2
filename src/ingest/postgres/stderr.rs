//! PostgreSQL's log as it is written to stderr, with any `log_line_prefix`.
//!
//! A record begins with a line of prefix, severity and message; lines that begin with a tab go on with it, and
//! what else is told of it (`DETAIL` and so on) has lines of its own with the same prefix.

use std::ops::Range;

use memchr::{memchr, memrchr};

use super::entry::{Entry, Recorder, known};
use super::prefix::{Fields, Prefix, hidden};
use super::severity::{self, Part, Severity};
use crate::ingest::envelopes::{NO_YEAR, is_without_year};
use crate::ingest::json::MARK;
use crate::ingest::timestamp::Clock;
use crate::ingest::{Block, Decode, Format, Framing, Head, Reading};

/// The log on stderr.
pub(in crate::ingest) const FORMAT: Format = Format {
    name: "postgresql-log",
    summary: "PostgreSQL's log on stderr with any log_line_prefix, which is found out",
    sniff,
    cut,
    decoder: |framing| Box::new(Decoder::new(framing)),
};

fn sniff(head: Head<'_>) -> Option<Framing> {
    let text = head.text();
    // Lines that another program has put into JSON.
    if text.first() == Some(&b'{') {
        return None;
    }
    Prefix::detect(text).map(Framing::Log)
}

fn cut(_: Framing, bytes: &[u8]) -> usize {
    last_record(bytes)
}

/// Where the last line is that begins a record; what tells more of the record before does not.
fn last_record(bytes: &[u8]) -> usize {
    let mut end = bytes.len();
    while let Some(newline) = memrchr(b'\n', &bytes[..end]) {
        let line = &bytes[newline + 1..];
        let line = &line[..memchr(b'\n', line).unwrap_or(line.len())];
        let begins = line.first().is_some_and(|byte| *byte != b'\t')
            && severity::find(line)
                .and_then(|at| severity::read(&line[at..]))
                .is_some_and(|(severity, _)| !matches!(severity, Severity::Part(_)));
        if begins {
            return newline + 1;
        }
        end = newline;
    }
    0
}

const NO_TIME: &str = "a log of PostgreSQL has no time in front of its lines (%m in log_line_prefix): statements are \
                       counted, but of which request they are is told by transactions and comments alone";

const NO_PROCESS: &str = "a log of PostgreSQL names no process in front of its lines (%p or %c in log_line_prefix): \
                          statements are counted, but which follow one another in a session is not known";

/// Between records of a log without times: no pause within a request is as long.
const APART_NS: u64 = 60_000_000_000;

#[derive(Debug)]
struct Decoder {
    prefix: Option<Prefix>,
    clock: Clock,
    recorder: Recorder,
}

/// What the front of a line says, and its bytes; none where they do not decide that alone.
#[derive(Debug, Default)]
struct Front<'b> {
    fields: Fields<'b>,
    prefix: &'b [u8],
}

/// A record while its lines are read; ranges are of the block.
#[derive(Debug)]
struct Record<'b> {
    fields: Fields<'b>,
    severity: Severity,
    line: u64,
    /// Where its first line begins.
    start: usize,
    message: Range<usize>,
    detail: Range<usize>,
    context: Range<usize>,
    statement: Range<usize>,
    /// What a line that begins with a tab goes on with.
    latest: Option<Part>,
}

impl Decoder {
    fn new(framing: Framing) -> Self {
        let prefix = if let Framing::Log(prefix) = framing { Some(prefix) } else { None };
        Self { prefix, clock: Clock::default(), recorder: Recorder::default() }
    }

    /// Reads the front of a line, with the prefix of the file or of one that was set before or after: its severity, and
    /// where its message begins. Lines that tell more of a record, and often the next record of a session, begin as
    /// the line before, of which `front` is.
    fn front<'b>(&mut self, line: &'b [u8], front: &mut Front<'b>) -> Option<(Severity, usize)> {
        let same = line.strip_prefix(front.prefix).filter(|_| !front.prefix.is_empty());
        if let Some((severity, length)) = same.and_then(severity::read) {
            return Some((severity, front.prefix.len() + length));
        }
        let own = self.prefix.as_ref().and_then(|prefix| prefix.read(line, &mut self.clock));
        let is_sure = own.is_some_and(|(fields, _)| !fields.retried);
        let (fields, at) = own.or_else(|| Prefix::of_line(line)?.read(line, &mut self.clock))?;
        *front = Front { fields, prefix: if is_sure { &line[..at] } else { b"" } };
        severity::read(&line[at..]).map(|(severity, length)| (severity, at + length))
    }

    fn end(&mut self, reading: &mut Reading<'_>, block: &Block<'_>, record: &Record<'_>) {
        let bytes = block.bytes;
        let Fields { at_ns, session, pid, user, database, application, .. } = record.fields;
        let outside = reading
            .places
            .as_ref()
            .map(|places| (places.outside(record.line).at_ns, places.process(record.line).to_vec()));
        // What the prefix does not say the envelope may.
        let (told_ns, process) = outside.unwrap_or_default();
        let session = [session, pid].into_iter().find(|told| !told.is_empty()).unwrap_or(&process);
        if at_ns == 0 && is_without_year(told_ns) {
            reading.remarks.insert(NO_YEAR);
        }
        let at_ns = [at_ns, told_ns].into_iter().find(|told| *told > 0).unwrap_or_else(|| {
            reading.remarks.insert(NO_TIME);
            // Far from one another, in their order.
            reading.line(record.line).saturating_mul(APART_NS)
        });
        if session.is_empty() {
            reading.remarks.insert(NO_PROCESS);
        }
        let entry = Entry {
            at_ns,
            line: record.line,
            session,
            user: known(user).trim_ascii(),
            database: known(database).trim_ascii(),
            application: known(application).trim_ascii(),
            severity: record.severity,
            message: &bytes[record.message.clone()],
            detail: &bytes[record.detail.clone()],
            context: &bytes[record.context.clone()],
            statement: &bytes[record.statement.clone()],
        };
        if let Err(reason) = self.recorder.take(reading, &entry) {
            let length = (record.message.end - record.start) as u64;
            let offset = block.place.offset + record.start as u64;
            reading.skipped.skip(&block.place.file, offset, record.line, length, reason);
        }
    }
}

impl Decode for Decoder {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let bytes = block.whole(last_record);
        self.recorder.begin(reading, &block.place.file);
        let mut record: Option<Record<'_>> = None;
        let mut front = Front::default();
        let mut number = block.place.line;
        let mut start = if bytes.starts_with(MARK) { MARK.len() } else { 0 };
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
            let line = &bytes[start..end];
            let mut skip = |reason: &str| {
                let offset = block.place.offset + start as u64;
                reading.skipped.skip(&block.place.file, offset, number, line.len() as u64, reason);
            };
            if line.first() == Some(&b'\t') {
                match &mut record {
                    Some(record) => record.go_on(end),
                    None => skip("a line that goes on with what is not in this log"),
                }
            } else if !line.trim_ascii().is_empty() {
                match self.front(line, &mut front) {
                    Some((Severity::Part(part), at)) => {
                        match record.as_mut().filter(|record| record.owns(&front.fields)) {
                            Some(record) => record.add(part, start + at..end),
                            None => skip("a line that tells more of what is not before it"),
                        }
                    }
                    Some((severity, at)) => {
                        if let Some(record) = &record {
                            self.end(reading, block, record);
                        }
                        let message = start + at..end;
                        record = Some(Record::begin(front.fields, severity, number, start, message));
                    }
                    // Tabs become blanks where lines are copied.
                    None if line.starts_with(b" ") && record.is_some() => {
                        if let Some(record) = &mut record {
                            record.go_on(end);
                        }
                    }
                    None => skip(&format!(
                        "not a line of PostgreSQL's log with a known prefix (its form is `{}`)",
                        hidden(line)
                    )),
                }
            }
            number += 1;
            start = end + 1;
        }
        if let Some(record) = &record {
            self.end(reading, block, record);
        }
        reading.remarks.extend(self.clock.assumed());
        bytes.len()
    }
}

impl<'b> Record<'b> {
    fn begin(fields: Fields<'b>, severity: Severity, line: u64, start: usize, message: Range<usize>) -> Self {
        Self {
            fields,
            severity,
            line,
            start,
            message,
            detail: 0..0,
            context: 0..0,
            statement: 0..0,
            latest: None,
        }
    }

    /// Whether a line that tells more is of the same session.
    fn owns(&self, other: &Fields<'_>) -> bool {
        (self.fields.session, self.fields.pid) == (other.session, other.pid)
    }

    fn add(&mut self, part: Part, text: Range<usize>) {
        self.latest = Some(part);
        match part {
            Part::Detail => self.detail = text,
            Part::Context => self.context = text,
            Part::Statement => self.statement = text,
            Part::Other => {}
        }
    }

    /// Another line of what came last.
    fn go_on(&mut self, end: usize) {
        match self.latest {
            None => self.message.end = end,
            Some(Part::Detail) => self.detail.end = end,
            Some(Part::Context) => self.context.end = end,
            Some(Part::Statement) => self.statement.end = end,
            Some(Part::Other) => {}
        }
    }
}
