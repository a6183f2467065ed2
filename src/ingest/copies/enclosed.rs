//! Copies of a log that stands inside the lines of another (syslog, containers): out of them, with what they say of time
//! and process in front, where its own lines do not.

use std::io::{self, Write};

use memchr::memchr_iter;

use super::{Hiding, Key, Page, Rewrite, copier};
use crate::ingest::Framing;
use crate::ingest::blocks::{Buffer, Next, Source};
use crate::ingest::envelopes::Places;
use crate::ingest::postgres::Prefix;

const SEVERAL: &str =
    "it holds query logs of several programs, which would be mixed up: take them out of it first";

const UNKNOWN_PREFIX: &str = "its lines do not say when or by which process they were written, and begin with what is not \
                              known: set log_line_prefix = '%m [%p] '";

const IN_ORDER: &str = "it holds what cannot be taken out of it";

/// Writes the copy of the only log that can be copied, and says how many lines were left out: also those of others.
pub(super) fn copy(
    source: &mut Source,
    buffer: &mut Buffer,
    key: &Key,
    to: &mut impl Write,
) -> io::Result<u64> {
    let mut page = Page { hiding: Hiding::new(key.0.clone()), ..Page::default() };
    let mut copying: Option<Copying> = None;
    loop {
        let (place, places) = match source.next(buffer) {
            Next::Block(place, places) => (place, places.unwrap_or_default()),
            Next::InOrder => return Err(io::Error::other(IN_ORDER)),
            Next::End => break,
        };
        let Some(copier) = copier(source.format) else {
            page.left_out += memchr_iter(b'\n', buffer.bytes()).count() as u64;
            continue;
        };
        if copying.is_none() {
            let heads = Heads::of(source.framing, &places, place.line).map_err(io::Error::other)?;
            copying = Some(Copying { program: source.program, copier: copier(heads.framing), heads });
        }
        let Some(copying) = copying.as_mut().filter(|copying| copying.program == source.program) else {
            return Err(io::Error::other(SEVERAL));
        };
        let text = copying.heads.put(buffer.bytes(), &places, place.line);
        copying.copier.rewrite(text.as_deref().unwrap_or(buffer.bytes()), &mut page);
        to.write_all(&page.out)?;
        page.out.clear();
    }
    let left = source.leave();
    let others = left.others.map_or(0, |(lines, _)| lines);
    match left.problem {
        Some(problem) => Err(io::Error::other(problem)),
        None => Ok(page.left_out + others + left.skipped.records),
    }
}

/// The log that is copied.
struct Copying {
    program: usize,
    copier: Box<dyn Rewrite>,
    heads: Heads,
}

/// What is put in front of lines.
struct Heads {
    time: bool,
    process: bool,
    /// With that.
    framing: Framing,
}

impl Heads {
    /// What lines in this form need, as far as the envelope tells it of the first of them.
    fn of(framing: Framing, places: &Places, line: u64) -> Result<Self, &'static str> {
        let plain = Self { time: false, process: false, framing };
        let Framing::Log(prefix) = framing else { return Ok(plain) };
        let time = !prefix.has_time() && places.outside(line).at_ns > 0;
        let process = !prefix.has_session() && !places.process(line).is_empty();
        if !time && !process {
            return Ok(plain);
        }
        if prefix.has_unknown() {
            return Err(UNKNOWN_PREFIX);
        }
        let (when, who) = (if time { "%n " } else { "" }, if process { "[%p] " } else { "" });
        let whole = Prefix::given(&format!("{when}{who}{}", prefix.text())).map_err(|_| UNKNOWN_PREFIX)?;
        Ok(Self { time, process, framing: Framing::Log(whole) })
    }

    /// The lines with what is in front; `None` where nothing is.
    fn put(&self, text: &[u8], places: &Places, first: u64) -> Option<Vec<u8>> {
        if !self.time && !self.process {
            return None;
        }
        let mut put = Vec::with_capacity(text.len() * 2);
        for (number, line) in (first..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            // Those that go on with a record have no prefix.
            if !line.starts_with(b"\t") && !line.trim_ascii().is_empty() {
                self.head(&mut put, places, number);
            }
            put.extend_from_slice(line);
        }
        Some(put)
    }

    fn head(&self, put: &mut Vec<u8>, places: &Places, line: u64) {
        if self.time {
            let at_ms = places.outside(line).at_ns / 1_000_000;
            put.extend_from_slice(format!("{}.{:03} ", at_ms / 1_000, at_ms % 1_000).as_bytes());
        }
        if self.process {
            let process = places.process(line);
            put.push(b'[');
            put.extend_from_slice(if process.is_empty() { b"0" } else { process });
            put.extend_from_slice(b"] ");
        }
    }
}
