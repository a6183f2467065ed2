//! Times and durations as logs write them.

/// A moment of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Nanoseconds since the Unix epoch.
    pub(super) at_ns: u64,
    /// It says no more than the second.
    pub(super) coarse: bool,
    /// It names no time zone.
    pub(super) no_zone: bool,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Unit {
    /// Seconds.
    #[default]
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

impl Unit {
    fn nanoseconds(self) -> u64 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Milliseconds => 1_000_000,
            Self::Microseconds => 1_000,
            Self::Nanoseconds => 1,
        }
    }

    /// The unit of a name such as `ms`.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"s" => Some(Self::Seconds),
            b"ms" => Some(Self::Milliseconds),
            b"us" | b"\xc2\xb5s" | b"\xce\xbcs" => Some(Self::Microseconds),
            b"ns" => Some(Self::Nanoseconds),
            _ => None,
        }
    }
}

/// A duration in nanoseconds: a number, which may have a fraction and a unit of its own.
pub(super) fn duration_ns(text: &[u8], unit: Unit) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = number(&text[..digits])?;
    let mut rest = &text[digits..];
    let mut fraction: &[u8] = b"";
    if let Some(after) = rest.strip_prefix(b".") {
        let length = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (fraction, rest) = after.split_at(length);
    }
    let unit = if rest.is_empty() { unit } else { Unit::of(rest)? }.nanoseconds();
    // Of the fraction nine digits count.
    let (mut part, mut of) = (0, 1);
    for digit in fraction.iter().take(9) {
        part = part * 10 + u64::from(digit - b'0');
        of *= 10;
    }
    // Both are at most a billion.
    whole.checked_mul(unit)?.checked_add(part * unit / of)
}

/// A whole number; `None` for everything else.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        digit.is_ascii_digit().then(|| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
    })
}

/// A moment in any of the forms that logs have.
pub(super) fn moment(text: &[u8]) -> Option<Moment> {
    match text {
        [_, _, b'/', ..] => of_server(text),
        [_, _, _, _, b'-', ..] => of_iso(text),
        _ => of_epoch(text),
    }
}

/// The time of the line before: many lines have the same.
#[derive(Debug, Default)]
pub(super) struct LastTime {
    text: Vec<u8>,
    moment: Option<Moment>,
}

impl LastTime {
    /// As [`moment`].
    pub(super) fn moment(&mut self, text: &[u8]) -> Option<Moment> {
        if self.text != text {
            self.moment = moment(text);
            self.text.clear();
            self.text.extend_from_slice(text);
        }
        self.moment
    }
}

/// `10/Oct/2000:13:55:36 -0700`, with milliseconds behind a point in HAProxy's, which has no zone.
fn of_server(text: &[u8]) -> Option<Moment> {
    let (day, month, year) = (text.get(..2)?, text.get(3..6)?, text.get(7..11)?);
    if [2, 6].into_iter().any(|at| text[at] != b'/') || text.get(11) != Some(&b':') {
        return None;
    }
    with_clock(number(year)?, month_of(month)?, number(day)?, text.get(12..)?)
}

/// `2026-11-28T17:09:57.123+01:00`; a blank instead of the `T`, a comma instead of the point.
fn of_iso(text: &[u8]) -> Option<Moment> {
    let (year, month, day) = (text.get(..4)?, text.get(5..7)?, text.get(8..10)?);
    if text.get(7) != Some(&b'-') || !matches!(text.get(10), Some(b'T' | b' ')) {
        return None;
    }
    with_clock(number(year)?, number(month)?, number(day)?, text.get(11..)?)
}

/// Seconds since the epoch with a fraction, or whole milli-, micro- or nanoseconds.
fn of_epoch(text: &[u8]) -> Option<Moment> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unit = match digits {
        9..=10 => Unit::Seconds,
        12..=13 => Unit::Milliseconds,
        15..=16 => Unit::Microseconds,
        18..=19 => Unit::Nanoseconds,
        _ => return None,
    };
    let plain = text[digits..].iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let at_ns = duration_ns(text, unit).filter(|_| plain)?;
    let coarse = unit == Unit::Seconds && digits == text.len();
    Some(Moment { at_ns, coarse, no_zone: false })
}

