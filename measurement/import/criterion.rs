//! What criterion.rs leaves in `target/criterion`, in nanoseconds. One process is one run, however many samples it took.

use serde::Deserialize;

use super::outline::Outline;
use super::{Imported, Tool, Unreadable, json, units};
use crate::{Latency, Run, Sample};

pub(super) const TOOL: Tool = Tool {
    name: "criterion",
    summary: "`sample.json` or `estimates.json`, or a folder as `target/criterion` with the benchmarks' names: a process is one \
              run, with the time for an iteration (the slope where iterations vary, else the mean)",
    evidence: "criterion.rs 0.8 (recorded) and 0.3 (its documentation)",
    read,
};

/// Iterations, and how long they took together. Older versions write a list of the two lists.
#[derive(Deserialize)]
#[serde(untagged)]
enum Samples {
    Named {
        #[serde(default)]
        sampling_mode: Option<String>,
        iters: Vec<f64>,
        times: Vec<f64>,
    },
    Lists(Vec<f64>, Vec<f64>),
}

#[derive(Deserialize)]
struct Estimates {
    #[serde(alias = "Mean")]
    mean: Estimate,
    #[serde(alias = "Slope")]
    slope: Option<Estimate>,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

fn read(output: &[u8]) -> Option<Result<Imported, Unreadable>> {
    let outline = Outline::of(output);
    let has = |names: &[&str]| outline.as_ref().is_some_and(|outline| !outline.is_list && outline.has(names));
    if has(&["iters", "times"]) || has(&["sampling_mode"]) || begins_with_lists(output) {
        return Some(json::whole(output).and_then(of_samples));
    }
    // What changed (`change/estimates.json`) has no deviation: it is no time.
    let is_estimate = has(&["mean", "median_abs_dev"]) || has(&["Mean", "MedianAbsDev"]);
    is_estimate.then(|| of_estimates(&json::whole(output)?))
}

fn begins_with_lists(output: &[u8]) -> bool {
    let inside = output.trim_ascii_start().strip_prefix(b"[").map(<[u8]>::trim_ascii_start);
    let first = inside.and_then(|inside| inside.strip_prefix(b"[")).map(<[u8]>::trim_ascii_start);
    first.and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit)
}

fn of_samples(samples: Samples) -> Result<Imported, Unreadable> {
    let (iterations, times, is_flat) = match &samples {
        Samples::Named { sampling_mode, iters, times } => {
            (iters, times, sampling_mode.as_deref() == Some("Flat"))
        }
        Samples::Lists(iterations, times) => (iterations, times, false),
    };
    if iterations.len() != times.len() || iterations.is_empty() {
        return Err(Unreadable::of("as many times as counts of iterations are wanted, and at least one"));
    }
    let pairs = || iterations.iter().zip(times);
    let ns = match is_flat {
        true => pairs().map(|(count, time)| time / count).sum::<f64>() / times.len() as f64,
        // The slope of a line through the origin.
        false => {
            pairs().map(|(count, time)| count * time).sum::<f64>()
                / pairs().map(|(count, _)| count * count).sum::<f64>()
        }
    };
    one(ns, units::count(iterations.iter().sum())?)
}

fn of_estimates(estimates: &Estimates) -> Result<Imported, Unreadable> {
    let ns = estimates.slope.as_ref().unwrap_or(&estimates.mean).point_estimate;
    one(ns, 0)
}

fn one(ns: f64, iterations: u64) -> Result<Imported, Unreadable> {
    let latency = Latency::Single { ps: units::picoseconds(ns, units::NANOSECOND)? };
    Ok(Imported::one(Run::default(), Sample { requests: iterations, latency, ..Sample::default() }))
}
