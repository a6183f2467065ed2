//! Ids, times, numbers and enumerations in every way that OTLP JSON is written.

use super::scanner::Scalar;
use crate::ingest::raw::Value;

/// 16 bytes as 32 hexadecimal digits.
#[inline(always)]
pub(in crate::ingest) fn hex_128(digits: &[u8; 32]) -> Option<u128> {
    let (high, low) = digits.split_first_chunk::<16>()?;
    Some(u128::from(hex_64(high)?) << 64 | u128::from(hex_64(low.first_chunk()?)?))
}

/// 8 bytes as 16 hexadecimal digits.
#[inline(always)]
pub(in crate::ingest) fn hex_64(digits: &[u8; 16]) -> Option<u64> {
    let (high, low) = digits.split_first_chunk::<8>()?;
    Some(u64::from(hex_32(high)?) << 32 | u64::from(hex_32(low.first_chunk()?)?))
}

/// Eight digits at once, one a byte of a word.
#[inline(always)]
fn hex_32(digits: &[u8; 8]) -> Option<u32> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES * 0x80;
    // The high bit of each byte that is at least `lowest`; all bytes are below 0x80.
    let at_least = |word: u64, lowest: u8| (word + ONES * (0x80 - lowest as u64)) & HIGH;
    let word = u64::from_le_bytes(*digits);
    if word & HIGH != 0 {
        return None;
    }
    let lower = word | (ONES * 0x20);
    let digit = at_least(word, b'0') & !at_least(word, b'9' + 1);
    let letter = at_least(lower, b'a') & !at_least(lower, b'f' + 1);
    if digit | letter != HIGH {
        return None;
    }
    let nibbles = (word & (ONES * 0x0f)) + (letter >> 7) * 9;
    let pairs = (nibbles << 4 | nibbles >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    Some(((fours | fours >> 16) as u32).swap_bytes())
}

/// A trace id in hexadecimal digits (32, or 16 of systems with short ids) or base64.
pub(in crate::ingest) fn trace_id(text: &[u8]) -> Option<u128> {
    match text.len() {
        32 => hex_128(text.first_chunk()?),
        16 => hex_64(text.first_chunk()?).map(u128::from),
        22 | 24 => base64::<16>(text).map(u128::from_be_bytes),
        _ => None,
    }
}

/// A span id in 16 hexadecimal digits or base64; zero for an empty text.
pub(in crate::ingest) fn span_id(text: &[u8]) -> Option<u64> {
    match text.len() {
        0 => Some(0),
        16 => hex_64(text.first_chunk()?),
        11 | 12 => base64::<8>(text).map(u64::from_be_bytes),
        _ => None,
    }
}

/// Up to 32 hexadecimal digits; leading zeros may be missing.
pub(in crate::ingest) fn hex_any(digits: &[u8]) -> Option<u128> {
    let fits = (1..=32).contains(&digits.len());
    let digit = |number: u128, digit: &u8| Some(number << 4 | u128::from((*digit as char).to_digit(16)?));
    match digits.len() {
        32 => hex_128(digits.first_chunk()?),
        16 => hex_64(digits.first_chunk()?).map(u128::from),
        _ => fits.then_some(digits)?.iter().try_fold(0, digit),
    }
}

/// An id of 16 bytes; empty texts are none.
pub(in crate::ingest) fn hex(scalar: Scalar<'_>) -> Option<u128> {
    match scalar {
        Scalar::Text(b"") => Some(0),
        Scalar::Text(digits) => hex_any(digits),
        _ => None,
    }
}

/// An id of 8 bytes; empty texts are none.
pub(in crate::ingest) fn hex_short(scalar: Scalar<'_>) -> Option<u64> {
    hex(scalar).and_then(|id| u64::try_from(id).ok())
}

/// Exactly `N` bytes in base64 of either alphabet, padded or not.
fn base64<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let mut bytes = [0; N];
    let mut targets = bytes.iter_mut();
    let (mut bits, mut pending) = (0_u32, 0);
    for &digit in text {
        bits = bits << 6 | u32::from(base64_digit(digit)?);
        pending += 6;
        if pending >= 8 {
            pending -= 8;
            *targets.next()? = (bits >> pending) as u8;
            bits &= (1 << pending) - 1;
        }
    }
    targets.next().is_none().then_some(bytes)
}

