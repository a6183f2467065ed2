//! Puts the pieces of messages together: those of one process follow one another, whatever others write in between.
//!
//! PostgreSQL cuts what it sends to syslog at the ends of lines, and lines behind about 900 bytes, at a blank if there is
//! one; the blank begins the next part. Parts have the number of their message unless `syslog_sequence_numbers` is off.
//!
//! Source: PostgreSQL, `src/backend/utils/error/elog.c`, `write_syslog`.

use std::hash::{BuildHasher, Hasher};

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::Piece;
use super::places::Outside;
use crate::ingest::{RECORD_BYTES_MAX, postgres};

/// Bytes in which PostgreSQL cuts lines for syslog.
const PART_BYTES: usize = 900;

/// A part is at most so much shorter for letters of several bytes.
const LETTER_BYTES: usize = 3;

/// What some write instead of a tab.
const TAB: &[u8] = b"        ";

/// A message is done when its process has written nothing while this many records came.
const IDLE_RECORDS: u64 = 8_192;

/// Messages that are not done, at most, and their bytes.
const OPEN_MAX: usize = 4_096;
const OPEN_BYTES_MAX: usize = 2 * RECORD_BYTES_MAX;

/// A message, or what is there of it.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// Number of the program.
    pub(super) program: usize,
    pub(super) process: Vec<u8>,
    pub(super) text: Vec<u8>,
    /// Where its lines stand: number of the line in the message, and the place of the piece that it begins in.
    pub(super) lines: Vec<(u64, Outside)>,
    /// Lines so far, but the first.
    breaks: u64,
    number: Option<(u64, u64)>,
    is_unfinished: bool,
    /// Bytes of the latest piece.
    latest: usize,
    /// When the latest piece came, in records.
    touched: u64,
}

/// Messages that may go on.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    open: FxHashMap<u64, Message>,
    bytes: usize,
    records: u64,
    /// Done with, for their room.
    spare: Vec<Message>,
}

impl Assembly {
    /// Takes a piece of a program; messages that are done are given to `done`.
    pub(super) fn take(
        &mut self,
        program: usize,
        piece: &Piece<'_>,
        outside: Outside,
        done: &mut impl FnMut(&Message),
    ) {
        self.records += 1;
        let key = key(program, piece.process);
        match self.open.get_mut(&key) {
            Some(open) if open.program == program && open.process == piece.process => {
                if let Some(between) = open.between(piece) {
                    self.bytes += piece.text.len();
                    open.go_on(piece, between, outside, self.records);
                    return self.bound(done);
                }
            }
            _ => {}
        }
        if let Some(ended) = self.open.remove(&key) {
            self.end(ended, done);
        }
        let mut message = self.spare.pop().unwrap_or_default();
        message.begin(program, piece, outside, self.records);
        self.bytes += piece.text.len();
        self.open.insert(key, message);
        self.bound(done);
    }

    fn end(&mut self, message: Message, done: &mut impl FnMut(&Message)) {
        self.bytes = self.bytes.saturating_sub(message.text.len());
        done(&message);
        if self.spare.len() < 8 && message.text.capacity() < 1 << 16 {
            self.spare.push(message);
        }
    }

    /// Ends what has not gone on for long, and everything where too much is open.
    fn bound(&mut self, done: &mut impl FnMut(&Message)) {
        if self.open.len() > OPEN_MAX || self.bytes > OPEN_BYTES_MAX {
            self.end_before(u64::MAX, done);
        } else if self.records.is_multiple_of(IDLE_RECORDS) {
            self.end_before(self.records.saturating_sub(IDLE_RECORDS), done);
        }
    }

    /// Ends all messages: nothing follows.
    pub(super) fn end_all(&mut self, done: &mut impl FnMut(&Message)) {
        self.end_before(u64::MAX, done);
    }

    fn end_before(&mut self, record: u64, done: &mut impl FnMut(&Message)) {
        let mut ended: Vec<Message> =
            self.open.extract_if(|_, message| message.touched < record).map(|(_, message)| message).collect();
        ended.sort_unstable_by_key(|message| message.lines.first().map(|(_, outside)| outside.line));
        ended.into_iter().for_each(|message| self.end(message, done));
    }
}

fn key(program: usize, process: &[u8]) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    hasher.write_usize(program);
    hasher.write(process);
    hasher.finish()
}

impl Message {
    fn begin(&mut self, program: usize, piece: &Piece<'_>, outside: Outside, record: u64) {
        self.program = program;
        self.process.clear();
        self.process.extend_from_slice(piece.process);
        self.text.clear();
        self.lines.clear();
        self.lines.push((0, outside));
        self.breaks = 0;
        self.add(piece, record);
    }

    fn go_on(&mut self, piece: &Piece<'_>, between: &[u8], outside: Outside, record: u64) {
        self.text.extend_from_slice(between);
        self.breaks += between.len() as u64;
        if !between.is_empty() {
            self.lines.push((self.breaks, outside));
        }
        self.add(piece, record);
    }

