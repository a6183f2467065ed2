//! Where one is in the method, and what to do now: measure, find the top bottleneck, change one thing, validate, guard.
//!
//! All that is known is an argument; [`next()`] decides, and says why.

mod of_open;
mod title;

use measurement::Verdict;
use serde::Serialize;

use self::of_open::of_open;
use self::title::title;
use crate::shell::quoted;
use crate::{DiagnosedEndpoint, DiagnosedFinding, Diagnosis, EntryNote, Open, Percentiles, Version, moment};

/// What is known of a project.
#[derive(Debug, Clone, Copy, Default)]
pub struct State<'s> {
    /// The last diagnosis.
    pub diagnosis: Option<&'s Diagnosis>,
    /// The entry that is being made.
    pub open: Option<&'s Open>,
    /// What the work tree holds.
    pub version: Option<&'s Version>,
    /// Commits since what was measured before, the newest first: hash and subject.
    pub commits: &'s [String],
    /// The newest entry of an optimization that was not withdrawn.
    pub last: Option<&'s EntryNote>,
    /// What followed `whyslow measure` the last time, without the side.
    pub measured_with: Option<&'s str>,
    /// Files that runs left in the work tree: no part of the code.
    pub left_by_runs: &'s [String],
}

/// A place in the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Nothing is known yet.
    Diagnose,
    /// No endpoint has a target.
    SetTarget,
    /// The largest part of the time is not explained.
    SeeMore,
    /// A finding is the next to mend.
    Start,
    /// An entry is open and nothing was measured.
    MeasureBefore,
    /// It was measured before: the change can be made.
    Change,
    /// More than one thing was changed.
    TakeBack,
    /// The change is made: it can be measured.
    MeasureAfter,
    /// Measured, but not enough to tell.
    MeasureMore,
    /// All is measured.
    Finish,
    /// The last change made it worse.
    Undo,
    /// Nothing keeps the last change true.
    Guard,
    /// All targets are met and kept.
    Done,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// Where one is.
    pub step: Step,
    /// What to do, in one sentence.
    pub now: String,
    /// Why.
    pub why: String,
    /// Commands to copy, in their order.
    pub commands: Vec<String>,
}

fn advice(step: Step, now: impl Into<String>, why: impl Into<String>, commands: Vec<String>) -> Advice {
    Advice { step, now: now.into(), why: why.into(), commands }
}

/// What to do now.
pub fn next(state: &State<'_>) -> Advice {
    match (state.open, state.last) {
        (Some(open), _) => of_open(state, open),
        (None, Some(last)) => of_last(state, last).unwrap_or_else(|| of_diagnosis(state)),
        (None, None) => of_diagnosis(state),
    }
}

/// What the last entry leaves to do.
fn of_last(state: &State<'_>, last: &EntryNote) -> Option<Advice> {
    let optimization = last.optimization()?;
    let title = &optimization.plan.title;
    let commit = optimization.change.after.as_ref().map(|version| version.commit.clone());
    if optimization.conclusion.verdict == Verdict::Regressed {
        let is_there = commit.is_some() && commit.as_ref() == state.version.map(|version| &version.commit);
        let why = format!("\"{title}\" made it slower ({})", last.id);
        let commands = vec![format!("git revert {}", commit.clone().unwrap_or_default())];
        return is_there.then(|| advice(Step::Undo, "take the last change back", why, commands));
    }
    if optimization.guards.is_empty() && optimization.conclusion.verdict == Verdict::Improved {
        let why = format!("nothing keeps \"{title}\" ({}) from being undone unnoticed", last.id);
        let commands =
            vec![format!("whyslow ledger supersede {} --guard 'statements(\"ENDPOINT\") <= N'", last.id)];
        return Some(advice(Step::Guard, "add a guard", why, commands));
    }
    let is_older = state.diagnosis.is_none_or(|diagnosis| moment::moment(diagnosis.made_s) < last.created);
    let why = format!("the last diagnosis is older than \"{title}\" ({})", last.id);
    is_older.then(|| advice(Step::Diagnose, "diagnose again", why, vec![DIAGNOSE.to_owned()]))
}

const DIAGNOSE: &str = "whyslow run -- ./load.sh";

fn of_diagnosis(state: &State<'_>) -> Advice {
    let Some(diagnosis) = state.diagnosis else {
        let why = "nothing is known yet of where the time goes";
        return advice(
            Step::Diagnose,
            "measure: record traces of what is slow",
            why,
            vec![DIAGNOSE.to_owned()],
        );
    };
    let entries = || diagnosis.endpoints.iter().filter(|endpoint| endpoint.entry);
    if entries().all(|endpoint| endpoint.target.is_none()) {
        return set_target(diagnosis);
    }
    let missed =
        entries().filter(|endpoint| endpoint.target.as_ref().is_some_and(|goal| goal.met != Some(true)));
    let Some(endpoint) = missed.max_by_key(|endpoint| excess_milli(endpoint)) else {
        let why = "all targets are met";
        let commands = vec!["whyslow ledger guard --all --traces FILES".to_owned()];
        return advice(Step::Done, "keep it so: let CI execute the guards", why, commands);
    };
    see_more(diagnosis, endpoint).unwrap_or_else(|| start(diagnosis, endpoint))
}

