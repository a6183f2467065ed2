//! Marks that psql puts where a line of a value ends (`+`, `↵`) or was broken (`.`, `…`).

use super::Row;
use super::borders::is_rule;

/// Behind a line of a value that has more.
const NEWLINES: [char; 2] = ['+', '↵'];

/// Behind a piece of a line, and in front of the next.
const BREAKS: [char; 2] = ['.', '…'];

/// Of so many lines at least one in three has a mark, where they are marks.
const ONE_IN: usize = 3;

/// Takes marks off and puts broken lines together.
pub(super) fn take_off(rows: &[Row]) -> Option<Vec<Row>> {
    let written = rows.iter().filter(|row| !row.text.trim().is_empty()).count();
    let marked =
        rows.iter().filter(|row| row.text.trim_end().ends_with(NEWLINES) && !is_rule(&row.text)).count();
    let has_newlines = marked > 1 && marked * ONE_IN >= written;
    let has_breaks = are_padded(rows) && rows.windows(2).any(|pair| is_broken(&pair[0].text, &pair[1].text));
    if !has_newlines && !has_breaks {
        return None;
    }
    let mut kept: Vec<Row> = Vec::with_capacity(rows.len());
    let mut goes_on = false;
    for (at, row) in rows.iter().enumerate() {
        let is_next = std::mem::take(&mut goes_on);
        let mut text = row.text.as_str();
        if is_next {
            text = text.strip_prefix(BREAKS).unwrap_or(text);
        }
        match has_breaks && rows.get(at + 1).is_some_and(|next| is_broken(&row.text, &next.text)) {
            true => {
                goes_on = true;
                text = text.strip_suffix(BREAKS).unwrap_or(text);
            }
            false if has_newlines => text = unmarked(text),
            false => {}
        }
        match kept.last_mut() {
            Some(last) if is_next => last.text.push_str(text),
            _ => kept.push(Row::new(text, row.line)),
        }
    }
    Some(kept)
}

/// Whether all lines begin with a blank of the table, or with the mark in its place; a count of rows may follow.
fn are_padded(rows: &[Row]) -> bool {
    let is_other =
        |row: &&Row| !row.text.is_empty() && !row.text.starts_with(' ') && !row.text.starts_with(BREAKS);
    rows.iter().filter(is_other).count() <= 2
}

/// Whether a line goes on in the next.
fn is_broken(line: &str, next: &str) -> bool {
    line.ends_with(BREAKS) && next.starts_with(BREAKS)
}

fn unmarked(text: &str) -> &str {
    let text = text.trim_end();
    text.strip_suffix(NEWLINES).unwrap_or(text).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(texts: &[&str]) -> Option<Vec<String>> {
        let rows: Vec<Row> = texts.iter().zip(1..).map(|(text, line)| Row::new(*text, line)).collect();
        take_off(&rows).map(|rows| rows.into_iter().map(|row| row.text).collect())
    }

    #[test]
    fn marks_go() {
        assert_eq!(left(&[" [   +", "  1  +", " ]"]), Some(vec![" [".into(), "  1".into(), " ]".into()]));
        assert_eq!(left(&[" rows=1.", ".2)", " b"]), Some(vec![" rows=12)".into(), " b".into()]));
        assert_eq!(left(&["a (time=1.", ".2)", "b", "c"]), None);
        assert_eq!(left(&["Filter: (a +", "b)", "c", "d", "e"]), None);
    }
}
