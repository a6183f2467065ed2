//! Members of an object in JSON that hold texts.

use crate::ingest::json::scanner::{Scalar, Scan, Scanner, bad};
use crate::ingest::timestamp::number;

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
];

/// An object, as far as it is of use.
pub(super) struct Object<'b> {
    members: [Option<&'b [u8]>; KEPT.len()],
}

impl<'b> Object<'b> {
    /// Reads an object; `room` holds texts whose escapes were undone. `None` where it is none.
    pub(super) fn read(text: &'b [u8], room: &'b mut Vec<u8>) -> Option<Self> {
        if room.len() < 2 * text.len() {
            room.resize(2 * text.len(), 0);
        }
        let (texts, bytes) = room.split_at_mut(text.len());
        let mut object = Self { members: [None; KEPT.len()] };
        object.fill(&mut Scanner::new(text, 0, texts), bytes).ok()?;
        Some(object)
    }

    fn fill(&mut self, scanner: &mut Scanner<'b>, mut bytes: &'b mut [u8]) -> Scan<()> {
        if !scanner.open(b'{')? {
            return bad("no object");
        }
        while let Some(key) = scanner.next_key()? {
            let Some(place) = KEPT.iter().position(|kept| *kept == key) else {
                scanner.skip_value()?;
                continue;
            };
            if scanner.peek()? == b'[' {
                let length = numbers(scanner, bytes)?;
                let (value, rest) = bytes.split_at_mut(length);
                self.members[place] = Some(value);
                bytes = rest;
            } else if let Scalar::Text(text) | Scalar::Number(text) = scanner.scalar()? {
                self.members[place] = Some(text);
            }
        }
        Ok(())
    }

    /// The text of a member.
    pub(super) fn text(&self, name: &[u8]) -> Option<&'b [u8]> {
        self.members[KEPT.iter().position(|kept| *kept == name)?]
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

#[cfg(test)]
mod tests {
    use super::*;

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
