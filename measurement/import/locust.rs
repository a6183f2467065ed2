//! What `locust` writes, in milliseconds that are rounded to two digits. Its users wait for answers: high percentiles are too low.

mod statistics;
mod summary;

use super::outline::Outline;
use super::{Imported, Tool, Unreadable, units};

pub(super) const TOOL: Tool = Tool {
    name: "locust",
    summary: "`--json`: all durations by method and name, rounded to two digits; `--csv`, the file `_stats.csv`: percentiles; \
              closed loop",
    evidence: "locust 2.47 (recorded)",
    read,
};

fn read(output: &[u8]) -> Option<Result<Imported, Unreadable>> {
    let is_list =
        Outline::of(output).is_some_and(|outline| outline.is_list && outline.has(&["num_requests"]));
    match () {
        () if is_list => Some(summary::run(output)),
        () if statistics::is_it(output) => Some(statistics::run(output)),
        () => None,
    }
}

/// The step of durations near one, in nanoseconds: whole milliseconds below 100, tens below 1,000.
fn step(near_ns: u64) -> u64 {
    let digits = (near_ns / units::MILLISECOND_NS).max(1).ilog10();
    units::MILLISECOND_NS * 10_u64.pow(digits.saturating_sub(1).min(9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_two_digits() {
        assert_eq!([99, 100, 999, 1_000].map(|ms| step(ms * 1_000_000) / 1_000_000), [1, 10, 10, 100]);
        assert!(step(u64::MAX) > 0);
    }
}
