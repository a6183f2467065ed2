//! Summaries: three shapes over the years, with the same numbers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::{Imported, Unreadable, json, subject, units};
use super::REQUESTS;
use crate::{Run, Sample};

/// Metrics by name.
///
/// `--summary-export` has values flat beside thresholds (of which `true` means breached there, and kept in the other shapes);
/// `handleSummary` has them below `values`, with type and what they contain.
#[derive(Deserialize)]
struct ByName {
    metrics: BTreeMap<String, BTreeMap<String, Value>>,
    #[serde(default)]
    state: State,
}

#[derive(Deserialize, Default)]
struct State {
    #[serde(rename = "testRunDurationMs")]
    duration_ms: Option<f64>,
}

/// The shape of version 1: metrics are a list.
#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    config: Config,
    results: Results,
}

#[derive(Deserialize, Default)]
struct Config {
    /// Seconds.
    duration: Option<f64>,
}

#[derive(Deserialize)]
struct Results {
    metrics: Vec<BTreeMap<String, Value>>,
}

/// Metrics, and how long the run was.
struct Summary {
    metrics: BTreeMap<String, Metric>,
    duration_ns: Option<u64>,
}

struct Metric {
    numbers: BTreeMap<String, f64>,
    /// Durations; `None` where the shape does not tell.
    is_time: Option<bool>,
}

pub(super) fn run(output: &[u8], is_listed: bool) -> Result<Imported, Unreadable> {
    let summary = if is_listed { listed(json::whole(output)?)? } else { by_name(json::whole(output)?)? };
    let mut run = Run { duration_ns: summary.duration_ns, ..Run::default() };
    for (name, metric) in &summary.metrics {
        if let Some(subject) = subject(name, metric) {
            let sample = sample(metric, subject.is_empty().then_some(&summary))?;
            run.samples.insert(subject, sample);
        }
    }
    Ok(Imported::of(run))
}

fn by_name(document: ByName) -> Result<Summary, Unreadable> {
    let duration = document.state.duration_ms;
    let duration_ns = duration.map(|ms| units::nanoseconds(ms, units::MILLISECOND)).transpose()?;
    let metrics = document.metrics.into_iter().map(|(name, fields)| (name, Metric::of(&fields))).collect();
    Ok(Summary { metrics, duration_ns })
}

fn listed(document: Listed) -> Result<Summary, Unreadable> {
    let duration_ns =
        document.config.duration.map(|seconds| units::nanoseconds(seconds, units::SECOND)).transpose()?;
    let name = |fields: &BTreeMap<String, Value>| Some(fields.get("name")?.as_str()?.to_owned());
    let metrics =
        document.results.metrics.iter().filter_map(|fields| Some((name(fields)?, Metric::of(fields))));
    Ok(Summary { metrics: metrics.collect(), duration_ns })
}

impl Metric {
    fn of(fields: &BTreeMap<String, Value>) -> Self {
        let number = |(name, value): (&String, &Value)| Some((name.clone(), value.as_f64()?));
        let numbers = match fields.get("values").and_then(Value::as_object) {
            Some(values) => values.iter().filter_map(number).collect(),
            None => fields.iter().filter_map(number).collect(),
        };
        let is_time = fields.get("contains").and_then(Value::as_str).map(|contains| contains == "time");
        Self { numbers, is_time }
    }

    /// Of a rate; the oldest shape calls it value.
    fn rate(&self) -> Option<f64> {
        self.numbers.get("rate").or_else(|| self.numbers.get("value")).copied()
    }
}

/// The subject of a metric, empty for all requests; `None` for what is no duration of requests or of something users measure.
fn subject(name: &str, metric: &Metric) -> Option<String> {
    if !metric.numbers.contains_key("med") {
        return None;
    }
    if name == REQUESTS {
        return Some(String::new());
    }
    if let Some(tags) = name.strip_prefix(REQUESTS).and_then(|rest| rest.strip_prefix('{')) {
        let tags = tags.trim_end_matches('}');
        // What k6 adds by itself.
        return (tags != "expected_response:true").then(|| subject::short(tags));
    }
    let is_part = ["http_req_", "iteration_duration", "group_duration", "browser_", "ws_"]
        .iter()
        .any(|own| name.starts_with(own));
    // The oldest shape does not tell units of what users measure.
    (!is_part && metric.is_time == Some(true)).then(|| subject::short(name))
}

/// Requests and failures are counted for all requests only.
fn sample(metric: &Metric, of_all: Option<&Summary>) -> Result<Sample, Unreadable> {
    let percentiles = metric.numbers.iter().filter_map(|(name, value)| {
        let percent = match name.as_str() {
            "med" => 50.0,
            name => name.strip_prefix("p(")?.strip_suffix(')')?.parse().ok()?,
        };
        Some((percent, *value))
    });
    let latency = subject::summary(percentiles, metric.numbers.get("avg").copied(), units::MILLISECOND)?;
    let of = |name: &str| of_all.and_then(|all| all.metrics.get(name));
    let own = metric.numbers.get("count");
    let all = of("http_reqs").and_then(|metric| metric.numbers.get("count"));
    let requests = own.or(all).map_or(Ok(0), |count| units::count(*count))?;
    // The rate is that of failures; what `passes` and `fails` mean differs between shapes.
    let share = of("http_req_failed").and_then(Metric::rate);
    let errors = share.map(|share| units::count(share * requests as f64)).transpose()?;
    Ok(Sample { requests, errors, latency, ..Sample::default() })
}
