//! PgBouncer's log: statistics of all pools once a minute, errors that clients are told, and who comes.
//!
//! Source: `src/stats.c` (`log_stats`: waits are sums of all clients for each second), `src/client.c`, `src/janitor.c`.

use std::sync::Arc;

use detectors::evidence::server::{Averages, PoolerLine};
use memchr::{memchr, memmem};

use crate::ingest::timestamp::{Clock, number};
use crate::ingest::{Block, Decode, Format, Framing, Head, Reading, end_of_lines};

/// The log.
pub(in crate::ingest) const FORMAT: Format = Format {
    name: "pgbouncer-log",
    summary: "PgBouncer's log: how long clients wait for connections, errors, logins",
    sniff,
    cut: |_, bytes| end_of_lines(bytes),
    decoder: |_| Box::new(Decoder::default()),
};

/// So many lines at the front are looked at.
const LINES_MAX: usize = 64;

const LEVELS: [&[u8]; 6] = [b"LOG", b"WARNING", b"ERROR", b"FATAL", b"NOISE", b"DEBUG"];

/// What no other program writes.
const MARKS: [&[u8]; 6] = [
    b"process up: PgBouncer",
    b" xacts/s, ",
    b" login attempt: db=",
    b" closing because: ",
    b" pooler error: ",
    b" new connection to server ",
];

fn sniff(head: Head<'_>) -> Option<Framing> {
    let mut clock = Clock::default();
    let mut lines = head.text().split(|byte| *byte == b'\n').take(LINES_MAX);
    let known = |line: &[u8]| MARKS.iter().any(|mark| memmem::find(line, mark).is_some());
    let messages = |line: &&[u8]| {
        told_by_envelope(line).or_else(|| Some(message(line, &mut clock)?.1)).is_some_and(known)
    };
    lines.find(messages).map(|_| Framing::Lines)
}

/// Whether one of the first lines has its own time.
fn sniff_times(bytes: &[u8]) -> bool {
    let mut clock = Clock::default();
    bytes.split(|byte| *byte == b'\n').take(LINES_MAX).any(|line| message(line, &mut clock).is_some())
}

/// What syslog has of a line: neither time nor level.
fn told_by_envelope(line: &[u8]) -> Option<&[u8]> {
    let begins = [&b"stats: "[..], b"C-0x", b"S-0x"].iter().any(|begin| line.starts_with(begin));
    begins.then_some(line)
}

/// When a line was written, and what is behind its level: `2023-12-19 03:06:13.586 CET [42] LOG …`, before 1.9 without
/// zone and brackets.
fn message<'b>(line: &'b [u8], clock: &mut Clock) -> Option<(u64, &'b [u8])> {
    let (at_ns, length) = clock.date_and_time(line)?;
    let rest = line[length..].strip_prefix(b" ")?;
    let (process, rest) = rest.split_at(memchr(b' ', rest)?);
    let process = process.strip_prefix(b"[").and_then(|it| it.strip_suffix(b"]")).unwrap_or(process);
    number(process)?;
    let (level, rest) = rest[1..].split_at(memchr(b' ', &rest[1..])?);
    LEVELS.contains(&level).then_some((at_ns, rest))
}

/// What a message tells; `None` where it is about something else.
fn told(message: &[u8]) -> Option<PoolerLine> {
    if let Some(stats) = message.trim_ascii_start().strip_prefix(b"stats: ") {
        return averages(stats).map(PoolerLine::Stats);
    }
    let behind = |words: &[u8]| memmem::find(message, words).map(|at| &message[at + words.len()..]);
    if let Some(error) = behind(b" pooler error: ") {
        return Some(match error {
            _ if error.starts_with(b"query_wait_timeout") => PoolerLine::TimedOut,
            _ if error.starts_with(b"no more connections allowed") => PoolerLine::Refused,
            _ => PoolerLine::Failed,
        });
    }
    if behind(b" login attempt: ").is_some() {
        return Some(PoolerLine::Login);
    }
    behind(b" new connection to server").map(|_| PoolerLine::Connected)
}

/// `19 xacts/s, 19 queries/s, in 522 B/s, out 1256 B/s, xact 507352 us, query 507352 us, wait 7844725 us`; others have
/// more parts between, and older ones `wait time`.
fn averages(stats: &[u8]) -> Option<Averages> {
    let mut told = Averages::default();
    let mut waits = false;
    for part in stats.split(|byte| *byte == b',') {
        let mut words = part.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let (first, last) = (words.next().unwrap_or_default(), words.next_back().unwrap_or_default());
        match (first, last) {
            (count, b"xacts/s") => told.transactions = number(count)?,
            (b"xact", b"us") => told.transaction_us = number(words.next_back()?)?,
            (b"wait", b"us") => (told.wait_us, waits) = (number(words.next_back()?)?, true),
            _ => {}
        }
    }
    waits.then_some(told)
}

#[derive(Debug, Default)]
struct Decoder {
    clock: Clock,
}

