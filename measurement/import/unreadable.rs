//! Why an output of a tool is not read.

use std::fmt;

/// Why an output of a tool is not read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The line, from one; `None` where it is no single one.
    line: Option<usize>,
    reason: String,
}

impl Unreadable {
    pub(super) fn of(reason: impl Into<String>) -> Self {
        Self { line: None, reason: reason.into() }
    }

    /// The same at a line, counted from zero.
    pub(super) fn at(self, index: usize) -> Self {
        Self { line: Some(index + 1), ..self }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(out, "line {line}: ")?;
        }
        out.write_str(&self.reason)
    }
}

impl std::error::Error for Unreadable {}
