//! The last diagnosis of the project: what `whyslow next` starts from, and where a finding's prediction comes from.
//!
//! It is the report of `whyslow diagnose --format json` (version 1), of which only what is needed here is read. `diagnose` and
//! `run` leave it as `.whyslow/diagnosis.json` where a project has a folder `.whyslow`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use measurement::Metric;
use serde::Deserialize;

use crate::Predicted;
use crate::write::write_whole;

/// Where it is, from the project's root.
const PLACE: &str = ".whyslow/diagnosis.json";

/// The version of reports that is read.
const VERSION: u32 = 1;

/// A larger report is none.
const BYTES_MAX: u64 = 1 << 28;

/// What a diagnosis found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Diagnosis {
    version: u32,
    /// Endpoints, in the order of the report.
    pub endpoints: Vec<DiagnosedEndpoint>,
    /// Findings, in the order of the report.
    pub findings: Vec<DiagnosedFinding>,
    /// What the evidence could not show.
    #[serde(default)]
    pub not_seen: Vec<Unseen>,
    /// When it was made, in seconds since 1970, as the file says.
    #[serde(skip)]
    pub made_s: u64,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct DiagnosedEndpoint {
    /// Its service.
    pub service: String,
    /// `GET /orders`.
    pub name: String,
    /// Called from outside of what was traced.
    pub entry: bool,
    /// Requests seen.
    pub requests: u64,
    /// As measured.
    pub latency_ns: Percentiles,
    critical_path_ns: CriticalPath,
    /// The goal, where one is set.
    pub target: Option<Goal>,
    /// What is left after the first fix, the first two, and so on.
    pub after_fixes: Vec<AfterFix>,
}

/// Percentiles in nanoseconds; `None` with too few requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Percentiles {
    /// Median.
    pub p50: Option<u64>,
    /// 95th percentile.
    pub p95: Option<u64>,
    /// 99th percentile.
    pub p99: Option<u64>,
    /// The slowest.
    pub max: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct CriticalPath {
    all: std::collections::BTreeMap<String, u64>,
}

/// A goal and whether it is met.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Goal {
    /// `p50`, `p95`, `p99` or `max`.
    pub metric: String,
    /// The bound in nanoseconds.
    pub max_ns: u64,
    /// `None` with too few requests.
    pub met: Option<bool>,
}

/// What is left after a fix and all before it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AfterFix {
    /// The finding.
    pub finding: String,
    /// Predicted.
    pub latency_ns: Percentiles,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct DiagnosedFinding {
    /// Its stable id.
    pub id: String,
    /// The detector.
    pub detector: String,
    /// The endpoint, where it has one.
    pub endpoint: Option<String>,
    /// What it is about.
    #[serde(default)]
    pub subject: Option<DiagnosedSubject>,
    /// As measured, and with this fix alone.
    pub latency_ns: FindingLatency,
    /// Remedies, the best first.
    pub fix: Vec<Remedy>,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DiagnosedSubject {
    /// What sort of thing: `statement`, `call`, `code`, …
    pub kind: String,
    /// The thing, without values.
    pub text: String,
}

/// Latency of a finding's endpoint.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FindingLatency {
    /// As measured.
    pub measured: Percentiles,
    /// With this fix alone.
    pub predicted: Percentiles,
    predicted_range: Ranges,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Ranges {
    p50: Option<[u64; 2]>,
    p95: Option<[u64; 2]>,
    p99: Option<[u64; 2]>,
}

/// A remedy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Remedy {
    /// What to do.
    pub text: String,
    /// What it costs.
    pub tradeoff: String,
}

/// Something that the evidence could not show.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Unseen {
    /// What.
    pub what: String,
    /// The shortest way to see it.
    pub how: String,
}

