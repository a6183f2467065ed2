//! What a database has done: rows and blocks between two looks at what the server counts.
//!
//! `pg_stat_statements` counts each statement when it ends. `pg_stat_database` counts rows and blocks of all sessions of the
//! database, which tell what they did with some delay, at the latest when they end: so it is looked at until it stays the same.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use super::connection::{Connection, Row};
use super::problem::Problem;
use super::statements;

/// What the server counts for the database, and what it is called here.
const OF_DATABASE: [(&str, &str); 4] = [
    ("rows_read", "tup_returned"),
    ("rows_fetched", "tup_fetched"),
    ("blocks_read", "blks_read"),
    ("blocks_hit", "blks_hit"),
];

/// What statements begin with that only control sessions, ours among them.
const CONTROL: &str =
    "begin|start|commit|end|rollback|abort|savepoint|release|set|reset|show|discard|deallocate";

/// Before PostgreSQL 15 a look shows what was told half a second before.
const BETWEEN_LOOKS: Duration = Duration::from_millis(600);

/// A database that others use, too, never stays the same.
const LOOKS_MAX: u32 = 5;

/// What a database has done since its counters were reset, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Activity(BTreeMap<&'static str, u64>);

/// A database whose activity is looked at.
#[derive(Debug)]
pub struct Watch {
    connection: Connection,
    /// Where `pg_stat_statements` is, if it is.
    statements: Option<String>,
}

impl Watch {
    /// Watches the database of a connection.
    ///
    /// # Errors
    ///
    /// Where the server refuses, or the connection ends.
    pub fn of(connection: Connection) -> Result<Self, Problem> {
        let statements = match statements::schema(&connection) {
            Ok(schema) => Some(schema),
            Err(Problem::Failed(_)) => None,
            Err(problem) => return Err(problem),
        };
        let watch = Self { connection, statements };
        watch.look()?;
        Ok(watch)
    }

    /// `15.18`.
    pub fn version(&self) -> String {
        let version = self.connection.version();
        format!("{}.{}", version / 10_000, version % 10_000)
    }

    /// Whether executed statements are counted.
    pub fn counts_statements(&self) -> bool {
        self.statements.is_some()
    }

    /// What the database has done until now, when its counters stay the same.
    ///
    /// # Errors
    ///
    /// Where the server refuses, or the connection ends.
    pub fn settled(&self) -> Result<Activity, Problem> {
        let mut last = self.look()?;
        for _ in 0..LOOKS_MAX {
            sleep(BETWEEN_LOOKS);
            let now = self.look()?;
            if now == last {
                break;
            }
            last = now;
        }
        Ok(last)
    }

    fn look(&self) -> Result<Activity, Problem> {
        let columns = OF_DATABASE.map(|(name, column)| format!("{column} AS {name}")).join(", ");
        let rows = self.connection.catalogue_rows(&format!(
            "SELECT {columns} FROM pg_stat_database WHERE datname = current_database()"
        ))?;
        let mut activity = Activity::default();
        activity.add(rows.first(), OF_DATABASE.map(|(name, _)| name));
        if let Some(schema) = &self.statements {
            // Neither our own looks count, nor what only controls sessions.
            let rows = self.connection.catalogue_rows(&format!(
                "SELECT sum(s.calls) AS executions, sum(s.rows) AS rows FROM {schema}.pg_stat_statements s
                 JOIN pg_database d ON d.oid = s.dbid
                 WHERE d.datname = current_database() AND s.query NOT LIKE '%pg\\_stat\\_%'
                 AND s.query !~* '^\\s*({CONTROL})\\M'"
            ))?;
            activity.add(rows.first(), ["executions", "rows"]);
        }
        Ok(activity)
    }
}

impl Activity {
    fn add<const N: usize>(&mut self, row: Option<&Row>, names: [&'static str; N]) {
        self.0.extend(names.map(|name| (name, row.and_then(|row| row.number(name)).unwrap_or(0))));
    }

    /// What was done since an earlier look; nothing of what was reset meanwhile.
    pub fn since(&self, earlier: &Self) -> impl Iterator<Item = (&'static str, u64)> {
        let both = self.0.iter().filter_map(|(name, now)| Some((*name, *now, *earlier.0.get(name)?)));
        both.filter_map(|(name, now, before)| Some((name, now.checked_sub(before)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_reset_tells_nothing() {
        let activity = |rows: u64, blocks: u64| Activity([("rows", rows), ("blocks_hit", blocks)].into());
        let done: Vec<_> = activity(5, 9).since(&activity(2, 100)).collect();
        assert_eq!(done, [("rows", 3)]);
    }
}
