//! Statements that a server has counted itself: `pg_stat_statements`.

use std::collections::BTreeMap;

use detectors::evidence::plan::{Engine, Plan};
use detectors::evidence::shape::sql::{Dialect, Facts, Lexer};
use detectors::indexes::{Catalogue, Workload, WorkloadStatement};

use super::catalogue::quoted;
use super::connection::{Connection, Row, is_forbidden};
use super::explain::plans;
use super::problem::Problem;
use super::proof::filled;
use crate::ingest::plans::read as read_plans;

/// Statements that are read, those that took longest first.
const STATEMENTS_MAX: usize = 500;

/// The least part of the time of a table's statistics for which their rows can stand.
const PART_MIN: f64 = 0.5;

/// What stands for a statement that this user may not see.
const HIDDEN: &str = "<insufficient privilege>";

/// The statements of the database, and what could not be seen.
#[derive(Debug, Default)]
pub struct Counted {
    /// Statements with placeholders, those that took longest first.
    pub workload: Workload,
    /// What could not be seen, and what would help.
    pub missing: Vec<String>,
}

/// Reads what the server has counted in the database since its statistics were reset.
///
/// # Errors
///
/// Where the server does not count, or does not say: with what would help.
pub fn read(connection: &Connection) -> Result<Counted, Problem> {
    let schema = schema(connection)?;
    let has_plans = is_in_schema(connection, &schema, "total_exec_time")?;
    let rows = connection.catalogue_rows(&statement(&schema, has_plans)).map_err(explained)?;
    let mut counted = Counted {
        workload: Workload { engine: Engine::PostgreSql, ..Workload::default() },
        missing: Vec::new(),
    };
    let mut hidden = 0_u32;
    for row in &rows {
        match row.text("query") {
            Some(HIDDEN) => hidden += 1,
            Some(text) => {
                count_written(&mut counted.workload.written, row, text);
                counted.workload.statements.extend(of_row(row, text));
            }
            None => counted.missing.push(
                "the file with the texts of pg_stat_statements was lost: SELECT pg_stat_statements_reset()"
                    .to_owned(),
            ),
        }
    }
    counted.missing.dedup();
    if hidden > 0 {
        counted.missing.push(format!(
            "{hidden} statements of other users are hidden from this one: GRANT pg_read_all_stats TO the user (it is part of \
             pg_monitor)"
        ));
    }
    Ok(counted)
}

/// The view as it is, as CSV with a header: the statements of the database that took longest.
///
/// # Errors
///
/// As [`read`].
pub fn csv(connection: &Connection) -> Result<Vec<u8>, Problem> {
    let schema = schema(connection)?;
    let time =
        if is_in_schema(connection, &schema, "total_exec_time")? { "total_exec_time" } else { "total_time" };
    let rows = connection.catalogue_rows(&format!(
        "SELECT s.* FROM {schema}.pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
         WHERE d.datname = current_database() AND s.calls > 0 AND s.query IS NOT NULL AND s.query <> '{HIDDEN}'
         ORDER BY s.{time} DESC LIMIT {STATEMENTS_MAX}"
    ));
    let rows = rows.map_err(explained)?;
    let rows = rows.iter().filter(|row| !row.text("query").is_some_and(is_of_system));
    let mut csv = String::new();
    for row in rows {
        if csv.is_empty() {
            csv = line(row.fields().map(|(name, _)| name));
        }
        csv.push_str(&line(row.fields().map(|(_, value)| value)));
    }
    Ok(csv.into_bytes())
}

fn line<'f>(fields: impl Iterator<Item = &'f str>) -> String {
    let fields: Vec<String> = fields.map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
    fields.join(",") + "\n"
}

