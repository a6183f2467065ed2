//! PostgreSQL's log as it is written to stderr, with any `log_line_prefix`.
//!
//! A record begins with a line of prefix, severity and message; lines that begin with a tab go on with it, and
//! what else is told of it (`DETAIL` and so on) has lines of its own with the same prefix.

use std::ops::Range;

use memchr::{memchr, memrchr};

use super::entry::{Entry, Recorder, known};
use super::prefix::{Fields, Prefix};
use super::severity::{self, Part, Severity};
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

#[derive(Debug)]
struct Decoder {
    prefix: Option<Prefix>,
    clock: Clock,
    recorder: Recorder,
}

/// A record while its lines are read; ranges are of the block.
#[derive(Debug)]
struct Record<'b> {
    fields: Fields<'b>,
    severity: Severity,
    line: u64,
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

    /// The prefix of a line; of the file, or of one that was set before or after.
    fn fields<'b>(&mut self, line: &'b [u8]) -> Option<(Fields<'b>, usize)> {
        let own = self.prefix.as_ref().and_then(|prefix| prefix.read(line, &mut self.clock));
        own.or_else(|| Prefix::of_line(line)?.read(line, &mut self.clock))
    }

    fn end(&mut self, reading: &mut Reading<'_>, bytes: &[u8], record: Option<Record<'_>>) {
        let Some(record) = record else { return };
        let Fields { at_ns, session, pid, user, database, application, .. } = record.fields;
        let process;
        let (at_ns, session) = match &reading.places {
            // What the prefix does not say the envelope may.
            Some(places) => {
                process = places.process(record.line).to_vec();
                let at_ns = if at_ns == 0 { places.outside(record.line).at_ns } else { at_ns };
                (at_ns, if session.is_empty() && pid.is_empty() { &process[..] } else { session })
            }
            None => (at_ns, session),
        };
        self.recorder.take(
            reading,
            &Entry {
                at_ns,
                line: record.line,
                session: if session.is_empty() { pid } else { session },
                user: known(user).trim_ascii(),
                database: known(database).trim_ascii(),
                application: known(application).trim_ascii(),
                severity: record.severity,
                message: &bytes[record.message],
                detail: &bytes[record.detail],
                context: &bytes[record.context],
                statement: &bytes[record.statement],
            },
        );
    }
}

impl Decode for Decoder {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let bytes = block.whole(last_record);
        self.recorder.begin(reading, &block.place.file);
        let mut record: Option<Record<'_>> = None;
        let mut number = block.place.line;
        let mut start = 0;
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
            let line = &bytes[start..end];
            if line.first() == Some(&b'\t') {
                if let Some(record) = &mut record {
                    record.go_on(end);
                }
            } else if !line.trim_ascii().is_empty() {
                match self.fields(line) {
                    Some((fields, at)) => {
                        let begun = Record::begin(fields, line, start + at, end, number);
                        match begun.severity {
                            Severity::Part(part) => {
                                if let Some(record) = record.as_mut().filter(|record| record.owns(&begun)) {
                                    record.add(part, begun.message);
                                }
                            }
                            _ => {
                                let ended = record.replace(begun);
                                self.end(reading, bytes, ended);
                            }
                        }
                    }
                    None => {
                        let offset = block.place.offset + start as u64;
                        let reason = "not a line of PostgreSQL's log with a known prefix";
                        reading.skipped.skip(&block.place.file, offset, number, line.len() as u64, reason);
                    }
                }
            }
            number += 1;
            start = end + 1;
        }
        self.end(reading, bytes, record);
        bytes.len()
    }
}

impl<'b> Record<'b> {
    fn begin(fields: Fields<'b>, line: &[u8], at: usize, end: usize, number: u64) -> Self {
        let rest = &line[line.len() - (end - at)..];
        let (severity, length) = severity::read(rest).unwrap_or((Severity::Log, 0));
        Self {
            fields,
            severity,
            line: number,
            message: at + length..end,
            detail: 0..0,
            context: 0..0,
            statement: 0..0,
            latest: None,
        }
    }

    /// Whether a line that tells more is of the same session.
    fn owns(&self, other: &Self) -> bool {
        (self.fields.session, self.fields.pid) == (other.fields.session, other.fields.pid)
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
