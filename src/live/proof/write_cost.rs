//! What an index costs those who write, measured on a copy of some rows.

use detectors::evidence::plan::Node;

use super::super::connection::Connection;
use super::super::problem::Problem;
use crate::ingest::plans::read;

/// Rows that are copied.
const ROWS: u64 = 10_000;

/// Times that they are written; the least counts.
const REPEATS: u32 = 3;

/// What the index adds to each row that is written, in nanoseconds: rows of its table are written into a temporary copy
/// without indexes, and into one with this index alone. It is that of a small index in memory, so the least that it costs.
/// A row of a partitioned table is written into one partition: it is measured on the largest. `family` gives the oid of the index
/// and of those of partitions. `None` where that cannot be measured, as the copy is refused.
pub(super) fn per_row(connection: &Connection, family: &str) -> Result<Option<u64>, Problem> {
    connection.execute("SAVEPOINT copies")?;
    let measured = measured(connection, family);
    match measured {
        Err(problem @ (Problem::Interrupted(_) | Problem::Failed(_))) => Err(problem),
        measured => {
            connection.execute("ROLLBACK TO SAVEPOINT copies")?;
            Ok(measured.ok().flatten())
        }
    }
}

fn measured(connection: &Connection, family: &str) -> Result<Option<u64>, Problem> {
    let Some((table, definition)) = definition(connection, family)? else { return Ok(None) };
    connection.execute(&format!(
        "CREATE TEMP TABLE whyslow_rows AS SELECT * FROM {table} LIMIT {ROWS}; ANALYZE whyslow_rows;
         CREATE TEMP TABLE whyslow_without (LIKE whyslow_rows); CREATE TEMP TABLE whyslow_with (LIKE whyslow_rows);
         CREATE INDEX ON pg_temp.whyslow_with {definition}"
    ))?;
    let (without, rows) = written(connection, "whyslow_without")?;
    let (with, _) = written(connection, "whyslow_with")?;
    Ok((rows > 0).then(|| with.saturating_sub(without) / rows.max(1)))
}

/// The name of its table, and what stands behind it in the statement that creates the index.
fn definition(connection: &Connection, family: &str) -> Result<Option<(String, String)>, Problem> {
    let rows = connection.rows(&format!(
        "{family} SELECT format('%I.%I', n.nspname, t.relname) AS name, pg_get_indexdef(c.oid) AS whole,
            format('CREATE INDEX %I ON %I.%I ', c.relname, n.nspname, t.relname) AS head
         FROM family JOIN pg_class c USING (oid) JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_class t ON t.oid = i.indrelid
         JOIN pg_namespace n ON n.oid = t.relnamespace
         WHERE c.relkind = 'i' ORDER BY pg_relation_size(t.oid) DESC, t.oid LIMIT 1"
    ))?;
    Ok(rows.first().and_then(|row| {
        let rest = row.text("whole")?.strip_prefix(row.text("head")?)?;
        Some((row.text("name")?.to_owned(), rest.to_owned()))
    }))
}

/// The least time that writing all rows takes, and how many these are.
fn written(connection: &Connection, into: &str) -> Result<(u64, u64), Problem> {
    let (mut least, mut count) = (u64::MAX, 0);
    for _ in 0..REPEATS {
        let rows = connection.rows(&format!(
            "TRUNCATE {into}; EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) INSERT INTO {into} SELECT * FROM whyslow_rows"
        ))?;
        let text: Vec<&str> = rows.iter().filter_map(|row| row.first()).collect();
        let plans = read(text.join("\n").as_bytes()).unwrap_or_default();
        let Some(plan) = plans.into_iter().next().map(|found| found.plan) else { continue };
        least = least.min(plan.execution_ns().unwrap_or(u64::MAX));
        count = plan.nodes.last().and_then(Node::rows).unwrap_or(0.0) as u64;
    }
    Ok((least, count))
}
