//! Times of day as milliseconds since 1970.

/// A time as RFC 3339 writes it, `2026-11-23T21:32:40.698Z`, in milliseconds since 1970; `None` where it is none, or before.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let (day, clock) = text.split_at_checked(10)?;
    let clock = clock.strip_prefix(['T', ' ', 't'])?;
    let mut parts = day.split('-').map(|part| part.parse::<i64>().ok());
    let days = days(parts.next()??, parts.next()??, parts.next()??)?;
    let zone = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone);
    let local = days * 86_400_000 + of_day(clock)?;
    u64::try_from(local - offset(zone)?).ok()
}

/// `21:32:40.698` in milliseconds.
fn of_day(clock: &str) -> Option<i64> {
    let mut parts = clock.split(':');
    let [hour, minute] = [parts.next()?, parts.next()?].map(|part| part.parse::<i64>().ok());
    let second: f64 = parts.next()?.parse().ok()?;
    if !(0.0..61.0).contains(&second) {
        return None;
    }
    let within = |value: Option<i64>, end: i64| value.filter(|value| (0..end).contains(value));
    #[expect(clippy::cast_possible_truncation)]
    let milliseconds = (second * 1e3) as i64;
    Some((within(hour, 24)? * 60 + within(minute, 60)?) * 60_000 + milliseconds)
}

/// What the zone is ahead of UTC, in milliseconds; without one it is taken for UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = zone.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':').or_else(|| rest.split_at_checked(2))?;
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    let ahead = minutes.checked_mul(60_000).filter(|ahead| (0..=86_400_000).contains(ahead))?;
    Some(if sign == "-" { -ahead } else { ahead })
}

/// Days since 1970.
///
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year % 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(year / 400 * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_taken_off() {
        let expected = Some(1_795_469_560_698);
        for text in [
            "2026-11-23T21:32:40.698Z",
            "2026-11-23T21:32:40.698123456+00:00",
            "2026-11-23T23:32:40.698+0200",
            "2026-11-23 21:32:40.698",
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2026",
            "2026-13-01T00:00:00Z",
            "2026-11-23T25:00:00Z",
            "2026-11-23T21:32:99Z",
            "ä026-11-23T",
        ] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }
}
