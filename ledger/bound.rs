//! Bounds of targets and guards: `< 300ms`, `<= 4`.

use std::fmt;

use measurement::{Metric, duration};

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    operator: Operator,
    /// In the metric's unit: picoseconds, bytes, or thousandths of a count.
    value: u64,
    /// As it was written.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Below,
    AtMost,
    Exactly,
    AtLeast,
    Above,
}

/// Longer ones before their own beginnings.
const OPERATORS: [(&str, Operator); 5] = [
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Below),
    (">", Operator::Above),
    ("=", Operator::Exactly),
];

impl Bound {
    /// Reads `<= 4` or `< 300ms`, whichever the metric is measured in.
    ///
    /// # Errors
    ///
    /// A text that says what is expected.
    pub fn parse(text: &str, metric: &Metric) -> Result<Self, String> {
        Self::read(text, |value| match metric {
            Metric::Count(_) => thousandths(value),
            Metric::Memory => bytes(value),
            Metric::Percentile(_) | Metric::Mean | Metric::Cpu => picoseconds(value),
        })
    }

    /// Reads the bound of a share, `< 5 %`; its unit is thousandths of a per cent.
    ///
    /// # Errors
    ///
    /// A text that says what is expected.
    pub fn of_share(text: &str) -> Result<Self, String> {
        Self::read(text, |value| match value.strip_suffix('%') {
            Some(number) => thousandths(number.trim_end()),
            None => Err(format!("`{value}` is no share: write 5 %")),
        })
    }

    fn read(text: &str, value_of: impl Fn(&str) -> Result<u64, String>) -> Result<Self, String> {
        let text = text.trim();
        let found =
            OPERATORS.iter().find_map(|(sign, operator)| Some((text.strip_prefix(sign)?, sign, *operator)));
        let (value, sign, operator) = found.ok_or_else(|| format!("`{text}` has no <, <=, =, >= or >"))?;
        let value = value.trim();
        Ok(Self { operator, value: value_of(value)?, text: format!("{sign} {value}") })
    }

    /// Whether a value in the metric's unit is within the bound.
    pub fn holds(&self, value: u64) -> bool {
        match self.operator {
            Operator::Below => value < self.value,
            Operator::AtMost => value <= self.value,
            Operator::Exactly => value == self.value,
            Operator::AtLeast => value >= self.value,
            Operator::Above => value > self.value,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// `4` or `2.5`, in thousandths.
fn thousandths(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no number: write 4 or 2.5");
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(rest) || rest.len() > 3 || whole.len() > 12 {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let rest: u64 = format!("{rest:0<3}").parse().map_err(|_| wrong())?;
    Ok(whole * 1_000 + rest)
}

/// A bound without a unit would be guessed at.
fn picoseconds(text: &str) -> Result<u64, String> {
    if text.ends_with(|last: char| last.is_ascii_digit()) {
        return Err(format!("`{text}` has no unit: write {text}ms or {text}s (ns, us, ms, s, min, h)"));
    }
    let ns = u64::try_from(duration::parse(text)?.as_nanos()).unwrap_or(u64::MAX);
    Ok(ns.saturating_mul(1_000))
}

fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
    let wrong = || format!("`{text}` is no size: write 200MiB or 1GiB");
    let found = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?.trim_end(), bytes)));
    let (number, unit) = found.ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(*unit).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(text: &str, metric: &str) -> Bound {
        Bound::parse(text, &metric.parse().unwrap()).unwrap()
    }

    #[test]
    fn bounds_are_in_the_unit_of_the_metric() {
        assert!(bound("<= 4", "statements").holds(4_000));
        assert!(!bound("<= 4", "statements").holds(4_001));
        assert!(bound("= 2.5", "statements").holds(2_500));
        assert!(bound("<300ms", "p95").holds(299_999_999_999));
        assert!(!bound("<300ms", "p95").holds(300_000_000_000));
        assert!(bound(">= 1MiB", "memory").holds(1 << 20));
        assert!(!bound("> 1MiB", "memory").holds(1 << 20));
        assert_eq!(bound("<300ms", "p95").to_string(), "< 300ms");
    }

    #[test]
    fn what_would_be_guessed_at_is_refused() {
        let wrong = [
            ("4", "statements"),
            ("<= x", "statements"),
            ("<= -1", "statements"),
            ("<= 99999999999999999999", "statements"),
            ("< 300", "p95"),
            ("< ", "p95"),
            ("< 4", "memory"),
            ("< 99999999999GiB", "memory"),
        ];
        for (text, metric) in wrong {
            assert!(Bound::parse(text, &metric.parse().unwrap()).is_err(), "{text}");
        }
    }
}
