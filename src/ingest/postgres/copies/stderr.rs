//! The log on stderr.

use std::ops::Range;

use memchr::memchr;

use super::message;
use crate::ingest::Framing;
use crate::ingest::copies::{Page, Rewrite};
use crate::ingest::postgres::prefix::{Fields, Prefix, named, session_id};
use crate::ingest::postgres::severity::{self, Part, Severity};
use crate::ingest::timestamp::{Clock, date_and_time, epoch};

/// Copies what the server writes to stderr.
#[derive(Debug)]
pub(in crate::ingest) struct Stderr {
    prefix: Option<Prefix>,
    clock: Clock,
    /// A record's message, and what is told beside it.
    pieces: Vec<Piece>,
    /// Lines behind them that are left out or blank.
    blank: usize,
    /// The line before is of another program, and those that go on with it.
    foreign: bool,
}

/// A line with a prefix, and those that go on with it.
#[derive(Debug)]
struct Piece {
    /// Prefix and severity, as they are in the copy.
    head: Vec<u8>,
    severity: Severity,
    /// Its name in front of the text.
    name: &'static [u8],
    text: Vec<u8>,
}

impl Stderr {
    pub(in crate::ingest) fn new(framing: Framing) -> Self {
        let prefix = if let Framing::Log(prefix) = framing { Some(prefix) } else { None };
        Self { prefix, clock: Clock::default(), pieces: Vec::new(), blank: 0, foreign: false }
    }

    /// Prefix of a line, where the severity begins, and whether all words of the prefix are known.
    fn fields<'b>(&mut self, line: &'b [u8]) -> Option<(Fields<'b>, usize, bool)> {
        let known = self.prefix.as_ref().and_then(|prefix| {
            let (fields, at) = prefix.read(line, &mut self.clock)?;
            Some((fields, at, !prefix.has_unknown()))
        });
        known.or_else(|| {
            let prefix = Prefix::of_line(line)?;
            let (fields, at) = prefix.read(line, &mut self.clock)?;
            Some((fields, at, !prefix.has_unknown()))
        })
    }

    fn begin(&mut self, page: &mut Page, line: &[u8]) -> bool {
        let Some((fields, at, all_known)) = self.fields(line) else { return false };
        let Some((severity, length)) = severity::read(&line[at..]) else { return false };
        if !matches!(severity, Severity::Part(_)) {
            self.end(page);
        }
        let mut head = Vec::new();
        prefix(page, &line[..at], &fields, all_known, &mut head);
        head.extend_from_slice(&line[at..at + length]);
        self.finish_lines();
        let text = line[at + length..].to_vec();
        self.pieces.push(Piece { head, severity, name: label(&line[at..]), text });
        true
    }

    /// Another line of what came last; `false` where nothing did.
    fn go_on(&mut self, line: &[u8]) -> bool {
        if self.foreign {
            return false;
        }
        self.finish_lines();
        let Some(piece) = self.pieces.last_mut() else { return false };
        piece.text.push(b'\n');
        piece.text.extend_from_slice(line);
        true
    }

    /// Lines that were left out are blank in what they stand in.
    fn finish_lines(&mut self) {
        if let Some(piece) = self.pieces.last_mut() {
            piece.text.extend(std::iter::repeat_n(b'\n', self.blank));
            self.blank = 0;
        }
    }

    fn end(&mut self, page: &mut Page) {
        let raised = self
            .pieces
            .iter()
            .any(|piece| piece.severity == Severity::Part(Part::Context) && message::is_raised(&piece.text));
        for piece in self.pieces.drain(..) {
            page.out.extend_from_slice(&piece.head);
            let Page { out, hiding, .. } = page;
            match (piece.severity, piece.name) {
                (Severity::Part(Part::Detail), _) if !raised => message::detail(hiding, &piece.text, out),
                (Severity::Part(Part::Context), _) => message::context(hiding, &piece.text, out),
                (Severity::Part(Part::Statement), _) | (_, b"QUERY") => {
                    message::statement(hiding, &piece.text, out)
                }
                (_, b"LOCATION") if piece.text.is_ascii() => out.extend_from_slice(&piece.text),
                (Severity::Part(_), _) if raised => hiding.whole(&piece.text, out),
                (Severity::Part(_), _) => hiding.prose(&piece.text, out),
                (severity, _) => message::message(hiding, severity, raised, &piece.text, out),
            }
            out.push(b'\n');
        }
        page.out.extend(std::iter::repeat_n(b'\n', std::mem::take(&mut self.blank)));
    }
}

