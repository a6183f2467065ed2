//! What one program wrote: a text that is recognised and cut into blocks like an input of its own.

use memchr::memchr_iter;

use super::assembly::Message;
use super::places::Places;
use crate::ingest::blocks::BLOCK_BYTES;
use crate::ingest::forms::recognised;
use crate::ingest::{Format, Framing, Head, LogForms, RECORD_BYTES_MAX};

/// A program is recognised by so many bytes, or all of them.
const HEAD_BYTES: usize = 256 << 10;

/// So much is kept of what is in no known format, to say what it may be.
const SAMPLE_BYTES: usize = 16 << 10;

/// The text of a program that was not given out yet.
pub(super) struct Stream {
    /// Without its host.
    pub(super) name: String,
    pub(super) known: Known,
    text: Vec<u8>,
    places: Places,
    /// Of the text's first byte.
    offset: u64,
    line: u64,
    /// Of the line behind the text.
    next_line: u64,
    /// Messages.
    pub(super) messages: u64,
    /// It is cut when it has so many bytes.
    cut_at: usize,
}

/// Whether it is read.
#[allow(clippy::large_enum_variant, reason = "there is one for each program")]
#[derive(Clone, Copy)]
pub(super) enum Known {
    /// Not enough of it was seen.
    NotYet,
    /// In this format.
    As(&'static Format, Framing),
    /// It is an envelope itself.
    Within,
    /// In none that is known.
    Not,
}

/// Whole records of a program.
pub(super) struct Cut {
    pub(super) text: Vec<u8>,
    pub(super) offset: u64,
    pub(super) line: u64,
    pub(super) places: Places,
}

impl Stream {
    /// `around` tells apart what is around programs of one name.
    pub(super) fn new(host: &[u8], program: &[u8], around: u64) -> Self {
        Self {
            name: String::from_utf8_lossy(program).into_owned(),
            known: Known::NotYet,
            text: Vec::new(),
            places: Places::of(host, program, around),
            offset: 0,
            line: 1,
            next_line: 1,
            messages: 0,
            cut_at: HEAD_BYTES,
        }
    }

    /// Adds a message, and says whether a block may be cut.
    pub(super) fn push(&mut self, message: &Message) -> bool {
        self.messages += 1;
        if matches!(self.known, Known::Not) {
            return false;
        }
        for (line, outside) in &message.lines {
            self.places.push(self.next_line + line, *outside, &message.process);
        }
        self.next_line += 1 + memchr_iter(b'\n', &message.text).count() as u64;
        self.text.extend_from_slice(&message.text);
        self.text.push(b'\n');
        self.text.len() >= self.cut_at
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The begin of what is there, by which it is recognised.
    pub(super) fn head(&self, whole: bool) -> Head<'_> {
        let begin = &self.text[..self.text.len().min(HEAD_BYTES)];
        Head { bytes: begin, whole: whole && begin.len() == self.text.len() }
    }

    /// The format of what is there.
    pub(super) fn recognised(
        &self,
        whole: bool,
        forms: Option<&LogForms>,
    ) -> Option<(&'static Format, Framing)> {
        recognised(self.head(whole), forms).filter(|(_, framing)| framing.is_text())
    }

    /// The begin of what is there, where it is in no known format.
    pub(super) fn unknown(&self) -> &[u8] {
        &self.text
    }

    /// Takes whole records; everything where `ended`.
    pub(super) fn cut(&mut self, ended: bool) -> Option<Cut> {
        let length = match self.known {
            Known::As(..) if ended || self.text.len() >= RECORD_BYTES_MAX => self.text.len(),
            Known::As(_, Framing::Document) | Known::Within => self.text.len(),
            Known::As(format, framing) => (format.cut)(framing, &self.text),
            Known::NotYet => 0,
            Known::Not => {
                self.text.truncate(SAMPLE_BYTES);
                self.text.shrink_to_fit();
                self.places = Places::default();
                0
            }
        };
        // Where no record ends, it is tried again when there is much more.
        self.cut_at = if length == 0 { (2 * self.text.len()).max(BLOCK_BYTES) } else { BLOCK_BYTES };
        (length > 0).then(|| self.take(length))
    }

    fn take(&mut self, length: usize) -> Cut {
        let rest = self.text.split_off(length);
        let text = std::mem::replace(&mut self.text, rest);
        let (offset, line) = (self.offset, self.line);
        self.offset += length as u64;
        self.line += memchr_iter(b'\n', &text).count() as u64;
        let places = self.places.split(self.line);
        Cut { text, offset, line, places }
    }
}
