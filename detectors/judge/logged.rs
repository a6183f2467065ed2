//! What logs of servers tell of statements: those that take most of the time first.

use std::cmp::Reverse;

use super::endpoints::{P95_REQUESTS_MIN, P99_REQUESTS_MIN};
use super::joined;
use crate::docket::{Logged, LoggedTally};
use crate::evidence::{DESCRIBED_MAX, Dictionary, Settled, ShapeId, ShapeRef, Symbol};
use crate::figures;
use crate::finding::{Latency, LoggedRest, LoggedStatement, LoggedStatements, StatementSource};
use crate::timelines::Senders;

/// Statements that are listed; the others are told together.
const LISTED_MAX: usize = 100;

/// Statements that are kept to be compared with those of another log.
const COMPARED_MAX: usize = 20_000;

/// `None` where no log was read.
pub(super) fn statements(
    logged: &Logged,
    senders: &Senders,
    dictionary: &Dictionary,
) -> Option<LoggedStatements> {
    let (bare, bare_ns) = logged.bare;
    let counted = CountedRows::of(logged, dictionary);
    if logged.statements.is_empty() && counted.executions == 0 && bare == 0 {
        return of_statistics(dictionary.statistics(), dictionary);
    }
    let by_plan = !logged.has_lines();
    let mut rows: Vec<Row<'_>> =
        logged.statements.iter().map(|(key, tally)| Row::of(*key, tally, by_plan, dictionary)).collect();
    rows.sort_unstable_by_key(|row| {
        let weight = (row.time_ns.saturating_add(row.tally.prepare_ns), row.executions);
        (Reverse(weight), row.text, row.database)
    });
    let tallies = || logged.statements.values().chain([&logged.counted.all]);
    let mut told = LoggedStatements {
        statements: rows.len() as u64 + counted.statements,
        executions: rows.iter().map(|row| row.executions).sum::<u64>() + counted.executions,
        time_ns: rows.iter().map(|row| row.time_ns).sum::<u64>().saturating_add(counted.time_ns),
        prepare_ns: tallies().map(|tally| tally.prepare_ns).sum(),
        failed: tallies().map(|tally| tally.failed).sum(),
        quickest_ns: tallies().filter(|tally| tally.timed > 0).map(|tally| tally.durations.quantile(0)).min(),
        untimed: tallies().map(|tally| tally.untimed).sum(),
        unlogged: tallies().map(|tally| tally.unlogged).sum(),
        plans_alone: if by_plan { 0 } else { tallies().map(|tally| tally.planned.0).sum() },
        durations_alone: bare,
        durations_alone_ns: bare_ns,
        period_ns: logged.extent_ns.map(|(first_ns, last_ns)| last_ns - first_ns),
        ..LoggedStatements::default()
    };
    let rest = rows.split_off(rows.len().min(LISTED_MAX));
    let is_told = |row: &&Row<'_>| row.executions > 0 || row.tally.prepare_ns > 0;
    told.by_time = rows.iter().filter(is_told).map(|row| row.told(senders, dictionary)).collect();
    told.unlisted = rest.iter().take(COMPARED_MAX).map(|row| row.told(senders, dictionary)).collect();
    told.is_cut = rest.len() > COMPARED_MAX || counted.executions > 0;
    told.rest = LoggedRest {
        statements: rest.len() as u64 + counted.statements,
        executions: rest.iter().map(|row| row.executions).sum::<u64>() + counted.executions,
        time_ns: rest.iter().map(|row| row.time_ns).sum::<u64>().saturating_add(counted.time_ns),
        time_ns_max: rest.first().map_or(0, |row| row.time_ns).max(counted.time_ns_max),
    };
    Some(told)
}

