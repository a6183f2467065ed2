//! Events of a server's log of which the number is told.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::evidence::{Failure, ShapeRef};

/// Tables whose vacuuming is counted apart; of more those whose names come first.
const TABLES_MAX: usize = 2_000;

/// What a line tells of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Somebody has come; who that is shows later.
    Received,
    /// It is known who, and that they may.
    Authorized,
    /// All is set up, which took so long since the connection came.
    Ready {
        /// Nanoseconds.
        setup_ns: u64,
    },
    /// It has ended, so long after it came.
    Ended {
        /// Nanoseconds.
        session_ns: u64,
    },
}

/// What a server does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'b> {
    /// A checkpoint begins.
    Checkpoint {
        /// As so much was written, and not as it was time.
        by_wal: bool,
    },
    /// A checkpoint took so long.
    CheckpointTook {
        /// Nanoseconds.
        ns: u64,
    },
    /// The server says that it makes checkpoints too often.
    CheckpointsTooOften,
    /// A table was vacuumed, or analyzed for the planner.
    Vacuumed {
        /// Its name.
        table: &'b [u8],
        /// Analyzed, and not vacuumed.
        analyze: bool,
        /// How long it took, in nanoseconds; zero where that is not told.
        ns: u64,
    },
}

/// All that was counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Records of servers that may log connections.
    pub(crate) records: u64,
    pub(crate) connections: Connections,
    failures: [u64; Failure::ALL.len()],
    failed: FxHashMap<(Failure, ShapeRef), u64>,
    /// Checkpoints, those as so much was written, those that the server says come too often.
    pub(crate) checkpoints: (u64, u64, u64),
    /// Checkpoints of which it is told how long they took, the sum and the longest.
    pub(crate) checkpoints_took: (u64, u64, u64),
    /// By table, and whether it was analyzed.
    pub(crate) vacuums: BTreeMap<(Box<str>, bool), Vacuums>,
    /// Runs on tables that are not among these.
    pub(crate) vacuums_elsewhere: u64,
}

/// Connections to a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Connections {
    pub(crate) received: u64,
    pub(crate) authorized: u64,
    pub(crate) ended: u64,
    pub(crate) session_ns: u64,
    /// When the first and the last of these lines was written; zeros where there is none.
    pub(crate) between_ns: (u64, u64),
}

/// Runs on one table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Vacuums {
    pub(crate) runs: u64,
    pub(crate) total_ns: u64,
    pub(crate) longest_ns: u64,
}

impl Counts {
    pub(super) fn connection(&mut self, at_ns: u64, connection: Connection) {
        let mut one = Connections { between_ns: (at_ns, at_ns), ..Connections::default() };
        match connection {
            Connection::Received => one.received = 1,
            Connection::Authorized => one.authorized = 1,
            Connection::Ready { .. } => {}
            Connection::Ended { session_ns } => (one.ended, one.session_ns) = (1, session_ns),
        }
        self.connections.merge(&one);
    }

