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

/// One index by itself. What the server refuses is the proof's reason.
pub(super) fn alone(
    connection: &Connection,
    runs: &mut Runs,
    wanted: &Wanted,
    place: usize,
    times: Times,
) -> Result<IndexProof, Problem> {
    let tried = in_transaction(connection, |connection| {
        let before = tried_without(connection, runs, wanted, place, times)?;
        build(connection, wanted, place, times)?;
        with_index(connection, runs, wanted, place, times, before)
    });
    match tried {
        Err(Problem::Refused { message, .. } | Problem::Misused(message)) => Ok(IndexProof {
            verdict: Verdict::NotBuilt,
            reason: format!("it cannot be built: {message}"),
            ..IndexProof::default()
        }),
        tried => tried,
    }
}

/// All of these at once: statements that use any of them, and which of them plans use.
pub(super) fn all(
    connection: &Connection,
    runs: &mut Runs,
    wanted: &[(usize, &Wanted)],
    times: Times,
) -> Result<(Vec<StatementProof>, BTreeSet<usize>), Problem> {
    in_transaction(connection, |connection| {
        let mut owners: BTreeMap<String, usize> = BTreeMap::new();
        for (place, one) in wanted {
            build(connection, one, *place, times)?;
            owners.extend(names(connection, *place)?.into_iter().map(|name| (name, *place)));
        }
        let (mut proofs, mut used) = (Vec::new(), BTreeSet::new());
        let using = runs.using(connection, &owners.keys().cloned().collect())?;
        connection.execute(&settings(times))?;
        for (run, indexes) in using {
            used.extend(indexes.iter().filter_map(|name| owners.get(name)).copied());
            proofs.extend(runs.proof(connection, run)?);
        }
        Ok((proofs, used))
    })
}

/// What happens here is rolled back, whatever comes of it; a connection that ends rolls back as well.
fn in_transaction<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Problem>,
) -> Result<T, Problem> {
    connection.execute("BEGIN READ WRITE")?;
    match work(connection) {
        Err(problem @ (Problem::Interrupted | Problem::Failed(_))) => Err(problem),
        done => connection.execute("ROLLBACK").and(done),
    }
}

/// Which runs would use the index is not known before it is there, and what they take without it must be measured before:
/// the index is built, the planner asked, and the index taken back.
fn tried_without(
    connection: &Connection,
    runs: &mut Runs,
    wanted: &Wanted,
    place: usize,
    times: Times,
) -> Result<Before, Problem> {
    connection.execute("SAVEPOINT before")?;
    let start = Instant::now();
    build(connection, wanted, place, times)?;
    let build_ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let own = names(connection, place)?;
    let using = runs.using(connection, &own)?.into_iter().map(|(run, _)| run).collect();
    let is_withheld = is_withheld(connection, place)?;
    connection.execute(BACK)?;
    let before = Before { build_ns, using, is_withheld };
    connection.execute(&format!("SAVEPOINT before; {}", settings(times)))?;
    runs.measure_before(connection, &before.using)?;
    connection.execute(BACK)?;
    Ok(before)
}

/// What is known before statements are executed with an index.
struct Before {
    build_ns: u64,
    using: Vec<usize>,
    /// The server would not let this transaction use the index.
    is_withheld: bool,
}

fn with_index(
    connection: &Connection,
    runs: &mut Runs,
    wanted: &Wanted,
    place: usize,
    times: Times,
    before: Before,
) -> Result<IndexProof, Problem> {
    connection.execute(&settings(times))?;
    let mut statements = Vec::new();
    for run in before.using {
        statements.extend(runs.proof(connection, run)?);
    }
    let bytes = bytes(connection, place)?;
    let (mut verdict, mut reason) = judge(&statements);
    if before.is_withheld && statements.is_empty() {
        verdict = Verdict::NotBuilt;
        reason = "the server withholds it until older transactions are over, as rows of its table were changed a moment \
                  ago: try again"
            .to_owned();
    }
    let write_ns = match verdict {
        Verdict::Proven => write_cost::per_row(connection, &wanted.table, &name(place))?,
        _ => None,
    };
    Ok(IndexProof { verdict, reason, build_ns: Some(before.build_ns), bytes, write_ns, statements })
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
fn family(place: usize) -> String {
    format!(
        "WITH RECURSIVE family AS (SELECT oid FROM pg_class WHERE relname = {} AND relkind IN ('i', 'I')
         UNION SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.oid)",
        quoted(&name(place))
    )
}

fn names(connection: &Connection, place: usize) -> Result<BTreeSet<String>, Problem> {
    let rows = connection
        .rows(&format!("{} SELECT c.relname FROM family JOIN pg_class c USING (oid)", family(place)))?;
    Ok(rows.iter().filter_map(|row| row.first()).map(str::to_owned).collect())
}

fn bytes(connection: &Connection, place: usize) -> Result<Option<u64>, Problem> {
    let rows = connection.rows(&format!(
        "{} SELECT sum(pg_relation_size(oid)) FROM family JOIN pg_class c USING (oid) WHERE c.relkind = 'i'",
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
