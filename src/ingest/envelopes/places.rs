//! Where the lines of a text that was taken out of an envelope stand in the input, and what the envelope says of them.

use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use rustc_hash::FxBuildHasher;

/// The lines of one block.
#[derive(Debug, Default)]
pub struct Places {
    /// By the first line that each is about.
    entries: Vec<Entry>,
    /// Names of processes, one after another.
    processes: Vec<u8>,
    /// Tells programs and hosts apart.
    program: u64,
}

/// Lines from one on, up to the next entry.
#[derive(Debug, Clone)]
struct Entry {
    /// In the text.
    line: u64,
    outside: Outside,
    process: Range<u32>,
}

/// Where a piece stands in the input, and when it was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::ingest) struct Outside {
    /// Offset of its first byte.
    pub(in crate::ingest) offset: u64,
    /// Its line, 1-based; counted by records where one line has several.
    pub(in crate::ingest) line: u64,
    /// Nanoseconds since the Unix epoch; zero where that is not told.
    pub(in crate::ingest) at_ns: u64,
}

impl Places {
    /// For the text of a program; `around` tells apart what is around programs of one name.
    pub(super) fn of(host: &[u8], program: &[u8], around: u64) -> Self {
        let mut hasher = FxBuildHasher.build_hasher();
        hasher.write_u64(around);
        hasher.write(host);
        hasher.write_u8(0xff);
        hasher.write(program);
        Self { program: hasher.finish(), ..Self::default() }
    }

    /// Notes where the next lines stand, of the process that is given.
    pub(super) fn push(&mut self, line: u64, outside: Outside, process: &[u8]) {
        let start = self.processes.len() as u32;
        self.processes.extend_from_slice(process);
        self.entries.push(Entry { line, outside, process: start..self.processes.len() as u32 });
    }

    /// Takes those of the lines before one.
    pub(super) fn split(&mut self, line: u64) -> Self {
        let end = self.entries.partition_point(|entry| entry.line < line);
        let mut rest = Self { program: self.program, ..Self::default() };
        // The message that goes on behind.
        let first = self.entries.get(end).is_none_or(|entry| entry.line > line);
        for entry in &self.entries[if first { end.saturating_sub(1) } else { end }..] {
            let range = entry.process.start as usize..entry.process.end as usize;
            rest.push(entry.line, entry.outside, &self.processes[range]);
        }
        self.entries.truncate(end);
        std::mem::replace(self, rest)
    }

    /// Adds those of lines behind.
    pub(super) fn append(&mut self, other: Self) {
        self.program = other.program;
        for entry in &other.entries {
            let range = entry.process.start as usize..entry.process.end as usize;
            self.push(entry.line, entry.outside, &other.processes[range]);
        }
    }

    fn entry(&self, line: u64) -> Option<&Entry> {
        self.entries.get(self.entries.partition_point(|entry| entry.line <= line).checked_sub(1)?)
    }

    /// Where a line of the text stands in the input.
    pub(in crate::ingest) fn outside(&self, line: u64) -> Outside {
        self.entry(line).map_or(Outside::default(), |entry| entry.outside)
    }

    /// Which process wrote a line of the text; empty where that is not told.
    pub(in crate::ingest) fn process(&self, line: u64) -> &[u8] {
        let range = self.entry(line).map_or(0..0, |entry| entry.process.clone());
        self.processes.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// Tells programs and hosts of one input apart.
    pub(in crate::ingest) fn program(&self) -> u64 {
        self.program
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_over_two_blocks_keeps_its_place() {
        let outside = |line| Outside { line, offset: 10 * line, at_ns: 0 };
        let mut places = Places::of(b"", b"postgres", 0);
        places.push(1, outside(7), b"12");
        places.push(4, outside(3), b"13");
        let front = places.split(3);
        assert_eq!((front.outside(2).line, front.process(2)), (7, &b"12"[..]));
        assert_eq!((places.outside(3).line, places.process(3)), (7, &b"12"[..]));
        assert_eq!((places.outside(5).line, places.process(5)), (3, &b"13"[..]));
        assert_eq!(places.split(4).outside(3).line, 7);
        assert_eq!((places.outside(4).line, places.outside(3)), (3, Outside::default()));
    }
}
