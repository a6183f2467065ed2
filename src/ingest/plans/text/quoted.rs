//! Names and constants as PostgreSQL quotes them.

/// Whether a text constant, or a quoted name, begins in a text and does not end.
pub(super) fn is_open(text: &str) -> bool {
    let mut within = None;
    for byte in text.bytes() {
        match within {
            Some(quote) if byte == quote => within = None,
            None if byte == b'\'' || byte == b'"' => within = Some(byte),
            _ => {}
        }
    }
    within == Some(b'\'')
}

/// The name that a text begins with, without its quotes, and what is behind it.
///
/// `quote_identifier` puts any name in double quotes that has more than lower-case letters, digits and underscores.
pub(super) fn name(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '.']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(behind) => {
                name.push('"');
                rest = behind;
            }
            None => return Some((name, rest)),
        }
    }
}

/// The parts of a list: at commas that stand in no bracket, name or constant.
pub(super) fn list(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut within) = (0, 0_i32, None);
    for (at, byte) in text.bytes().enumerate() {
        match (within, byte) {
            (Some(quote), _) if quote == byte => within = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => within = Some(byte),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth -= 1,
            (None, b',') if depth <= 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_end_at_commas_of_their_own() {
        assert_eq!(list("a, f(b, c), 'd, e'::text"), ["a", "f(b, c)", "'d, e'::text"]);
        assert_eq!(
            list(r#"t."x, y", ARRAY[1, 2], 'it''s, so'"#),
            [r#"t."x, y""#, "ARRAY[1, 2]", "'it''s, so'"]
        );
        assert_eq!(list("a"), ["a"]);
    }

    #[test]
    fn names_lose_their_quotes() {
        assert_eq!(name("public.t"), Some(("public".to_owned(), ".t")));
        assert_eq!(name(r#""a ""b"" (cost=1)" c"#), Some((r#"a "b" (cost=1)"#.to_owned(), " c")));
        assert_eq!(name(r#""a"#), None);
        assert_eq!(name(""), None);
    }
}