/// Why there is no diagnosis.
#[derive(Debug, thiserror::Error)]
pub enum DiagnosisProblem {
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    File(PathBuf, io::Error),
    /// It is no report, or of another version.
    #[error("{0} is no report of whyslow diagnose --format json: {1}")]
    NoReport(PathBuf, String),
    /// No finding has this id.
    #[error("the report has no finding {0}; it has {1}")]
    NoFinding(String, String),
    /// Several findings begin so.
    #[error("several findings begin with {0}: {1}")]
    Several(String, String),
}

impl Diagnosis {
    /// Reads a report.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds something else.
    pub fn read(path: &Path) -> Result<Self, DiagnosisProblem> {
        let unread = |error| DiagnosisProblem::File(path.to_owned(), error);
        let no_report = |reason: String| DiagnosisProblem::NoReport(path.to_owned(), reason);
        let metadata = fs::metadata(path).map_err(unread)?;
        if metadata.len() > BYTES_MAX {
            return Err(no_report("it is larger than a report can be".to_owned()));
        }
        let text = fs::read(path).map_err(unread)?;
        let mut diagnosis: Self =
            serde_json::from_slice(&text).map_err(|error| no_report(error.to_string()))?;
        if diagnosis.version != VERSION {
            return Err(no_report(format!("version {} instead of {VERSION}", diagnosis.version)));
        }
        diagnosis.made_s = metadata.modified().ok().map_or(0, seconds);
        Ok(diagnosis)
    }

    /// The project's last diagnosis; `None` where there is none.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn last(root: &Path) -> Result<Option<Self>, DiagnosisProblem> {
        let path = root.join(PLACE);
        if path.exists() { Self::read(&path).map(Some) } else { Ok(None) }
    }

    /// Keeps a report as the project's last one.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn keep(root: &Path, report: &[u8]) -> io::Result<()> {
        write_whole(&root.join(PLACE), report)
    }

    /// The finding whose id begins so.
    ///
    /// # Errors
    ///
    /// None does, or several.
    pub fn finding(&self, begin: &str) -> Result<&DiagnosedFinding, DiagnosisProblem> {
        let ids = |findings: &[&DiagnosedFinding]| {
            let ids: Vec<&str> = findings.iter().take(5).map(|finding| finding.id.as_str()).collect();
            ids.join(", ")
        };
        let fitting: Vec<&DiagnosedFinding> =
            self.findings.iter().filter(|finding| finding.id.starts_with(begin)).collect();
        match fitting[..] {
            [only] => Ok(only),
            [] => Err(DiagnosisProblem::NoFinding(
                begin.to_owned(),
                ids(&self.findings.iter().collect::<Vec<_>>()),
            )),
            _ => Err(DiagnosisProblem::Several(begin.to_owned(), ids(&fitting))),
        }
    }
}

impl DiagnosedEndpoint {
    /// The part of its time that the evidence does not explain, in thousandths, where no other part is larger.
    pub fn unexplained_milli(&self) -> Option<u64> {
        let parts = &self.critical_path_ns.all;
        let unexplained = parts.get("unexplained").copied().filter(|ns| *ns > 0)?;
        let total: u64 = parts.values().sum();
        parts.values().all(|ns| *ns <= unexplained).then(|| unexplained.saturating_mul(1_000) / total.max(1))
    }
}

impl DiagnosedFinding {
    /// What it predicts for its endpoint.
    pub fn predicted(&self) -> Vec<Predicted> {
        let FindingLatency { measured, predicted, predicted_range } = &self.latency_ns;
        let each = [
            (50_000, measured.p50, predicted.p50, predicted_range.p50),
            (95_000, measured.p95, predicted.p95, predicted_range.p95),
            (99_000, measured.p99, predicted.p99, predicted_range.p99),
        ];
        let known = each.into_iter().filter_map(|(metric, before, after, range)| {
            let (before_ns, after_ns) = (before?, after?);
            let range_ns = range.unwrap_or([after_ns, after_ns]);
            let endpoint = self.endpoint.clone()?;
            Some(Predicted { endpoint, metric: Metric::Percentile(metric), before_ns, after_ns, range_ns })
        });
        known.collect()
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
