//! Literals that any other of their kind may stand for, and runs of them.

/// A literal that any other of its kind may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// Digits.
    Integer,
    /// Digits with a point among them.
    Decimal,
    /// A string without a quote or backslash in it.
    Text,
}

/// The plain literal that a text begins with, and its length.
pub(super) fn plain(text: &[u8]) -> Option<(Plain, usize)> {
    match text.first()? {
        b'\'' => {
            let inner = text.get(1..)?;
            let length = inner.iter().position(|byte| matches!(byte, b'\'' | b'\\'))?;
            (inner.get(length) == Some(&b'\'')).then_some((Plain::Text, length + 2))
        }
        b'0'..=b'9' => {
            let whole = digits(text);
            match text.get(whole..) {
                Some([b'.', rest @ ..]) if rest.first().is_some_and(u8::is_ascii_digit) => {
                    Some((Plain::Decimal, whole + 1 + digits(rest)))
                }
                _ => Some((Plain::Integer, whole)),
            }
        }
        _ => None,
    }
}

/// How many digits a text begins with; most numbers have fewer than eight.
fn digits(text: &[u8]) -> usize {
    let counted = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        from + rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len())
    };
    match text.first_chunk().map(|chunk| digits_of_word(u64::from_le_bytes(*chunk))) {
        Some(8) => counted(8),
        Some(digits) => digits,
        None => counted(0),
    }
}

/// How many of eight bytes are digits up to the first that is none.
fn digits_of_word(word: u64) -> usize {
    const ONES: u64 = u64::MAX / 255;
    let values = word ^ (ONES * u64::from(b'0'));
    // What overflows changes the bytes behind only.
    let others = (values.wrapping_add(ONES * (0x80 - 10)) | values) & (ONES << 7);
    others.trailing_zeros() as usize / 8
}

/// The literals of one kind that follow, each behind a comma, and what is behind them. To the lexer two of them are as
/// many.
pub(super) fn others<'t>(kind: Plain, text: &'t [u8], mut each: impl FnMut(&'t [u8])) -> &'t [u8] {
    let mut rest = text;
    while let Some(literal) = behind_comma(rest)
        && let Some((found, length)) = plain(literal)
        && found == kind
    {
        let (literal, behind) = literal.split_at(length);
        each(literal);
        rest = behind;
    }
    rest
}

/// What is behind a comma and blanks.
fn behind_comma(text: &[u8]) -> Option<&[u8]> {
    let behind = text.strip_prefix(b",")?;
    let blanks = behind.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\t' | b'\r'));
    behind.get(blanks?..)
}

/// Whether nothing but a comma and blanks is between two literals.
pub(super) fn separates(text: &[u8]) -> bool {
    text.first() == Some(&b',')
        && text.iter().skip(1).all(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn digits_are_counted() {
        for length in 0..20 {
            for other in 0..=255_u8 {
                let text = [&b"19283746501928374650"[..length], &[other], b"77x7777777"].concat();
                let expected = text.iter().position(|byte| !byte.is_ascii_digit());
                assert_eq!(Some(digits(&text)), expected, "{other} behind {length}");
            }
            assert_eq!(digits(&b"19283746501928374650"[..length]), length);
        }
    }
}
