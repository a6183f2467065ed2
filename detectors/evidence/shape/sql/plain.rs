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

fn digits(text: &[u8]) -> usize {
    text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
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
