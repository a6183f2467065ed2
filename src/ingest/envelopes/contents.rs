//! An envelope that is being taken apart: out of its bytes come blocks of the programs whose lines it has.

use std::sync::Arc;

use memchr::{memchr, memchr_iter};
use rustc_hash::FxHashMap;

use super::assembly::{Assembly, Message};
use super::places::{Outside, Places};
use super::streams::{Cut, Known, Stream};
use super::{ENVELOPES, Envelope, Unwrap};
use crate::ingest::input::unrecognised;
use crate::ingest::skipped::Skipped;
use crate::ingest::{Format, Framing, Head, LogForms, Place, RECORD_BYTES_MAX};

/// Programs that are told apart; lines of others are counted only.
const PROGRAMS_MAX: usize = 1 << 10;

/// Bytes of all programs' texts that were not given out; beyond, the longest one is cut.
const HELD_MAX: usize = 64 << 20;

/// Programs that are named where their lines are not read.
const NAMED_MAX: usize = 3;

/// What is in an envelope.
pub(in crate::ingest) struct Contents {
    envelope: &'static Envelope,
    unwrap: Box<dyn Unwrap>,
    /// Where the input is, and begins.
    begin: Place,
    forms: Option<LogForms>,
    /// Of the next record.
    next: Outside,
    assembly: Assembly,
    programs: FxHashMap<Vec<u8>, usize>,
    streams: Vec<Stream>,
    /// Streams that are to be cut.
    ready: Vec<usize>,
    held: usize,
    /// Records that are none of the envelope.
    pub(in crate::ingest) skipped: Skipped,
    ended: bool,
    /// Room for texts and names.
    room: Vec<u8>,
    name: Vec<u8>,
}

/// A block of one program.
pub(in crate::ingest) struct Enclosed {
    pub(in crate::ingest) format: &'static Format,
    pub(in crate::ingest) framing: Framing,
    /// Number of the program; what is decoded in order has to be decoded by one decoder for each.
    pub(in crate::ingest) program: usize,
    pub(in crate::ingest) text: Vec<u8>,
    /// In the text of the program.
    pub(in crate::ingest) place: Place,
    pub(in crate::ingest) places: Places,
}

impl Contents {
    /// Begins with an input that is an envelope, by its first bytes.
    pub(in crate::ingest) fn of(head: Head<'_>, begin: &Place, forms: Option<&LogForms>) -> Option<Self> {
        let envelope = ENVELOPES.iter().find(|envelope| (envelope.sniff)(head))?;
        Some(Self::new(envelope, begin.clone(), forms.cloned()))
    }

    fn new(envelope: &'static Envelope, begin: Place, forms: Option<LogForms>) -> Self {
        Self {
            envelope,
            unwrap: (envelope.opener)(),
            forms,
            next: Outside { offset: begin.offset, line: begin.line, at_ns: 0 },
            begin,
            assembly: Assembly::default(),
            programs: FxHashMap::default(),
            streams: Vec::new(),
            ready: Vec::new(),
            held: 0,
            skipped: Skipped::default(),
            ended: false,
            room: Vec::new(),
            name: Vec::new(),
        }
    }

    /// The format of the first program that is in a known one, as far as the first bytes of an input tell; begins anew
    /// afterwards.
    ///
    /// # Errors
    ///
    /// What is in it instead.
    pub(in crate::ingest) fn format_of(
        &mut self,
        head: Head<'_>,
    ) -> Result<(&'static Format, Framing), String> {
        let mut at = 0;
        while at < head.bytes.len() && self.ready.is_empty() {
            match self.take(&head.bytes[at..], head.whole) {
                0 => break,
                length => at += length,
            }
        }
        self.end();
        let forms = self.forms.as_ref();
        let known = self.streams.iter().find_map(|stream| stream.recognised(head.whole, forms));
        let found = known.ok_or_else(|| self.unknown());
        let forms = self.forms.take();
        *self = Self::new(self.envelope, self.begin.clone(), forms);
        found
    }

    /// Why nothing in it is read.
    pub(in crate::ingest) fn unknown(&self) -> String {
        let longest = self.streams.iter().max_by_key(|stream| stream.messages);
        let inside = longest.map_or(String::new(), |stream| {
            unrecognised(Head { bytes: stream.unknown(), whole: true }, self.forms.as_ref())
        });
        let programs = match self.others() {
            Some((lines, programs)) => format!("{lines} lines of {programs}"),
            None => "nothing".to_owned(),
        };
        format!("it is {} with {programs} in it, {inside}", self.envelope.name)
    }

    /// The format of the first program that is in a known one.
    pub(in crate::ingest) fn format(&self) -> Option<(&'static Format, Framing)> {
        self.streams.iter().find_map(|stream| match stream.known {
            Known::As(format, framing) => Some((format, framing)),
            Known::NotYet | Known::Not => None,
        })
    }

    /// How its lines are read.
    pub(in crate::ingest) fn forms(&self) -> Option<&LogForms> {
        self.forms.as_ref()
    }

