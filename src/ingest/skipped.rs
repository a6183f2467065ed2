//! What could not be read: counted, with place and reason.

use std::sync::Arc;

/// Records that were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Records read and kept; counted where spans are taken from a reader, not by the reader.
    pub kept: u64,
    /// Records left out.
    pub records: u64,
    /// Bytes that belong to no record that could be read.
    pub bytes: u64,
    /// The first of them by file and offset, at most [`Skipped::FIRST_MAX`].
    pub first: Vec<SkippedRecord>,
}

/// One record that was left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SkippedRecord {
    /// File as given.
    pub file: Arc<str>,
    /// Byte offset in the decompressed input.
    pub offset: u64,
    /// Line, 1-based; zero where lines mean nothing.
    pub line: u64,
    /// Why, lower case, without values.
    pub reason: String,
}

impl Skipped {
    /// How many left-out records are kept with place and reason.
    pub const FIRST_MAX: usize = 20;

    /// Counts one record of `bytes` bytes that starts at `offset` (and `line`) of `file`.
    pub fn skip(&mut self, file: &Arc<str>, offset: u64, line: u64, bytes: u64, reason: &str) {
        self.records += 1;
        self.bytes += bytes;
        let place = (&**file, offset);
        if self.first.len() == Self::FIRST_MAX
            && self.first.last().is_some_and(|last| (&*last.file, last.offset) < place)
        {
            return;
        }
        self.remember(SkippedRecord { file: Arc::clone(file), offset, line, reason: reason.to_owned() });
    }

    /// Adds what another reader left out; any order of merging gives the same result.
    pub fn merge(&mut self, other: Self) {
        self.kept += other.kept;
        self.records += other.records;
        self.bytes += other.bytes;
        other.first.into_iter().for_each(|record| self.remember(record));
    }

    fn remember(&mut self, record: SkippedRecord) {
        let place = self.first.partition_point(|earlier| *earlier <= record);
        self.first.insert(place, record);
        self.first.truncate(Self::FIRST_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ones_are_the_same_for_any_order_of_merging() {
        let places: Vec<(Arc<str>, u64)> =
            (0..60).map(|n| (Arc::from(["b", "a", "c"][n % 3]), 1000 - 7 * n as u64)).collect();
        let skip_all = |places: &[(Arc<str>, u64)]| {
            let mut skipped = Skipped::default();
            places.iter().for_each(|(file, offset)| skipped.skip(file, *offset, 0, 2, "not JSON"));
            skipped
        };
        let whole = skip_all(&places);
        assert_eq!((whole.records, whole.bytes, whole.first.len()), (60, 120, Skipped::FIRST_MAX));
        assert!(whole.first.iter().all(|record| &*record.file == "a"));
        for cut in [1, 17, 30, 59] {
            let mut merged = skip_all(&places[cut..]);
            merged.merge(skip_all(&places[..cut]));
            assert_eq!(merged, whole);
        }
    }
}
