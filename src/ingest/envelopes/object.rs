//! Objects in JSON: members that hold texts, and where one ends in a document.

use memchr::{memchr, memchr3, memmem};

use super::{Piece, Taken};
use crate::ingest::Head;
use crate::ingest::json::scanner::{Scalar, Scan, Scanner, bad};
use crate::ingest::timestamp::{date_and_time, number};

/// Members that are kept: those that envelopes ask for.
const KEPT: &[&[u8]] = &[
    b"log",
    b"stream",
    b"time",
    b"MESSAGE",
    b"_HOSTNAME",
    b"SYSLOG_IDENTIFIER",
    b"_COMM",
    b"SYSLOG_PID",
    b"_PID",
    b"_SOURCE_REALTIME_TIMESTAMP",
    b"__REALTIME_TIMESTAMP",
    b"logName",
    b"textPayload",
    b"timestamp",
    b"database_id",
    b"category",
    b"prefix",
    b"message",
    b"detail",
    b"errorLevel",
    b"LogicalServerName",
    b"Category",
    b"TimeGenerated",
    b"Message",
    b"prefix_s",
    b"detail_s",
    b"errorLevel_s",
    b"LogicalServerName_s",
    b"logger",
    b"msg",
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

/// Members whose members are taken as if they stood beside them.
const OPENED: &[&[u8]] = &[b"properties", b"resource", b"labels", b"record"];

/// Objects within objects that are opened.
const DEPTH_MAX: usize = 3;

/// An object, as far as it is of use.
pub(super) struct Object<'b> {
    members: [Option<&'b [u8]>; KEPT.len()],
}

impl<'b> Object<'b> {
    /// Reads an object; `room` holds texts whose escapes were undone. `None` where it is none.
    pub(super) fn read(text: &'b [u8], room: &'b mut Vec<u8>) -> Option<Self> {
        Self::with_room(text, room, 0).map(|(object, _)| object)
    }

    /// As [`Self::read`], with room for so many bytes more.
    pub(super) fn with_room(
        text: &'b [u8],
        room: &'b mut Vec<u8>,
        more: usize,
    ) -> Option<(Self, &'b mut [u8])> {
        let length = 2 * text.len() + more;
        if room.len() < length {
            room.resize(length, 0);
        }
        let (texts, rest) = room.split_at_mut(text.len());
        let (bytes, rest) = rest.split_at_mut(text.len());
        let mut object = Self { members: [None; KEPT.len()] };
        object.fill(&mut Scanner::new(text, 0, texts), &mut Some(bytes), DEPTH_MAX).ok()?;
        Some((object, rest))
    }

    fn fill(
        &mut self,
        scanner: &mut Scanner<'b>,
        bytes: &mut Option<&'b mut [u8]>,
        depth: usize,
    ) -> Scan<()> {
        if !scanner.open(b'{')? {
            return bad("no object");
        }
        while let Some(key) = scanner.next_key()? {
            let next = scanner.peek()?;
            if next == b'{' && depth > 0 && OPENED.contains(&key) {
                self.fill(scanner, bytes, depth - 1)?;
                continue;
            }
            let Some(place) = KEPT.iter().position(|kept| *kept == key) else {
                scanner.skip_value()?;
                continue;
            };
            if next == b'[' {
                let room = bytes.take().unwrap_or_default();
                let length = numbers(scanner, room)?;
                let (value, rest) = room.split_at_mut(length);
                self.members[place] = Some(value);
                *bytes = Some(rest);
            } else if let Scalar::Text(text) | Scalar::Number(text) = scanner.scalar()? {
                self.members[place].get_or_insert(text);
            }
        }
        Ok(())
    }

    /// The text of a member.
    pub(super) fn text(&self, name: &[u8]) -> Option<&'b [u8]> {
        self.members[KEPT.iter().position(|kept| *kept == name)?]
    }

    /// The moment that a member tells, in nanoseconds since the Unix epoch; zero where it tells none.
    pub(super) fn at_ns(&self, name: &[u8]) -> u64 {
        self.text(name).and_then(date_and_time).map_or(0, |(at_ns, _)| at_ns)
    }
}

/// Reads a text that is written as the numbers of its bytes, as a journal does where it is not in UTF-8.
fn numbers(scanner: &mut Scanner<'_>, bytes: &mut [u8]) -> Scan<usize> {
    let mut length = 0;
    scanner.open(b'[')?;
    while scanner.next_element()? {
        let value = match scanner.scalar()? {
            Scalar::Number(digits) => number(digits).and_then(|value| u8::try_from(value).ok()),
            _ => None,
        };
        if let (Some(value), Some(place)) = (value, bytes.get_mut(length)) {
            *place = value;
            length += 1;
        }
    }
    Ok(length)
}

/// What is at the front of a document of objects: the next object or what is between two, and how many bytes it has.
/// `None` where it does not end in them.
fn next(bytes: &[u8], ended: bool) -> Option<(Next<'_>, usize)> {
    let between = bytes.iter().take_while(|byte| b" \t\r\n,[]}".contains(byte)).count();
    if between > 0 {
        return Some((Next::Between, between));
    }
    // `{"records": [`
    if let Some(length) = list_begins(bytes) {
        return Some((Next::Between, length));
    }
    let (end, is_whole) = end_of_object(bytes, ended)?;
    let behind = &bytes[end..];
    let blanks = behind.iter().take_while(|byte| b" \t\r,".contains(byte)).count();
    if blanks == behind.len() && !ended {
        return None;
    }
    let length = end + blanks + usize::from(behind.get(blanks) == Some(&b'\n'));
    Some((if is_whole { Next::Object(&bytes[..end]) } else { Next::Damaged }, length))
}

