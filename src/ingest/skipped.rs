//! What could not be read: counted, with place and reason.

use std::sync::Arc;

/// Records that were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Records read and kept.
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
