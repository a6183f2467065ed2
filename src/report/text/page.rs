//! A page of text: lines of at most the given width.

use std::io;

use super::fit::wrap;
use super::ink::{Ink, Line};
use crate::report::Style;

/// Columns between two items of one line.
const GAP: usize = 3;

/// The least that prose gets, however narrow the terminal.
const PROSE_MIN: usize = 24;

/// What stands at the right edge is no further away than this, so that it is still seen.
const EDGE_MAX: usize = 120;

/// Longer lines of prose are hard to read.
const PROSE_MAX: usize = 110;

/// Where the text goes.
pub(super) struct Page<'p> {
    pub(super) style: &'p Style,
    pub(super) out: &'p mut dyn io::Write,
}

impl Page<'_> {
    pub(super) fn line(&mut self, line: Line) -> io::Result<()> {
        writeln!(self.out, "{}", line.render(self.style.colour))
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        self.line(Line::default())
    }

    /// A line with something at its right edge; below it where both do not fit.
    pub(super) fn line_and_right(&mut self, left: Line, right: Line, indent: usize) -> io::Result<()> {
        let edge =
            self.style.width.min(EDGE_MAX).max((left.width() + GAP + right.width()).min(self.style.width));
        if left.width() + GAP + right.width() <= edge {
            return self.line(left.pad_to(edge - right.width()).then(right));
        }
        self.line(left)?;
        match right.width() {
            0 => Ok(()),
            _ => self.line(Line::at(indent).then(right)),
        }
    }

    /// Items side by side behind a label, on as many lines as they take.
    pub(super) fn flow(&mut self, label: Line, items: impl IntoIterator<Item = Line>) -> io::Result<()> {
        let indent = label.width();
        let mut line = label;
        for item in items.into_iter().filter(|item| item.width() > 0) {
            let taken = line.width();
            let gap = if taken > indent { GAP } else { 0 };
            if gap > 0 && taken + gap + item.width() > self.style.width {
                self.line(std::mem::replace(&mut line, Line::at(indent)))?;
                line = line.then(item);
            } else {
                line = line.pad_to(taken + gap).then(item);
            }
        }
        match line.width() > indent {
            true => self.line(line),
            false => Ok(()),
        }
    }

    /// Prose behind a label; its further lines begin below its first.
    pub(super) fn prose(&mut self, label: Line, ink: Ink, text: &str) -> io::Result<()> {
        let indent = label.width();
        let mut start = label;
        for part in wrap(text, self.prose_width(indent)) {
            self.line(start.with(ink, part))?;
            start = Line::at(indent);
        }
        Ok(())
    }

    /// Columns that prose gets behind an indent.
    pub(super) fn prose_width(&self, indent: usize) -> usize {
        self.style.width.saturating_sub(indent).clamp(PROSE_MIN, PROSE_MAX)
    }

    /// Columns that are left behind an indent.
    pub(super) fn room(&self, indent: usize) -> usize {
        self.style.width.saturating_sub(indent).max(PROSE_MIN)
    }
}
