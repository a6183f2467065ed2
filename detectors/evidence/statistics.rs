//! What servers have counted of statements themselves: `pg_stat_statements`, summaries by digest.
//!
//! A snapshot holds sums since the server began to count. What happened between two of them is the difference, as long
//! as nothing was reset in between.

use rustc_hash::FxHashMap;

use super::{Dictionary, ShapeRef, Symbol};

/// Rows that are kept; servers count a few thousand statements.
const ROWS_MAX: usize = 500_000;

/// One statement of one snapshot: of a user of a database, as the server tells statements apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistic {
    /// The file.
    pub snapshot: Symbol,
    /// Hash of what the server tells statements apart by.
    pub entry: u64,
    /// The statement.
    pub shape: ShapeRef,
    /// Its database, by name or number.
    pub database: Symbol,
    /// The sums.
    pub sums: Sums,
    /// Of all executions since the sums began, in nanoseconds: the slowest, and percentiles where the server has them.
    pub since_reset: SinceReset,
}

/// What grows with each execution.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Executions.
    pub calls: u64,
    /// Time of executions, in nanoseconds.
    pub time_ns: u64,
    /// Time of planning, in nanoseconds; zero where the server does not count it.
    pub plan_ns: u64,
    /// Rows sent, or changed.
    pub rows: u64,
    /// Rows read to get those; `None` where the server does not count them.
    pub examined: Option<u64>,
    /// Waits for locks, in nanoseconds; `None` where the server does not count them.
    pub lock_ns: Option<u64>,
    /// Executions without an index; `None` where the server does not count them.
    pub full_scans: Option<u64>,
    /// Executions that failed.
    pub failed: u64,
    /// Bytes written to temporary files.
    pub spilled_bytes: u64,
}

/// What does not add up: nothing can be said of it between two snapshots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SinceReset {
    /// The slowest.
    pub max_ns: Option<u64>,
    /// 95th percentile.
    pub p95_ns: Option<u64>,
    /// 99th percentile.
    pub p99_ns: Option<u64>,
}

impl Sums {
    /// Adds those of the same statement of others.
    fn add(&mut self, other: &Self) {
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (None, other) => other,
            (one, other) => Some(one?.saturating_add(other.unwrap_or(0))),
        };
        self.calls = self.calls.saturating_add(other.calls);
        self.time_ns = self.time_ns.saturating_add(other.time_ns);
        self.plan_ns = self.plan_ns.saturating_add(other.plan_ns);
        self.rows = self.rows.saturating_add(other.rows);
        self.examined = sum(self.examined, other.examined);
        self.lock_ns = sum(self.lock_ns, other.lock_ns);
        self.full_scans = sum(self.full_scans, other.full_scans);
        self.failed = self.failed.saturating_add(other.failed);
        self.spilled_bytes = self.spilled_bytes.saturating_add(other.spilled_bytes);
    }

    /// What came after `earlier`; `None` where something is less than there: it was reset in between.
    fn since(&self, earlier: &Self) -> Option<Self> {
        let less = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => one.checked_sub(other).map(Some),
            (one, _) => Some(one),
        };
        Some(Self {
            calls: self.calls.checked_sub(earlier.calls)?,
            time_ns: self.time_ns.checked_sub(earlier.time_ns)?,
            plan_ns: self.plan_ns.saturating_sub(earlier.plan_ns),
            rows: self.rows.checked_sub(earlier.rows)?,
            examined: less(self.examined, earlier.examined)?,
            lock_ns: less(self.lock_ns, earlier.lock_ns)?,
            full_scans: less(self.full_scans, earlier.full_scans)?,
            failed: self.failed.saturating_sub(earlier.failed),
            spilled_bytes: self.spilled_bytes.saturating_sub(earlier.spilled_bytes),
        })
    }
}

/// Snapshots of servers.
#[derive(Debug, Default)]
pub struct Statistics {
    rows: Vec<Statistic>,
    refused: u64,
}

/// What one statement of a database did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// The sums.
    pub sums: Sums,
    /// Where they are those since a reset.
    pub since_reset: SinceReset,
}

