//! Lines that a terminal, a mail or a forum broke without leaving a mark.
//!
//! In JSON a text or number that a line ends in goes on in the next. In the text form a line that begins where neither a
//! node nor a property can begin goes on with the one before.

use detectors::evidence::plan::{Key, NodeType, Relationship};

use super::{Row, width};
use crate::ingest::plans::text::{begins_line, is_of_whole};

/// Puts broken lines together.
pub(super) fn take_off(rows: &[Row]) -> Option<Vec<Row>> {
    let is_json = rows.iter().any(|row| row.text.contains('"') && row.text.contains("\":"));
    let kept = if is_json { mended(rows) } else { joined(rows) };
    (kept.len() < rows.len()).then_some(kept)
}

/// The most columns that a line has.
fn widest(rows: &[Row]) -> usize {
    rows.iter().map(|row| width(&row.text)).max().unwrap_or_default()
}

/// JSON in which no text and no number goes over the end of a line.
fn mended(rows: &[Row]) -> Vec<Row> {
    let widest = widest(rows);
    let mut kept: Vec<Row> = Vec::with_capacity(rows.len());
    let mut within = Within::default();
    for (at, row) in rows.iter().enumerate() {
        let is_full = at > 0 && width(&rows[at - 1].text) == widest;
        let text = row.text.as_str();
        match kept.last_mut() {
            Some(last) if within.is_text => {
                if !is_full && within.has_blank(&last.text, text) {
                    last.text.push(' ');
                }
                last.text.push_str(text);
            }
            Some(last) if is_split_word(&last.text, text) => last.text.push_str(text),
            _ => kept.push(row.clone()),
        }
        within.read(text, kept.last().map_or(0, |last| last.text.len() - text.len()));
    }
    match within.is_text {
        // A text that never ends was not broken but cut: as it was.
        true => rows.to_vec(),
        false => kept,
    }
}

/// A number or word that ends one line and goes on in the next.
fn is_split_word(before: &str, next: &str) -> bool {
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
    before.ends_with(is_of_word) && next.starts_with(is_of_word) && before.contains('"')
}

/// Whether a text of JSON has begun, and where in the line that is put together.
#[derive(Default)]
struct Within {
    is_text: bool,
    start: usize,
}

impl Within {
    /// Reads on in a line, of which `before` bytes are in the line that is put together.
    fn read(&mut self, text: &str, before: usize) {
        let mut is_escaped = false;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if self.is_text => is_escaped = true,
                b'"' => {
                    self.is_text = !self.is_text;
                    self.start = before + at + 1;
                }
                _ => {}
            }
        }
    }

    /// Whether the break has taken a blank away: what names are known for tells it, else it is likely.
    fn has_blank(&self, line: &str, next: &str) -> bool {
        let begun = line.get(self.start..).unwrap_or_default();
        let rest = next.split('"').next().unwrap_or_default();
        let is_known = |name: &str| {
            Key::of(name).is_some()
                || NodeType::known(name).is_some()
                || Relationship::of(name).is_some()
                || is_part(name)
        };
        match (is_known(&format!("{begun}{rest}")), is_known(&format!("{begun} {rest}"))) {
            (true, _) => false,
            (_, true) => true,
            _ => !begun.ends_with(' ') && !next.starts_with(' '),
        }
    }
}

/// Names of parts, which are no keys of a value.
fn is_part(name: &str) -> bool {
    ["Plan", "Plans", "Planning", "Triggers", "Workers", "Settings", "JIT", "Timing", "Grouping Sets"]
        .contains(&name)
}

