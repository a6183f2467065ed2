//! Quoted cells: CSV, and lines as pgAdmin and spreadsheets copy them. A quote within is doubled.

use super::{Row, begins_plan};

/// Rows that one cell may have.
const ROWS_MAX: usize = 1_000_000;

/// A cell in quotes.
struct Cell {
    text: String,
    /// The rows that it is in.
    rows: usize,
}

/// Takes quotes off lines that are a quoted cell, or begin with one.
pub(super) fn take_off(rows: &[Row]) -> Option<Vec<Row>> {
    let mut kept = Vec::with_capacity(rows.len());
    let (mut at, mut cells, mut is_plan) = (0, 0, false);
    while let Some(row) = rows.get(at) {
        let Some(cell) = cell(&rows[at..]) else {
            kept.push(row.clone());
            at += 1;
            continue;
        };
        is_plan |= begins_plan(&cell.text) || cell.rows > 1;
        cells += 1;
        let lines = cell.text.split('\n').zip(row.line..);
        kept.extend(lines.map(|(text, line)| Row::new(text, line)));
        at += cell.rows;
    }
    let is_enough = is_plan || cells * 2 > rows.len() || has_node(&kept);
    (cells > 0 && is_enough).then_some(kept)
}

fn has_node(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.text.contains("(cost=") || row.text.contains("(actual "))
}

/// The cell that the first row begins with, if nothing but other cells is behind it.
fn cell(rows: &[Row]) -> Option<Cell> {
    let first = rows.first()?.text.trim_start();
    let quote = first.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let mut text = String::new();
    let mut rest = &first[1..];
    let mut count = 1;
    loop {
        match rest.find(quote) {
            Some(end) => {
                text.push_str(&rest[..end]);
                rest = &rest[end + 1..];
                match rest.strip_prefix(quote) {
                    Some(behind) => {
                        text.push(quote);
                        rest = behind;
                    }
                    None => break,
                }
            }
            None if count < ROWS_MAX => {
                text.push_str(rest);
                text.push('\n');
                // What was cut off has no end: it is read as far as it goes.
                rest = &rows.get(count)?.text;
                count += 1;
            }
            None => return None,
        }
    }
    let is_end =
        rest.trim_end().is_empty() || rest.trim_start().starts_with([',', ';', '\t']) && quote == '"';
    let is_value = is_end && !is_json(&rows[0].text, rest, count);
    is_value.then_some(Cell { text, rows: count })
}

/// Whether it is a text in an array of JSON, and so has a comma behind it and is no plan.
fn is_json(line: &str, rest: &str, rows: usize) -> bool {
    rows == 1 && line.starts_with(' ') && rest.trim() == ","
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(texts: &[&str]) -> Option<Vec<String>> {
        let rows: Vec<Row> = texts.iter().zip(1..).map(|(text, line)| Row::new(*text, line)).collect();
        take_off(&rows).map(|rows| rows.into_iter().map(|row| row.text).collect())
    }

    #[test]
    fn quotes_go() {
        assert_eq!(
            left(&["\"Limit  (cost=0..1)\"", "\"  Output: \"\"a b\"\", c\""]),
            Some(vec!["Limit  (cost=0..1)".into(), "  Output: \"a b\", c".into()])
        );
        assert_eq!(
            left(&["\"[", "  {\"\"a\"\": 1}", "]\""]),
            Some(vec!["[".into(), "  {\"a\": 1}".into(), "]".into()])
        );
        assert_eq!(left(&["'Limit  (cost=0..1)'"]), Some(vec!["Limit  (cost=0..1)".into()]));
        assert_eq!(left(&["{", "  \"Node Type\": \"Limit\",", "}"]), None);
        assert_eq!(left(&["{", "\"Node Type\": \"Limit\"", "}"]), None);
    }
}
