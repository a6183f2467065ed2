//! jsonlog.

use memchr::memchr;

use super::message;
use super::plan::escape_json;
use crate::ingest::copies::{Page, Rewrite};
use crate::ingest::json::MARK;
use crate::ingest::json::scanner::{Scalar, Scan, Scanner, Stop};
use crate::ingest::postgres::severity::{self, Severity};

/// Copies jsonlog.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Json {
    room: Vec<u8>,
    line: Vec<u8>,
    hidden: Vec<u8>,
}

/// What a record says that texts are read by.
#[derive(Debug)]
struct Kind {
    severity: Severity,
    raised: bool,
}

/// Members that are copied as they are: times, numbers, names.
const PLAIN: &[&[u8]] = &[
    b"timestamp",
    b"user",
    b"dbname",
    b"pid",
    b"session_id",
    b"line_num",
    b"ps",
    b"session_start",
    b"vxid",
    b"txid",
    b"error_severity",
    b"state_code",
    b"internal_position",
    b"cursor_position",
    b"func_name",
    b"file_name",
    b"file_line_num",
    b"backend_type",
    b"leader_pid",
    b"query_id",
];

impl Rewrite for Json {
    fn rewrite(&mut self, bytes: &[u8], page: &mut Page) {
        let mut start = if bytes.starts_with(MARK) { MARK.len() } else { 0 };
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
            let line = &bytes[start..end];
            if !line.trim_ascii().is_empty() {
                self.line.clear();
                match self.record(page, line) {
                    Ok(()) => page.out.extend_from_slice(&self.line),
                    Err(_) => page.left_out += 1,
                }
            }
            page.out.push(b'\n');
            start = end + 1;
        }
    }
}

impl Json {
    fn record(&mut self, page: &mut Page, line: &[u8]) -> Scan<()> {
        let mut room = std::mem::take(&mut self.room);
        if room.len() < line.len() {
            room.resize(line.len(), 0);
        }
        let kind = kind(line, &mut room);
        let copied = kind.and_then(|kind| self.members(page, line, &kind, &mut room));
        self.room = room;
        copied
    }

    fn members(&mut self, page: &mut Page, line: &[u8], kind: &Kind, room: &mut [u8]) -> Scan<()> {
        let mut scanner = Scanner::new(line, 0, room);
        if !scanner.open(b'{')? {
            return Err(Stop::Bad("not a record of jsonlog"));
        }
        self.line.push(b'{');
        while let Some(key) = scanner.next_key()? {
            let scalar = scanner.scalar()?;
            self.hidden.clear();
            let is_number = match scalar {
                Scalar::Text(text) if hide(page, kind, key, text, &mut self.hidden) => false,
                Scalar::Number(number) if PLAIN.contains(&key) => {
                    self.hidden.extend_from_slice(number);
                    true
                }
                Scalar::Number(port) if key == b"remote_port" => {
                    page.hiding.tokens.port(port, &mut self.hidden);
                    true
                }
                // Nobody knows what it is.
                _ => continue,
            };
            self.line.extend_from_slice(if self.line.len() > 1 { b",\"" } else { b"\"" });
            self.line.extend_from_slice(key);
            self.line.extend_from_slice(if is_number { b"\":" } else { b"\":\"" });
            escape_json(&self.hidden, &mut self.line);
            self.line.extend_from_slice(if is_number { b"" } else { b"\"" });
        }
        self.line.push(b'}');
        Ok(())
    }
}

/// Writes a member without values; `false` where it is not known.
fn hide(page: &mut Page, kind: &Kind, key: &[u8], text: &[u8], out: &mut Vec<u8>) -> bool {
    let hiding = &mut page.hiding;
    match key {
        b"message" => message::message(hiding, kind.severity, kind.raised, text, out),
        b"detail" | b"hint" if kind.raised => hiding.whole(text, out),
        b"detail" => message::detail(hiding, text, out),
        b"context" => message::context(hiding, text, out),
        b"statement" | b"internal_query" => message::statement(hiding, text, out),
        b"hint" => hiding.prose(text, out),
        b"application_name" => hiding.program(text, out),
        b"remote_host" => hiding.tokens.host(text, out),
        _ if PLAIN.contains(&key) => out.extend_from_slice(text),
        _ => return false,
    }
    true
}

fn kind(line: &[u8], room: &mut [u8]) -> Scan<Kind> {
    let mut kind = Kind { severity: Severity::Log, raised: false };
    let mut scanner = Scanner::new(line, 0, room);
    if !scanner.open(b'{')? {
        return Err(Stop::Bad("not a record of jsonlog"));
    }
    while let Some(key) = scanner.next_key()? {
        match (key, scanner.scalar()?) {
            (b"error_severity", Scalar::Text(name)) => kind.severity = severity::of_name(name),
            (b"context", Scalar::Text(context)) => kind.raised = message::is_raised(context),
            _ => {}
        }
    }
    Ok(kind)
}
