//! What logs of servers tell of statements: those that take most of the time first.

use std::cmp::Reverse;

use super::endpoints::{P95_REQUESTS_MIN, P99_REQUESTS_MIN};
use super::joined;
use crate::docket::{Logged, LoggedTally};
use crate::evidence::{Dictionary, ShapeRef, Symbol};
use crate::finding::{Latency, LoggedRest, LoggedStatement, LoggedStatements};
use crate::timelines::Senders;

/// Statements that are listed; the others are told together.
const LISTED_MAX: usize = 100;

/// `None` where no log was read.
pub(super) fn statements(
    logged: &Logged,
    senders: &Senders,
    dictionary: &Dictionary,
) -> Option<LoggedStatements> {
    let (bare, bare_ns) = logged.bare;
    if logged.statements.is_empty() && bare == 0 {
        return None;
    }
    let by_plan = !logged.has_lines();
    let mut rows: Vec<Row<'_>> =
        logged.statements.iter().map(|(key, tally)| Row::of(*key, tally, by_plan, dictionary)).collect();
    rows.sort_by_cached_key(|row| {
        (
            Reverse((row.time_ns.saturating_add(row.tally.prepare_ns), row.executions)),
            row.shape.text.clone(),
            row.database,
        )
    });
    let mut told = LoggedStatements {
        statements: rows.len() as u64,
        executions: rows.iter().map(|row| row.executions).sum(),
        time_ns: rows.iter().map(|row| row.time_ns).sum(),
        prepare_ns: rows.iter().map(|row| row.tally.prepare_ns).sum(),
        failed: rows.iter().map(|row| row.tally.failed).sum(),
        untimed: rows.iter().map(|row| row.tally.untimed).sum(),
        unlogged: rows.iter().map(|row| row.tally.unlogged).sum(),
        plans_alone: if by_plan { 0 } else { rows.iter().map(|row| row.tally.planned.0).sum() },
        durations_alone: bare,
        durations_alone_ns: bare_ns,
        by_time: Vec::new(),
        rest: LoggedRest::default(),
    };
    let rest = rows.split_off(rows.len().min(LISTED_MAX));
    told.by_time = rows
        .iter()
        .filter(|row| row.executions > 0 || row.tally.prepare_ns > 0)
        .map(|row| row.told(senders, dictionary))
        .collect();
    told.rest = LoggedRest {
        statements: rest.len() as u64,
        executions: rest.iter().map(|row| row.executions).sum(),
        time_ns: rest.iter().map(|row| row.time_ns).sum(),
        time_ns_max: rest.first().map_or(0, |row| row.time_ns),
    };
    Some(told)
}

struct Row<'a> {
    key: (ShapeRef, Symbol),
    shape: &'a crate::evidence::Shape,
    database: &'a str,
    tally: &'a LoggedTally,
    executions: u64,
    time_ns: u64,
}

impl<'a> Row<'a> {
    fn of(
        key: (ShapeRef, Symbol),
        tally: &'a LoggedTally,
        by_plan: bool,
        dictionary: &'a Dictionary,
    ) -> Self {
        let (planned, planned_ns) = if by_plan { tally.planned } else { (0, 0) };
        Self {
            key,
            shape: dictionary.shape(key.0),
            database: dictionary.text(key.1),
            tally,
            executions: tally.timed + tally.untimed + planned,
            time_ns: tally.total_ns.saturating_add(planned_ns),
        }
    }

    fn told(&self, senders: &Senders, dictionary: &Dictionary) -> LoggedStatement {
        let tally = self.tally;
        let at =
            |permille: u64, needed: u64| (tally.timed >= needed).then(|| tally.durations.quantile(permille));
        let told = |(executions, sum): (u64, u64)| Some(sum).filter(|_| executions > 0);
        LoggedStatement {
            text: self.shape.text.to_string(),
            shape: self.shape.id.to_string(),
            database: Some(self.database.to_owned()).filter(|name| !name.is_empty()),
            executions: self.executions,
            failed: tally.failed,
            time_ns: self.time_ns,
            prepare_ns: tally.prepare_ns,
            // What tells one of both tells the other.
            lock_ns: Some(tally.lock_ns).filter(|_| tally.examined.0 > 0),
            rows: told(tally.rows),
            rows_examined: told(tally.examined),
            full_scans: Some(tally.full_scans).filter(|scans| *scans > 0),
            spills: tally.spilled.0,
            spilled_bytes: tally.spilled.1,
            spilled_bytes_max: tally.spilled.2,
            latency_ns: Latency {
                p50: at(500, 1),
                p95: at(950, P95_REQUESTS_MIN),
                p99: at(990, P99_REQUESTS_MIN),
                max: tally.slowest.map(|(took_ns, _)| took_ns),
            },
            sent_by: joined::sent_by(senders, self.key, dictionary),
            slowest: tally.slowest.map(|(_, line)| dictionary.place_of_line(line)),
        }
    }
}
