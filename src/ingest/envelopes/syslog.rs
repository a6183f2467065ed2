//! Lines of syslog: of BSD, with an ISO timestamp, and of RFC 5424, also behind their length; what `journalctl` prints;
//! logs of Heroku, as files and as a drain receives them.
//!
//! Source: RFC 3164, RFC 5424, RFC 6587 (octet counting); rsyslog, `escapeControlCharactersOnReceive`; systemd,
//! `journalctl --output`; Heroku Dev Center, "Logging" and "Log Drains".

use memchr::{memchr, memmem};

use super::{Envelope, Piece, Taken, Unwrap, line, most_lines};
use crate::ingest::access::reads_syslog;
use crate::ingest::timestamp::{date_and_time, epoch, number, without_year};
use crate::ingest::{Head, RECORD_BYTES_MAX};

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "syslog",
    summary: "lines of syslog (BSD, ISO timestamps, RFC 5424), of `journalctl` and of Heroku",
    sniff,
    opener: || Box::new(Syslog { year: YEAR, ..Syslog::default() }),
};

fn sniff(head: Head<'_>) -> bool {
    let is_of_it = |line: &[u8]| {
        let line = counted(line).map_or(line, |(_, rest)| rest);
        Line::of(line, YEAR).is_some()
    };
    most_lines(head, is_of_it)
}

/// Lines of BSD name none. One with a 29th of February.
const YEAR: u64 = 2000;

/// Blanks in front of a line with which `journalctl` goes on with a message, at least.
const INDENT_MIN: usize = 8;

#[derive(Debug, Default)]
struct Syslog {
    /// Of the line before.
    year: u64,
    month: u64,
    host: Vec<u8>,
    program: Vec<u8>,
    process: Vec<u8>,
    /// How far the text of the line before was from its begin.
    indent: usize,
}

/// A line, or what is in a frame.
#[derive(Debug, PartialEq, Eq)]
struct Line<'b> {
    at_ns: u64,
    /// Where no year is told.
    month: Option<u64>,
    host: &'b [u8],
    program: &'b [u8],
    process: &'b [u8],
    /// Where the text begins.
    text: usize,
}

impl Unwrap for Syslog {
    fn take<'b>(&mut self, bytes: &'b [u8], ended: bool, room: &'b mut Vec<u8>) -> Option<Taken<'b>> {
        let (record, length) = match counted(bytes) {
            Some((octets, rest)) if octets < FRAME_MAX => frame(bytes, rest, octets, ended)?,
            _ => line(bytes, ended)?,
        };
        Some((length, self.piece(record, room)))
    }
}

/// Longer frames are none.
const FRAME_MAX: usize = RECORD_BYTES_MAX;

/// The length in front of a frame, and what is behind it: `451 <134>1 2026-…`.
fn counted(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let digits = bytes.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
    let rest = bytes.get(digits..)?.strip_prefix(b" ").filter(|rest| rest.first() == Some(&b'<'))?;
    Some((number(&bytes[..digits])? as usize, rest))
}

/// Bytes behind a frame that tell whether another one follows.
const NEXT_BYTES: usize = 16;

/// A frame of so many bytes; where no other one follows, the line: the length may be that of what was sent, and not of
/// what is in the file.
fn frame<'b>(bytes: &'b [u8], rest: &'b [u8], octets: usize, ended: bool) -> Option<(&'b [u8], usize)> {
    if !ended && rest.len() < octets + NEXT_BYTES {
        return None;
    }
    let fits = rest.get(octets..).and_then(|behind| {
        let breaks = usize::from(behind.starts_with(b"\n"));
        let next = &behind[breaks..];
        (next.is_empty() || counted(next).is_some()).then_some(octets + breaks)
    });
    let length = fits.unwrap_or_else(|| memchr(b'\n', rest).map_or(rest.len(), |end| end + 1));
    let record = rest[..length].strip_suffix(b"\n").unwrap_or(&rest[..length]);
    let record = if fits.is_some() { record.strip_suffix(b"\n").unwrap_or(record) } else { record };
    Some((record.strip_suffix(b"\r").unwrap_or(record), bytes.len() - rest.len() + length))
}

