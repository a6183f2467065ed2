//! Who waited for whose lock, as logs of servers tell: waits and what their holders did, put together when all
//! sessions are known.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::docket::{Docket, EndpointKey, LockTally};
use crate::evidence::{Dictionary, Holding, LockWait, ShapeRef, SpanId};

/// Who holds a lock may wait itself; longer chains are cut.
const CHAIN_MAX: usize = 16;

/// What statements waited for, and transactions that did nothing meanwhile.
#[derive(Debug, Default)]
pub struct Blockings {
    by_statement: FxHashMap<ShapeRef, Blocked>,
    idle: FxHashMap<(EndpointKey, ShapeRef), Idle>,
}

/// What one statement waited for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Blocked {
    /// How many of its executions waited.
    pub waits: u64,
    /// How long all of them together.
    pub total_ns: u64,
    /// What was locked, with the time of the waits of which it is told; the longest first.
    pub relations: Vec<(Box<str>, u64)>,
    /// Statements that had taken the lock, with the time that was waited for them; the longest first.
    pub holders: Vec<(ShapeRef, u64)>,
    /// What ran while the lock was held, and how long; the longest first.
    pub busy: Vec<(ShapeRef, u64)>,
    /// Their time while the transaction held the lock that was told to, where its statements are in the log.
    pub known_ns: u64,
    /// Of that, while the holder's transaction was open and idle.
    pub idle_ns: u64,
    /// Of that, for transactions that were given up in a deadlock.
    pub deadlocked_ns: u64,
}

/// Transactions that hold a lock and do nothing after a statement.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Idle {
    /// How long others waited while the transaction was idle.
    pub waited_ns: u64,
    /// The longest of these waits.
    pub longest_ns: u64,
    /// Whose time that was, by endpoint.
    pub endpoints: Vec<(EndpointKey, u64)>,
    /// Statements that waited, the longest first.
    pub statements: Vec<(ShapeRef, u64)>,
}

impl Blockings {
    /// Puts all together. Asked once, when everything is merged.
    pub fn of(docket: &Docket, dictionary: &Dictionary) -> Self {
        let locks = &docket.locks;
        let mut statements: FxHashMap<ShapeRef, Sums> = FxHashMap::default();
        let mut idle: FxHashMap<(EndpointKey, ShapeRef), IdleSums> = FxHashMap::default();
        for (wait, waiting) in locks.waits.values() {
            let sums = statements.entry(wait.shape).or_default();
            let relation = dictionary.text(wait.relation);
            if !relation.is_empty() {
                add(&mut sums.relations, relation, wait.waited_ns);
            }
            let Some((holding, holder)) = holder_of(locks, wait, dictionary) else { continue };
            // Behind it others may have held the lock: of them it is not told.
            let known_ns = wait.waited_ns.min(holding.held_ns);
            let idle_ns = holding.idle_ns.min(known_ns);
            sums.known_ns += known_ns;
            sums.idle_ns += idle_ns;
            sums.deadlocked_ns += if holding.given_up { known_ns } else { 0 };
            add(&mut sums.holders, holding.took, known_ns);
            add(&mut sums.busy, holding.busy.0, holding.busy.1.min(known_ns));
            if idle_ns > 0 && idle_ns * 2 >= known_ns {
                let of = idle.entry((*holder, holding.after)).or_default();
                of.waited_ns += idle_ns;
                of.longest_ns = of.longest_ns.max(idle_ns);
                *of.endpoints.entry(*waiting).or_default() += idle_ns;
                add(&mut of.statements, wait.shape, idle_ns);
            }
        }
        let by_statement = locks.by_statement.iter().map(|(shape, (waits, total_ns))| {
            let sums = statements.remove(shape).unwrap_or_default();
            (*shape, sums.blocked((*waits, *total_ns), dictionary))
        });
        Self {
            by_statement: by_statement.collect(),
            idle: idle.into_iter().map(|(key, sums)| (key, sums.idle(dictionary))).collect(),
        }
    }

    /// What a statement waited for.
    pub(crate) fn confirms(&self, shape: ShapeRef) -> Option<&Blocked> {
        self.by_statement.get(&shape)
    }

