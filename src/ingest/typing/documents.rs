//! Queries of document stores and commands of caches: what is left when their values are taken out.

/// Keys of a query longer than this in all are cut off.
const KEYS_MAX: usize = 200;

/// At most so many different commands of a pipeline are named.
const COMMANDS_MAX: usize = 4;

/// The name at the beginning of a text; empty if it begins otherwise.
pub(super) fn first_word(text: &[u8]) -> &[u8] {
    let ends = text.iter().position(|byte| !byte.is_ascii_alphabetic() && *byte != b'_');
    &text[..ends.unwrap_or(text.len())]
}

/// Whether a text holds the values and not their placeholders.
pub(super) fn shows_values(text: &[u8]) -> bool {
    let hidden = text.contains(&b'?') || text.ends_with(b" other arguments]") || text.ends_with(b"...");
    !hidden && text.len() > first_word(text).len()
}

/// Appends the keys of a JSON text, in their order, as `(filter customer limit)`; nothing for other texts.
pub(super) fn push_keys(text: &[u8], keys: &mut Vec<u8>) {
    let before = keys.len();
    let mut rest = text;
    while let Some(opened) = rest.iter().position(|&byte| byte == b'"') {
        let inside = &rest[opened + 1..];
        let Some(closed) = closing_quote(inside) else { break };
        let (word, after) = (&inside[..closed], &inside[closed + 1..]);
        let next = after.iter().find(|byte| !byte.is_ascii_whitespace());
        if next == Some(&b':') && is_name(word) {
            if keys.len() - before + word.len() > KEYS_MAX {
                break;
            }
            keys.push(if keys.len() == before { b'(' } else { b' ' });
            keys.extend_from_slice(word);
        }
        rest = after;
    }
    if keys.len() > before {
        keys.push(b')');
    }
}

fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// Whether a key is a name that somebody wrote in the source, not a value.
fn is_name(word: &[u8]) -> bool {
    let letters = word.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_$.-".contains(byte);
    (1..=40).contains(&word.len()) && word.iter().all(name) && letters * 2 > word.len()
}

/// Appends command and key of a cache as a pattern: `GET user:?`. Keys are values, so that only what a
/// key begins with is kept, and that only where it is a name followed by a colon. A pipeline has
/// the names of its commands.
pub(super) fn push_command_pattern(text: &[u8], pattern: &mut Vec<u8>) {
    if !pattern.is_empty() {
        pattern.push(b' ');
    }
    let mut commands = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let first = commands.next().unwrap_or_default();
    if commands.next().is_some() {
        return pipeline(text, pattern);
    }
    let mut words = first.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    push_command(words.next().unwrap_or_default(), pattern);
    let Some(key) = words.next() else { return };
    pattern.push(b' ');
    if let Some(colon) = key.iter().position(|&byte| byte == b':') {
        let prefix = &key[..colon];
        let name = |byte: &u8| byte.is_ascii_lowercase() || b"_-".contains(byte);
        if (1..=24).contains(&prefix.len()) && prefix.iter().all(name) {
            pattern.extend_from_slice(prefix);
            pattern.push(b':');
        }
    }
    pattern.push(b'?');
}

fn pipeline(text: &[u8], pattern: &mut Vec<u8>) {
    pattern.extend_from_slice(b"PIPELINE");
    let mut named = 0;
    for command in text.split(|&byte| byte == b'\n').map(first_word).filter(|command| !command.is_empty()) {
        let known = pattern.split(|&byte| byte == b' ').any(|word| word.eq_ignore_ascii_case(command));
        if !known && named < COMMANDS_MAX {
            named += 1;
            pattern.push(b' ');
            push_command(command, pattern);
        }
    }
}

fn push_command(command: &[u8], pattern: &mut Vec<u8>) {
    let named =
        command.iter().take(32).take_while(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
    pattern.extend(named.map(u8::to_ascii_uppercase));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern_of(text: &str) -> String {
        let mut pattern = Vec::new();
        push_command_pattern(text.as_bytes(), &mut pattern);
        String::from_utf8(pattern).unwrap()
    }

    #[test]
    fn commands_keep_no_key() {
        for (text, expected) in [
            ("GET ?", "GET ?"),
            ("get user:42", "GET user:?"),
            ("get 42", "GET ?"),
            ("hgetall Ada:cart", "HGETALL ?"),
            ("FT.SEARCH idx query", "FT.SEARCH ?"),
            ("set session:8f3e [1 other arguments]", "SET session:?"),
            ("SET ? ?\nGET ?\nGET ?\nEXPIRE ? ?", "PIPELINE SET GET EXPIRE"),
            ("PING", "PING"),
            ("", ""),
        ] {
            assert_eq!(pattern_of(text), expected, "{text}");
        }
    }

    #[test]
    fn queries_keep_their_keys_only() {
        let keys_of = |text: &str| {
            let mut found = Vec::new();
            push_keys(text.as_bytes(), &mut found);
            String::from_utf8(found).unwrap()
        };
        let find = r#"{"find":"orders","filter":{"customer_id":"?","state":"said \"yes\": no"},"limit":5}"#;
        assert_eq!(keys_of(find), "(find filter customer_id state limit)");
        assert_eq!(keys_of(r#"{"5f2b9c": 1, "4111111111111111": {"$in": [1]}, "a":"#), "($in a)");
        assert_eq!(keys_of(r#"find orders "unclosed"#), "");
    }

    #[test]
    fn placeholders_hide_values() {
        assert!(shows_values(b"get user:42"));
        for hidden in ["GET ?", "PING", "set a [1 other arguments]", r#"{"_id":"?"}"#, "find"] {
            assert!(!shows_values(hidden.as_bytes()), "{hidden}");
        }
    }
}
