//! From files with plans to what is said of them.

mod logged;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use detectors::evidence::plan::Plan;
use detectors::plans::{PlanComparison, PlanReport, VERSION, compare, judge};
use detectors::settings::Settings;
use serde::Serialize;

use crate::diagnosis::Progress;
use crate::ingest::plans::{Unreadable, read};
use crate::ingest::{IngestError, LogForms, Other, Recognised, sorted};

/// A text with plans that is longer is none: plans of this size have millions of nodes.
const BYTES_MAX: u64 = 1 << 30;

/// What is said of all plans that were given: `docs/plans-v1.schema.json` describes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlansReport {
    /// [`VERSION`].
    pub version: u32,
    /// One for each plan: first those of files, in the order of the inputs, then those of logs, the slowest first.
    pub plans: Vec<PlacedPlan>,
    /// Plans of logs that take less and are left out.
    pub more: u64,
    /// What could not be read.
    pub notes: Vec<String>,
}

/// How logs are read, and how much of them is told.
#[derive(Debug, Clone)]
pub struct LogReading {
    /// Threads that read.
    pub threads: usize,
    /// What logs do not tell, where it is told.
    pub log_form: Option<LogForms>,
    /// Plans of logs that are told, the slowest ones.
    pub top: usize,
}

impl Default for LogReading {
    fn default() -> Self {
        Self { threads: 1, log_form: None, top: LOGGED }
    }
}

/// Plans of logs that are told unless more are asked for.
pub const LOGGED: usize = 10;

/// What is said of a plan, and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlacedPlan {
    /// The file, or `stdin`.
    pub file: String,
    /// Its first line.
    pub line: u64,
    /// The form that it was written in.
    pub form: &'static str,
    /// What is said of it.
    #[serde(flatten)]
    pub report: PlanReport,
}

/// What changed between two plans, and where they stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlacedComparison {
    /// The file of the plan before and that of the plan after.
    pub files: [String; 2],
    /// What changed.
    #[serde(flatten)]
    pub comparison: PlanComparison,
}

/// Why an input gives no plan.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It could not be read.
    #[error("cannot read {0}: {1}")]
    Input(String, io::Error),
    /// It holds no plan, or a broken one.
    #[error("cannot read {0}: {1}")]
    Unreadable(String, Unreadable),
    /// An input cannot be opened.
    #[error(transparent)]
    Unopened(#[from] IngestError),
    /// A log has none.
    #[error(
        "no plan in {0}: it is PostgreSQL's log; auto_explain writes plans into it (auto_explain.log_min_duration = '100ms')"
    )]
    NoneLogged(String),
    /// It holds several plans where one is compared.
    #[error("{0} holds {1} plans: give a file with one of them")]
    Several(String, usize),
}

impl Default for PlansReport {
    fn default() -> Self {
        Self { version: VERSION, plans: Vec::new(), more: 0, notes: Vec::new() }
    }
}

