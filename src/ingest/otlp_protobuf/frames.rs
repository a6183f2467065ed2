//! Where the messages of a stream begin and end, also behind a length that is damaged.
//!
//! A length is trusted where another message follows. Else the message ends with the last field that looks
//! like one of a request, or where the next message begins.

use super::wire::{Credit, Fault, Field, Kind, Wire};
use super::{BEGIN_BYTES_MAX, Level};
use crate::ingest::{Framing, Rest, otlp_json};

/// What is at the front of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// A message from `start` to `end`. `sound` is false where its length was no help.
    Message { start: usize, end: usize, sound: bool },
    /// A message that ends at `end`, beyond what can be held.
    Long { start: usize, end: usize },
    /// The message at `start` is cut off by the end of the input.
    CutOff { start: usize },
    /// No message up to `end`.
    Damaged { end: usize },
    /// More bytes are needed.
    Incomplete,
}

/// Bytes of a length, at most.
const LENGTH_BYTES_MAX: usize = 5;

/// Blanks in a JSON message before its first key, at most.
const BLANKS_MAX: usize = 32;

impl Frame {
    /// The frame at the front of `bytes`, which are not empty.
    pub(super) fn of(framing: Framing, bytes: &[u8], rest: Rest, credit: &mut Credit) -> Self {
        match begins(framing, bytes) {
            Begins::Message { header, length } => {
                Self::of_message(framing, bytes, rest, (header, length), credit)
            }
            Begins::Unknown if rest == Rest::Follows => Self::Incomplete,
            Begins::Unknown | Begins::Nothing => Self::without_length(framing, bytes, rest, credit),
        }
    }

    fn of_message(
        framing: Framing,
        bytes: &[u8],
        rest: Rest,
        (header, length): (usize, usize),
        credit: &mut Credit,
    ) -> Self {
        let end = header + length;
        let message = bytes.get(header..end);
        match rest {
            _ if message.is_some() && is_next(framing, &bytes[end..], rest, credit) => {
                return Self::Message { start: header, end, sound: true };
            }
            Rest::Follows if message.is_none() => return Self::Incomplete,
            Rest::TooLong if message.is_none() => return Self::Long { start: header, end },
            _ => {}
        }
        // Its own length is damaged, or bytes of it are missing, or the next length is damaged.
        let agrees =
            message.is_some_and(|message| message.starts_with(b"{") || fields(message, credit) == length);
        match Self::by_fields(framing, bytes, header, rest, credit) {
            Some(other) if !agrees || other < end => {
                Self::Message { start: header, end: other, sound: false }
            }
            None if message.is_none() => Self::CutOff { start: header },
            _ => Self::Message { start: header, end, sound: true },
        }
    }

    /// The length itself is damaged; the message behind it may be whole.
    fn without_length(framing: Framing, bytes: &[u8], rest: Rest, credit: &mut Credit) -> Self {
        // Nothing of the length is left, or some bytes of it.
        let found = (0..=LENGTH_BYTES_MAX).find(|start| bytes.get(*start..).is_some_and(begins_surely));
        if let Some(start) = found
            && let Some(end) = Self::by_fields(framing, bytes, start, rest, credit)
        {
            return Self::Message { start, end, sound: false };
        }
        match (search(framing, bytes, 1, rest, credit), rest) {
            (Some(end), _) => Self::Damaged { end },
            (None, Rest::Follows) => Self::Incomplete,
            (None, Rest::TooLong) => {
                Self::Damaged { end: bytes.len().saturating_sub(BEGIN_BYTES_MAX).max(1) }
            }
            (None, Rest::Nothing) => Self::Damaged { end: bytes.len() },
        }
    }

    /// The end of a message by its fields, or the begin of the next one.
    fn by_fields(
        framing: Framing,
        bytes: &[u8],
        start: usize,
        rest: Rest,
        credit: &mut Credit,
    ) -> Option<usize> {
        let end = start + fields(&bytes[start..], credit);
        if end > start && is_next(framing, &bytes[end..], rest, credit) {
            return Some(end);
        }
        search(framing, bytes, start + 1, rest, credit)
    }
}

/// How many bytes at the front are whole fields of a request.
fn fields(bytes: &[u8], credit: &mut Credit) -> usize {
    let mut at = 0;
    while credit.pay(1)
        && let Ok(field) = Field::of(&bytes[at..])
        && field.number == 1
        && field.length() <= bytes.len() - at
        && is_resource_spans(&bytes[at + field.header..], field.content) == Some(true)
    {
        at += field.length();
    }
    at
}

/// Whether a `ResourceSpans` of `length` bytes can begin so; `None` when too few bytes are there.
fn is_resource_spans(bytes: &[u8], length: usize) -> Option<bool> {
    let bytes = &bytes[..bytes.len().min(length)];
    match Field::of(bytes) {
        Ok(field) => {
            let known = field.kind == Kind::Bytes && matches!(field.number, 1..=3 | 1000);
            Some(known && field.length() <= length)
        }
        Err(Fault::End) if bytes.len() < length => None,
        Err(_) => Some(length == 0),
    }
}

