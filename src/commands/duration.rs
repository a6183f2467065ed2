//! Durations as arguments: `90s`, `5m`, `1.5h`, `250ms`; a bare number is seconds.

use std::time::Duration;

const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// The longest duration that is accepted: a year, in seconds.
const SECONDS_MAX: f64 = 365.0 * 24.0 * 3600.0;

/// Reads a duration.
///
/// # Errors
///
/// A text that says what is expected.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, seconds)| Some((text.strip_suffix(name)?, *seconds)))
        .unwrap_or((text, 1.0));
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match number.parse::<f64>() {
        Ok(value) if plain && value * unit <= SECONDS_MAX => Ok(Duration::from_secs_f64(value * unit)),
        _ => Err("expected a duration such as 30s, 5m or 250ms".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_or_are_seconds() {
        for (text, milliseconds) in
            [("30s", 30_000), ("5m", 300_000), ("1.5h", 5_400_000), ("250ms", 250), ("2", 2_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "s", "-1s", "1 d", "inf", "1e9h", "NaN", "9999999999999h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
