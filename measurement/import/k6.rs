//! What `k6` writes, in milliseconds: its summaries, and each request of `--out json`.

mod points;
mod summary;

use super::outline::Outline;
use super::{Imported, Tool, Unreadable, table};

pub(super) const TOOL: Tool = Tool {
    name: "k6",
    summary: "summaries (`--summary-export`, what `handleSummary` gets, and the machine-readable one of 1.5): percentiles of \
              requests and of trends that are times; `--out json`: all durations, by method, name and group. Thresholds are not \
              looked at. It does not tell whether the loop was open",
    evidence: "k6 1.1 (recorded), 0.30 and 1.5 (its tests, schema and documentation)",
    read,
};

/// How long requests took, whatever they were.
const REQUESTS: &str = "http_req_duration";

fn read(output: &[u8]) -> Option<Result<Imported, Unreadable>> {
    let outline = Outline::of(output).filter(|outline| !outline.is_list)?;
    if outline.has(&["type", "data", "metric"]) {
        return Some(points::run(output));
    }
    let has_metrics = ["root_group", "\"http_reqs\"", "\"iterations\"", "\"vus\""]
        .iter()
        .any(|word| table::holds(output, word));
    let is_listed = outline.has(&["results"]) && (outline.has(&["metadata"]) || outline.has(&["version"]));
    let is_named = outline.has(&["metrics"]) && !outline.has(&["summary"]);
    ((is_listed || is_named) && has_metrics).then(|| summary::run(output, is_listed))
}