/// Whether a message or the end of the input follows; where the message is there to its end, whether its
/// fields end with it: within a message there is much that begins like one.
fn is_next(framing: Framing, bytes: &[u8], rest: Rest, credit: &mut Credit) -> bool {
    match begins(framing, bytes) {
        Begins::Message { header, length } => bytes
            .get(header..header + length)
            .is_none_or(|message| message.starts_with(b"{") || fields(message, credit) == length),
        Begins::Unknown => rest != Rest::Nothing || bytes.is_empty(),
        Begins::Nothing => false,
    }
}

/// The first place at or behind `from` where nothing but a message begins: it ends with its length.
fn search(framing: Framing, bytes: &[u8], from: usize, rest: Rest, credit: &mut Credit) -> Option<usize> {
    for at in from..bytes.len() {
        if !credit.pay(1) {
            return None;
        }
        if let Begins::Message { header, length: length @ 1.. } = begins(framing, &bytes[at..])
            && let (start, end) = (at + header, at + header + length)
            && bytes.get(start..end).is_some_and(begins_surely)
            && (fields(&bytes[start..end], credit) == length || is_next(framing, &bytes[end..], rest, credit))
        {
            return Some(at);
        }
    }
    None
}

fn begins_surely(message: &[u8]) -> bool {
    match message.first() {
        Some(b'{') => otlp_json::begins_request(message),
        _ => super::begins(Level::Request, message),
    }
}

/// Whether a message begins somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begins {
    Message {
        header: usize,
        length: usize,
    },
    Nothing,
    /// More bytes are needed.
    Unknown,
}

/// Whether a length and a message begin here.
fn begins(framing: Framing, bytes: &[u8]) -> Begins {
    match begins_or_empty(framing, bytes) {
        Begins::Message { header, length: 0 } => before(framing, &bytes[header..], header),
        other => other,
    }
}

/// The same, where any empty message is one.
fn begins_or_empty(framing: Framing, bytes: &[u8]) -> Begins {
    let (length, header) = match framing {
        Framing::LengthPrefixed => match bytes.first_chunk::<4>() {
            Some(prefix) => (u64::from(u32::from_be_bytes(*prefix)), 4),
            None => return Begins::Unknown,
        },
        _ => {
            let mut wire = Wire(bytes);
            match wire.varint() {
                Some(length) => (length, bytes.len() - wire.0.len()),
                None if bytes.len() < 10 => return Begins::Unknown,
                None => return Begins::Nothing,
            }
        }
    };
    match usize::try_from(length) {
        Ok(0) => Begins::Message { header, length: 0 },
        Ok(length) if length <= MESSAGE_MAX => match message_begins(&bytes[header..], length) {
            Some(true) => Begins::Message { header, length },
            Some(false) => Begins::Nothing,
            None => Begins::Unknown,
        },
        _ => Begins::Nothing,
    }
}

/// The longest message that is believed; one is as long as a process takes memory for it.
const MESSAGE_MAX: usize = (1 << 30) - 1;

/// An empty message is one only before one that is not, or at the end: zeros are a gap.
fn before(framing: Framing, after: &[u8], header: usize) -> Begins {
    match begins_or_empty(framing, after) {
        _ if after.is_empty() => Begins::Message { header, length: 0 },
        Begins::Message { length: 0, .. } => Begins::Nothing,
        Begins::Message { .. } => Begins::Message { header, length: 0 },
        other => other,
    }
}

/// Whether a message of this length begins so; `None` when too few bytes are there.
fn message_begins(bytes: &[u8], length: usize) -> Option<bool> {
    match bytes {
        [] => None,
        [b'{', rest @ ..] => match rest.trim_ascii_start() {
            [] if rest.len() < BLANKS_MAX => None,
            rest => Some(length >= 2 && matches!(rest, [b'"' | b'}', ..])),
        },
        _ => match Field::of(bytes) {
            Ok(field) if field.number == 1 && field.kind == Kind::Bytes && field.length() <= length => {
                is_resource_spans(bytes.get(field.header..).unwrap_or_default(), field.content)
            }
            Ok(_) => Some(false),
            Err(Fault::End) if bytes.len() < length => None,
            Err(_) => Some(false),
        },
    }
}

/// Whether an input is one request without a length.
pub(super) fn is_request(bytes: &[u8]) -> bool {
    let Ok(field) = Field::of(bytes) else {
        return false;
    };
    let content = bytes.get(field.header..).unwrap_or_default();
    field.number == 1 && field.kind == Kind::Bytes && is_resource_spans(content, field.content) == Some(true)
}

/// Whether an input is a stream of messages after their lengths.
pub(super) fn is_stream(framing: Framing, bytes: &[u8]) -> bool {
    let first = match begins(framing, bytes) {
        Begins::Message { header, length: 0 } => header,
        _ => 0,
    };
    matches!(begins(framing, &bytes[first..]), Begins::Message { length: 1.., .. })
}
