//! Where one is in the method, and what to do now: measure, find the top bottleneck, change one thing, validate, guard.
//!
//! All that is known is an argument; [`next()`] decides, and says why.

mod title;

use measurement::Verdict;
use serde::Serialize;

use self::title::title;
use crate::{DiagnosedEndpoint, DiagnosedFinding, Diagnosis, EntryNote, Open, Side, Version, moment};

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

fn of_open(state: &State<'_>, open: &Open) -> Advice {
    let title = &open.plan.title;
    let Some(before) = &open.before else {
        let why = format!("\"{title}\" is open, and nothing is known of the time before the change");
        return advice(
            Step::MeasureBefore,
            "measure before you change anything",
            why,
            vec![state.measure("before")],
        );
    };
    if open.after.is_none() && before.version.is_some() && before.version.as_ref() == state.version {
        return change(state, open);
    }
    if let Some(advice) = several_changes(state) {
        return advice;
    }
    match &open.after {
        None => {
            let why = format!("\"{title}\": measured before, and the code is another now");
            advice(
                Step::MeasureAfter,
                "measure after the change, as before",
                why,
                vec![state.measure("after")],
            )
        }
        Some(after) => decide_or_finish(state, open, before, after),
    }
}

fn change(state: &State<'_>, open: &Open) -> Advice {
    let finding = open.plan.finding.as_deref().and_then(|id| state.diagnosis?.finding(id).ok());
    let remedy = finding.and_then(|finding| finding.fix.first());
    let now = remedy.map_or_else(|| open.plan.title.clone(), |remedy| remedy.text.clone());
    let costs = remedy.map(|remedy| format!("; it costs: {}", remedy.tradeoff)).unwrap_or_default();
    let why = format!("it was measured before, and the code is still the same{costs}");
    let commands = vec!["git commit --all".to_owned(), state.measure("after")];
    advice(Step::Change, format!("make this one change, and commit it: {now}"), why, commands)
}

/// One thing at a time: what else was changed belongs to another entry.
fn several_changes(state: &State<'_>) -> Option<Advice> {
    let uncommitted = state.version.is_some_and(|version| version.uncommitted_sha256.is_some());
    let changes = state.commits.len() + usize::from(uncommitted);
    if changes < 2 {
        return None;
    }
    let listed: Vec<&str> = state.commits.iter().take(5).map(String::as_str).collect();
    let and = if uncommitted { ", and what is not committed" } else { "" };
    let why = format!("since it was measured before there are {changes} changes: {}{and}", listed.join("; "));
    let now = "take back all but one change: of two nobody knows which one helped";
    let newest = state.commits.first().and_then(|commit| commit.split(' ').next());
    let commands = match (uncommitted, newest) {
        (true, _) => vec!["git stash".to_owned()],
        (false, newest) => newest.map(|commit| format!("git revert {commit}")).into_iter().collect(),
    };
    Some(advice(Step::TakeBack, now, why, commands))
}

fn decide_or_finish(state: &State<'_>, open: &Open, before: &Side, after: &Side) -> Advice {
    let decision = measurement::decide(&before.runs, &after.runs, &open.plan.question());
    let primary = decision.primary().or(decision.metrics.first());
    let more = primary
        .filter(|metric| metric.verdict == Verdict::Inconclusive)
        .and_then(|metric| metric.runs_needed);
    match more {
        Some(runs) => {
            let made = before.runs.len().min(after.runs.len());
            let why =
                format!("{made} runs a side do not tell; about {runs} would. Or finish, as inconclusive");
            let commands = vec![state.measure("before"), state.measure("after"), FINISH.to_owned()];
            advice(Step::MeasureMore, "make more runs of both sides", why, commands)
        }
        None => {
            let why = format!("\"{}\" is measured on both sides", open.plan.title);
            advice(Step::Finish, "make the entry, with what must stay true", why, vec![finish(after)])
        }
    }
}

const FINISH: &str = "whyslow ledger finish";

/// The command that ends an entry, with a guard where statements were counted.
fn finish(after: &Side) -> String {
    let samples = after.runs.last().into_iter().flat_map(|run| &run.samples);
    let counted =
        samples.filter_map(|(subject, sample)| Some((subject, sample.counts_milli.get("statements")?)));
    match counted.max_by_key(|(_, count)| **count) {
        Some((subject, count)) => {
            format!("{FINISH} --guard 'statements(\"{subject}\") <= {}'", count.div_ceil(1_000))
        }
        None => FINISH.to_owned(),
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
    let measured = slowest.and_then(|endpoint| endpoint.latency_ns.p99.or(endpoint.latency_ns.p50));
    let why = match measured {
        Some(ns) => format!("no endpoint has one; most time is spent in {name}, up to {}", milliseconds(ns)),
        None => "no endpoint has one: nobody can say when it is good enough".to_owned(),
    };
    let commands = vec![format!("whyslow run --target '{name} p99<500ms' -- ./load.sh")];
    advice(Step::SetTarget, "set a target: in whyslow.toml, or for one diagnosis by --target", why, commands)
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

/// A word for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
