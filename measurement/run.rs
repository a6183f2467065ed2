//! Runs: what one fresh start of the measured thing gave.

mod fields;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Histogram, Metric};

/// A fresh start of what is measured: the unit of evidence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Where it comes from: a file, or the number that whyslow gave it.
    pub name: String,
    /// Its place in the order in which the runs of both sides were made, from zero. Unknown where runs come from files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u32>,
    /// When it began, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<u64>,
    /// How long load was offered, in nanoseconds, without warm-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ns: Option<u64>,
    /// How requests followed each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// Thousandths of the machine's processor time that other guests of the same hardware took meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stolen_milli: Option<u64>,
    /// What was measured, by endpoint, benchmark or command; an empty name where there is only one.
    pub samples: BTreeMap<String, Sample>,
}

/// How requests followed each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "loop", try_from = "fields::Load")]
pub enum Load {
    /// At a rate that does not depend on answers; durations count from when a request was due.
    Open {
        /// Requests in 1,000 seconds.
        rate_milli: u64,
    },
    /// Each connection sends its next request after its answer: while the server stalls nothing is sent, so that
    /// high percentiles are too low (coordinated omission).
    Closed {
        /// Connections at a time, where known.
        #[serde(skip_serializing_if = "Option::is_none")]
        connections: Option<u64>,
    },
}

/// What a run measured of one subject.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Requests, iterations or executions, with those that failed; 0 where the tool does not say.
    pub requests: u64,
    /// Those that failed; `None` where the tool does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<u64>,
    /// How long they took.
    #[serde(default, skip_serializing_if = "Latency::is_unknown")]
    pub latency: Latency,
    /// The step in which the tool gives durations, in nanoseconds, where that is coarse: whole milliseconds of ab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_ns: Option<u64>,
    /// Processor time of the run's processes, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ns: Option<u64>,
    /// The most memory that they held, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// What is counted exactly, in thousandths for each request: `statements` of 3,000 are three statements.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts_milli: BTreeMap<String, u64>,
}

/// Durations of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "as", try_from = "fields::Latency")]
pub enum Latency {
    /// Nothing is known.
    #[default]
    Unknown,
    /// All of them.
    Histogram {
        /// The durations.
        histogram: Histogram,
    },
    /// A summary: the tool gave percentiles only.
    Summary {
        /// Nanoseconds by thousandths of a percent.
        percentiles_ns: BTreeMap<u32, u64>,
        /// The mean in nanoseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        mean_ns: Option<u64>,
    },
    /// The run is one duration: how long a command took, or a benchmark's time for each iteration.
    Single {
        /// Picoseconds, as iterations may take less than a nanosecond.
        ps: u64,
    },
}

impl Latency {
    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Whether it holds all durations or only what a tool made of them.
    pub fn is_summary(&self) -> bool {
        matches!(self, Self::Summary { .. })
    }
}

impl Sample {
    /// The value of a metric: picoseconds, bytes, or thousandths of a count. `None` where this run does not tell.
    pub fn value(&self, metric: &Metric) -> Option<u64> {
        const PS: u64 = 1_000;
        match (metric, &self.latency) {
            (Metric::Count(name), _) => self.counts_milli.get(name).copied(),
            (Metric::Cpu, _) => self.cpu_ns.map(|ns| ns.saturating_mul(PS)),
            (Metric::Memory, _) => self.memory_bytes,
            (Metric::Percentile(at), Latency::Histogram { histogram }) => {
                Some(histogram.percentile(*at).saturating_mul(PS))
            }
            (Metric::Percentile(at), Latency::Summary { percentiles_ns, .. }) => {
                percentiles_ns.get(at).map(|ns| ns.saturating_mul(PS))
            }
            (Metric::Mean, Latency::Histogram { histogram }) => Some(histogram.mean().saturating_mul(PS)),
            (Metric::Mean, Latency::Summary { mean_ns, .. }) => mean_ns.map(|ns| ns.saturating_mul(PS)),
            (Metric::Mean, Latency::Single { ps }) => Some(*ps),
            (Metric::Percentile(_) | Metric::Mean, _) => None,
        }
    }
}

impl Sample {
    /// Whether this run tells of a metric; quicker than its value.
    pub(crate) fn tells(&self, metric: &Metric) -> bool {
        match (metric, &self.latency) {
            (Metric::Percentile(_) | Metric::Mean, Latency::Histogram { .. }) => true,
            _ => self.value(metric).is_some(),
        }
    }
}

impl Run {
    /// Requests in 1,000 seconds that were answered, where known.
    pub fn throughput_milli(&self) -> Option<u64> {
        let requests: u64 = self.samples.values().map(|sample| sample.requests).sum();
        let duration_ns = u128::from(self.duration_ns.filter(|duration| *duration > 0)?);
        u64::try_from(u128::from(requests) * 1_000_000_000_000 / duration_ns).ok()
    }
}
