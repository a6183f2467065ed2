//! What PostgreSQL's log tells of connections, checkpoints and vacuuming, and why something failed.
//!
//! Source: `src/backend/utils/init/postinit.c`, `tcop/postgres.c` (`log_disconnections`), `tcop/backend_startup.c`
//! (version 18), `access/transam/xlog.c` (`LogCheckpointStart`, `LogCheckpointEnd`), `access/heap/vacuumlazy.c`.

use detectors::evidence::Failure;
use detectors::evidence::server::{Connection, Event};
use memchr::{memchr, memmem};

use super::message::milliseconds;

/// What a message tells of a connection.
pub(super) fn connection(message: &[u8]) -> Option<Connection> {
    if let Some(rest) = message.strip_prefix(b"connection ") {
        let begins = |words: &[u8]| rest.starts_with(words);
        return match rest {
            _ if begins(b"authorized: ") => Some(Connection::Authorized),
            _ if begins(b"received: ") => Some(Connection::Received),
            _ => {
                let total = rest.strip_prefix(b"ready: setup total=")?;
                Some(Connection::Ready { setup_ns: milliseconds(total)?.0 })
            }
        };
    }
    let time = message.strip_prefix(b"disconnection: session time: ")?;
    Some(Connection::Ended { session_ns: clock(&time[..memchr(b' ', time).unwrap_or(time.len())])? })
}

/// `0:00:12.345` in nanoseconds.
fn clock(time: &[u8]) -> Option<u64> {
    let mut parts = time.split(|byte| *byte == b':').map(milliseconds);
    // A second of a clock is written like a millisecond.
    let (hours, minutes, seconds) = (parts.next()??.0, parts.next()??.0, parts.next()??.0);
    let as_seconds = hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?;
    parts.next().is_none().then(|| as_seconds.checked_mul(1_000))?
}

/// What a message tells of what the server does by itself.
pub(super) fn event(message: &[u8]) -> Option<Event<'_>> {
    if let Some(rest) = message.strip_prefix(b"checkpoint") {
        if rest.starts_with(b"s are occurring too frequently") {
            return Some(Event::CheckpointsTooOften);
        }
        if let Some(why) = rest.strip_prefix(b" starting:") {
            return Some(Event::Checkpoint { by_wal: memmem::find(why, b" wal").is_some() });
        }
        let at = rest.strip_prefix(b" complete: ").and_then(|rest| after(rest, b"total="))?;
        return Some(Event::CheckpointTook { ns: seconds(at)? });
    }
    let rest = message.strip_prefix(b"automatic ")?;
    let analyze = rest.starts_with(b"analyze of table ");
    let named = after(rest, b" of table \"")?;
    let table = &named[..memchr(b'"', named)?];
    let ns = after(named, b"elapsed: ").and_then(seconds).unwrap_or(0);
    let is_vacuum = memmem::find(&rest[..rest.len() - named.len()], b"vacuum").is_some();
    (analyze || is_vacuum).then_some(Event::Vacuumed { table, analyze, ns })
}

/// What is behind the last of some words.
fn after<'b>(text: &'b [u8], words: &[u8]) -> Option<&'b [u8]> {
    memmem::rfind(text, words).map(|at| &text[at + words.len()..])
}

/// `0.012 s` in nanoseconds.
fn seconds(text: &[u8]) -> Option<u64> {
    milliseconds(text)?.0.checked_mul(1_000)
}

/// Messages of errors by how they begin, or by what they hold, and why that is.
const BEGINS: &[(&[u8], Failure)] = &[
    (b"deadlock detected", Failure::Deadlock),
    (b"canceling statement due to lock timeout", Failure::LockTimeout),
    (b"could not obtain lock on ", Failure::LockTimeout),
    (b"canceling statement due to statement timeout", Failure::StatementTimeout),
    (b"terminating connection due to transaction timeout", Failure::StatementTimeout),
    (b"canceling statement due to user request", Failure::UserRequest),
    (b"canceling statement due to conflict with recovery", Failure::RecoveryConflict),
    (b"terminating connection due to conflict with recovery", Failure::RecoveryConflict),
    (b"terminating connection due to idle-in-transaction timeout", Failure::IdleInTransaction),
    (b"terminating connection due to ", Failure::Terminated),
    (b"could not serialize access ", Failure::Serialization),
    (b"sorry, too many clients already", Failure::TooManyConnections),
    (b"remaining connection slots are reserved", Failure::TooManyConnections),
    (b"too many connections for ", Failure::TooManyConnections),
    (b"password authentication failed", Failure::Authentication),
    (b"no pg_hba.conf entry", Failure::Authentication),
    (b"current transaction is aborted", Failure::AbortedTransaction),
    (b"duplicate key value violates", Failure::Constraint),
    (b"syntax error ", Failure::Syntax),
    (b"permission denied ", Failure::Syntax),
    (b"out of memory", Failure::Resources),
    (b"could not extend file ", Failure::Resources),
    (b"could not resize shared memory ", Failure::Resources),
    (b"division by zero", Failure::Data),
    (b"invalid input syntax ", Failure::Data),
    (b"value too long ", Failure::Data),
];
const HOLDS: &[(&[u8], Failure)] = &[
    (b" violates ", Failure::Constraint),
    (b" does not exist", Failure::Syntax),
    (b" out of range", Failure::Data),
];

