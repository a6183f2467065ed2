//! `locust --json`: counts of rounded durations, for each name.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::{Imported, Unreadable, json, subject, units};
use super::step;
use crate::{Histogram, Latency, Load, Run, Sample};

#[derive(Deserialize)]
struct Entry {
    name: String,
    /// Empty, or none, for what is no request.
    method: Option<String>,
    num_requests: u64,
    num_failures: u64,
    /// Seconds since 1970.
    start_time: f64,
    last_request_timestamp: Option<f64>,
    /// How many took so many milliseconds.
    response_times: BTreeMap<String, u64>,
}

pub(super) fn run(output: &[u8]) -> Result<Imported, Unreadable> {
    let entries: Vec<Entry> = json::whole(output)?;
    let mut run = Run { load: Some(Load::Closed { connections: None }), ..Run::default() };
    for entry in &entries {
        run.samples.insert(entry.subject(), entry.sample()?);
    }
    let first = entries.iter().map(|entry| entry.start_time).fold(f64::INFINITY, f64::min);
    let last = entries.iter().filter_map(|entry| entry.last_request_timestamp).fold(0.0, f64::max);
    if last > first {
        run.started_ms = Some(units::count(first * 1e3)?);
        run.duration_ns = Some(units::nanoseconds(last - first, units::SECOND)?);
    }
    Ok(Imported::of(run))
}

impl Entry {
    fn subject(&self) -> String {
        subject::request(self.method.as_deref().unwrap_or_default(), &self.name).trim_start().to_owned()
    }

    fn sample(&self) -> Result<Sample, Unreadable> {
        let mut histogram = Histogram::default();
        for (milliseconds, count) in &self.response_times {
            let value = milliseconds
                .parse()
                .map_err(|_| Unreadable::of("response_times: a duration is no number"))?;
            histogram.record_many(units::nanoseconds(value, units::MILLISECOND)?, *count);
        }
        Ok(Sample {
            requests: self.num_requests,
            errors: Some(self.num_failures),
            resolution_ns: Some(step(histogram.percentile(50_000))),
            latency: Latency::Histogram { histogram },
            ..Sample::default()
        })
    }
}
