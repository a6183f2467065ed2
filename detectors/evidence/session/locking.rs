//! What a session waited for and made others wait for: its waits for locks, the locks it was told to hold, and how
//! long its transactions were open without doing anything.

use super::Execution;
use crate::evidence::server::Held;
use crate::evidence::shape::sql::Verb;
use crate::evidence::{Dictionary, Failure, ShapeRef, SpanId, Symbol};

/// Times of lines are cut to milliseconds, and a lock is given back a little before the commit's line is written.
pub(super) const INEXACT_NS: u64 = 2_000_000;

/// Stands for the table where a lock is one that programs name by a number.
pub const NAMED_LOCK: &str = "advisory lock";

/// Pauses that are shorter are the way there and back.
const IDLE_MIN_NS: u64 = 10_000_000;

/// What the requests of a session have to do with locks; empty for traces.
#[derive(Debug, Clone, Default)]
pub struct Locking {
    /// Its waits for locks.
    pub waits: Vec<LockWait>,
    /// Locks of it that others waited for.
    pub holdings: Vec<Holding>,
    /// How long its transaction was open and idle, and after which operation.
    pub idle: Vec<(u32, u64)>,
}

/// A wait for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockWait {
    /// The line that tells of it first.
    pub line: SpanId,
    /// The statement that waited.
    pub shape: ShapeRef,
    /// What was locked; empty where that is not told.
    pub relation: Symbol,
    /// When it began.
    pub began_ns: u64,
    /// How long it was; at least, where its end was not logged.
    pub waited_ns: u64,
    /// It ended as a deadlock was found, for which its transaction was given up.
    pub given_up: bool,
}

/// A lock that another waited for while this request held it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// The line that tells of the wait.
    pub wait: SpanId,
    /// The process that held it.
    pub process: u64,
    /// The statement that seems to have taken it.
    pub took: ShapeRef,
    /// From the begin of the wait to the end of the transaction.
    pub held_ns: u64,
    /// Of this, the time without any statement.
    pub idle_ns: u64,
    /// The statement after which the longest part of that time was.
    pub after: ShapeRef,
    /// In the same time, the statement that ran longest, and how long.
    pub busy: (ShapeRef, u64),
    /// It waited itself, as this line tells.
    pub behind: Option<SpanId>,
    /// It was given up to end a deadlock.
    pub given_up: bool,
}

/// The executions of one request with the time that it was open.
pub(super) struct Open<'s> {
    pub(super) executions: &'s [Execution],
    /// Until when its transaction was open, as far as the log tells.
    pub(super) until_ns: u64,
    /// Whether that is until the session gives its named locks back: then it is about these alone.
    pub(super) is_sessions: bool,
}

impl Locking {
    pub(super) fn clear(&mut self) {
        self.waits.clear();
        self.holdings.clear();
        self.idle.clear();
    }

    /// Notes that nothing ran for a time after an operation of an open transaction.
    pub(super) fn pause(&mut self, operation: u32, idle_ns: u64) {
        if idle_ns >= IDLE_MIN_NS {
            self.idle.push((operation, idle_ns));
        }
    }

    /// Notes the locks of a request that others waited for. Its own waits have to be noted before.
    pub(super) fn hold(&mut self, process: u64, open: &Open<'_>, dictionary: &Dictionary) {
        let Some(first) = open.executions.first() else { return };
        let from_ns = super::begin_ns(first);
        let is_meant = |held: &&Held| !open.is_sessions || is_named(held.relation, dictionary);
        for held in dictionary.server().held_by(process, from_ns, open.until_ns).iter().filter(is_meant) {
            let behind = self.waits.iter().find(|wait| {
                let ended_ns = wait.began_ns.saturating_add(wait.waited_ns).saturating_add(INEXACT_NS);
                wait.began_ns <= held.told_ns && held.told_ns <= ended_ns
            });
            let behind = behind.map(|wait| wait.line);
            self.holdings.push(Holding { behind, ..open.holding(process, held, dictionary) });
        }
    }
}

