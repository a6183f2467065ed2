//! `vegeta report -type=json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::{Imported, Unreadable, json, subject, time, units};
use crate::{Load, Run, Sample};

#[derive(Deserialize)]
struct Report {
    /// `50th`, `99th`, `mean` and others.
    latencies: BTreeMap<String, f64>,
    requests: u64,
    /// Requests a second while attacking.
    rate: f64,
    /// Of all.
    success: f64,
    duration: f64,
    earliest: String,
}

pub(super) fn run(output: &[u8]) -> Result<Imported, Unreadable> {
    let report: Report = json::whole(output)?;
    let percentiles = report
        .latencies
        .iter()
        .filter_map(|(name, value)| Some((name.strip_suffix("th")?.parse::<f64>().ok()?, *value)));
    let failed = (1.0 - report.success).max(0.0) * report.requests as f64;
    let sample = Sample {
        requests: report.requests,
        errors: Some(units::count(failed)?),
        latency: subject::summary(percentiles, report.latencies.get("mean").copied(), units::NANOSECOND)?,
        ..Sample::default()
    };
    let run = Run {
        started_ms: time::milliseconds(&report.earliest),
        duration_ns: Some(units::nanoseconds(report.duration, units::NANOSECOND)?),
        load: Some(open(report.rate)?),
        ..Run::default()
    };
    Ok(Imported::one(run, sample))
}

/// A rate in requests a second.
pub(super) fn open(rate: f64) -> Result<Load, Unreadable> {
    Ok(Load::Open { rate_milli: units::count(rate * 1e3)? })
}
