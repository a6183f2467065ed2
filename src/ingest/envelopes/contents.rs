//! An envelope that is being taken apart: out of its bytes come blocks of the programs whose lines it has.

use std::sync::Arc;

use memchr::{memchr, memchr_iter};
use rustc_hash::FxHashMap;

use super::assembly::{Assembly, Message};
use super::places::{Outside, Places};
use super::streams::{Cut, Known, Stream};
use super::{ENVELOPES, Envelope, Unwrap, is_without_year};
use crate::ingest::input::unrecognised;
use crate::ingest::postgres::STDERR;
use crate::ingest::skipped::Skipped;
use crate::ingest::{Format, Framing, Head, LogForms, Place, RECORD_BYTES_MAX};

/// Programs that are told apart; lines of others are counted only.
const PROGRAMS_MAX: usize = 1 << 10;

/// Bytes of all programs' texts that were not given out; beyond, the longest one is cut.
const HELD_MAX: usize = 64 << 20;

/// Programs that are named where their lines are not read.
const NAMED_MAX: usize = 3;

/// An envelope may be in another one, which is in another one.
const DEPTH_MAX: usize = 3;

/// Programs of one envelope that may write envelopes themselves.
const INNER_MAX: usize = 8;

/// What is in an envelope.
pub(in crate::ingest) struct Contents {
    envelope: &'static Envelope,
    /// How many envelopes are around it.
    depth: usize,
    /// What is in envelopes within.
    inner: Vec<Inner>,
    unwrap: Box<dyn Unwrap>,
    /// Where the input is, and begins.
    begin: Place,
    forms: Option<LogForms>,
    /// Of the next record.
    next: Outside,
    /// Where the text stands in the input, where it comes out of an envelope, and the line of the next record in it.
    within: Option<(Places, u64)>,
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

/// An envelope that a program writes.
struct Inner {
    /// Number of the program.
    program: usize,
    contents: Contents,
    /// Not taken apart yet.
    text: Vec<u8>,
    /// Nothing follows it.
    ended: bool,
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
        Some(Self::new(envelope, 0, begin.clone(), forms.cloned()))
    }

