//! An input cut into blocks: the memory of reading is that of one block for each worker.

use std::io::{self, Read};

use memchr::memchr_iter;

use super::envelopes::{Contents, Left, Places, Unwrapping, decode_enclosed};
use super::forms::recognised;
use super::input::unrecognised;
use super::{
    Block, Decode, FORMATS, Format, Framing, Head, LogForms, Place, RECORD_BYTES_MAX, Reading, Rest,
};

/// Bytes of a block.
pub(super) const BLOCK_BYTES: usize = 1 << 20;

/// Room for a block, and how much of it is in use.
#[derive(Default)]
pub(super) struct Buffer {
    room: Vec<u8>,
    used: usize,
}

impl Buffer {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.room[..self.used]
    }

    pub(super) fn is_full(&self) -> bool {
        self.used == self.room.len()
    }

    /// Empties it, and gives back what a long record made it grow by.
    fn clear(&mut self) {
        self.used = 0;
        if self.room.len() != BLOCK_BYTES {
            self.room = vec![0; BLOCK_BYTES];
        }
    }

    pub(super) fn grow(&mut self) {
        let longer = (2 * self.room.len()).min(RECORD_BYTES_MAX);
        self.room.resize(longer, 0);
    }

    /// Takes bytes that are there already.
    fn hold(&mut self, bytes: Vec<u8>) {
        self.used = bytes.len();
        self.room = bytes;
    }

    fn push(&mut self, bytes: &[u8]) {
        while self.used + bytes.len() > self.room.len() {
            self.room.resize(2 * self.room.len().max(1), 0);
        }
        self.room[self.used..self.used + bytes.len()].copy_from_slice(bytes);
        self.used += bytes.len();
    }

    pub(super) fn remove(&mut self, length: usize) {
        self.room.copy_within(length..self.used, 0);
        self.used -= length;
    }
}

/// Bytes that come one after another.
pub(super) struct Incoming {
    stream: Box<dyn Read + Send>,
    /// Nothing can be read any more.
    pub(super) ended: bool,
    /// Why it ended before its end.
    problem: Option<String>,
}

impl Incoming {
    /// Reads until the buffer is full or the input ends.
    pub(super) fn fill(&mut self, buffer: &mut Buffer) {
        while !self.ended && !buffer.is_full() {
            match self.stream.read(&mut buffer.room[buffer.used..]) {
                Ok(0) => self.ended = true,
                Ok(length) => buffer.used += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    self.problem = Some(format!("not read to its end: {error}"));
                }
            }
        }
    }
}

/// An open input of a known format, or with such in it.
pub(super) struct Source {
    pub(super) format: &'static Format,
    pub(super) framing: Framing,
    incoming: Incoming,
    /// Of the first byte that was not given out.
    place: Place,
    /// The buffer of the first block.
    first: Option<Buffer>,
    /// Read and not given out: the begin of the next block.
    carried: Buffer,
    /// What is in it, where it is an envelope.
    unwrapping: Option<Box<Unwrapping>>,
    /// Number of the program whose block came last, in an envelope.
    pub(super) program: usize,
}

/// What an input is.
pub(super) struct Claim {
    pub(super) format: &'static Format,
    framing: Framing,
    /// What it is taken apart by, where it is an envelope.
    contents: Option<Contents>,
}

impl Claim {
    /// Asks all envelopes and formats for the first bytes of an input.
    ///
    /// # Errors
    ///
    /// Why none of them takes it.
    pub(super) fn of(head: Head<'_>, place: &Place, forms: Option<&LogForms>) -> Result<Self, String> {
        let mut contents = Contents::of(head, place, forms);
        let inside = contents.as_mut().map(|contents| contents.format_of(head));
        if let Some(Ok((format, framing))) = inside {
            return Ok(Self { format, framing, contents });
        }
        match (recognised(head, forms), inside) {
            (Some((format, framing)), _) => Ok(Self { format, framing, contents: None }),
            // What is known may come later.
            (None, Some(_)) if !head.whole => {
                Ok(Self { format: &FORMATS[0], framing: Framing::Lines, contents })
            }
            (None, Some(Err(unknown))) => Err(unknown),
            (None, _) => Err(unrecognised(head, forms)),
        }
    }
}

/// What comes next of a source.
pub(super) enum Next {
    /// Whole records, in the buffer, with their places where they were in an envelope.
    Block(Place, Option<Places>),
    /// The rest, which has to be read in order.
    InOrder,
    /// Nothing.
    End,
}

