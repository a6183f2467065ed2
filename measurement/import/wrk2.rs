//! What `wrk2` prints: wrk at a rate, with all durations counted from when a request was due.

use super::wrk::{Answered, percentiles};
use super::{Imported, Tool, Unreadable, spectrum, subject, table, units};
use crate::{Latency, Run, Sample};

pub(super) const TOOL: Tool = Tool {
    name: "wrk2",
    summary: "the text it prints: with `--latency` the spectrum as counts, or the percentiles above it where it was left out, \
              otherwise the mean; corrected for coordinated \
              omission; it does not tell the rate that was asked for",
    evidence: "wrk2 (its documentation, and outputs that others published)",
    read,
};

fn read(output: &[u8]) -> Option<Result<Imported, Unreadable>> {
    is_it(output).then(|| run(&table::text(output)))
}

/// Either of what wrk does not write.
pub(super) fn is_it(output: &[u8]) -> bool {
    let of_wrk2 = ["(HdrHistogram - Recorded Latency)", "Thread calibration:"];
    of_wrk2.iter().any(|word| table::holds(output, word))
}

fn run(text: &str) -> Result<Imported, Unreadable> {
    let answered = Answered::of(text)?;
    let rows = text.lines().enumerate().skip_while(|(_, line)| !is_heading(line)).skip(1);
    let histogram = spectrum::durations(rows)?;
    let latency = match histogram.count() {
        // Who shows an output often leaves the spectrum out.
        0 => subject::summary(percentiles(text)?, Some(mean(text)?), units::NANOSECOND)?,
        _ => Latency::Histogram { histogram },
    };
    let sample =
        Sample { requests: answered.requests, errors: Some(answered.errors), latency, ..Sample::default() };
    Ok(Imported::one(Run { duration_ns: Some(answered.duration_ns), ..Run::default() }, sample))
}

/// The heading of the first spectrum; a second one is of uncorrected durations.
fn is_heading(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    words.next() == Some("Value") && words.next() == Some("Percentile")
}

fn mean(text: &str) -> Result<f64, Unreadable> {
    let (line, stats) = table::behind(text, "Latency ").ok_or_else(|| table::missing("Latency"))?;
    let mean = stats.split_ascii_whitespace().next().unwrap_or_default();
    Ok(units::with_unit(mean).map_err(|error| error.at(line))? as f64)
}
