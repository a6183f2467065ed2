//! Logs of containers as Kubernetes keeps them (CRI): `2026-11-28T17:10:02.123456789Z stderr F text`.
//!
//! A `P` instead of the `F` says that the line goes on in the next record of the same output.
//!
//! Source: Kubernetes, "CRI: Log management for CRI implementations".

use super::{Envelope, Piece, Taken, Unwrap, line, most_lines};
use crate::ingest::Head;
use crate::ingest::timestamp::date_and_time;

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "a container's log of Kubernetes",
    summary: "containers' logs of Kubernetes (CRI: `/var/log/pods`), lines in parts put together",
    sniff: |head: Head<'_>| most_lines(head, |line| piece(line).is_some()),
    opener: || Box::new(Cri),
};

struct Cri;

impl Unwrap for Cri {
    fn take<'b>(&mut self, bytes: &'b [u8], ended: bool, _: &'b mut Vec<u8>) -> Option<Taken<'b>> {
        let (line, length) = line(bytes, ended)?;
        let taken = match line {
            b"" => Ok(None),
            line => piece(line).map(Some).ok_or("not a line of a container's log"),
        };
        Some((length, taken))
    }
}

fn piece(line: &[u8]) -> Option<Piece<'_>> {
    let (at_ns, length) = date_and_time(line).filter(|_| line.get(10) == Some(&b'T'))?;
    let rest = line.get(length..)?.strip_prefix(b" std")?;
    let (program, rest) = rest.split_at_checked(3)?;
    let program: &[u8] = match program {
        b"err" => b"stderr",
        b"out" => b"stdout",
        _ => return None,
    };
    // More tags may follow behind a colon.
    let end = memchr::memchr(b' ', rest.strip_prefix(b" ")?).unwrap_or(rest.len() - 1) + 1;
    let tags = &rest[1..end];
    let is_unfinished = match tags.first()? {
        b'P' => true,
        b'F' => false,
        _ => return None,
    };
    let text = rest.get(end + 1..).unwrap_or_default();
    Some(Piece { program, at_ns, is_unfinished, text, ..Piece::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines() {
        let read = |line: &str| {
            piece(line.as_bytes()).map(|piece| (piece.program.len(), piece.is_unfinished, piece.text.len()))
        };
        assert_eq!(read("2026-11-28T17:10:02.123456789Z stderr F LOG:  x"), Some((6, false, 7)));
        assert_eq!(read("2026-11-28T17:10:02.1+02:00 stdout P:x  x"), Some((6, true, 2)));
        assert_eq!(read("2026-11-28T17:10:02.1Z stdout F"), Some((6, false, 0)));
        assert_eq!(read("2026-11-28T17:10:02.1Z stdout X y"), None);
        assert_eq!(read("2026-11-28T17:10:02.1Z stdin F y"), None);
        assert_eq!(read("2026-11-28 17:10:02 stdout F y"), None);
    }
}