fn set_target(diagnosis: &Diagnosis) -> Advice {
    let time = |endpoint: &&DiagnosedEndpoint| {
        endpoint.latency_ns.p50.unwrap_or(0).saturating_mul(endpoint.requests)
    };
    let slowest = diagnosis.endpoints.iter().filter(|endpoint| endpoint.entry).max_by_key(time);
    let name = slowest.map_or("GET /…", |endpoint| endpoint.name.as_str());
    let measured = slowest.and_then(|endpoint| highest(&endpoint.latency_ns));
    let why = match measured {
        Some((metric, ns)) => {
            format!(
                "no endpoint has one; most time is spent in {name}, with a {metric} of {}",
                milliseconds(ns)
            )
        }
        None => "no endpoint has one: nobody can say when it is good enough".to_owned(),
    };
    // A target is checked where there are requests enough for it.
    let metric = measured.map_or("p99", |(metric, _)| metric);
    let target = quoted(&format!("{name} {metric}<500ms"));
    let commands = vec![format!("whyslow run --target {target} -- ./load.sh")];
    advice(Step::SetTarget, "set a target: in whyslow.toml, or for one diagnosis by --target", why, commands)
}

/// The highest percentile that is known, in nanoseconds.
fn highest(latency: &Percentiles) -> Option<(&'static str, u64)> {
    let known = [("p99", latency.p99), ("p95", latency.p95), ("p50", latency.p50)];
    known.into_iter().find_map(|(metric, ns)| Some((metric, ns?)))
}

/// How far an endpoint is beyond its target, in thousandths of it.
fn excess_milli(endpoint: &DiagnosedEndpoint) -> u64 {
    let Some(goal) = &endpoint.target else { return 0 };
    measured(endpoint, goal).unwrap_or(0).saturating_mul(1_000).checked_div(goal.max_ns).unwrap_or(u64::MAX)
}

fn measured(endpoint: &DiagnosedEndpoint, goal: &crate::diagnosis::Goal) -> Option<u64> {
    let latency = &endpoint.latency_ns;
    match goal.metric.as_str() {
        "p50" => latency.p50,
        "p95" => latency.p95,
        "p99" => latency.p99,
        _ => latency.max,
    }
}

fn see_more(diagnosis: &Diagnosis, endpoint: &DiagnosedEndpoint) -> Option<Advice> {
    let milli = endpoint.unexplained_milli()?;
    let why = format!("{} % of {} is not explained by the evidence", milli / 10, endpoint.name);
    let unseen = diagnosis.not_seen.first();
    let now = unseen
        .map_or("record more: spans of the database, of calls, of the code".to_owned(), |unseen| {
            format!("{}: {}", unseen.what, unseen.how)
        });
    Some(advice(Step::SeeMore, now, why, vec![DIAGNOSE.to_owned()]))
}

fn start(diagnosis: &Diagnosis, endpoint: &DiagnosedEndpoint) -> Advice {
    let goal = endpoint.target.as_ref();
    let metric = goal.map_or("p50", |goal| goal.metric.as_str());
    // The ledger has percentiles of runs; the slowest request of one is chance.
    let of_percentile = goal.filter(|goal| goal.metric != "max");
    let target =
        of_percentile.map(|goal| format!("{} {}<{}", endpoint.name, goal.metric, milliseconds(goal.max_ns)));
    let finding = endpoint.after_fixes.first().and_then(|fix| diagnosis.finding(&fix.finding).ok());
    let Some(finding) = finding else {
        let why = format!("{} misses its target, and no finding gives it time back", endpoint.name);
        return advice(Step::SeeMore, "record more of it, or take a profile", why, vec![DIAGNOSE.to_owned()]);
    };
    let mut command = format!("whyslow ledger start {} --finding {}", quoted(&title(finding)), finding.id);
    if let Some(target) = target {
        command += &format!(" --target {}", quoted(&target));
    }
    command += &format!(
        " --primary {}",
        quoted(&format!("{} {}", endpoint.name, if metric == "max" { "p99" } else { metric }))
    );
    advice(
        Step::Start,
        format!("begin with {} at {}", finding.detector, endpoint.name),
        gain(finding),
        vec![command],
    )
}

/// What a finding predicts, in words.
fn gain(finding: &DiagnosedFinding) -> String {
    let told: Vec<String> = finding
        .predicted()
        .iter()
        .map(|of| format!("{} {} -> {}", of.metric, milliseconds(of.before_ns), milliseconds(of.after_ns)))
        .collect();
    match told.is_empty() {
        true => "it gives back the most".to_owned(),
        false => format!("it gives back the most; predicted: {}", told.join(", ")),
    }
}

impl State<'_> {
    /// The command that measures a side, with what was given the last time.
    fn measure(&self, side: &str) -> String {
        let with =
            self.measured_with.unwrap_or("--url http://localhost:PORT/PATH --rate 20 --start './serve.sh'");
        format!("whyslow measure --side {side} {with}")
    }
}

fn milliseconds(ns: u64) -> String {
    match ns {
        ..10_000_000 => format!("{:.1}ms", ns as f64 / 1e6),
        _ => format!("{:.0}ms", ns as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests;
