//! Moments as servers write them into their logs.

/// Later years are damage; nanoseconds since 1970 fit into 64 bits with room behind them.
const YEAR_MAX: u64 = 2200;

/// Nanoseconds of a second.
const SECOND_NS: u64 = 1_000_000_000;

/// Abbreviations of time zones that mean one offset nearly everywhere, in minutes. What is not among them is taken
/// as UTC: moments of one log still have their right distances.
const ZONES: &[(&[u8], i64)] = &[
    (b"UTC", 0),
    (b"GMT", 0),
    (b"Z", 0),
    (b"WET", 0),
    (b"WEST", 60),
    (b"BST", 60),
    (b"CET", 60),
    (b"CEST", 120),
    (b"EET", 120),
    (b"EEST", 180),
    (b"MSK", 180),
    (b"JST", 540),
    (b"KST", 540),
    (b"AEST", 600),
    (b"AEDT", 660),
    (b"NZST", 720),
    (b"NZDT", 780),
    (b"EST", -300),
    (b"EDT", -240),
    (b"CST", -360),
    (b"CDT", -300),
    (b"MST", -420),
    (b"MDT", -360),
    (b"PST", -480),
    (b"PDT", -420),
];

/// Reads `2026-11-23 21:45:45[.843][ UTC]` (or with `T`, or with an offset) from the front of a text: nanoseconds
/// since the Unix epoch, and how many bytes it has.
pub(super) fn date_and_time(text: &[u8]) -> Option<(u64, usize)> {
    let (date, rest) = text.split_first_chunk::<10>()?;
    let (clock, _) = rest.get(1..)?.split_first_chunk::<8>()?;
    let separated = date[4] == b'-' && date[7] == b'-' && matches!(rest[0], b' ' | b'T');
    if !separated || clock[2] != b':' || clock[5] != b':' {
        return None;
    }
    let year = number(&date[..4])?;
    let (month, day) = (number(&date[5..7])?, number(&date[8..])?);
    let (hour, minute, second) = (number(&clock[..2])?, number(&clock[3..5])?, number(&clock[6..])?);
    let seconds = seconds([year, month, day], [hour, minute, second])?;
    let (fraction_ns, mut length) = fraction(text, 19);
    let mut at_ns = seconds.checked_mul(SECOND_NS)?.checked_add(fraction_ns)?;
    if let Some((minutes, zone)) = zone(text.get(length..)?) {
        let offset_ns = minutes.unsigned_abs() * 60 * SECOND_NS;
        at_ns = if minutes < 0 { at_ns.checked_add(offset_ns)? } else { at_ns.checked_sub(offset_ns)? };
        length += zone;
    }
    Some((at_ns, length))
}

/// Reads moments that follow one another: what of one is as in the one before is not read again.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// `2026-11-23 21:45`, and what it means.
    minute: [u8; 16],
    minute_ns: u64,
    /// What stood behind the seconds of that moment, as a little-endian number, and its length.
    zone: (u64, usize),
    offset_ns: i64,
    /// What was taken for granted of a zone.
    assumed: Option<&'static str>,
}

const UNKNOWN_ZONE: &str = "a log names a time zone by letters that are not known to mean one offset (as IST or BRT): its \
                            times are taken for UTC; log_timezone = 'UTC' makes them exact";

const CENTRAL_ZONE: &str =
    "a log names the time zone CST, which is taken for that of America (UTC-6) and not of China";

/// What is taken for granted of a zone that a log names.
fn assumed(zone: &[u8]) -> Option<&'static str> {
    let name = zone.strip_prefix(b" ").unwrap_or(zone);
    let is_named = name.first().is_some_and(u8::is_ascii_uppercase);
    match ZONES.iter().any(|(known, _)| *known == name) {
        true => (name == b"CST").then_some(CENTRAL_ZONE),
        false => is_named.then_some(UNKNOWN_ZONE),
    }
}

/// The longest zone that is remembered.
const ZONE_MAX: usize = 7;

