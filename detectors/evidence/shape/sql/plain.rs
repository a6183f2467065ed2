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

impl Plain {
    /// The length of the literal of this kind that a text begins with.
    pub(super) fn length(self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Integer => integer(text),
            _ => plain(text).filter(|(found, _)| *found == self).map(|(_, length)| length),
        }
    }
}

/// The plain literal that a text begins with, and its length.
pub(super) fn plain(text: &[u8]) -> Option<(Plain, usize)> {
    match text.first()? {
        b'\'' => {
            let inner = text.get(1..)?;
            let length = unquoted(inner);
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

/// The length of the whole number that a text begins with.
fn integer(text: &[u8]) -> Option<usize> {
    let whole = digits(text);
    let is_decimal = || matches!(text.get(whole..), Some([b'.', b'0'..=b'9', ..]));
    (whole > 0 && !is_decimal()).then_some(whole)
}

/// Each byte of a word is one.
const ONES: u64 = u64::MAX / 255;

/// How many bytes are before the first quote or backslash.
fn unquoted(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks();
    for (place, word) in words.iter().enumerate() {
        let zero = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
        let is = |byte: u8| zero(u64::from_le_bytes(*word) ^ (ONES * u64::from(byte)));
        // The first one is right, though a byte behind it may be told wrongly.
        let ends = is(b'\'') | is(b'\\');
        if ends != 0 {
            return place * 8 + ends.trailing_zeros() as usize / 8;
        }
    }
    let length = rest.iter().position(|byte| matches!(byte, b'\'' | b'\\'));
    text.len() - rest.len() + length.unwrap_or(rest.len())
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
    let values = word ^ (ONES * u64::from(b'0'));
    // What overflows changes the bytes behind only.
    let others = (values.wrapping_add(ONES * (0x80 - 10)) | values) & (ONES << 7);
    others.trailing_zeros() as usize / 8
}

/// A literal.
pub(super) enum Found<'t> {
    /// Its bytes.
    Bytes(&'t [u8]),
    /// Fewer than eight bytes, as a little-endian number, and how many.
    Word(u64, usize),
}

/// The literals of one kind that follow, each behind a comma, and what is behind them. To the lexer two of them are as
/// many.
pub(super) fn others<'t>(kind: Plain, text: &'t [u8], mut each: impl FnMut(Found<'t>)) -> &'t [u8] {
    let mut rest = text;
    loop {
        if kind == Plain::Integer {
            rest = short_integers(rest, &mut each);
        }
        let Some(literal) = behind_comma(rest) else { return rest };
        let Some(length) = kind.length(literal) else { return rest };
        let (literal, behind) = literal.split_at(length);
        each(Found::Bytes(literal));
        rest = behind;
    }
}

/// The whole numbers of fewer than eight digits that follow, each behind a comma and perhaps a blank, and what is behind
/// them: nearly all lists are of such.
fn short_integers<'t>(text: &'t [u8], mut each: impl FnMut(Found<'t>)) -> &'t [u8] {
    let mut rest = text;
    while let Some([b',', next @ ..]) = rest.first_chunk::<10>() {
        let blank = usize::from(next[0] == b' ');
        let word = next.get(blank..).and_then(|next| next.first_chunk());
        let Some((number, length)) = word.copied().and_then(short_integer) else { break };
        each(Found::Word(number, length));
        rest = rest.get(1 + blank + length..).unwrap_or_default();
    }
    rest
}

/// The whole number of fewer than eight digits that a text begins with, which is to be seen by eight bytes: its digits as
/// a little-endian number, and how many.
fn short_integer(text: [u8; 8]) -> Option<(u64, usize)> {
    let word = u64::from_le_bytes(text);
    let length = digits_of_word(word);
    let is_whole = (1..8).contains(&length) && (word >> (8 * length)) as u8 != b'.';
    is_whole.then(|| (word & !(u64::MAX << (8 * length)), length))
}

/// What is behind a comma and blanks.
pub(super) fn behind_comma(text: &[u8]) -> Option<&[u8]> {
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