/// Asks for the plan of each statement that has none; nothing is executed. Gives what could not be planned, and why, and
/// what was planned otherwise than for any values.
///
/// # Errors
///
/// Where the connection ends, or someone interrupts.
pub fn add_plans(
    connection: &Connection,
    workload: &mut Workload,
    catalogue: &Catalogue,
) -> Result<Vec<String>, Problem> {
    let mut refused: BTreeMap<String, u32> = BTreeMap::new();
    let mut with_values = 0_u32;
    for statement in workload.statements.iter_mut().filter(|statement| statement.plans.is_empty()) {
        match planned(connection, statement, catalogue) {
            Ok((text, has_values)) => {
                with_values += u32::from(has_values);
                let found = read_plans(text.as_bytes()).into_iter().flatten();
                let own = || Some(statement.text.as_str().into());
                statement.plans.extend(found.map(|found| Plan { statement: own(), ..found.plan }));
            }
            Err(problem @ (Problem::Interrupted(_) | Problem::Failed(_))) => return Err(problem),
            // What the server says may quote values.
            Err(Problem::Refused { code, .. }) => *refused.entry(code).or_default() += 1,
            Err(Problem::Misused(_)) => *refused.entry("placeholders".to_owned()).or_default() += 1,
        }
    }
    let told = refused.into_iter().map(|(code, count)| unplanned(&code, count));
    Ok(told.chain(planned_with_values(with_values)).collect())
}

/// Plans of a statement for any values; servers before 12 make them for certain values alone. Whether it is so: they are then
/// those that a log has, else usual ones of the columns.
fn planned(
    connection: &Connection,
    statement: &WorkloadStatement,
    catalogue: &Catalogue,
) -> Result<(String, bool), Problem> {
    match plans(connection, &statement.text, false) {
        Err(Problem::Misused(reason)) => {
            let filled = filled(&statement.text, &statement.bound, catalogue).ok();
            // The last is that with the usual values.
            let filled = filled.and_then(|mut filled| filled.pop()).ok_or(Problem::Misused(reason))?;
            plans(connection, &filled.text, false).map(|text| (text, true))
        }
        asked => asked.map(|text| (text, false)),
    }
}

fn planned_with_values(count: u32) -> Option<String> {
    let planned = match count {
        0 => return None,
        1 => "a statement was planned".to_owned(),
        _ => format!("{count} statements were planned"),
    };
    Some(format!(
        "{planned} for recorded values, else usual ones of the columns: PostgreSQL 10 and 11 make no plan for any values"
    ))
}

fn unplanned(code: &str, count: u32) -> String {
    let statements =
        if count == 1 { "a statement has".to_owned() } else { format!("{count} statements have") };
    let reason = match code {
        "42501" => {
            "this user may not read their tables: GRANT pg_read_all_data TO the user (14 and newer), or GRANT SELECT"
        }
        "42P01" | "42703" | "42883" => {
            "their tables, columns or functions are not there, or not in the search_path"
        }
        "placeholders" => {
            "PostgreSQL 10 and 11 plan placeholders only with values, and none are known: give a log with them"
        }
        _ => return format!("{statements} no plan: the server refuses (error {code})"),
    };
    format!("{statements} no plan: {reason}")
}

/// Where the extension has its view.
pub(super) fn schema(connection: &Connection) -> Result<String, Problem> {
    let rows = connection.catalogue_rows(
        "SELECT quote_ident(n.nspname) AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
         WHERE e.extname = 'pg_stat_statements'",
    )?;
    rows.first().and_then(|row| row.text("schema")).map(str::to_owned).ok_or_else(|| {
        Problem::Failed(
            "this database has no pg_stat_statements, so the server does not say which statements it executes: \
             shared_preload_libraries = 'pg_stat_statements', a restart, and CREATE EXTENSION pg_stat_statements"
                .to_owned(),
        )
    })
}

/// Versions of the extension name their columns differently: up to 1.7 there is `total_time`.
fn is_in_schema(connection: &Connection, schema: &str, column: &str) -> Result<bool, Problem> {
    let rows = connection.catalogue_rows(&format!(
        "SELECT FROM pg_attribute WHERE attrelid = {}::regclass AND attname = '{column}'",
        quoted(&format!("{schema}.pg_stat_statements"))
    ))?;
    Ok(!rows.is_empty())
}