impl Clock {
    /// Reads what [`date_and_time`] does.
    pub(super) fn date_and_time(&mut self, text: &[u8]) -> Option<(u64, usize)> {
        self.like_the_last(text).or_else(|| {
            let (at_ns, length) = date_and_time(text)?;
            self.remember(text, at_ns, length);
            Some((at_ns, length))
        })
    }

    /// What was taken for granted of the zones of the moments that were read.
    pub(super) fn assumed(&self) -> Option<&'static str> {
        self.assumed
    }

    fn like_the_last(&self, text: &[u8]) -> Option<(u64, usize)> {
        let [minute @ .., colon, tens, ones] = text.first_chunk::<19>()?;
        if *minute != self.minute || *colon != b':' {
            return None;
        }
        let second = two_digits([*tens, *ones]).filter(|second| *second < 60)?;
        let (fraction_ns, length) = fraction(text, 19);
        let ((zone, zone_length), rest) = (self.zone, text.get(length..)?);
        let begins = match rest.first_chunk() {
            Some(word) => first_bytes(u64::from_le_bytes(*word), zone_length) == zone,
            None => rest.starts_with(zone.to_le_bytes().get(..zone_length)?),
        };
        // Behind a zone anything but more of it.
        let next = rest.get(zone_length);
        if !begins || next.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b':') {
            return None;
        }
        let local_ns = self.minute_ns + second * SECOND_NS + fraction_ns;
        Some((local_ns.checked_add_signed(self.offset_ns)?, length + zone_length))
    }

    fn remember(&mut self, text: &[u8], at_ns: u64, length: usize) {
        let (Some(minute), (fraction_ns, end)) = (text.first_chunk(), fraction(text, 19)) else { return };
        let zone = &text[end..length];
        self.assumed = self.assumed.or(assumed(zone));
        let Some(second) = number(&text[17..19]).filter(|second| *second < 60) else { return };
        if zone.is_empty() || zone.len() > ZONE_MAX {
            return;
        }
        let minute_ns = date_and_time(&text[..19]).map_or(0, |(local_ns, _)| local_ns - second * SECOND_NS);
        let local_ns = minute_ns + second * SECOND_NS + fraction_ns;
        self.minute = *minute;
        self.minute_ns = minute_ns;
        self.offset_ns = at_ns.wrapping_sub(local_ns).cast_signed();
        self.zone = (zone.iter().rev().fold(0, |zone, byte| zone << 8 | u64::from(*byte)), zone.len());
    }
}

/// Reads `261123 21:45:45`, with a blank for the first digit of the hour if it is zero, from the front of a text: as
/// if it were UTC.
pub(super) fn short(text: &[u8]) -> Option<(u64, usize)> {
    let (date, rest) = text.split_first_chunk::<6>()?;
    let (clock, _) = rest.strip_prefix(b" ")?.split_first_chunk::<8>()?;
    if clock[2] != b':' || clock[5] != b':' {
        return None;
    }
    let year = number(&date[..2])?;
    let (month, day) = (number(&date[2..4])?, number(&date[4..])?);
    let hour = number(clock[..2].trim_ascii_start())?;
    let (minute, second) = (number(&clock[3..5])?, number(&clock[6..])?);
    let century = if year < 70 { 2000 } else { 1900 };
    let seconds = seconds([century + year, month, day], [hour, minute, second])?;
    Some((seconds.checked_mul(SECOND_NS)?, 15))
}

/// The moment that `Nov 28 17:10:02[.123456]` at the front of a text names in a year, the number of its month, and how
/// many bytes it has: as if it were UTC.
pub(super) fn without_year(text: &[u8], year: u64) -> Option<(u64, u64, usize)> {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let (name, rest) = text.split_first_chunk::<3>()?;
    let month = MONTHS.chunks(3).position(|month| month == name)? as u64 + 1;
    let (rest, _) = rest.split_first_chunk::<12>()?;
    if rest[0] != b' ' || rest[3] != b' ' || rest[6] != b':' || rest[9] != b':' {
        return None;
    }
    let day = number(rest[1..3].trim_ascii_start())?;
    let (hour, minute, second) = (number(&rest[4..6])?, number(&rest[7..9])?, number(&rest[10..])?);
    let seconds = seconds([year, month, day], [hour, minute, second])?;
    let (fraction_ns, length) = fraction(text, 15);
    Some((seconds.checked_mul(SECOND_NS)?.checked_add(fraction_ns)?, month, length))
}

