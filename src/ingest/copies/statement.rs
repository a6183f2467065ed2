//! A statement without its values.

use std::ops::Range;

use detectors::evidence::shape::sql::{Dialect, Lexer, Part};
use memchr::memchr;

use super::tokens::{Tokens, lines_of};

/// Writes texts without the values in them.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Hiding {
    pub(in crate::ingest) tokens: Tokens,
    lexer: Lexer,
    parts: Vec<Part>,
}

/// Tags of comments that say where a statement comes from, which whyslow reads.
const TAGS: [&[u8]; 4] = [b"route", b"controller", b"action", b"traceparent"];

/// Literals that are words, and what `EXTRACT` may take.
const WORDS: &[&[u8]] = &[
    b"null",
    b"true",
    b"false",
    b"century",
    b"day",
    b"decade",
    b"dow",
    b"doy",
    b"epoch",
    b"hour",
    b"isodow",
    b"isoyear",
    b"julian",
    b"microseconds",
    b"millennium",
    b"milliseconds",
    b"minute",
    b"month",
    b"quarter",
    b"second",
    b"timezone",
    b"week",
    b"year",
];

impl Hiding {
    /// Makes such tokens.
    pub(in crate::ingest) fn new(tokens: Tokens) -> Self {
        Self { tokens, ..Self::default() }
    }

    /// Writes a statement: its literals as tokens in their quotes, comments without what they say.
    pub(in crate::ingest) fn statement(&mut self, text: &[u8], dialect: Dialect, out: &mut Vec<u8>) {
        self.statement_but(text, dialect, out, |_| false);
    }

    /// The same, where some numbers are no values.
    pub(in crate::ingest) fn statement_but(
        &mut self,
        text: &[u8],
        dialect: Dialect,
        out: &mut Vec<u8>,
        mut stays: impl FnMut(Range<usize>) -> bool,
    ) {
        let mut parts = std::mem::take(&mut self.parts);
        self.lexer.parts(text, dialect, &mut parts);
        doubt_quotes(text, &mut parts);
        let mut from = 0;
        for part in &parts {
            self.between(&text[from..part.start()], out);
            from = match part {
                Part::Literal(range) => {
                    let literal = &text[range.clone()];
                    let is_number = literal.last().is_some_and(u8::is_ascii_alphanumeric);
                    if is_number && stays(range.clone()) {
                        out.extend_from_slice(literal);
                    } else if is_in_quotes_of_names(text, range) {
                        // What is no name must not become one.
                        self.tokens.value(literal, out);
                        out.push(b'@');
                    } else {
                        self.literal(literal, dialect, out);
                    }
                    range.end
                }
                Part::Comment(range) => {
                    comment(&text[range.clone()], out);
                    range.end
                }
                Part::Endless(start) => {
                    let dots = text.len() - without_dots(text).len();
                    self.endless(&text[*start..(text.len() - dots).max(*start)], out);
                    (text.len() - dots).max(*start)
                }
            };
        }
        self.between(&text[from..], out);
        self.parts = parts;
    }

    /// Names, keywords and operators, and what looks like a numbered placeholder, but is no valid one.
    fn between(&self, mut text: &[u8], out: &mut Vec<u8>) {
        while let Some(colon) = memchr(b':', text) {
            let (before, rest) = text.split_at(colon + 1);
            out.extend_from_slice(before);
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits > 0 {
                self.tokens.number(&rest[..digits], out);
            }
            text = &rest[digits..];
        }
        out.extend_from_slice(text);
    }

    fn literal(&self, literal: &[u8], dialect: Dialect, out: &mut Vec<u8>) {
        let sign = literal.iter().take_while(|byte| b"+- \t\r\n".contains(byte)).count();
        let (sign, value) = literal.split_at(sign);
        out.extend_from_slice(sign);
        let quote = value.iter().position(|byte| matches!(byte, b'\'' | b'"'));
        match (value.first(), quote) {
            (Some(b'0'..=b'9' | b'.'), _) => self.tokens.number(value, out),
            (Some(b'$'), _) => self.in_dollars(value, out),
            (Some(_), Some(quote))
                if quote <= 2 && value.last() == value.get(quote) && value.len() > quote + 1 =>
            {
                let (prefix, quoted) = value.split_at(quote);
                out.extend_from_slice(prefix);
                self.quoted(prefix, quoted, dialect, out);
            }
            (Some(_), _) if is_known_word(value) => out.extend_from_slice(value),
            // A sign, a comment and a number.
            (Some(b'/'), _) => self.tokens.number(value, out),
            (Some(_), _) => self.tokens.value(value, out),
            (None, _) => {}
        }
    }

