//! `autocannon --json`, in whole milliseconds.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::outline::Outline;
use super::{Imported, Tool, Unreadable, json, subject, time, units};
use crate::{Load, Run, Sample};

pub(super) const TOOL: Tool = Tool {
    name: "autocannon",
    summary: "`--json`: percentiles (it has no p95) in whole milliseconds, and the mean; taken for a closed loop, as it does not \
              tell of `-R`",
    evidence: "autocannon 8 (recorded)",
    read,
};

#[derive(Deserialize)]
struct Document {
    connections: u64,
    duration: f64,
    start: String,
    errors: u64,
    non2xx: u64,
    latency: BTreeMap<String, Value>,
    requests: Requests,
}

#[derive(Deserialize)]
struct Requests {
    total: u64,
}

fn read(output: &[u8]) -> Option<Result<Imported, Unreadable>> {
    let outline = Outline::of(output)?;
    let is_it = outline.has(&["sampleInt"]) || outline.has(&["latency", "requests", "throughput"]);
    is_it.then(|| run(&json::whole(output)?))
}

fn run(document: &Document) -> Result<Imported, Unreadable> {
    let numbers = document.latency.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_f64()?)));
    // `p97_5` is 97.5 per cent.
    let percentiles = numbers.filter_map(|(name, value)| {
        Some((name.strip_prefix('p')?.replace('_', ".").parse::<f64>().ok()?, value))
    });
    let mean = document.latency.get("average").and_then(Value::as_f64);
    let sample = Sample {
        // Errors were not answered, and are not part of the total.
        requests: document.requests.total.saturating_add(document.errors),
        errors: Some(document.errors.saturating_add(document.non2xx)),
        latency: subject::summary(percentiles, mean, units::MILLISECOND)?,
        resolution_ns: Some(units::MILLISECOND_NS),
        ..Sample::default()
    };
    let run = Run {
        started_ms: time::milliseconds(&document.start),
        duration_ns: Some(units::nanoseconds(document.duration, units::SECOND)?),
        load: Some(Load::Closed { connections: Some(document.connections) }),
        ..Run::default()
    };
    Ok(Imported::one(run, sample))
}
