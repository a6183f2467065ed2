//! Counts and shares as people read them.

/// A count with separators: `148,311`.
pub(super) fn count(number: u64) -> String {
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
pub(super) fn counted(number: u64, noun: &str) -> String {
    let noun = match (number, noun.strip_suffix('y')) {
        (1, _) => noun.to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        (_, None) => format!("{noun}s"),
    };
    format!("{} {noun}", count(number))
}

/// A share of a whole; what is there is never shown as nothing, and what is missing never as all.
pub(super) fn share(part: u64, whole: u64) -> String {
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
}