    /// A text in quotes, behind `E`, `B`, `X`, `N`, `U&` or nothing.
    fn quoted(&self, prefix: &[u8], quoted: &[u8], dialect: Dialect, out: &mut Vec<u8>) {
        let quote = quoted[0];
        let inner = &quoted[1..quoted.len() - 1];
        out.push(quote);
        match prefix {
            b"b" | b"B" => self.tokens.bits(inner, false, out),
            b"x" | b"X" => self.tokens.bits(inner, true, out),
            _ => {
                let escapes = matches!(prefix, b"e" | b"E") || dialect == Dialect::MySql;
                self.tokens.value(&meant(inner, quote, escapes), out);
            }
        }
        out.push(quote);
    }

    /// `$tag$…$tag$`.
    fn in_dollars(&self, value: &[u8], out: &mut Vec<u8>) {
        let tag = memchr(b'$', &value[1..]).map_or(value.len(), |at| at + 2);
        let (tag, rest) = value.split_at(tag);
        out.extend_from_slice(tag);
        if let Some(inner) = rest.strip_suffix(tag) {
            self.tokens.value(inner, out);
            out.extend_from_slice(tag);
        }
    }

    /// What begins a literal, name or comment without an end, and a token.
    fn endless(&self, text: &[u8], out: &mut Vec<u8>) {
        if text.starts_with(b"/*") {
            out.extend_from_slice(b"/*");
            return lines_of(text, out);
        }
        let opening = match text.iter().take(3).position(|byte| matches!(byte, b'\'' | b'"' | b'`')) {
            Some(quote) => quote + 1,
            None => text.iter().skip(1).position(|byte| *byte == b'$').map_or(1, |at| at + 2),
        };
        let (opening, rest) = text.split_at(opening.min(text.len()));
        out.extend_from_slice(opening);
        self.tokens.text(rest, out);
        lines_of(rest, out);
    }
}

/// A text that a word follows at once has a quote in it that is not doubled: where it ends nobody knows.
fn doubt_quotes(text: &[u8], parts: &mut Vec<Part>) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    let doubtful = parts.iter().position(|part| match part {
        Part::Literal(range) => {
            matches!(text[range.end - 1], b'\'' | b'"') && text.get(range.end).is_some_and(is_word)
        }
        _ => false,
    });
    if let Some(place) = doubtful {
        let start = parts[place].start();
        parts.truncate(place);
        parts.push(Part::Endless(start));
    }
}

fn is_in_quotes_of_names(text: &[u8], literal: &Range<usize>) -> bool {
    let around =
        literal.start.checked_sub(1).and_then(|before| Some((text[before], *text.get(literal.end)?)));
    matches!(around, Some((b'"', b'"') | (b'`', b'`') | (b'[', b']')))
        && !matches!(text[literal.start], b'\'' | b'"')
}

fn is_known_word(word: &[u8]) -> bool {
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// The text without the dots that stand for its missing end.
fn without_dots(text: &[u8]) -> &[u8] {
    let trimmed = text.trim_ascii_end();
    let cut = trimmed.strip_suffix("…".as_bytes()).or_else(|| trimmed.strip_suffix(b"..."));
    cut.unwrap_or(text)
}

/// A text as it is meant, with doubled quotes and escapes of quotes undone.
fn meant(inner: &[u8], quote: u8, escapes: bool) -> Vec<u8> {
    let mut meant = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().copied();
        let is_escape = escapes && byte == b'\\' && matches!(next, Some(b'\'' | b'"' | b'\\'));
        if is_escape || (byte == quote && next == Some(quote)) {
            bytes.next();
            meant.push(next.unwrap_or(byte));
        } else {
            meant.push(byte);
        }
    }
    meant
}

/// Writes a comment with the tags that say where its statement comes from, and nothing else.
fn comment(comment: &[u8], out: &mut Vec<u8>) {
    let Some(inner) = comment.strip_prefix(b"/*") else {
        let marks = if comment.first() == Some(&b'#') { 1 } else { 2 };
        return out.extend_from_slice(&comment[..marks.min(comment.len())]);
    };
    let inner = inner.strip_suffix(b"*/").unwrap_or(inner);
    out.extend_from_slice(b"/*");
    let tags = inner.split(|byte| *byte == b',').filter(|tag| is_told(tag)).map(<[u8]>::trim_ascii);
    for (told, tag) in tags.enumerate() {
        out.extend_from_slice(if told > 0 { b"," } else { b"" });
        // What follows a question mark in a route is a value.
        match memchr(b'?', tag) {
            Some(at) => {
                out.extend_from_slice(&tag[..at]);
                out.extend_from_slice(if tag.ends_with(b"'") { b"'" } else { b"" });
            }
            None => out.extend_from_slice(tag),
        }
    }
    lines_of(inner, out);
    out.extend_from_slice(b"*/");
}

