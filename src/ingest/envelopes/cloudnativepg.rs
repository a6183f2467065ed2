//! CloudNativePG: lines in JSON of several loggers; those of `postgres` have a record with the columns of csvlog.
//!
//! Source: CloudNativePG, "Logging".

use super::object::Object;
use super::{Envelope, Piece, Taken, Unwrap, is_object_with, most_lines, take_line};
use crate::ingest::Head;

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "a log of CloudNativePG",
    summary: "logs of CloudNativePG, whose records become lines of csvlog",
    sniff: |head: Head<'_>| {
        most_lines(head, |line| is_object_with(line, &[b"\"logger\":", b"\"logging_pod\":"]))
    },
    opener: || Box::new(CloudNativePg),
};

/// In their order.
const COLUMNS: [&[u8]; 26] = [
    b"log_time",
    b"user_name",
    b"database_name",
    b"process_id",
    b"connection_from",
    b"session_id",
    b"session_line_num",
    b"command_tag",
    b"session_start_time",
    b"virtual_transaction_id",
    b"transaction_id",
    b"error_severity",
    b"sql_state_code",
    b"message",
    b"detail",
    b"hint",
    b"internal_query",
    b"internal_query_pos",
    b"context",
    b"query",
    b"query_pos",
    b"location",
    b"application_name",
    b"backend_type",
    b"leader_pid",
    b"query_id",
];

struct CloudNativePg;

impl Unwrap for CloudNativePg {
    fn take<'b>(&mut self, bytes: &'b [u8], ended: bool, room: &'b mut Vec<u8>) -> Option<Taken<'b>> {
        take_line(bytes, ended, "not a line of CloudNativePG", |line| {
            // All bytes of the columns may be quotes.
            let (members, room) = Object::with_room(line, room, 2 * line.len() + 128)?;
            Some(piece(&members, room))
        })
    }
}

fn piece<'b>(members: &Object<'b>, room: &'b mut [u8]) -> Piece<'b> {
    let program = members.text(b"logger").unwrap_or_default();
    let is_record = program == b"postgres" && members.text(b"log_time").is_some();
    let text = if is_record { record(members, room) } else { members.text(b"msg").unwrap_or_default() };
    Piece { program, text, ..Piece::default() }
}

/// A line of csvlog.
fn record<'b>(members: &Object<'b>, room: &'b mut [u8]) -> &'b [u8] {
    let mut written = 0;
    let mut put = |byte: u8| {
        if let Some(place) = room.get_mut(written) {
            *place = byte;
            written += 1;
        }
    };
    for (number, column) in COLUMNS.into_iter().enumerate() {
        if number > 0 {
            put(b',');
        }
        put(b'"');
        for &byte in members.text(column).unwrap_or_default() {
            put(byte);
            if byte == b'"' {
                put(b'"');
            }
        }
        put(b'"');
    }
    &room[..written]
}
