//! Small pieces of sentences.

use crate::evidence::{Dictionary, ShapeRef};
pub(crate) use crate::figures::{bytes, duration};

/// Longer statements are cut: the shape id leads to the whole text.
const BRIEF_MAX: usize = 100;

/// A list of columns that ends before this is short already.
const COLUMNS_MIN: usize = 24;

/// A statement or call, short enough for a sentence: the columns of a SELECT left out.
pub(crate) fn brief(dictionary: &Dictionary, shape: ShapeRef) -> String {
    let text = &*dictionary.shape(shape).text;
    match without_columns(text) {
        Some(short) => cut(&short, BRIEF_MAX),
        None => cut(text, BRIEF_MAX),
    }
}

/// `SELECT a, b, c FROM t` as `SELECT … FROM t`: what is read matters less than where from.
pub fn without_columns(text: &str) -> Option<String> {
    let head = text.get(..7).filter(|head| head.eq_ignore_ascii_case("select "))?;
    let mut depth = 0i32;
    for (place, byte) in text.bytes().enumerate().skip(head.len()) {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b' ' if depth == 0 && is_from(&text.as_bytes()[place..]) => {
                return (place > COLUMNS_MIN).then(|| format!("{head}…{}", &text[place..]));
            }
            _ => {}
        }
    }
    None
}

fn is_from(rest: &[u8]) -> bool {
    rest.get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b" from "))
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_cuts() {
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(cut("añb", 2), "añ…");
    }

    #[test]
    fn columns_are_left_out() {
        let text = "SELECT id, (SELECT max(x) FROM z), name FROM customers WHERE id = ?";
        assert_eq!(without_columns(text).as_deref(), Some("SELECT … FROM customers WHERE id = ?"));
        for text in ["SELECT id, name FROM customers", "SELECT 1", "UPDATE t SET a = ?", "größe", ""] {
            assert_eq!(without_columns(text), None, "{text}");
        }
    }
}