/// What snapshots tell.
#[derive(Debug, Default)]
pub struct Settled {
    /// By statement and database.
    pub statements: FxHashMap<(ShapeRef, Symbol), Counted>,
    /// Servers of which there are several snapshots: what is told is what happened between the first and the last.
    pub between: u64,
    /// Servers of which there is one: what is told began with the latest reset.
    pub since_reset: u64,
    /// Statements that were reset between two snapshots.
    pub reset: u64,
    /// Rows beyond the bound.
    pub refused: u64,
}

impl Statistics {
    /// Notes a row of a snapshot.
    pub fn push(&mut self, row: Statistic) {
        match self.rows.len() < ROWS_MAX {
            true => self.rows.push(row),
            false => self.refused += 1,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.refused == 0
    }

    /// The rows, as they were read.
    pub fn rows(&self) -> &[Statistic] {
        &self.rows
    }

    /// Adds what another reader has found.
    pub fn merge(&mut self, other: Self) {
        self.refused += other.refused;
        other.rows.into_iter().for_each(|row| self.push(row));
    }

    /// Puts snapshots of one server together, given their files in the order in which they were named. `fold` says which
    /// shape stands for another.
    pub fn settle(mut self, files: &[Symbol], fold: impl Fn(ShapeRef) -> ShapeRef) -> Settled {
        let mut settled = Settled { refused: self.refused, ..Settled::default() };
        self.rows.iter_mut().for_each(|row| row.shape = fold(row.shape));
        let mut servers: Vec<[FxHashMap<u64, Statistic>; 2]> = Vec::new();
        for &file in files {
            let snapshot = snapshot(self.rows.iter().filter(|row| row.snapshot == file));
            if snapshot.is_empty() {
                continue;
            }
            match servers.iter_mut().find(|[first, last]| is_same_server(&snapshot, pick(first, last))) {
                Some([_, last]) => *last = snapshot,
                None => servers.push([snapshot, FxHashMap::default()]),
            }
        }
        for [first, last] in &servers {
            settled.add_server(first, last);
        }
        settled
    }
}

/// The later of two snapshots.
fn pick<'a>(
    first: &'a FxHashMap<u64, Statistic>,
    last: &'a FxHashMap<u64, Statistic>,
) -> &'a FxHashMap<u64, Statistic> {
    if last.is_empty() { first } else { last }
}

/// The rows of a file, those with one entry together.
fn snapshot<'a>(rows: impl Iterator<Item = &'a Statistic>) -> FxHashMap<u64, Statistic> {
    let mut entries: FxHashMap<u64, Statistic> = FxHashMap::default();
    for row in rows {
        entries.entry(row.entry).and_modify(|known| known.sums.add(&row.sums)).or_insert(*row);
    }
    entries
}

/// Whether two snapshots are of one server: entries have ids that servers choose, and half of them are the same.
fn is_same_server(one: &FxHashMap<u64, Statistic>, other: &FxHashMap<u64, Statistic>) -> bool {
    let shared = one.keys().filter(|entry| other.contains_key(entry)).count();
    shared * 2 >= one.len().min(other.len())
}

impl Settled {
    fn add_server(&mut self, first: &FxHashMap<u64, Statistic>, last: &FxHashMap<u64, Statistic>) {
        if last.is_empty() {
            self.since_reset += 1;
            first.values().for_each(|row| self.add(row, row.sums, row.since_reset));
            return;
        }
        self.between += 1;
        for (entry, row) in last {
            let earlier = first.get(entry).map(|earlier| earlier.sums).unwrap_or_default();
            let sums = row.sums.since(&earlier);
            self.reset += u64::from(sums.is_none());
            // Reset in between: it has done at least what it has done since.
            self.add(row, sums.unwrap_or(row.sums), SinceReset::default());
        }
        // What is there no more was reset, or pushed out by others.
        self.reset += first.keys().filter(|entry| !last.contains_key(entry)).count() as u64;
    }

