//! Where in a text values stand, or what may tell some: for writing it once more without them.

use std::ops::Range;

use super::lexer::{Dialect, Lexer, Sink};

/// A part of a text that is no name, keyword or operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A literal, sign and quotes included; of a text in the quotes of names without them.
    Literal(Range<usize>),
    /// A comment with its marks.
    Comment(Range<usize>),
    /// A literal, quoted name or comment without an end: it begins here.
    Endless(usize),
}

impl Part {
    /// Its first byte.
    pub fn start(&self) -> usize {
        match self {
            Self::Literal(range) | Self::Comment(range) => range.start,
            Self::Endless(start) => *start,
        }
    }
}

impl Lexer {
    /// All parts of a text that may tell a value, in its order and apart from each other; `found` is cleared first.
    pub fn parts(&self, text: &[u8], dialect: Dialect, found: &mut Vec<Part>) {
        found.clear();
        self.feed(text, dialect, &mut Parts { found });
    }
}

struct Parts<'f> {
    found: &'f mut Vec<Part>,
}

impl Sink for Parts<'_> {
    type Mark = ();

    fn mark(&self) {}
    fn reset(&mut self, (): ()) {}

    /// A comment between a sign and its number is within the literal.
    fn literal(&mut self, start: usize, end: usize) {
        while self.found.pop_if(|part| part.start() >= start).is_some() {}
        self.found.push(Part::Literal(start..end));
    }

    fn comment(&mut self, start: usize, end: usize) {
        self.found.push(Part::Comment(start..end));
    }

    fn endless(&mut self, start: usize) {
        self.found.push(Part::Endless(start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, dialect: Dialect) -> Vec<String> {
        let mut found = Vec::new();
        Lexer::new(1).parts(text.as_bytes(), dialect, &mut found);
        let part = |part: &Part| match part {
            Part::Literal(range) => format!("={}", &text[range.clone()]),
            Part::Comment(range) => format!("#{}", &text[range.clone()]),
            Part::Endless(start) => format!("…{}", &text[*start..]),
        };
        found.iter().map(part).collect()
    }

    #[test]
    fn tells_what_is_no_name() {
        let text =
            "SELECT a, -- b\n E'\\'x', $q$y$q$ FROM t /*c*/ WHERE a IN (1, -2) AND b IS NULL AND c = NULL";
        let expected = ["#-- b", "=E'\\'x'", "=$q$y$q$", "#/*c*/", "=1", "=-2", "=NULL"];
        assert_eq!(told(text, Dialect::Postgres), expected);
        assert_eq!(
            told("INSERT INTO t VALUES (1, 'a'), (2, 'b')", Dialect::Postgres),
            ["=1", "='a'", "=2", "='b'"]
        );
        assert_eq!(told("SELECT \"a\" # b\n, 'c'", Dialect::MySql), ["=\"a\"", "## b", "='c'"]);
        assert_eq!(told("SELECT - /* a */ 5", Dialect::Postgres), ["=- /* a */ 5"]);
        assert_eq!(told("SET a.b TO secret; SELECT 1", Dialect::Postgres), ["=secret", "=1"]);
    }

    #[test]
    fn tells_what_has_no_end() {
        for end in ["'abc", "E'abc\\'", "\"abc", "$q$abc$q", "/* abc"] {
            assert_eq!(told(&format!("SELECT 1, {end}"), Dialect::Postgres), ["=1", &format!("…{end}")]);
        }
    }
}
