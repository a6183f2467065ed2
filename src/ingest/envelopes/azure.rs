//! Azure Database for PostgreSQL: records of the category `PostgreSQLLogs`, as diagnostic settings write them into a storage
//! account (lists in `records`, or one record a line).
//!
//! The flexible server has the whole line in `properties.message`, the single server prefix, level and detail apart.
//!
//! What is queried from a workspace of Log Analytics (`az monitor log-analytics query`, JSON) has the same members under the names
//! of the columns of `AzureDiagnostics`.
//!
//! Source: Microsoft, "Logs in Azure Database for PostgreSQL", flexible server and single server; "AzureDiagnostics" in the
//! reference of tables of Azure Monitor.

use super::object::{Object, begins_with, take_next};
use super::{Envelope, Piece, Taken, Unwrap};

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "a log of Azure",
    summary: "records of Azure Database for PostgreSQL (`PostgreSQLLogs`), flexible and single server, also out of Log Analytics",
    sniff: |head| {
        begins_with(head, &[b"\"category\"", CATEGORY, b"\"properties\""])
            || begins_with(head, &[b"\"Category\"", CATEGORY, b"\"Message\"", b"\"TimeGenerated\""])
    },
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
    let category = either(members, b"category", b"Category").unwrap_or_default();
    let told_ns = members.at_ns(b"time");
    Piece {
        host: either(members, b"LogicalServerName", b"LogicalServerName_s").unwrap_or_default(),
        program: category,
        at_ns: if told_ns > 0 { told_ns } else { members.at_ns(b"TimeGenerated") },
        text: match either(members, b"prefix", b"prefix_s").filter(|prefix| !prefix.is_empty()) {
            Some(prefix) if category == CATEGORY => line(members, prefix, room),
            _ => either(members, b"message", b"Message").unwrap_or_default(),
        },
        ..Piece::default()
    }
}

/// A member, by its name in a record or as a column of Log Analytics.
fn either<'b>(members: &Object<'b>, name: &[u8], column: &[u8]) -> Option<&'b [u8]> {
    members.text(name).or_else(|| members.text(column))
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
        [prefix, either(members, b"errorLevel", b"errorLevel_s").unwrap_or(b"LOG"), b":  "],
        either(members, b"message", b"Message").unwrap_or_default(),
    );
    if let Some(detail) = either(members, b"detail", b"detail_s").filter(|detail| !detail.is_empty()) {
        put_lines([b"\n", prefix, b"DETAIL:  "], detail);
    }
    &room[..written]
}