fn base64_digit(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// The nanoseconds of 19 digits: every time between 2001 and 2262.
#[inline(always)]
pub(in crate::ingest) fn nanoseconds_19(digits: &[u8; 19]) -> Option<u64> {
    let (first, rest) = digits.split_first_chunk::<8>()?;
    let (second, rest) = rest.split_first_chunk::<8>()?;
    let last = rest.iter().try_fold(0, |number, &digit| decimal(number, digit))?;
    Some(eight_digits(first)? * 100_000_000_000 + eight_digits(second)? * 1_000 + last)
}

/// Eight decimal digits at once, one a byte of a word.
#[inline(always)]
fn eight_digits(digits: &[u8; 8]) -> Option<u64> {
    let word = u64::from_le_bytes(*digits);
    let above_nine = word.wrapping_add(0x4646_4646_4646_4646);
    let digits = word.wrapping_sub(0x3030_3030_3030_3030);
    if (above_nine | digits) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let twos = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos * 100 + (twos >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

fn decimal(number: u64, digit: u8) -> Option<u64> {
    let digit = digit.wrapping_sub(b'0');
    (digit < 10).then_some(number * 10 + u64::from(digit))
}

/// A time in nanoseconds, as a string or a number, also with a fraction or an exponent.
pub(in crate::ingest) fn nanoseconds(scalar: Scalar<'_>) -> Option<u64> {
    match number(text(scalar)?)? {
        Number::Integer(value) => u64::try_from(value).ok(),
        Number::Double(value) if value >= 0.0 && value < u64::MAX as f64 => Some(value as u64),
        Number::Double(_) => None,
    }
}

/// A time or duration in microseconds, in nanoseconds.
pub(in crate::ingest) fn microseconds(scalar: Scalar<'_>) -> Option<u64> {
    match number(text(scalar)?)? {
        Number::Integer(value) => u64::try_from(value).ok()?.checked_mul(1_000),
        Number::Double(value) if value >= 0.0 && value < u64::MAX as f64 / 1_000.0 => {
            Some((value * 1_000.0) as u64)
        }
        Number::Double(_) => None,
    }
}

/// The value of an `intValue`: saturates beyond 64 bits; keeps a fraction that should not be there.
pub(in crate::ingest) fn integer<'b>(scalar: Scalar<'b>) -> Option<Value<'b>> {
    Some(match number(text(scalar)?)? {
        Number::Integer(value) => Value::Integer(saturated(value)),
        Number::Double(value) => Value::Double(value),
    })
}

/// The value of a `doubleValue`.
pub(in crate::ingest) fn double<'b>(scalar: Scalar<'b>) -> Option<Value<'b>> {
    Some(match number(text(scalar)?)? {
        Number::Integer(value) => Value::Double(value as f64),
        Number::Double(value) => Value::Double(value),
    })
}

/// The value of a `boolValue`.
pub(in crate::ingest) fn boolean<'b>(scalar: Scalar<'b>) -> Option<Value<'b>> {
    match scalar {
        Scalar::True | Scalar::Text(b"true") => Some(Value::Boolean(true)),
        Scalar::False | Scalar::Text(b"false") => Some(Value::Boolean(false)),
        _ => None,
    }
}

/// A value that stands where an object with its type belongs.
pub(in crate::ingest) fn untyped<'b>(scalar: Scalar<'b>) -> Option<Value<'b>> {
    match scalar {
        Scalar::Text(text) => Some(Value::Text(text)),
        Scalar::Number(_) => integer(scalar),
        _ => boolean(scalar),
    }
}

/// `SpanKind` by number or by name; 0 for what is none.
pub(in crate::ingest) fn span_kind(scalar: Scalar<'_>) -> u8 {
    const NAMES: [&[u8]; 6] = [b"UNSPECIFIED", b"INTERNAL", b"SERVER", b"CLIENT", b"PRODUCER", b"CONSUMER"];
    enumeration(scalar, b"SPAN_KIND_", &NAMES)
}

/// `StatusCode` is ERROR, by number or by name.
pub(in crate::ingest) fn is_error(scalar: Scalar<'_>) -> bool {
    enumeration(scalar, b"STATUS_CODE_", &[b"UNSET", b"OK", b"ERROR"]) == 2
}

fn enumeration(scalar: Scalar<'_>, prefix: &[u8], names: &[&[u8]]) -> u8 {
    let Some(text) = text(scalar) else {
        return 0;
    };
    let name = match text.split_at_checked(prefix.len()) {
        Some((start, name)) if start.eq_ignore_ascii_case(prefix) => name,
        _ => text,
    };
    let by_name = names.iter().position(|known| known.eq_ignore_ascii_case(name));
    let by_number = || match number(text) {
        Some(Number::Integer(value)) => usize::try_from(value).ok().filter(|value| *value < names.len()),
        _ => None,
    };
    by_name.or_else(by_number).unwrap_or(0) as u8
}

