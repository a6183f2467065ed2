//! What was measured, as a page tells it.

use detectors::figures::duration;
use measurement::{Decision, Method, MetricDecision, Verdict};

use super::{capital, code, shown};
use crate::figures::{percent, value};
use crate::predictions::{Comparison, predictions as compared};
use crate::{Optimization, Side, Unchanged};

/// Metrics that are listed.
const METRICS_MAX: usize = 60;

/// The verdict on the primary metric in one sentence.
pub(super) fn verdict(decision: &Decision, verdict: Verdict) -> String {
    let runs = format!("{} and {} runs", decision.runs_before, decision.runs_after);
    let Some(primary) = decision.primary() else {
        return format!("**{}**: nothing was measured of the primary metric in {runs}.", capital(verdict));
    };
    let needed = primary.runs_needed.map(|needed| format!("; about {needed} runs a side would decide"));
    // Where nothing is claimed, nothing is proven.
    let proven_percent = primary.proven_percent.filter(|_| verdict != Verdict::Inconclusive);
    let told = difference(&MetricDecision { proven_percent, ..primary.clone() });
    format!("**{}**: {told} in {runs}{}.", capital(verdict), needed.unwrap_or_default())
}

/// `GET /orders p50 100 ms → 61.4 ms (-38.6 %, 95 % interval -39.2 % to -38.1 %, at least 38 % proven)`.
pub(super) fn difference(metric: &MetricDecision) -> String {
    let name = format!("{} {}", metric.subject, metric.metric);
    let sides = [metric.before_typical, metric.after_typical].map(|typical| value(&metric.metric, typical));
    let interval =
        metric.interval_ppm.map(|[low, high]| format!("95 % interval {} to {}", percent(low), percent(high)));
    let proven = metric.proven_percent.map(|proven| format!("at least {proven} % proven"));
    let details: Vec<String> =
        metric.effect_ppm.map(percent).into_iter().chain(interval).chain(proven).collect();
    let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
    format!("{} {} → {}{details}", code(name.trim()), sides[0], sides[1])
}

/// What the same version on both sides was apart, in one sentence.
pub fn unchanged(unchanged: &Unchanged) -> String {
    let [low, high] = unchanged.interval_ppm.map(percent);
    let size = |ppm: u32| percent(i64::from(ppm)).trim_start_matches('+').to_owned();
    format!(
        "The same version on both sides, {} runs each in turns, was {} apart (95 % interval {low} to {high}): up to {} is noise; so \
         many runs show {}.",
        unchanged.runs,
        percent(unchanged.effect_ppm),
        size(unchanged.floor_ppm),
        size(unchanged.detectable_ppm)
    )
}

/// The table of all metrics, and what casts doubt on them.
pub(super) fn add(text: &mut String, decision: &Decision) {
    text.push_str("\n## What was measured\n\n| | metric | before | after | change | 95 % interval | |\n");
    text.push_str("|---|---|--:|--:|--:|---|---|\n");
    for metric in decision.metrics.iter().take(METRICS_MAX) {
        text.push_str(&row(metric));
    }
    if let Some(more) = decision.metrics.len().checked_sub(METRICS_MAX + 1) {
        text.push_str(&format!("\n{} more metrics are in the entry.\n", more + 1));
    }
    let margin = f64::from(decision.margin_ppm) / 10_000.0;
    text.push_str(&format!("\nDifferences within {margin} % count as none. Chances of other metrics than the first are those of all of them together (Holm).\n"));
    let doubts: Vec<String> = decision.warnings.iter().map(|warning| shown(&warning.text)).collect();
    super::add_list(text, "What casts doubt on it", &doubts);
}

fn row(metric: &MetricDecision) -> String {
    let sides = [metric.before_typical, metric.after_typical].map(|typical| value(&metric.metric, typical));
    let interval = match (metric.interval_ppm, metric.method) {
        (Some([low, high]), _) => format!("{} to {}", percent(low), percent(high)),
        (None, Method::Exact) => "exact".to_owned(),
        (None, _) => "too few runs".to_owned(),
    };
    let mark = if metric.is_primary { "**" } else { "" };
    format!(
        "| {} | {mark}{}{mark} | {} | {} | {} | {interval} | {} |\n",
        shown(&metric.subject),
        metric.metric,
        sides[0],
        sides[1],
        metric.effect_ppm.map_or("".to_owned(), percent),
        metric.verdict.name()
    )
}

/// Predicted against measured, each in one line.
pub(super) fn predictions(optimization: &Optimization) -> Vec<String> {
    let lines = compared(optimization).into_iter().map(|of| {
        let name = code(&format!("{} {}", of.predicted.endpoint, of.predicted.metric));
        let [low, high] = of.predicted.range_ns.map(duration);
        let predicted = format!("Predicted: {name} {} ({low} to {high})", duration(of.predicted.after_ns));
        match of.comparison {
            Comparison::Measured { after_ns, error_ppm, .. } => {
                format!("{predicted}, measured {} ({})", duration(after_ns), percent(error_ppm))
            }
            Comparison::NotComparable(reason) => format!("{predicted}, not comparable: {}", shown(&reason)),
        }
    });
    lines.collect()
}

/// Where and how each side was measured.
pub(super) fn add_sides(text: &mut String, optimization: &Optimization) {
    let lines = [("Before", &optimization.before), ("After", &optimization.after)]
        .map(|(name, side)| format!("{name}: {}; {}", workload(side), environment(side)));
    super::add_list(text, "Where and how", &lines);
}

fn workload(side: &Side) -> String {
    let settings = side.workload.settings.iter().map(|(name, value)| format!("{name} {value}"));
    let all: Vec<String> =
        [side.workload.tool.clone(), side.workload.what.clone()].into_iter().chain(settings).collect();
    let told: Vec<String> = all.iter().filter(|part| !part.is_empty()).map(|part| shown(part)).collect();
    if told.is_empty() { "unknown workload".to_owned() } else { told.join(", ") }
}

fn environment(side: &Side) -> String {
    let Some(environment) = &side.environment else { return "unknown machine".to_owned() };
    let facts = environment.facts.iter().map(|(name, value)| format!("{name} {value}"));
    let processors = (environment.processors > 0).then(|| format!("{} processors", environment.processors));
    let own = [Some(environment.processor.clone()), processors, Some(environment.kernel.clone())];
    let all = own.into_iter().flatten().chain(facts).filter(|part| !part.is_empty());
    let all: Vec<String> = all.map(|part| shown(&part)).collect();
    all.join(", ")
}