fn is_told(tag: &[u8]) -> bool {
    let Some(key) = tag.iter().position(|byte| matches!(byte, b'=' | b':')) else { return false };
    let value = &tag[key + 1..];
    TAGS.contains(&tag[..key].trim_ascii())
        && std::str::from_utf8(tag).is_ok()
        && !value.windows(2).any(|two| two == b"/*" || two == b"*/")
        && memchr(b'\n', value.trim_ascii()).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str, dialect: Dialect) -> String {
        let mut out = Vec::new();
        Hiding::default().statement(text.as_bytes(), dialect, &mut out);
        String::from_utf8(out).expect("text stays text")
    }

    /// The copy with tokens as `v` and `0`.
    fn form(text: &str, dialect: Dialect) -> String {
        let hidden = hidden(text, dialect);
        let mut form = String::new();
        let mut rest = hidden.as_str();
        while let Some(letter) = rest.chars().next() {
            let is_token =
                |text: &str| text.len() >= 17 && text[1..17].bytes().all(|byte| byte.is_ascii_hexdigit());
            let length = match letter {
                'v' if rest.is_char_boundary(17.min(rest.len())) && is_token(rest) => 17,
                '1'..='9' => {
                    let digits =
                        rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
                    if digits >= 17 { digits } else { 0 }
                }
                _ => 0,
            };
            form.push(match (length, letter) {
                (0, _) => letter,
                (_, 'v') => 'v',
                _ => '0',
            });
            rest = &rest[length.max(letter.len_utf8())..];
        }
        form
    }

    #[test]
    fn statements_keep_their_form() {
        let cases = [
            (
                "SELECT a FROM t WHERE id = 5 AND b = 'x''y' AND c IS NULL",
                "SELECT a FROM t WHERE id = 0 AND b = 'v' AND c IS NULL",
            ),
            (
                "SELECT E'a\\'b', $q$x$q$, U&'d', -1.5, NULL, true",
                "SELECT E'v', $q$v$q$, U&'v', -0, NULL, true",
            ),
            ("INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES (0, 'v'), (0, 'v')"),
            (
                "SELECT EXTRACT(year FROM a), \"a@b\", $1 -- secret\nFROM t",
                "SELECT EXTRACT(year FROM a), \"v@\", $1 --\nFROM t",
            ),
            ("ALTER ROLE bob PASSWORD 'secret'", "ALTER ROLE bob PASSWORD 'v'"),
            ("SET app.token TO secret", "SET app.token TO v"),
            ("SELECT 1, 'abc", "SELECT 0, 'v"),
            ("SELECT 'abc...", "SELECT 'v..."),
            ("SELECT 'O'Brien and ' ' x", "SELECT 'v"),
            ("SELECT 12:30", "SELECT 0:0"),
            ("SELECT '{1,2}', ''", "SELECT '{0,0}', ''"),
            ("SELECT 1 /* secret", "SELECT 0 /*"),
        ];
        for (text, expected) in cases {
            assert_eq!(form(text, Dialect::Postgres), expected, "{text}");
        }
        let text = "SELECT \"a\\\"b\", 0x1F, x'1F', 'a\nb' # secret";
        let hidden = hidden(text, Dialect::MySql);
        assert!(
            hidden.starts_with("SELECT \"v") && hidden.ends_with("\n' #") && !hidden.contains("1F"),
            "{hidden}"
        );
    }

    #[test]
    fn comments_tell_where_statements_come_from() {
        let text = "SELECT 1 /*action='index',controller='orders',framework='x',route='/a?b=c',traceparent='00-1-2-01'*/";
        let expected = "SELECT 0 /*action='index',controller='orders',route='/a',traceparent='00-1-2-01'*/";
        assert_eq!(form(text, Dialect::Postgres), expected);
        assert_eq!(form("/* secret */ SELECT a", Dialect::Postgres), "/**/ SELECT a");
        assert_eq!(form("/* a /* route:x */ */ SELECT a", Dialect::Postgres), "/**/ SELECT a");
    }

    #[test]
    fn equal_values_are_equal_in_any_quotes() {
        let hidden = hidden("SELECT 'ab''c', E'ab\\'c', $$ab'c$$, '7', 7", Dialect::Postgres);
        let tokens: Vec<&str> = hidden
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .filter(|word| word.len() > 10)
            .collect();
        assert_eq!((tokens[0], tokens[0]), (tokens[1], tokens[2]));
        assert_eq!(tokens[3], tokens[4]);
    }
}
