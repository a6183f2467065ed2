//! What clients write above and below the rows of a plan: its title, and how many rows there were.

use super::Row;

/// Takes the title and the count of rows away.
pub(super) fn take_off(rows: &[Row]) -> Option<Vec<Row>> {
    let is_other = |row: &&Row| !is_title(&row.text) && !is_count(&row.text);
    let kept: Vec<Row> = rows.iter().filter(is_other).cloned().collect();
    (kept.len() < rows.len()).then_some(kept)
}

fn is_title(text: &str) -> bool {
    text.trim().trim_matches(['"', '\'', '|', '│', '║']).trim() == "QUERY PLAN"
}

/// `(8 rows)` in any language.
fn is_count(text: &str) -> bool {
    let inner = text.trim().strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    inner.and_then(|inner| inner.split_once(' ')).is_some_and(|(number, word)| {
        number.chars().all(|digit| digit.is_ascii_digit()) && word.chars().all(char::is_alphabetic)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_and_count_go_in_any_language() {
        let rows = ["   QUERY PLAN  ", "Result", "(8 lignes)", "(1 Zeile)"].map(|text| Row::new(text, 1));
        assert_eq!(take_off(&rows), Some(vec![Row::new("Result", 1)]));
        assert_eq!(take_off(&[Row::new("Result  (never executed)", 1)]), None);
    }
}
