//! Reads an input that is an envelope: takes it apart under the lock of the input, decodes what must be decoded in order.

use std::mem;

use memchr::memchr_iter;
use rustc_hash::FxHashMap;

use super::contents::{Contents, Enclosed};
use super::places::Places;
use crate::ingest::blocks::{Buffer, Incoming};
use crate::ingest::forms::decoder_of;
use crate::ingest::skipped::Skipped;
use crate::ingest::{Block, Decode, Format, Framing, Place, RECORD_BYTES_MAX, Reading, Rest};

/// An envelope that is being read.
pub(in crate::ingest) struct Unwrapping {
    contents: Contents,
    /// What was read of it.
    buffer: Buffer,
    /// So much of the buffer was taken apart.
    at: usize,
    /// Bytes that were taken apart and not counted yet.
    unwrapped: usize,
    /// The next block, where it was taken too early.
    put_back: Option<Enclosed>,
}

/// What is known of an input when nothing is left of it.
#[derive(Default)]
pub(in crate::ingest) struct Left {
    /// The format of what was read; `None` where nothing was.
    pub(in crate::ingest) format: Option<(&'static Format, Framing)>,
    /// Why it was not read, or not to its end.
    pub(in crate::ingest) problem: Option<String>,
    /// Lines of programs that are not read, and which.
    pub(in crate::ingest) others: Option<(u64, String)>,
    /// What the envelope is.
    pub(in crate::ingest) envelope: Option<&'static str>,
    /// Records that are none of the envelope.
    pub(in crate::ingest) skipped: Skipped,
}

impl Unwrapping {
    /// Goes on with what was read already.
    pub(in crate::ingest) fn new(contents: Contents, buffer: Buffer) -> Self {
        Self { contents, buffer, at: 0, unwrapped: 0, put_back: None }
    }

    /// The next block of any program.
    pub(in crate::ingest) fn next(&mut self, incoming: &mut Incoming) -> Option<Enclosed> {
        if let Some(enclosed) = self.put_back.take() {
            return Some(enclosed);
        }
        loop {
            if let Some(enclosed) = self.contents.next() {
                return Some(enclosed);
            }
            if self.contents.has_ended() {
                return None;
            }
            self.take(incoming);
        }
    }

    /// Takes more of it apart.
    fn take(&mut self, incoming: &mut Incoming) {
        let done = self.contents.take(&self.buffer.bytes()[self.at..], incoming.ended);
        self.at += done;
        self.unwrapped += done;
        if done > 0 {
            return;
        }
        if incoming.ended {
            self.contents.end();
            return;
        }
        self.buffer.remove(mem::take(&mut self.at));
        if self.buffer.is_full() {
            self.buffer.grow();
        }
        incoming.fill(&mut self.buffer);
    }

    /// A block that was not decoded.
    pub(in crate::ingest) fn put_back(&mut self, enclosed: Enclosed) {
        self.put_back = Some(enclosed);
    }

    /// Bytes that were taken apart since this was asked last.
    pub(in crate::ingest) fn unwrapped(&mut self) -> usize {
        mem::take(&mut self.unwrapped)
    }

    /// What is known when nothing is left.
    pub(in crate::ingest) fn leave(&mut self) -> Left {
        let format = self.contents.format();
        Left {
            format,
            problem: format.is_none().then(|| self.contents.unknown()),
            others: self.contents.others(),
            envelope: Some(self.contents.envelope()),
            skipped: self.contents.take_skipped(),
        }
    }

    /// Decodes everything that is left, each program by a decoder of its own.
    pub(in crate::ingest) fn read_in_order<E>(
        &mut self,
        incoming: &mut Incoming,
        reading: &mut Reading<'_>,
        mut each: impl FnMut(&mut Reading<'_>, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut programs: FxHashMap<usize, Ordered> = FxHashMap::default();
        while let Some(enclosed) = self.next(incoming) {
            let forms = self.contents.forms();
            let program = programs.entry(enclosed.program).or_insert_with(|| Ordered {
                decoder: decoder_of(enclosed.format, enclosed.framing, forms),
                text: Vec::new(),
                place: Place { offset: enclosed.place.offset, ..enclosed.place.clone() },
                places: Places::default(),
            });
            program.add(enclosed.text, enclosed.places);
            program.decode(reading, Rest::Follows);
            each(reading, self.unwrapped())?;
        }
        let mut programs: Vec<(usize, Ordered)> = programs.into_iter().collect();
        programs.sort_unstable_by_key(|(number, _)| *number);
        for (_, mut program) in programs {
            program.decode(reading, Rest::Nothing);
            each(reading, 0)?;
        }
        Ok(())
    }
}

/// A program whose text is decoded in order.
struct Ordered {
    decoder: Box<dyn Decode>,
    /// Not decoded yet.
    text: Vec<u8>,
    place: Place,
    places: Places,
}

impl Ordered {
    fn add(&mut self, text: Vec<u8>, places: Places) {
        self.text.extend_from_slice(&text);
        self.places.append(places);
    }

    fn decode(&mut self, reading: &mut Reading<'_>, rest: Rest) {
        let (mut rest, mut done) = (rest, 0);
        loop {
            let block = Block { bytes: &self.text[done..], place: &self.place, rest };
            let places = mem::take(&mut self.places);
            let (length, places) = decode_enclosed(self.decoder.as_mut(), reading, &block, places);
            self.places = places;
            let length = if rest == Rest::TooLong { length.max(1) } else { length };
            let length = length.min(self.text.len() - done);
            self.place.line += memchr_iter(b'\n', &self.text[done..done + length]).count() as u64;
            self.place.offset += length as u64;
            done += length;
            match rest {
                Rest::Follows if length == 0 && self.text.len() - done >= RECORD_BYTES_MAX => {
                    rest = Rest::TooLong
                }
                Rest::TooLong => rest = Rest::Follows,
                _ => break,
            }
        }
        self.text.drain(..done);
        self.places.split(self.place.line);
    }
}

/// Decodes a block of an envelope: what is told of it is told by the lines of the input. Gives the places back.
pub(in crate::ingest) fn decode_enclosed(
    decoder: &mut dyn Decode,
    reading: &mut Reading<'_>,
    block: &Block<'_>,
    places: Places,
) -> (usize, Places) {
    let outside = mem::take(&mut reading.skipped);
    reading.places = Some(places);
    let done = decoder.decode(reading, block);
    let places = reading.places.take().unwrap_or_default();
    let mut inside = mem::replace(&mut reading.skipped, outside);
    inside.first.iter_mut().filter(|record| record.line > 0).for_each(|record| {
        let place = places.outside(record.line);
        (record.offset, record.line) = (place.offset, place.line);
    });
    reading.skipped.merge(inside);
    (done, places)
}