/// What servers have counted themselves, where no log tells of the same.
fn of_statistics(statistics: &Settled, dictionary: &Dictionary) -> Option<LoggedStatements> {
    if statistics.statements.is_empty() {
        return None;
    }
    let rows = statistics.statements.iter().map(|((shape, database), counted)| {
        let (shape, database) = (dictionary.shape(*shape), dictionary.text(*database));
        let (sums, since_reset) = (counted.sums, counted.since_reset);
        LoggedStatement {
            text: shape.text.to_string(),
            shape: shape.id.to_string(),
            database: Some(database.to_owned()).filter(|name| !name.is_empty()),
            executions: sums.calls,
            failed: sums.failed,
            time_ns: sums.time_ns,
            prepare_ns: sums.plan_ns,
            lock_ns: sums.lock_ns,
            rows: Some(sums.rows),
            rows_examined: sums.examined,
            full_scans: sums.full_scans.filter(|scans| *scans > 0),
            spilled_bytes: sums.spilled_bytes,
            latency_ns: Latency {
                p50: None,
                p95: since_reset.p95_ns,
                p99: since_reset.p99_ns,
                max: since_reset.max_ns,
            },
            ..LoggedStatement::default()
        }
    });
    let mut rows: Vec<LoggedStatement> = rows.collect();
    rows.sort_by(|one, other| {
        let weight = |row: &LoggedStatement| (row.time_ns.saturating_add(row.prepare_ns), row.executions);
        let texts = |row: &LoggedStatement| (row.text.clone(), row.database.clone());
        weight(other).cmp(&weight(one)).then_with(|| texts(one).cmp(&texts(other)))
    });
    let sum = |of: fn(&LoggedStatement) -> u64| rows.iter().map(of).fold(0, u64::saturating_add);
    let told = LoggedStatements {
        from: StatementSource::Statistics,
        statements: rows.len() as u64,
        executions: sum(|row| row.executions),
        time_ns: sum(|row| row.time_ns),
        prepare_ns: sum(|row| row.prepare_ns),
        failed: sum(|row| row.failed),
        ..LoggedStatements::default()
    };
    let mut unlisted = rows.split_off(rows.len().min(LISTED_MAX));
    let rest = LoggedRest {
        statements: unlisted.len() as u64,
        executions: unlisted.iter().map(|row| row.executions).sum(),
        time_ns: unlisted.iter().map(|row| row.time_ns).sum(),
        time_ns_max: unlisted.first().map_or(0, |row| row.time_ns),
    };
    let is_cut = unlisted.len() > COMPARED_MAX;
    unlisted.truncate(COMPARED_MAX);
    Some(LoggedStatements { by_time: rows, rest, unlisted, is_cut, ..told })
}

/// What is said where statements are too many to look into each.
pub(super) fn note_of_counted(logged: &Logged, dictionary: &Dictionary) -> Option<String> {
    let counted = CountedRows::of(logged, dictionary);
    let all_ns: u64 = logged.statements.values().map(|tally| tally.total_ns).sum();
    let all_ns = all_ns.saturating_add(counted.time_ns);
    if counted.executions == 0 {
        return None;
    }
    let share = |part_ns: u64| match part_ns as f64 / all_ns.max(1) as f64 * 100.0 {
        share if share < 0.1 => "under 0.1 %".to_owned(),
        share => format!("{share:.1} %"),
    };
    let apart = match counted.apart {
        (0, _) => String::new(),
        (executions, ns) => format!(
            ", and {} of more than these ({} of the time) are not told apart",
            figures::counted(executions, "execution"),
            share(ns)
        ),
    };
    Some(format!(
        "{} and those with 0.01 % of the time or of the executions are looked into; {} are counted only ({} of the \
         time){apart}",
        figures::counted(DESCRIBED_MAX as u64, "different statement"),
        figures::counted(counted.statements, "further one"),
        share(counted.time_ns.saturating_sub(counted.apart.1))
    ))
}

/// Statements that are counted only.
struct CountedRows {
    /// Different ones.
    statements: u64,
    executions: u64,
    time_ns: u64,
    /// The most that one of them took.
    time_ns_max: u64,
    /// Executions and time of those that are not told apart.
    apart: (u64, u64),
}

