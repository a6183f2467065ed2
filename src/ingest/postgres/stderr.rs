//! PostgreSQL's log as it is written to stderr, with any `log_line_prefix`.
//!
//! A record begins with a line of prefix, severity and message; lines that begin with a tab go on with it, and
//! what else is told of it (`DETAIL` and so on) has lines of its own with the same prefix.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memrchr};

use super::entry::{Entry, Recorder, known, same};
use super::leading::Leading;
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
    /// What it begins with, where that alone may be all.
    leading: Option<Leading>,
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
        let leading = prefix.as_ref().and_then(Leading::of);
        Self { prefix, leading, clock: Clock::default(), recorder: Recorder::default() }
    }

    /// Reads the front of a line, with the prefix of the file or of one that was set before or after: its severity, and
    /// where its message begins. Lines that tell more of a record, and often the next record of a session, begin as
    /// the line before, of which `front` is.
    fn front<'b>(&mut self, line: &'b [u8], front: &mut Front<'b>) -> Option<(Severity, usize)> {
        let prefix = Some(front.prefix).filter(|prefix| !prefix.is_empty());
        let behind = prefix.and_then(|prefix| line.strip_prefix(prefix));
        if let Some((severity, length)) = behind.and_then(severity::read) {
            return Some((severity, front.prefix.len() + length));
        }
        front.prefix = b"";
        if let Some((at, (severity, length))) = self.own_front(line, &mut front.fields) {
            if !front.fields.retried {
                front.prefix = &line[..at];
            }
            return Some((severity, at + length));
        }
        let (at, (severity, length)) = front.fields.read(&Prefix::of_line(line)?, line, &mut self.clock)?;
        Some((severity, at + length))
    }

    /// Reads the front of a line with the prefix of the file: where the severity begins, the severity and its length.
    fn own_front<'b>(
        &mut self,
        line: &'b [u8],
        fields: &mut Fields<'b>,
    ) -> Option<(usize, (Severity, usize))> {
        let prefix = self.prefix.as_ref()?;
        match &self.leading {
            Some(leading) => leading.read(prefix, line, &mut self.clock, fields),
            None => fields.read(prefix, line, &mut self.clock),
        }
    }

    fn end(&mut self, reading: &mut Reading<'_>, block: &Block<'_>, record: &Record<'_>) {
        let bytes = block.bytes;
        let &Fields { at_ns, session, pid, user, database, application, .. } = &record.fields;
        let outside;
        let session = match (session, pid) {
            (b"", b"") => {
                // What the prefix does not say the envelope may.
                outside = reading.places.as_ref().map(|places| places.process(record.line).to_vec());
                outside.as_deref().unwrap_or_default()
            }
            (b"", pid) => pid,
            (session, _) => session,
        };
        let at_ns = if at_ns == 0 { time_outside(reading, record.line) } else { at_ns };
        if session.is_empty() {
            reading.remarks.insert(NO_PROCESS);
        }
        let entry = Entry {
            at_ns,
            line: record.line,
            session,
            user: name(user),
            database: name(database),
            application: name(application),
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

/// When a line was written whose prefix does not say it.
fn time_outside(reading: &mut Reading<'_>, line: u64) -> u64 {
    let told_ns = reading.places.as_ref().map_or(0, |places| places.outside(line).at_ns);
    if is_without_year(told_ns) {
        reading.remarks.insert(NO_YEAR);
    }
    if told_ns == 0 {
        reading.remarks.insert(NO_TIME);
        // Far from one another, in their order.
        return reading.line(line).saturating_mul(APART_NS);
    }
    told_ns
}

/// A name of a prefix, which may be filled up to a width; most prefixes have none.
fn name(text: &[u8]) -> &[u8] {
    if text.is_empty() { text } else { known(text).trim_ascii() }
}

fn is_blank(line: &[u8]) -> bool {
    line.first().is_none_or(u8::is_ascii_whitespace) && line.trim_ascii().is_empty()
}

impl<'b> Fields<'b> {
    /// Reads what a prefix says: where the severity begins, the severity and its length.
    fn read(
        &mut self,
        prefix: &Prefix,
        line: &'b [u8],
        clock: &mut Clock,
    ) -> Option<(usize, (Severity, usize))> {
        let (fields, at) = prefix.read(line, clock)?;
        *self = fields;
        Some((at, severity::read(&line[at..])?))
    }
}

/// A line in a block.
#[derive(Debug, Clone, Copy)]
struct Line<'b> {
    number: u64,
    /// Where it begins and ends.
    start: usize,
    end: usize,
    text: &'b [u8],
}

/// What was read of a block's last lines.
#[derive(Debug, Default)]
struct Latest<'b> {
    record: Option<Record<'b>>,
    front: Front<'b>,
}

impl Decode for Decoder {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let bytes = block.whole(last_record);
        self.recorder.begin(reading, &block.place.file);
        let mut latest = Latest::default();
        let mut number = block.place.line;
        let mut start = if bytes.starts_with(MARK) { MARK.len() } else { 0 };
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
            let text = &bytes[start..end];
            if let (Some(b'\t'), Some(record)) = (text.first(), &mut latest.record) {
                record.go_on(end);
            } else if !is_blank(text)
                && let Err(reason) = self.line(reading, block, &mut latest, Line { number, start, end, text })
            {
                let offset = block.place.offset + start as u64;
                reading.skipped.skip(&block.place.file, offset, number, text.len() as u64, &reason);
            }
            number += 1;
            start = end + 1;
        }
        if let Some(record) = &latest.record {
            self.end(reading, block, record);
        }
        reading.remarks.extend(self.clock.assumed());
        bytes.len()
    }
}

impl Decoder {
    /// Takes a line that is not blank; says why where it is skipped.
    fn line<'b>(
        &mut self,
        reading: &mut Reading<'_>,
        block: &Block<'_>,
        Latest { record, front }: &mut Latest<'b>,
        Line { number, start, end, text }: Line<'b>,
    ) -> Result<(), Cow<'static, str>> {
        if text.first() == Some(&b'\t') {
            return Err("a line that goes on with what is not in this log".into());
        }
        match (self.front(text, front), record) {
            (Some((Severity::Part(part), at)), Some(record)) if record.owns(&front.fields) => {
                record.add(part, start + at..end);
            }
            (Some((Severity::Part(_), _)), _) => {
                return Err("a line that tells more of what is not before it".into());
            }
            (Some((severity, at)), record) => {
                if let Some(record) = record {
                    self.end(reading, block, record);
                }
                *record = Some(Record::begin(&front.fields, severity, number, start, start + at..end));
            }
            // Tabs become blanks where lines are copied.
            (None, Some(record)) if text.starts_with(b" ") => record.go_on(end),
            (None, _) => {
                let form = hidden(text);
                let reason = "not a line of PostgreSQL's log with a known prefix (its form is";
                return Err(format!("{reason} `{form}`)").into());
            }
        }
        Ok(())
    }
}

impl<'b> Record<'b> {
    #[inline(always)]
    fn begin(
        fields: &Fields<'b>,
        severity: Severity,
        line: u64,
        start: usize,
        message: Range<usize>,
    ) -> Self {
        Self {
            fields: *fields,
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
        same(self.fields.session, other.session) && same(self.fields.pid, other.pid)
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
