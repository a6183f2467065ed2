//! Hypothetical indexes: HypoPG lets the planner think of indexes that are not there.
//!
//! Nothing is built and nothing is executed: they live in the memory of our own session, which only reads. The planner says
//! whether it would use one, not whether that is quicker. What this extension cannot hold (GIN, an index on a partitioned
//! table) is not asked about.

use std::collections::{BTreeMap, BTreeSet};

use detectors::indexes::{Answer, Catalogue, IndexAdvice, Workload, WorkloadStatement};

use super::catalogue::quoted;
use super::connection::Connection;
use super::explain::plans;
use super::problem::Problem;
use super::proof::{filled, names};
use crate::ingest::plans::read;

/// What would let the planner be asked.
const MISSING: &str = "the planner was not asked whether it would use these indexes: CREATE EXTENSION hypopg lets it think of \
                       indexes that are not there";

/// Asks the planner about each proposal; or says what would let it be asked.
///
/// # Errors
///
/// Where the connection ends, or someone interrupts.
pub(super) fn ask(
    connection: &Connection,
    catalogue: &Catalogue,
    workload: &Workload,
    advice: &mut IndexAdvice,
) -> Result<Option<String>, Problem> {
    if advice.proposals.is_empty() {
        return Ok(None);
    }
    let Some(schema) = schema(connection)? else { return Ok(Some(MISSING.to_owned())) };
    let shown = show(connection, &schema, advice)?;
    let answers = answers(connection, catalogue, workload, advice, &shown)?;
    connection.execute(&format!("SELECT {schema}.hypopg_reset()"))?;
    advice.ask_planner(&answers);
    Ok(None)
}

/// Where the extension has its functions.
fn schema(connection: &Connection) -> Result<Option<String>, Problem> {
    let rows = connection.catalogue_rows(
        "SELECT quote_ident(n.nspname) AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
         WHERE e.extname = 'hypopg'",
    )?;
    Ok(rows.first().and_then(|row| row.text("schema")).map(str::to_owned))
}

/// Hypothetical indexes of those proposals that the extension can hold: their numbers by their names.
fn show(
    connection: &Connection,
    schema: &str,
    advice: &IndexAdvice,
) -> Result<BTreeMap<String, usize>, Problem> {
    let mut shown = BTreeMap::new();
    for (number, proposal) in advice.proposals.iter().enumerate() {
        let ddl = proposal.ddl.replacen(" CONCURRENTLY", "", 1);
        let made = connection
            .rows(&format!("SELECT indexname AS name FROM {schema}.hypopg_create_index({})", quoted(&ddl)));
        match made {
            Ok(rows) => {
                let name = rows.first().and_then(|row| row.text("name"));
                shown.extend(name.map(|name| (name.to_owned(), number)));
            }
            Err(Problem::Refused { .. }) => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(shown)
}

/// What the planner says, with all of them shown at once.
fn answers(
    connection: &Connection,
    catalogue: &Catalogue,
    workload: &Workload,
    advice: &IndexAdvice,
    shown: &BTreeMap<String, usize>,
) -> Result<Vec<Answer>, Problem> {
    let asked: BTreeSet<usize> = shown.values().copied().collect();
    let mut answers: Vec<Answer> = (0..advice.proposals.len())
        .map(|number| if asked.contains(&number) { Answer::DoesNot } else { Answer::NotAsked })
        .collect();
    for (statement, advised) in workload.statements.iter().zip(&advice.statements) {
        let own: Vec<usize> =
            advised.proposals.iter().copied().filter(|number| asked.contains(number)).collect();
        if own.is_empty() {
            continue;
        }
        let used = used(connection, catalogue, statement)?;
        // Of two that a statement needs both, one alone says nothing.
        let is_sure = used.is_some() && own.len() == advised.proposals.len();
        for name in used.iter().flatten() {
            shown.get(name).into_iter().for_each(|number| answers[*number] = Answer::Uses);
        }
        for number in own {
            if answers[number] == Answer::DoesNot && !is_sure {
                answers[number] = Answer::Unsure;
            }
        }
    }
    Ok(answers)
}

/// Indexes that plans of a statement use, with values in the place of placeholders; `None` where no values are known for
/// them, or the server refuses.
fn used(
    connection: &Connection,
    catalogue: &Catalogue,
    statement: &WorkloadStatement,
) -> Result<Option<BTreeSet<String>>, Problem> {
    let Ok(texts) = filled(&statement.text, &statement.bound, catalogue) else { return Ok(None) };
    let mut used = BTreeSet::new();
    for filled in texts {
        match plans(connection, &filled.text, false) {
            Ok(text) => {
                let found = read(text.as_bytes()).unwrap_or_default();
                used.extend(found.iter().flat_map(|found| names(&found.plan)).map(str::to_owned));
            }
            Err(problem @ (Problem::Interrupted(_) | Problem::Failed(_))) => return Err(problem),
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(used))
}
