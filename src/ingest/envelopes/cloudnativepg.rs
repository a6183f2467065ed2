//! CloudNativePG: lines in JSON of several loggers; those of `postgres` have a record with the columns of csvlog.
//!
//! Source: CloudNativePG, "Logging".

use memchr::memmem;

use super::object::Object;
use super::{Envelope, Piece, Unwrap, line, most_lines};
use crate::ingest::Head;

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "a log of CloudNativePG",
    summary: "logs of CloudNativePG, whose records become lines of csvlog",
    sniff: |head: Head<'_>| most_lines(head, is_of_it),
    opener: || Box::new(CloudNativePg),
};

fn is_of_it(line: &[u8]) -> bool {
    let has = |key: &[u8]| memmem::find(line, key).is_some();
    line.starts_with(b"{") && has(b"\"logger\":") && has(b"\"logging_pod\":")
}

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
        // All bytes of the columns may be quotes.
        let piece =
            Object::with_room(line, room, 2 * line.len() + 128).map(|(members, room)| piece(&members, room));
        Some((length, piece.map(Some).ok_or("not a line of CloudNativePG")))
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
