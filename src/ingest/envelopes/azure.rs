//! Azure Database for PostgreSQL: records of the category `PostgreSQLLogs`, as diagnostic settings write them into a storage
//! account (lists in `records`, or one record a line).
//!
//! The flexible server has the whole line in `properties.message`, the single server prefix, level and detail apart.
//!
//! Source: Microsoft, "Logs in Azure Database for PostgreSQL", flexible server and single server.

use super::object::{Object, begins_with, take_next};
use super::{Envelope, Piece, Taken, Unwrap};

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "a log of Azure",
    summary: "records of Azure Database for PostgreSQL (`PostgreSQLLogs`), flexible and single server",
    sniff: |head| begins_with(head, &[b"\"category\"", CATEGORY, b"\"properties\""]),
    opener: || Box::new(Azure),
};

const CATEGORY: &[u8] = b"PostgreSQLLogs";

struct Azure;

impl Unwrap for Azure {
    fn take<'b>(&mut self, bytes: &'b [u8], ended: bool, room: &'b mut Vec<u8>) -> Option<Taken<'b>> {
        take_next(bytes, ended, "not a record of Azure", |object| {
            // Prefix and blanks come twice at most, and a tab behind each line break.
            let (members, room) = Object::with_room(object, room, 3 * object.len() + 64)?;
            Some(piece(&members, room))
        })
    }
}

fn piece<'b>(members: &Object<'b>, room: &'b mut [u8]) -> Piece<'b> {
    let text = |name: &[u8]| members.text(name).unwrap_or_default();
    let category = text(b"category");
    Piece {
        host: text(b"LogicalServerName"),
        program: category,
        at_ns: members.at_ns(b"time"),
        text: match members.text(b"prefix") {
            Some(prefix) if category == CATEGORY => line(members, prefix, room),
            _ => text(b"message"),
        },
        ..Piece::default()
    }
}

/// The lines of the server, out of their parts.
fn line<'b>(members: &Object<'b>, prefix: &[u8], room: &'b mut [u8]) -> &'b [u8] {
    let mut written = 0;
    let mut put = |text: &[u8]| {
        if let Some(place) = room.get_mut(written..written + text.len()) {
            place.copy_from_slice(text);
            written += text.len();
        }
    };
    let mut put_lines = |begin: [&[u8]; 3], text: &[u8]| {
        begin.into_iter().for_each(&mut put);
        for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
            if number > 0 {
                put(b"\n\t");
            }
            put(line);
        }
    };
    put_lines(
        [prefix, members.text(b"errorLevel").unwrap_or(b"LOG"), b":  "],
        members.text(b"message").unwrap_or_default(),
    );
    if let Some(detail) = members.text(b"detail").filter(|detail| !detail.is_empty()) {
        put_lines([b"\n", prefix, b"DETAIL:  "], detail);
    }
    &room[..written]
}
