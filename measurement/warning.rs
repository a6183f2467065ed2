//! What casts doubt on a comparison of runs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::statistics::{autocorrelation, is_bimodal, mean, trend};
use crate::{Load, Metric, Run};

/// Something that a reader must know before believing the verdict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Warning {
    /// Its kind, for programs.
    pub kind: WarningKind,
    /// What is wrong, with numbers, in one sentence.
    pub text: String,
}

/// Kinds of warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WarningKind {
    /// Fewer runs than a verdict should have.
    FewRuns,
    /// Runs with so few requests that their values are mostly chance.
    FewRequests,
    /// All runs of one side were made before those of the other.
    NotInterleaved,
    /// Nothing says in which order runs were made.
    OrderUnknown,
    /// Neighbouring runs are alike.
    Autocorrelation,
    /// Values move with time.
    Drift,
    /// Runs of one side fall into two heaps.
    Bimodal,
    /// One side fails more often.
    Errors,
    /// One side answers more requests in the same time.
    Throughput,
    /// Requests waited for answers before they were sent.
    ClosedLoop,
    /// Sides were offered different loads.
    Load,
    /// A tool's summary instead of all durations.
    SummaryOnly,
    /// Other guests of the hardware took processor time.
    Stolen,
    /// A subject that one side only has.
    OneSided,
}

/// Runs a side that a verdict should have.
pub(crate) const RUNS_WANTED: usize = 5;

/// Alike beyond this, neighbouring runs count as dependent.
const AUTOCORRELATION_MAX: f64 = 0.3;

/// Looks at the runs of both sides, before and after.
type Check = fn(&[Run], &[Run]) -> Option<Warning>;

/// What is said of the runs whatever is compared.
pub(crate) fn of_runs(before: &[Run], after: &[Run]) -> BTreeSet<Warning> {
    let all: [Check; 10] = [
        few_runs,
        order,
        closed_loop,
        other_load,
        errors,
        throughput,
        summaries,
        only_before,
        only_after,
        stolen,
    ];
    all.into_iter().filter_map(|of| of(before, after)).collect()
}

fn warning(kind: WarningKind, text: impl Into<String>) -> Option<Warning> {
    Some(Warning { kind, text: text.into() })
}

fn few_runs(before: &[Run], after: &[Run]) -> Option<Warning> {
    let (least, side) = (before.len(), "before").min((after.len(), "after"));
    let runs = if least == 1 { "run" } else { "runs" };
    let text = || {
        format!("{least} {runs} {side}: at least {RUNS_WANTED} a side tell luck from change, ten are usual")
    };
    (least < RUNS_WANTED).then(|| warning(WarningKind::FewRuns, text()))?
}

fn order(before: &[Run], after: &[Run]) -> Option<Warning> {
    let (Some(of_before), Some(of_after)) = (places(before), places(after)) else {
        let text = "nothing says in which order runs were made: a machine that got faster or slower meanwhile \
            would look like the change";
        return warning(WarningKind::OrderUnknown, text);
    };
    let apart = |first: &[u64], second: &[u64]| first.iter().max() < second.iter().min();
    let is_apart = apart(&of_before, &of_after) || apart(&of_after, &of_before);
    let text = "all runs of one side were made before those of the other: a machine that got faster or slower \
        meanwhile looks like the change; take turns";
    (is_apart && before.len() + after.len() > 2).then(|| warning(WarningKind::NotInterleaved, text))?
}

/// Places of runs in the order of all; `None` where one has none.
pub(crate) fn places(runs: &[Run]) -> Option<Vec<u64>> {
    runs.iter().map(|run| run.slot.map(u64::from).or(run.started_ms)).collect()
}

fn closed_loop(before: &[Run], after: &[Run]) -> Option<Warning> {
    let is_closed = before.iter().chain(after).any(|run| matches!(run.load, Some(Load::Closed { .. })));
    let text = "requests waited for answers before they were sent: while the server stalls nothing is measured, and high \
        percentiles are too low";
    is_closed.then(|| warning(WarningKind::ClosedLoop, text))?
}

fn other_load(before: &[Run], after: &[Run]) -> Option<Warning> {
    let has_like = |run: &Run, others: &[Run]| others.iter().any(|other| is_alike(run.load, other.load));
    let is_other =
        before.iter().any(|run| !has_like(run, after)) || after.iter().any(|run| !has_like(run, before));
    let text = "sides were offered different loads: their durations do not compare";
    is_other.then(|| warning(WarningKind::Load, text))?
}

/// Rates that some tools measure are never the same twice: within a fiftieth they count as one.
fn is_alike(one: Option<Load>, other: Option<Load>) -> bool {
    match (one, other) {
        (Some(Load::Open { rate_milli: one }), Some(Load::Open { rate_milli: other })) => {
            one.abs_diff(other).saturating_mul(50) <= one.max(other)
        }
        _ => one == other,
    }
}

/// Stolen time beyond this may show in durations, in thousandths of all.
const STOLEN_MILLI_MAX: u64 = 20;

fn stolen(before: &[Run], after: &[Run]) -> Option<Warning> {
    let stolen = |run: &&Run| run.stolen_milli.is_some_and(|milli| milli > STOLEN_MILLI_MAX);
    let (runs, most) = before
        .iter()
        .chain(after)
        .filter(stolen)
        .fold((0, 0), |(runs, most), run| (runs + 1, run.stolen_milli.unwrap_or(0).max(most)));
    let text = || {
        format!(
            "other guests of this hardware took processor time in {runs} runs, up to {:.1} %",
            most as f64 / 10.0
        )
    };
    (runs > 0).then(|| warning(WarningKind::Stolen, text()))?
}