/// Takes what is at the front of a document of objects; one of which `read` makes no piece is no `what`.
pub(super) fn take_next<'b>(
    bytes: &'b [u8],
    ended: bool,
    what: &'static str,
    read: impl FnOnce(&'b [u8]) -> Option<Piece<'b>>,
) -> Option<Taken<'b>> {
    let (part, length) = next(bytes, ended)?;
    let taken = match part {
        Next::Between => Ok(None),
        Next::Object(object) => read(object).map(Some).ok_or(what),
        Next::Damaged => Err(what),
    };
    Some((length, taken))
}

/// Bytes in which the first object of a document shows.
const HEAD_BYTES: usize = 16 << 10;

/// Whether a document of objects has all of these at its front.
pub(super) fn begins_with(head: Head<'_>, parts: &[&[u8]]) -> bool {
    let text = head.text().trim_ascii_start();
    let begin = &text[..text.len().min(HEAD_BYTES)];
    matches!(begin.first(), Some(b'{' | b'[')) && parts.iter().all(|part| memmem::find(begin, part).is_some())
}

/// A part of a document of objects.
#[derive(Debug, PartialEq, Eq)]
enum Next<'b> {
    /// An object.
    Object(&'b [u8]),
    /// Blanks, and brackets of lists.
    Between,
    /// Something that is none.
    Damaged,
}

/// How long the begin of a list of records is that is a member.
fn list_begins(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for mark in [&b"{"[..], b"\"records\"", b":", b"["] {
        at += bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        at += bytes[at..].starts_with(mark).then_some(mark.len())?;
    }
    Some(at)
}

/// Where the object at the front ends, and whether it does: what is damaged ends with its line, or before an object that
/// begins a line.
fn end_of_object(bytes: &[u8], ended: bool) -> Option<(usize, bool)> {
    let end_of_line = |from: usize| memchr(b'\n', &bytes[from..]).map_or(bytes.len(), |end| from + end);
    let (mut at, mut depth) = (0, 0_u32);
    while at < bytes.len() {
        match bytes[at] {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some((at + 1, true));
                }
            }
            b'"' => match end_of_string(bytes, at + 1) {
                Some(end) if bytes[end] == b'"' => at = end,
                // No string has a line break in it.
                Some(end) => return Some((end, false)),
                None => break,
            },
            b'\n' if bytes.get(at + 1) == Some(&b'{') => return Some((at, false)),
            _ if depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    if depth == 0 && at < bytes.len() {
        let end = end_of_line(at);
        return (ended || end < bytes.len()).then_some((end.max(1), false));
    }
    ended.then_some((bytes.len(), false))
}

/// Where a string ends: at its quote, or at the end of its line.
fn end_of_string(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr3(b'"', b'\\', b'\n', bytes.get(at..)?)?;
        if bytes[at] != b'\\' {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<String> {
        let (mut at, mut parts) = (0, Vec::new());
        while at < text.len() {
            let (part, length) = next(&text.as_bytes()[at..], true).expect("a part");
            assert!(length > 0);
            at += length;
            match part {
                Next::Object(object) => parts.push(String::from_utf8_lossy(object).into_owned()),
                Next::Between => {}
                Next::Damaged => parts.push("damaged".to_owned()),
            }
        }
        parts
    }

    #[test]
    fn documents_are_taken_apart() {
        assert_eq!(parts("{\"a\":\"}\"}\n{\"b\":{}}\n"), ["{\"a\":\"}\"}", "{\"b\":{}}"]);
        assert_eq!(parts("[\n  {\"a\": 1},\n  {\"b\": 2}\n]\n"), ["{\"a\": 1}", "{\"b\": 2}"]);
        assert_eq!(
            parts("{ \"records\": [{\"a\":1},{\"b\":2}]}\n{\"records\":[{\"c\":3}]}"),
            ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]
        );
    }

    #[test]
    fn damage_costs_a_line() {
        assert_eq!(parts("{\"a\":{\n{\"b\":2}\n"), ["damaged", "{\"b\":2}"]);
        assert_eq!(parts("{\"a\":\"x\n{\"b\":2}\n"), ["damaged", "{\"b\":2}"]);
        assert_eq!(parts("what\n{\"b\":2}\n{\"c"), ["damaged", "{\"b\":2}", "damaged"]);
        assert_eq!(next(b"{\"a\":1", false), None);
        assert_eq!(next(b"{\"a\":\"1", false), None);
    }

    #[test]
    fn reads_texts_and_bytes() {
        let mut room = Vec::new();
        let text = br#"{"other":{"log":1},"log":"a\tb\n","MESSAGE":[104,228,7],"_PID":12,"time":null}"#;
        let object = Object::read(text, &mut room).expect("an object");
        assert_eq!(object.text(b"log"), Some(&b"a\tb\n"[..]));
        assert_eq!(object.text(b"MESSAGE"), Some(&[104, 228, 7][..]));
        assert_eq!((object.text(b"_PID"), object.text(b"time")), (Some(&b"12"[..]), None));
        assert!(Object::read(b"{\"log\":\"a", &mut Vec::new()).is_none());
    }
}