impl Source {
    /// Reads the first block into `buffer` and asks all envelopes and formats.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    pub(super) fn open(
        place: Place,
        stream: Box<dyn Read + Send>,
        buffer: &mut Buffer,
        forms: Option<&LogForms>,
    ) -> Result<Self, String> {
        let mut incoming = Incoming { stream, ended: false, problem: None };
        buffer.clear();
        incoming.fill(buffer);
        let head = Head { bytes: buffer.bytes(), whole: incoming.ended };
        let claim = match Claim::of(head, &place, forms) {
            Ok(claim) => claim,
            Err(unknown) => return Err(incoming.problem.unwrap_or(unknown)),
        };
        let Claim { format, framing, contents } = claim;
        let line = if framing.is_text() { place.line } else { 0 };
        let place = Place { line, ..place };
        let first = Some(std::mem::take(buffer));
        let mut source = Self {
            format,
            framing,
            incoming,
            place,
            first,
            carried: Buffer::default(),
            unwrapping: None,
            program: 0,
        };
        if let Some(contents) = contents {
            let first = source.first.take().unwrap_or_default();
            source.unwrapping = Some(Box::new(Unwrapping::new(contents, first)));
        }
        Ok(source)
    }

    /// Whether what is read stands inside other lines.
    pub(super) fn is_envelope(&self) -> bool {
        self.unwrapping.is_some()
    }

    /// Whether several workers can take blocks.
    pub(super) fn can_be_shared(&self) -> bool {
        match &self.unwrapping {
            Some(_) => !self.incoming.ended,
            None => {
                self.framing != Framing::Document
                    && !(self.incoming.ended && self.carried.bytes().is_empty() && self.first.is_none())
            }
        }
    }

    /// What is known when nothing is left: problems, and what was counted.
    pub(super) fn leave(&mut self) -> Left {
        let problem = self.incoming.problem.take();
        match &mut self.unwrapping {
            Some(unwrapping) => Left { problem, ..unwrapping.leave() },
            None => Left { problem, format: Some((self.format, self.framing)), ..Left::default() },
        }
    }

    /// Bytes of an envelope that were taken apart since this was asked last; `None` for all other inputs.
    pub(super) fn unwrapped(&mut self) -> Option<usize> {
        self.unwrapping.as_mut().map(|unwrapping| unwrapping.unwrapped())
    }

    /// Cuts the next block into `buffer`.
    pub(super) fn next(&mut self, buffer: &mut Buffer) -> Next {
        if let Some(unwrapping) = &mut self.unwrapping {
            return match unwrapping.next(&mut self.incoming) {
                Some(enclosed) if enclosed.framing == Framing::Document => {
                    unwrapping.put_back(enclosed);
                    Next::InOrder
                }
                Some(enclosed) => {
                    (self.format, self.framing) = (enclosed.format, enclosed.framing);
                    self.program = enclosed.program;
                    buffer.hold(enclosed.text);
                    Next::Block(enclosed.place, Some(enclosed.places))
                }
                None => Next::End,
            };
        }
        match self.first.take() {
            Some(first) => *buffer = first,
            None => {
                std::mem::swap(buffer, &mut self.carried);
                self.carried.used = 0;
                if buffer.room.len() < BLOCK_BYTES {
                    buffer.room.resize(BLOCK_BYTES, 0);
                }
            }
        }
        loop {
            self.incoming.fill(buffer);
            let cut = match self.incoming.ended {
                true if buffer.used == 0 => return Next::End,
                true if self.framing != Framing::Document => buffer.used,
                _ => (self.format.cut)(self.framing, buffer.bytes()),
            };
            if cut > 0 {
                self.carried.clear();
                self.carried.push(&buffer.bytes()[cut..]);
                buffer.used = cut;
                return Next::Block(self.step(buffer.bytes()), None);
            }
            if self.framing == Framing::Document || buffer.room.len() >= RECORD_BYTES_MAX {
                return Next::InOrder;
            }
            buffer.grow();
        }
    }

    /// Counts all of what `buffer` holds as given out, though a record goes on behind it.
    pub(super) fn give_all(&mut self, buffer: &Buffer) {
        self.step(buffer.bytes());
    }

    /// Decodes everything that is left, beginning with what `buffer` holds; `each` is called after
    /// every block with its length and may end it.
    pub(super) fn read_in_order<E>(
        &mut self,
        buffer: &mut Buffer,
        decoder: &mut dyn Decode,
        reading: &mut Reading<'_>,
        mut each: impl FnMut(&mut Reading<'_>, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(unwrapping) = &mut self.unwrapping {
            return unwrapping.read_in_order(&mut self.incoming, reading, each);
        }
        loop {
            self.incoming.fill(buffer);
            let rest = if self.incoming.ended { Rest::Nothing } else { Rest::Follows };
            let mut block = Block { bytes: buffer.bytes(), place: &self.place, rest };
            let mut done = decoder.decode(reading, &block);
            if done == 0 && rest == Rest::Follows && buffer.room.len() >= RECORD_BYTES_MAX {
                block.rest = Rest::TooLong;
                done = decoder.decode(reading, &block).max(1);
            }
            self.step(&buffer.bytes()[..done]);
            each(reading, done)?;
            if rest == Rest::Nothing {
                return Ok(());
            }
            if done == 0 {
                buffer.grow();
            }
            buffer.remove(done);
        }
    }

    /// Counts bytes that are given out, and returns the place of the first of them.
    fn step(&mut self, bytes: &[u8]) -> Place {
        let place = self.place.clone();
        self.place.offset += bytes.len() as u64;
        if place.line > 0 {
            self.place.line += memchr_iter(b'\n', bytes).count() as u64;
        }
        place
    }
}

/// Decodes a block of whole records.
pub(super) fn decode_block(
    decoder: &mut dyn Decode,
    reading: &mut Reading<'_>,
    buffer: &Buffer,
    place: &Place,
    places: Option<Places>,
) -> usize {
    let block = Block { bytes: buffer.bytes(), place, rest: Rest::Nothing };
    match places {
        Some(places) => decode_enclosed(decoder, reading, &block, places).0,
        None => decoder.decode(reading, &block),
    };
    buffer.used
}
