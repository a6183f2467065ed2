//! Sizes as arguments: `256MiB`, `1G`, `64m`, `500MB`; a bare number is bytes.

/// Units, in any case; those of one letter are the binary ones, as for `ls`, `du` and Docker.
const UNITS: [(&str, u64); 10] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("B", 1),
];

/// Reads a size above zero.
///
/// # Errors
///
/// A text that says what is expected.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, bytes)| Some((without_unit(text, name)?.trim_end(), *bytes)))
        .unwrap_or((text, 1));
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "expected a size such as 256MiB or 2GB".to_owned())
}

fn without_unit<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(name.len())?)?;
    unit.eq_ignore_ascii_case(name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit_or_are_bytes() {
        for (text, bytes) in [
            ("256MiB", 256 << 20),
            ("1G", 1 << 30),
            ("64m", 64 << 20),
            ("500 MB", 500_000_000),
            ("4096", 4096),
            ("7B", 7),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "MiB", "-1M", "1.5G", "99999999999G"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
