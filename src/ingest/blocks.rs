//! An input cut into blocks: the memory of reading is that of one block for each worker.

use std::io::{self, Read};

use memchr::memchr_iter;

use super::input::unrecognised;
use super::{
    Block, Decode, FORMATS, Format, Framing, Head, LogForm, Place, RECORD_BYTES_MAX, Reading, Rest, access,
};

/// Bytes of a block.
const BLOCK_BYTES: usize = 1 << 20;

/// Room for a block, and how much of it is in use.
#[derive(Default)]
pub(super) struct Buffer {
    room: Vec<u8>,
    used: usize,
}

impl Buffer {
    fn bytes(&self) -> &[u8] {
        &self.room[..self.used]
    }

    fn is_full(&self) -> bool {
        self.used == self.room.len()
    }

    /// Empties it, and gives back what a long record made it grow by.
    fn clear(&mut self) {
        self.used = 0;
        if self.room.len() != BLOCK_BYTES {
            self.room = vec![0; BLOCK_BYTES];
        }
    }

    fn grow(&mut self) {
        let longer = (2 * self.room.len()).min(RECORD_BYTES_MAX);
        self.room.resize(longer, 0);
    }

    fn push(&mut self, bytes: &[u8]) {
        while self.used + bytes.len() > self.room.len() {
            self.room.resize(2 * self.room.len().max(1), 0);
        }
        self.room[self.used..self.used + bytes.len()].copy_from_slice(bytes);
        self.used += bytes.len();
    }

    fn remove(&mut self, length: usize) {
        self.room.copy_within(length..self.used, 0);
        self.used -= length;
    }
}

/// An open input of a known format.
pub(super) struct Source {
    pub(super) format: &'static Format,
    pub(super) framing: Framing,
    stream: Box<dyn Read + Send>,
    /// Of the first byte that was not given out.
    place: Place,
    /// The buffer of the first block.
    first: Option<Buffer>,
    /// Read and not given out.
    carried: Vec<u8>,
    /// Nothing can be read any more.
    ended: bool,
    /// Why it ended before its end.
    pub(super) problem: Option<String>,
}

/// What comes next of a source.
pub(super) enum Next {
    /// Whole records, in the buffer.
    Block(Place),
    /// The rest, which has to be read in order.
    InOrder,
    /// Nothing.
    End,
}

impl Source {
    /// Reads the first block into `buffer` and asks all formats.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    pub(super) fn open(
        name: std::sync::Arc<str>,
        stream: Box<dyn Read + Send>,
        buffer: &mut Buffer,
        log_form: Option<&LogForm>,
    ) -> Result<Self, String> {
        let mut source = Self {
            format: &FORMATS[0],
            framing: Framing::Document,
            stream,
            place: Place { file: name, offset: 0, line: 1 },
            first: None,
            carried: Vec::new(),
            ended: false,
            problem: None,
        };
        buffer.clear();
        source.fill(buffer);
        let head = Head { bytes: buffer.bytes(), whole: source.ended };
        let given = log_form.and_then(|form| Some((&access::GIVEN, form.framing(head)?)));
        let recognised = || FORMATS.iter().find_map(|format| Some((format, (format.sniff)(head)?)));
        let found = given.or_else(recognised);
        let Some((format, framing)) = found else {
            return Err(source.problem.unwrap_or_else(|| unrecognised(buffer.bytes())));
        };
        let is_text =
            !matches!(framing, Framing::LengthPrefixed | Framing::VarintPrefixed | Framing::Message);
        source.place.line = u64::from(is_text);
        source.first = Some(std::mem::take(buffer));
        Ok(Self { format, framing, ..source })
    }

    /// Whether several workers can take blocks.
    pub(super) fn can_be_shared(&self) -> bool {
        self.framing != Framing::Document && !(self.ended && self.carried.is_empty() && self.first.is_none())
    }

    /// Cuts the next block into `buffer`.
    pub(super) fn next(&mut self, buffer: &mut Buffer) -> Next {
        match self.first.take() {
            Some(first) => *buffer = first,
            None => {
                buffer.clear();
                buffer.push(&std::mem::take(&mut self.carried));
            }
        }
        loop {
            self.fill(buffer);
            let cut = match self.ended {
                true if buffer.used == 0 => return Next::End,
                true if self.framing != Framing::Document => buffer.used,
                _ => (self.format.cut)(self.framing, buffer.bytes()),
            };
            if cut > 0 {
                self.carried = buffer.bytes()[cut..].to_vec();
                buffer.used = cut;
                return Next::Block(self.step(buffer.bytes()));
            }
            if self.framing == Framing::Document || buffer.room.len() >= RECORD_BYTES_MAX {
                return Next::InOrder;
            }
            buffer.grow();
        }
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
        loop {
            self.fill(buffer);
            let rest = if self.ended { Rest::Nothing } else { Rest::Follows };
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

    /// Reads until the buffer is full or the input ends.
    fn fill(&mut self, buffer: &mut Buffer) {
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

/// Decodes a block of whole records.
pub(super) fn decode_block(
    decoder: &mut dyn Decode,
    reading: &mut Reading<'_>,
    buffer: &Buffer,
    place: &Place,
) -> usize {
    decoder.decode(reading, &Block { bytes: buffer.bytes(), place, rest: Rest::Nothing });
    buffer.used
}
