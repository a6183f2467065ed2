//! The table in which HdrHistogram's libraries print percentiles: value, percentile, and how many durations lie up to there.

use super::{Unreadable, units};
use crate::Histogram;

/// A row stands for at most so many different durations.
const STEPS_MAX: u64 = 64;

/// Durations out of the rows behind a heading, in milliseconds. They end at the first line that is no row.
///
/// Between two rows nothing is known but how many lie there: they are spread evenly, so that percentiles of the rows are right
/// and the mean nearly so.
pub(super) fn durations<'t>(rows: impl Iterator<Item = (usize, &'t str)>) -> Result<Histogram, Unreadable> {
    let mut histogram = Histogram::default();
    let mut last = Row { ns: 0, total: 0 };
    for (index, line) in rows.skip_while(|(_, line)| line.trim().is_empty()) {
        let Some(row) = Row::of(line).map_err(|error| error.at(index))? else { break };
        if row.total < last.total || row.ns < last.ns {
            return Err(Unreadable::of("the counts of the spectrum go down").at(index));
        }
        spread(&mut histogram, &last, &row);
        last = row;
    }
    Ok(histogram)
}

struct Row {
    ns: u64,
    /// Durations up to here.
    total: u64,
}

impl Row {
    fn of(line: &str) -> Result<Option<Self>, Unreadable> {
        let mut words = line.split_ascii_whitespace().map(str::parse::<f64>);
        let (Some(Ok(value)), Some(Ok(_)), Some(Ok(total))) = (words.next(), words.next(), words.next())
        else {
            return Ok(None);
        };
        Ok(Some(Self { ns: units::nanoseconds(value, units::MILLISECOND)?, total: units::count(total)? }))
    }
}

fn spread(histogram: &mut Histogram, last: &Row, row: &Row) {
    let count = row.total - last.total;
    let from = if last.total == 0 { row.ns } else { last.ns };
    let steps = count.min(STEPS_MAX);
    for step in 1..=steps {
        let share = count * step / steps - count * (step - 1) / steps;
        let way = u128::from(row.ns - from) * u128::from(step) / u128::from(steps);
        histogram.record_many(from + u64::try_from(way).unwrap_or(0), share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_percentiles() {
        let text =
            "1.0 0.0 1 1.0\n2.0 0.5 500 2.0\n10.0 0.9 900 10.0\n50.0 1.0 1000 inf\n#[Mean = 1]\n9 9 9 9";
        let histogram = durations(text.lines().enumerate()).unwrap();
        assert_eq!(histogram.count(), 1_000);
        for (at, ns) in [(50_000, 2_000_000_u64), (90_000, 10_000_000)] {
            assert!(histogram.percentile(at).abs_diff(ns) < ns / 500, "{at}");
        }
    }

    #[test]
    fn rows_that_go_down_are_damaged() {
        let text = "1.0 0.0 5 1.0\n2.0 0.5 4 2.0";
        assert_eq!(
            durations(text.lines().enumerate()).unwrap_err().to_string(),
            "line 2: the counts of the spectrum go down"
        );
    }
}
