//! What a server's log tells beside statements, noted while it is read and known before sessions are assembled.
//!
//! Who holds a lock is told by the session that waits, and what the holder did by its own: both meet here. Integers
//! only, bounded, and merged exactly in any order: of what exceeds a bound those with the smallest hashes are kept.

mod counts;
mod poolers;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

pub use self::counts::{Connection, Event};
pub(crate) use self::counts::{Connections, Counts};
pub use self::poolers::{Averages, PoolNow, PoolerLine, PoolerTotals};
pub(crate) use self::poolers::{PoolerCounts, Poolers};
use super::content_hash::{START, fnv_1a};
use super::{Failure, ShapeRef, SpanId, Symbol};

/// Waits of which it is noted who holds the lock; of more the report tells the time and not the holder.
const WAITS_MAX: usize = 20_000;

/// Deadlocks of which the statements of all sides are kept.
const DEADLOCKS_MAX: usize = 2_000;

/// Processes that are noted as holders of one lock.
pub const HOLDERS_MAX: usize = 4;

/// Everything that was noted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ServerEvents {
    waits: Kept<NotedWait>,
    /// Some line says how long something waited for a lock.
    tells_of_waits: bool,
    deadlocks: Kept<Box<[ShapeRef]>>,
    counts: Counts,
    poolers: Poolers,
    /// By process, when it was told to hold a lock that another waits for; in order of time.
    by_holder: FxHashMap<u64, Vec<Held>>,
}

/// A wait for a lock, as the line tells that says so first or again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotedWait {
    /// When it began, in nanoseconds since the Unix epoch, as exactly as the log's time.
    pub began_ns: u64,
    /// When the line was written.
    pub told_ns: u64,
    /// What is locked; empty where only its number is told.
    pub relation: Symbol,
    /// Processes that hold the lock ([`super::Span::parent`] of their lines); zero behind the last one.
    pub holders: [u64; HOLDERS_MAX],
}

/// That a process holds a lock which another waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    pub(crate) told_ns: u64,
    pub(crate) began_ns: u64,
    /// The line that says so.
    pub(crate) wait: SpanId,
    pub(crate) relation: Symbol,
}

impl ServerEvents {
    /// Notes a wait by the line that tells of it.
    pub fn wait(&mut self, line: SpanId, wait: NotedWait) {
        self.waits.add(line, wait, WAITS_MAX);
    }

    /// Notes that a line says how long something waited for a lock.
    pub fn lock_wait(&mut self) {
        self.tells_of_waits = true;
    }

    /// Notes the statements of all sides of a deadlock by the line of the one that was given up.
    pub fn deadlock(&mut self, line: SpanId, statements: Box<[ShapeRef]>) {
        self.deadlocks.add(line, statements, DEADLOCKS_MAX);
    }

    /// Counts a record of a server that may log connections.
    pub fn record(&mut self) {
        self.counts.records += 1;
    }

    /// Counts what a line tells of a connection.
    pub fn connection(&mut self, at_ns: u64, connection: Connection) {
        self.counts.connection(at_ns, connection);
    }

    /// Counts what the server does by itself.
    pub fn event(&mut self, event: Event<'_>) {
        self.counts.event(event);
    }

    /// Counts that something failed, and the statement that did, if it was one.
    pub fn failure(&mut self, failure: Failure, statement: ShapeRef) {
        self.counts.failure(failure, statement);
    }

    /// Notes what a line of a pooler's log tells.
    pub fn pooler_line(&mut self, log: &str, at_ns: u64, line: PoolerLine) {
        self.poolers.line(log, at_ns, line);
    }

    /// Notes what a pooler has counted for a database.
    pub fn pooler_totals(&mut self, database: &str, totals: PoolerTotals) {
        self.poolers.totals(database, totals);
    }

    /// Notes how a pool is.
    pub fn pool_now(&mut self, database: &str, user: &str, now: PoolNow) {
        self.poolers.now(database, user, now);
    }

    /// Whether a pooler told anything, which is evidence without any request.
    pub fn tells_of_poolers(&self) -> bool {
        !self.poolers.is_empty()
    }

    /// Whether waits for locks are told, so that none has to be inferred.
    pub(crate) fn tells_of_waits(&self) -> bool {
        self.tells_of_waits
    }

    /// What poolers told.
    pub(crate) fn poolers(&self) -> &Poolers {
        &self.poolers
    }

