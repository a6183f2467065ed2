//! Lines with their numbers in front, as editors, `cat -n` and explain.depesz.com show them.

use super::{Row, begins_plan};

/// Takes the numbers off, and the columns of figures that are between them and a node.
pub(super) fn take_off(rows: &[Row]) -> Option<Vec<Row>> {
    let written = rows.iter().filter(|row| !row.text.trim().is_empty()).count();
    let mut next = None;
    let mut fit = 0;
    for (number, _) in rows.iter().filter_map(|row| split(&row.text)) {
        fit += usize::from(next.is_none_or(|next| next == number));
        next = Some(number + 1);
    }
    let is_plan = rows.iter().filter_map(|row| split(&row.text)).any(|(_, text)| begins_plan(text));
    if fit < 2 || fit * 5 < written * 4 || !is_plan {
        return None;
    }
    Some(
        rows.iter()
            .map(|row| Row::new(split(&row.text).map_or(&*row.text, |(_, text)| text), row.line))
            .map(arrow)
            .collect(),
    )
}

/// The number in front of a line and what is behind it.
fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start();
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..end].parse().ok()?;
    let rest = text[end..].strip_prefix(['.', ':', ')', '|']).unwrap_or(&text[end..]);
    let rest = rest.strip_prefix([' ', '\t'])?;
    Some((number, rest.rsplit('\t').next().unwrap_or(rest)))
}

/// An arrow that was typeset.
fn arrow(row: Row) -> Row {
    match row.text.trim_start().starts_with('→') {
        true => Row::new(row.text.replacen('→', "->", 1), row.line),
        false => row,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go() {
        let rows = [Row::new(" 9. Limit  (cost=1..2)", 1), Row::new("10.   ->  Sort", 2)];
        assert_eq!(take_off(&rows), Some(vec![Row::new("Limit  (cost=1..2)", 1), Row::new("  ->  Sort", 2)]));
        let rows = [
            Row::new("1.\t0.01\t5.2\t↑ 1.0\t50\t1\tLimit  (cost=1..2)", 1),
            Row::new("2.\t0.1\t0.2\t→ Sort", 2),
        ];
        assert_eq!(take_off(&rows), Some(vec![Row::new("Limit  (cost=1..2)", 1), Row::new("-> Sort", 2)]));
    }
}
