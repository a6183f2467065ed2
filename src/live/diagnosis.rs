//! What a live server knows that a diagnosis can use: statements that it has counted, and how it is doing.

use detectors::evidence::shape::sql::{Dialect, Lexer};
use detectors::figures::{bytes, count, counted};
use detectors::indexes::{Workload, advise};

use super::connection::{Connection, Row};
use super::problem::Problem;
use super::session::Limits;
use super::target::Target;
use super::{catalogue, statements};

/// Part of the connections in use from which on that is told.
const SATURATED: f64 = 0.8;

/// Transactions that have done nothing for so long are told.
const IDLE_SECONDS: u64 = 60;

/// Part of the pages found in memory below which that is told, where at least so many were asked for.
const HIT_RATIO: f64 = 0.95;
const PAGES_MIN: f64 = 100_000.0;

/// Dead rows, and their part of all, from which on they are told.
const DEAD_ROWS: u64 = 10_000;
const DEAD_PART: f64 = 0.2;

/// Of each kind so many are told.
const TOLD_MAX: usize = 5;

/// What a server says.
#[derive(Debug, Default)]
pub struct Told {
    /// `pg_stat_statements` as CSV, where there is any.
    pub statements: Option<Vec<u8>>,
    /// What is not as it should be, and what could not be seen.
    pub notes: Vec<String>,
}

/// Asks for all of it.
///
/// # Errors
///
/// Where the server cannot be asked. That it counts no statements is a note.
pub fn ask(target: &Target, limits: Limits) -> Result<Told, Problem> {
    let connection = Connection::open(target, limits)?;
    let mut told = Told::default();
    match statements::csv(&connection) {
        Ok(csv) => told.statements = Some(csv),
        Err(problem @ Problem::Interrupted(_)) => return Err(problem),
        Err(problem) => told.notes.push(problem.to_string()),
    }
    for look in [connections, blocked, pages, tables, indexes] {
        told.notes.extend(look(&connection)?);
    }
    Ok(told)
}

fn connections(connection: &Connection) -> Result<Vec<String>, Problem> {
    let rows = connection.catalogue_rows(&format!(
        "SELECT count(*) AS used, current_setting('max_connections')::int AS allowed,
            count(*) FILTER (WHERE state IS NULL AND query = '<insufficient privilege>') AS hidden,
            count(*) FILTER (WHERE state LIKE 'idle in transaction%'
                AND state_change < now() - interval '{IDLE_SECONDS} s') AS stuck
         FROM pg_stat_activity WHERE backend_type = 'client backend'"
    ))?;
    let Some(row) = rows.first() else { return Ok(Vec::new()) };
    let of = |name: &str| row.number::<u64>(name).unwrap_or(0);
    let mut notes = Vec::new();
    if of("used") as f64 >= of("allowed") as f64 * SATURATED {
        notes.push(format!("{} of {} connections are in use (max_connections)", of("used"), of("allowed")));
    }
    if of("stuck") > 0 {
        notes.push(format!(
            "{} idle in a transaction for more than {IDLE_SECONDS} s: locks stay and dead rows cannot be removed \
             (idle_in_transaction_session_timeout ends such sessions)",
            sessions(of("stuck"))
        ));
    }
    if of("hidden") > 0 {
        notes.push(format!(
            "what {} of others do is hidden from this user: GRANT pg_monitor TO the user",
            counted(of("hidden"), "session")
        ));
    }
    Ok(notes)
}

fn sessions(count: u64) -> String {
    if count == 1 { "1 session is".to_owned() } else { format!("{count} sessions are") }
}

