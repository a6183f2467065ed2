//! Lines with their columns.

use std::borrow::Cow;

use super::quoted;

/// A line without the blanks around it, and in which column it begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) column: usize,
    pub(super) text: &'a str,
}

/// Of so many lines one value may be made.
const LINES_OF_VALUE: usize = 200;

/// A tab leads to the next multiple of it: deeper stays deeper, whatever width the tabs once had.
const TAB: usize = 8;

/// The lines of a text.
pub(super) struct Lines<'a>(Vec<&'a str>);

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self(text.lines().collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn first(&self) -> Option<Line<'a>> {
        (self.len() > 0).then(|| self.at(0))
    }

    /// The line at a place, from zero.
    pub(super) fn at(&self, place: usize) -> Line<'a> {
        let whole = self.0[place];
        let text = whole.trim();
        let blanks = whole.len() - whole.trim_start().len();
        let column = whole[..blanks].chars().fold(0, |column, blank| match blank {
            '\t' => (column / TAB + 1) * TAB,
            _ => column + 1,
        });
        Line { column, text }
    }

    /// The line at a place with its blanks.
    pub(super) fn raw(&self, place: usize) -> &'a str {
        self.0[place].trim_end_matches('\r')
    }

    /// Number of the line at a place, from one.
    pub(super) fn number(&self, place: usize) -> u64 {
        place as u64 + 1
    }

    /// Whether nothing else is written.
    pub(super) fn is_alone(&self, place: usize) -> bool {
        self.0.iter().enumerate().all(|(at, line)| at == place || line.trim().is_empty())
    }

    /// Whether all arrows from here on stand in one column.
    pub(super) fn is_flat(&self, from: usize) -> bool {
        let lines = (from..self.len()).map(|at| self.at(at));
        let mut columns = lines.filter(|line| line.text.starts_with("->")).map(|line| line.column);
        columns.next().is_none_or(|first| columns.all(|column| column == first))
    }

    /// The line at a place with those that a text constant in it goes on in, and how many these are.
    pub(super) fn whole_text(&self, place: usize) -> (Cow<'a, str>, usize) {
        let first = self.at(place).text;
        if !quoted::is_open(first) {
            return (Cow::Borrowed(first), 0);
        }
        let mut whole = first.to_owned();
        for more in 1..LINES_OF_VALUE {
            let Some(next) = self.0.get(place + more).filter(|next| !is_node(next)) else { break };
            whole.push('\n');
            whole.push_str(next.trim_end_matches('\r'));
            if !quoted::is_open(&whole) {
                return (Cow::Owned(whole), more);
            }
        }
        (Cow::Borrowed(first), 0)
    }
}

/// Whether a line can be no part of a constant unless it was made to look like a plan.
fn is_node(line: &str) -> bool {
    line.trim_start().starts_with("->  ")
}
