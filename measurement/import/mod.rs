//! Runs out of what load and benchmark tools write.
//!
//! A tool is recognised by content, never by a file's name. Units differ from tool to tool and are mostly unstated; each reader
//! says where it has its unit from. What a tool does not tell stays unknown.

mod ab;
mod autocannon;
mod criterion;
mod csv;
mod gobench;
mod hyperfine;
mod json;
mod k6;
mod locust;
mod oha;
mod outline;
mod pytest_benchmark;
mod spectrum;
mod subject;
mod table;
mod time;
mod units;
mod unreadable;
mod vegeta;
mod wrk;
mod wrk2;

use std::collections::BTreeMap;
use std::fmt;

use crate::{Latency, Run, Sample};

pub use self::subject::OTHERS;
pub use self::unreadable::Unreadable;

/// A tool whose output is read.
pub struct Tool {
    /// As it is called.
    pub name: &'static str,
    /// What of its outputs is read.
    pub summary: &'static str,
    /// What its reader was tried on.
    pub evidence: &'static str,
    /// Reads; `None` where it is the output of something else.
    read: fn(&[u8]) -> Option<Result<Imported, Unreadable>>,
}

impl fmt::Debug for Tool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name)
    }
}

/// All of them; no output belongs to two.
pub const TOOLS: [Tool; 12] = [
    hyperfine::TOOL,
    k6::TOOL,
    wrk::TOOL,
    wrk2::TOOL,
    vegeta::TOOL,
    oha::TOOL,
    ab::TOOL,
    autocannon::TOOL,
    locust::TOOL,
    criterion::TOOL,
    gobench::TOOL,
    pytest_benchmark::TOOL,
];

/// What one output holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Imported {
    /// The runs, without names: where several, in the order in which they were made.
    pub runs: Vec<Run>,
    /// What the tool says of the machine and the version of the code: `cpu`, `commit`, …
    pub facts: BTreeMap<String, String>,
}

impl Imported {
    /// One run of one subject.
    fn one(run: Run, sample: Sample) -> Self {
        Self::of(Run { samples: [(String::new(), sample)].into(), ..run })
    }

    fn of(run: Run) -> Self {
        Self { runs: vec![run], facts: BTreeMap::new() }
    }
}

/// Reads the output of whichever tool it is; `None` where it is of none.
///
/// # Errors
///
/// The output is damaged, cut off, or holds no duration.
pub fn read(output: &[u8]) -> Option<(&'static Tool, Result<Imported, Unreadable>)> {
    TOOLS.iter().find_map(|tool| tool.read(output).map(|read| (tool, read)))
}

impl Tool {
    /// Reads an output if it is this tool's.
    fn read(&self, output: &[u8]) -> Option<Result<Imported, Unreadable>> {
        (self.read)(output).map(|read| read.and_then(with_durations))
    }
}

/// Without any duration there is nothing to compare.
fn with_durations(imported: Imported) -> Result<Imported, Unreadable> {
    let is_known = |sample: &Sample| match &sample.latency {
        Latency::Unknown => false,
        Latency::Histogram { histogram } => histogram.count() > 0,
        Latency::Summary { percentiles_ns, mean_ns } => !percentiles_ns.is_empty() || mean_ns.is_some(),
        Latency::Single { .. } => true,
    };
    match imported.runs.iter().flat_map(|run| run.samples.values()).any(is_known) {
        true => Ok(imported),
        false => Err(Unreadable::of("it holds no duration")),
    }
}

#[cfg(test)]
mod tests;
