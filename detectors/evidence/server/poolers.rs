//! What PgBouncer tells of its pools: in the lines of its log, and in the tables that its console shows.

use std::collections::{BTreeMap, BTreeSet};

/// Logs, and databases of tables, that are kept apart; of more those whose names come first.
const NAMES_MAX: usize = 200;

/// Moments of statistics that are kept of a log to tell how far they are apart: the earliest.
const MOMENTS_MAX: usize = 64;

/// How far statistics are apart where one line alone does not tell (`stats_period`).
const PERIOD_NS: u64 = 60_000_000_000;

/// What a line of the log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolerLine {
    /// What all pools did since the statistics before: for each second, and for each of these.
    Stats(Averages),
    /// A client has come.
    Login,
    /// A client was sent away, as there are too many.
    Refused,
    /// A client waited longer for a server connection than it may.
    TimedOut,
    /// Another error that a client was told.
    Failed,
    /// A connection to the server was made.
    Connected,
}

/// What all pools did in one second on average.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Averages {
    /// Transactions.
    pub transactions: u64,
    /// What each of them took, in microseconds.
    pub transaction_us: u64,
    /// What all clients together waited in a second for a connection to the server, in microseconds.
    pub wait_us: u64,
}

/// What a database's pools did since PgBouncer was started (`SHOW STATS`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolerTotals {
    /// Transactions.
    pub transactions: u64,
    /// What they took together, in nanoseconds.
    pub time_ns: u64,
    /// What clients waited together for a connection to the server, in nanoseconds.
    pub wait_ns: u64,
    /// Transactions that there may have been, and what these took at most: averages are of whole numbers.
    pub at_most: (u64, u64),
}

/// Pools of a database at one moment (`SHOW POOLS`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolNow {
    /// Clients that wait.
    pub waiting: u64,
    /// For how long the first of them does, in nanoseconds.
    pub longest_ns: u64,
    /// Connections to the server that are in use.
    pub in_use: u64,
    /// Those that are idle.
    pub idle: u64,
}

impl PoolNow {
    /// Whether clients wait as none of the connections is idle.
    pub(crate) fn is_starved(&self) -> bool {
        self.waiting > 0 && self.longest_ns > 0 && self.idle == 0
    }
}

/// All that poolers told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Poolers {
    logs: BTreeMap<Box<str>, PoolerLog>,
    totals: BTreeMap<Box<str>, PoolerTotals>,
    now: BTreeMap<(Box<str>, Box<str>), PoolNow>,
}

/// Sums over the lines of one log.
#[derive(Debug, Default, PartialEq, Eq)]
struct PoolerLog {
    transactions: u64,
    time_us: u64,
    wait_us: u64,
    /// As [`PoolerTotals::at_most`], in each second.
    at_most: (u64, u64),
    moments: BTreeSet<u64>,
    counts: PoolerCounts,
}

/// Lines of logs by what they tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PoolerCounts {
    pub(crate) logins: u64,
    pub(crate) refused: u64,
    pub(crate) timed_out: u64,
    pub(crate) failed: u64,
    pub(crate) connected: u64,
}

impl Poolers {
    pub(super) fn line(&mut self, log: &str, at_ns: u64, line: PoolerLine) {
        let mut told = PoolerLog::default();
        match line {
            PoolerLine::Stats(averages) => {
                told.transactions = averages.transactions;
                told.time_us = averages.transactions.saturating_mul(averages.transaction_us);
                told.wait_us = averages.wait_us;
                let most = averages.transactions + u64::from(averages.transaction_us > 0);
                told.at_most = (most, most.saturating_mul(averages.transaction_us));
                told.moments.insert(at_ns);
            }
            PoolerLine::Login => told.counts.logins = 1,
            PoolerLine::Refused => told.counts.refused = 1,
            PoolerLine::TimedOut => told.counts.timed_out = 1,
            PoolerLine::Failed => told.counts.failed = 1,
            PoolerLine::Connected => told.counts.connected = 1,
        }
        match self.logs.get_mut(log) {
            Some(known) => known.merge(told),
            None => _ = self.logs.insert(log.into(), told),
        }
        cut(&mut self.logs);
    }

    /// Of several tables of one pooler the latest counts, which has counted most.
    pub(super) fn totals(&mut self, database: &str, totals: PoolerTotals) {
        let known = self.totals.entry(database.into()).or_default();
        *known = totals.max(*known);
        cut(&mut self.totals);
    }

    /// Of several moments the one at which most waited.
    pub(super) fn now(&mut self, database: &str, user: &str, now: PoolNow) {
        let known = self.now.entry((database.into(), user.into())).or_default();
        *known = now.max(*known);
        cut(&mut self.now);
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (log, told) in other.logs {
            self.logs.entry(log).or_default().merge(told);
        }
        cut(&mut self.logs);
        other.totals.into_iter().for_each(|(database, totals)| self.totals(&database, totals));
        other.now.into_iter().for_each(|((database, user), now)| self.now(&database, &user, now));
    }

