//! Azure Database for PostgreSQL: records of the category `PostgreSQLLogs`, as diagnostic settings write them into a storage
//! account (lists in `records`, or one record a line).
//!
//! The flexible server has the whole line in `properties.message`, the single server prefix, level and detail apart.
//!
//! Source: Microsoft, "Logs in Azure Database for PostgreSQL", flexible server and single server.

use memchr::memmem;

use super::object::{Next, Object, next};
use super::{Envelope, Piece, Unwrap};
use crate::ingest::Head;
use crate::ingest::timestamp::date_and_time;

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "a log of Azure",
    summary: "records of Azure Database for PostgreSQL (`PostgreSQLLogs`), flexible and single server",
    sniff,
    opener: || Box::new(Azure),
};

/// Bytes in which the first record shows.
const HEAD_BYTES: usize = 16 << 10;

const CATEGORY: &[u8] = b"PostgreSQLLogs";

fn sniff(head: Head<'_>) -> bool {
    let text = head.text().trim_ascii_start();
    let begin = &text[..text.len().min(HEAD_BYTES)];
    let has = |key: &[u8]| memmem::find(begin, key).is_some();
    matches!(begin.first(), Some(b'{' | b'['))
        && has(b"\"category\"")
        && has(CATEGORY)
        && has(b"\"properties\"")
}

struct Azure;

impl Unwrap for Azure {
    fn take<'b>(
        &mut self,
        bytes: &'b [u8],
        ended: bool,
        room: &'b mut Vec<u8>,
    ) -> Option<(usize, Result<Option<Piece<'b>>, &'static str>)> {
        let (part, length) = next(bytes, ended)?;
        let taken = match part {
            Next::Between => Ok(None),
            // Prefix and blanks come twice at most, and a tab behind each line break.
            Next::Object(object) => Object::with_room(object, room, 3 * object.len() + 64)
                .map(|(members, room)| Some(piece(&members, room)))
                .ok_or("not a record of Azure"),
            Next::Damaged => Err("not a record of Azure"),
        };
        Some((length, taken))
    }
}

fn piece<'b>(members: &Object<'b>, room: &'b mut [u8]) -> Piece<'b> {
    let text = |name: &[u8]| members.text(name).unwrap_or_default();
    let category = text(b"category");
    Piece {
        host: text(b"LogicalServerName"),
        program: category,
        at_ns: members.text(b"time").and_then(date_and_time).map_or(0, |(at_ns, _)| at_ns),
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
