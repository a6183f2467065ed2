//! Words for comparisons of runs, the same in each form for people.

use detectors::figures::counted;
use ledger::figures::percent;
pub(super) use ledger::figures::value;
use measurement::{Method, MetricDecision, Verdict};

use crate::measurements::Sources;
use crate::measurements::comparison::RunsComparison;

/// The 95 % interval: `-23.1 % to -17.4 %`.
pub(super) fn interval(metric: &MetricDecision) -> Option<String> {
    metric.interval_ppm.map(|[low, high]| format!("{} to {}", percent(low), percent(high)))
}

/// What the verdict means: how much is proven, or what would decide.
pub(super) fn meaning(metric: &MetricDecision, comparison: &RunsComparison) -> String {
    let margin = comparison.decision.margin_ppm as f64 / 1e4;
    match (metric.verdict, metric.method) {
        (Verdict::Improved, _) => proven(metric, "better"),
        (Verdict::Regressed, _) => proven(metric, "worse"),
        (Verdict::Equivalent, Method::Exact) => "the same count".to_owned(),
        (Verdict::Equivalent, _) => format!("the same within {margin} %"),
        (Verdict::Inconclusive, Method::None) => {
            "too few runs: three a side decide at the earliest".to_owned()
        }
        (Verdict::Inconclusive, Method::Exact) => "the counts of the sides overlap".to_owned(),
        (Verdict::Inconclusive, _) => undecided(metric),
    }
}

fn proven(metric: &MetricDecision, word: &str) -> String {
    match (metric.method, metric.proven_percent) {
        (Method::Exact, _) => format!("{word} in each run"),
        (_, Some(percent)) => format!("at least {percent} % {word}"),
        (_, None) => format!("{word}, by how much at least is not proven"),
    }
}

fn undecided(metric: &MetricDecision) -> String {
    let is_beyond = metric.interval_ppm.is_some_and(|[low, high]| high < 0 || low > 0);
    match metric.runs_needed {
        Some(runs) => format!("about {} a side would decide", counted(u64::from(runs), "run")),
        None if is_beyond && metric.p_holm_ppm.is_some() => {
            "beyond chance by itself, but not among all these metrics, or too small to tell".to_owned()
        }
        None => "close to decided: some more runs would tell".to_owned(),
    }
}

/// The metric with its subject: `GET /orders p99`.
pub(super) fn full_name(metric: &MetricDecision) -> String {
    match metric.subject.as_str() {
        "" => metric.metric.to_string(),
        subject => format!("{subject} {}", metric.metric),
    }
}

/// What is to be known before all figures.
pub(super) fn headline(comparison: &RunsComparison) -> String {
    let Some(primary) = comparison.decision.primary() else {
        let metrics = counted(comparison.decision.metrics.len() as u64, "metric");
        return format!("No metric was named before measuring (--primary): {metrics} are judged together.");
    };
    let name = full_name(primary);
    format!("{name}: {}, {}.", primary.verdict.name(), meaning(primary, comparison))
}

/// Where the runs of a side come from: `10 runs of k6, from a.json and 9 more`.
pub(super) fn origin(sources: &Sources, runs: u32) -> String {
    let tools = sources.tools.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let mut text = format!("{} of {tools}", counted(u64::from(runs), "run"));
    match sources.files.as_slice() {
        [] => {}
        [only] => text.push_str(&format!(", from {only}")),
        [first, rest @ ..] => text.push_str(&format!(", from {first} and {} more", rest.len())),
    }
    if sources.passed_over > 0 {
        text.push_str(&format!("; {} passed over", counted(sources.passed_over, "other file")));
    }
    text
}

/// What casts doubt on it: differences that tools tell, what was not read, and warnings.
pub(super) fn doubts(comparison: &RunsComparison) -> impl Iterator<Item = &str> {
    let warnings = comparison.decision.warnings.iter().map(|warning| warning.text.as_str());
    let unread = comparison.before.notes.iter().chain(&comparison.after.notes);
    comparison.different.iter().chain(unread).map(String::as_str).chain(warnings)
}
