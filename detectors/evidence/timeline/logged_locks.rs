//! What may wait for a lock that others hold, as a server's log tells that does not log such waits.

use super::locks::{LockedBy, ends_transaction};
use super::{Taken, Timelines};
use crate::docket::hash_of;
use crate::evidence::shape::sql::Verb;
use crate::evidence::{Dictionary, Execution, KnownBy, ShapeRef, Status, Symbol};

/// Statements of one transaction that are noted.
const TAKEN_MAX: usize = 256;

/// Locks that are held for less, with the wait for them, make nobody wait for long.
const HELD_MIN_NS: u64 = 10_000_000;

/// Times in logs are told by the millisecond.
const INEXACT_NS: u64 = 1_000_000;

/// Times of whole seconds do not tell what happens at once.
const SECOND_NS: u64 = 1_000_000_000;

/// Statements in logs that take locks, by time.
#[derive(Debug, Default)]
pub(crate) struct LoggedLocks {
    locked_by: LockedBy,
    pub(crate) timelines: Timelines,
}

impl LoggedLocks {
    /// Takes in what seems to be of one request of a session.
    pub(crate) fn add(&mut self, executions: &[Execution], dictionary: &Dictionary) {
        if dictionary.server().tells_of_waits() {
            return;
        }
        let transaction = Transaction::of(executions, dictionary);
        let mut noted: Vec<(Symbol, u64)> = Vec::new();
        for (place, execution) in executions.iter().enumerate().filter(|(_, it)| is_exact(it)) {
            let Some(locked) = self.locked_by.of(execution.span.shape, dictionary) else { continue };
            let taken = taken(locked, &executions[place..], transaction);
            if taken.last_ns - taken.start_ns < HELD_MIN_NS || noted.len() >= TAKEN_MAX {
                continue;
            }
            let first = transaction.is_none() || !noted.contains(&(taken.target, locked));
            noted.push((taken.target, locked));
            self.timelines.add_taken(Taken { first, ..taken });
        }
    }

    /// Adds what another one has taken in.
    pub(crate) fn merge(&mut self, other: Self) {
        self.timelines.merge(other.timelines);
    }
}

/// Whether it says when it began and ended, and may have waited meanwhile.
fn is_exact(execution: &Execution) -> bool {
    let Execution { span, known_by, locked_ns, .. } = execution;
    let is_timed = *known_by == KnownBy::Duration && span.status != Status::Error && *locked_ns == 0;
    is_timed && span.start_ns % SECOND_NS != 0 && span.end_ns % SECOND_NS != 0
}

/// What takes the lock with the first of some executions: a whole transaction, or that statement alone.
fn taken(locked: u64, executions: &[Execution], transaction: Option<Transaction>) -> Taken {
    let span = &executions[0].span;
    let alone = Transaction { id: span.id, end_ns: span.end_ns };
    let Transaction { id, end_ns } = transaction.unwrap_or(alone);
    // Whoever waited may be told of before the commit that it waited for.
    let last_ns = end_ns.saturating_sub(INEXACT_NS).max(span.end_ns);
    let behind = executions[1..].iter().filter(|_| transaction.is_some());
    let took_ns = |it: &Execution| it.span.end_ns - it.span.start_ns;
    let longest = behind.max_by_key(|it| (took_ns(it), it.span.id));
    let (beside, beside_ns) = longest.map_or_else(Default::default, |it| (it.span.shape, took_ns(it)));
    Taken {
        request: hash_of(id.into(), id),
        start_ns: span.start_ns,
        end_ns: span.end_ns,
        last_ns,
        request_end_ns: last_ns,
        shape: span.shape,
        code: Symbol::default(),
        target: span.target,
        locked,
        first: true,
        beside: if beside_ns == 0 { ShapeRef::default() } else { beside },
        beside_ns,
    }
}

/// A transaction whose begin is logged.
#[derive(Debug, Clone, Copy)]
struct Transaction {
    /// Its first line.
    id: u64,
    /// When it ended; where that is not logged, when its last statement did.
    end_ns: u64,
}

impl Transaction {
    /// The one that executions are, if they are one.
    fn of(executions: &[Execution], dictionary: &Dictionary) -> Option<Self> {
        let (first, last) = (executions.first()?, executions.last()?);
        let first_shape = dictionary.shape(first.span.shape);
        let verb = first_shape.facts.as_deref().map(|facts| facts.verb);
        let begins = verb == Some(Verb::Transaction) && !ends_transaction(first_shape);
        begins.then_some(Self { id: first.span.id, end_ns: last.span.end_ns })
    }
}
