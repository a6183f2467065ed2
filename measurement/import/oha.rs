//! `oha --output-format json`, in seconds.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::outline::Outline;
use super::{Imported, Tool, Unreadable, json, subject, units};
use crate::{Run, Sample};

pub(super) const TOOL: Tool = Tool {
    name: "oha",
    summary: "`--output-format json`: percentiles and the mean; it does not tell whether the loop was open, which it is only \
              with `-q` and `--latency-correction`",
    evidence: "oha 1.16",
    read,
};

#[derive(Deserialize)]
struct Document {
    summary: Summary,
    #[serde(rename = "latencyPercentiles")]
    percentiles: BTreeMap<String, Option<f64>>,
    #[serde(rename = "statusCodeDistribution", default)]
    by_status: BTreeMap<String, u64>,
    #[serde(rename = "errorDistribution", default)]
    by_error: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Summary {
    total: f64,
    average: Option<f64>,
}

/// Requests that the end of the run cut off are no errors.
const AT_THE_END: &str = "aborted due to deadline";

fn read(output: &[u8]) -> Option<Result<Imported, Unreadable>> {
    let outline = Outline::of(output)?;
    let is_it = outline.has(&["summary"])
        && (outline.has(&["latencyPercentiles"]) || outline.has(&["responseTimeHistogram"]));
    is_it.then(|| run(&json::whole(output)?))
}

fn run(document: &Document) -> Result<Imported, Unreadable> {
    let sum =
        |counts: &mut dyn Iterator<Item = &u64>| counts.fold(0, |sum: u64, count| sum.saturating_add(*count));
    let broken =
        sum(&mut document.by_error.iter().filter(|(why, _)| *why != AT_THE_END).map(|(_, count)| count));
    let is_refusal = |code: &str| code.starts_with(['4', '5']);
    let refused =
        sum(&mut document.by_status.iter().filter(|(code, _)| is_refusal(code)).map(|(_, count)| count));
    let percentiles = document
        .percentiles
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix('p')?.parse::<f64>().ok()?, (*value)?)));
    let sample = Sample {
        requests: sum(&mut document.by_status.values()).saturating_add(broken),
        errors: Some(refused.saturating_add(broken)),
        latency: subject::summary(percentiles, document.summary.average, units::SECOND)?,
        ..Sample::default()
    };
    let duration_ns = Some(units::nanoseconds(document.summary.total, units::SECOND)?);
    Ok(Imported::one(Run { duration_ns, ..Run::default() }, sample))
}
