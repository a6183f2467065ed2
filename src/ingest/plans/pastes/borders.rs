//! Tables with borders: psql's in ASCII and Unicode, those of Markdown, and what clients copy out of a grid.

use super::{Row, width};

/// What stands at the sides of a row.
const SIDES: [char; 3] = ['|', '│', '║'];

/// Rows that a terminal broke one table row into, at most.
const PIECES_MAX: usize = 200;

/// Takes rules away, and the borders at both sides of rows.
pub(super) fn take_off(rows: &[Row]) -> Option<Vec<Row>> {
    let rules = rows.iter().filter(|row| is_rule(&row.text)).count();
    let sided = rows.iter().filter(|row| row.text.trim_start().starts_with(SIDES)).count();
    if rules == 0 && sided < 2 || has_columns(rows) {
        return None;
    }
    let mut kept = Vec::with_capacity(rows.len());
    let mut at = 0;
    while let Some(row) = rows.get(at) {
        at += 1;
        if is_rule(&row.text) {
            continue;
        }
        let more = broken(&rows[at - 1..]);
        let whole = rows[at - 1..at + more].iter().map(|row| row.text.as_str()).collect::<String>();
        at += more;
        kept.push(Row::new(inner(&whole).unwrap_or(&whole), row.line));
    }
    Some(kept)
}

/// Whether a line is drawn and not written.
pub(super) fn is_rule(text: &str) -> bool {
    let text = text.trim();
    let is_drawn = |letter: char| {
        matches!(letter, '-' | '+' | '=' | '|' | ':') || ('\u{2500}'..='\u{257f}').contains(&letter)
    };
    let is_line = text.contains("--") || text.contains("==") || text.contains(['─', '═', '━']);
    is_line && text.chars().all(is_drawn)
}

/// Whether a table has several columns, and so is the plan itself and not around one.
fn has_columns(rows: &[Row]) -> bool {
    let first = rows.iter().find(|row| row.text.trim_start().starts_with(SIDES) && !is_rule(&row.text));
    let cells = |row: &Row| {
        row.text.trim().trim_matches(SIDES).split([' ', '\t']).filter(|word| *word == "|").count()
    };
    first.is_some_and(|row| cells(row) > 0 && !row.text.contains("QUERY PLAN"))
}

/// How many of the rows behind the first are pieces of it: from one border to the other, as a terminal broke it.
fn broken(rows: &[Row]) -> usize {
    let [first, rest @ ..] = rows else { return 0 };
    let is_begun = first.text.starts_with(SIDES) && !first.text.trim_end().ends_with(SIDES);
    if !is_begun || first.text.contains("QUERY PLAN") {
        return 0;
    }
    let full = width(&first.text);
    for (more, row) in rest.iter().take(PIECES_MAX).enumerate() {
        if row.text.starts_with(SIDES) && row.text.trim() != "|" || is_rule(&row.text) {
            return 0;
        }
        if row.text.trim_end().ends_with(SIDES) {
            return more + 1;
        }
        if width(&row.text) != full {
            return 0;
        }
    }
    0
}

/// What is between the borders.
fn inner(text: &str) -> Option<&str> {
    let inner = text.trim_start().strip_prefix(SIDES)?;
    let inner = inner.trim_end().strip_suffix(SIDES)?;
    // The blank in front stays: a mark may stand in its place.
    Some(inner.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Vec<Row> {
        texts.iter().zip(1..).map(|(text, line)| Row::new(*text, line)).collect()
    }

    #[test]
    fn borders_go() {
        let table =
            rows(&["+-----+", "| QUERY PLAN |", "+----+", "| Sort   |", "|   -> a |", "+---+", "(2 rows)"]);
        let left = take_off(&table).expect("a table");
        assert_eq!(
            left.iter().map(|row| row.text.as_str()).collect::<Vec<_>>(),
            [" QUERY PLAN", " Sort", "   -> a", "(2 rows)"]
        );
        assert_eq!(take_off(&rows(&["Sort  (cost=1..2)", "  ->  a"])), None);
    }

    #[test]
    fn rows_that_a_terminal_broke_are_put_together() {
        let table = rows(&["+------", "-----+", "| Sort ", "  a  |", "| b    ", "     |"]);
        let left = take_off(&table).expect("a table");
        assert_eq!(left, [Row::new(" Sort   a", 3), Row::new(" b", 5)]);
    }
}
