//! What `wrk` prints. Its connections wait for answers: high percentiles are too low.

use super::{Imported, Tool, Unreadable, subject, table, units};
use crate::{Load, Run, Sample};

pub(super) const TOOL: Tool = Tool {
    name: "wrk",
    summary: "the text it prints: the mean, with `--latency` the percentiles too; closed loop",
    evidence: "wrk 4.1 (recorded)",
    read,
};

fn read(output: &[u8]) -> Option<Result<Imported, Unreadable>> {
    let is_it = is_family(output) && !super::wrk2::is_it(output);
    is_it.then(|| run(&table::text(output)))
}

/// Whether it is the text of wrk, or of what came out of it.
pub(super) fn is_family(output: &[u8]) -> bool {
    table::holds(output, " test @ ") && table::holds(output, "Thread Stats")
}

fn run(text: &str) -> Result<Imported, Unreadable> {
    let (line, thread_stats) = table::behind(text, "Latency ").ok_or_else(|| table::missing("Latency"))?;
    let mean = thread_stats.split_ascii_whitespace().next().unwrap_or_default();
    let mean = units::with_unit(mean).map_err(|error| error.at(line))?;
    let answered = Answered::of(text)?;
    let sample = Sample {
        requests: answered.requests,
        errors: Some(answered.errors),
        latency: subject::summary(percentiles(text)?, Some(mean as f64), units::NANOSECOND)?,
        ..Sample::default()
    };
    let connections = connections(text);
    let load = Some(Load::Closed { connections });
    Ok(Imported::one(Run { duration_ns: Some(answered.duration_ns), load, ..Run::default() }, sample))
}

/// `  2 threads and 4 connections`.
fn connections(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find(|line| line.contains(" threads and ") && line.trim_end().ends_with(" connections"))?;
    line.split_ascii_whitespace().nth(3)?.parse().ok()
}

/// The lines of the latency distribution, `     50%    8.97ms`: per cent and nanoseconds.
pub(super) fn percentiles(text: &str) -> Result<Vec<(f64, f64)>, Unreadable> {
    let lines = text.lines().enumerate();
    let rows = lines.skip_while(|(_, line)| !line.trim_start().starts_with("Latency Distribution")).skip(1);
    rows.map_while(|(index, line)| {
        let (percent, value) = line.trim().split_once('%')?;
        let percent: f64 = percent.parse().ok()?;
        let read = units::with_unit(value.trim()).map_err(|error| error.at(index));
        Some(read.map(|ns| (percent, ns as f64)))
    })
    .collect()
}

/// How many requests were answered, and how long it took.
pub(super) struct Answered {
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) duration_ns: u64,
}

impl Answered {
    /// Out of `  1498 requests in 4.14s, 226.75KB read`, and of the lines of errors, which are only there where there are some.
    pub(super) fn of(text: &str) -> Result<Self, Unreadable> {
        let mut lines = text.lines().enumerate();
        let found = lines.find_map(|(index, line)| Some((index, line.trim().split_once(" requests in ")?)));
        let (index, (requests, rest)) = found.ok_or_else(|| table::missing("requests in"))?;
        let requests = requests.parse().map_err(|_| Unreadable::of("no number of requests").at(index))?;
        let duration = rest.split(',').next().unwrap_or_default();
        let duration_ns = units::with_unit(duration.trim()).map_err(|error| error.at(index))?;
        let refused = units::count(table::number(text, "Non-2xx or 3xx responses:")?.unwrap_or(0.0))?;
        Ok(Self { requests, errors: refused.saturating_add(broken(text)), duration_ns })
    }
}

/// `  Socket errors: connect 0, read 0, write 0, timeout 62`: the sum.
fn broken(text: &str) -> u64 {
    let line = table::behind(text, "Socket errors:").map_or("", |(_, behind)| behind);
    line.split([' ', ',']).filter_map(|word| word.parse::<u64>().ok()).fold(0, u64::saturating_add)
}