/// Adds `13:55:36.123 -0700` to a day.
fn with_clock(year: u64, month: u64, day: u64, clock: &[u8]) -> Option<Moment> {
    let (hour, minute, second) = (clock.get(..2)?, clock.get(3..5)?, clock.get(6..8)?);
    if [2, 5].into_iter().any(|at| clock[at] != b':') {
        return None;
    }
    let (hour, minute, second) = (number(hour)?, number(minute)?, number(second)?);
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    let mut rest = clock.get(8..)?;
    let (mut fraction_ns, mut coarse) = (0, true);
    if let Some(after) = rest.strip_prefix(b".").or_else(|| rest.strip_prefix(b",")) {
        let length = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut scale = 100_000_000;
        for digit in &after[..length.min(9)] {
            fraction_ns += u64::from(digit - b'0') * scale;
            scale /= 10;
        }
        (rest, coarse) = (&after[length..], length == 0);
    }
    // A leap second belongs to the next minute.
    let seconds = days(year, month, day)? * 86_400 + hour * 3_600 + minute * 60 + second.min(60);
    let (zone_s, no_zone) = zone(rest.trim_ascii())?;
    let at_s = seconds.checked_add_signed(-zone_s).filter(|_| fits)?;
    Some(Moment { at_ns: at_s.checked_mul(1_000_000_000)? + fraction_ns, coarse, no_zone })
}

/// Seconds east of Greenwich, and whether no zone is named.
fn zone(text: &[u8]) -> Option<(i64, bool)> {
    let (sign, digits) = match text {
        b"" => return Some((0, true)),
        b"Z" | b"UTC" | b"GMT" => return Some((0, false)),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.len() {
        2 => (number(digits)?, 0),
        4 => (number(&digits[..2])?, number(&digits[2..])?),
        5 if digits[2] == b':' => (number(&digits[..2])?, number(&digits[3..])?),
        _ => return None,
    };
    Some((sign * (hours * 3_600 + minutes * 60) as i64, false))
}

fn month_of(name: &[u8]) -> Option<u64> {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    Some(MONTHS.iter().position(|month| *month == name)? as u64 + 1)
}

/// Days since the epoch, of the years 1970 to 9999.
///
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    days.checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_form() {
        let ns = |text: &str| moment(text.as_bytes()).map(|moment| moment.at_ns);
        let whole = 1_795_885_797_000_000_000;
        for text in [
            "28/Nov/2026:17:09:57 +0000",
            "28/Nov/2026:18:39:57 +0130",
            "28/Nov/2026:10:09:57 -0700",
            "28/Nov/2026:17:09:57.000",
            "2026-11-28T17:09:57+00:00",
            "2026-11-28T17:09:57Z",
            "2026-11-28 17:09:57 UTC",
            "2026-11-28 19:09:57,000 +0200",
            "1795885797",
            "1795885797.0",
            "1795885797000",
            "1795885797000000",
        ] {
            assert_eq!(ns(text), Some(whole), "{text}");
        }
        assert_eq!(ns("1795885797.462"), Some(whole + 462_000_000));
        assert_eq!(ns("2026-11-28T17:09:57.123456789Z"), Some(whole + 123_456_789));
        assert_eq!(ns("29/Feb/2000:00:00:00 +0000"), Some(951_782_400_000_000_000));
        for text in [
            "",
            "-",
            "28/Nev/2026:17:09:57 +0000",
            "28/Nov/2026:24:09:57 +0000",
            "28/Nov/2026",
            "2026-11-28",
            "2026-13-28T17:09:57Z",
            "28/Nov/2026:17:09:57 abc",
            "0000-01-01T00:00:00Z",
            "12345",
            "00/Jan/1970:00:00:00 +0000",
        ] {
            assert_eq!(ns(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_moment_leaves_open_is_told() {
        let of = |text: &str| moment(text.as_bytes()).map(|moment| (moment.coarse, moment.no_zone));
        assert_eq!(of("28/Nov/2026:17:09:57 +0000"), Some((true, false)));
        assert_eq!(of("28/Nov/2026:17:09:57.120"), Some((false, true)));
        assert_eq!(of("1795885797"), Some((true, false)));
        assert_eq!(of("1795885797.462"), Some((false, false)));
    }

    #[test]
    fn durations_have_fractions_and_units() {
        let ns = |text: &str, unit| duration_ns(text.as_bytes(), unit);
        assert_eq!(ns("0.042", Unit::Seconds), Some(42_000_000));
        assert_eq!(ns("58.33", Unit::Milliseconds), Some(58_330_000));
        assert_eq!(ns("41842", Unit::Microseconds), Some(41_842_000));
        assert_eq!(ns("20ms", Unit::Seconds), Some(20_000_000));
        assert_eq!(ns("1.5s", Unit::Milliseconds), Some(1_500_000_000));
        for text in ["", "-", "-1", "1.5x", "x", "99999999999999999999", "9999999999999999999"] {
            assert_eq!(ns(text, Unit::Seconds), None, "{text}");
        }
    }
}
