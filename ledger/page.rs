//! The page of an entry, in Markdown: made of the entry alone, to be read where the code is read.

mod measured;
pub mod picture;

pub use self::measured::unchanged;

use std::fmt::Write as _;

use detectors::figures::clean;
use measurement::Verdict;

use crate::{Entry, FindingNote, Optimization, Outcome, ReMeasurement, Statement, What, figures};

/// The page of an entry.
pub fn page(entry: &Entry) -> String {
    let mut text = head(entry);
    match &entry.what {
        What::Optimization(optimization) => add_optimization(&mut text, optimization, entry.id.as_str()),
        What::Withdrawal(statement) => add_statement(&mut text, "Withdrawn", statement),
        What::Reversion(statement) => add_statement(&mut text, "Undone on purpose", statement),
        What::Supersession(supersession) => {
            let (of, by, reason) = (&supersession.of, &supersession.by, shown(&supersession.reason));
            add(&mut text, &format!("# Superseded: {of}\n\nBy {by}: {reason}\n"));
        }
        What::Waiver(waiver) => {
            let (guard, reason) = (code(&waiver.guard.to_string()), shown(&waiver.reason));
            let until = &waiver.until;
            add(&mut text, &format!("# Guard of {} waived until {until}\n\n{guard}: {reason}\n", waiver.of));
        }
        What::ReMeasurement(again) => add_re_measurement(&mut text, again),
    }
    text
}

/// What programs read of it, as in records of decisions.
fn head(entry: &Entry) -> String {
    let status = match &entry.what {
        What::Optimization(optimization) => optimization.conclusion.verdict.name(),
        What::ReMeasurement(again) => outcome(again.outcome),
        other => other.name(),
    };
    let (id, created, author) = (&entry.id, &entry.created, shown(&entry.author));
    format!(
        "---\nid: {id}\nstatus: {status}\ndate: {created}\nauthor: \"{}\"\n---\n\n",
        author.replace('"', "'")
    )
}

fn add_optimization(text: &mut String, optimization: &Optimization, id: &str) {
    add(text, &format!("# {}\n\n{}\n", shown(&optimization.plan.title), result(optimization)));
    if picture::picture(optimization).is_some() {
        add(text, &format!("\n![Durations before and after]({id}.svg)\n"));
    }
    add_reasons(text, optimization);
    add_change(text, optimization);
    measured::add(text, &optimization.conclusion.decision);
    add_findings(text, "Findings that went away", &optimization.findings_gone());
    add_findings(text, "Findings that came", &optimization.findings_came());
    let guards: Vec<String> = optimization.guards.iter().map(|guard| code(&guard.to_string())).collect();
    add_list(text, "What must stay true", &guards);
    measured::add_sides(text, optimization);
}

/// The verdict in one paragraph, and what became of the target.
fn result(optimization: &Optimization) -> String {
    let conclusion = &optimization.conclusion;
    let mut text = measured::verdict(&conclusion.decision, conclusion.verdict);
    if let Some(noise) = conclusion.noise_ppm {
        let noise = figures::percent(i64::from(noise));
        let noise = noise.trim_start_matches('+');
        let _ = write!(text, " Without a change, halves of the runs before differ by up to {noise}.");
        if conclusion.is_within_noise() {
            text.push_str(" **What is claimed is no more than that:** make more runs before believing it.");
        }
    }
    if let Some(unchanged) = &conclusion.unchanged {
        let _ = write!(text, " {}", measured::unchanged(unchanged));
        if conclusion.is_below_floor() {
            text.push_str(" **The change is no larger than that, so that nothing is claimed of it.**");
        }
    }
    if conclusion.is_capped() {
        let all: Vec<String> = conclusion.differences.all().collect();
        let _ = write!(
            text,
            " More than the one change differs between the sides ({}), so that nothing is claimed of the change.",
            shown(&all.join("; "))
        );
    }
    if let Some(reason) = &optimization.confounded {
        let _ = write!(text, " More than one thing differs, and is told apart because: {}.", shown(reason));
    }
    if let Some(met) = &conclusion.target {
        let told = |met: Option<bool>| match met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not measured",
        };
        let (target, before, after) = (code(&met.target), told(met.before), told(met.after));
        let _ = write!(text, "\n\nTarget {target}: {before} before, {after} after.");
    }
    text
}

