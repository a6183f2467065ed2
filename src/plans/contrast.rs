//! What changed between the plans of two inputs: of one statement, or of each statement that has a plan in both.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use detectors::evidence::plan::Plan;
use detectors::evidence::shape::ShapeId;
use detectors::evidence::shape::sql::Lexer;
use detectors::plans::{PlanComparison, VERSION, compare};
use serde::Serialize;

use super::{LogReading, Problem, is_log, logged, text_in};
use crate::diagnosis::Progress;
use crate::indexes::dialect;
use crate::ingest::plans::read;
use crate::ingest::{Recognised, sorted};

/// What changed: `docs/plan-comparison-v1.schema.json` describes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Contrast {
    /// Between two plans, each all that its input holds.
    One(Box<PlacedComparison>),
    /// Between the plans of several statements.
    Several(Contrasts),
}

/// What changed between two plans, and where they stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlacedComparison {
    /// Where the plan before and that after stand: files, in those with several plans with the line.
    pub files: [String; 2],
    /// The statement without values; `None` where it is not known.
    pub statement: Option<String>,
    /// What changed.
    #[serde(flatten)]
    pub comparison: PlanComparison,
}

/// What changed between the plans of statements that have one in both inputs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contrasts {
    /// [`VERSION`].
    pub version: u32,
    /// The two inputs.
    pub files: [String; 2],
    /// Of each statement its slowest plans, the largest difference of time first.
    pub comparisons: Vec<PlacedComparison>,
    /// Further statements, which differ less.
    pub more: u64,
    /// Statements that have a plan in one input alone: in that before, and in that after.
    pub alone: [u64; 2],
    /// What could not be read.
    pub notes: Vec<String>,
}

/// One input.
struct Side {
    name: String,
    plans: Vec<Placed>,
    notes: Vec<String>,
}

/// A plan and its line.
struct Placed {
    line: u64,
    plan: Plan,
}

/// A plan with its statement.
struct Stated {
    text: String,
    placed: Placed,
}

/// Compares the plan of one input with that of another; of inputs with several, such as logs of auto_explain, those of the same
/// statements.
///
/// # Errors
///
/// An input that cannot be read or that holds no whole plan, and inputs that have no statement in common.
pub fn contrast(
    before: &Path,
    after: &Path,
    reading: &LogReading,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Contrast, Problem> {
    let sides = [side(before, reading, progress)?, side(after, reading, progress)?];
    if let [[one], [other]] = [&sides[0].plans[..], &sides[1].plans[..]] {
        let files = [sides[0].name.clone(), sides[1].name.clone()];
        let statement = one.plan.statement.as_deref().map(|text| canonical(text, &one.plan).1);
        let comparison = compare(&one.plan, &other.plan);
        return Ok(Contrast::One(Box::new(PlacedComparison { files, statement, comparison })));
    }
    several(sides, reading.top).map(Contrast::Several)
}

fn several([one, other]: [Side; 2], top: usize) -> Result<Contrasts, Problem> {
    let files = [one.name.clone(), other.name.clone()];
    let notes = [one.notes.clone(), other.notes.clone()].concat();
    let (one, mut other) = (by_statement(one)?, by_statement(other)?);
    let (mut comparisons, mut only_before) = (Vec::new(), 0);
    for (id, before) in one {
        match other.remove(&id) {
            Some(after) => comparisons.push(compared(&files, &before, &after)),
            None => only_before += 1,
        }
    }
    if comparisons.is_empty() {
        let [before, after] = files;
        return Err(Problem::NothingInCommon(before, after));
    }
    comparisons.sort_by_key(|one| Reverse(difference_ns(&one.comparison)));
    let more = comparisons.len().saturating_sub(top) as u64;
    comparisons.truncate(top);
    Ok(Contrasts {
        version: VERSION,
        files,
        comparisons,
        more,
        alone: [only_before, other.len() as u64],
        notes,
    })
}

fn compared(files: &[String; 2], before: &Stated, after: &Stated) -> PlacedComparison {
    PlacedComparison {
        files: [
            format!("{}:{}", files[0], before.placed.line),
            format!("{}:{}", files[1], after.placed.line),
        ],
        statement: Some(before.text.clone()),
        comparison: compare(&before.placed.plan, &after.placed.plan),
    }
}

fn difference_ns(comparison: &PlanComparison) -> u64 {
    let times = comparison.before.execution_ns.zip(comparison.after.execution_ns);
    times.map_or(0, |(one, other)| one.abs_diff(other))
}

/// The slowest plan of each statement.
fn by_statement(side: Side) -> Result<BTreeMap<ShapeId, Stated>, Problem> {
    let count = side.plans.len();
    let mut stated: BTreeMap<ShapeId, Stated> = BTreeMap::new();
    for placed in side.plans {
        let Some(text) = &placed.plan.statement else { return Err(Problem::Several(side.name, count)) };
        let (id, text) = canonical(text, &placed.plan);
        let took = |plan: &Plan| plan.execution_ns();
        if stated.get(&id).is_none_or(|known| took(&known.placed.plan) < took(&placed.plan)) {
            stated.insert(id, Stated { text, placed });
        }
    }
    Ok(stated)
}

/// What a statement is the same by, and its text without values.
fn canonical(text: &str, plan: &Plan) -> (ShapeId, String) {
    let shape = Lexer::default().describe(text.as_bytes(), dialect(plan.engine));
    (shape.id, shape.text.to_string())
}

fn side(input: &Path, reading: &LogReading, progress: &(dyn Fn(Progress) + Sync)) -> Result<Side, Problem> {
    let found = sorted(&[input.to_owned()], reading.log_form.as_ref(), is_log)?;
    let (mut plans, mut notes) = (Vec::new(), Vec::new());
    for other in found.others {
        let (name, is_named) = (other.name.clone(), other.is_named);
        match text_in(other).and_then(|text| pasted(&name, &text)) {
            Err(_) if !is_named => {}
            found => plans.extend(found?),
        }
    }
    for log in found.evidence {
        let (from_log, said) = of_log(log, reading, progress)?;
        plans.extend(from_log);
        notes.extend(said);
    }
    let is_stdin = input == Path::new("-");
    Ok(Side { name: if is_stdin { "stdin".to_owned() } else { input.display().to_string() }, plans, notes })
}

fn pasted(name: &str, text: &[u8]) -> Result<Vec<Placed>, Problem> {
    let found = read(text).map_err(|problem| Problem::Unreadable(name.to_owned(), problem))?;
    Ok(found.into_iter().map(|found| Placed { line: found.line, plan: found.plan }).collect())
}

/// Plans of a log. A few lines out of one may lack what tells whose they are: then they are read as what was pasted.
fn of_log(
    log: Recognised,
    reading: &LogReading,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(Vec<Placed>, Vec<String>), Problem> {
    let name = log.input.name();
    let all = logged::all(vec![log.input], reading, progress)?;
    let line = |place: &str| place.rsplit_once(':').and_then(|(_, line)| line.parse().ok()).unwrap_or(0);
    let placed = all
        .plans
        .into_iter()
        .map(|plan| Placed { line: line(&all.dictionary.place_of_line(plan.line)), plan: plan.found.plan });
    let placed: Vec<Placed> = placed.collect();
    match (placed.is_empty(), log.short) {
        (true, Some(text)) => Ok((pasted(&name, &text)?, all.notes)),
        (true, None) => Err(Problem::NoneLogged(name)),
        (false, _) => Ok((placed, all.notes)),
    }
}
