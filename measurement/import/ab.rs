//! What ApacheBench writes, in milliseconds: its text, `-e` and `-g`. Its connections wait for answers: high percentiles are too
//! low.

use super::subject::{self, Requests};
use super::{Imported, Tool, Unreadable, table, units};
use crate::{Load, Run, Sample};

pub(super) const TOOL: Tool = Tool {
    name: "ab",
    summary: "the text it prints (percentiles in whole milliseconds); `-g`: all durations in whole milliseconds; `-e`: percentiles \
              in microseconds, without the number of requests; closed loop",
    evidence: "ApacheBench 2.3 (recorded)",
    read,
};

fn read(output: &[u8]) -> Option<Result<Imported, Unreadable>> {
    let starts = |with: &str| output.starts_with(with.as_bytes());
    match () {
        () if starts("This is ApacheBench") => Some(of_text(&table::text(output))),
        () if starts("Percentage served,Time in ms") => Some(of_percentages(&table::text(output))),
        () if starts("starttime\tseconds\tctime\tdtime\tttime\twait") => {
            Some(of_requests(&table::text(output)))
        }
        () => None,
    }
}

fn of_text(text: &str) -> Result<Imported, Unreadable> {
    let number = |name| table::number_of(text, name);
    let connections = units::count(number("Concurrency Level:")?)?;
    let failed = number("Failed requests:")? - other_lengths(text);
    let refused = table::number(text, "Non-2xx responses:")?.unwrap_or(0.0);
    let mean = table::behind(text, "Total:").and_then(|(_, row)| row.split_ascii_whitespace().nth(1));
    let mean = mean.and_then(|mean| mean.parse::<f64>().ok());
    let sample = Sample {
        requests: units::count(number("Complete requests:")?)?,
        errors: Some(units::count(failed.max(0.0) + refused)?),
        latency: subject::summary(served(text), mean, units::MILLISECOND)?,
        resolution_ns: Some(units::MILLISECOND_NS),
        ..Sample::default()
    };
    let run = Run {
        duration_ns: Some(units::nanoseconds(number("Time taken for tests:")?, units::SECOND)?),
        load: Some(Load::Closed { connections: Some(connections) }),
        ..Run::default()
    };
    Ok(Imported::one(run, sample))
}

/// Answers of another length than the first count as failed to ab, although nothing is wrong with them.
fn other_lengths(text: &str) -> f64 {
    let rest = text.split_once("Length: ").map_or("", |(_, rest)| rest);
    let line = text.lines().find(|line| line.contains("(Connect:") && line.contains("Length:"));
    let number = rest.split([',', ')']).next().and_then(|number| number.trim().parse().ok());
    line.and(number).unwrap_or(0.0)
}

/// `  99%    121`.
fn served(text: &str) -> Vec<(f64, f64)> {
    let rows = text.lines().skip_while(|line| !line.starts_with("Percentage of the requests served")).skip(1);
    let row = |line: &str| {
        let (percent, value) = line.trim().split_once('%')?;
        Some((percent.parse().ok()?, value.split_ascii_whitespace().next()?.parse().ok()?))
    };
    rows.map_while(row).collect()
}

/// `-e`: a percentage and milliseconds with three digits behind the point.
fn of_percentages(text: &str) -> Result<Imported, Unreadable> {
    let mut percentiles = Vec::new();
    for (index, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.is_empty()) {
        let row = line
            .split_once(',')
            .and_then(|(percent, value)| Some((percent.parse().ok()?, value.trim().parse().ok()?)));
        percentiles.push(row.ok_or_else(|| Unreadable::of("no percentage and time").at(index))?);
    }
    let latency = subject::summary(percentiles, None, units::MILLISECOND)?;
    let run = Run { load: Some(Load::Closed { connections: None }), ..Run::default() };
    Ok(Imported::one(run, Sample { latency, ..Sample::default() }))
}

/// `-g`: a row for each request; `ttime` is all of it.
fn of_requests(text: &str) -> Result<Imported, Unreadable> {
    let mut requests = Requests::default();
    let mut started = None;
    for (index, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.trim().parse::<u64>().ok());
        let (Some(second), Some(total)) = (number(1), number(4)) else {
            return Err(Unreadable::of("not the columns that ab writes").at(index));
        };
        let duration_ns =
            units::nanoseconds(total as f64, units::MILLISECOND).map_err(|error| error.at(index))?;
        requests.add(String::new(), duration_ns, false);
        started = Some(started.map_or(second, |first: u64| first.min(second)));
    }
    let mut samples = requests.samples(Some(units::MILLISECOND_NS));
    // It does not tell which failed.
    samples.values_mut().for_each(|sample| sample.errors = None);
    let run = Run {
        started_ms: started.map(|second| second.saturating_mul(1_000)),
        load: Some(Load::Closed { connections: None }),
        samples,
        ..Run::default()
    };
    Ok(Imported::of(run))
}
