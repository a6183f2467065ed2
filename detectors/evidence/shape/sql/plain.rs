//! Literals that any other of their kind may stand for, and runs of them.

use std::ops::Range;

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
    #[inline]
    pub(super) fn length(self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Integer => integer(text),
            Self::Decimal => decimal(text),
            Self::Text => quoted(text),
        }
    }
}

/// The plain literal that a text begins with, and its length.
pub(super) fn plain(text: &[u8]) -> Option<(Plain, usize)> {
    let kinds = [Plain::Text, Plain::Decimal, Plain::Integer];
    kinds.into_iter().find_map(|kind| Some((kind, kind.length(text)?)))
}

/// The length of the simple string that a text begins with, with its quotes.
#[inline]
fn quoted(text: &[u8]) -> Option<usize> {
    let inner = text.strip_prefix(b"'")?;
    let length = unquoted(inner);
    (inner.get(length) == Some(&b'\'')).then_some(length + 2)
}

/// The length of the number with a point in it that a text begins with.
#[inline]
fn decimal(text: &[u8]) -> Option<usize> {
    let whole = digits(text);
    let parts = text.get(whole..)?.strip_prefix(b".").map(digits);
    parts.filter(|parts| whole > 0 && *parts > 0).map(|parts| whole + 1 + parts)
}

/// The length of the whole number that a text begins with.
fn integer(text: &[u8]) -> Option<usize> {
    let whole = digits(text);
    let is_decimal = || matches!(text.get(whole..), Some([b'.', b'0'..=b'9', ..]));
    (whole > 0 && !is_decimal()).then_some(whole)
}

/// Whether a literal of a text is a whole number, and a plain one by what follows it.
pub(super) fn is_integer(text: &[u8], literal: Range<usize>) -> bool {
    text.get(literal.start..).and_then(integer) == Some(literal.len())
}

/// Each byte of a word is one.
const ONES: u64 = u64::MAX / 255;

/// How many bytes are before the first quote or backslash.
fn unquoted(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks();
    for (place, word) in words.iter().enumerate() {
        if let Some(length) = unquoted_of_word(u64::from_le_bytes(*word)) {
            return place * 8 + length;
        }
    }
    let length = match word_of_end(text, rest.len()) {
        Some(word) => unquoted_of_word(word),
        None => rest.iter().position(|byte| matches!(byte, b'\'' | b'\\')),
    };
    text.len() - rest.len() + length.unwrap_or(rest.len())
}

/// How many of eight bytes are before the first quote or backslash, if one is among them.
fn unquoted_of_word(word: u64) -> Option<usize> {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let is = |byte: u8| zero(word ^ (ONES * u64::from(byte)));
    // The first one is right, though a byte behind it may be told wrongly.
    let ends = is(b'\'') | is(b'\\');
    (ends != 0).then_some(ends.trailing_zeros() as usize / 8)
}

