//! Reads a log line by line; what a line says depends on nothing before it.

use std::hash::{Hash, Hasher};

use memchr::memchr;
use rustc_hash::FxHasher;

use super::request::{LineId, Requests, Told};
use crate::ingest::json::MARK;
use crate::ingest::{Block, Decode, Framing, Reading, Rest, end_of_lines};

/// Reads one line.
pub(super) trait ReadLine: Send {
    /// Hands the requests of a line over.
    ///
    /// # Errors
    ///
    /// Why it tells none.
    fn read(&mut self, line: &[u8], keep: &mut Keep<'_, '_>) -> Result<(), &'static str>;
}

/// Where the requests of a line go.
pub(super) struct Keep<'k, 'r> {
    requests: &'k mut Requests,
    id: LineId,
    reading: &'k mut Reading<'r>,
}

impl Keep<'_, '_> {
    /// Keeps a request.
    ///
    /// # Errors
    ///
    /// Why it is of no use.
    pub(super) fn request(&mut self, told: &Told<'_>) -> Result<(), &'static str> {
        self.requests.keep(told, self.id, self.reading)
    }

    /// Notes what was taken for granted.
    pub(super) fn remark(&mut self, remark: &'static str) {
        self.reading.remarks.insert(remark);
    }
}

/// Decodes the lines of a log.
pub(super) struct Lines<R> {
    reader: R,
    requests: Requests,
    /// What is next belongs to a line that was too long.
    in_long_line: bool,
}

impl<R: ReadLine + 'static> Lines<R> {
    /// Reads by `reader`; where lines do not name who wrote them, that is `service`, in `language`.
    pub(super) fn boxed(
        reader: R,
        format: &'static str,
        service: &'static str,
        language: &'static str,
    ) -> Box<dyn Decode> {
        let requests = Requests::new(format, service, language);
        Box::new(Self { reader, requests, in_long_line: false })
    }
}

/// Whole lines at the front of a block.
pub(super) fn cut(_: Framing, bytes: &[u8]) -> usize {
    end_of_lines(bytes)
}

impl<R: ReadLine> Decode for Lines<R> {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let Self { reader, requests, in_long_line } = self;
        each_line(reading, block, in_long_line, |line, id, _, reading| {
            reader.read(line, &mut Keep { requests, id, reading })
        })
    }
}

/// Reads the whole lines of a block that are not empty, and counts those that cannot be read: a line, what tells it
/// from others, and its number. `in_long_line` is kept from one block to the next: what comes first belongs to a line
/// that was too long. Returns how many bytes are done with.
pub(super) fn each_line(
    reading: &mut Reading<'_>,
    block: &Block<'_>,
    in_long_line: &mut bool,
    mut read: impl FnMut(&[u8], LineId, u64, &mut Reading<'_>) -> Result<(), &'static str>,
) -> usize {
    let Block { bytes, place, rest } = *block;
    let whole = block.whole(end_of_lines).len();
    let mut hasher = FxHasher::default();
    place.file.hash(&mut hasher);
    if let Some(places) = &reading.places {
        places.program().hash(&mut hasher);
    }
    let (file, mut at, mut number) = (hasher.finish(), 0, place.line);
    while at < whole {
        let end = memchr(b'\n', &bytes[at..whole]).map_or(whole, |length| at + length);
        let written_ns = reading.places.as_ref().map_or(0, |places| places.outside(number).at_ns);
        let id = LineId { file, offset: place.offset + at as u64, written_ns };
        let is_cut = rest == Rest::TooLong && end == bytes.len();
        if std::mem::replace(in_long_line, is_cut) {
            reading.skipped.bytes += (end - at) as u64;
        } else {
            let problem = match plain(&bytes[at..end], id.offset) {
                _ if is_cut => Some("a line longer than can be read"),
                b"" => None,
                line => read(line, id, number, reading).err(),
            };
            if let Some(reason) = problem {
                reading.skipped.skip(&place.file, id.offset, number, (end - at) as u64, reason);
            }
        }
        at = end + 1;
        number += 1;
    }
    *in_long_line &= rest != Rest::Nothing;
    whole
}

/// A line without what is not of it: the rest of a line break, and a mark at the begin of a file.
fn plain(line: &[u8], offset: u64) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if offset == 0 { line.strip_prefix(MARK).unwrap_or(line) } else { line }
}

/// Lines at the begin of an input, by which a format is recognised.
const SAMPLE: usize = 100;

/// The first whole lines of an input that are not empty.
pub(super) fn first_lines(bytes: &[u8], whole: bool) -> impl Iterator<Item = &[u8]> {
    let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
    let end = if whole { bytes.len() } else { cut(Framing::Lines, bytes) };
    let lines = bytes[..end].split(|byte| *byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(|line| !line.is_empty()).take(SAMPLE)
}
