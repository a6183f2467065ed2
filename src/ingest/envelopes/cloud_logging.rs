//! Google Cloud Logging: entries with a `textPayload`, one on each line or as an array, as `gcloud logging read --format
//! json`, the console and sinks into buckets write them.
//!
//! Of Cloud SQL an entry is a line of the database's log; what goes on with it may come in further entries. Entries have to be in
//! the order of their times (`--order asc`).
//!
//! Source: Google Cloud, "LogEntry", and "View instance logs" of Cloud SQL.

use memchr::memmem;

use super::object::{Object, begins_with, take_next};
use super::{Envelope, Piece, Taken, Unwrap};

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "Google Cloud Logging",
    summary: "entries of Google Cloud Logging with a `textPayload`, of Cloud SQL and others, on lines or as an array",
    sniff: |head| begins_with(head, &[b"\"logName\"", b"\"insertId\"", b"Payload\""]),
    opener: || Box::new(CloudLogging),
};

struct CloudLogging;

impl Unwrap for CloudLogging {
    fn take<'b>(&mut self, bytes: &'b [u8], ended: bool, room: &'b mut Vec<u8>) -> Option<Taken<'b>> {
        take_next(bytes, ended, "not an entry of Cloud Logging", |object| {
            Some(piece(&Object::read(object, room)?))
        })
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
        at_ns: members.at_ns(b"timestamp"),
        text: text.map(|text| text.strip_suffix(b"\n").unwrap_or(text)).unwrap_or_default(),
        ..Piece::default()
    }
}
