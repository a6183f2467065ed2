//! From what people have of a workload to advice about indexes: logs, traces and statistics, files with statements and plans.

mod evidence;
mod files;

use std::path::PathBuf;

use detectors::evidence::plan::Engine;
use detectors::evidence::shape::sql::Dialect;
use detectors::figures::counted;
use detectors::indexes::{Catalogue, IndexAdvice, Workload, WorkloadStatement, advise};

use self::files::Gathered;
use crate::diagnosis::{self, Progress, Request};
use crate::ingest::{IngestError, sorted};
use crate::plans::{self, text_in};

/// Why there is no workload.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// An input cannot be opened.
    #[error(transparent)]
    Input(#[from] IngestError),
    /// Logs, traces or statistics cannot be read.
    #[error(transparent)]
    Evidence(#[from] diagnosis::Error),
    /// A file that is none of these holds neither plans nor statements.
    #[error(transparent)]
    File(#[from] plans::Problem),
}

/// Statements of one database, and what has to be known of them.
#[derive(Debug, Default)]
pub struct Given {
    /// The statements, each once, with their plans.
    pub workload: Workload,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// What statements are taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'w> {
    /// Those of this database, where the evidence tells databases apart.
    pub database: Option<&'w str>,
    /// Those in the language of this server; else of that which takes most of the time.
    pub engine: Option<Engine>,
}

/// Looks at all statements and plans of the inputs; `-` is standard input.
///
/// # Errors
///
/// As [`workload`].
pub fn examine(
    inputs: &[PathBuf],
    request: &Request,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<IndexAdvice, Problem> {
    let Given { workload, notes } = workload(inputs, request, Wanted::default(), progress)?;
    Ok(IndexAdvice { notes, ..advise(&workload, &Catalogue::default()) })
}

/// The statements of the inputs, each once, with their plans. Logs, traces and statistics are found by content, together;
/// all else are plans and statements.
///
/// # Errors
///
/// The first input that was named and cannot be read, or in which nothing is found.
pub fn workload(
    inputs: &[PathBuf],
    request: &Request,
    wanted: Wanted<'_>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Given, Problem> {
    let sorted = sorted(inputs, request.log_form.as_ref(), |_| true)?;
    let (mut gathered, mut neither) = (Gathered::default(), Vec::new());
    for other in sorted.others {
        let (name, is_named) = (other.name.clone(), other.is_named);
        let taken = text_in(other).and_then(|text| gathered.file(&name, &text));
        match taken {
            Err(_) if !is_named => neither.push(name),
            taken => taken?,
        }
    }
    let mut notes: Vec<String> = note_of_others(&neither).into_iter().chain(gathered.note()).collect();
    if sorted.evidence.is_empty() {
        return Ok(Given { workload: gathered.workload(Vec::new()), notes });
    }
    let inputs = sorted.evidence.into_iter().map(|recognised| recognised.input).collect();
    let evidence = evidence::read(inputs, request, wanted, progress)?;
    notes.extend(evidence.notes);
    let mut workload = gathered.workload(evidence.statements);
    workload.engine = wanted.engine.or(evidence.engine).unwrap_or(workload.engine);
    workload.written = evidence.written;
    Ok(Given { workload, notes })
}

/// What there is to say of files in folders in which nothing is found.
fn note_of_others(names: &[String]) -> Option<String> {
    let [first, others @ ..] = names else { return None };
    let more = match others.len() {
        0 => String::new(),
        more => format!(" and {}", counted(more as u64, "more file")),
    };
    Some(format!("{first}{more}: neither evidence nor a plan nor a statement"))
}

/// The language of a server's statements.
pub(crate) fn dialect(engine: Engine) -> Dialect {
    match engine {
        Engine::PostgreSql => Dialect::Postgres,
        _ => Dialect::MySql,
    }
}

/// Two records of one statement: the slower plan leads. Where only one tells times, its counts are those of the workload.
fn join(known: &mut WorkloadStatement, mut other: WorkloadStatement) {
    if other.time_ns.is_some() && known.time_ns.is_none() {
        std::mem::swap(known, &mut other);
    }
    if known.time_ns.is_none() || other.time_ns.is_some() {
        known.executions = known.executions.saturating_add(other.executions);
        known.time_ns = known.time_ns.zip(other.time_ns).map(|(one, other)| one.saturating_add(other));
    }
    known.has_other_values |= other.has_other_values;
    let slowest = |one: &WorkloadStatement| one.plans.first().and_then(|plan| plan.execution_ns());
    if slowest(&other) > slowest(known) || known.plans.is_empty() && !other.plans.is_empty() {
        (known.text, known.bound) = (other.text, other.bound);
    }
    known.plans.extend(other.plans);
    known.plans.sort_by_key(|plan| std::cmp::Reverse(plan.execution_ns()));
}