impl Syslog {
    fn piece<'b>(
        &mut self,
        record: &'b [u8],
        room: &'b mut Vec<u8>,
    ) -> Result<Option<Piece<'b>>, &'static str> {
        let Some(mut found) = Line::of(record, self.year) else {
            return self.other(record, room);
        };
        if let Some(month) = found.month {
            if self.month == 12 && month == 1 {
                self.year += 1;
                found = Line::of(record, self.year).unwrap_or(found);
            }
            self.month = month;
        }
        for (kept, told) in [
            (&mut self.host, found.host),
            (&mut self.program, found.program),
            (&mut self.process, found.process),
        ] {
            kept.clear();
            kept.extend_from_slice(told);
        }
        self.indent = found.text;
        let Line { at_ns, host, program, process, text, .. } = found;
        let piece = Piece { host, program, process, at_ns, ..Piece::default() };
        if reads_syslog(program) {
            return Ok(Some(Piece { text: record, ..piece }));
        }
        let (number, text) = numbered(without_color(&record[text..]));
        Ok(Some(Piece { number, text: unescaped(text, room), ..piece }))
    }

    /// What has no head: lines that `journalctl` writes itself, and further lines of a message.
    fn other<'b>(&self, record: &'b [u8], room: &'b mut Vec<u8>) -> Result<Option<Piece<'b>>, &'static str> {
        let blanks = record.iter().take_while(|byte| **byte == b' ').count();
        if record.trim_ascii().is_empty() || record.starts_with(b"-- ") {
            return Ok(None);
        }
        if blanks < INDENT_MIN || self.indent == 0 {
            return Err("not a line of syslog");
        }
        // Names are of the line before: they have to live as long as the text.
        let text = &record[blanks.min(self.indent)..];
        room.clear();
        for part in [&self.host, &self.program, &self.process] {
            room.extend_from_slice(part);
        }
        let (host, rest) = room.split_at(self.host.len());
        let (program, process) = rest.split_at(self.program.len());
        Ok(Some(Piece { host, program, process, goes_on: true, text, ..Piece::default() }))
    }
}

impl<'b> Line<'b> {
    fn of(line: &'b [u8], year: u64) -> Option<Self> {
        let (rest, is_5424) = match priority(line) {
            Some(rest) => (rest.strip_prefix(b"1 ").unwrap_or(rest), rest.starts_with(b"1 ")),
            None => (line, false),
        };
        if is_5424 { Self::of_5424(line, rest) } else { Self::of_bsd(line, rest, year) }
    }

    /// `2026-11-28T17:10:02.123Z host program 1234 - - text`, from the time on. Heroku leaves the last dash out.
    fn of_5424(line: &'b [u8], rest: &'b [u8]) -> Option<Self> {
        let mut words = Words { rest };
        let time = words.next()?;
        let at_ns = date_and_time(time).map_or(0, |(at_ns, _)| at_ns);
        let [host, program, process, _] =
            [words.next()?, words.next()?, words.next()?, words.next()?].map(known);
        let text = without_data(words.rest);
        // rsyslog puts a blank in front.
        let text = text.strip_prefix(b" ").unwrap_or(text);
        let (program, process) = parts_of(program, process);
        Some(Self { at_ns, month: None, host, program, process, text: line.len() - text.len() })
    }

    /// `Nov 28 17:10:02 host program[1234]: text`, with any time that journalctl or rsyslog write.
    fn of_bsd(line: &'b [u8], rest: &'b [u8], year: u64) -> Option<Self> {
        let (at_ns, month, length) = time(rest, year)?;
        let mut words = Words { rest: rest.get(length..)?.strip_prefix(b" ")? };
        let before = words.rest;
        let first = words.next()?;
        // Heroku names no host.
        let (host, tagged) = if first.ends_with(b":") { (&b""[..], before) } else { (first, words.rest) };
        let (program, process, text) = tag(tagged)?;
        let (program, process) = parts_of(program, process);
        Some(Self { at_ns, month, host, program, process, text: line.len() - text.len() })
    }
}

/// Words between single blanks.
struct Words<'b> {
    rest: &'b [u8],
}

impl<'b> Words<'b> {
    fn next(&mut self) -> Option<&'b [u8]> {
        let end = memchr(b' ', self.rest).filter(|end| *end > 0)?;
        let word = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        Some(word)
    }
}

/// What is behind `<134>`.
fn priority(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"<")?;
    let end = memchr(b'>', rest.get(..4.min(rest.len()))?)?;
    number(&rest[..end])?;
    Some(&rest[end + 1..])
}