    fn add(&mut self, row: &Statistic, sums: Sums, since_reset: SinceReset) {
        if sums.calls == 0 {
            return;
        }
        let known = self.statements.entry((row.shape, row.database));
        known
            .and_modify(|known| {
                known.sums.add(&sums);
                // Of two entries each has percentiles of its own.
                let max_ns = known.since_reset.max_ns.max(since_reset.max_ns);
                known.since_reset = SinceReset { max_ns, ..SinceReset::default() };
            })
            .or_insert(Counted { sums, since_reset });
    }

    /// What has to be said of them.
    pub(crate) fn notes(&self, dictionary: &Dictionary) -> Vec<String> {
        let mut notes = Vec::new();
        if self.statements.is_empty() {
            return notes;
        }
        if dictionary.has_logs() {
            notes.push(
                "statistics of the server are not counted beside its log, which tells of the same executions"
                    .to_owned(),
            );
        }
        if self.since_reset > 0 {
            notes.push(
                "statistics are sums since the server's latest reset, of times that are not known; two snapshots of one \
                 server, the earlier first, tell what happened between them"
                    .to_owned(),
            );
        }
        if self.reset > 0 {
            notes.push(format!(
                "{} of the statistics were reset or pushed out between the snapshots: of them what came since is told",
                self.reset
            ));
        }
        if self.refused > 0 {
            notes.push(format!("{} rows of statistics are beyond the bound and left out", self.refused));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(file: u32, entry: u64, calls: u64, time_ns: u64) -> Statistic {
        Statistic {
            snapshot: Symbol(file),
            entry,
            shape: ShapeRef(entry as u32),
            database: Symbol(0),
            sums: Sums { calls, time_ns, rows: calls * 2, ..Sums::default() },
            since_reset: SinceReset { max_ns: Some(7), ..SinceReset::default() },
        }
    }

    fn settled(rows: &[Statistic], files: &[u32]) -> Settled {
        let mut statistics = Statistics::default();
        rows.iter().for_each(|row| statistics.push(*row));
        let files: Vec<Symbol> = files.iter().map(|file| Symbol(*file)).collect();
        statistics.settle(&files, |shape| shape)
    }

    fn calls(settled: &Settled) -> Vec<(u32, u64)> {
        let mut calls: Vec<(u32, u64)> =
            settled.statements.iter().map(|((shape, _), counted)| (shape.0, counted.sums.calls)).collect();
        calls.sort_unstable();
        calls
    }

    #[test]
    fn one_snapshot_is_since_the_reset_and_two_are_what_is_between() {
        let first = [row(1, 1, 10, 100), row(1, 2, 5, 50), row(1, 3, 7, 70)];
        let second = [row(2, 1, 25, 190), row(2, 2, 5, 50), row(2, 4, 3, 30)];
        let alone = settled(&first, &[1]);
        assert_eq!((calls(&alone), alone.since_reset), (vec![(1, 10), (2, 5), (3, 7)], 1));
        assert_eq!(alone.statements[&(ShapeRef(1), Symbol(0))].since_reset.max_ns, Some(7));
        let both = settled(&[first, second].concat(), &[1, 2]);
        assert_eq!((calls(&both), both.between, both.reset), (vec![(1, 15), (4, 3)], 1, 1));
        let counted = both.statements[&(ShapeRef(1), Symbol(0))];
        assert_eq!((counted.sums.time_ns, counted.sums.rows, counted.since_reset.max_ns), (90, 30, None));
    }

    #[test]
    fn what_was_reset_counts_since_then() {
        let rows = [row(1, 1, 10, 100), row(1, 2, 5, 50), row(2, 1, 4, 30), row(2, 2, 9, 80)];
        let settled = settled(&rows, &[1, 2]);
        assert_eq!((calls(&settled), settled.reset), (vec![(1, 4), (2, 4)], 1));
    }

    #[test]
    fn snapshots_of_two_servers_are_added() {
        let mut other = row(2, 9, 1, 1);
        other.shape = ShapeRef(1);
        let settled = settled(&[row(1, 1, 10, 100), row(1, 2, 5, 50), other], &[1, 2]);
        assert_eq!((calls(&settled), settled.since_reset), (vec![(1, 11), (2, 5)], 2));
    }
}
