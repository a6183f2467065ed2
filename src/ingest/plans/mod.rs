//! Plans of statements out of whatever people and programs keep them in.
//!
//! Reading has three steps. What a terminal, a client or a log put around a plan is taken off; the form is recognised;
//! and its reader brings it to the one vocabulary of [`detectors::evidence::plan`]. All readers of structured forms hand
//! what they read to one `Assembly`, so that a name means the same in each.

mod agreement;
mod assembly;
mod json;
mod mysql;
mod pastes;
mod sketch;
mod sqlite;
mod statement;
mod text;
mod xml;
mod yaml;

use detectors::evidence::plan::Plan;

use pastes::Pasted;

use super::slowest::Slowest;

/// A plan, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The plan.
    pub plan: Plan,
    /// Name of the form that it was written in.
    pub form: &'static str,
    /// Its first line, from one.
    pub line: u64,
}

/// Why no plan could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Unreadable {
    /// The line, from one.
    pub line: u64,
    /// What is wrong there and what would help.
    pub reason: String,
}

/// Plans that logs tell of their statements, as the log has them: of each statement that of the slowest execution.
pub type KeptPlans = Slowest<Box<[u8]>>;

/// What a text with plans gives.
pub type Plans = Result<Vec<Found>, Unreadable>;

/// A form that plans are written in.
pub struct PlanForm {
    /// Its name in messages.
    pub name: &'static str,
    /// One line for the documentation.
    pub summary: &'static str,
    /// What its reader was tried on: recorded from which program and version, or taken from documentation.
    pub evidence: &'static str,
    /// All plans in a text that is in this form; `None` where it is in another.
    pub read: fn(&str) -> Option<Plans>,
}

/// Every form; a text belongs to the first that takes it.
pub static PLAN_FORMS: &[PlanForm] = &[
    mysql::json::FORM,
    mysql::tree::FORM,
    mysql::rows::FORM,
    text::FORM,
    json::FORM,
    yaml::FORM,
    xml::FORM,
    sqlite::FORM,
];

/// All plans in a text.
///
/// # Errors
///
/// Where no plan is found, or one is cut or damaged: the line, and what would help.
pub fn read(text: &[u8]) -> Plans {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_start_matches('\u{feff}');
    // Most plans that programs keep are JSON and nothing else.
    if text.trim_start().starts_with(['[', '{'])
        && !pastes::is_broken(text)
        && let Some(Ok(found)) = (json::FORM.read)(text)
    {
        return Ok(found);
    }
    // Lines of MySQL's client are whole: what is around them is a part of its forms.
    let as_it_is = [mysql::json::FORM, mysql::tree::FORM, mysql::rows::FORM];
    if let Some(Ok(found)) = as_it_is.iter().find_map(|form| (form.read)(text)) {
        return Ok(with_places(found, text, &Pasted::of(text)));
    }
    let pasted = Pasted::of(text).plain();
    let plain = pasted.text();
    match PLAN_FORMS.iter().find_map(|form| (form.read)(&plain)) {
        Some(Ok(found)) => Ok(with_places(found, &plain, &pasted)),
        Some(Err(Unreadable { line, reason })) => Err(Unreadable { line: pasted.line(line), reason }),
        None => Err(nothing(&plain, &pasted)),
    }
}

/// Plans with the statements that stand above them, and with the lines of the paste.
fn with_places(mut found: Vec<Found>, plain: &str, pasted: &Pasted) -> Vec<Found> {
    let lines: Vec<&str> = plain.lines().collect();
    let mut from = 0;
    for one in &mut found {
        statement::above(&lines, from, one.line, &mut one.plan);
        from = one.line;
        one.line = pasted.line(one.line);
    }
    found
}

/// What there is to say of a text without a plan.
fn nothing(plain: &str, pasted: &Pasted) -> Unreadable {
    let written = plain.lines().zip(1..).find(|(line, _)| !line.trim().is_empty());
    let statement = plain.lines().zip(1..).find(|(line, _)| statement::is_explain(statement::bare(line)));
    let (line, reason) = match (written, statement) {
        (None, _) => (1, "nothing but blanks: give the output of EXPLAIN"),
        (_, Some((_, line))) => (line, "a statement without its plan: run it, and give what it answers"),
        (Some((_, line)), None) => (
            line,
            "not a plan: give the output of EXPLAIN as it is, best of EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)",
        ),
    };
    Unreadable { line: pasted.line(line), reason: reason.to_owned() }
}

/// The line of a place in a text, from one.
fn line_of(text: &str, at: usize) -> u64 {
    1 + newlines(text.get(..at).unwrap_or(text))
}

/// How many lines end in a text.
fn newlines(text: &str) -> u64 {
    memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64
}
