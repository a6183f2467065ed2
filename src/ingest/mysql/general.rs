//! The general log of MySQL and MariaDB: each command as it begins, without how long it takes.
//!
//! A line of time, number of the connection, command and text begins a record; lines that do not look like that go on
//! with its text. Older servers write the time only where the second is another one than before, so blocks begin with a
//! line that has one.

use detectors::evidence::{Logged, Traced};
use memchr::{memchr, memrchr};

use super::recorder::{Recorder, name_of_use};
use crate::ingest::timestamp;
use crate::ingest::{Block, Decode, Format, Framing, Head, Place, Reading};

/// The general log.
pub(in crate::ingest) const FORMAT: Format = Format {
    name: "mysql-general-log",
    summary: "the general log of MySQL and MariaDB",
    sniff,
    cut: |_, bytes| last_with_time(bytes),
    decoder: |_| Box::new(Decoder::default()),
};

/// So many lines at the front of a log may be no records: what a server writes when it starts, the rest of a statement.
const LINES_BEFORE_MAX: usize = 64;

const COMMANDS: [&[u8]; 31] = [
    b"Query",
    b"Execute",
    b"Prepare",
    b"Close stmt",
    b"Connect",
    b"Quit",
    b"Init DB",
    b"Reset stmt",
    b"Long Data",
    b"Fetch",
    b"Ping",
    b"Field List",
    b"Statistics",
    b"Change user",
    b"Set option",
    b"Reset connection",
    b"Reset Connection",
    b"Kill",
    b"Processlist",
    b"Refresh",
    b"Shutdown",
    b"Debug",
    b"Daemon",
    b"Sleep",
    b"Create DB",
    b"Drop DB",
    b"Time",
    b"Binlog Dump",
    b"Table Dump",
    b"Register Slave",
    b"Delayed insert",
];

const NO_ZONE: &str = "a log names no time zone: its times are taken for UTC";

/// The line that begins a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start<'b> {
    at: Option<Moment>,
    connection: &'b [u8],
    pub(super) command: &'b [u8],
    /// Where its text begins in the line.
    pub(super) text: usize,
}

/// Nanoseconds since the Unix epoch, and whether the zone is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    ns: u64,
    zoned: bool,
}

impl<'b> Start<'b> {
    pub(super) fn of(line: &'b [u8]) -> Option<Self> {
        let (at, mut from) = time(line)?;
        from += line[from..].iter().take_while(|byte| **byte == b' ').count();
        let digits = line[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (connection, rest) = line[from..].split_at(digits);
        let rest = rest.strip_prefix(b" ").filter(|_| digits > 0)?;
        let (command, _) = rest.split_at(memchr(b'\t', rest)?);
        let command = command.trim_ascii();
        let text = line.len() - rest.len() + memchr(b'\t', rest)? + 1;
        COMMANDS.contains(&command).then_some(Self { at, connection, command, text })
    }
}

/// The time in front of a line, which may be blank, and where the line goes on.
fn time(line: &[u8]) -> Option<(Option<Moment>, usize)> {
    match line.first()? {
        b'\t' => line.starts_with(b"\t\t").then_some((None, 2)),
        byte if byte.is_ascii_digit() => {
            let full =
                timestamp::date_and_time(line).map(|(ns, length)| (Moment { ns, zoned: true }, length));
            let short = || timestamp::short(line).map(|(ns, length)| (Moment { ns, zoned: false }, length));
            let (moment, length) = full.or_else(short)?;
            (line.get(length) == Some(&b'\t')).then_some((Some(moment), length + 1))
        }
        _ => None,
    }
}

fn sniff(head: Head<'_>) -> Option<Framing> {
    let lines = head.bytes.split(|byte| *byte == b'\n').take(LINES_BEFORE_MAX);
    let mut starts = lines.filter_map(Start::of);
    starts.any(|start| start.at.is_some()).then_some(Framing::Lines)
}

/// The last line that has a time.
fn last_with_time(bytes: &[u8]) -> usize {
    let mut end = bytes.len();
    while let Some(newline) = memrchr(b'\n', &bytes[..end]) {
        let line = &bytes[newline + 1..end];
        if line.first().is_some_and(u8::is_ascii_digit)
            && Start::of(line).is_some_and(|start| start.at.is_some())
        {
            return newline + 1;
        }
        end = newline;
    }
    0
}

#[derive(Debug, Default)]
struct Decoder {
    recorder: Recorder,
    /// Where the latest block ended, and the time then.
    latest: Option<(Place, u64)>,
}

/// A record while its lines are read.
#[derive(Debug)]
struct Record<'b> {
    start: Start<'b>,
    at_ns: u64,
    line: u64,
    text: std::ops::Range<usize>,
}

