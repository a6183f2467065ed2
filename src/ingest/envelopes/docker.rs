//! Logs of containers as Docker keeps them (`json-file`): `{"log":"text\n","stream":"stderr","time":"…"}`.
//!
//! A text without the end of a line goes on in the next record of the same output.
//!
//! Source: Docker, "JSON File logging driver".

use super::object::Object;
use super::{Envelope, Piece, Taken, Unwrap, is_object_with, most_lines, take_line};
use crate::ingest::Head;

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "a container's log of Docker",
    summary: "containers' logs of Docker (`json-file`), lines in parts put together",
    sniff: |head: Head<'_>| {
        most_lines(head, |line| is_object_with(line, &[b"\"log\":", b"\"stream\":\"std"]))
    },
    opener: || Box::new(Docker),
};

struct Docker;

impl Unwrap for Docker {
    fn take<'b>(&mut self, bytes: &'b [u8], ended: bool, room: &'b mut Vec<u8>) -> Option<Taken<'b>> {
        take_line(bytes, ended, "not a record of a container's log", |line| piece(&Object::read(line, room)?))
    }
}

fn piece<'b>(members: &Object<'b>) -> Option<Piece<'b>> {
    let log = members.text(b"log")?;
    let text = log.strip_suffix(b"\n");
    let is_unfinished = text.is_none();
    let text = text.unwrap_or(log);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    Some(Piece {
        program: members.text(b"stream").unwrap_or_default(),
        at_ns: members.at_ns(b"time"),
        is_unfinished,
        text,
        ..Piece::default()
    })
}
