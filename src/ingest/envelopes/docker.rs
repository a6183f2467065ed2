//! Logs of containers as Docker keeps them (`json-file`): `{"log":"text\n","stream":"stderr","time":"…"}`.
//!
//! A text without the end of a line goes on in the next record of the same output.
//!
//! Source: Docker, "JSON File logging driver".

use memchr::memmem;

use super::object::Object;
use super::{Envelope, Piece, Unwrap, line, most_lines};
use crate::ingest::Head;
use crate::ingest::timestamp::date_and_time;

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "a container's log of Docker",
    summary: "containers' logs of Docker (`json-file`), lines in parts put together",
    sniff: |head: Head<'_>| most_lines(head, is_of_it),
    opener: || Box::new(Docker),
};

fn is_of_it(line: &[u8]) -> bool {
    let has = |key: &[u8]| memmem::find(line, key).is_some();
    line.starts_with(b"{") && has(b"\"log\":") && has(b"\"stream\":\"std")
}

struct Docker;

impl Unwrap for Docker {
    fn take<'b>(
        &mut self,
        bytes: &'b [u8],
        ended: bool,
        room: &'b mut Vec<u8>,
    ) -> Option<(usize, Result<Option<Piece<'b>>, &'static str>)> {
        let (line, length) = line(bytes, ended)?;
        if line.trim_ascii().is_empty() {
            return Some((length, Ok(None)));
        }
        let piece = Object::read(line, room).and_then(|members| piece(&members));
        Some((length, piece.map(Some).ok_or("not a record of a container's log")))
    }
}

fn piece<'b>(members: &Object<'b>) -> Option<Piece<'b>> {
    let log = members.text(b"log")?;
    let text = log.strip_suffix(b"\n");
    let at_ns = members.text(b"time").and_then(date_and_time).map_or(0, |(at_ns, _)| at_ns);
    let is_unfinished = text.is_none();
    let text = text.unwrap_or(log);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    Some(Piece {
        program: members.text(b"stream").unwrap_or_default(),
        at_ns,
        is_unfinished,
        text,
        ..Piece::default()
    })
}
