//! Chrome trace events: <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>. An array of events, or an
//! object with `traceEvents`; either may be cut off.
//!
//! Durations (`B`, `E`, `X`) of each thread become stacks; V8's samples inside (`Profile`, `ProfileChunk`) are measures of their own.

mod events;
mod recordings;
mod threads;

use memchr::memmem;
use serde_json::Deserializer;
use serde_json::de::SliceRead;

use self::events::Event;
use self::threads::Threads;
use super::json;
use crate::read::Format;
use crate::source::Source;
use crate::{Place, Profile, Unreadable};

pub(crate) const FORMAT: Format = Format {
    name: "Chrome trace",
    summary: "trace events as array or as object, also cut off: `B`, `E`, `X` and V8's samples; threads apart",
    evidence: "py-spy 0.4.3 (`--format chrometrace`); Chromium 156",
    recognise,
    read,
};

fn recognise(head: &[u8]) -> bool {
    let has = |text| json::has(head, text);
    let is_array = head.trim_ascii_start().starts_with(b"[") && has("\"ph\"");
    is_array || json::is_object(head) && has("\"traceEvents\"")
}

fn read(source: Source<'_>, profile: &mut Profile) -> Result<(), Unreadable> {
    let bytes = source.whole(profile)?;
    let mut threads = Threads::default();
    let mut at = begin(&bytes);
    let mut number = 0;
    while let Some(next) = next(&bytes, at) {
        number += 1;
        let place = Some(Place::Record(number));
        let mut values = Deserializer::new(SliceRead::new(&bytes[next..])).into_iter::<Event<'_>>();
        match values.next() {
            Some(Ok(event)) => {
                threads.add(&event, place, profile);
                at = next + values.byte_offset();
            }
            _ => match over(&bytes[next..]) {
                Some(length) => {
                    profile.skipped.add("no trace event", place);
                    at = next + length;
                }
                None => {
                    profile.noticed.add("the input is cut off", place);
                    break;
                }
            },
        }
    }
    threads.end(profile);
    Ok(())
}

/// Where the first event may be.
fn begin(bytes: &[u8]) -> usize {
    let key = if json::is_object(bytes) { memmem::find(bytes, b"\"traceEvents\"").unwrap_or(0) } else { 0 };
    memchr::memchr(b'[', &bytes[key..]).map_or(bytes.len(), |open| key + open + 1)
}

/// Where the next value begins; `None` at the end of the array.
fn next(bytes: &[u8], at: usize) -> Option<usize> {
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
    let next = at + bytes.get(at..)?.iter().position(|byte| !is_between(byte))?;
    (bytes[next] != b']').then_some(next)
}

/// How long a value is that is no event.
fn over(bytes: &[u8]) -> Option<usize> {
    let mut values = Deserializer::new(SliceRead::new(bytes)).into_iter::<serde::de::IgnoredAny>();
    values.next()?.ok()?;
    Some(values.byte_offset()).filter(|length| *length > 0)
}
