//! JSON of tools, whole and in lines.

use serde::Deserialize;
use serde_json::error::Category;

use super::Unreadable;

/// A whole text.
pub(super) fn whole<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Unreadable> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    serde_json::from_slice(text).map_err(|error| unreadable(&error).at(error.line().saturating_sub(1)))
}

/// Each line that is not empty, with its place from zero.
pub(super) fn lines<'a, T: Deserialize<'a>>(
    text: &'a [u8],
) -> impl Iterator<Item = Result<(usize, T), Unreadable>> {
    let lines = text.split(|byte| *byte == b'\n').enumerate();
    lines.filter(|(_, line)| !line.trim_ascii().is_empty()).map(|(index, line)| {
        let read = serde_json::from_slice(line).map_err(|error| unreadable(&error).at(index))?;
        Ok((index, read))
    })
}

/// The parser's own words may hold values.
fn unreadable(error: &serde_json::Error) -> Unreadable {
    let column = error.column();
    let words = error.to_string();
    let named = words.strip_prefix("missing field ").and_then(|rest| rest.split(' ').next());
    Unreadable::of(match (error.classify(), named) {
        (Category::Eof, _) => "it ends in the middle: it is cut off".to_owned(),
        (Category::Data, Some(field)) => format!("column {column}: {field} is missing"),
        (Category::Data, None) => format!("column {column}: not the kind of value that the tool writes"),
        _ => format!("column {column}: no JSON"),
    })
}
