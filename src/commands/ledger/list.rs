//! `whyslow ledger list`: all entries, newest last, and how well their gains were predicted.

use std::fmt::Write as _;

use clap::Args;
use detectors::figures::{clean, duration};
use ledger::figures::{percent, value};
use ledger::predictions::{Compared, Comparison, predictions};
use ledger::undone::ends;
use ledger::{EntryNote, Notes, What};
use serde::Serialize;

use super::{Format, Outcome, Project, print_json};
use crate::commands::{print, say};

const EXAMPLES: &str = "\
Examples:
  whyslow ledger list
  whyslow ledger list --predictions
  whyslow ledger list --format json

Exit codes:
  0  done, also where there is no entry
  3  an entry cannot be read; the others are listed";

/// Lists all entries, oldest first.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// How well gains were predicted: predicted against measured, at the same load
    #[arg(long)]
    predictions: bool,

    /// The form of the list
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    format: Format,
}

/// An entry in one line.
#[derive(Debug, Serialize)]
struct Line<'n> {
    id: &'n str,
    created: &'n str,
    author: &'n str,
    kind: &'static str,
    /// What an optimization claims, or measuring again found.
    verdict: Option<String>,
    /// Of what later entries say, what ends it: `withdrawal`, `supersession`, `reversion`.
    ended_by: Option<&'static str>,
    about: Option<&'n str>,
    title: String,
    /// The difference of the primary metric.
    difference: Option<String>,
}

/// Lists entries.
pub(super) fn execute(project: &Project, options: &Options) -> anyhow::Result<Outcome> {
    let notes = project.ledger.notes()?;
    for (path, problem) in &notes.unread {
        say(format_args!("warning: {}: {problem}", project.shown(path)));
    }
    match (options.predictions, options.format) {
        (false, Format::Text) => print(lines_text(&notes).as_bytes())?,
        (false, Format::Json) => print_json(&lines(&notes))?,
        (true, Format::Text) => print(predictions_text(&notes).as_bytes())?,
        (true, Format::Json) => print_json(&all_predictions(&notes))?,
    };
    Ok(if notes.unread.is_empty() { Outcome::Done } else { Outcome::CannotMeasure })
}

fn lines(notes: &Notes) -> Vec<Line<'_>> {
    let about = notes.about();
    let ended_by = |entry: &EntryNote| {
        let later = about.get(&entry.id).into_iter().flatten();
        later.filter(|later| ends(later).contains(&&entry.id)).map(|later| later.what.name()).next()
    };
    notes.entries.iter().map(|entry| line(entry, ended_by(entry))).collect()
}

fn line<'n>(entry: &'n EntryNote, ended_by: Option<&'static str>) -> Line<'n> {
    let (verdict, title, difference) = match &entry.what {
        What::Optimization(of) => {
            let conclusion = &of.conclusion;
            (Some(conclusion.verdict.name().to_owned()), of.plan.title.clone(), primary(&conclusion.decision))
        }
        What::ReMeasurement(again) => {
            let outcome = ledger::page::outcome_words(again.outcome).to_lowercase();
            (Some(outcome), String::new(), primary(&again.decision))
        }
        What::Withdrawal(statement) | What::Reversion(statement) => (None, statement.reason.clone(), None),
        What::Supersession(supersession) => (None, supersession.reason.clone(), None),
        What::Waiver(waiver) => {
            (None, format!("{} until {}: {}", waiver.guard, waiver.until, waiver.reason), None)
        }
    };
    Line {
        id: entry.id.as_str(),
        created: &entry.created,
        author: &entry.author,
        kind: entry.what.name(),
        verdict,
        ended_by,
        about: entry.what.about().map(ledger::EntryId::as_str),
        title: clean(&title),
        difference,
    }
}

/// `GET /orders p50 148 ms → 88.7 ms (-40.0 %)`.
fn primary(decision: &measurement::Decision) -> Option<String> {
    let of = decision.primary()?;
    let [before, after] = [of.before_typical, of.after_typical].map(|typical| value(&of.metric, typical));
    let effect = of.effect_ppm.map_or(String::new(), |ppm| format!(" ({})", percent(ppm)));
    let name = format!("{} {}", clean(&of.subject), of.metric);
    Some(format!("{} {before} → {after}{effect}", name.trim()))
}