/// The executions while the session keeps a named lock beyond the first `own` ones, which take it: to the one that
/// gives it back, or all. `None` where these take none, or nobody waits for it.
pub(super) fn kept_by_session<'s>(
    process: u64,
    executions: &'s [Execution],
    own: usize,
    dictionary: &Dictionary,
) -> Option<Open<'s>> {
    let held = dictionary.server().held_by(process, super::begin_ns(executions.first()?), u64::MAX);
    if !held.iter().take(KEPT_MAX).any(|held| is_named(held.relation, dictionary)) {
        return None;
    }
    let has = |execution: &Execution, name: &str| dictionary.shape(execution.span.shape).text.contains(name);
    let own_took = executions.get(..own)?.iter().rposition(|execution| has(execution, "advisory_lock"))?;
    let behind = executions.get(own_took + 1..)?.iter().take(KEPT_MAX);
    let Some(place) = behind.clone().position(|execution| has(execution, "advisory_unlock")) else {
        let executions = &executions[..=own_took + behind.len()];
        return Some(Open { executions, until_ns: u64::MAX, is_sessions: true });
    };
    let executions = &executions[..=own_took + 1 + place];
    let until_ns = executions.last()?.span.end_ns.saturating_add(INEXACT_NS);
    (executions.len() > own).then_some(Open { executions, until_ns, is_sessions: true })
}

/// Executions, or waits, that are looked through for what becomes of a lock.
pub(super) const KEPT_MAX: usize = 1_000;

fn is_named(relation: Symbol, dictionary: &Dictionary) -> bool {
    dictionary.text(relation) == NAMED_LOCK
}

impl Open<'_> {
    /// When it is over; where the log does not tell, a moment at which it was not.
    fn until_ns_or(&self, open_ns: u64) -> u64 {
        if self.until_ns == u64::MAX { open_ns } else { self.until_ns }
    }

    fn holding(&self, process: u64, held: &Held, dictionary: &Dictionary) -> Holding {
        let mut holding = Holding {
            wait: held.wait,
            process,
            took: self.took(held, dictionary),
            held_ns: self.until_ns_or(held.told_ns).saturating_sub(held.began_ns),
            idle_ns: 0,
            after: ShapeRef::default(),
            busy: (ShapeRef::default(), 0),
            behind: None,
            given_up: self.executions.iter().any(|it| it.span.status_code == Failure::Deadlock as u16),
        };
        let mut longest_ns = 0;
        for (place, execution) in self.executions.iter().enumerate() {
            let until_ns = || self.until_ns_or(held.told_ns);
            let next_ns = self.executions.get(place + 1).map_or_else(until_ns, super::begin_ns);
            let idle_ns = next_ns.saturating_sub(execution.span.end_ns.max(held.began_ns));
            if idle_ns >= IDLE_MIN_NS {
                holding.idle_ns = holding.idle_ns.saturating_add(idle_ns);
                if idle_ns > longest_ns {
                    (longest_ns, holding.after) = (idle_ns, execution.span.shape);
                }
            }
            let busy_ns = execution.span.end_ns.saturating_sub(super::begin_ns(execution).max(held.began_ns));
            if busy_ns > holding.busy.1 {
                holding.busy = (execution.span.shape, busy_ns);
            }
        }
        holding
    }

    /// The last statement before the wait began that writes or locks what is waited for; where none is known to, the
    /// last one that writes or locks anything.
    fn took(&self, held: &Held, dictionary: &Dictionary) -> ShapeRef {
        let begun_ns = held.began_ns.saturating_add(INEXACT_NS);
        let before = || self.executions.iter().filter(|it| super::begin_ns(it) <= begun_ns).rev();
        let relation = dictionary.text(held.relation);
        let locks_it = |execution: &&Execution| locks(execution.span.shape, Some(relation), dictionary);
        let locks_any = |execution: &&Execution| locks(execution.span.shape, None, dictionary);
        let took = before().find(locks_it).or_else(|| before().find(locks_any));
        took.map_or(ShapeRef::default(), |execution| execution.span.shape)
    }
}

/// Whether a statement takes locks that others wait for: of a table, or of any.
fn locks(shape: ShapeRef, table: Option<&str>, dictionary: &Dictionary) -> bool {
    let shape = dictionary.shape(shape);
    let Some(facts) = shape.facts.as_deref() else { return false };
    let takes = match facts.verb {
        Verb::Select => facts.locks || shape.text.contains("lock"),
        Verb::Transaction | Verb::Session => shape.text.contains("lock"),
        _ => true,
    };
    let is_about = |table: &str| {
        facts.tables.iter().chain(&facts.written).any(|name| name.rsplit('.').next() == Some(table))
    };
    takes
        && match table {
            Some(NAMED_LOCK) => shape.text.contains("advisory"),
            table => table.is_none_or(is_about),
        }
}