impl Decode for Decoder {
    fn decode(&mut self, reading: &mut Reading<'_>, block: &Block<'_>) -> usize {
        let bytes = block.whole(end_of_lines);
        let file = Arc::clone(&block.place.file);
        let (mut number, mut start) = (block.place.line, 0);
        let has_own_times = sniff_times(bytes);
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
            let line = bytes[start..end].trim_ascii_end();
            // In an envelope a line may have its time alone.
            let outside_ns = reading.places.as_ref().map_or(0, |places| places.outside(number).at_ns);
            let bare = || told_by_envelope(line).map(|line| (outside_ns, line));
            match message(line, &mut self.clock).or_else(bare) {
                Some((at_ns, message)) => {
                    if let Some(told) = told(message) {
                        reading.events.pooler_line(&file, at_ns, told);
                    }
                }
                None if line.is_empty() => {}
                // Of what syslog has, other lines begin with anything.
                None if reading.places.is_some() && !has_own_times => {}
                None => {
                    let offset = block.place.offset + start as u64;
                    let reason = "not a line of PgBouncer's log";
                    reading.skipped.skip(&file, offset, number, line.len() as u64, reason);
                }
            }
            number += 1;
            start = end + 1;
        }
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<PoolerLine> {
        told(message(line.as_bytes(), &mut Clock::default())?.1)
    }

    #[test]
    fn reads_lines_of_all_versions() {
        let stats = |transactions, transaction_us, wait_us| {
            Some(PoolerLine::Stats(Averages { transactions, transaction_us, wait_us }))
        };
        let cases = [
            (
                "2026-11-28 20:38:17.946 UTC [1755] LOG stats: 19 xacts/s, 20 queries/s, in 522 B/s, out 1256 B/s, xact \
                 507352 us, query 507 us, wait 7844725 us",
                stats(19, 507_352, 7_844_725),
            ),
            (
                "2018-02-08 10:10:10.123 29125 LOG stats: 3 xacts/s, 3 queries/s, in 1 B/s, out 2 B/s, xact 5 us, query 6 \
                 us, wait time 7 us",
                stats(3, 5, 7),
            ),
            (
                "2025-02-08 10:10:10.123 CET [9] LOG stats: 3 xacts/s, 3 queries/s, 0 client parses/s, 0 server parses/s, 0 \
                 binds/s, 2 client logins/s, in 1 B/s, out 2 B/s, xact 5 us, query 6 us, wait 7 us",
                stats(3, 5, 7),
            ),
            ("2018-02-08 10:10:10.123 29125 LOG Stats: 0 req/s, in 0 b/s, out 0 b/s,query 0 us", None),
            (
                "2026-11-28 20:38:23.133 UTC [1755] WARNING C-0x55: (nodb)/(nouser)@127.0.0.1:38470 pooler error: no more \
                 connections allowed (max_client_conn)",
                Some(PoolerLine::Refused),
            ),
            (
                "2026-11-28 20:38:23.133 UTC [1755] WARNING C-0x55: shop/shop@127.0.0.1:3 pooler error: query_wait_timeout",
                Some(PoolerLine::TimedOut),
            ),
            (
                "2026-11-28 20:38:23.133 UTC [1755] WARNING C-0x55: shop/shop@127.0.0.1:3 pooler error: server conn crashed?",
                Some(PoolerLine::Failed),
            ),
            (
                "2026-11-28 20:38:12.953 UTC [1755] LOG C-0x55: shop/shop@127.0.0.1:3 login attempt: db=shop user=shop tls=no",
                Some(PoolerLine::Login),
            ),
            (
                "2026-11-28 20:38:12.954 UTC [1755] LOG S-0x55: shop/shop@127.0.0.1:33121 new connection to server (from \
                 127.0.0.1:47194)",
                Some(PoolerLine::Connected),
            ),
            (
                "2026-11-28 20:38:12.965 UTC [1755] LOG C-0x55: a/b@c:1 closing because: client close request (age=0s)",
                None,
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn reads_what_syslog_has_of_lines() {
        let stats = "stats: 3 xacts/s, 3 queries/s, in 1 B/s, out 2 B/s, xact 5 us, query 6 us, wait 7 us";
        let averages = Averages { transactions: 3, transaction_us: 5, wait_us: 7 };
        let refused = "C-0x55: (nodb)/(nouser)@127.0.0.1:38470 pooler error: no more connections allowed (max_client_conn)";
        for (line, expected) in [(stats, PoolerLine::Stats(averages)), (refused, PoolerLine::Refused)] {
            assert_eq!(told_by_envelope(line.as_bytes()).and_then(told), Some(expected));
            assert!(sniff(Head { bytes: line.as_bytes(), whole: true }).is_some());
        }
    }

    #[test]
    fn knows_its_own_lines() {
        let sniffed = |text: &str| sniff(Head { bytes: text.as_bytes(), whole: true });
        assert!(
            sniffed("2026-11-28 20:38:11.947 UTC [1755] LOG process up: PgBouncer 1.18.0, libevent\n")
                .is_some()
        );
        assert!(sniffed("2026-11-28 20:38:11.947 UTC [1755] LOG:  stats: 1 xacts/s, 2\n").is_none());
        assert!(sniffed("2026-11-28 20:38:11.947 UTC [1755] LOG something else\n").is_none());
        assert!(sniffed("").is_none());
    }
}