/// Sessions that hold up others and wait for nobody themselves, with all that wait for them at last.
fn blocked(connection: &Connection) -> Result<Vec<String>, Problem> {
    let rows = connection.catalogue_rows(
        "WITH RECURSIVE waits AS (
            SELECT pid, unnest(pg_blocking_pids(pid)) AS holder FROM pg_stat_activity WHERE wait_event_type = 'Lock'),
        tree AS (SELECT pid, holder FROM waits UNION SELECT tree.pid, waits.holder FROM tree JOIN waits ON waits.pid = tree.holder)
        SELECT a.pid AS pid, a.state AS state, a.query AS query, count(DISTINCT tree.pid) AS waiting,
            extract(epoch FROM now() - a.xact_start)::bigint AS seconds
        FROM tree JOIN pg_stat_activity a ON a.pid = tree.holder
        WHERE tree.holder NOT IN (SELECT pid FROM waits)
        GROUP BY 1, 2, 3, a.xact_start ORDER BY waiting DESC, a.pid",
    )?;
    Ok(rows.iter().take(TOLD_MAX).map(holder).collect())
}

fn holder(row: &Row) -> String {
    let statement =
        Lexer::default().describe(row.text("query").unwrap_or_default().as_bytes(), Dialect::Postgres).text;
    let waiting: u64 = row.number("waiting").unwrap_or(0);
    format!(
        "{} for locks of session {} ({}, its transaction is {} s old): {statement}",
        if waiting == 1 { "1 session waits".to_owned() } else { format!("{waiting} sessions wait") },
        row.text("pid").unwrap_or("?"),
        row.text("state").unwrap_or("state not known"),
        row.text("seconds").unwrap_or("?"),
    )
}

fn pages(connection: &Connection) -> Result<Vec<String>, Problem> {
    let rows = connection.catalogue_rows(
        "SELECT blks_hit AS hit, blks_read AS read FROM pg_stat_database WHERE datname = current_database()",
    )?;
    let Some(row) = rows.first() else { return Ok(Vec::new()) };
    let of = |name: &str| row.number::<f64>(name).unwrap_or(0.0);
    let all = of("hit") + of("read");
    let ratio = of("hit") / all.max(1.0);
    Ok(match all >= PAGES_MIN && ratio < HIT_RATIO {
        true => vec![format!(
            "{:.1} % of the pages were found in PostgreSQL's memory since statistics began; the others came from the system's \
             cache or the disk",
            ratio * 100.0
        )],
        false => Vec::new(),
    })
}

fn tables(connection: &Connection) -> Result<Vec<String>, Problem> {
    let rows = connection.catalogue_rows(&format!(
        "SELECT format('%I.%I', s.schemaname, s.relname) AS name, s.n_dead_tup AS dead, s.n_live_tup AS live,
            s.last_analyze IS NULL AND s.last_autoanalyze IS NULL AND c.relpages + s.n_live_tup > {DEAD_ROWS} AS unknown
         FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid ORDER BY s.n_dead_tup DESC, s.relid"
    ))?;
    let is_dead = |row: &&Row| {
        let (dead, live) = (row.number::<u64>("dead").unwrap_or(0), row.number::<u64>("live").unwrap_or(0));
        dead >= DEAD_ROWS && dead as f64 >= (dead + live) as f64 * DEAD_PART
    };
    let dead = rows.iter().filter(is_dead).map(|row| {
        let rows = row.number("dead").unwrap_or(0);
        format!("{}: {} dead rows wait for VACUUM", row.text("name").unwrap_or("?"), count(rows))
    });
    let unknown = rows.iter().filter(|row| row.is("unknown")).map(|row| {
        let name = row.text("name").unwrap_or("?");
        format!("{name}: never analyzed, so the planner guesses: ANALYZE {name}")
    });
    Ok(dead.take(TOLD_MAX).chain(unknown.take(TOLD_MAX)).collect())
}

/// Indexes that are invalid, twice there, covered by others or unused.
fn indexes(connection: &Connection) -> Result<Vec<String>, Problem> {
    let known = catalogue::read(connection, &std::collections::BTreeSet::new())?;
    let existing = advise(&Workload::default(), &known.catalogue).existing;
    let more = existing.len().saturating_sub(TOLD_MAX);
    let told = existing.into_iter().take(TOLD_MAX).map(|index| {
        let size = index.bytes.map_or(String::new(), |size| format!(" ({})", bytes(size)));
        format!("index {} on {}{size}: {}", index.name, index.table, index.reason)
    });
    let more = (more > 0)
        .then(|| format!("{} like these: whyslow index --db", counted(more as u64, "further index")));
    Ok(told.chain(more).collect())
}