/// A dash stands for what is not known.
fn known(word: &[u8]) -> &[u8] {
    if word == b"-" { b"" } else { word }
}

/// The time in front of a line: nanoseconds since the Unix epoch, the month where no year is told, and its length.
fn time(text: &[u8], year: u64) -> Option<(u64, Option<u64>, usize)> {
    if let Some((at_ns, month, length)) = without_year(text, year) {
        return Some((at_ns, Some(month), length));
    }
    // `Sat 2026-11-28 17:10:02 UTC` of `journalctl --output short-full`.
    let weekday = usize::from(text.get(3) == Some(&b' ') && text.get(..3)?.is_ascii()) * 4;
    let named = &text[weekday..];
    let is_iso = weekday > 0 || named.get(10) == Some(&b'T');
    let (at_ns, length) = match date_and_time(named).filter(|_| is_iso) {
        Some(found) => found,
        // `--output short-unix`.
        None => epoch(text).filter(|(_, length)| *length > 11)?,
    };
    Some((at_ns, None, weekday + length))
}

/// `program[1234]: `: the program, its process, and the text behind.
fn tag(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    const NAME_MAX: usize = 128;
    let is_name =
        |byte: &&u8| byte.is_ascii_graphic() && !matches!(byte, b'[' | b':' | b'"' | b'{' | b'(' | b'=');
    let name = text.iter().take(NAME_MAX).take_while(is_name).count();
    let (program, mut rest) = text.split_at(name);
    let mut process: &[u8] = b"";
    if let Some(inside) = rest.strip_prefix(b"[") {
        let end = memchr(b']', &inside[..inside.len().min(NAME_MAX)])?;
        process = &inside[..end];
        rest = &inside[end + 1..];
    }
    let rest = rest.strip_prefix(b":").filter(|_| name > 0)?;
    let text = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
    Some((program, process, text))
}

/// Heroku names processes `web.1` and `postgres.4882`, and `app` or `heroku` as their program.
fn parts_of<'b>(program: &'b [u8], process: &'b [u8]) -> (&'b [u8], &'b [u8]) {
    let kind = process.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    match program {
        b"app" | b"heroku" if kind > 0 => (&process[..kind], process),
        _ => (program, process),
    }
}

/// Steps over structured data, or the dash that stands for it.
fn without_data(text: &[u8]) -> &[u8] {
    if let Some(rest) = text.strip_prefix(b"- ") {
        return rest;
    }
    if text == b"-" {
        return b"";
    }
    let mut rest = text;
    while rest.first() == Some(&b'[') {
        // `[id name="value"]`: what has no value is part of the text.
        let Some(end) =
            memmem::find(rest, b"\"]").filter(|end| memmem::find(&rest[..*end], b"=\"").is_some())
        else {
            break;
        };
        rest = &rest[end + 2..];
    }
    if rest.len() == text.len() { text } else { rest.strip_prefix(b" ").unwrap_or(rest) }
}

/// Heroku's Postgres names the colour of its database in front: `[YELLOW] `.
fn without_color(text: &[u8]) -> &[u8] {
    let Some(inside) = text.strip_prefix(b"[") else { return text };
    let letters = inside.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'_').count();
    match inside[letters..].strip_prefix(b"] [") {
        Some(_) if letters > 0 => &inside[letters + 2..],
        _ => text,
    }
}

/// `[7-1] `: the number of a message and of a part of it, and the text behind.
pub(super) fn numbered(text: &[u8]) -> (Option<(u64, u64)>, &[u8]) {
    let read = || {
        let inside = text.strip_prefix(b"[")?;
        let end = memchr(b']', inside.get(..24.min(inside.len()))?)?;
        let dash = memchr(b'-', &inside[..end])?;
        let numbers = (number(&inside[..dash])?, number(&inside[dash + 1..end])?);
        Some((numbers, inside[end + 1..].strip_prefix(b" ")?))
    };
    read().map_or((None, text), |(numbers, rest)| (Some(numbers), rest))
}