/// A number may stand in quotes.
fn text<'b>(scalar: Scalar<'b>) -> Option<&'b [u8]> {
    match scalar {
        Scalar::Text(text) | Scalar::Number(text) => Some(text),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Integer(i128),
    Double(f64),
}

fn number(text: &[u8]) -> Option<Number> {
    let text = std::str::from_utf8(text).ok()?;
    let first = text.strip_prefix('-').unwrap_or(text).as_bytes().first()?;
    match text {
        "NaN" | "Infinity" | "-Infinity" => text.parse().ok().map(Number::Double),
        _ if !first.is_ascii_digit() => None,
        _ => match text.parse() {
            Ok(integer) => Some(Number::Integer(integer)),
            // A long row of digits, a fraction or an exponent.
            Err(_) => text.parse().ok().map(Number::Double),
        },
    }
}

fn saturated(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_digits_of_any_case_or_base64_are_one() {
        let id = 0x5b8e_fff7_9803_8103_d269_b633_813f_c60c;
        for text in [
            "5b8efff798038103d269b633813fc60c",
            "5B8EFFF798038103D269B633813FC60C",
            "W47/95gDgQPSabYzgT/GDA==",
            "W47_95gDgQPSabYzgT_GDA",
        ] {
            assert_eq!(trace_id(text.as_bytes()), Some(id), "{text}");
        }
        for text in ["eee19b7ec3c1b174", "EEE19B7EC3C1B174", "7uGbfsPBsXQ=", "7uGbfsPBsXQ"] {
            assert_eq!(span_id(text.as_bytes()), Some(0xeee1_9b7e_c3c1_b174), "{text}");
        }
        assert_eq!(trace_id(b"eee19b7ec3c1b174"), Some(0xeee1_9b7e_c3c1_b174));
    }

    #[test]
    fn no_byte_but_a_digit_is_taken_for_one() {
        for place in 0..16 {
            for byte in 0..=255_u8 {
                let mut digits = *b"0123456789abcDEF";
                digits[place] = byte;
                assert_eq!(hex_64(&digits).is_some(), byte.is_ascii_hexdigit(), "{byte}");
            }
        }
        for place in 0..19 {
            for byte in 0..=255_u8 {
                let mut digits = *b"1700000000123456789";
                digits[place] = byte;
                let expected = std::str::from_utf8(&digits).ok().and_then(|text| text.parse().ok());
                assert_eq!(nanoseconds_19(&digits), expected.filter(|_| byte != b'+'), "{byte}");
            }
        }
        for text in ["", "5b8e", "5b8efff798038103d269b633813fc60g", "W47/95gDgQPSabYzgT/GD!=="] {
            assert_eq!(trace_id(text.as_bytes()), None);
        }
    }

    #[test]
    fn times_are_strings_or_numbers_of_any_form() {
        let of = |text: &'static str| nanoseconds(Scalar::Text(text.as_bytes()));
        assert_eq!(of("1700000000123456789"), Some(1_700_000_000_123_456_789));
        assert_eq!(of("1.5e18"), Some(1_500_000_000_000_000_000));
        assert_eq!(of("1500000000000000000.0"), Some(1_500_000_000_000_000_000));
        for text in ["-1", "NaN", "", "1e30", "99999999999999999999", "12:00", "+1", "0x10"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn integers_beyond_64_bits_saturate() {
        let of = |text: &'static str| integer(Scalar::Number(text.as_bytes()));
        assert_eq!(of("42"), Some(Value::Integer(42)));
        assert_eq!(of("-9223372036854775809"), Some(Value::Integer(i64::MIN)));
        assert_eq!(of("18446744073709551615"), Some(Value::Integer(i64::MAX)));
        assert_eq!(of("1.5"), Some(Value::Double(1.5)));
        assert_eq!(of("word"), None);
        assert!(matches!(double(Scalar::Text(b"NaN")), Some(Value::Double(value)) if value.is_nan()));
    }

    #[test]
    fn enumerations_are_names_or_numbers() {
        assert_eq!(span_kind(Scalar::Number(b"3")), 3);
        assert_eq!(span_kind(Scalar::Text(b"2")), 2);
        assert_eq!(span_kind(Scalar::Text(b"SPAN_KIND_CONSUMER")), 5);
        assert_eq!(span_kind(Scalar::Text(b"Client")), 3);
        assert_eq!(span_kind(Scalar::Number(b"77")), 0);
        assert!(is_error(Scalar::Text(b"STATUS_CODE_ERROR")));
        assert!(is_error(Scalar::Number(b"2")));
        assert!(!is_error(Scalar::Number(b"1")));
    }
}
