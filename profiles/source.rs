//! Bytes of an input: decompressed, decoded, by lines or whole.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::time::SystemTime;

use flate2::read::MultiGzDecoder;
use memchr::memchr;

use crate::limits::{DOCUMENT_BYTES_MAX, LINE_BYTES_MAX};
use crate::{Place, Profile, Unreadable};

/// How much of an input is looked at to tell its format.
const HEAD_BYTES: usize = 64 << 10;

/// How much is read at once.
const CHUNK_BYTES: usize = 256 << 10;

type Bytes<'r> = Box<dyn Read + 'r>;

/// An input, and its first bytes.
pub(crate) struct Source<'r> {
    /// The first bytes; all of them where the input is short.
    pub(crate) head: Vec<u8>,
    rest: Bytes<'r>,
    /// When the file was written; names may be looked up in binaries of this machine then.
    pub(crate) written: Option<SystemTime>,
}

impl<'r> Source<'r> {
    /// Opens an input: gzip is decompressed, UTF-16 with its mark decoded.
    pub(crate) fn open(input: impl Read + 'r) -> Result<Self, Unreadable> {
        let mut opened = Self::of(Box::new(input))?;
        // A compressed file that was compressed again for its way is common; more than that is not.
        for _ in 0..2 {
            if opened.head.starts_with(&[0x1f, 0x8b]) {
                opened = Self::of(Box::new(MultiGzDecoder::new(BufReader::with_capacity(
                    CHUNK_BYTES,
                    opened.bytes(),
                ))))?;
            }
        }
        match opened.head.get(..2) {
            Some([0xff, 0xfe]) => Self::of(Box::new(Utf16::new(opened.bytes(), u16::from_le_bytes))),
            Some([0xfe, 0xff]) => Self::of(Box::new(Utf16::new(opened.bytes(), u16::from_be_bytes))),
            _ if opened.head.starts_with(b"\xef\xbb\xbf") => {
                let mut bytes = opened.bytes();
                bytes.read_exact(&mut [0; 3])?;
                Self::of(Box::new(bytes))
            }
            _ => Ok(opened),
        }
    }

    fn of(mut rest: Bytes<'r>) -> Result<Self, Unreadable> {
        let mut head = Vec::new();
        match rest.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head) {
            Err(error) if !is_cut_off(&error) || head.is_empty() => Err(error.into()),
            Err(error) => Ok(Self { head, rest: Box::new(Failed(Some(error))), written: None }),
            Ok(_) => Ok(Self { head, rest, written: None }),
        }
    }

    /// All bytes from the first on.
    pub(crate) fn bytes(self) -> Chain<Cursor<Vec<u8>>, Bytes<'r>> {
        Cursor::new(self.head).chain(self.rest)
    }

    /// All bytes from the first on, by lines.
    pub(crate) fn lines(self) -> Lines<'r> {
        Lines {
            input: BufReader::with_capacity(CHUNK_BYTES, self.bytes()),
            carry: Vec::new(),
            used: 0,
            line: 0,
        }
    }

    /// All bytes at once; of a compressed input that is cut off, those that are there.
    pub(crate) fn whole(self, profile: &mut Profile) -> Result<Vec<u8>, Unreadable> {
        let mut whole = Vec::new();
        match self.bytes().take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut whole) {
            Err(error) if !is_cut_off(&error) || whole.is_empty() => return Err(error.into()),
            Err(_) => profile.skipped.add(CUT_OFF, Some(Place::Byte(whole.len() as u64))),
            Ok(_) => {}
        }
        if whole.len() > DOCUMENT_BYTES_MAX {
            return Err(Unreadable::of("longer than 1 GiB, and its format can only be read whole"));
        }
        Ok(whole)
    }
}

/// What is said of an input that ends before its end.
pub(crate) const CUT_OFF: &str = "what follows: the input is cut off there, or damaged there or before";

/// Whether it is the input that is damaged, and not what it is on.
pub(crate) fn is_cut_off(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
    )
}

/// What follows bytes that could be read, where the next could not.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// The lines of an input, without their ends. Only what is read at once is held, and a line that lies across two reads.
pub(crate) struct Lines<'r> {
    input: BufReader<Chain<Cursor<Vec<u8>>, Bytes<'r>>>,
    carry: Vec<u8>,
    /// How much of the buffer the line that was given out last takes.
    used: usize,
    line: u64,
}

/// What is where a line should be.
pub(crate) enum Line<'l> {
    /// A line without its end.
    Text(&'l [u8]),
    /// A line longer than [`LINE_BYTES_MAX`].
    TooLong,
}

impl Lines<'_> {
    /// The number of the line that was given out last, 1-based.
    pub(crate) fn number(&self) -> u64 {
        self.line
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.input.consume(self.used);
        self.used = 0;
        self.line += 1;
        if let Some(end) = memchr(b'\n', self.input.buffer()) {
            self.used = end + 1;
            return Ok(Some(Line::Text(without_return(&self.input.buffer()[..end]))));
        }
        self.next_across()
    }

    /// The next line, where it does not end in the buffer.
    #[cold]
    fn next_across(&mut self) -> io::Result<Option<Line<'_>>> {
        self.carry.clear();
        let mut too_long = false;
        loop {
            let buffer = self.input.fill_buf()?;
            let end = memchr(b'\n', buffer);
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let is_over = end.is_some() || buffer.is_empty();
            too_long |= self.carry.len() + part.len() > LINE_BYTES_MAX;
            if !too_long {
                self.carry.extend_from_slice(part);
            }
            let length = part.len() + usize::from(end.is_some());
            self.input.consume(length);
            if is_over {
                let nothing = end.is_none() && self.carry.is_empty() && !too_long;
                return Ok(match (nothing, too_long) {
                    (true, _) => None,
                    (_, true) => Some(Line::TooLong),
                    _ => Some(Line::Text(without_return(&self.carry))),
                });
            }
        }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// UTF-16 as UTF-8, without the mark; PowerShell's `>` writes it.
struct Utf16<R> {
    input: R,
    unit: fn([u8; 2]) -> u16,
    /// A byte or two of a character whose rest is still to come.
    units: Vec<u16>,
    odd: Option<u8>,
    ready: Cursor<Vec<u8>>,
}

impl<R: Read> Utf16<R> {
    fn new(input: R, unit: fn([u8; 2]) -> u16) -> Self {
        Self { input, unit, units: Vec::new(), odd: None, ready: Cursor::default() }
    }

    /// Decodes the next part; `false` at the end.
    fn decode(&mut self) -> io::Result<bool> {
        let mut bytes: Vec<u8> = self.odd.take().into_iter().collect();
        let before = bytes.len();
        self.input.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut bytes)?;
        let is_end = bytes.len() == before;
        let pairs = bytes.chunks_exact(2);
        self.odd = pairs.remainder().first().copied();
        self.units.extend(pairs.map(|pair| (self.unit)([pair[0], pair[1]])));
        let is_half = |unit: &u16| (0xd800..0xdc00).contains(unit);
        let half = if is_end { None } else { self.units.pop_if(|unit| is_half(unit)) };
        let text: String = char::decode_utf16(self.units.drain(..))
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .filter(|character| *character != '\u{feff}')
            .collect();
        self.units.extend(half);
        self.ready = Cursor::new(text.into_bytes());
        Ok(!is_end || !self.ready.get_ref().is_empty())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.ready.read(out)?;
            if length > 0 || out.is_empty() || !self.decode()? {
                return Ok(length);
            }
        }
    }
}
