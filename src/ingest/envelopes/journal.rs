//! The journal of systemd, `journalctl --output json`: one entry a line.
//!
//! Source: systemd, "Journal JSON Format" and `systemd.journal-fields`.

use super::object::Object;
use super::{Envelope, Piece, Taken, Unwrap, is_object_with, most_lines, take_line};
use crate::ingest::Head;
use crate::ingest::timestamp::number;

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "a journal of systemd",
    summary: "entries of systemd's journal (`journalctl --output json`)",
    sniff: |head: Head<'_>| most_lines(head, |line| is_object_with(line, &[b"\"__REALTIME_TIMESTAMP\""])),
    opener: || Box::new(Journal),
};

struct Journal;

impl Unwrap for Journal {
    fn take<'b>(&mut self, bytes: &'b [u8], ended: bool, room: &'b mut Vec<u8>) -> Option<Taken<'b>> {
        take_line(bytes, ended, "not an entry of a journal", |line| Some(piece(&Object::read(line, room)?)))
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
