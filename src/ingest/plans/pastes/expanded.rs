//! psql's expanded tables (`\x`): each row is a record, its name on the left.

use super::Row;

/// What stands between name and value; a colon in lines that go on, in old ASCII.
const BETWEEN: [char; 4] = ['|', '│', '║', ':'];

const NAME: &str = "QUERY PLAN";

/// Takes the lines between records away, and the name in front of values.
pub(super) fn take_off(rows: &[Row]) -> Option<Vec<Row>> {
    let named = rows.iter().find_map(|row| {
        let front = &row.text[..row.text.find(NAME)?];
        let is_front = front.chars().all(|letter| letter == ' ' || BETWEEN.contains(&letter));
        is_front.then(|| front.chars().count() + NAME.len())
    })?;
    if !rows.iter().any(|row| is_record(&row.text)) {
        return None;
    }
    let kept = rows.iter().filter(|row| !is_record(&row.text));
    Some(kept.map(|row| Row::new(value(&row.text, named).unwrap_or(&row.text), row.line)).collect())
}

/// `-[ RECORD 1 ]---`, with Unicode lines or borders; `* Record 1`, without.
fn is_record(text: &str) -> bool {
    let word = text.trim_start_matches(|letter: char| !letter.is_alphabetic());
    let front = &text[..text.len() - word.len()];
    let is_drawn = front.ends_with("[ ") || front == "* ";
    is_drawn
        && word
            .split(' ')
            .nth(1)
            .is_some_and(|number| number.starts_with(|digit: char| digit.is_ascii_digit()))
}

/// What is behind the name, whose last letter is in a column; or behind as many blanks.
fn value(text: &str, named: usize) -> Option<&str> {
    let (end, _) = text.char_indices().nth(named).unwrap_or((text.len(), ' '));
    let (front, rest) = text.split_at(end);
    let front = front.trim_matches(|letter: char| letter == ' ' || BETWEEN.contains(&letter));
    if front != NAME && !front.is_empty() {
        return None;
    }
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let rest = match rest.strip_prefix(BETWEEN) {
        Some(rest) => rest.strip_prefix(' ').unwrap_or(rest),
        None => rest,
    };
    let is_closed = text.starts_with(['|', '│', '║']);
    let rest = rest.trim_end();
    Some(if is_closed { rest.strip_suffix(['|', '│', '║']).unwrap_or(rest).trim_end() } else { rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_become_lines() {
        for texts in [
            ["-[ RECORD 1 ]-----", "QUERY PLAN | Sort", "-[ RECORD 2 ]----", "QUERY PLAN |   ->  a"],
            ["* Record 1", "QUERY PLAN Sort", "* Record 2", "QUERY PLAN   ->  a"],
            ["┌─[ RECORD 1 ]──┐", "│ QUERY PLAN │ Sort  │", "├─[ RECORD 2 ]──┤", "│ QUERY PLAN │   ->  a │"],
        ] {
            let rows: Vec<Row> = texts.iter().zip(1..).map(|(text, line)| Row::new(*text, line)).collect();
            let left = take_off(&rows).expect("records");
            assert_eq!(left, [Row::new("Sort", 2), Row::new("  ->  a", 4)]);
        }
    }
}
