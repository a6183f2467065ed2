//! What is noted of a log while it is read: how much, how many lines, and its last bytes.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// Last bytes that are kept.
const TAIL_BYTES: usize = 1 << 10;

/// What was read of a log.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub(super) bytes: u64,
    pub(super) lines: u64,
    /// The last of them.
    pub(super) tail: Vec<u8>,
}

impl Noted {
    fn add(&mut self, read: &[u8]) {
        self.bytes += read.len() as u64;
        self.lines += memchr::memchr_iter(b'\n', read).count() as u64;
        let last = &read[read.len().saturating_sub(TAIL_BYTES)..];
        let too_many = (self.tail.len() + last.len()).saturating_sub(TAIL_BYTES);
        self.tail.drain(..too_many.min(self.tail.len()));
        self.tail.extend_from_slice(last);
    }
}

/// Reads a log and notes what is read.
pub(super) struct Noting<R> {
    stream: R,
    noted: Arc<Mutex<Noted>>,
}

impl<R> Noting<R> {
    pub(super) fn new(stream: R, noted: Arc<Mutex<Noted>>) -> Self {
        Self { stream, noted }
    }
}

impl<R: Read> Read for Noting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).add(&buffer[..length]);
        Ok(length)
    }
}