/// Reads seconds since the Unix epoch, `1795470383.621`.
pub(super) fn epoch(text: &[u8]) -> Option<(u64, usize)> {
    let digits = text.iter().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    if !(9..=11).contains(&digits) {
        return None;
    }
    let (fraction_ns, length) = fraction(text, digits);
    let seconds = number(&text[..digits])?;
    if seconds > (YEAR_MAX - 1970) * 366 * 86_400 {
        return None;
    }
    Some((seconds.checked_mul(SECOND_NS)?.checked_add(fraction_ns)?, length))
}

/// A fraction of a second in nanoseconds, and where it ends; most have milliseconds.
#[inline]
fn fraction(text: &[u8], from: usize) -> (u64, usize) {
    if let Some([b'.' | b',', digits @ .., next]) = text.get(from..).and_then(|rest| rest.first_chunk::<5>())
        && let Some(milliseconds) = three_digits(*digits)
        && !next.is_ascii_digit()
    {
        return (milliseconds * (SECOND_NS / 1_000), from + 4);
    }
    any_fraction(text, from)
}

fn any_fraction(text: &[u8], from: usize) -> (u64, usize) {
    if !matches!(text.get(from), Some(b'.' | b',')) {
        return (0, from);
    }
    let (mut fraction_ns, mut digit_ns) = (0, SECOND_NS / 10);
    let mut at = from + 1;
    while let Some(digit) = text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        // What is behind nanoseconds counts nothing.
        fraction_ns += u64::from(digit) * digit_ns;
        digit_ns /= 10;
        at += 1;
    }
    (fraction_ns, if at == from + 1 { from } else { at })
}

/// A zone behind a time, as minutes east of Greenwich, with the blank before it.
fn zone(text: &[u8]) -> Option<(i64, usize)> {
    let blank = usize::from(text.first() == Some(&b' '));
    let name = &text[blank..];
    match name.first()? {
        b'+' | b'-' => {
            let digits = name[1..].iter().take(5).take_while(|byte| byte.is_ascii_digit() || **byte == b':');
            let length = digits.count();
            let hours = number(name.get(1..3)?)?;
            let minutes = match length {
                4 => number(&name[3..5])?,
                5 => number(&name[4..6])?,
                _ => 0,
            };
            let east = (hours * 60 + minutes).cast_signed();
            let length = if length >= 4 { length } else { 2 };
            Some((if name[0] == b'-' { -east } else { east }, blank + 1 + length))
        }
        byte if byte.is_ascii_uppercase() => {
            let length = name.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
            let known = ZONES.iter().find(|(zone, _)| *zone == &name[..length]);
            let is_zone = known.is_some() || (blank == 1 && (3..=5).contains(&length));
            is_zone.then(|| (known.map_or(0, |(_, minutes)| *minutes), blank + length))
        }
        _ => None,
    }
}