fn add_reasons(text: &mut String, optimization: &Optimization) {
    let (plan, reasons) = (&optimization.plan, &optimization.reasons);
    if let Some(sentence) = &reasons.do_not_undo {
        add(text, &format!("\n> **Do not undo:** {}\n", shown(sentence)));
    }
    let mut lines = Vec::new();
    let hypothesis =
        plan.hypothesis.iter().map(|hypothesis| format!("Expected before measuring: {}", shown(hypothesis)));
    lines.extend(hypothesis);
    lines.extend(reasons.explanation.iter().map(|why| format!("Explained after measuring: {}", shown(why))));
    lines.extend(plan.finding.iter().map(|finding| format!("Finding: {}", code(finding))));
    lines.extend(measured::predictions(optimization));
    add_list(text, "Why", &lines);
    let costs: Vec<String> = plan.tradeoff.iter().chain(&reasons.tradeoffs).map(|cost| shown(cost)).collect();
    add_list(text, "What it costs", &costs);
    add_list(
        text,
        "Tried or considered",
        &reasons.alternatives.iter().map(|other| shown(other)).collect::<Vec<_>>(),
    );
}

fn add_change(text: &mut String, optimization: &Optimization) {
    let change = &optimization.change;
    let mut lines = vec![format!("Kind: {}", change.kind.name())];
    for (side, version) in [("Before", &change.before), ("After", &change.after)] {
        let Some(version) = version else {
            lines.push(format!("{side}: unknown version"));
            continue;
        };
        let also =
            if version.uncommitted_sha256.is_some() { ", with changes that are not committed" } else { "" };
        lines.push(format!("{side}: {}{also}", code(&version.commit)));
    }
    for file in &change.files {
        let ranges: Vec<String> = file.lines.iter().map(range).collect();
        lines.push(format!("{} {}", code(&file.path), ranges.join(", ")).trim_end().to_owned());
    }
    add_list(text, "What was changed", &lines);
}

fn range([first, last]: &[u64; 2]) -> String {
    if first == last { first.to_string() } else { format!("{first}–{last}") }
}

fn add_findings(text: &mut String, title: &str, findings: &[&FindingNote]) {
    let lines: Vec<String> = findings
        .iter()
        .map(|finding| {
            format!("{} at {}: {}", code(&finding.id), shown(&finding.endpoint), code(&finding.subject))
        })
        .collect();
    add_list(text, title, &lines);
}

fn add_statement(text: &mut String, title: &str, statement: &Statement) {
    add(text, &format!("# {title}: {}\n\n{}\n", statement.of, shown(&statement.reason)));
}

fn add_re_measurement(text: &mut String, again: &ReMeasurement) {
    add(text, &format!("# Measured again: {}\n\n**{}**", again.of, outcome_words(again.outcome)));
    let primary = again.decision.primary().map(measured::difference);
    let how = match again.again {
        Some(_) => "The entry's version and the current one were measured in turns.",
        None => "Compared with what was measured then.",
    };
    add(text, &primary.map_or(".".to_owned(), |difference| format!(": {difference}.")));
    add(text, &format!(" {how}\n"));
    let differences: Vec<String> = again.differences.iter().map(|difference| shown(difference)).collect();
    add_list(text, "What differs since", &differences);
    measured::add(text, &again.decision);
}

/// Its name, as it is written.
fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Holds => "holds",
        Outcome::Decayed => "decayed",
        Outcome::Inconclusive => "inconclusive",
        Outcome::NotComparable => "not-comparable",
    }
}

/// What measuring again says, in words.
pub fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Holds => "Holds",
        Outcome::Decayed => "Decayed",
        Outcome::Inconclusive => "Inconclusive",
        Outcome::NotComparable => "Not comparable",
    }
}

/// The verdict with a capital letter.
pub(crate) fn capital(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Improved => "Improved",
        Verdict::Regressed => "Regressed",
        Verdict::Equivalent => "Equivalent",
        Verdict::Inconclusive => "Inconclusive",
    }
}

fn add_list(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    add(text, &format!("\n## {title}\n\n"));
    lines.iter().for_each(|line| add(text, &format!("- {line}\n")));
}

fn add(text: &mut String, more: &str) {
    text.push_str(more);
}

/// Text that Markdown shows as it is.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in clean(text).chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '|' | '#' | '!') {
            shown.push('\\');
        }
        shown.push(character);
    }
    shown
}

/// Text that Markdown shows as code.
pub(crate) fn code(text: &str) -> String {
    format!("`{}`", clean(text).replace('`', "'"))
}

#[cfg(test)]
mod tests;
