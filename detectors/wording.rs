//! Small pieces of sentences.

use crate::evidence::{Dictionary, ShapeRef};

/// Longer statements are cut: the shape id leads to the whole text.
const BRIEF_MAX: usize = 100;

/// A statement or call, short enough for a sentence: the columns of a SELECT left out.
pub(crate) fn brief(dictionary: &Dictionary, shape: ShapeRef) -> String {
    let text = &*dictionary.shape(shape).text;
    let lower = text.to_ascii_lowercase();
    let from = lower.find(" from ").filter(|&from| lower.starts_with("select ") && from > 24);
    match from {
        Some(from) => format!("{} …{}", &text[..6], cut(&text[from..], BRIEF_MAX - 8)),
        None => cut(text, BRIEF_MAX),
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// A duration: `0.4 ms`, `38 ms`, `1.67 s`.
pub(crate) fn duration(ns: u64) -> String {
    let ms = ns as f64 / 1e6;
    match ms {
        _ if ms >= 1000.0 => format!("{:.2} s", ms / 1000.0),
        _ if ms >= 10.0 => format!("{ms:.0} ms"),
        _ => format!("{ms:.1} ms"),
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
    fn durations_and_lists() {
        assert_eq!(duration(400_000), "0.4 ms");
        assert_eq!(duration(38_200_000), "38 ms");
        assert_eq!(duration(1_670_000_000), "1.67 s");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(cut("añb", 2), "añ…");
    }
}