fn lines_text(notes: &Notes) -> String {
    if notes.entries.is_empty() {
        return "The ledger has no entry:  whyslow ledger start \"what is changed\" --primary p50  begins one.\n".to_owned();
    }
    let mut text = String::new();
    for line in lines(notes) {
        let state = line.verdict.as_deref().unwrap_or(line.kind);
        let day = line.created.get(..10).unwrap_or(line.created);
        let about = line.about.map_or(String::new(), |about| format!("{} of {about}  ", line.kind));
        let title = if line.title.is_empty() { String::new() } else { format!("{}  ", line.title) };
        let difference = line.difference.map_or(String::new(), |difference| format!("{difference}  "));
        let ended = line.ended_by.map_or(String::new(), |by| {
            format!("[ended by {} {by}]", if by.starts_with('o') { "an" } else { "a" })
        });
        let told = format!("{}  {day}  {state:14}  {about}{title}{difference}{ended}", line.id);
        let _ = writeln!(text, "{}", told.trim_end());
    }
    text
}

/// An entry and its predictions.
#[derive(Debug, Serialize)]
struct Predictions<'n> {
    id: &'n str,
    title: &'n str,
    predictions: Vec<Compared>,
}

fn all_predictions(notes: &Notes) -> Vec<Predictions<'_>> {
    let optimizations = notes.entries.iter().filter_map(|entry| Some((entry, entry.optimization()?)));
    let compared = optimizations.map(|(entry, of)| Predictions {
        id: entry.id.as_str(),
        title: &of.plan.title,
        predictions: predictions(of),
    });
    compared.filter(|of| !of.predictions.is_empty()).collect()
}

fn predictions_text(notes: &Notes) -> String {
    let all = all_predictions(notes);
    if all.is_empty() {
        return "No entry has a prediction:  whyslow ledger start … --finding ID --report report.json  keeps that of a finding.\n"
            .to_owned();
    }
    let mut text = String::new();
    for of in &all {
        let _ = writeln!(text, "{}  {}", of.id, clean(of.title));
        for compared in &of.predictions {
            let _ = writeln!(text, "  {}", one_prediction(compared));
        }
    }
    let compared = all.iter().flat_map(|of| &of.predictions);
    let _ = writeln!(text, "\n{}", summary(compared));
    text
}

fn one_prediction(compared: &Compared) -> String {
    let predicted = &compared.predicted;
    let name = format!("{} {}", clean(&predicted.endpoint), predicted.metric);
    let [low, high] = predicted.range_ns.map(duration);
    let expected = format!("{name}: predicted {} ({low} to {high})", duration(predicted.after_ns));
    match &compared.comparison {
        Comparison::Measured { after_ns, error_ppm, is_within_range, .. } => {
            let within = if *is_within_range { "within the range" } else { "outside of the range" };
            format!("{expected}, measured {} ({}, {within})", duration(*after_ns), percent(*error_ppm))
        }
        Comparison::NotComparable(reason) => format!("{expected}, not comparable: {reason}"),
    }
}

/// How well all predictions went together: the middle of their errors.
fn summary<'c>(compared: impl Iterator<Item = &'c Compared>) -> String {
    let (mut errors, mut within, mut refused) = (Vec::new(), 0usize, 0usize);
    for of in compared {
        match &of.comparison {
            Comparison::Measured { error_ppm, is_within_range, .. } => {
                errors.push(error_ppm.abs());
                within += usize::from(*is_within_range);
            }
            Comparison::NotComparable(_) => refused += 1,
        }
    }
    errors.sort_unstable();
    match errors.get(errors.len() / 2) {
        None => format!("None of {refused} predictions can be compared with what was measured."),
        Some(middle) => format!(
            "{} of {} predictions that compare lie within their range; the middle error is {:.1} %. {refused} do not compare.",
            within,
            errors.len(),
            *middle as f64 / 10_000.0
        ),
    }
}