/// Requests and errors of a side; `None` where a tool does not tell.
fn failed(runs: &[Run]) -> Option<(f64, f64)> {
    let samples = || runs.iter().flat_map(|run| run.samples.values());
    let errors: Option<u64> = samples().map(|sample| sample.errors).sum();
    let requests: u64 = samples().map(|sample| sample.requests).sum();
    (requests > 0).then_some((errors? as f64, requests as f64))
}

/// Shares of failures differ by more than chance (three standard errors) and by one in a thousand.
fn errors(before: &[Run], after: &[Run]) -> Option<Warning> {
    let ((failed_before, of_before), (failed_after, of_after)) = (failed(before)?, failed(after)?);
    let (share_before, share_after) = (failed_before / of_before, failed_after / of_after);
    let both = (failed_before + failed_after) / (of_before + of_after);
    let error = (both * (1.0 - both) * (1.0 / of_before + 1.0 / of_after)).sqrt();
    let apart = (share_after - share_before).abs();
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let text = || {
        format!(
            "{} of the requests failed before, {} after: what fails may be quick",
            percent(share_before),
            percent(share_after)
        )
    };
    (apart > 0.001 && apart > 3.0 * error).then(|| warning(WarningKind::Errors, text()))?
}

fn throughput(before: &[Run], after: &[Run]) -> Option<Warning> {
    let of = |runs: &[Run]| -> Option<f64> {
        let each: Option<Vec<f64>> =
            runs.iter().map(|run| run.throughput_milli().map(|milli| milli as f64)).collect();
        each.filter(|each| !each.is_empty()).map(|each| mean(&each) / 1_000.0)
    };
    let is_open = |runs: &[Run]| runs.iter().any(|run| matches!(run.load, Some(Load::Open { .. })));
    let (of_before, of_after) = (of(before)?, of(after)?);
    let is_apart = (of_after - of_before).abs() > 0.1 * of_before.max(of_after);
    let text = || {
        format!(
            "{of_before:.1} requests a second before, {of_after:.1} after: what was not sent was not measured"
        )
    };
    // A closed loop sends more where answers are quicker: that is said of it already.
    (is_apart && is_open(before)).then(|| warning(WarningKind::Throughput, text()))?
}

fn summaries(before: &[Run], after: &[Run]) -> Option<Warning> {
    let mut samples = before.iter().chain(after).flat_map(|run| run.samples.values());
    let text = "percentiles of a tool's summary, not all durations: each file counts as one run, and nothing else can \
        be worked out from them";
    samples.any(|sample| sample.latency.is_summary()).then(|| warning(WarningKind::SummaryOnly, text))?
}

fn only_before(before: &[Run], after: &[Run]) -> Option<Warning> {
    one_sided(before, after, "before")
}

fn only_after(before: &[Run], after: &[Run]) -> Option<Warning> {
    one_sided(after, before, "after")
}

/// Subjects that are named.
const NAMED: usize = 3;

fn one_sided(here: &[Run], there: &[Run], side: &str) -> Option<Warning> {
    let is_there = |subject: &String| there.iter().any(|run| run.samples.contains_key(subject));
    let subjects = here.iter().flat_map(|run| run.samples.keys());
    let names: BTreeSet<&str> = subjects.filter(|subject| !is_there(subject)).map(String::as_str).collect();
    let named = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let text = || match names.len().checked_sub(NAMED + 1) {
        None => format!("measured {side} only: {named}"),
        Some(more) => format!("measured {side} only: {named} and {} more", more + 1),
    };
    (!names.is_empty()).then(|| warning(WarningKind::OneSided, text()))?
}

/// What is said of the values of one metric: logarithms of both sides, each in the order of its places.
pub(crate) fn of_values(name: &str, before: &[(u64, f64)], after: &[(u64, f64)]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let rest = residuals(before, after);
    if let Some(alike) = autocorrelation(&rest).filter(|alike| *alike > AUTOCORRELATION_MAX) {
        let text = format!(
            "{name}: runs are like the run before them (correlation {alike:.2}): they say less than as many independent ones"
        );
        warnings.extend(warning(WarningKind::Autocorrelation, text));
    }
    if let Some(moved) = trend(&rest) {
        let text = format!(
            "{name}: values moved by {:+.1} % from the first to the last run, on both sides alike",
            moved.exp_m1() * 100.0
        );
        warnings.extend(warning(WarningKind::Drift, text));
    }
    for (side, values) in [("before", before), ("after", after)] {
        let values: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
        if is_bimodal(&values) {
            let text = format!(
                "{name}: runs {side} fall into two heaps, as if something else switched between them"
            );
            warnings.extend(warning(WarningKind::Bimodal, text));
        }
    }
    warnings
}

/// What is left of each run without its side's mean, in the order of all runs.
fn residuals(before: &[(u64, f64)], after: &[(u64, f64)]) -> Vec<f64> {
    let mut all = Vec::with_capacity(before.len() + after.len());
    for side in [before, after] {
        let values: Vec<f64> = side.iter().map(|(_, value)| *value).collect();
        let mean = mean(&values);
        all.extend(side.iter().map(|(place, value)| (*place, value - mean)));
    }
    all.sort_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
    all.into_iter().map(|(_, value)| value).collect()
}

/// Runs with too few requests for a metric.
pub(crate) fn few_requests(name: &str, metric: &Metric, least: Option<u64>) -> Option<Warning> {
    let wanted = metric.requests_min();
    let least = least.filter(|least| *least < wanted)?;
    let text = format!("{name}: a run has only {least} requests, {metric} wants {wanted}");
    warning(WarningKind::FewRequests, text)
}
