//! Documents that the batch mode of the clients wrote on one line each (`mysql -B`), with line ends as `\n`.

use std::borrow::Cow;

/// A text that holds plans, and its first line, from one.
pub(super) struct Document<'t> {
    pub(super) text: Cow<'t, str>,
    first_line: u64,
    is_one_line: bool,
}

impl Document<'_> {
    /// The line of a place.
    pub(super) fn line(&self, at: usize) -> u64 {
        match self.is_one_line {
            true => self.first_line,
            false => crate::ingest::plans::line_of(&self.text, at),
        }
    }
}

/// The text as it is, or each of its lines in which line ends are escaped.
pub(super) fn documents<'t>(text: &'t str, is_begin: fn(&str) -> bool) -> Vec<Document<'t>> {
    let is_escaped = |line: &str| is_begin(line) && line.contains("\\n");
    if !text.lines().any(is_escaped) {
        return vec![Document { text: text.into(), first_line: 1, is_one_line: false }];
    }
    let numbered = text.lines().zip(1..).filter(|(line, _)| is_escaped(line));
    let document =
        |(line, first_line)| Document { text: unescaped(line).into(), first_line, is_one_line: true };
    numbered.map(document).collect()
}

/// As `my_print_escaped` in MySQL's client: `\n`, `\t`, `\\` and `\0`.
fn unescaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('0') => text.push('\0'),
                Some(other) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    text
}
