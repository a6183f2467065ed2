//! Words of commands that are shown to be copied.

/// A word for a shell, in single quotes where it needs them.
pub fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "/_-.,:+@%".contains(letter);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        let words = ["a/b.log", "", "a b", "it's", "$(id)", "~", "GET /orders p99<500ms"].map(quoted);
        let expected = ["a/b.log", "''", "'a b'", r"'it'\''s'", "'$(id)'", "'~'", "'GET /orders p99<500ms'"];
        assert_eq!(words, expected);
    }
}
