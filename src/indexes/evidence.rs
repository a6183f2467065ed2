//! Statements of logs, traces and servers' own statistics, with what they were executed for: read by what a diagnosis is
//! read by.

use std::collections::BTreeMap;

use detectors::evidence::plan::{Engine, Plan};
use detectors::evidence::shape::sql::{Dialect, Lexer, numbered};
use detectors::evidence::{Dictionary, ShapeRef};
use detectors::figures::counted;
use detectors::indexes::{Executed, Executions, WorkloadStatement};
use rustc_hash::FxHashMap;

use super::{Wanted, dialect};
use crate::diagnosis::{self, Progress, Read, Request, notes_of};
use crate::ingest::Input;
use crate::ingest::texts::{KeptText, bound};

/// Statements that are looked at, those that take most first.
const STATEMENTS_MAX: usize = 1_000;

/// What evidence tells of a workload.
pub(super) struct Evidence {
    /// What executes the statements, where that is told.
    pub(super) engine: Option<Engine>,
    /// Each statement once, what takes most time first.
    pub(super) statements: Vec<WorkloadStatement>,
    /// Rows that were written, by table.
    pub(super) written: BTreeMap<String, u64>,
    pub(super) notes: Vec<String>,
}

/// Reads all inputs together.
pub(super) fn read(
    inputs: Vec<Input>,
    request: &Request,
    wanted: Wanted<'_>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Evidence, diagnosis::Error> {
    let mut read = diagnosis::read_whole::<Executions>(inputs, request, progress)?;
    let mut known = Known {
        texts: std::mem::take(&mut read.texts),
        plans: std::mem::take(&mut read.plans),
        dictionary: &read.dictionary,
    };
    let mut executed = read.gathered.statements(wanted.database, &read.dictionary);
    let engine = wanted.engine.or_else(|| known.engine(&executed));
    let mut notes = notes_of(&read);
    notes.extend(elsewhere(&read, executed.len()));
    notes.extend(known.keep_language(&mut executed, engine));
    notes.extend(counted_only(&read));
    let written = known.written(&executed);
    notes.extend(left_out(&mut executed));
    let statements =
        executed.into_iter().map(|one| known.statement(one, engine.unwrap_or_default())).collect();
    Ok(Evidence { engine, statements, written, notes })
}

/// Statements of other databases than the one that is wanted.
fn elsewhere(read: &Read<Executions>, wanted: usize) -> Option<String> {
    let others = read.gathered.statements(None, &read.dictionary).len().saturating_sub(wanted) as u64;
    (others > 0).then(|| format!("{} of other databases are left out", counted(others, "statement")))
}

/// Statements that are too many for their texts to be known.
fn counted_only(read: &Read<Executions>) -> Option<String> {
    let (executions, _) = read.gathered.counted_only();
    (executions > 0).then(|| {
        format!("{} of very many different statements are left out", counted(executions, "execution"))
    })
}

/// Leaves out what takes least of very many statements, and says so.
fn left_out(executed: &mut Vec<Executed>) -> Option<String> {
    let time_ns = |some: &[Executed]| some.iter().filter_map(|one| one.time_ns).fold(0, u64::saturating_add);
    let all_ns = time_ns(executed);
    let rest = executed.split_off(executed.len().min(STATEMENTS_MAX));
    (!rest.is_empty()).then(|| {
        format!(
            "{} that take least are left out, {:.1} % of the time",
            counted(rest.len() as u64, "statement"),
            time_ns(&rest) as f64 / all_ns.max(1) as f64 * 100.0
        )
    })
}

/// What is known of statements beside their counts.
struct Known<'d> {
    texts: FxHashMap<ShapeRef, KeptText>,
    plans: FxHashMap<ShapeRef, Plan>,
    dictionary: &'d Dictionary,
}

impl Known<'_> {
    fn dialect(&self, one: &Executed) -> Option<Dialect> {
        self.texts.get(&one.shape).map(|text| text.dialect)
    }

    /// Whose statements take most of the time.
    fn engine(&self, executed: &[Executed]) -> Option<Engine> {
        let time_ns = |wanted: Dialect| {
            let own = executed.iter().filter(|one| self.dialect(one) == Some(wanted));
            own.map(|one| one.time_ns.unwrap_or(0).max(1)).fold(0, u64::saturating_add)
        };
        let (postgresql, mysql) = (time_ns(Dialect::Postgres), time_ns(Dialect::MySql));
        (postgresql.max(mysql) > 0).then_some(if mysql > postgresql {
            Engine::MySql
        } else {
            Engine::PostgreSql
        })
    }

    /// Leaves out statements in another language, and says so.
    fn keep_language(&self, executed: &mut Vec<Executed>, engine: Option<Engine>) -> Option<String> {
        let wanted = dialect(engine?);
        let is_other = |own: Dialect| own != wanted && own != Dialect::Generic;
        let before = executed.len();
        executed.retain(|one| !self.dialect(one).is_some_and(is_other));
        let others = (before - executed.len()) as u64;
        (others > 0).then(|| {
            format!(
                "{} of other database servers are left out: ask about these apart",
                counted(others, "statement")
            )
        })
    }

    /// Rows that were inserted, updated and deleted, by table; one for each execution where their number is not told.
    fn written(&self, executed: &[Executed]) -> BTreeMap<String, u64> {
        let mut written: BTreeMap<String, u64> = BTreeMap::new();
        for one in executed {
            let facts = self.dictionary.shape(one.shape).facts.as_deref();
            for table in facts.into_iter().flat_map(|facts| &facts.written) {
                *written.entry(table.to_string()).or_default() += one.rows.unwrap_or(one.executions);
            }
        }
        written
    }

    fn statement(&mut self, one: Executed, engine: Engine) -> WorkloadStatement {
        let kept = self.texts.remove(&one.shape);
        let canonical = || self.dictionary.shape(one.shape).text.to_string();
        let text = kept.as_ref().map(|kept| String::from_utf8_lossy(&kept.text).into_owned());
        let text = text.unwrap_or_else(canonical);
        let hides = !Lexer::default().placeholders(text.as_bytes(), dialect(engine)).is_empty();
        let parameters = kept.and_then(|kept| kept.parameters).unwrap_or_default();
        WorkloadStatement {
            text: match engine {
                Engine::PostgreSql => numbered(&text, Dialect::Postgres),
                // Digests have a language of their own.
                _ if hides => canonical(),
                _ => text,
            },
            bound: bound(&String::from_utf8_lossy(&parameters)).into_iter().collect(),
            // What stands beside placeholders is constant.
            has_other_values: one.has_other_values && !hides,
            executions: one.executions,
            time_ns: one.time_ns,
            plans: self.plans.remove(&one.shape).into_iter().collect(),
            place: one.place,
        }
    }
}
