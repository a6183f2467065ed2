//! Two sides of runs beside each other.

use std::collections::BTreeSet;

use measurement::{Decision, Method, Metric, Question, Verdict, decide};
use serde::Serialize;

use super::{Measured, Sources};

/// The version of the form.
const VERSION: u32 = 1;

/// Facts of one kind that are named.
const FACTS_MAX: usize = 3;

/// What the runs of two sides say; `docs/runs-v1.schema.json` describes it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunsComparison {
    /// Version of this form.
    pub version: u32,
    /// Where the runs before come from.
    pub before: Sources,
    /// Where the runs after come from.
    pub after: Sources,
    /// What tools tell of machine or version, and is not the same on both sides.
    pub different: Vec<String>,
    /// The verdicts.
    #[serde(flatten)]
    pub decision: Decision,
}

impl RunsComparison {
    /// Compares two sides.
    pub fn of(before: &Measured, after: &Measured, question: &Question) -> Self {
        Self {
            version: VERSION,
            different: different(&before.sources, &after.sources),
            before: before.sources.clone(),
            after: after.sources.clone(),
            decision: decide(&before.runs, &after.runs, question),
        }
    }

    /// Whether anything is worse than before, beyond chance and margin.
    pub fn has_regressed(&self) -> bool {
        self.decision.metrics.iter().any(|metric| metric.verdict == Verdict::Regressed)
    }

    /// Whether there were enough runs to tell anything.
    pub fn could_tell(&self) -> bool {
        self.decision.metrics.iter().any(|metric| metric.method != Method::None)
    }
}

/// `cpu: A before, B after`.
fn different(before: &Sources, after: &Sources) -> Vec<String> {
    let words = |values: &BTreeSet<String>| {
        values.iter().take(FACTS_MAX).map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    let both = before.facts.iter().filter_map(|(name, values)| Some((name, values, after.facts.get(name)?)));
    both.filter(|(_, one, other)| one != other)
        .map(|(name, one, other)| format!("{name}: {} before, {} after", words(one), words(other)))
        .collect()
}

/// A subject and a metric out of `GET /orders p99`, or `p99` where there is one subject only.
///
/// # Errors
///
/// What comes last is no metric.
pub fn primary(text: &str) -> Result<(String, Metric), String> {
    let text = text.trim();
    let (subject, metric) = text.rsplit_once(' ').unwrap_or(("", text));
    Ok((subject.trim().to_owned(), metric.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primary_metric_is_named_with_its_subject() {
        assert_eq!(primary("GET /orders p99"), Ok(("GET /orders".to_owned(), Metric::Percentile(99_000))));
        assert_eq!(primary("mean"), Ok((String::new(), Metric::Mean)));
        assert!(primary("GET /orders").is_err());
    }
}