/// A text with its control characters, which rsyslog writes as `#011`.
fn unescaped<'b>(text: &'b [u8], room: &'b mut Vec<u8>) -> &'b [u8] {
    let control = |text: &[u8]| {
        let [b'0', high @ b'0'..=b'3', low @ b'0'..=b'7', ..] = *text else { return None };
        Some((high - b'0') << 3 | (low - b'0'))
    };
    let mut rest = text;
    room.clear();
    while let Some(at) = memchr(b'#', rest) {
        let meant = control(&rest[at + 1..]);
        room.extend_from_slice(&rest[..at]);
        room.push(meant.unwrap_or(b'#'));
        rest = &rest[at + if meant.is_some() { 4 } else { 1 }..];
    }
    if rest.len() == text.len() {
        return text;
    }
    room.extend_from_slice(rest);
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<String> {
        let mut syslog = (ENVELOPE.opener)();
        let (mut at, mut found) = (0, Vec::new());
        while at < text.len() {
            let mut room = Vec::new();
            let (length, taken) = syslog.take(&text.as_bytes()[at..], true, &mut room).unwrap();
            found.push(match taken {
                Ok(Some(piece)) => {
                    let [host, program, process, text] =
                        [piece.host, piece.program, piece.process, piece.text].map(String::from_utf8_lossy);
                    let goes_on = if piece.goes_on { "+" } else { "" };
                    format!(
                        "{} {host} {program} {process} {:?} {goes_on}{text}",
                        piece.at_ns / 1_000_000_000,
                        piece.number
                    )
                }
                Ok(None) => "nothing".to_owned(),
                Err(reason) => reason.to_owned(),
            });
            at += length;
        }
        found
    }

    #[test]
    fn reads_every_form() {
        for (text, expected) in [
            (
                "Nov 28 17:10:02 db-1 postgres[12]: [7-2] #011FROM x",
                "975431402 db-1 postgres 12 Some((7, 2)) \tFROM x",
            ),
            ("<134>Nov 28 17:10:02 db-1 postgres[12]: x #1 #0", "975431402 db-1 postgres 12 None x #1 #0"),
            (
                "2026-11-28T17:10:02.5+00:00 db-1 my-app: [3-1] [4-1] x",
                "1795885802 db-1 my-app  Some((3, 1)) [4-1] x",
            ),
            (
                "<134>1 2026-11-28T17:10:02Z db-1 postgres 12 - - [7-1] x",
                "1795885802 db-1 postgres 12 Some((7, 1)) x",
            ),
            (
                "<134>1 2026-11-28T17:10:02Z db-1 postgres 12 - -  [7-1] x",
                "1795885802 db-1 postgres 12 Some((7, 1)) x",
            ),
            (
                "<134>1 2026-11-28T17:10:02Z - nginx - - [a@1 b=\"c\"][d e=\"f\"] x",
                "1795885802  nginx  None x",
            ),
            (
                "2026-11-28T17:10:02+00:00 app[postgres.48]: [BLUE] [15-1]  sql_error_code = 00000 LOG:  x",
                "1795885802  postgres postgres.48 Some((15, 1))  sql_error_code = 00000 LOG:  x",
            ),
            (
                "98 <134>1 2026-11-28T17:10:02+00:00 host app postgres.11 - [YELLOW] [12-1]  sql_error_code",
                "1795885802 host postgres postgres.11 Some((12, 1))  sql_error_code",
            ),
            ("Sat 2026-11-28 17:10:02 UTC db-1 postgres[12]: x", "1795885802 db-1 postgres 12 None x"),
            ("1795885802.123456 db-1 postgres[12]: x", "1795885802 db-1 postgres 12 None x"),
            ("-- Boot 0123 --", "nothing"),
            ("2026-11-28 17:10:02 UTC [12] LOG:  x", "not a line of syslog"),
            ("2026-11-28T17:10:02Z 2026-11-28 17:10:02 UTC:[local]:u@d:[12]:LOG:  x", "not a line of syslog"),
        ] {
            assert_eq!(pieces(text), [expected], "{text}");
        }
    }

    #[test]
    fn lines_go_on_and_years_end() {
        let found = pieces("Dec 31 23:59:59 h a[1]: x\n                    \ty\nJan  1 00:00:00 h a[1]: z\n");
        assert_eq!(found, ["978307199 h a 1 None x", "0 h a 1 None +\ty", "978307200 h a 1 None z"]);
    }

    #[test]
    fn frames_end_where_they_say() {
        let one = "<134>1 2026-11-28T17:10:02Z h a 1 - - x\ny\n";
        let text = format!("{} {one}{} {one}", one.len(), one.len());
        assert_eq!(pieces(&text), ["1795885802 h a 1 None x\ny"; 2]);
    }
}