    /// The envelope that a program in this one writes, by its first bytes, and the format of what is in it.
    fn of_program(&self, head: Head<'_>) -> Option<(Self, (&'static Format, Framing))> {
        let depth = self.depth + 1;
        if depth >= DEPTH_MAX || self.inner.len() >= INNER_MAX {
            return None;
        }
        let envelope = ENVELOPES.iter().find(|envelope| (envelope.sniff)(head))?;
        let begin = Place { file: Arc::clone(&self.begin.file), offset: 0, line: 1 };
        let mut inner = Self::new(envelope, depth, begin, self.forms.clone());
        let format = inner.format_of(head).ok()?;
        Some((inner, format))
    }

    fn new(envelope: &'static Envelope, depth: usize, begin: Place, forms: Option<LogForms>) -> Self {
        Self {
            envelope,
            depth,
            inner: Vec::new(),
            within: (depth > 0).then(|| (Places::default(), 1)),
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
        let known = self.streams.iter().find_map(|stream| match self.look_at(stream, head.whole) {
            Looked::As(format, framing) | Looked::Within(_, (format, framing)) => Some((format, framing)),
            Looked::Unknown => None,
        });
        let found = known.ok_or_else(|| self.unknown());
        let forms = self.forms.take();
        *self = Self::new(self.envelope, self.depth, self.begin.clone(), forms);
        found
    }

    /// What a program writes. With any text in front lines may be those of PostgreSQL, so envelopes go before.
    fn look_at(&self, stream: &Stream, whole: bool) -> Looked {
        let found = stream.recognised(whole, self.forms.as_ref());
        if let Some((format, framing)) = found.filter(|(format, _)| format.name != STDERR.name) {
            return Looked::As(format, framing);
        }
        match (self.of_program(stream.head(whole)), found) {
            (Some((inner, format)), _) => Looked::Within(Box::new(inner), format),
            (None, Some((format, framing))) => Looked::As(format, framing),
            (None, None) => Looked::Unknown,
        }
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
        let own = self.streams.iter().find_map(|stream| match stream.known {
            Known::As(format, framing) => Some((format, framing)),
            Known::NotYet | Known::Within | Known::Not => None,
        });
        own.or_else(|| self.inner.iter().find_map(|inner| inner.contents.format()))
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
        self.count_others(&mut by_name);
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

    fn count_others<'s>(&'s self, by_name: &mut FxHashMap<&'s str, u64>) {
        let is_read = |stream: &&Stream| matches!(stream.known, Known::As(..) | Known::Within);
        for stream in self.streams.iter().filter(|stream| !is_read(stream)) {
            *by_name.entry(&stream.name).or_default() += stream.messages;
        }
        self.inner.iter().for_each(|inner| inner.contents.count_others(by_name));
    }

    /// Where the next record stands in the input.
    fn here(&self) -> Outside {
        self.within.as_ref().map_or(self.next, |(places, line)| places.outside(*line))
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
            let here = self.here();
            match taken {
                Ok(Some(piece)) => {
                    let program = self.program(piece.host, piece.program);
                    // What is around it may know the time better.
                    let knows_better = piece.at_ns == 0 || here.at_ns > 0 && is_without_year(piece.at_ns);
                    let outside = if knows_better { here } else { Outside { at_ns: piece.at_ns, ..here } };
                    let (streams, ready, held) = (&mut self.streams, &mut self.ready, &mut self.held);
                    let mut done = |message: &Message| push(streams, ready, held, message);
                    self.assembly.take(program, &piece, outside, &mut done);
                    // Each piece has a line of its own, also where the input has them all in one.
                    self.next.line += 1;
                }
                Ok(None) => {}
                Err(reason) => {
                    self.skipped.skip(&self.begin.file, here.offset, here.line, length as u64, reason);
                }
            }
            let breaks = memchr_iter(b'\n', &rest[..length]).count() as u64;
            if let Some((_, line)) = &mut self.within {
                *line += breaks;
            }
            self.next.offset += length as u64;
            self.next.line = self.next.line.max(begin + breaks);
            at += length;
        }
        self.room = room;
        if self.held > HELD_MAX >> (3 * self.depth) {
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
        // Programs of the same name may be in different ones.
        let around = self.within.as_ref().map_or(0, |(places, _)| places.program());
        let mut stream = Stream::new(host, program, around);
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
            if let Some(enclosed) = self.next_of_inner() {
                return Some(enclosed);
            }
            let (program, ended) = match self.ready.pop() {
                Some(program) => (program, false),
                None if self.ended => (self.next_left()?, true),
                None => return None,
            };
            self.recognise(program, ended);
            let stream = self.streams.get_mut(program)?;
            let before = stream.len();
            let cut = stream.cut(ended);
            self.held = self.held.saturating_sub(before - stream.len());
            match (cut, stream.known) {
                (Some(Cut { text, offset, line, places }), Known::As(format, framing)) => {
                    let place = Place { file: Arc::clone(&self.begin.file), offset, line };
                    return Some(Enclosed { format, framing, program, text, place, places });
                }
                (cut, Known::Within) => {
                    let inner = self.inner.iter_mut().find(|inner| inner.program == program)?;
                    inner.add(cut, ended);
                }
                _ => {}
            }
        }
    }

    /// When nothing follows: the first program of which something is left.
    fn next_left(&self) -> Option<usize> {
        let is_open =
            |program: usize| self.inner.iter().any(|inner| inner.program == program && !inner.contents.ended);
        self.streams.iter().enumerate().position(|(program, stream)| match stream.known {
            Known::Not => false,
            _ => stream.len() > 0 || is_open(program),
        })
    }

    /// A block of a program in an envelope within.
    fn next_of_inner(&mut self) -> Option<Enclosed> {
        self.inner.iter_mut().find_map(|inner| {
            loop {
                if let Some(enclosed) = inner.contents.next() {
                    let program = inner.program + PROGRAMS_MAX * (1 + enclosed.program);
                    return Some(Enclosed { program, ..enclosed });
                }
                if !inner.advance() {
                    return None;
                }
            }
        })
    }

    /// Finds out what a program writes, if that was not done.
    fn recognise(&mut self, program: usize, ended: bool) {
        let Some(stream) = self.streams.get(program).filter(|stream| matches!(stream.known, Known::NotYet))
        else {
            return;
        };
        let known = match self.look_at(stream, ended) {
            Looked::As(format, framing) => Known::As(format, framing),
            Looked::Within(contents, _) => {
                self.inner.push(Inner { program, contents: *contents, text: Vec::new(), ended: false });
                Known::Within
            }
            Looked::Unknown => Known::Not,
        };
        if let Some(stream) = self.streams.get_mut(program) {
            stream.known = known;
        }
    }

    /// Counts what was skipped, here and within.
    pub(in crate::ingest) fn take_skipped(&mut self) -> Skipped {
        let mut skipped = std::mem::take(&mut self.skipped);
        self.inner.iter_mut().for_each(|inner| skipped.merge(inner.contents.take_skipped()));
        skipped
    }
}

/// What a program writes.
enum Looked {
    /// A log in this format.
    As(&'static Format, Framing),
    /// An envelope, with such a log in it.
    Within(Box<Contents>, (&'static Format, Framing)),
    /// Nothing that is known, as far as can be seen.
    Unknown,
}

impl Inner {
    /// Adds text of its program.
    fn add(&mut self, cut: Option<Cut>, ended: bool) {
        self.ended = ended;
        if let Some(Cut { text, places, .. }) = cut {
            self.text.extend_from_slice(&text);
            if let Some((within, _)) = &mut self.contents.within {
                within.append(places);
            }
        }
    }

    /// Takes more of its text apart, until something is ready; says whether there was more.
    fn advance(&mut self) -> bool {
        let done = self.contents.take(&self.text, self.ended);
        self.text.drain(..done);
        if let Some((within, line)) = &mut self.contents.within {
            within.split(*line);
        }
        let ends = done == 0 && self.ended && !self.contents.ended;
        if ends {
            self.contents.end();
        }
        done > 0 || ends
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