    pub(super) fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Checkpoint { by_wal } => {
                self.checkpoints.0 += 1;
                self.checkpoints.1 += u64::from(by_wal);
            }
            Event::CheckpointsTooOften => self.checkpoints.2 += 1,
            Event::CheckpointTook { ns } => {
                let (count, sum, longest) = self.checkpoints_took;
                self.checkpoints_took = (count + 1, sum.saturating_add(ns), longest.max(ns));
            }
            Event::Vacuumed { table, analyze, ns } => {
                let run = Vacuums { runs: 1, total_ns: ns, longest_ns: ns };
                self.add_vacuums((String::from_utf8_lossy(table).into(), analyze), &run);
            }
        }
    }

    pub(super) fn failure(&mut self, failure: Failure, statement: ShapeRef) {
        self.failures[failure as usize] += 1;
        if statement != ShapeRef::default() {
            *self.failed.entry((failure, statement)).or_default() += 1;
        }
    }

    /// Of what was counted by table, the tables whose names come first are kept: the same in any order.
    fn add_vacuums(&mut self, table: (Box<str>, bool), runs: &Vacuums) {
        self.vacuums.entry(table).or_default().merge(runs);
        while self.vacuums.len() > TABLES_MAX {
            let last = self.vacuums.pop_last();
            self.vacuums_elsewhere += last.map_or(0, |(_, vacuums)| vacuums.runs);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.records += other.records;
        self.connections.merge(&other.connections);
        for (mine, theirs) in self.failures.iter_mut().zip(other.failures) {
            *mine += theirs;
        }
        for (failed, count) in other.failed {
            *self.failed.entry(failed).or_default() += count;
        }
        let (all, by_wal, often) = other.checkpoints;
        let known = self.checkpoints;
        self.checkpoints = (known.0 + all, known.1 + by_wal, known.2 + often);
        let (count, sum, longest) = other.checkpoints_took;
        let known = self.checkpoints_took;
        self.checkpoints_took = (known.0 + count, known.1.saturating_add(sum), known.2.max(longest));
        self.vacuums_elsewhere += other.vacuums_elsewhere;
        for (table, vacuums) in other.vacuums {
            self.add_vacuums(table, &vacuums);
        }
    }

    pub(super) fn fold(&mut self, fold: impl Fn(ShapeRef) -> ShapeRef) {
        let mut folded: FxHashMap<(Failure, ShapeRef), u64> = FxHashMap::default();
        for ((failure, shape), count) in self.failed.drain() {
            *folded.entry((failure, fold(shape))).or_default() += count;
        }
        self.failed = folded;
    }

    /// How often something failed so.
    pub(crate) fn failures(&self, failure: Failure) -> u64 {
        self.failures[failure as usize]
    }

    /// Statements that failed so, in no meaningful order.
    pub(crate) fn failed(&self, failure: Failure) -> impl Iterator<Item = (ShapeRef, u64)> {
        let of = self.failed.iter().filter(move |((other, _), _)| *other == failure);
        of.map(|((_, shape), count)| (*shape, *count))
    }
}

impl Connections {
    fn merge(&mut self, other: &Self) {
        self.received += other.received;
        self.authorized += other.authorized;
        self.ended += other.ended;
        self.session_ns = self.session_ns.saturating_add(other.session_ns);
        self.between_ns = match (self.between_ns, other.between_ns) {
            ((0, 0), between_ns) | (between_ns, (0, 0)) => between_ns,
            ((from, to), (other_from, other_to)) => (from.min(other_from), to.max(other_to)),
        };
    }
}

impl Vacuums {
    fn merge(&mut self, other: &Self) {
        self.runs += other.runs;
        self.total_ns = self.total_ns.saturating_add(other.total_ns);
        self.longest_ns = self.longest_ns.max(other.longest_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_the_same_in_any_order() {
        let tables: Vec<String> = (0..TABLES_MAX + 300).map(|number| format!("t{number:05}")).collect();
        let count = |names: &mut dyn Iterator<Item = &String>| {
            let mut counts = Counts::default();
            for name in names {
                let table = name.as_bytes();
                counts.event(Event::Vacuumed { table, analyze: false, ns: 5 });
                counts.connection(table.len() as u64, Connection::Ended { session_ns: 7 });
                counts.failure(Failure::Deadlock, ShapeRef(3));
            }
            counts
        };
        let whole = count(&mut tables.iter());
        let mut parts = count(&mut tables.iter().rev().step_by(2));
        parts.merge(count(&mut tables.iter().rev().skip(1).step_by(2)));
        assert_eq!(parts.vacuums, whole.vacuums);
        assert_eq!((parts.connections, parts.failed), (whole.connections, whole.failed));
        assert_eq!((whole.vacuums_elsewhere, parts.vacuums_elsewhere), (300, 300));
    }
}