    /// What it is, for messages.
    pub(in crate::ingest) fn envelope(&self) -> &'static str {
        self.envelope.name
    }

    /// Whether everything was taken.
    pub(in crate::ingest) fn has_ended(&self) -> bool {
        self.ended
    }

    /// How many lines are not read, and of which programs.
    pub(in crate::ingest) fn others(&self) -> Option<(u64, String)> {
        let mut by_name: FxHashMap<&str, u64> = FxHashMap::default();
        for stream in self.streams.iter().filter(|stream| !matches!(stream.known, Known::As(..))) {
            *by_name.entry(&stream.name).or_default() += stream.messages;
        }
        let mut others: Vec<(&str, u64)> = by_name.into_iter().filter(|(_, lines)| *lines > 0).collect();
        others.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(other.0)));
        let lines = others.iter().map(|(_, lines)| lines).sum();
        let mut names: Vec<&str> = others
            .iter()
            .take(NAMED_MAX)
            .map(|(name, _)| if name.is_empty() { "no name" } else { name })
            .collect();
        if others.len() > NAMED_MAX {
            names.push("others");
        }
        (lines > 0).then(|| (lines, names.join(", ")))
    }

    /// Takes records from the front of `bytes` until a block is ready, and returns how many bytes are done with; zero
    /// where the first record does not end in them.
    pub(in crate::ingest) fn take(&mut self, bytes: &[u8], ended: bool) -> usize {
        let mut at = 0;
        let mut room = std::mem::take(&mut self.room);
        while at < bytes.len() && self.ready.is_empty() {
            let rest = &bytes[at..];
            let (length, taken) = match self.unwrap.take(rest, ended, &mut room) {
                Some(taken) => taken,
                None if rest.len() < RECORD_BYTES_MAX => break,
                None => {
                    let line = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
                    (line, Err("a record longer than can be read"))
                }
            };
            let length = length.clamp(1, rest.len());
            let begin = self.next.line;
            match taken {
                Ok(Some(piece)) => {
                    let program = self.program(piece.host, piece.program);
                    let outside = Outside { at_ns: piece.at_ns, ..self.next };
                    let (streams, ready, held) = (&mut self.streams, &mut self.ready, &mut self.held);
                    let mut done = |message: &Message| push(streams, ready, held, message);
                    self.assembly.take(program, &piece, outside, &mut done);
                    // Each piece has a line of its own, also where the input has them all in one.
                    self.next.line += 1;
                }
                Ok(None) => {}
                Err(reason) => {
                    self.skipped.skip(&self.begin.file, self.next.offset, begin, length as u64, reason);
                }
            }
            self.next.offset += length as u64;
            self.next.line = self.next.line.max(begin + memchr_iter(b'\n', &rest[..length]).count() as u64);
            at += length;
        }
        self.room = room;
        if self.held > HELD_MAX {
            let longest = (0..self.streams.len()).max_by_key(|program| self.streams[*program].len());
            self.ready.extend(longest);
        }
        at
    }

    /// The number of a program.
    fn program(&mut self, host: &[u8], program: &[u8]) -> usize {
        self.name.clear();
        self.name.extend_from_slice(host);
        self.name.push(0xff);
        self.name.extend_from_slice(program);
        if let Some(known) = self.programs.get(&self.name) {
            return *known;
        }
        let number = self.streams.len().min(PROGRAMS_MAX);
        if number == PROGRAMS_MAX {
            return number - 1;
        }
        let mut stream = Stream::new(host, program);
        if number + 1 == PROGRAMS_MAX {
            // All that come from here on.
            stream.name = "further programs".to_owned();
            stream.known = Known::Not;
        }
        self.streams.push(stream);
        self.programs.insert(self.name.clone(), number);
        number
    }

    /// Nothing follows.
    pub(in crate::ingest) fn end(&mut self) {
        let (streams, ready, held) = (&mut self.streams, &mut self.ready, &mut self.held);
        self.assembly.end_all(&mut |message| push(streams, ready, held, message));
        self.ended = true;
    }

    /// The next block that is ready.
    pub(in crate::ingest) fn next(&mut self) -> Option<Enclosed> {
        loop {
            let (program, ended) = match self.ready.pop() {
                Some(program) => (program, false),
                None if self.ended => {
                    // What is left of each, in their order.
                    let left = |stream: &Stream| stream.len() > 0 && !matches!(stream.known, Known::Not);
                    (self.streams.iter().position(left)?, true)
                }
                None => return None,
            };
            let stream = self.streams.get_mut(program)?;
            let before = stream.len();
            let cut = stream.cut(ended, self.forms.as_ref());
            self.held = self.held.saturating_sub(before - stream.len());
            if let (Some(Cut { text, offset, line, places }), Known::As(format, framing)) =
                (cut, stream.known)
            {
                let place = Place { file: Arc::clone(&self.begin.file), offset, line };
                return Some(Enclosed { format, framing, program, text, place, places });
            }
        }
    }
}

fn push(streams: &mut [Stream], ready: &mut Vec<usize>, held: &mut usize, message: &Message) {
    if let Some(stream) = streams.get_mut(message.program) {
        let before = stream.len();
        if stream.push(message) && !ready.contains(&message.program) {
            ready.push(message.program);
        }
        *held += stream.len() - before;
    }
}
