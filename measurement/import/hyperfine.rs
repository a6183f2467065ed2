//! `hyperfine --export-json`: each time is a run, each command a subject.

use serde::Deserialize;

use super::outline::Outline;
use super::{Imported, Tool, Unreadable, json, subject, table, units};
use crate::{Latency, Run, Sample};

pub(super) const TOOL: Tool = Tool {
    name: "hyperfine",
    summary: "`--export-json`: each time is a run of its own; several commands are subjects; memory where it is told",
    evidence: "hyperfine 1.15 (recorded), and its documentation",
    read,
};

/// Times of one output; more are not looked at.
const RUNS_MAX: usize = 100_000;

#[derive(Deserialize)]
struct Document {
    results: Vec<Command>,
}

/// Durations are in seconds.
#[derive(Deserialize)]
struct Command {
    command: String,
    times: Vec<f64>,
    #[serde(default)]
    exit_codes: Vec<Option<i64>>,
    #[serde(default)]
    memory_usage_byte: Vec<u64>,
}

fn read(output: &[u8]) -> Option<Result<Imported, Unreadable>> {
    let outline = Outline::of(output)?;
    let is_it = !outline.is_list
        && outline.has(&["results"])
        && !outline.has(&["metadata"])
        && table::holds(output, "\"command\"");
    is_it.then(|| runs(json::whole(output)?))
}

fn runs(document: Document) -> Result<Imported, Unreadable> {
    let is_only = document.results.len() == 1;
    let count = document.results.iter().map(|command| command.times.len()).max().unwrap_or(0);
    let mut runs = vec![Run::default(); count.min(RUNS_MAX)];
    for command in &document.results {
        let name = if is_only { String::new() } else { subject::short(&command.command) };
        for (index, run) in runs.iter_mut().enumerate() {
            if let Some(sample) = command.sample(index)? {
                run.samples.insert(name.clone(), sample);
            }
        }
    }
    Ok(Imported { runs, ..Imported::default() })
}

impl Command {
    fn sample(&self, index: usize) -> Result<Option<Sample>, Unreadable> {
        let Some(time) = self.times.get(index) else { return Ok(None) };
        let has_codes = self.exit_codes.len() == self.times.len();
        let is_failed = |code: &Option<i64>| *code != Some(0);
        Ok(Some(Sample {
            requests: 1,
            errors: has_codes.then(|| u64::from(is_failed(&self.exit_codes[index]))),
            latency: Latency::Single { ps: units::picoseconds(*time, units::SECOND)? },
            memory_bytes: self.memory_usage_byte.get(index).copied().filter(|bytes| *bytes > 0),
            ..Sample::default()
        }))
    }
}