impl CountedRows {
    fn of(logged: &Logged, dictionary: &Dictionary) -> Self {
        let (executions, time_ns) = executed(&logged.counted.all, !logged.has_lines());
        let mut rows = Self { statements: 0, executions, time_ns, time_ns_max: 0, apart: (0, 0) };
        for (shape, (executions, time_ns)) in logged.counted.by_shape() {
            if dictionary.shape(shape).id == ShapeId::OTHER {
                rows.apart = (u64::from(executions), time_ns);
                continue;
            }
            rows.statements += 1;
            rows.time_ns_max = rows.time_ns_max.max(time_ns);
        }
        rows
    }
}

/// Executions and their time. Where plans alone tell of executions, each is one.
fn executed(tally: &LoggedTally, by_plan: bool) -> (u64, u64) {
    let (planned, planned_ns) = if by_plan { tally.planned } else { (0, 0) };
    (tally.timed + tally.untimed + planned, tally.total_ns.saturating_add(planned_ns))
}

struct Row<'a> {
    key: (ShapeRef, Symbol),
    text: &'a str,
    id: ShapeId,
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
        let (executions, time_ns) = executed(tally, by_plan);
        Self {
            key,
            text: &dictionary.shape(key.0).text,
            id: dictionary.shape(key.0).id,
            database: dictionary.text(key.1),
            tally,
            executions,
            time_ns,
        }
    }

    fn told(&self, senders: &Senders, dictionary: &Dictionary) -> LoggedStatement {
        let tally = self.tally;
        let at =
            |permille: u64, needed: u64| (tally.timed >= needed).then(|| tally.durations.quantile(permille));
        let told = |(executions, sum): (u64, u64)| Some(sum).filter(|_| executions > 0);
        LoggedStatement {
            text: self.text.to_owned(),
            shape: self.id.to_string(),
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
            quartiles_ns: (tally.timed > 0).then(|| [250, 500, 750].map(|at| tally.durations.quantile(at))),
            slowest: tally.slowest.map(|(_, line)| dictionary.place_of_line(line)),
            plan: dictionary.plans().outline(self.key.0, dictionary),
            example: dictionary.examples().of(self.key.0, self.key.1, dictionary),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Execution, KnownBy, Shape, Span, Statement};

    fn execution(shape: ShapeRef, took_ns: u64) -> Execution {
        let span = Span { shape, start_ns: 5, end_ns: 5 + took_ns, repeats: 1, ..Span::default() };
        Execution { span, prepare_ns: 0, known_by: KnownBy::Duration, planned: false, locked_ns: 0 }
    }

    #[test]
    fn statements_that_are_counted_only_are_part_of_the_sums_and_named() {
        let mut dictionary = Dictionary::counting_from(1);
        let mut shape = |hash: u64| {
            let id = ShapeId { family: crate::evidence::Family::Statement, hash: hash << 40 };
            match dictionary.executed(id, 0, Default::default()) {
                Statement::Described(known) | Statement::Counted(known) => known,
                Statement::Wanted => {
                    let facts = Some(Default::default());
                    dictionary.statement_ref(Shape { id, text: "SELECT a FROM b".into(), facts })
                }
            }
        };
        let (known, first, second) = (shape(1), shape(2), shape(3));
        let mut logged = [Logged::default(), Logged::default()];
        let executions = [execution(known, 600), execution(first, 250), execution(second, 100)];
        logged[0].add(&executions, (0, 0), &dictionary);
        logged[1].add(&executions[1..2], (0, 0), &dictionary);
        let [mut all, other] = logged;
        all.merge(other);
        let told = statements(&all, &Senders::default(), &dictionary).expect("statements");
        assert_eq!((told.statements, told.executions, told.time_ns), (3, 4, 1_200));
        assert_eq!(told.by_time.len(), 1);
        let rest = LoggedRest { statements: 2, executions: 3, time_ns: 600, time_ns_max: 500 };
        assert_eq!(told.rest, rest);
        let note = note_of_counted(&all, &dictionary).expect("a note");
        assert!(note.contains("2 further ones are counted only (50.0 % of the time)"), "{note}");
        assert_eq!(note_of_counted(&Logged::default(), &dictionary), None);
    }
}