    fn add(&mut self, piece: &Piece<'_>, record: u64) {
        self.text.extend_from_slice(piece.text);
        self.breaks += memchr::memchr_iter(b'\n', piece.text).count() as u64;
        self.number = piece.number;
        self.is_unfinished = piece.is_unfinished;
        self.latest = piece.text.len();
        self.touched = record;
    }

    /// What stands between this and a piece that goes on with it; `None` where that begins another message.
    fn between(&self, piece: &Piece<'_>) -> Option<&'static [u8]> {
        const NOTHING: &[u8] = b"";
        const BREAK: &[u8] = b"\n";
        if self.text.len() + piece.text.len() >= RECORD_BYTES_MAX {
            return None;
        }
        if self.is_unfinished {
            return Some(NOTHING);
        }
        if piece.goes_on {
            return Some(BREAK);
        }
        let is_cut = self.is_cut_before(piece.text);
        match (self.number, piece.number) {
            (Some((message, part)), Some((same, next))) if message == same && next > part => {
                Some(if is_cut { NOTHING } else { BREAK })
            }
            (None, None) if piece.text.starts_with(b"\t") || piece.text.starts_with(TAB) => Some(BREAK),
            (None, None) if piece.text.starts_with(b" ") && is_cut => Some(NOTHING),
            (None, None) if postgres::tells_more(piece.text) => Some(BREAK),
            _ => None,
        }
    }

    /// Whether a line was cut here because it was too long: with the next word it would have been.
    fn is_cut_before(&self, next: &[u8]) -> bool {
        let word = match next.strip_prefix(b" ") {
            Some(rest) => 1 + rest.iter().take_while(|byte| !byte.is_ascii_whitespace()).count(),
            None => 0,
        };
        !next.starts_with(b"\t")
            && self.latest <= PART_BYTES
            && self.latest + word >= PART_BYTES - LETTER_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Part<'p> = (&'p str, Option<(u64, u64)>, &'p str);

    fn messages(pieces: &[Part<'_>]) -> Vec<String> {
        let mut assembly = Assembly::default();
        let mut found = Vec::new();
        let mut done = |message: &Message| {
            let lines: Vec<u64> = message.lines.iter().map(|(_, outside)| outside.line).collect();
            found.push(format!("{lines:?} {}", String::from_utf8_lossy(&message.text)));
        };
        for (line, (process, number, text)) in (1..).zip(pieces) {
            let piece = Piece {
                process: process.as_bytes(),
                number: *number,
                text: text.as_bytes(),
                ..Piece::default()
            };
            assembly.take(0, &piece, Outside { line, ..Outside::default() }, &mut done);
        }
        assembly.end_all(&mut done);
        found
    }

    #[test]
    fn parts_are_joined_over_lines_of_others() {
        let found = messages(&[
            ("1", Some((7, 1)), "LOG:  a"),
            ("2", Some((3, 1)), "LOG:  b"),
            ("1", Some((7, 2)), "\tgoes on"),
            ("2", Some((4, 1)), "LOG:  c"),
            ("1", Some((7, 3)), "DETAIL:  x"),
        ]);
        assert_eq!(found, ["[2] LOG:  b", "[1, 3, 5] LOG:  a\n\tgoes on\nDETAIL:  x", "[4] LOG:  c"]);
    }

    #[test]
    fn long_lines_are_joined_where_they_were_cut() {
        let long = "x".repeat(895);
        let at_a_blank = messages(&[("1", Some((7, 1)), &long), ("1", Some((7, 2)), " words")]);
        assert_eq!(at_a_blank, [format!("[1] {long} words")]);
        let whole = "x".repeat(900);
        let in_a_word = messages(&[("1", Some((7, 1)), &whole), ("1", Some((7, 2)), "x")]);
        assert_eq!(in_a_word, [format!("[1] {whole}x")]);
        let at_the_end = messages(&[("1", Some((7, 1)), &long), ("1", Some((7, 2)), "DETAIL:  y")]);
        assert_eq!(at_the_end, [format!("[1, 2] {long}\nDETAIL:  y")]);
        let without_numbers = messages(&[("1", None, &long), ("2", None, "y"), ("1", None, " words")]);
        assert_eq!(without_numbers, [format!("[1] {long} words"), "[2] y".to_owned()]);
    }

    #[test]
    fn what_does_not_go_on_ends() {
        let mut pieces = vec![("1", None, "first")];
        pieces.extend((0..2 * IDLE_RECORDS).map(|_| ("2", None, "x")));
        let found = messages(&pieces);
        let place = found.iter().position(|text| text.ends_with("first"));
        assert!(place.is_some_and(|place| place < pieces.len() - 2), "{place:?}");
    }
}
