//! A line of a log cut at blanks, where quotes and brackets keep what belongs together.

use memchr::{memchr, memchr2};

/// What stands around a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    /// Nothing.
    Nothing,
    /// `"…"`.
    Quotes,
    /// `[…]` or `{…}`.
    Brackets,
}

/// One token of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'l> {
    pub(super) around: Around,
    /// What stands before `=`; empty as a rule.
    pub(super) label: &'l [u8],
    /// What is inside, with its escapes.
    pub(super) text: &'l [u8],
}

impl<'l> Token<'l> {
    /// Its text, with the label that was only taken for one.
    pub(super) fn is_plain(&self) -> bool {
        self.around == Around::Nothing
    }
}

/// The tokens of a line, in their order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens<'l> {
    rest: &'l [u8],
}

impl<'l> Tokens<'l> {
    pub(super) fn of(line: &'l [u8]) -> Self {
        Self { rest: line }
    }

    fn cut(&mut self, at: usize) -> &'l [u8] {
        let (front, rest) = self.rest.split_at(at.min(self.rest.len()));
        self.rest = rest;
        front
    }

    /// What is between the mark at the front and the closing one; the whole rest where none closes.
    fn inside(&mut self, close: u8) -> &'l [u8] {
        let mut from = 1;
        let end = loop {
            let found = memchr(close, self.rest.get(from..).unwrap_or_default()).map(|at| from + at);
            let Some(end) = found else { break self.rest.len() };
            // A mark inside is escaped, or followed by more: Apache and others do not escape all of them.
            let is_last = matches!(self.rest.get(end + 1), None | Some(b' ' | b'\t'));
            if is_last && !(close == b'"' && is_escaped(self.rest, end)) {
                break end;
            }
            from = end + 1;
        };
        let whole = self.cut(end + 1);
        whole.get(1..end).unwrap_or_default()
    }

    fn plain(&mut self) -> Token<'l> {
        let plain = |text| Token { around: Around::Nothing, label: &[], text };
        let end = match self.end_of_word() {
            Some(at) if self.rest[at] == b'"' && self.rest[..at].ends_with(b"=") => {
                let label = self.cut(at);
                let text = self.inside(b'"');
                return Token { around: Around::Quotes, label: &label[..at - 1], text };
            }
            Some(at) if self.rest[at] == b' ' => at,
            _ => memchr(b' ', self.rest).unwrap_or(self.rest.len()),
        };
        let end = self.end_of_list(end);
        plain(self.cut(end))
    }

    /// The first blank or quote; most words are shorter than it takes to search for it in a better way.
    #[inline(always)]
    fn end_of_word(&self) -> Option<usize> {
        const SHORT: usize = 24;
        let short = self.rest.iter().take(SHORT).position(|byte| matches!(byte, b' ' | b'"'));
        short.or_else(|| Some(SHORT + memchr2(b' ', b'"', self.rest.get(SHORT..)?)?))
    }

    /// nginx writes what several servers took as `0.001, 0.013 : 0.002`.
    fn end_of_list(&self, mut end: usize) -> usize {
        loop {
            let after = &self.rest[end..];
            let skipped = match (self.rest[..end].last(), after) {
                (Some(b','), [b' ', _, ..]) if is_element(&self.rest[..end - 1]) => 1,
                (_, [b' ', b':', b' ', _, ..]) if is_element(&self.rest[..end]) => 3,
                _ => return end,
            };
            let next = &after[skipped..];
            end += skipped + memchr(b' ', next).unwrap_or(next.len());
        }
    }
}

impl<'l> Iterator for Tokens<'l> {
    type Item = Token<'l>;

    #[inline]
    fn next(&mut self) -> Option<Token<'l>> {
        while let Some((b' ' | b'\t', rest)) = self.rest.split_first() {
            self.rest = rest;
        }
        let around = |around, text| Token { around, label: &[], text };
        Some(match self.rest.first()? {
            b'"' => around(Around::Quotes, self.inside(b'"')),
            b'[' => around(Around::Brackets, self.inside(b']')),
            b'{' => around(Around::Brackets, self.inside(b'}')),
            _ => self.plain(),
        })
    }
}

/// Whether a text ends with a number, or with the dash of what is absent, or is the path of a socket.
fn is_element(text: &[u8]) -> bool {
    match text {
        [.., b'=' | b' ', b'-'] | [b'-'] => true,
        [b'u', b'n', b'i', b'x', b':', ..] => true,
        [.., last] => last.is_ascii_digit(),
        [] => false,
    }
}

/// Whether an odd number of backslashes stands before a mark.
fn is_escaped(text: &[u8], at: usize) -> bool {
    let slashes = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
    slashes % 2 == 1
}

/// Cuts `label=value` apart; a text without a label is its value.
pub(super) fn labelled(text: &[u8]) -> (&[u8], &[u8]) {
    let Some(at) = memchr(b'=', text) else { return (&[], text) };
    let is_label = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match text[..at].iter().all(is_label) && at > 0 {
        true => (&text[..at], &text[at + 1..]),
        false => (&[], text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(line: &str) -> Vec<String> {
        let told = |token: Token<'_>| {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            let label = if token.label.is_empty() { String::new() } else { text(token.label) + "=" };
            match token.around {
                Around::Nothing => format!("{label}{}", text(token.text)),
                Around::Quotes => format!("{label}\"{}\"", text(token.text)),
                Around::Brackets => format!("{label}[{}]", text(token.text)),
            }
        };
        Tokens::of(line.as_bytes()).map(told).collect()
    }

    #[test]
    fn quotes_brackets_and_lists_stay_together() {
        let line = r#"::1 - - [10/Oct/2000:13:55:36 -0700] "GET /a\"b HTTP/1.1" 200 "a "b c" urt=0.1, -, 0.2 : 0.3 ua="x, y" 5"#;
        let expected = [
            "::1",
            "-",
            "-",
            "[10/Oct/2000:13:55:36 -0700]",
            r#""GET /a\"b HTTP/1.1""#,
            "200",
            r#""a "b c""#,
            "urt=0.1, -, 0.2 : 0.3",
            r#"ua="x, y""#,
            "5",
        ];
        assert_eq!(tokens(line), expected);
    }

    #[test]
    fn what_does_not_close_ends_with_the_line() {
        assert_eq!(tokens(r#"a "b c"#), ["a", r#""b c""#]);
        assert_eq!(tokens(r#"x="\\" [ y"#), [r#"x="\\""#, "[ y]"]);
        assert_eq!(tokens("1, "), ["1,"]);
        assert_eq!(tokens("INFO -- : a=1"), ["INFO", "--", ":", "a=1"]);
        assert_eq!(tokens("x=- : 0.1"), ["x=- : 0.1"]);
        assert_eq!(tokens("   "), Vec::<String>::new());
    }

    #[test]
    fn labels_are_words() {
        assert_eq!(labelled(b"rt=0.1"), (&b"rt"[..], &b"0.1"[..]));
        assert_eq!(labelled(b"/a?b=c"), (&b""[..], &b"/a?b=c"[..]));
        assert_eq!(labelled(b"=c"), (&b""[..], &b"=c"[..]));
    }
}