/// The text form with each line whole.
fn joined(rows: &[Row]) -> Vec<Row> {
    let widest = widest(rows);
    let is_full = |at: usize| at > 0 && width(&rows[at - 1].text) == widest;
    // One line that is longer than all others shows nothing.
    let is_known = rows.iter().filter(|row| width(&row.text) == widest).count() > 1;
    let is_indented =
        rows.iter().any(|row| row.text.starts_with(' ') && row.text.trim_start().starts_with("->  "));
    let mut kept: Vec<Row> = Vec::with_capacity(rows.len());
    let mut is_plan = false;
    for (at, row) in rows.iter().enumerate() {
        let text = row.text.as_str();
        match kept.last_mut() {
            Some(last) if is_plan && goes_on(&last.text, text, is_known && is_full(at), is_indented) => {
                if !is_full(at) && needs_blank(&last.text, text) {
                    last.text.push(' ');
                }
                last.text.push_str(text);
            }
            _ => kept.push(row.clone()),
        }
        is_plan = (is_plan || is_start(text)) && !text.trim().is_empty();
    }
    kept
}

/// Whether a line goes on in the next, which is behind a full one or not.
fn goes_on(line: &str, next: &str, is_full: bool, is_indented: bool) -> bool {
    if is_full && is_indented && !next.starts_with(' ') && !next.is_empty() {
        // What is told of the whole begins in the first column, and everything else does not.
        return !is_of_whole(next);
    }
    is_split_name(line, next) || !begins_line(next) && (is_full || is_open(line) || is_measure(next))
}

/// Whether the break has taken a blank away: within measurements only in front of a name.
fn needs_blank(line: &str, next: &str) -> bool {
    let last = line.rfind("(cost=").max(line.rfind("(actual"));
    let is_measuring = last.is_some_and(|at| !line[at..].contains(')'));
    !next.starts_with(' ') && (!is_measuring || is_measure(next))
}

/// Whether the name of a property ends in the next line: `Rows Removed by`, `Filter: 5`.
fn is_split_name(before: &str, next: &str) -> bool {
    let Some((name, _)) = next.split_once(':').filter(|_| !before.contains(':')) else { return false };
    let before = before.trim();
    let is_known = |name: String| Key::of(&name).is_some();
    Key::of(before).is_none()
        && (is_known(format!("{before}{name}")) || is_known(format!("{before} {}", name.trim())))
}

/// Whether a plan begins in a line, or the first piece of one.
fn is_start(text: &str) -> bool {
    text.contains("(cost=") || text.contains("(actual") || text.trim_start().starts_with("->  ")
}

/// What only stands in the brackets behind a node.
fn is_measure(text: &str) -> bool {
    let text = text.trim_start();
    ["(cost=", "(actual", "rows=", "width=", "loops=", "time="].iter().any(|start| text.starts_with(start))
}

/// Whether a bracket or a constant has begun and not ended.
fn is_open(text: &str) -> bool {
    let (mut depth, mut within) = (0_i64, false);
    for byte in text.bytes() {
        match byte {
            b'\'' => within = !within,
            b'(' if !within => depth += 1,
            b')' if !within => depth -= 1,
            _ => {}
        }
    }
    within || depth > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(texts: &[&str]) -> Option<Vec<String>> {
        let rows: Vec<Row> = texts.iter().zip(1..).map(|(text, line)| Row::new(*text, line)).collect();
        take_off(&rows).map(|rows| rows.into_iter().map(|row| row.text).collect())
    }

    #[test]
    fn broken_json_is_mended() {
        let broken = ["{\"Actual", "Rows\": 1", "2.5, \"Node T", "ype\": \"Seq", "Scan\"}"];
        assert_eq!(left(&broken), Some(vec!["{\"Actual Rows\": 12.5, \"Node Type\": \"Seq Scan\"}".into()]));
        assert_eq!(left(&["{\"a\": 1,", "\"b\": 2", "}"]), None);
    }

    #[test]
    fn broken_lines_of_text_are_put_together() {
        let broken = [
            "Sort  (cost=1.00..2.00 ro",
            "ws=1 width=4)",
            "  Sort Key: a",
            "  ->  Seq Scan on a  (cost",
            "=1.00..2.00 rows=1 width=",
            "4)",
        ];
        let whole = ["Sort  (cost=1.00..2.00 rows=1 width=4)", "  Sort Key: a"];
        let left = left(&broken).expect("broken lines");
        assert_eq!(left[..2], whole);
        assert_eq!(left.len(), 3);
    }
}