/// Looks at all plans of the inputs; `-` is standard input. PostgreSQL's logs give of each statement the plan of the slowest
/// execution.
///
/// # Errors
///
/// The first input that cannot be read or that holds no whole plan.
pub fn examine(
    inputs: &[PathBuf],
    settings: &Settings,
    reading: &LogReading,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<PlansReport, Problem> {
    let sorted = sorted(inputs, reading.log_form.as_ref(), is_log)?;
    let mut report = PlansReport::default();
    for other in sorted.others {
        let (name, is_named) = (other.name.clone(), other.is_named);
        match text_in(other).and_then(|text| judged(&name, &text, None, settings)) {
            Err(_) if !is_named => {}
            plans => report.plans.extend(plans?),
        }
    }
    if !sorted.evidence.is_empty() {
        report.add_logs(sorted.evidence, settings, reading, progress)?;
    }
    Ok(report)
}

/// Whether plans may stand in a format.
fn is_log(format: &str) -> bool {
    matches!(format, "postgresql-log" | "postgresql-csvlog" | "postgresql-jsonlog")
}

impl PlansReport {
    fn add_logs(
        &mut self,
        logs: Vec<Recognised>,
        settings: &Settings,
        reading: &LogReading,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<(), Problem> {
        let names: Vec<String> = logs.iter().map(|log| log.input.name()).collect();
        let (inputs, short): (Vec<_>, Vec<_>) = logs.into_iter().map(|log| (log.input, log.short)).unzip();
        let found = logged::read(inputs, reading, settings, progress)?;
        let before = self.plans.len();
        self.plans.extend(found.plans);
        self.more += found.more;
        self.notes.extend(found.notes);
        if self.plans.len() == before {
            // A few lines out of a log may lack what tells whose they are.
            for (name, text) in names.iter().zip(short) {
                match text.map(|text| judged(name, &text, None, settings)) {
                    Some(Ok(plans)) => self.plans.extend(plans),
                    // What is wrong with the plan that is there.
                    Some(Err(problem)) if !self.notes.is_empty() => return Err(problem),
                    _ => {}
                }
            }
        }
        match self.plans.is_empty() {
            true => Err(Problem::NoneLogged(names.join(", "))),
            false => Ok(()),
        }
    }
}

/// Looks at the plans of a statement that a server has made; the place is where.
///
/// # Errors
///
/// Where the server's answer holds no whole plan.
pub fn of_statement(
    place: &str,
    plans: &str,
    statement: &str,
    settings: &Settings,
) -> Result<PlansReport, Problem> {
    let plans = judged(place, plans.as_bytes(), Some(statement), settings)?;
    Ok(PlansReport { plans, ..PlansReport::default() })
}

pub(crate) fn judged(
    place: &str,
    text: &[u8],
    statement: Option<&str>,
    settings: &Settings,
) -> Result<Vec<PlacedPlan>, Problem> {
    let found = read(text).map_err(|problem| Problem::Unreadable(place.to_owned(), problem))?;
    let placed = found.into_iter().map(|mut found| {
        found.plan.statement = statement.map(Into::into).or(found.plan.statement);
        PlacedPlan {
            file: place.to_owned(),
            line: found.line,
            form: found.form,
            report: judge(&found.plan, settings),
        }
    });
    Ok(placed.collect())
}

/// Compares the plan of one input with that of another.
///
/// # Errors
///
/// An input that cannot be read, or that does not hold one whole plan.
pub fn contrast(before: &Path, after: &Path) -> Result<PlacedComparison, Problem> {
    let ((first, one), (second, other)) = (only_plan(before)?, only_plan(after)?);
    Ok(PlacedComparison { files: [first, second], comparison: compare(&one, &other) })
}

fn only_plan(input: &Path) -> Result<(String, Plan), Problem> {
    let (file, text) = text_of(input)?;
    let mut found = read(&text).map_err(|problem| Problem::Unreadable(file.clone(), problem))?;
    match (found.len(), found.pop()) {
        (1, Some(only)) => Ok((file, only.plan)),
        (several, _) => Err(Problem::Several(file, several)),
    }
}

/// All of an input that is no evidence.
pub(crate) fn text_in(other: Other) -> Result<Vec<u8>, Problem> {
    bounded(other.stream).map_err(|problem| Problem::Input(other.name, problem))
}

pub(crate) fn text_of(input: &Path) -> Result<(String, Vec<u8>), Problem> {
    let is_stdin = input == Path::new("-");
    let name = if is_stdin { "stdin".to_owned() } else { input.display().to_string() };
    let read = match is_stdin {
        true => bounded(io::stdin().lock()),
        false => File::open(input).and_then(bounded),
    };
    match read {
        Ok(text) => Ok((name, text)),
        Err(problem) => Err(Problem::Input(name, problem)),
    }
}

fn bounded(input: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    input.take(BYTES_MAX + 1).read_to_end(&mut text)?;
    match text.len() as u64 > BYTES_MAX {
        true => Err(io::Error::other("longer than 1 GiB: give the plans in parts")),
        false => Ok(text),
    }
}
