//! Values as pages and terminals show them.

use detectors::figures::{bytes, count, duration};
use measurement::Metric;

/// A value in the unit of its metric: `61.4 ms`, `3 MB`, `2.5`.
pub fn value(metric: &Metric, value: u64) -> String {
    match metric {
        Metric::Count(_) => thousandths(value),
        Metric::Memory => bytes(value),
        // Iterations of benchmarks.
        _ if value < 1_000_000 => format!("{:.3} ns", value as f64 / 1e3),
        _ => duration(value / 1_000),
    }
}

/// A number without the digits that it does not need: `1,300`, `2.5`.
fn thousandths(milli: u64) -> String {
    let whole = count(milli / 1_000);
    match milli % 1_000 {
        0 => whole,
        rest => format!("{whole}.{}", format!("{rest:03}").trim_end_matches('0')),
    }
}

/// A difference in per cent with its sign: `-38.6 %`, `+150 %`.
pub fn percent(ppm: i64) -> String {
    let percent = ppm as f64 / 1e4;
    match ppm.unsigned_abs() {
        0..1_000_000 => format!("{percent:+.1} %"),
        _ => format!("{percent:+.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_unit_of_their_metric() {
        let shown = |metric: &str, of: u64| value(&metric.parse().unwrap(), of);
        assert_eq!(shown("p50", 61_400_000_000), "61.4 ms");
        assert_eq!([shown("mean", 530), shown("mean", 4_708)], ["0.530 ns", "4.708 ns"]);
        assert_eq!(shown("memory", 52_000_000), "52 MB");
        let counts = [3_000, 2_050, 1_300_000].map(|milli| shown("statements", milli));
        assert_eq!(counts, ["3", "2.05", "1,300"]);
    }

    #[test]
    fn percentages_have_their_signs() {
        let shown = [-203_000, 0, 12_340, 1_500_000].map(percent);
        assert_eq!(shown, ["-20.3 %", "+0.0 %", "+1.2 %", "+150 %"]);
    }
}
