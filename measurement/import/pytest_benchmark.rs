//! `pytest --benchmark-json`, in seconds. One process is one run, however many rounds it took.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::outline::Outline;
use super::{Imported, Tool, Unreadable, json, subject, time, units};
use crate::{Histogram, Latency, Run, Sample};

pub(super) const TOOL: Tool = Tool {
    name: "pytest-benchmark",
    summary: "`--benchmark-json`: each file is one run; all rounds with `--benchmark-save-data`, else median and mean; processor, \
              Python and commit",
    evidence: "pytest-benchmark 5 (recorded)",
    read,
};

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    machine_info: BTreeMap<String, Value>,
    #[serde(default)]
    commit_info: Option<BTreeMap<String, Value>>,
    benchmarks: Vec<Benchmark>,
    #[serde(default)]
    datetime: Option<String>,
}

#[derive(Deserialize)]
struct Benchmark {
    fullname: String,
    stats: Stats,
}

#[derive(Deserialize)]
struct Stats {
    rounds: u64,
    mean: f64,
    median: f64,
    #[serde(default)]
    data: Vec<f64>,
}

fn read(output: &[u8]) -> Option<Result<Imported, Unreadable>> {
    let outline = Outline::of(output)?;
    outline.has(&["machine_info"]).then(|| run(&json::whole(output)?))
}

fn run(document: &Document) -> Result<Imported, Unreadable> {
    let mut run =
        Run { started_ms: document.datetime.as_deref().and_then(time::milliseconds), ..Run::default() };
    for benchmark in &document.benchmarks {
        let sample = benchmark.stats.sample()?;
        run.samples.insert(subject::short(&benchmark.fullname), sample);
    }
    Ok(Imported { facts: facts(document), ..Imported::of(run) })
}

impl Stats {
    fn sample(&self) -> Result<Sample, Unreadable> {
        let latency = match self.data.is_empty() {
            true => subject::summary([(50.0, self.median)], Some(self.mean), units::SECOND)?,
            false => {
                let durations = self.data.iter().map(|seconds| units::nanoseconds(*seconds, units::SECOND));
                Latency::Histogram { histogram: durations.collect::<Result<Histogram, _>>()? }
            }
        };
        Ok(Sample { requests: self.rounds, latency, ..Sample::default() })
    }
}

/// What is said of the machine and the version.
fn facts(document: &Document) -> BTreeMap<String, String> {
    let machine = &document.machine_info;
    let cpu = machine.get("cpu").and_then(|cpu| cpu.get("brand_raw"));
    let commit = document.commit_info.as_ref();
    let of_commit = |name: &str| commit.and_then(|commit| commit.get(name));
    let dirty = of_commit("dirty").and_then(Value::as_bool).map(|dirty| if dirty { "yes" } else { "no" });
    let named = [
        ("cpu", cpu.and_then(Value::as_str)),
        ("kernel", machine.get("release").and_then(Value::as_str)),
        ("python", machine.get("python_version").and_then(Value::as_str)),
        ("commit", of_commit("id").and_then(Value::as_str)),
        ("uncommitted changes", dirty),
    ];
    let known = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
    known
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), subject::short(value)))
        .collect()
}
