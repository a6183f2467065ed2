//! Logs inside other logs: what collects the lines of several programs, with its own time and process in front.
//!
//! An envelope takes its records apart into pieces (`Unwrap`); pieces of one message are put together
//! (`assembly`), and the messages of each program make a text (`streams`) that is recognised, cut and decoded as if
//! it had been an input of its own. Where a line of it stands in the input is told by [`Places`].
//!
//! A program may write an envelope itself, as CloudNativePG in a container does; that is taken apart in the same way, and places
//! lead back through both.
//!
//! Taking apart happens in the order of the input, so the result does not depend on the number of threads.

mod assembly;
mod azure;
mod cloud_logging;
mod cloudnativepg;
mod contents;
mod cri;
mod docker;
mod journal;
mod object;
mod places;
mod streams;
mod syslog;
mod unwrapping;

pub(super) use self::contents::Contents;
pub use self::places::Places;
pub(super) use self::unwrapping::{Left, Unwrapping, decode_enclosed};
use super::Head;
use memchr::memmem;

/// Every envelope; an input belongs to the first that recognises it.
pub static ENVELOPES: &[Envelope] = &[
    docker::ENVELOPE,
    cri::ENVELOPE,
    journal::ENVELOPE,
    cloudnativepg::ENVELOPE,
    cloud_logging::ENVELOPE,
    azure::ENVELOPE,
    syslog::ENVELOPE,
];

/// What is said where times are those of lines that name no year.
pub(super) const NO_YEAR: &str = "lines of syslog name no year: what they hold has no time of its own, so the report has times \
                                  of the year 2000 in UTC, and nothing is told beside logs and traces with whole times";

/// Whether a time is one of a line that names no year ([`syslog`] takes it for the first of these).
pub(super) fn is_without_year(at_ns: u64) -> bool {
    const BEGIN_AND_END_NS: [u64; 2] = [946_684_800_000_000_000, 1_262_304_000_000_000_000];
    (BEGIN_AND_END_NS[0]..BEGIN_AND_END_NS[1]).contains(&at_ns)
}

/// A log of logs.
pub struct Envelope {
    /// What messages and the documentation call it.
    pub name: &'static str,
    /// One line for the documentation.
    pub summary: &'static str,
    /// Whether an input is one, by its first bytes.
    sniff: fn(Head<'_>) -> bool,
    /// Takes an input apart, from its first byte on.
    opener: fn() -> Box<dyn Unwrap>,
}

/// Takes the records of an envelope apart, one after another.
trait Unwrap: Send {
    /// Takes the record at the front of `bytes`: how many bytes it has, and what it is. `None` where it does not end in
    /// them; never where `ended`, as nothing follows then. `room` is for a text that is not in the input as it is.
    fn take<'b>(&mut self, bytes: &'b [u8], ended: bool, room: &'b mut Vec<u8>) -> Option<Taken<'b>>;
}

/// How many bytes a record has, and what it is: a piece, nothing, or why it is none.
type Taken<'b> = (usize, Result<Option<Piece<'b>>, &'static str>);

/// What one record of an envelope says: a message of a program, or a part of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Piece<'b> {
    /// Where the program ran, if it is told.
    host: &'b [u8],
    /// Which program wrote it, or on which of its outputs.
    program: &'b [u8],
    /// Which of its processes; empty where that is not told.
    process: &'b [u8],
    /// When, in nanoseconds since the Unix epoch; zero where that is not told.
    at_ns: u64,
    /// Number of the message, and of this part in it, as PostgreSQL gives them to syslog.
    number: Option<(u64, u64)>,
    /// More of the same line follows in the next piece.
    is_unfinished: bool,
    /// Another line of the message before.
    goes_on: bool,
    /// The text, without the end of its last line.
    text: &'b [u8],
}

/// The line at the front, and how many bytes it has with its end; `None` where more of it may follow.
fn line(bytes: &[u8], ended: bool) -> Option<(&[u8], usize)> {
    let (line, length) = match memchr::memchr(b'\n', bytes) {
        Some(end) => (&bytes[..end], end + 1),
        None if ended => (bytes, bytes.len()),
        None => return None,
    };
    Some((line.strip_suffix(b"\r").unwrap_or(line), length))
}

/// Takes the line at the front; a blank one says nothing, and one of which `read` makes no piece is no `what`.
fn take_line<'b>(
    bytes: &'b [u8],
    ended: bool,
    what: &'static str,
    read: impl FnOnce(&'b [u8]) -> Option<Piece<'b>>,
) -> Option<Taken<'b>> {
    let (line, length) = line(bytes, ended)?;
    let taken = match line.trim_ascii() {
        b"" => Ok(None),
        _ => read(line).map(Some).ok_or(what),
    };
    Some((length, taken))
}

/// Whether a line is an object in JSON that has all of these.
fn is_object_with(line: &[u8], parts: &[&[u8]]) -> bool {
    line.starts_with(b"{") && parts.iter().all(|part| memmem::find(line, part).is_some())
}

/// Lines at the front by which an envelope is recognised.
const SAMPLE: usize = 20;

/// Whether most of the first lines are of an envelope.
fn most_lines(head: Head<'_>, is_of_it: impl Fn(&[u8]) -> bool) -> bool {
    let (mut rest, mut all, mut fit) = (head.text(), 0, 0);
    while let Some((text, length)) = line(rest, head.whole).filter(|(_, length)| *length > 0 && all < SAMPLE)
    {
        rest = &rest[length..];
        if !text.trim_ascii().is_empty() {
            all += 1;
            fit += usize::from(is_of_it(text));
        }
    }
    fit > 0 && fit * 10 >= all * 6
}
