//! Durations, counts and shares as people read them: `1.67 s`, `12.4 ms`, `148,311`, `73 %`.

/// Units in which a duration is shown, in nanoseconds.
const SHOWN: [(u128, &str); 4] = [(1, "ns"), (1_000, "µs"), (1_000_000, "ms"), (SECOND_NS, "s")];

const SECOND_NS: u128 = 1_000_000_000;

/// From here on minutes say more than seconds.
const MINUTES_FROM_S: u128 = 120;

/// From here on hours say more than minutes.
const HOURS_FROM_S: u128 = 2 * 3600;

/// Shows nanoseconds with three digits, fewer where they say it exactly; minutes and hours as whole ones.
pub fn duration(ns: u64) -> String {
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

/// Shows bytes with three digits, in powers of a thousand: `412 kB`, `1.24 MB`.
pub fn bytes(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    // What is rounded to a thousand of one unit is one of the next.
    let unit = units.into_iter().find(|(unit, _)| bytes >= unit - unit / 2_000);
    let Some((unit, name)) = unit else { return format!("{bytes} B") };
    let thousandths = (u128::from(bytes) * 1_000 + u128::from(unit) / 2) / u128::from(unit);
    let decimals = match thousandths {
        ..=9_994 => 2,
        9_995..99_950 => 1,
        _ => 0,
    };
    let number = format!("{:.decimals$}", thousandths as f64 / 1_000.0);
    let short = if decimals > 0 { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    format!("{short} {name}")
}

/// A count with separators: `148,311`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun: `1 span`, `2,000 spans`, `3 queries`.
pub fn counted(number: u64, noun: &str) -> String {
    let noun = match (number, noun.strip_suffix('y')) {
        (1, _) => noun.to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        (_, None) => format!("{noun}s"),
    };
    format!("{} {noun}", count(number))
}

/// A share of a whole; what is there is never shown as nothing, and what is missing never as all.
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0 %".to_owned();
    }
    let (part, whole) = (u128::from(part), u128::from(whole));
    match (part * 200 + whole) / (whole * 2) {
        0 if part > 0 => "< 1 %".to_owned(),
        100 if part < whole => "> 99 %".to_owned(),
        percent => format!("{percent} %"),
    }
}

/// Replaces what would move the cursor, colour the screen or turn the reading direction: names and
/// statements come from whoever wrote the traces.
pub fn clean(text: &str) -> String {
    let harmful = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|character| match character {
            '\n' | '\t' | '\r' => ' ',
            other if harmful(other) => '\u{fffd}',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (148_311, "148,311")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(counted(1, "query"), "1 query");
        assert_eq!(counted(0, "query"), "0 queries");
        assert_eq!(counted(2_000, "span"), "2,000 spans");
    }

    #[test]
    fn shares_round_but_do_not_lie() {
        for (part, whole, text) in [
            (0, 0, "0 %"),
            (0, 9, "0 %"),
            (1, 1000, "< 1 %"),
            (5, 1000, "1 %"),
            (729, 1000, "73 %"),
            (999, 1000, "> 99 %"),
            (9, 9, "100 %"),
            (u64::MAX, u64::MAX, "100 %"),
        ] {
            assert_eq!(share(part, whole), text);
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
            assert_eq!(duration(ns), text, "{ns}");
        }
    }

    #[test]
    fn bytes_have_three_digits() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (412_345, "412 kB"),
            (999_400, "999 kB"),
            (999_600, "1 MB"),
            (1_240_000, "1.24 MB"),
            (45_000_000, "45 MB"),
            (12_345_000_000, "12.3 GB"),
            (u64::MAX, "18446744074 GB"),
        ] {
            assert_eq!(bytes(number), text, "{number}");
        }
    }
}