/// Why something failed, by the message of its error: of all forms of the log only two have codes.
pub(super) fn failure(message: &[u8]) -> Failure {
    let begins = BEGINS.iter().find(|(words, _)| message.starts_with(words));
    let line = &message[..memchr(b'\n', message).unwrap_or(message.len())];
    let holds = || HOLDS.iter().find(|(words, _)| memmem::find(line, words).is_some());
    begins.or_else(holds).map_or(Failure::Other, |(_, failure)| *failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_connections() {
        let cases = [
            ("connection received: host=127.0.0.1 port=60440", Some(Connection::Received)),
            ("connection authenticated: identity=\"shop\" method=md5", None),
            ("connection authorized: user=shop database=shop", Some(Connection::Authorized)),
            (
                "connection ready: setup total=9.747 ms, fork=0.508 ms, authentication=0.4 ms",
                Some(Connection::Ready { setup_ns: 9_747_000 }),
            ),
            (
                "disconnection: session time: 1:02:03.015 user=shop database=shop host=::1",
                Some(Connection::Ended { session_ns: 3_723_015_000_000 }),
            ),
            ("disconnection: session time: soon", None),
            ("disconnection: session time: 1:2:3:4 user=a", None),
        ];
        for (message, expected) in cases {
            assert_eq!(connection(message.as_bytes()), expected, "{message}");
        }
    }

    #[test]
    fn reads_what_the_server_does_by_itself() {
        let cases = [
            ("checkpoint starting: wal", Some(Event::Checkpoint { by_wal: true })),
            ("checkpoint starting: immediate force wait", Some(Event::Checkpoint { by_wal: false })),
            ("checkpoints are occurring too frequently (9 seconds apart)", Some(Event::CheckpointsTooOften)),
            (
                "checkpoint complete: wrote 3 buffers (0.0%); write=0.2 s, sync=0.001 s, total=0.215 s; sync files=1",
                Some(Event::CheckpointTook { ns: 215_000_000 }),
            ),
            (
                "automatic vacuum of table \"shop.public.stock\": index scans: 0\n\tpages: 0 removed\n\tsystem usage: \
                 CPU: user: 0.00 s, system: 0.00 s, elapsed: 0.12 s",
                Some(Event::Vacuumed { table: b"shop.public.stock", analyze: false, ns: 120_000_000 }),
            ),
            (
                "automatic aggressive vacuum to prevent wraparound of table \"a.b.c\": index scans: 0",
                Some(Event::Vacuumed { table: b"a.b.c", analyze: false, ns: 0 }),
            ),
            (
                "automatic analyze of table \"a.b.c\" system usage: CPU: user: 0.00 s, system: 0.00 s, elapsed: 1 s",
                Some(Event::Vacuumed { table: b"a.b.c", analyze: true, ns: 1_000_000_000 }),
            ),
            ("database system is ready to accept connections", None),
        ];
        for (message, expected) in cases {
            assert_eq!(event(message.as_bytes()), expected, "{message}");
        }
    }

    #[test]
    fn tells_why_statements_fail() {
        let cases = [
            ("deadlock detected", Failure::Deadlock),
            ("canceling statement due to statement timeout", Failure::StatementTimeout),
            ("insert or update on table \"a\" violates foreign key constraint \"b\"", Failure::Constraint),
            ("relation \"custmers\" does not exist at character 15", Failure::Syntax),
            ("sorry, too many clients already", Failure::TooManyConnections),
            ("terminating connection due to administrator command", Failure::Terminated),
            ("product 1 has no stock", Failure::Other),
        ];
        for (message, expected) in cases {
            assert_eq!(failure(message.as_bytes()), expected, "{message}");
        }
    }
}
