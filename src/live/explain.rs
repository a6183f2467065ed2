//! Plans of a statement, made by a live server.

use super::connection::Connection;
use super::guard;
use super::problem::Problem;

/// From this version on statements with placeholders can be planned as they are.
const GENERIC_PLAN: u32 = 160_000;

/// From this version on a prepared statement can be told to have a generic plan.
const PLAN_CACHE_MODE: u32 = 120_000;

/// The name that a prepared statement has in our session.
const PREPARED: &str = "whyslow_statement";

/// Plans of a statement as JSON; one that rules have rewritten has several.
///
/// Nothing is executed unless `analyze` says so, and then only what reads; all is rolled back.
///
/// # Errors
///
/// Where the server refuses the statement, or executing it is refused here.
pub fn plans(connection: &Connection, statement: &str, analyze: bool) -> Result<String, Problem> {
    if analyze {
        guard::only_reads(statement).map_err(|reason| not_executed(&reason))?;
    }
    let statement = statement.trim().trim_end_matches(';');
    // The server itself says that it is one statement.
    let placeholders = connection.placeholders(statement)?;
    if analyze && placeholders > 0 {
        return Err(not_executed("it has placeholders; write values in their places"));
    }
    connection.execute("BEGIN READ ONLY")?;
    let plans = match placeholders {
        0 => explained(connection, statement, &options(connection.version(), analyze)),
        _ => generic(connection, statement, placeholders),
    };
    // A failed transaction is over as well.
    match plans {
        Err(problem @ (Problem::Interrupted(_) | Problem::Failed(_))) => Err(problem),
        plans => connection.execute("ROLLBACK").and(plans),
    }
}

fn not_executed(reason: &str) -> Problem {
    Problem::Misused(format!("--analyze executes the statement, and this one is not executed: {reason}"))
}

/// What `EXPLAIN` is asked for.
fn options(version: u32, analyze: bool) -> String {
    let mut options = "FORMAT JSON, VERBOSE".to_owned();
    if version >= 120_000 {
        options.push_str(", SETTINGS");
    }
    if analyze {
        options.push_str(", ANALYZE");
    }
    if analyze || version >= 130_000 {
        options.push_str(", BUFFERS");
    }
    options
}

fn explained(connection: &Connection, statement: &str, options: &str) -> Result<String, Problem> {
    let rows = connection.rows(&format!("EXPLAIN ({options}) {statement}"))?;
    let lines: Vec<&str> = rows.iter().filter_map(|row| row.first()).collect();
    Ok(lines.join("\n"))
}

/// The plan for any values, of a statement with placeholders.
fn generic(connection: &Connection, statement: &str, placeholders: usize) -> Result<String, Problem> {
    let options = options(connection.version(), false);
    match connection.version() {
        GENERIC_PLAN.. => explained(connection, statement, &format!("{options}, GENERIC_PLAN")),
        PLAN_CACHE_MODE.. => {
            connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")?;
            connection.execute(&format!("PREPARE {PREPARED} AS {statement}"))?;
            let nulls = vec!["NULL"; placeholders].join(", ");
            let plans = explained(connection, &format!("EXECUTE {PREPARED}({nulls})"), &options)?;
            connection.execute(&format!("DEALLOCATE {PREPARED}")).map(|()| plans)
        }
        _ => Err(Problem::Misused(
            "the statement has placeholders, and PostgreSQL 10 and 11 plan those only for values: write some in their \
             places"
                .to_owned(),
        )),
    }
}
