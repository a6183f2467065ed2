//! Fitting text to columns: wrapping prose and shortening statements.

use detectors::wording::without_columns;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Units that are written behind a number.
const UNITS: [&str; 7] = ["ns", "µs", "ms", "s", "min", "h", "%"];

/// Cuts prose into lines of at most `width` columns; a longer word is cut.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in words(text) {
        let mut rest = &*word;
        loop {
            let line = lines.last_mut().map_or(0, |line| line.width());
            let gap = usize::from(line > 0);
            let (fits, over) = split_at_width(rest, width);
            if line > 0 && line + gap + rest.width() > width {
                lines.push(String::new());
                continue;
            }
            if let Some(line) = lines.last_mut() {
                line.push_str(if gap > 0 { " " } else { "" });
                line.push_str(fits);
            }
            if over.is_empty() {
                break;
            }
            lines.push(String::new());
            rest = over;
        }
    }
    lines
}

/// The words of a text; a unit stays with its number.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let unit = UNITS.contains(&word.trim_end_matches([',', '.', ';', ':', ')']));
        match words.last_mut() {
            Some(number) if unit && number.ends_with(|last: char| last.is_ascii_digit()) => {
                number.push(' ');
                number.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// Shortens a statement, URL or name to `width` columns. Of a SELECT its list goes first: what is
/// read matters less than where from.
pub(super) fn shorten(text: &str, width: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.width() <= width {
        return text;
    }
    let text = without_columns(&text).unwrap_or(text);
    if text.width() <= width {
        return text;
    }
    let (start, _) = split_at_width(&text, width.saturating_sub(1));
    format!("{}…", start.trim_end())
}

/// The longest start of at most `width` columns (at least one character), and the rest.
fn split_at_width(text: &str, width: usize) -> (&str, &str) {
    let mut taken = 0;
    for (place, character) in text.char_indices() {
        taken += character.width().unwrap_or(0);
        if taken > width && place > 0 {
            return text.split_at(place);
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_wrapped_at_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a bcdefghij k", 4), ["a", "bcde", "fghi", "j k"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("表表表", 4), ["表表", "表"]);
        assert_eq!(wrap("from 3.16 s, or 12 %", 8), ["from", "3.16 s,", "or 12 %"]);
        assert_eq!(wrap("ab", 0), ["a", "b"]);
    }

    #[test]
    fn statements_lose_their_list_before_their_end() {
        let text = "SELECT id, (SELECT max(x) FROM z), name FROM customers WHERE id = ?";
        assert_eq!(shorten(text, 80), text);
        assert_eq!(shorten(text, 60), "SELECT … FROM customers WHERE id = ?");
        assert_eq!(shorten(text, 20), "SELECT … FROM custo…");
        assert_eq!(shorten("POST https://payments/charge", 10), "POST http…");
        assert_eq!(shorten("größe, größe", 6), "größe…");
    }
}
