//! PostgreSQL's jsonlog, since version 15: one object a line.

use memchr::{memchr, memmem};

use super::entry::{Entry, Recorder, known};
use super::severity::{self, Severity};
use crate::ingest::json::MARK;
use crate::ingest::json::scanner::{Scalar, Scan, Scanner, Stop};
use crate::ingest::timestamp::Clock;
use crate::ingest::{Block, Decode, Format, Framing, Head, Reading, end_of_lines};

/// jsonlog.
pub(in crate::ingest) const FORMAT: Format = Format {
    name: "postgresql-jsonlog",
    summary: "PostgreSQL's jsonlog",
    sniff,
    cut: |_, bytes| end_of_lines(bytes),
    decoder: |_| Box::new(Decoder::default()),
};

fn sniff(head: Head<'_>) -> Option<Framing> {
    let mut lines = head.text().trim_ascii_start().split(|byte| *byte == b'\n');
    // The first one may be the end of a record, where a file was cut.
    lines.by_ref().take(2).any(is_record).then_some(Framing::Lines)
}

fn is_record(line: &[u8]) -> bool {
    let has = |name: &[u8]| memmem::find(line, name).is_some();
    line.starts_with(b"{\"timestamp\":\"") && has(b"\"error_severity\":\"") && has(b"\"session_id\":\"")
}

#[derive(Debug, Default)]
struct Decoder {
    recorder: Recorder,
    clock: Clock,
    /// Room for texts whose escapes were undone.
    room: Vec<u8>,
}

impl Decode for Decoder {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let bytes = block.whole(end_of_lines);
        self.recorder.begin(reading, &block.place.file);
        let mut room = std::mem::take(&mut self.room);
        let mut number = block.place.line;
        let mut start = if bytes.starts_with(MARK) { MARK.len() } else { 0 };
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
            let line = &bytes[start..end];
            if room.len() < line.len() {
                room.resize(line.len(), 0);
            }
            if !line.trim_ascii().is_empty() {
                let taken = match entry(line, number, &mut self.clock, &mut room) {
                    Ok(entry) => self.recorder.take(reading, &entry),
                    Err(Stop::Bad(reason)) => Err(reason),
                    Err(Stop::End | Stop::Spent) => Err("a record of jsonlog that is cut off"),
                };
                if let Err(reason) = taken {
                    let offset = block.place.offset + start as u64;
                    reading.skipped.skip(&block.place.file, offset, number, line.len() as u64, reason);
                }
            }
            number += 1;
            start = end + 1;
        }
        self.room = room;
        reading.remarks.extend(self.clock.assumed());
        bytes.len()
    }
}

/// Reads one record.
fn entry<'b>(line: &'b [u8], number: u64, clock: &mut Clock, room: &'b mut [u8]) -> Scan<Entry<'b>> {
    let mut entry = Entry {
        at_ns: 0,
        line: number,
        session: b"",
        user: b"",
        database: b"",
        application: b"",
        severity: Severity::Log,
        message: b"",
        detail: b"",
        context: b"",
        statement: b"",
    };
    let mut scanner = Scanner::new(line, 0, room);
    if !scanner.open(b'{')? {
        return Err(Stop::Bad("not a record of jsonlog"));
    }
    while let Some(key) = scanner.next_key()? {
        let field = match key {
            b"timestamp" => {
                if let Scalar::Text(text) = scanner.scalar()? {
                    entry.at_ns = clock.date_and_time(text).map_or(0, |(at_ns, _)| at_ns);
                }
                continue;
            }
            b"error_severity" => {
                if let Scalar::Text(text) = scanner.scalar()? {
                    entry.severity = severity::of_name(text);
                }
                continue;
            }
            b"session_id" => &mut entry.session,
            b"user" => &mut entry.user,
            b"dbname" => &mut entry.database,
            b"application_name" => &mut entry.application,
            b"message" => &mut entry.message,
            b"detail" => &mut entry.detail,
            b"context" => &mut entry.context,
            b"statement" => &mut entry.statement,
            _ => {
                scanner.skip_value()?;
                continue;
            }
        };
        if let Scalar::Text(text) = scanner.scalar()? {
            *field = text;
        }
    }
    if entry.at_ns == 0 {
        return Err(Stop::Bad("a record of jsonlog without a time"));
    }
    entry.application = known(entry.application);
    Ok(entry)
}
