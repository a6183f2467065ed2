//! Messages for people, without the values in them.

use memchr::{memchr, memrchr};

use super::statement::Hiding;
use super::tokens::lines_of;

/// Words behind which a server names something; what it quotes elsewhere is a value.
const NAMED: &[&[u8]] = &[
    b"relation",
    b"table",
    b"column",
    b"constraint",
    b"index",
    b"function",
    b"procedure",
    b"aggregate",
    b"schema",
    b"database",
    b"role",
    b"user",
    b"sequence",
    b"type",
    b"trigger",
    b"view",
    b"extension",
    b"tablespace",
    b"publication",
    b"subscription",
    b"slot",
    b"policy",
    b"language",
    b"collation",
    b"parameter",
    b"portal",
    b"cursor",
    b"savepoint",
    b"server",
    b"domain",
    b"statement",
    b"enum",
    b"partition",
    b"rule",
];

/// No longer name is there.
const NAME_MAX: usize = 200;

impl Hiding {
    /// Writes a message without what is quoted, unless it is a name, and without words that have digits or are
    /// addresses.
    pub(in crate::ingest) fn prose(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut at = 0;
        let mut before: &[u8] = b"";
        while at < text.len() {
            let rest = &text[at..];
            let length = match rest[0] {
                b'"' => self.in_quotes(rest, std::mem::take(&mut before), out),
                b'\'' if !is_apostrophe(text, at) => self.in_quotes(rest, b"", out),
                byte if is_of_word(byte) => {
                    let length = rest.iter().position(|byte| !is_of_word(*byte)).unwrap_or(rest.len());
                    let word = &rest[..length];
                    let ends =
                        word.len() - word.iter().rev().take_while(|byte| b".:,-".contains(byte)).count();
                    let is_place = before == b"character" && rest.len() == ends;
                    self.word(&word[..ends], is_place, out);
                    out.extend_from_slice(&word[ends..]);
                    before = word;
                    length
                }
                byte => {
                    out.push(byte);
                    1
                }
            };
            at += length;
        }
    }

    /// Writes what begins with a quote, and says how long it is.
    fn in_quotes(&self, text: &[u8], before: &[u8], out: &mut Vec<u8>) -> usize {
        let quote = text[0];
        let inner = &text[1..];
        let next = memchr(quote, inner).map(|end| &inner[..end]);
        if let Some(name) = next.filter(|name| NAMED.contains(&before) && looks_like_name(name)) {
            out.extend_from_slice(&text[..name.len() + 2]);
            return name.len() + 2;
        }
        // Quotes in values are not doubled: it ends with the last one.
        let address =
            next.filter(|address| before == b"host" && address.iter().all(|byte| is_of_address(*byte)));
        let value = address.or_else(|| memrchr(quote, inner).map(|end| &inner[..end]));
        out.push(quote);
        self.tokens.value(value.unwrap_or(inner), out);
        let Some(value) = value else { return text.len() };
        out.push(quote);
        value.len() + 2
    }

    fn word(&self, word: &[u8], stays: bool, out: &mut Vec<u8>) {
        let tells = word.iter().any(|byte| byte.is_ascii_digit() || *byte == b'@');
        match tells && !stays {
            true => self.tokens.value(word, out),
            false => out.extend_from_slice(word),
        }
    }

    /// Writes a text as one value.
    pub(in crate::ingest) fn whole(&self, text: &[u8], out: &mut Vec<u8>) {
        let value = text.trim_ascii_end();
        self.tokens.text(value, out);
        lines_of(value, out);
        out.extend_from_slice(&text[value.len()..]);
    }

    /// Writes the name of a program; addresses in it are values.
    pub(in crate::ingest) fn program(&self, name: &[u8], out: &mut Vec<u8>) {
        for (place, word) in name.split(|byte| *byte == b' ').enumerate() {
            out.extend_from_slice(if place > 0 { b" " } else { b"" });
            match is_address(word) {
                true => self.tokens.value(word, out),
                false => out.extend_from_slice(word),
            }
        }
    }
}

/// A number of four parts, hexadecimals with colons, or what has an at sign.
fn is_address(word: &[u8]) -> bool {
    let count = |byte: u8| word.iter().filter(|found| **found == byte).count();
    let is_v4 = count(b'.') >= 3 && word.iter().filter(|byte| byte.is_ascii_digit()).count() >= 4;
    // Durations have colons, too.
    let is_v6 = count(b':') >= 2
        && word.iter().all(|byte| byte.is_ascii_hexdigit() || b".:[]/%".contains(byte))
        && word.iter().any(|byte| byte.is_ascii_alphabetic() || *byte == b'[');
    let is_v6 = is_v6 || word.starts_with(b"::");
    is_v4 || is_v6 || memchr(b'@', word).is_some()
}

fn is_of_address(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".:-_[]%/".contains(&byte)
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"_@.:+-%$#".contains(&byte)
}

fn is_apostrophe(text: &[u8], at: usize) -> bool {
    let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
    at > 0
        && is_letter(text.get(at - 1))
        && matches!(text.get(at + 1..at + 3), Some([b't' | b's', b' ' | b'.']))
}

fn looks_like_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name.len() <= NAME_MAX
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.$<>-".contains(byte) || *byte >= 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> String {
        let mut out = Vec::new();
        Hiding::default().prose(text.as_bytes(), &mut out);
        String::from_utf8(out).expect("text stays text")
    }

    #[test]
    fn names_stay_and_values_go() {
        for text in [
            "duplicate key value violates unique constraint \"users_email_key\"",
            "relation \"nothing\" does not exist at character 15",
            "null value in column \"a\" of relation \"t\" violates not-null constraint",
            "canceling statement due to user request",
            "it can't be",
        ] {
            assert_eq!(hidden(text), text);
        }
        for text in [
            "invalid input syntax for type integer: \"secret\"",
            "invalid input value for enum mood: \"a\" secret \"b\"",
            "mail to secret@example.com",
            "value 424242 is out of range",
            "syntax error at or near \"secret",
            "parameter \"work_mem\" changed to \"secret\"",
            "Access denied for user 'secret'@'secret'",
            "user \"a b secret\" x",
        ] {
            let hidden = hidden(text);
            assert!(!hidden.contains("secret") && !hidden.contains("424242"), "{hidden}");
        }
        let line =
            "no pg_hba.conf entry for host \"10.0.0.7\", user \"api\", database \"shop\", no encryption";
        let hidden = hidden(line);
        assert!(
            hidden.ends_with("\", user \"api\", database \"shop\", no encryption")
                && !hidden.contains("10.0.0.7")
        );
    }

    #[test]
    fn programs_lose_addresses() {
        let mut out = Vec::new();
        Hiding::default().program(b"PostgreSQL JDBC Driver", &mut out);
        assert_eq!(out, b"PostgreSQL JDBC Driver");
        out.clear();
        Hiding::default().program(b"web 10.0.0.7", &mut out);
        assert!(out.starts_with(b"web v"), "{}", String::from_utf8_lossy(&out));
    }
}
