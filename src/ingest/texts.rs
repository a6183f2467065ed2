//! Texts of statements with the values of an execution: what a server can be asked about, and is shown nowhere.

use detectors::evidence::Span;
use detectors::evidence::shape::sql::Dialect;

use super::slowest::{Slowest, Weighs};

/// Texts by statement: of each that of the slowest execution, but one with values before any without.
pub type KeptTexts = Slowest<KeptText>;

/// The text of an execution.
#[derive(Debug)]
pub struct KeptText {
    /// Whose language it is.
    pub dialect: Dialect,
    /// As it was sent.
    pub text: Box<[u8]>,
    /// What was bound to its placeholders, as PostgreSQL logs it: `$1 = '17', $2 = NULL`.
    pub parameters: Option<Box<[u8]>>,
}

impl Weighs for KeptText {
    fn bytes(&self) -> usize {
        self.text.len() + self.parameters.as_ref().map_or(0, |parameters| parameters.len())
    }
}

impl KeptTexts {
    /// Notes an execution. `hides` says that values are not in the text.
    pub(super) fn note_text(
        &mut self,
        span: &Span,
        (text, dialect): (&[u8], Dialect),
        hides: bool,
        parameters: Option<&[u8]>,
    ) {
        const WITH_VALUES: u64 = 1 << 63;
        let parameters = parameters.filter(|parameters| hides && parameters.starts_with(b"$1 = "));
        let has_values = !hides || parameters.is_some();
        let took_ns = span.end_ns.saturating_sub(span.start_ns).min(WITH_VALUES - 1);
        let rank = (took_ns | if has_values { WITH_VALUES } else { 0 }, span.id);
        let bytes = text.len() + parameters.map_or(0, <[u8]>::len);
        self.note_ranked(span.shape, rank, bytes, || KeptText {
            dialect,
            text: text.into(),
            parameters: parameters.map(Into::into),
        });
    }
}

/// What was bound to each placeholder, as literals; none where the text is not as PostgreSQL writes it.
pub fn bound(parameters: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = parameters;
    while let Some((name, value)) = rest.split_once(" = ") {
        let is_name =
            name.len() > 1 && name.starts_with('$') && name[1..].bytes().all(|byte| byte.is_ascii_digit());
        let Some(end) = literal_end(value).filter(|_| is_name) else { return Vec::new() };
        found.push((name.to_owned(), value[..end].to_owned()));
        rest = match &value[end..] {
            "" => return found,
            behind => behind.strip_prefix(", ").unwrap_or_default(),
        };
    }
    Vec::new()
}

/// Where a literal ends that a text begins with: `NULL`, or one in quotes, which are doubled inside.
fn literal_end(text: &str) -> Option<usize> {
    if text.starts_with("NULL") {
        return Some(4);
    }
    let mut inside = text.strip_prefix('\'')?.match_indices('\'').map(|(at, _)| at + 1).peekable();
    while let Some(quote) = inside.next() {
        match inside.next_if_eq(&(quote + 1)) {
            Some(_) => {}
            None => return Some(quote + 1),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_literals_by_their_placeholders() {
        let told = |text: &str| -> Vec<String> {
            bound(text).into_iter().map(|(name, value)| format!("{name}:{value}")).collect()
        };
        assert_eq!(
            told("$1 = '17', $2 = NULL, $3 = 'it''s, $4 = ''x'''"),
            ["$1:'17'", "$2:NULL", "$3:'it''s, $4 = ''x'''"]
        );
        for damaged in ["$1 = '17", "$1 = 17", "a = '1'", "$1 = '1'; $2 = '2'", "$1 = '1', "] {
            assert_eq!(told(damaged), Vec::<String>::new(), "{damaged}");
        }
    }
}