fn statement(schema: &str, has_plans: bool) -> String {
    let time = if has_plans { "total_exec_time" } else { "total_time" };
    format!(
        "SELECT s.query AS query, sum(s.calls) AS calls, sum(s.{time}) AS time, sum(s.rows) AS rows
         FROM {schema}.pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
         WHERE d.datname = current_database() AND s.calls > 0
         GROUP BY 1 ORDER BY 3 DESC LIMIT {STATEMENTS_MAX}"
    )
}

/// Statements that control sessions are left out: no index helps them.
fn of_row(row: &Row, text: &str) -> Option<WorkloadStatement> {
    let first = text
        .trim_start_matches(['(', ' ', '\n', '\t'])
        .split(|letter: char| !letter.is_alphabetic())
        .next()?;
    const WITH_ROWS: [&str; 8] = ["SELECT", "WITH", "UPDATE", "DELETE", "INSERT", "MERGE", "TABLE", "VALUES"];
    let is_one =
        WITH_ROWS.iter().any(|word| word.eq_ignore_ascii_case(first)) || text.starts_with(['/', '-']);
    let milliseconds: f64 = row.number("time")?;
    // What is not understood is told, too; the server may have a plan of it.
    let is_unread = || facts(text).is_none_or(|facts| !facts.parsed && facts.tables.is_empty());
    let is_of_user = tables(text).iter().any(|name| !is_own(name)) || is_unread();
    (is_one && is_of_user).then(|| WorkloadStatement {
        text: text.to_owned(),
        executions: row.number("calls").unwrap_or(1),
        time_ns: Some((milliseconds * 1e6).round().max(0.0) as u64),
        place: "pg_stat_statements".to_owned(),
        ..WorkloadStatement::default()
    })
}

/// Whether all that it reads is the server's own: what monitoring asks for, and whyslow.
fn is_of_system(text: &str) -> bool {
    let tables = tables(text);
    !tables.is_empty() && tables.iter().all(|name| is_own(name))
}

fn is_own(table: &str) -> bool {
    table.rsplit('.').next().is_some_and(|name| name.starts_with("pg_"))
}

/// Adds the rows that a statement has written to those of its tables.
fn count_written(written: &mut BTreeMap<String, u64>, row: &Row, text: &str) {
    let rows = row.number::<u64>("rows").unwrap_or(0);
    for table in facts(text).into_iter().flat_map(|facts| facts.written) {
        let all = written.entry(table.into()).or_default();
        *all = all.saturating_add(rows);
    }
}

/// Tables of a statement, with their schemas where it has them.
pub(super) fn tables(text: &str) -> Vec<Box<str>> {
    facts(text).map(|facts| facts.tables).unwrap_or_default()
}

fn facts(text: &str) -> Option<Facts> {
    Lexer::default().describe(text.as_bytes(), Dialect::Postgres).facts.map(|facts| *facts)
}

/// How long statements have been counted, as a part of how long rows of tables have been; `None` where one is not known, or
/// it is less than half: rows that were written before, such as those that a table was filled with, tell nothing of
/// the time since.
///
/// # Errors
///
/// Where the connection ends.
pub fn part_of_writes(connection: &Connection) -> Result<Option<f64>, Problem> {
    let schema = schema(connection)?;
    let rows = connection.catalogue_rows(&format!(
        "SELECT extract(epoch FROM now() - i.stats_reset) / extract(epoch FROM now() - d.stats_reset) AS part
         FROM {schema}.pg_stat_statements_info i, pg_stat_database d WHERE d.datname = current_database()"
    ));
    match rows {
        Ok(rows) => Ok(rows.first().and_then(|row| row.number("part")).filter(|part| *part >= PART_MIN)),
        // Before 14 there is no such view.
        Err(Problem::Refused { .. }) => Ok(None),
        Err(problem) => Err(problem),
    }
}

fn explained(problem: Problem) -> Problem {
    let text = problem.to_string();
    if text.contains("shared_preload_libraries") {
        return Problem::Failed(
            "pg_stat_statements does not count: add it to shared_preload_libraries and restart the server"
                .to_owned(),
        );
    }
    match is_forbidden(&problem) {
        true => Problem::Failed(
            "this user may not read pg_stat_statements: GRANT pg_monitor TO the user".to_owned(),
        ),
        false => problem,
    }
}