    /// Whether nothing was told.
    pub(super) fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.totals.is_empty() && self.now.is_empty()
    }

    /// What lines count, of all logs together.
    pub(crate) fn counts(&self) -> PoolerCounts {
        let mut counts = PoolerCounts::default();
        self.logs.values().for_each(|log| counts.add(&log.counts));
        counts
    }

    /// What all pools did, as logs tell; `None` where they hold no statistics.
    pub(crate) fn logged(&self) -> Option<PoolerTotals> {
        let told = self.logs.values().filter_map(PoolerLog::totals);
        told.reduce(|one, other| PoolerTotals {
            transactions: one.transactions.saturating_add(other.transactions),
            time_ns: one.time_ns.saturating_add(other.time_ns),
            wait_ns: one.wait_ns.saturating_add(other.wait_ns),
            at_most: sum(one.at_most, other.at_most),
        })
    }

    /// What the pools of each database did, as tables tell.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&str, &PoolerTotals)> {
        self.totals.iter().map(|(database, totals)| (&**database, totals))
    }

    /// Pools at one moment, by database and user.
    pub(crate) fn pools(&self) -> impl Iterator<Item = (&str, &str, &PoolNow)> {
        self.now.iter().map(|((database, user), now)| (&**database, &**user, now))
    }
}

impl PoolerLog {
    fn merge(&mut self, other: Self) {
        self.transactions = self.transactions.saturating_add(other.transactions);
        self.time_us = self.time_us.saturating_add(other.time_us);
        self.wait_us = self.wait_us.saturating_add(other.wait_us);
        self.at_most = sum(self.at_most, other.at_most);
        self.counts.add(&other.counts);
        self.moments.extend(other.moments);
        while self.moments.len() > MOMENTS_MAX {
            self.moments.pop_last();
        }
    }

    /// Averages are of a second each: what was done in all of them.
    fn totals(&self) -> Option<PoolerTotals> {
        (!self.moments.is_empty()).then(|| {
            let period_ns = self.period_ns();
            let whole = |of_second: u64, unit: u64| {
                let whole = u128::from(of_second) * u128::from(period_ns) * u128::from(unit) / 1_000_000_000;
                u64::try_from(whole).unwrap_or(u64::MAX)
            };
            PoolerTotals {
                transactions: whole(self.transactions, 1),
                time_ns: whole(self.time_us, 1_000),
                wait_ns: whole(self.wait_us, 1_000),
                at_most: (whole(self.at_most.0, 1), whole(self.at_most.1, 1_000)),
            }
        })
    }

    /// The usual distance of two statistics.
    fn period_ns(&self) -> u64 {
        let mut apart: Vec<u64> =
            self.moments.iter().zip(self.moments.iter().skip(1)).map(|(one, next)| next - one).collect();
        apart.sort_unstable();
        apart.get(apart.len() / 2).copied().unwrap_or(PERIOD_NS)
    }
}

impl PoolerCounts {
    fn add(&mut self, other: &Self) {
        self.logins += other.logins;
        self.refused += other.refused;
        self.timed_out += other.timed_out;
        self.failed += other.failed;
        self.connected += other.connected;
    }
}

fn sum(one: (u64, u64), other: (u64, u64)) -> (u64, u64) {
    (one.0.saturating_add(other.0), one.1.saturating_add(other.1))
}

/// Keeps the names that come first: the same in any order.
fn cut<K: Ord, V>(names: &mut BTreeMap<K, V>) {
    while names.len() > NAMES_MAX {
        names.pop_last();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn stats(wait_us: u64) -> PoolerLine {
        PoolerLine::Stats(Averages { transactions: 20, transaction_us: 500_000, wait_us })
    }

    #[test]
    fn averages_of_seconds_become_sums() {
        let mut poolers = Poolers::default();
        // Three of a period of 60 s, and one after a pause.
        for (at_s, wait_us) in [(60, 8_000_000), (120, 6_000_000), (180, 0), (9_000, 2_000_000)] {
            poolers.line("pgbouncer.log", at_s * SECOND_NS, stats(wait_us));
        }
        let totals = poolers.logged().expect("statistics");
        assert_eq!(totals.transactions, 4 * 60 * 20);
        assert_eq!(totals.time_ns, 4 * 60 * 10 * SECOND_NS);
        assert_eq!(totals.wait_ns, 60 * 16 * SECOND_NS);
    }

    #[test]
    fn fewer_than_one_in_a_second_are_bounded() {
        let mut poolers = Poolers::default();
        let rare = Averages { transactions: 0, transaction_us: 3_000_000, wait_us: 8_000_000 };
        poolers.line("pgbouncer.log", 60 * SECOND_NS, PoolerLine::Stats(rare));
        let totals = poolers.logged().expect("statistics");
        assert_eq!((totals.transactions, totals.wait_ns), (0, 480 * SECOND_NS));
        assert_eq!(totals.at_most, (60, 180 * SECOND_NS));
    }

    #[test]
    fn the_order_changes_nothing() {
        let lines: Vec<(u64, PoolerLine)> =
            (1..=200).map(|number| (number * 7 * SECOND_NS, stats(number))).collect();
        let of = |lines: &mut dyn Iterator<Item = &(u64, PoolerLine)>| {
            let mut poolers = Poolers::default();
            lines.for_each(|(at_ns, line)| poolers.line("a", *at_ns, *line));
            poolers.line("a", 0, PoolerLine::TimedOut);
            poolers
        };
        let whole = of(&mut lines.iter());
        let mut parts = of(&mut lines.iter().rev().step_by(2));
        parts.merge(of(&mut lines.iter().rev().skip(1).step_by(2)));
        assert_eq!(parts.logged(), whole.logged());
        assert_eq!(parts.counts().timed_out, 2);
    }
}
