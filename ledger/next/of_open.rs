//! What is to be done while an entry is open: measure, change one thing, measure again, finish.

use measurement::Verdict;

use super::{Advice, State, Step, advice};
use crate::shell::quoted;
use crate::{Open, Side};

/// What to do now that an entry is open.
pub(super) fn of_open(state: &State<'_>, open: &Open) -> Advice {
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
    let commands = vec![commit(state.left_by_runs), state.measure("after")];
    advice(Step::Change, format!("make this one change, and commit it: {now}"), why, commands)
}

/// The command that commits all that was changed, also files that are new, but not what runs left.
fn commit(left_by_runs: &[String]) -> String {
    let but: String = left_by_runs
        .iter()
        .map(|file| format!(" {}", quoted(&format!(":(top,exclude,literal){file}"))))
        .collect();
    match left_by_runs.len() {
        0 => "git add --all && git commit".to_owned(),
        1..=LEFT_SHOWN => format!("git add --all -- ':/'{but} && git commit"),
        _ => "git add FILES && git commit".to_owned(),
    }
}

/// More files than these nobody reads in one command.
const LEFT_SHOWN: usize = 5;

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
    let now = "take back all but one change, or make one commit of what belongs together (git commit --amend): of two \
        nobody knows which one helped";
    let newest = state.commits.first().and_then(|commit| commit.split(' ').next());
    let commands = match (uncommitted, newest) {
        (true, _) => vec![STASH.to_owned()],
        (false, newest) => newest.map(|commit| format!("git revert {commit}")).into_iter().collect(),
    };
    Some(advice(Step::TakeBack, now, why, commands))
}

/// New files are a change, too; entries are none.
pub(super) const STASH: &str = "git stash push --include-untracked -- ':/' ':(top,exclude).whyslow'";

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