impl Rewrite for Stderr {
    fn rewrite(&mut self, bytes: &[u8], page: &mut Page) {
        let mut start = 0;
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
            let line = &bytes[start..end];
            let is_blank = line.trim_ascii().is_empty();
            let is_taken = match line.first() {
                Some(b'\t') => self.go_on(line),
                _ => !is_blank && self.begin(page, line),
            };
            if !is_taken {
                self.blank += 1;
                page.left_out += u64::from(!is_blank);
            }
            self.foreign = if is_blank { self.foreign } else { !is_taken };
            start = end + 1;
        }
        self.end(page);
    }
}

/// The name of a severity or part, without the colon.
fn label(text: &[u8]) -> &'static [u8] {
    let known: [&[u8]; 2] = [b"QUERY", b"LOCATION"];
    known.into_iter().find(|name| text.starts_with(name)).unwrap_or(b"")
}

/// The prefix of a line: hosts and, in a prefix that was guessed, words that may be anything become tokens.
fn prefix(page: &Page, text: &[u8], fields: &Fields<'_>, all_known: bool, out: &mut Vec<u8>) {
    let tokens = &page.hiding.tokens;
    let place = |part: &[u8]| {
        let start = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        start..start.wrapping_add(part.len())
    };
    let within = |range: &Range<usize>| !range.is_empty() && range.end <= text.len();
    let hosts = fields.hosts.map(place);
    let program = place(fields.application);
    let known = [fields.session, fields.pid, fields.user, fields.database].map(place);
    let mut at = 0;
    while at < text.len() {
        if let Some(host) = hosts.iter().find(|host| within(host) && host.start == at) {
            tokens.host(text[host.clone()].trim_ascii(), out);
            at = host.end;
        } else if within(&program) && program.start == at {
            page.hiding.program(&text[program.clone()], out);
            at = program.end;
        } else if let Some(range) = known.iter().find(|range| within(range) && range.start == at) {
            out.extend_from_slice(&text[range.clone()]);
            at = range.end;
        } else if all_known {
            out.push(text[at]);
            at += 1;
        } else {
            at += unknown(page, text, at, out);
        }
    }
}

/// Writes what stands at a place of a prefix that was guessed, and says how long it is.
fn unknown(page: &Page, text: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    let rest = &text[at..];
    let told = date_and_time(rest).map(|(_, length)| length);
    let told = told.or_else(|| epoch(rest).filter(|(_, length)| *length > 11).map(|(_, length)| length));
    let told = told.or_else(|| session_id(rest)).or_else(|| named(rest).map(|(_, length)| length));
    let is_of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if let Some(length) = told {
        out.extend_from_slice(&rest[..length]);
        return length;
    }
    let length = rest.iter().position(|byte| !is_of_word(*byte)).unwrap_or(rest.len());
    if length == 0 {
        out.push(rest[0]);
        return 1;
    }
    let word = &rest[..length];
    let beside = [at.checked_sub(1).map(|before| text[before]), rest.get(length).copied()];
    let is_in_address = beside.into_iter().flatten().any(|byte| matches!(byte, b'.' | b':'));
    match word.iter().all(u8::is_ascii_digit) && length <= 7 && !is_in_address {
        true => out.extend_from_slice(word),
        false => page.hiding.tokens.text(word, out),
    }
    length
}
