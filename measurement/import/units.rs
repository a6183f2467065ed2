//! Numbers of tools as whole nanoseconds and picoseconds.

use super::Unreadable;

/// Nanoseconds of a second.
pub(super) const SECOND: f64 = 1e9;
/// Nanoseconds of a millisecond.
pub(super) const MILLISECOND: f64 = 1e6;
/// Nanoseconds of a nanosecond.
pub(super) const NANOSECOND: f64 = 1.0;
/// A millisecond in nanoseconds.
pub(super) const MILLISECOND_NS: u64 = 1_000_000;

/// Longer durations than a week are none.
const LONGEST_NS: f64 = 7.0 * 86_400.0 * SECOND;

/// A duration in nanoseconds.
pub(super) fn nanoseconds(value: f64, unit: f64) -> Result<u64, Unreadable> {
    scaled(value, unit, 1.0)
}

/// A duration in picoseconds.
pub(super) fn picoseconds(value: f64, unit: f64) -> Result<u64, Unreadable> {
    scaled(value, unit, 1e3)
}

fn scaled(value: f64, unit: f64, parts: f64) -> Result<u64, Unreadable> {
    let ns = value * unit;
    if !ns.is_finite() || !(0.0..=LONGEST_NS).contains(&ns) {
        return Err(Unreadable::of(format!("{value} is no duration between nothing and a week")));
    }
    Ok(whole(ns * parts))
}

/// A count.
pub(super) fn count(value: f64) -> Result<u64, Unreadable> {
    match value.is_finite() && (0.0..=1e15).contains(&value) {
        true => Ok(whole(value)),
        false => Err(Unreadable::of(format!("{value} is no count"))),
    }
}

/// The nearest whole number; what does not fit is the nearest that does.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// A percentage as thousandths: 99.9 as 99,900; only what lies between 0 and 100.
pub(super) fn thousandths(percent: f64) -> Option<u32> {
    let thousandths = (percent * 1_000.0).round();
    (thousandths > 0.0 && thousandths < 100_000.0).then(|| u32::try_from(whole(thousandths)).ok())?
}

/// A duration with its unit behind it, in nanoseconds: `1.5ms`, `12us`, `2.00m`; several parts as Go writes them: `1m2.5s`.
pub(super) fn with_unit(text: &str) -> Result<u64, Unreadable> {
    let error = || Unreadable::of(format!("{:?} is no duration with its unit", super::subject::short(text)));
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let is_number = |letter: char| letter.is_ascii_digit() || letter == '.';
        let digits = rest.find(|letter: char| !is_number(letter)).ok_or_else(error)?;
        let (number, behind) = rest.split_at(digits);
        let letters = behind.find(is_number).unwrap_or(behind.len());
        let (unit, next) = behind.split_at(letters);
        total += number.parse::<f64>().map_err(|_| error())? * unit_ns(unit).ok_or_else(error)?;
        rest = next;
    }
    if text.is_empty() { Err(error()) } else { nanoseconds(total, NANOSECOND) }
}

fn unit_ns(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => NANOSECOND,
        // Both letters for micro.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1e3,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => 60.0 * SECOND,
        "h" => 3_600.0 * SECOND,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_their_units() {
        for (text, ns) in [
            ("850.00us", 850_000),
            ("17.03ms", 17_030_000),
            ("1.20s", 1_200_000_000),
            ("1m2.5s", 62_500_000_000),
            ("12µs", 12_000),
            ("2.00m", 120_000_000_000),
        ] {
            assert_eq!(with_unit(text), Ok(ns), "{text}");
        }
        for text in ["", "5", "ms", "1.2.3ms", "5 ms", "-3ms", "5parsecs", "99999h"] {
            assert!(with_unit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for value in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(nanoseconds(value, SECOND).is_err(), "{value}");
        }
        assert_eq!(picoseconds(4.7084, NANOSECOND), Ok(4_708));
    }

    #[test]
    fn percentages_lie_between_the_ends() {
        assert_eq!(
            [50.0, 99.9, 99.999, 0.0, 100.0].map(thousandths),
            [Some(50_000), Some(99_900), Some(99_999), None, None]
        );
    }
}
