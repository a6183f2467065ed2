//! What logs of servers tell of locks: how long statements waited, and what was done while a lock was held.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::EndpointKey;
use crate::evidence::trace::{Request, Trace};
use crate::evidence::{Dictionary, Holding, Kind, LockWait, ShapeRef, SpanId};

/// Waits and holdings of all sessions.
#[derive(Debug, Default)]
pub(crate) struct LockTally {
    /// By statement: how many executions waited, and for how long together.
    pub(crate) by_statement: FxHashMap<ShapeRef, (u64, u64)>,
    /// Waits of which it is noted who held the lock, as many as the server's events keep; by the line that tells of each.
    pub(crate) waits: BTreeMap<SpanId, (LockWait, EndpointKey)>,
    /// What the holders did, by wait and process.
    pub(crate) holdings: BTreeMap<(SpanId, u64), (Holding, EndpointKey)>,
}

impl LockTally {
    /// Takes in what a request of a session had to do with locks.
    pub(crate) fn add(&mut self, trace: &Trace, request: &Request, dictionary: &Dictionary) {
        let endpoint = EndpointKey::of(request, dictionary);
        for wait in trace.operations_of(request).iter().filter(|wait| wait.kind == Kind::LockWait) {
            let statement = trace.operations.get(wait.parent as usize);
            let Some(statement) = statement.filter(|statement| !statement.is_given_up()) else { continue };
            let (waits, total_ns) = self.by_statement.entry(statement.shape).or_default();
            (*waits, *total_ns) = (*waits + 1, total_ns.saturating_add(wait.duration_ns()));
        }
        // Who was given up waited for nobody who gives a lock back.
        for wait in trace.locking.waits.iter().filter(|wait| !wait.given_up) {
            if dictionary.server().keeps_wait(wait.line) {
                self.waits.insert(wait.line, (*wait, endpoint));
            }
        }
        for holding in &trace.locking.holdings {
            // The request that took a lock which the session keeps is the first that tells of it.
            self.holdings.entry((holding.wait, holding.process)).or_insert((*holding, endpoint));
        }
    }

    /// Adds what another one has taken in; each wait and each holding is one session's.
    pub(crate) fn merge(&mut self, other: Self) {
        for (shape, (waits, total_ns)) in other.by_statement {
            let known = self.by_statement.entry(shape).or_default();
            *known = (known.0 + waits, known.1.saturating_add(total_ns));
        }
        self.waits.extend(other.waits);
        self.holdings.extend(other.holdings);
    }
}
