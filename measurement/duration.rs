//! Durations as users write them: `500ms`, `1.5h`; a bare number is seconds.

use std::time::Duration;

/// Units in which a duration can be given; longer names before their own endings.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// The longest duration that is accepted: a year, in seconds.
const SECONDS_MAX: f64 = 365.0 * 24.0 * 3600.0;

/// Reads a duration; a bare number is seconds.
///
/// # Errors
///
/// A text that says what is expected.
pub fn parse(text: &str) -> Result<Duration, String> {
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, seconds)| Some((text.strip_suffix(name)?.trim_end(), *seconds)))
        .unwrap_or((text, 1.0));
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match number.parse::<f64>() {
        Ok(value) if plain && value * unit <= SECONDS_MAX => Ok(Duration::from_secs_f64(value * unit)),
        _ => Err("expected a duration such as 250ms, 30s or 5m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_or_are_seconds() {
        for (text, microseconds) in [
            ("30s", 30_000_000),
            ("5m", 300_000_000),
            ("5 min", 300_000_000),
            ("1.5h", 5_400_000_000),
            ("250ms", 250_000),
            ("0.5 s", 500_000),
            ("830us", 830),
            ("830µs", 830),
            ("2000ns", 2),
            ("2", 2_000_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_micros(microseconds)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "s", "-1s", "1 d", "inf", "1e9h", "NaN", "9999999999999h", "1.2.3s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
