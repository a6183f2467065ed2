//! Texts that tools write for people: lines with a name before a value.

use super::Unreadable;

/// The text, with what is no UTF-8 replaced.
pub(super) fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// Whether the bytes hold a word.
pub(super) fn holds(output: &[u8], word: &str) -> bool {
    memchr::memmem::find(output, word.as_bytes()).is_some()
}

/// What stands behind a name at the beginning of a line, and the line from zero.
pub(super) fn behind<'t>(text: &'t str, name: &str) -> Option<(usize, &'t str)> {
    text.lines()
        .enumerate()
        .find_map(|(index, line)| line.trim_start().strip_prefix(name).map(|behind| (index, behind.trim())))
}

/// The first number behind a name; `None` without such a line.
pub(super) fn number(text: &str, name: &str) -> Result<Option<f64>, Unreadable> {
    let Some((index, behind)) = behind(text, name) else { return Ok(None) };
    let word = behind.split([' ', ',', '\t', ')', '%']).next().unwrap_or_default();
    let read = word.parse().map_err(|_| Unreadable::of(format!("no number behind \"{name}\"")).at(index))?;
    Ok(Some(read))
}

/// The number behind a name that a whole output has.
pub(super) fn number_of(text: &str, name: &str) -> Result<f64, Unreadable> {
    number(text, name)?.ok_or_else(|| missing(name))
}

/// What a whole output has is not there.
pub(super) fn missing(name: &str) -> Unreadable {
    Unreadable::of(format!(
        "\"{}\" is missing: it is cut off, or the tool had no answer",
        name.trim_end_matches(':')
    ))
}
