//! Durations as users write and read them: `500ms`, `1.5h`; `1.67 s`, `12.4 ms`, `830 µs`.

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

/// Units in which a duration is shown, in nanoseconds.
const SHOWN: [(u128, &str); 4] = [(1, "ns"), (1_000, "µs"), (1_000_000, "ms"), (SECOND_NS, "s")];

const SECOND_NS: u128 = 1_000_000_000;

/// From here on minutes say more than seconds.
const MINUTES_FROM_S: u128 = 120;

/// From here on hours say more than minutes.
const HOURS_FROM_S: u128 = 2 * 3600;

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

/// Shows nanoseconds with three digits, fewer where they say it exactly; minutes and hours as whole ones.
pub fn format(ns: u64) -> String {
    let ns = u128::from(ns);
    let seconds = (ns + SECOND_NS / 2) / SECOND_NS;
    match seconds {
        0 if ns == 0 => "0 ms".to_owned(),
        HOURS_FROM_S.. => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        MINUTES_FROM_S.. => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => three_digits(ns),
    }
}

fn three_digits(ns: u128) -> String {
    let steps = SHOWN.iter().flat_map(|unit| [2, 1, 0].map(|decimals| (unit, decimals)));
    for ((unit, name), decimals) in steps {
        let scale = 10u128.pow(decimals);
        let rounded = (ns * scale + unit / 2) / unit;
        if rounded >= 1000 {
            continue;
        }
        let (whole, part) = (rounded / scale, rounded % scale);
        let width = decimals as usize;
        let number = format!("{whole}.{part:0width$}");
        let exact = (ns * scale).is_multiple_of(*unit);
        return match exact || decimals == 0 {
            true if part == 0 => format!("{whole} {name}"),
            true => format!("{} {name}", number.trim_end_matches('0')),
            false => format!("{number} {name}"),
        };
    }
    format!("{} s", (ns + SECOND_NS / 2) / SECOND_NS)
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

    #[test]
    fn shown_with_three_digits_or_exactly() {
        for (ns, text) in [
            (0, "0 ms"),
            (7, "7 ns"),
            (830, "830 ns"),
            (830_400, "830 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (1_000_000, "1 ms"),
            (9_994_999, "9.99 ms"),
            (9_995_000, "10.0 ms"),
            (12_412_345, "12.4 ms"),
            (350_000_001, "350 ms"),
            (999_999_999, "1.00 s"),
            (1_500_000_000, "1.5 s"),
            (1_666_123_456, "1.67 s"),
            (119_400_000_000, "119 s"),
            (125_000_000_000, "2 min 5 s"),
            (7_260_000_000_000, "2 h 1 min"),
            (u64::MAX, "5124095 h 34 min"),
        ] {
            assert_eq!(format(ns), text, "{ns}");
        }
    }
}
