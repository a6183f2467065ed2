//! The value of `SET name = value`, which may be a bare word: a tenant, a token; and passwords that somebody wrote so.

use std::ops::Range;

/// Where a value without quotes is in a statement that sets something for a session, role or database; such a value
/// looks like a name. `None` where there is none, or where it is written as other values are.
pub(super) fn bare_value(text: &[u8]) -> Option<Range<usize>> {
    let begin = text.len() - text.trim_ascii_start().len();
    if let Some(password) = password(text, begin) {
        return Some(password);
    }
    let sets = match text.get(begin)? {
        b's' | b'S' => is_word(text, begin, b"SET").then_some(begin),
        b'a' | b'A' if is_word(text, begin, b"ALTER") => {
            let owner = words(text, begin + 5).next()?;
            let known = [&b"ROLE"[..], b"USER", b"DATABASE", b"SYSTEM"];
            let is_known = known.iter().any(|word| text[owner.clone()].eq_ignore_ascii_case(word));
            let set = words(text, owner.end).find(|word| text[word.clone()].eq_ignore_ascii_case(b"SET"));
            set.map(|word| word.start).filter(|_| is_known)
        }
        _ => None,
    }?;
    let behind = sets + 3;
    let equals = text[behind..].iter().position(|byte| *byte == b'=').map(|at| behind + at + 1);
    let to =
        words(text, behind).find(|word| text[word.clone()].eq_ignore_ascii_case(b"TO")).map(|word| word.end);
    let after = [equals, to].into_iter().flatten().min()?;
    let start = after + text[after..].iter().position(|byte| !byte.is_ascii_whitespace())?;
    let end = start + text[start..].iter().position(|byte| *byte == b';').unwrap_or(text.len() - start);
    let end = start + text[start..end].trim_ascii_end().len();
    has_bare_item(&text[start..end]).then_some(start..end)
}

/// Whether one of the values of a list, of which some may be strings, is a bare word.
fn has_bare_item(list: &[u8]) -> bool {
    let is_bare = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'"') || byte >= 0x80;
    let (mut in_string, mut begins) = (false, true);
    for &byte in list {
        match byte {
            b'\'' => in_string = !in_string,
            b',' if !in_string => begins = true,
            _ if in_string || byte.is_ascii_whitespace() => continue,
            _ if begins && is_bare(byte) => return true,
            _ => {}
        }
        begins &= byte == b',';
    }
    false
}

/// What follows `PASSWORD` of a role, where it is no string.
fn password(text: &[u8], begin: usize) -> Option<Range<usize>> {
    if !is_word(text, begin, b"ALTER") && !is_word(text, begin, b"CREATE") {
        return None;
    }
    let mut words = words(text, begin).map(|word| (text[word.clone()].to_ascii_uppercase(), word));
    words.find(|(word, _)| word == b"ROLE" || word == b"USER")?;
    words.find(|(word, _)| word == b"PASSWORD")?;
    let (word, range) = words.next()?;
    let is_bare = !matches!(word[0], b'\'' | b'$' | b'?' | b':' | b'%' | b'@') && !word.starts_with(b"NULL");
    is_bare.then_some(range.start..text.trim_ascii_end().len())
}

fn is_word(text: &[u8], at: usize, word: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word))
        && !text.get(at + word.len()).is_some_and(is_name)
}

/// Words between blanks.
fn words(text: &[u8], from: usize) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = from;
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let length = text[start..].iter().position(u8::is_ascii_whitespace).unwrap_or(text.len() - start);
        at = start + length;
        Some(start..at)
    })
}

#[cfg(test)]
mod tests {
    use super::bare_value;

    #[test]
    fn values_that_look_like_names_are_found() {
        let value = |text: &'static str| bare_value(text.as_bytes()).map(|range| &text[range]);
        assert_eq!(value("SET app.token TO topsecret8;"), Some("topsecret8"));
        assert_eq!(value("set local search_path = tenant_7, public"), Some("tenant_7, public"));
        assert_eq!(value("ALTER ROLE bob SET app.key TO x"), Some("x"));
        assert_eq!(value("ALTER DATABASE shop SET search_path=\"Tenant\""), Some("\"Tenant\""));
        assert_eq!(value("ALTER USER x WITH PASSWORD topsecret"), Some("topsecret"));
        assert_eq!(value("SET LOCAL my.jwt TO 'x', hunter2secret"), Some("'x', hunter2secret"));
        assert_eq!(value("SET a = 5, 'it''s, x', b;"), Some("5, 'it''s, x', b"));
        assert_eq!(value("create role x login password \"y z\""), Some("\"y z\""));
        for text in [
            "ALTER ROLE x PASSWORD 'y'",
            "ALTER ROLE x PASSWORD NULL",
            "SET a = 5",
            "SET a TO 'x'",
            "SET a TO 'x, y', 'z', 5",
            "SET ROLE bob",
            "SETTLE a = b",
            "ALTER TABLE a ALTER COLUMN b SET DEFAULT c",
            "UPDATE a SET b = c",
            "SELECT a = b",
            "SET",
            "SET a =",
            "",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }
}
