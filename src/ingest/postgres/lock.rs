//! Lines about locks: who waits, for what and for whom (`log_lock_waits`), and deadlocks.
//!
//! Source: `src/backend/storage/lmgr/proc.c` (`ProcSleep`) and `deadlock.c` (`DeadLockReport`).

use memchr::{memchr, memmem};

use detectors::evidence::NAMED_LOCK;

use super::message::milliseconds;
use crate::ingest::timestamp::number;

/// `process 42 still waiting for ShareLock on transaction 744 after 100.123 ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LockWait<'b> {
    /// For how long it has waited.
    pub(super) waited_ns: u64,
    /// It has the lock now.
    pub(super) acquired: bool,
    /// What is locked, as the message says.
    object: &'b [u8],
}

impl<'b> LockWait<'b> {
    /// Reads what is behind `process `.
    pub(super) fn of(rest: &'b [u8]) -> Option<Self> {
        let rest = &rest[digits(rest)..];
        let acquired = rest.starts_with(b" acquired ");
        let waits = [
            &b" still waiting for "[..],
            b" avoided deadlock for ",
            b" detected deadlock while waiting for ",
        ];
        let known = acquired || rest.starts_with(b" failed to acquire ");
        if !known && !waits.iter().any(|words| rest.starts_with(words)) {
            return None;
        }
        let at = memmem::rfind(rest, b" after ")?;
        let (waited_ns, _) = milliseconds(&rest[at + b" after ".len()..])?;
        Some(Self { waited_ns, acquired, object: &rest[..at] })
    }

    /// The name of what is locked: of a table by `CONTEXT`; empty where only numbers are told.
    pub(super) fn relation(&self, context: &'b [u8]) -> &'b [u8] {
        let begin = b" in relation \"";
        let named = memmem::rfind(context, begin).and_then(|at| {
            let name = &context[at + begin.len()..];
            Some(&name[..memchr(b'"', name)?])
        });
        match named {
            Some(name) => name,
            None if memmem::find(self.object, b" on advisory lock").is_some() => NAMED_LOCK.as_bytes(),
            None => b"",
        }
    }
}

/// The processes in `Processes holding the lock: 1, 2. Wait queue: 3.`
pub(super) fn holders(detail: &[u8]) -> impl Iterator<Item = u64> {
    let begin = b" holding the lock: ";
    let at = memmem::find(detail, begin).map_or(detail.len(), |at| at + begin.len());
    let listed = &detail[at..];
    let listed = &listed[..memchr(b'.', listed).unwrap_or(listed.len())];
    listed.split(|byte| *byte == b',').filter_map(|process| number(process.trim_ascii()))
}

/// The statements in the detail of a deadlock, of which each begins its line: `Process 42: UPDATE …`.
pub(super) fn statements_of_deadlock(detail: &[u8]) -> impl Iterator<Item = &[u8]> {
    let begins = |at: &usize| statement_at(&detail[*at..]).is_some();
    let lines = std::iter::once(0).chain(memchr::memchr_iter(b'\n', detail).map(|newline| newline + 1));
    let places: Vec<usize> =
        lines.map(|at| at + usize::from(detail.get(at) == Some(&b'\t'))).filter(begins).collect();
    (0..places.len()).map(move |number| {
        let end = places.get(number + 1).copied().unwrap_or(detail.len());
        let text = &detail[places[number]..end];
        text[statement_at(text).unwrap_or(0)..].trim_ascii()
    })
}

/// Where the statement begins in `Process 42: UPDATE …`.
fn statement_at(line: &[u8]) -> Option<usize> {
    let rest = line.strip_prefix(b"Process ")?;
    let length = digits(rest);
    (length > 0 && rest[length..].starts_with(b": ")).then_some(b"Process ".len() + length + 2)
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_waits() {
        let cases = [
            (
                "42 still waiting for ShareLock on transaction 744 after 100.125 ms",
                Some((100_125_000, false)),
            ),
            ("42 acquired ShareLock on transaction 744 after 2100 ms", Some((2_100_000_000, true))),
            (
                "42 detected deadlock while waiting for ShareLock on transaction 7 after 100.1 ms",
                Some((100_100_000, false)),
            ),
            (
                "42 avoided deadlock for ShareLock on transaction 7 by rearranging queue order after 1 ms",
                Some((1_000_000, false)),
            ),
            ("42 failed to acquire ShareLock on transaction 7 after 1 ms", Some((1_000_000, false))),
            ("42 still waiting for ShareLock on transaction 744", None),
            ("42 exited", None),
            ("", None),
        ];
        for (rest, expected) in cases {
            let read = LockWait::of(rest.as_bytes()).map(|wait| (wait.waited_ns, wait.acquired));
            assert_eq!(read, expected, "{rest}");
        }
    }

    #[test]
    fn names_what_is_locked_without_values() {
        let on = |object: &'static str, context: &'static str| {
            let text = format!("1 acquired {object} after 1 ms");
            let wait = LockWait::of(text.as_bytes()).expect("a wait");
            String::from_utf8_lossy(wait.relation(context.as_bytes())).into_owned()
        };
        assert_eq!(
            on("ShareLock on transaction 7", "while updating tuple (0,1) in relation \"stock\""),
            "stock"
        );
        assert_eq!(on("ExclusiveLock on advisory lock [5,0,42,1]", ""), "advisory lock");
        assert_eq!(on("RowExclusiveLock on relation 16385 of database 5", ""), "");
    }

    #[test]
    fn reads_who_holds_a_lock() {
        let read = |detail: &[u8]| holders(detail).collect::<Vec<_>>();
        assert_eq!(read(b"Process holding the lock: 41. Wait queue: 42, 43."), [41]);
        assert_eq!(read(b"Processes holding the lock: 41, 40. Wait queue: 42."), [41, 40]);
        assert!(read(b"parameters: $1 = '1'").is_empty());
    }

    #[test]
    fn reads_the_statements_of_a_deadlock() {
        let detail = b"Process 42 waits for ShareLock on transaction 7; blocked by process 43.\n\tProcess 43 waits for \
                       ShareLock on transaction 8; blocked by process 42.\n\tProcess 42: UPDATE a\n\t  SET b = 1;\n\
                       Process 43: UPDATE c SET d = 1";
        let statements: Vec<&[u8]> = statements_of_deadlock(detail).collect();
        assert_eq!(statements, [&b"UPDATE a\n\t  SET b = 1;"[..], b"UPDATE c SET d = 1"]);
    }
}
