//! Comma-separated values, as RFC 4180 has them.

use std::borrow::Cow;

/// The fields of one line; a field in quotation marks may hold commas, and two marks for one.
pub(super) fn fields(line: &str) -> Vec<Cow<'_, str>> {
    let mut fields = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let (field, behind) = match text.strip_prefix('"') {
            Some(quoted) => in_quotes(quoted),
            None => match text.split_once(',') {
                Some((field, behind)) => (Cow::Borrowed(field), Some(behind)),
                None => (Cow::Borrowed(text), None),
            },
        };
        fields.push(field);
        rest = behind;
    }
    fields
}

/// A field from behind its first quotation mark, and what comes after its comma.
fn in_quotes(text: &str) -> (Cow<'_, str>, Option<&str>) {
    let mut from = 0;
    while let Some(mark) = text[from..].find('"').map(|mark| from + mark) {
        match text[mark + 1..].starts_with('"') {
            true => from = mark + 2,
            false => {
                let behind = text[mark + 1..].split_once(',').map(|(_, behind)| behind);
                return (Cow::Owned(text[..mark].replace("\"\"", "\"")), behind);
            }
        }
    }
    (Cow::Owned(text.replace("\"\"", "\"")), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotation_marks_keep_commas() {
        assert_eq!(fields(r#"1,"a,""b""",,c"#), ["1", r#"a,"b""#, "", "c"]);
        assert_eq!(fields(""), [""]);
        assert_eq!(fields(r#""open, no end"#), ["open, no end"]);
    }
}
