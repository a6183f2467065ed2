//! What most prefixes begin with: a time and a process id, with letters around them. Reading these at once takes a third
//! of reading them part by part.

use super::prefix::{self, ESCAPE, Fields, Prefix};
use super::severity::{self, Severity};
use crate::ingest::timestamp::Clock;

/// The front of a prefix.
#[derive(Debug)]
pub(super) struct Leading {
    /// Between the time and the process id.
    between: Box<[u8]>,
    /// Behind the process id.
    behind: Box<[u8]>,
    /// How many parts of the prefix these are.
    parts: usize,
}

impl Leading {
    /// That of a prefix that begins so.
    pub(super) fn of(prefix: &Prefix) -> Option<Self> {
        let parts = prefix.parts();
        let (_, rest) = parts.split_first().filter(|(part, _)| [b'm', b't'].map(escape).contains(part))?;
        let (between, rest) = letters(rest);
        let (_, rest) = rest.split_first().filter(|(part, _)| **part == escape(b'p'))?;
        let (behind, rest) = letters(rest);
        Some(Self { between: between.into(), behind: behind.into(), parts: parts.len() - rest.len() })
    }

    /// Reads into `fields` what [`Prefix::read`] says with the prefix that it is of; returns where the severity behind it
    /// begins, the severity, and how long that is.
    pub(super) fn read<'b>(
        &self,
        prefix: &Prefix,
        line: &'b [u8],
        clock: &mut Clock,
        fields: &mut Fields<'b>,
    ) -> Option<(usize, (Severity, usize))> {
        let (at_ns, length) = clock.date_and_time(line)?;
        let rest = without(line.get(length..)?, &self.between)?;
        let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).filter(|digits| *digits > 0)?;
        let (pid, rest) = rest.split_at(digits);
        let rest = without(rest, &self.behind)?;
        *fields = Fields { at_ns, pid, ..Fields::default() };
        let mut at = line.len() - rest.len();
        // What is left may be left out of the lines of processes without a session.
        let left = prefix.parts().get(self.parts..).filter(|left| !left.is_empty());
        let may_end = left.is_none_or(|left| left.first() == Some(&escape(b'q')));
        if let Some(severity) = severity::read(rest).filter(|_| may_end) {
            return Some((at, severity));
        }
        at = prefix::read(left?, line, at, clock, fields)?;
        Some((at, severity::read(&line[at..])?))
    }
}

/// The part of a prefix that stands for what an escape tells.
fn escape(letter: u8) -> u8 {
    ESCAPE | letter
}

/// The letters that parts of a prefix begin with, and the other parts.
fn letters(parts: &[u8]) -> (&[u8], &[u8]) {
    parts.split_at(parts.iter().take_while(|part| **part < ESCAPE).count())
}

/// What is behind a few letters, if a text begins with them.
fn without<'b>(text: &'b [u8], letters: &[u8]) -> Option<&'b [u8]> {
    let (first, rest) = text.split_at_checked(letters.len())?;
    first.iter().zip(letters).all(|(byte, letter)| byte == letter).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_of_a_prefix_says_what_the_whole_says() {
        let lines = [
            "2026-11-23 21:46:43.036 UTC [4012] LOG:  duration: 1.0 ms",
            "2026-11-23 21:46:43.036 UTC [4012] api@shop LOG:  x",
            "2026-11-23 21:46:43.036 UTC [4012] a@b c@d LOG:  LOG:  x",
            "2026-11-23 21:46:43 UTC [4012]: DETAIL:  x",
            "2026-11-23 21:46:43 UTC [] LOG:  x",
            "2026-11-23 21:46:43 UTC [4012",
            "LOG:  x",
        ];
        let mut found = 0;
        for prefix in ["%m [%p] ", "%t [%p]: ", "%m [%p] %q%u@%d ", "%m [%p] %u@%d "] {
            let prefix = Prefix::given(prefix).expect("a prefix");
            let leading = Leading::of(&prefix).expect("a time and a process");
            for line in lines.map(str::as_bytes) {
                let mut fields = Fields::default();
                let read = leading.read(&prefix, line, &mut Clock::default(), &mut fields);
                let severity = read.and_then(|(at, _)| severity::read(&line[at..]));
                assert_eq!(severity, read.map(|(_, severity)| severity));
                found += usize::from(read.is_some());
                let read = read.map(|(at, _)| (fields, at));
                assert_eq!(read, prefix.read(line, &mut Clock::default()));
            }
        }
        assert_eq!(found, 7);
        let others = ["%m ", "%p %m ", "%m %u [%p] ", ""];
        assert!(others.iter().all(|other| Leading::of(&Prefix::given(other).expect("a prefix")).is_none()));
    }
}