/// Seconds from the Unix epoch to a moment; `None` before it, and where there is no such moment.
fn seconds([year, month, day]: [u64; 3], [hour, minute, second]: [u64; 3]) -> Option<u64> {
    if year > YEAR_MAX {
        return None;
    }
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    Some(days(year, month, day)? * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days from the Unix epoch to a date of the Gregorian calendar; `None` before it.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = year.checked_sub(u64::from(month <= 2))?;
    let of_era = year % 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    (year / 400 * 146_097 + of_era).checked_sub(719_468)
}

/// The first bytes of a little-endian number, which has more.
fn first_bytes(number: u64, length: usize) -> u64 {
    number & !(u64::MAX << (8 * length))
}

fn two_digits([tens, ones]: [u8; 2]) -> Option<u64> {
    let [tens, ones] = [tens, ones].map(|byte| u64::from(byte.wrapping_sub(b'0')));
    (tens < 10 && ones < 10).then_some(tens * 10 + ones)
}

pub(super) fn three_digits([hundreds, rest @ ..]: [u8; 3]) -> Option<u64> {
    let hundreds = u64::from(hundreds.wrapping_sub(b'0'));
    two_digits(rest).filter(|_| hundreds < 10).map(|rest| hundreds * 100 + rest)
}

/// A number in decimal digits and nothing else; `None` where there are none or too many.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<(u64, &str)> {
        date_and_time(text.as_bytes()).map(|(at_ns, length)| (at_ns / 1_000_000, &text[length..]))
    }

    #[test]
    fn reads_what_servers_write() {
        assert_eq!(at("2026-11-23 21:45:45.843 UTC [2572]"), Some((1_795_470_345_843, " [2572]")));
        assert_eq!(at("2026-11-23 22:45:45.843 CET,\"a\""), Some((1_795_470_345_843, ",\"a\"")));
        assert_eq!(at("2026-11-23 21:45:45 UTC-6b04"), Some((1_795_470_345_000, "-6b04")));
        assert_eq!(at("2026-11-23T21:45:45.843210Z"), Some((1_795_470_345_843, "")));
        assert_eq!(at("2026-11-23 16:15:45.843 -0530 x"), Some((1_795_470_345_843, " x")));
        assert_eq!(at("2026-11-24 00:45:45.843 +03 x"), Some((1_795_470_345_843, " x")));
        assert_eq!(at("2026-11-24T00:45:45+03:00 x"), Some((1_795_470_345_000, " x")));
        assert_eq!(at("1970-01-01 00:00:00 UTC"), Some((0, "")));
        assert_eq!(at("2024-02-29 00:00:00 LOG:  x"), Some((1_709_164_800_000, ":  x")));
        assert_eq!(at("1969-12-31 23:59:59 UTC"), None);
        assert_eq!(at("2026-13-23 21:45:45"), None);
        assert_eq!(at("2026-11-23 21:45"), None);
    }

    #[test]
    fn a_clock_reads_the_same() {
        let mut clock = Clock::default();
        for text in [
            "2026-11-23 21:45:45.843 UTC [2572]",
            "2026-11-23 21:45:59.9 UTC,x",
            "2026-11-23 21:45:59 UTC [2572]",
            "2026-11-23 21:45:59 UTCX [2572]",
            "2026-11-23 21:45:60 UTC [2572]",
            "2026-11-23 21:46:01.5 +0530 x",
            "2026-11-23 21:46:02.5 +0530 x",
            "2026-11-23 21:46:02.5 +05 x",
            "2026-11-23 21:46:02.5 x",
            "2026-11-23 21:46:0",
            "",
        ] {
            assert_eq!(clock.date_and_time(text.as_bytes()), date_and_time(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn reads_what_mysql_writes() {
        assert_eq!(short(b"261123 21:45:45\t"), Some((1_795_470_345_000_000_000, 15)));
        assert_eq!(short(b"700101  0:16:40"), Some((1_000_000_000_000, 15)));
        assert_eq!(short(b"261123 21:45"), None);
        assert_eq!(short(b"261323 21:45:45"), None);
    }

    #[test]
    fn reads_what_syslog_writes() {
        assert_eq!(without_year(b"Nov 28 17:10:02 host", 2000), Some((975_431_402_000_000_000, 11, 15)));
        assert_eq!(without_year(b"Nov  8 17:10:02.5 host", 2000), Some((973_703_402_500_000_000, 11, 17)));
        assert_eq!(without_year(b"Nix  8 17:10:02 host", 2000), None);
        assert_eq!(without_year(b"Nov 28 17:10", 2000), None);
    }

    #[test]
    fn reads_seconds_since_the_epoch() {
        assert_eq!(epoch(b"1795470383.621 3607"), Some((1_795_470_383_621_000_000, 14)));
        assert_eq!(epoch(b"17954703 3607"), None);
    }
}