    /// Waits for transactions of an endpoint that do nothing after a statement.
    pub(crate) fn idle(&self, endpoint: EndpointKey, after: ShapeRef) -> Option<&Idle> {
        self.idle.get(&(endpoint, after))
    }
}

impl Idle {
    /// How long a statement waited for it.
    pub(crate) fn waited_by(&self, shape: ShapeRef) -> u64 {
        self.statements.iter().find(|(waited, _)| *waited == shape).map_or(0, |(_, waited_ns)| *waited_ns)
    }
}

#[derive(Default)]
struct Sums<'d> {
    relations: FxHashMap<&'d str, u64>,
    holders: FxHashMap<ShapeRef, u64>,
    busy: FxHashMap<ShapeRef, u64>,
    known_ns: u64,
    idle_ns: u64,
    deadlocked_ns: u64,
}

impl Sums<'_> {
    fn blocked(self, (waits, total_ns): (u64, u64), dictionary: &Dictionary) -> Blocked {
        let mut relations: Vec<(Box<str>, u64)> =
            self.relations.into_iter().map(|(name, ns)| (name.into(), ns)).collect();
        relations.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        Blocked {
            waits,
            total_ns,
            relations,
            holders: longest_first(self.holders, dictionary),
            busy: longest_first(self.busy, dictionary),
            known_ns: self.known_ns,
            idle_ns: self.idle_ns,
            deadlocked_ns: self.deadlocked_ns,
        }
    }
}

#[derive(Default)]
struct IdleSums {
    waited_ns: u64,
    longest_ns: u64,
    endpoints: FxHashMap<EndpointKey, u64>,
    statements: FxHashMap<ShapeRef, u64>,
}

impl IdleSums {
    fn idle(self, dictionary: &Dictionary) -> Idle {
        Idle {
            waited_ns: self.waited_ns,
            longest_ns: self.longest_ns,
            endpoints: self.endpoints.into_iter().collect(),
            statements: longest_first(self.statements, dictionary),
        }
    }
}

fn add<K: std::hash::Hash + Eq>(sums: &mut FxHashMap<K, u64>, key: K, ns: u64) {
    let sum = sums.entry(key).or_default();
    *sum = sum.saturating_add(ns);
}

/// Statements that are known, the one with most time first.
fn longest_first(sums: FxHashMap<ShapeRef, u64>, dictionary: &Dictionary) -> Vec<(ShapeRef, u64)> {
    let known = sums.into_iter().filter(|(shape, ns)| *shape != ShapeRef::default() && *ns > 0);
    let mut sorted: Vec<(ShapeRef, u64)> = known.collect();
    sorted.sort_by_cached_key(|(shape, ns)| (Reverse(*ns), dictionary.shape(*shape).text.to_string()));
    sorted
}

/// Who held a lock in the end: holders that waited themselves lead to theirs. `None` where that is not in the log.
fn holder_of<'t>(
    locks: &'t LockTally,
    wait: &LockWait,
    dictionary: &Dictionary,
) -> Option<&'t (Holding, EndpointKey)> {
    let mut found = longest_of(&locks.holdings, wait.line, dictionary)?;
    for _ in 0..CHAIN_MAX {
        let Some(line) = found.0.behind else { break };
        match longest_of(&locks.holdings, line, dictionary) {
            Some(next) => found = next,
            None if waits_mostly(locks, &found.0, line) => return None,
            None => break,
        }
    }
    Some(found)
}

/// Whether a holder waited itself for most of the time that it held the lock, as a line tells.
fn waits_mostly(locks: &LockTally, holding: &Holding, line: SpanId) -> bool {
    locks.waits.get(&line).is_some_and(|(wait, _)| wait.waited_ns.saturating_mul(2) >= holding.held_ns)
}

/// Of the holders of one lock the one that kept it longest.
fn longest_of<'t>(
    holdings: &'t BTreeMap<(SpanId, u64), (Holding, EndpointKey)>,
    wait: SpanId,
    dictionary: &Dictionary,
) -> Option<&'t (Holding, EndpointKey)> {
    let of_wait = holdings.range((wait, 0)..=(wait, u64::MAX)).map(|(_, holding)| holding);
    of_wait.max_by_key(|(holding, _)| {
        (holding.idle_ns.saturating_add(holding.busy.1), &dictionary.shape(holding.took).text)
    })
}