impl Decode for Decoder {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let bytes = block.whole(last_with_time);
        self.recorder.begin(reading, &block.place.file);
        let latest = self
            .latest
            .take()
            .filter(|(place, _)| (&place.file, place.offset) == (&block.place.file, block.place.offset));
        let mut at_ns = latest.map_or(0, |(_, at_ns)| at_ns);
        let mut record: Option<Record<'_>> = None;
        let (mut number, mut from) = (block.place.line, 0);
        while from < bytes.len() {
            let end = memchr(b'\n', &bytes[from..]).map_or(bytes.len(), |length| from + length);
            let line = &bytes[from..end];
            match (Start::of(line), &mut record) {
                (Some(start), record) => {
                    if let Some(ended) = record.take() {
                        self.take(reading, bytes, &ended);
                    }
                    if let Some(moment) = start.at {
                        at_ns = moment.ns;
                        if !moment.zoned {
                            reading.remarks.insert(NO_ZONE);
                        }
                    }
                    *record = Some(Record { start, at_ns, line: number, text: from + start.text..end });
                }
                (None, Some(record)) if !is_of_start(line) => record.text.end = end,
                (None, Some(_)) => {}
                (None, None) if is_of_start(line) => {}
                (None, None) => {
                    let offset = block.place.offset + from as u64;
                    let reason = "not a line of a general log";
                    reading.skipped.skip(&block.place.file, offset, number, line.len() as u64, reason);
                }
            }
            number += 1;
            from = end + 1;
        }
        if let Some(ended) = record {
            self.take(reading, bytes, &ended);
        }
        let offset = block.place.offset + bytes.len() as u64;
        self.latest = Some((Place { offset, ..block.place.clone() }, at_ns));
        bytes.len()
    }
}

/// Whether a line is blank, or one of the three that a server writes when it starts.
pub(super) fn is_of_start(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let heads = line.starts_with(b"Time ") || line.starts_with(b"Time\t");
    line.is_empty()
        || (heads && line.ends_with(b"Argument"))
        || line.starts_with(b"Tcp port: ")
        || line.ends_with(b". started with:")
}

impl Decoder {
    fn take(&mut self, reading: &mut Reading<'_>, bytes: &[u8], record: &Record<'_>) {
        let text = bytes[record.text.clone()].trim_ascii();
        match record.start.command {
            b"Connect" => self.database(reading, record, database_of_connect(text)),
            b"Init DB" => self.database(reading, record, text),
            b"Query" if begins_with(text, b"use ") => self.database(reading, record, &name_of_use(text)),
            // What it executes has a line of its own.
            b"Query" if begins_with(text, b"execute ") => {}
            b"Query" | b"Execute" if !text.is_empty() => {
                let owner = self.recorder.owner(reading, b"");
                let trace = self.recorder.session(record.start.connection);
                let span =
                    self.recorder.line(reading.line(record.line), record.at_ns, owner, Logged::Announced);
                self.recorder.push(reading, trace, span, text);
            }
            _ => {}
        }
    }

    /// What a connection sends from here on is sent to this database.
    fn database(&mut self, reading: &mut Reading<'_>, record: &Record<'_>, name: &[u8]) {
        let owner = self.recorder.owner(reading, name);
        let trace = self.recorder.session(record.start.connection);
        let span = self.recorder.line(reading.line(record.line), record.at_ns, owner, Logged::Database);
        reading.spans.push(Traced { trace, span });
    }
}

/// The database in `shop@web1 on books using Socket`, where there is one.
fn database_of_connect(text: &[u8]) -> &[u8] {
    let Some(at) = memchr::memmem::find(text, b" on ") else { return b"" };
    let rest = &text[at + 4..];
    let end = memchr::memmem::find(rest, b" using ").unwrap_or(rest.len());
    rest[..end].trim_ascii()
}

fn begins_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_begin_of_a_record() {
        let read = |line: &str| {
            let start = Start::of(line.as_bytes())?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let at_ms = start.at.map(|moment| moment.ns / 1_000_000);
            Some((at_ms, text(start.connection), text(start.command), line[start.text..].to_owned()))
        };
        let told = |at, connection: &str, command: &str, rest: &str| {
            Some((at, connection.to_owned(), command.to_owned(), rest.to_owned()))
        };
        let at = Some(1_795_888_828_000);
        assert_eq!(read("261128 18:00:28\t     3 Query\tselect 1"), told(at, "3", "Query", "select 1"));
        assert_eq!(read("\t\t    12 Init DB\tshop"), told(None, "12", "Init DB", "shop"));
        let exact = Some(1_795_888_828_104);
        let line = "2026-11-28T18:00:28.104140Z\t    8 Close stmt\t";
        assert_eq!(read(line), told(exact, "8", "Close stmt", ""));
        assert_eq!(read("\t\tWHERE id = 3 AND\tx"), None);
        assert_eq!(read("\t\t    12 Hello\tshop"), None);
        assert_eq!(read("261128 18:00:28\t     Query\tselect 1"), None);
    }

    #[test]
    fn a_connection_may_name_a_database() {
        assert_eq!(database_of_connect(b"root@localhost on shop using Socket"), b"shop");
        assert_eq!(database_of_connect(b"root@localhost on  using TCP/IP"), b"");
        assert_eq!(database_of_connect(b"root@localhost on shop"), b"shop");
        assert_eq!(database_of_connect(b"Access denied for user"), b"");
    }
}
