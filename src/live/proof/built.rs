//! Building indexes in transactions that are rolled back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::super::catalogue::quoted;
use super::super::connection::Connection;
use super::super::problem::Problem;
use super::measured::{Runs, settings};
use super::verdict::{Verdict, judge};
use super::{IndexProof, StatementProof, Times, Wanted, write_cost};

/// Begin of the names of indexes while they are tried.
const NAME: &str = "whyslow_proof_";

/// Takes back what was done since the savepoint.
const BACK: &str = "ROLLBACK TO SAVEPOINT before; RELEASE SAVEPOINT before";

/// What came of building some indexes.
pub(super) struct Trial {
    /// What building them took.
    pub(super) build_ns: u64,
    /// Statements whose plans use them, each with the indexes that it uses.
    pub(super) statements: Vec<(StatementProof, BTreeSet<usize>)>,
    /// The server would not let this transaction use one of them.
    is_withheld: bool,
}

/// One index by itself. What the server refuses is the proof's reason.
pub(super) fn alone(
    connection: &Connection,
    runs: &mut Runs,
    wanted: &Wanted,
    place: usize,
    times: Times,
) -> Result<IndexProof, Problem> {
    let tried = in_transaction(connection, |connection| {
        let trial = trial(connection, runs, &[(place, wanted)], times)?;
        judged(connection, place, trial)
    });
    match tried {
        Err(refusal @ (Problem::Refused { .. } | Problem::Misused(_))) => Ok(IndexProof {
            verdict: Verdict::of_refusal(&refusal),
            reason: format!("it cannot be built: {refusal}"),
            ..IndexProof::default()
        }),
        tried => tried,
    }
}

/// All of these at once.
pub(super) fn all(
    connection: &Connection,
    runs: &mut Runs,
    wanted: &[(usize, &Wanted)],
    times: Times,
) -> Result<Trial, Problem> {
    in_transaction(connection, |connection| trial(connection, runs, wanted, times))
}

/// What happens here is rolled back, whatever comes of it; a connection that ends rolls back as well.
fn in_transaction<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Problem>,
) -> Result<T, Problem> {
    connection.execute("BEGIN READ WRITE")?;
    match work(connection) {
        Err(problem @ (Problem::Interrupted(_) | Problem::Failed(_))) => Err(problem),
        done => connection.execute("ROLLBACK").and(done),
    }
}

/// Builds indexes and measures the statements that use them.
///
/// Which these are is not known before the indexes are there, and what they take without must be measured before: where that
/// was not done yet, the indexes are taken back once.
fn trial(
    connection: &Connection,
    runs: &mut Runs,
    wanted: &[(usize, &Wanted)],
    times: Times,
) -> Result<Trial, Problem> {
    connection.execute("SAVEPOINT before")?;
    let built = build_all(connection, wanted, times)?;
    let using = runs.using(connection, &built.owners.keys().cloned().collect())?;
    if using.iter().any(|(run, _)| !runs.is_measured(*run)) {
        connection.execute(BACK)?;
        connection.execute(&format!("SAVEPOINT before; {}", settings(times)))?;
        runs.measure_before(connection, &using)?;
        connection.execute(&format!("{BACK}; SAVEPOINT before"))?;
        build_all(connection, wanted, times)?;
    }
    connection.execute(&settings(times))?;
    let mut statements = Vec::new();
    for (run, names) in using {
        let places = names.iter().filter_map(|name| built.owners.get(name)).copied().collect();
        statements.extend(runs.proof(connection, run)?.map(|proof| (proof, places)));
    }
    Ok(Trial { build_ns: built.ns, statements, is_withheld: built.is_withheld })
}

/// Indexes that are there for the moment.
struct Built {
    ns: u64,
    /// Their numbers by their names; a partitioned one has several.
    owners: BTreeMap<String, usize>,
    is_withheld: bool,
}

fn build_all(connection: &Connection, wanted: &[(usize, &Wanted)], times: Times) -> Result<Built, Problem> {
    let start = Instant::now();
    for (place, one) in wanted {
        build(connection, one, *place, times)?;
        look_at_expressions(connection, *place)?;
    }
    let ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let mut built = Built { ns, owners: BTreeMap::new(), is_withheld: false };
    for (place, _) in wanted {
        built.owners.extend(names(connection, *place)?.into_iter().map(|name| (name, *place)));
        built.is_withheld |= is_withheld(connection, *place)?;
    }
    Ok(built)
}

