//! Where in a text placeholders stand, in whichever way a driver writes them: for writing them as PostgreSQL does.

use std::ops::Range;

use super::lexer::{Dialect, Lexer, Sink};

impl Lexer {
    /// All placeholders of a text, in its order: `?`, `$1`, `%s`, `%(name)s`, `:name`, `@name`.
    pub fn placeholders(&self, text: &[u8], dialect: Dialect) -> Vec<Range<usize>> {
        let mut placeholders = Placeholders::default();
        self.feed(text, dialect, &mut placeholders);
        placeholders.found
    }
}

/// A text with its placeholders numbered, `$1`, `$2`; equal names have one number. As it is where it has numbers already.
pub fn numbered(text: &str, dialect: Dialect) -> String {
    let found = Lexer::default().placeholders(text.as_bytes(), dialect);
    let written = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
    if found.iter().any(|range| written(range).starts_with('$')) {
        return text.to_owned();
    }
    let mut names: Vec<&str> = Vec::new();
    let mut result = String::with_capacity(text.len() + found.len());
    let mut done = 0;
    for range in found {
        let name = written(&range);
        let known = names.iter().position(|own| *own == name && !is_nameless(name));
        let number = known.unwrap_or(names.len());
        if known.is_none() {
            names.push(name);
        }
        result.push_str(written(&(done..range.start)));
        result.push_str(&format!("${}", number + 1));
        done = range.end;
    }
    result.push_str(written(&(done..text.len())));
    result
}

/// Whether each placeholder of this kind is one of its own.
fn is_nameless(placeholder: &str) -> bool {
    matches!(placeholder, "?" | "%s")
}

#[derive(Default)]
struct Placeholders {
    found: Vec<Range<usize>>,
}

impl Sink for Placeholders {
    type Mark = ();

    fn mark(&self) {}
    fn reset(&mut self, (): ()) {}

    fn placeholder(&mut self, start: usize, end: usize) {
        self.found.push(start..end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_all_drivers_are_numbered() {
        for (text, expected) in [
            ("SELECT a FROM t WHERE b = ? AND c IN (?, ?)", "SELECT a FROM t WHERE b = $1 AND c IN ($2, $3)"),
            (
                "SELECT '%s' FROM t WHERE b = %s AND c % d = %(c)s OR e = %(c)s -- %s",
                "SELECT '%s' FROM t WHERE b = $1 AND c % d = $2 OR e = $2 -- %s",
            ),
            (
                "SELECT :a::int, b FROM t WHERE c = :d AND e = :a",
                "SELECT $1::int, b FROM t WHERE c = $2 AND e = $1",
            ),
            ("SELECT a FROM t WHERE body ? 'é' AND b = ?", "SELECT a FROM t WHERE body ? 'é' AND b = $1"),
            ("INSERT INTO t VALUES (%s, %s), (%s, %s)", "INSERT INTO t VALUES ($1, $2), ($3, $4)"),
            ("SELECT a FROM t WHERE b = $2 AND c = $1", "SELECT a FROM t WHERE b = $2 AND c = $1"),
        ] {
            assert_eq!(numbered(text, Dialect::Postgres), expected);
        }
    }
}
