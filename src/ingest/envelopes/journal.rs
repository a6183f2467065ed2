//! The journal of systemd, `journalctl --output json`: one entry a line.
//!
//! Source: systemd, "Journal JSON Format" and `systemd.journal-fields`.

use memchr::memmem;

use super::object::Object;
use super::{Envelope, Piece, Unwrap, line, most_lines};
use crate::ingest::Head;
use crate::ingest::timestamp::number;

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "a journal of systemd",
    summary: "entries of systemd's journal (`journalctl --output json`)",
    sniff: |head: Head<'_>| most_lines(head, is_of_it),
    opener: || Box::new(Journal),
};

fn is_of_it(line: &[u8]) -> bool {
    let has = |key: &[u8]| memmem::find(line, key).is_some();
    line.starts_with(b"{") && has(b"\"__REALTIME_TIMESTAMP\"")
}

struct Journal;

impl Unwrap for Journal {
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
        let piece = Object::read(line, room).map(|members| piece(&members));
        Some((length, piece.map(Some).ok_or("not an entry of a journal")))
    }
}

fn piece<'b>(members: &Object<'b>) -> Piece<'b> {
    let first = |names: [&[u8]; 2]| names.into_iter().find_map(|name| members.text(name)).unwrap_or_default();
    let at_us = number(first([b"_SOURCE_REALTIME_TIMESTAMP", b"__REALTIME_TIMESTAMP"])).unwrap_or(0);
    let (number, text) = super::syslog::numbered(members.text(b"MESSAGE").unwrap_or_default());
    Piece {
        host: members.text(b"_HOSTNAME").unwrap_or_default(),
        program: first([b"SYSLOG_IDENTIFIER", b"_COMM"]),
        process: first([b"SYSLOG_PID", b"_PID"]),
        at_ns: at_us.saturating_mul(1_000),
        number,
        text,
        ..Piece::default()
    }
}
