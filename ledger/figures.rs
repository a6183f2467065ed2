//! Values as pages and terminals show them.

use detectors::figures::{bytes, duration};
use measurement::Metric;

/// A value in the unit of its metric: `61.4 ms`, `3 MiB`, `2.5`.
pub fn value(metric: &Metric, value: u64) -> String {
    match metric {
        Metric::Count(_) => thousandths(value),
        Metric::Memory => bytes(value),
        Metric::Percentile(_) | Metric::Mean | Metric::Cpu if value < 1_000 => format!("{value} ps"),
        Metric::Percentile(_) | Metric::Mean | Metric::Cpu => duration(value / 1_000),
    }
}

/// A number without the digits that it does not need: `3`, `2.5`.
pub fn thousandths(milli: u64) -> String {
    match milli % 1_000 {
        0 => (milli / 1_000).to_string(),
        rest => format!("{}.{}", milli / 1_000, format!("{rest:03}").trim_end_matches('0')),
    }
}

/// A difference in per cent with its sign: `-38.6 %`.
pub fn percent(ppm: i64) -> String {
    format!("{:+.1} %", ppm as f64 / 10_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_unit_of_their_metric() {
        let shown = |metric: &str, of: u64| value(&metric.parse().unwrap(), of);
        assert_eq!(shown("p50", 61_400_000_000), "61.4 ms");
        assert_eq!(shown("mean", 530), "530 ps");
        assert_eq!(shown("statements", 3_000), "3");
        assert_eq!(shown("statements", 2_050), "2.05");
        assert_eq!(percent(-386_000), "-38.6 %");
    }
}
