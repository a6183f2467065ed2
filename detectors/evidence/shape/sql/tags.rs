//! The tags that programs leave in comments: sqlcommenter's `key='value'` and Marginalia's `key:value`.
//!
//! Format: <https://google.github.io/sqlcommenter/spec/>.

use std::borrow::Cow;

/// The tags of the comments at the end and at the start of a statement, decoded.
pub fn tags(text: &[u8]) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let body = text.trim_ascii_end();
    let body = body.strip_suffix(b";").unwrap_or(body).trim_ascii_end();
    let tail = body.strip_suffix(b"*/").and_then(|body| {
        let start = body.windows(2).rposition(|pair| pair == b"/*")?;
        body.get(start + 2..)
    });
    let head = body.trim_ascii_start().strip_prefix(b"/*").and_then(|body| {
        let end = body.windows(2).position(|pair| pair == b"*/")?;
        body.get(..end)
    });
    let same = tail.zip(head).is_some_and(|(tail, head)| std::ptr::eq(tail, head));
    let head = if same { None } else { head };
    tail.into_iter().chain(head).flat_map(|comment| std::str::from_utf8(comment)).flat_map(pairs)
}

fn pairs(comment: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    comment.split(',').filter_map(|pair| {
        let (key, value) = pair.split_once('=').or_else(|| pair.split_once(':'))?;
        let (key, value) = (key.trim(), value.trim());
        let value = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')).unwrap_or(value);
        let is_key = !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.%".contains(&byte));
        is_key.then(|| (key, decoded(value)))
    })
}

fn decoded(value: &str) -> Cow<'_, str> {
    if !value.contains(['%', '\\']) {
        return Cow::Borrowed(value);
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, 3)),
            [b'\\', b'\'', ..] => Some((b'\'', 2)),
            _ => None,
        };
        match escaped {
            Some((byte, length)) => {
                bytes.push(byte);
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::tags;

    fn all(text: &str) -> Vec<(&str, String)> {
        tags(text.as_bytes()).map(|(key, value)| (key, value.into_owned())).collect()
    }

    #[test]
    fn reads_sqlcommenter() {
        let text = "SELECT 1 /*action='%2Forders*d',framework='django%3A5.1',traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01'*/;";
        let tags = all(text);
        assert_eq!(tags[0], ("action", "/orders*d".to_owned()));
        assert_eq!(tags[1].1, "django:5.1");
        assert_eq!(tags[2].0, "traceparent");
    }

    #[test]
    fn reads_marginalia_and_leading_comments() {
        assert_eq!(all("/*application:Shop,controller:orders*/ SELECT 1").len(), 2);
        assert_eq!(all("/*a:1*/ SELECT 1 /*b='2'*/"), [("b", "2".to_owned()), ("a", "1".to_owned())]);
    }

    #[test]
    fn ignores_other_comments() {
        assert!(all("SELECT 1 /* the quick, brown fox */").is_empty());
        assert!(all("SELECT '/*a=1*/' FROM t").is_empty());
        assert!(all("*/").is_empty());
    }
}