/// The first eight of the last so many bytes of a text, as a little-endian number, with zeros behind them where they are
/// fewer. `None` where the whole text is shorter than that.
#[inline]
pub(super) fn word_of_end(text: &[u8], length: usize) -> Option<u64> {
    let end = text.get(text.len().checked_sub(length)?..)?;
    if let Some(chunk) = end.first_chunk() {
        return Some(u64::from_le_bytes(*chunk));
    }
    let last = u64::from_le_bytes(*text.last_chunk()?);
    Some(last.unbounded_shr(8 * (8 - length as u32)))
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

/// The literals of one kind that follow, each behind a comma, and what is behind them. To the lexer two of them are as
/// many.
pub(super) fn others<'t>(kind: Plain, text: &'t [u8], mut each: impl FnMut(&'t [u8])) -> &'t [u8] {
    let mut rest = text;
    while let Some(literal) = behind_comma(rest) {
        let Some(length) = kind.length(literal) else { break };
        let (literal, behind) = literal.split_at(length);
        each(literal);
        rest = behind;
    }
    rest
}

/// The whole numbers that a text begins with, from the second on each behind a comma: with these commas; how many they
/// are, and what is behind them.
pub(super) fn integers(text: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let first = integer(text)?;
    let (others, count) = other_integers(text.get(first..)?);
    let (integers, rest) = text.split_at_checked(first + others)?;
    Some((integers, 1 + count, rest))
}

/// How many bytes the whole numbers that follow have, each behind a comma, and how many these are.
fn other_integers(text: &[u8]) -> (usize, u32) {
    let (mut length, mut count) = few_integers(text);
    let behind = |length| text.get(length..).unwrap_or_default();
    if count == FEW {
        let (many, more) = many_integers(behind(length));
        (length, count) = (length + many, count + more);
    }
    if behind(length).first() == Some(&b',') {
        let rest = others(Plain::Integer, behind(length), |_| count += 1);
        length = text.len() - rest.len();
    }
    (length, count)
}

/// Whole numbers of a list that are looked at one by one before many are: most lists are short.
const FEW: u32 = 4;

/// How many bytes the first of the whole numbers that follow have, and how many these are: those of fewer than eight
/// digits behind a comma and perhaps a blank, and no more than [`FEW`].
fn few_integers(text: &[u8]) -> (usize, u32) {
    let (mut length, mut count) = (0, 0);
    while count < FEW
        && let Some([b',', next @ ..]) = text.get(length..).and_then(|rest| rest.first_chunk::<10>())
    {
        let blank = usize::from(next[0] == b' ');
        let number =
            next.get(blank..).and_then(|next| short_integer(u64::from_le_bytes(*next.first_chunk()?)));
        let Some((_, digits)) = number else { break };
        length += 1 + blank + digits;
        count += 1;
    }
    (length, count)
}

/// Bytes of a list that are looked at in one go.
const WIDE: usize = 32;

/// The whole number of fewer than eight digits that a text begins with, which is to be seen by its first eight bytes: its
/// digits as a little-endian number, and how many.
pub(super) fn short_integer(word: u64) -> Option<(u64, usize)> {
    let length = digits_of_word(word);
    let behind = word.unbounded_shr(8 * length as u32) as u8;
    ((1..8).contains(&length) && behind != b'.').then(|| (word & !(u64::MAX << (8 * length)), length))
}

/// How many bytes the first of the whole numbers that follow have, and how many these are: those that are to be seen by
/// looking at many bytes at a time. Nearly all lists are of nothing but digits, commas and single blanks.
fn many_integers(text: &[u8]) -> (usize, u32) {
    let (mut length, mut commas) = (0, u32::from(text.first() == Some(&b',')));
    while commas > 0
        && let Some(found) = text.get(length..).and_then(|rest| rest.first_chunk()).and_then(commas_of_list)
    {
        commas += found;
        length += WIDE;
    }
    // The last number may go on.
    let last = text.get(..=length).and_then(|seen| seen.iter().rposition(|byte| *byte == b','));
    (last.unwrap_or(0), commas.saturating_sub(1))
}

/// The number of commas behind the first byte, if all that is behind it goes on with a list of whole numbers.
fn commas_of_list(text: &[u8; WIDE + 1]) -> Option<u32> {
    let (mut is_list, mut commas) = (true, 0_u8);
    for place in 0..WIDE {
        let (before, byte) = (text[place], text[place + 1]);
        let is_comma = byte == b',';
        let may_end = before.is_ascii_digit();
        is_list &= byte.is_ascii_digit() | (is_comma & may_end) | ((byte == b' ') & !may_end);
        commas += u8::from(is_comma);
    }
    is_list.then_some(commas.into())
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
    use super::{Plain, digits, other_integers, others};

    #[test]
    fn wide_and_narrow_looks_at_lists_agree() {
        let list = (0..40_u32).map(|number| format!(", {}", number.pow(number % 6))).collect::<String>();
        let narrow = |text: &[u8]| {
            let mut count = 0;
            let rest = others(Plain::Integer, text, |_| count += 1).len();
            (text.len() - rest, count)
        };
        let check = |text: &str| {
            assert_eq!(other_integers(text.as_bytes()), narrow(text.as_bytes()), "{text}");
        };
        check(&list);
        for place in 0..list.len() {
            for other in
                [",", " ", "\n", ".5", "e", "''", "é", ")", "$", ", ,", ",\t7", "12345678901234567890"]
            {
                let (before, behind) = list.split_at(place);
                check(&format!("{before}{other}{behind}"));
                check(&format!("{before}{other}"));
            }
        }
    }

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