    /// What was counted.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Adds what another worker has noted.
    pub fn merge(&mut self, other: Self) {
        self.waits.merge(other.waits, WAITS_MAX);
        self.tells_of_waits |= other.tells_of_waits;
        self.deadlocks.merge(other.deadlocks, DEADLOCKS_MAX);
        self.counts.merge(other.counts);
        self.poolers.merge(other.poolers);
    }

    /// Ends the noting; `fold` gives the shape that a shape has become.
    pub fn settle(&mut self, fold: impl Fn(ShapeRef) -> ShapeRef) {
        for (wait, noted) in self.waits.iter() {
            for holder in noted.holders.iter().filter(|holder| **holder != 0) {
                self.by_holder.entry(*holder).or_default().push(Held {
                    told_ns: noted.told_ns,
                    began_ns: noted.began_ns,
                    wait,
                    relation: noted.relation,
                });
            }
        }
        self.by_holder.values_mut().for_each(|held| held.sort_unstable());
        self.counts.fold(&fold);
        for statements in self.deadlocks.by_hash.values_mut() {
            statements.iter_mut().for_each(|shape| *shape = fold(*shape));
        }
    }

    /// Locks that a process was told to hold from one moment until before another.
    pub(crate) fn held_by(&self, process: u64, from_ns: u64, until_ns: u64) -> &[Held] {
        let held = self.by_holder.get(&process).map_or(&[][..], Vec::as_slice);
        let first = held.partition_point(|held| held.told_ns < from_ns);
        let behind = held.partition_point(|held| held.told_ns < until_ns);
        held.get(first..behind).unwrap_or_default()
    }

    /// Whether a wait is among those that are kept.
    pub(crate) fn keeps_wait(&self, line: SpanId) -> bool {
        self.waits.get(line).is_some()
    }

    /// The statements of all sides of a deadlock.
    pub(crate) fn deadlock_of(&self, line: SpanId) -> Option<&[ShapeRef]> {
        self.deadlocks.get(line).map(|statements| &**statements)
    }
}

/// Those with the smallest hashes of all that were added.
#[derive(Debug, PartialEq, Eq)]
struct Kept<T> {
    by_hash: BTreeMap<(u64, SpanId), T>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { by_hash: BTreeMap::new() }
    }
}

impl<T> Kept<T> {
    fn add(&mut self, line: SpanId, value: T, limit: usize) {
        self.by_hash.insert((hash(line), line), value);
        self.cut(limit);
    }

    fn merge(&mut self, other: Self, limit: usize) {
        self.by_hash.extend(other.by_hash);
        self.cut(limit);
    }

    fn cut(&mut self, limit: usize) {
        while self.by_hash.len() > limit {
            self.by_hash.pop_last();
        }
    }

    fn get(&self, line: SpanId) -> Option<&T> {
        self.by_hash.get(&(hash(line), line))
    }

    fn iter(&self) -> impl Iterator<Item = (SpanId, &T)> {
        self.by_hash.iter().map(|((_, line), value)| (*line, value))
    }
}

fn hash(line: SpanId) -> u64 {
    fnv_1a(START, line.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(number: u64) -> NotedWait {
        NotedWait {
            began_ns: number,
            told_ns: number + 5,
            relation: Symbol::default(),
            holders: [7, 0, 0, 0],
        }
    }

    #[test]
    fn keeps_the_same_waits_in_any_order() {
        let lines: Vec<u64> = (1..=WAITS_MAX as u64 + 500).collect();
        let mut whole = ServerEvents::default();
        lines.iter().for_each(|line| whole.wait(*line, noted(*line)));
        let (mut one, mut other) = (ServerEvents::default(), ServerEvents::default());
        for line in lines.iter().rev() {
            let half = if line % 3 == 0 { &mut one } else { &mut other };
            half.wait(*line, noted(*line));
        }
        one.merge(other);
        assert_eq!(one.waits.by_hash, whole.waits.by_hash);
        assert_eq!(one.waits.by_hash.len(), WAITS_MAX);
    }

    #[test]
    fn holders_are_found_by_time() {
        let mut events = ServerEvents::default();
        [30, 10, 20].into_iter().for_each(|line| events.wait(line, noted(line)));
        events.settle(|shape| shape);
        let held: Vec<u64> = events.held_by(7, 15, 35).iter().map(|held| held.wait).collect();
        assert_eq!(held, [10, 20]);
        assert!(events.held_by(8, 0, u64::MAX).is_empty());
        assert!(events.keeps_wait(30) && !events.keeps_wait(31));
    }
}