/// What is to be thought of an index that is there.
fn judged(connection: &Connection, place: usize, trial: Trial) -> Result<IndexProof, Problem> {
    let statements: Vec<StatementProof> = trial.statements.into_iter().map(|(proof, _)| proof).collect();
    let bytes = bytes(connection, place)?;
    let (mut verdict, mut reason) = judge(&statements);
    if trial.is_withheld && statements.is_empty() {
        verdict = Verdict::NotBuilt;
        reason = "the server withholds it until older transactions are over, as rows of its table were changed a moment \
                  ago: try again"
            .to_owned();
    }
    let write_ns = match verdict {
        Verdict::Proven | Verdict::NotUsed => write_cost::per_row(connection, &family(place))?,
        _ => None,
    };
    Ok(IndexProof { verdict, reason, build_ns: Some(trial.build_ns), bytes, write_ns, statements })
}

fn name(place: usize) -> String {
    format!("{NAME}{place}")
}

fn build(connection: &Connection, wanted: &Wanted, place: usize, times: Times) -> Result<(), Problem> {
    let text = named(&wanted.ddl, &name(place)).ok_or_else(|| {
        Problem::Misused("expected CREATE INDEX ON …, one statement without a name for the index".to_owned())
    })?;
    // The server says that it is one statement.
    connection.placeholders(&text)?;
    let limit = times.build.as_millis().max(1);
    connection.execute(&format!("SET LOCAL statement_timeout = {limit}"))?;
    connection.execute(&text)
}

/// The statement that builds an index inside of a transaction, under a name of ours.
fn named(ddl: &str, name: &str) -> Option<String> {
    let rest = without(ddl.trim(), "CREATE")?;
    let rest = without(rest, "INDEX")?;
    let rest = without(rest, "CONCURRENTLY").unwrap_or(rest);
    let rest = without(rest, "ON")?;
    Some(format!("CREATE INDEX {name} ON {}", rest.trim_end_matches(';')))
}

fn without<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let begin = text.get(..word.len())?;
    let rest = text.get(word.len()..)?;
    (begin.eq_ignore_ascii_case(word) && rest.starts_with(char::is_whitespace)).then(|| rest.trim_start())
}

/// The index and, on a partitioned table, those of its partitions, as a part of a query.
pub(super) fn family(place: usize) -> String {
    format!(
        "WITH RECURSIVE family AS (SELECT oid FROM pg_class WHERE relname = {} AND relkind IN ('i', 'I')
         UNION SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.oid)",
        quoted(&name(place))
    )
}

fn names(connection: &Connection, place: usize) -> Result<BTreeSet<String>, Problem> {
    let rows = connection.rows(&format!(
        "{} SELECT c.relname FROM family f JOIN pg_class c ON c.oid = f.oid",
        family(place)
    ))?;
    Ok(rows.iter().filter_map(|row| row.first()).map(str::to_owned).collect())
}

/// Lets the server gather what it knows of columns of an index on an expression, too, as autovacuum would later do: without
/// it the planner guesses how many rows the expression leaves. It goes with the transaction.
fn look_at_expressions(connection: &Connection, place: usize) -> Result<(), Problem> {
    let tables = connection.rows(&format!(
        "{} SELECT DISTINCT x.indrelid::regclass::text FROM family f JOIN pg_index x ON x.indexrelid = f.oid
         WHERE x.indexprs IS NOT NULL",
        family(place)
    ))?;
    tables
        .iter()
        .filter_map(|row| row.first())
        .try_for_each(|table| connection.execute(&format!("ANALYZE {table}")))
}

fn bytes(connection: &Connection, place: usize) -> Result<Option<u64>, Problem> {
    let rows = connection.rows(&format!(
        "{} SELECT sum(pg_relation_size(c.oid)) FROM family f JOIN pg_class c ON c.oid = f.oid WHERE c.relkind = 'i'",
        family(place)
    ))?;
    Ok(rows.first().and_then(|row| row.first()?.parse().ok()))
}

/// Where rows were changed by HOT updates a moment ago, the server lets only later transactions use a new index.
fn is_withheld(connection: &Connection, place: usize) -> Result<bool, Problem> {
    let rows = connection.rows(&format!(
        "{} SELECT bool_or(x.indcheckxmin) AS withheld FROM family f JOIN pg_index x ON x.indexrelid = f.oid",
        family(place)
    ))?;
    Ok(rows.first().is_some_and(|row| row.is("withheld")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_gets_a_name_of_ours() {
        for (ddl, expected) in [
            ("CREATE INDEX CONCURRENTLY ON a (b)", Some("CREATE INDEX n ON a (b)")),
            ("create index on a (b);", Some("CREATE INDEX n ON a (b)")),
            ("CREATE INDEX own ON a (b)", None),
            ("DROP TABLE a", None),
            ("CREATE INDEX", None),
        ] {
            assert_eq!(named(ddl, "n").as_deref(), expected, "{ddl}");
        }
    }
}
