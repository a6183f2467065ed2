//! What is around a plan when people paste it, and how it is taken off; one kind a file.
//!
//! A paste is a list of rows that know which line of the input they come from, so that errors lead back to it. Each kind
//! changes what it recognises and leaves everything else as it is, since there may be text around a plan, several plans,
//! and several wrappings around one.

mod borders;
mod cells;
mod expanded;
mod html;
mod log_lines;
mod marks;
mod numbered;
mod objects;
mod quoted_lines;
mod titles;
mod wrapped;

/// One line of a paste.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) text: String,
    /// The line of the input that it begins in, from one.
    pub(super) line: u64,
}

impl Row {
    fn new(text: impl Into<String>, line: u64) -> Self {
        Self { text: text.into(), line }
    }
}

/// What is left of a paste, or the paste itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pasted(Vec<Row>);

/// Takes one kind of wrapping off; `None` where there is none.
type TakeOff = fn(&[Row]) -> Option<Vec<Row>>;

/// Each kind, from the outermost to the innermost.
const KINDS: &[TakeOff] = &[
    objects::take_off,
    html::take_off,
    log_lines::take_off,
    quoted_lines::take_off,
    borders::take_off,
    expanded::take_off,
    marks::take_off,
    cells::take_off,
    titles::take_off,
    numbered::take_off,
    wrapped::take_off,
];

impl Pasted {
    /// A paste as it came.
    pub(super) fn of(text: &str) -> Self {
        let rows = text.lines().zip(1..).map(|(text, line)| Row::new(text, line));
        Self(rows.collect())
    }

    /// What is left when everything that is known is taken off. Twice, as logs are quoted, and tables are logged.
    pub(super) fn plain(mut self) -> Self {
        for kind in KINDS.iter().chain(KINDS) {
            if let Some(rows) = kind(&self.0) {
                self.0 = rows;
            }
        }
        self
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.0.iter().map(|row| row.text.len() + 1).sum());
        for row in &self.0 {
            text.push_str(&row.text);
            text.push('\n');
        }
        text
    }

    /// The line of the input for one of the text that is left, both from one.
    pub(super) fn line(&self, line: u64) -> u64 {
        let row = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        self.0.get(row).or(self.0.last()).map_or(line, |row| row.line)
    }
}

/// Whether a text is the beginning of a plan in any form.
fn begins_plan(text: &str) -> bool {
    let text = text.trim_start();
    let is_structured = ["{", "[", "- Plan:", "<explain"].iter().any(|start| text.starts_with(start));
    is_structured || text.contains("(cost=") || text.contains("(actual ") || text.starts_with("->  ")
}

/// Whether a text of JSON goes over the end of a line, which it does nowhere unless something has broken it.
pub(super) fn is_broken(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut quotes = memchr::memchr2_iter(b'"', b'\n', bytes).filter(|at| *at == 0 || bytes[at - 1] != b'\\');
    let mut is_within = false;
    quotes.any(|at| match bytes[at] {
        b'"' => {
            is_within = !is_within;
            false
        }
        _ => is_within,
    })
}

/// How many columns a text takes.
fn width(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => unicode_width::UnicodeWidthStr::width(text),
    }
}
