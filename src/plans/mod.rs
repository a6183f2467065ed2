//! From files with plans to what is said of them.

mod contrast;
mod logged;

use std::io::{self, Read};
use std::path::PathBuf;

use detectors::plans::{PlanReport, VERSION, judge};
use detectors::settings::Settings;
use serde::Serialize;

pub use self::contrast::{Contrast, Contrasts, PlacedComparison, contrast};
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
    /// It holds several plans, and which are of one statement is not known.
    #[error("{0} holds {1} plans, and not all of their statements are known: give a file with one of them")]
    Several(String, usize),
    /// Two inputs have no statement in common.
    #[error("no statement has a plan in both {0} and {1}")]
    NothingInCommon(String, String),
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

/// All of an input that is no evidence.
pub(crate) fn text_in(other: Other) -> Result<Vec<u8>, Problem> {
    bounded(other.stream).map_err(|problem| Problem::Input(other.name, problem))
}

fn bounded(input: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    input.take(BYTES_MAX + 1).read_to_end(&mut text)?;
    match text.len() as u64 > BYTES_MAX {
        true => Err(io::Error::other("longer than 1 GiB: give the plans in parts")),
        false => Ok(text),
    }
}
