//! What `vegeta` writes, in nanoseconds where nothing else is said. It attacks at a rate, whatever comes back.

mod report;
mod requests;
mod text;

use super::outline::Outline;
use super::{Imported, Tool, Unreadable, spectrum, table};
use crate::{Latency, Run, Sample};

pub(super) const TOOL: Tool = Tool {
    name: "vegeta",
    summary: "`encode` as JSON or CSV: all durations by method and path; `report` as JSON or text: percentiles; `report \
              -type=hdrplot`: the spectrum as counts; open loop",
    evidence: "vegeta 12 (its documentation and source, and outputs that others published)",
    read,
};

fn read(output: &[u8]) -> Option<Result<Imported, Unreadable>> {
    if let Some(outline) = Outline::of(output) {
        return match () {
            () if outline.has(&["latencies"]) => Some(report::run(output)),
            () if outline.has(&["latency", "bytes_in", "code"]) => Some(requests::of_json(output)),
            () => None,
        };
    }
    match () {
        () if output.trim_ascii_start().starts_with(b"Value(ms)") => Some(plot(&table::text(output))),
        () if table::holds(output, "[total, attack, wait]")
            || table::holds(output, "[total, rate, throughput]") =>
        {
            Some(text::run(&table::text(output)))
        }
        () if requests::is_csv(output) => Some(requests::of_csv(output)),
        () => None,
    }
}

/// `-type=hdrplot`, in milliseconds.
fn plot(text: &str) -> Result<Imported, Unreadable> {
    let rows = text.lines().enumerate().skip_while(|(_, line)| !line.starts_with("Value(ms)")).skip(1);
    let histogram = spectrum::durations(rows)?;
    let sample = Sample {
        requests: histogram.count(),
        latency: Latency::Histogram { histogram },
        ..Sample::default()
    };
    Ok(Imported::one(Run::default(), sample))
}
