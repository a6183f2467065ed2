//! Google Cloud Logging: entries with a `textPayload`, one on each line or as an array, as `gcloud logging read --format
//! json`, the console and sinks into buckets write them.
//!
//! Of Cloud SQL an entry is a line of the database's log; what goes on with it may come in further entries. Entries have to be in
//! the order of their times (`--order asc`).
//!
//! Source: Google Cloud, "LogEntry", and "View instance logs" of Cloud SQL.

use memchr::memmem;

use super::object::{Next, Object, next};
use super::{Envelope, Piece, Unwrap};
use crate::ingest::Head;
use crate::ingest::timestamp::date_and_time;

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "Google Cloud Logging",
    summary: "entries of Google Cloud Logging with a `textPayload`, of Cloud SQL and others, on lines or as an array",
    sniff,
    opener: || Box::new(CloudLogging),
};

/// Bytes in which the first entry shows.
const HEAD_BYTES: usize = 16 << 10;

fn sniff(head: Head<'_>) -> bool {
    let text = head.text().trim_ascii_start();
    let begin = &text[..text.len().min(HEAD_BYTES)];
    let has = |key: &[u8]| memmem::find(begin, key).is_some();
    matches!(begin.first(), Some(b'{' | b'['))
        && has(b"\"logName\"")
        && has(b"\"insertId\"")
        && has(b"Payload\"")
}

struct CloudLogging;

impl Unwrap for CloudLogging {
    fn take<'b>(
        &mut self,
        bytes: &'b [u8],
        ended: bool,
        room: &'b mut Vec<u8>,
    ) -> Option<(usize, Result<Option<Piece<'b>>, &'static str>)> {
        let (part, length) = next(bytes, ended)?;
        let taken = match part {
            Next::Between => Ok(None),
            Next::Object(object) => Object::read(object, room)
                .map(|members| Some(piece(&members)))
                .ok_or("not an entry of Cloud Logging"),
            Next::Damaged => Err("not an entry of Cloud Logging"),
        };
        Some((length, taken))
    }
}

fn piece<'b>(members: &Object<'b>) -> Piece<'b> {
    let name = members.text(b"logName").unwrap_or_default();
    let name = &name[memmem::rfind(name, b"/").map_or(0, |at| at + 1)..];
    let text = members.text(b"textPayload");
    Piece {
        host: members.text(b"database_id").unwrap_or_default(),
        // What has no text is another log: of audits.
        program: match text {
            Some(_) => &name[memmem::find(name, b"%2F").map_or(0, |at| at + 3)..],
            None => b"entries without a text",
        },
        at_ns: members.text(b"timestamp").and_then(date_and_time).map_or(0, |(at_ns, _)| at_ns),
        text: text.map(|text| text.strip_suffix(b"\n").unwrap_or(text)).unwrap_or_default(),
        ..Piece::default()
    }
}
