//! Locks that several requests want at once: one holds them, and the others' statements wait.
//!
//! A lock is taken for a pool of one. When it is given back is not recorded: after the statement, with its
//! transaction or with the request, whichever explains the waits. Who waits for it ends its statement a little
//! after that: the commit has to arrive, and the answer to come back. This lag is the same each time, whatever
//! the wait; where there is no lock, statements end at any time after another's. And while one waits, another holds
//! the lock: where a server stands still for all and then answers all of them, nobody does.

mod few;

use rustc_hash::FxHashMap;

use super::pool::{Held, Holding, Moment, Pool, holders, used_during_waits};
use crate::evidence::timeline::{Noted, Record, Taken, Timelines, WAIT_MIN_NS, WINDOW_NS};
use crate::evidence::{Dictionary, ShapeRef, Symbol};

/// Times are inexact where a statement takes longer than usual: two seem to hold the lock then.
const NOISE: u64 = 250;
/// While they wait another one holds the lock for this share of the time, per mille.
const HELD_MIN: u64 = 500;
/// Of fewer statements that ran alone the median says little: the fastest of all is taken.
const ALONE_MIN: usize = 3;

/// A lock that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contention {
    /// The database; of code the instance.
    pub target: Symbol,
    /// The service and the span of its code that waits for it; `None` where statements do.
    pub code: Option<(Symbol, Symbol)>,
    /// Statements that wait for it: what each takes without waiting. Of code one without a shape.
    pub waiting: Vec<(ShapeRef, u64)>,
    /// Until when it is held.
    pub held: Held,
    /// How long it is held on average.
    pub hold_mean_ns: u64,
    /// What it is held for, with its share of the time, per mille; the largest first.
    pub holders: Vec<(Holding, u64)>,
    /// Waits that were seen.
    pub waits: u64,
    /// Share of their time that ends when another request gives the lock back, per mille.
    pub explained: u64,
    /// What this share would be by chance.
    pub by_chance: u64,
    /// How many statements ran without waiting.
    pub alone: u64,
    /// What tells of it.
    pub told_by: ToldBy,
}

/// What tells of a lock that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldBy {
    /// Requests of traces.
    Traces,
    /// Transactions of a log.
    Log,
    /// A few of them, each of which ends as one transaction does that held the lock meanwhile.
    LogOfFew,
}

/// All locks that are waited for.
#[derive(Debug, Default)]
pub struct Contentions(Vec<Contention>);

impl Contentions {
    /// The lock that a statement waits for, and what the statement takes without waiting.
    pub(crate) fn confirms(&self, shape: ShapeRef) -> Option<(&Contention, u64)> {
        self.0.iter().find_map(|contention| {
            let waiting = contention.waiting.iter().find(|(waiting, _)| *waiting == shape)?;
            Some((contention, waiting.1))
        })
    }

    /// The lock that a span of a service's code waits for, and what the span takes without waiting.
    pub(crate) fn confirms_code(&self, service: Symbol, name: Symbol) -> Option<(&Contention, u64)> {
        let contention = self.0.iter().find(|contention| contention.code == Some((service, name)))?;
        Some((contention, contention.waiting.first()?.1))
    }

    /// Looks for locks that are waited for. Asked once, when everything is merged. Locks are of a database: what
    /// all its clients did at a time is put together.
    pub fn of(timelines: &Timelines, dictionary: &Dictionary) -> Self {
        Self::told(timelines, dictionary, |target, windows| Contention::of(target, windows, dictionary))
    }

    /// The same for what logs tell that do not tell of waits. What holds a lock there is a transaction or a statement,
    /// so that a few waits tell something.
    pub(crate) fn of_log(timelines: &Timelines, dictionary: &Dictionary) -> Self {
        Self::told(timelines, dictionary, |target, windows| {
            let few = few::contention(target, &windows);
            let found = Contention::of(target, windows, dictionary);
            found.map(|found| Contention { told_by: ToldBy::Log, ..found }).or(few)
        })
    }

    fn told(
        timelines: &Timelines,
        dictionary: &Dictionary,
        contention: impl Fn(Symbol, Vec<Numbered>) -> Option<Contention>,
    ) -> Self {
        let mut by_lock: FxHashMap<(Symbol, u64), OfLock> = FxHashMap::default();
        for window in timelines.windows() {
            for taken in &window.taken {
                let of_lock = by_lock.entry((taken.target, taken.locked)).or_default();
                of_lock.code = of_lock
                    .code
                    .or((taken.code != Symbol::default()).then_some((window.service, taken.code)));
                of_lock.by_number.entry(window.number).or_default().push(*taken);
            }
        }
        let found = by_lock.into_iter().filter_map(|((target, _), of_lock)| {
            let found = contention(target, of_lock.by_number.into_iter().collect())?;
            Some(Contention { code: of_lock.code, ..found })
        });
        let mut found: Vec<Contention> = found.collect();
        found.sort_by_cached_key(|it| {
            let text = |shape: ShapeRef| dictionary.shape(shape).text.to_string();
            let name = |symbol: Symbol| dictionary.text(symbol).to_owned();
            (
                std::cmp::Reverse(it.waits),
                it.waiting.iter().map(|(shape, _)| text(*shape)).collect::<Vec<_>>(),
                it.code.map(|(service, code)| (name(service), name(code))),
                name(it.target),
            )
        });
        Self(found)
    }
}

/// Everything that takes one lock.
#[derive(Default)]
struct OfLock {
    code: Option<(Symbol, Symbol)>,
    by_number: FxHashMap<u64, Vec<Taken>>,
}

/// The number of a window and the statements in it that take one lock.
type Numbered = (u64, Vec<Taken>);

impl Contention {
    fn of(target: Symbol, mut windows: Vec<Numbered>, dictionary: &Dictionary) -> Option<Self> {
        windows.sort_by_key(|(number, _)| *number);
        let alone = Alone::of(&windows);
        let mut tried = Held::ALL.into_iter().filter(|held| is_possible(&windows, *held));
        let (pool, lag_ns) = tried.find_map(|held| proven(&windows, held))?;
        let holds = pool.holds_ns.len() as u64;
        let alone_ns = |of_shape: &OfShape| of_shape.typical_ns.min(lag_ns.max(QUICK_NS));
        let mut waiting: Vec<(ShapeRef, u64)> =
            alone.by_shape.iter().map(|(shape, of_shape)| (*shape, alone_ns(of_shape))).collect();
        waiting.sort_by_cached_key(|(shape, _)| dictionary.shape(*shape).text.to_string());
        Some(Self {
            target,
            code: None,
            waiting,
            held: pool.held,
            hold_mean_ns: pool.holds_ns.iter().sum::<u64>() / holds.max(1),
            holders: holders(pool.by_holding, dictionary),
            waits: pool.explained.waits,
            explained: pool.explained.share(),
            by_chance: pool.explained.by_chance,
            alone: alone.by_shape.values().map(|alone| alone.statements).sum(),
            told_by: ToldBy::Traces,
        })
    }
}

/// Whether a lock can be given back so: a row stays locked until its transaction ends. Where statements follow,
/// others that end meanwhile have locked other rows.
fn is_possible(windows: &[Numbered], held: Held) -> bool {
    if held != Held::EachStatement {
        return true;
    }
    let all = || windows.iter().flat_map(|(_, taken)| taken);
    let followed = all().filter(|it| it.last_ns > it.end_ns).count();
    followed * 2 < all().count()
}

/// The pool of one that a lock would be, if it explains the waits, and how long after it is given back those
/// that waited end their statement.
fn proven(windows: &[Numbered], held: Held) -> Option<(Pool, u64)> {
    let lag_ns = lag(windows, held)?;
    let moments = windows.iter().filter_map(|(number, taken)| {
        Moment::of(*number, taken.iter().flat_map(|it| it.records(*number, lag_ns)).collect())
    });
    let moments: Vec<Moment> = moments.collect();
    let pool = Pool::of(&moments, &[held], NOISE)?;
    let mostly_waits = pool.explained.wait_ns >= pool.explained.waits.saturating_mul(2 * lag_ns);
    (pool.size == 1 && mostly_waits && used_during_waits(&moments, held) >= HELD_MIN)
        .then_some((pool, lag_ns))
}

/// Statements shorter than this do not wait, or not long enough to tell.
const LONG_NS: u64 = 10_000_000;

/// No statement is expected to be quicker: a round trip within one data centre.
const QUICK_NS: u64 = 500_000;

/// Of the lags, per mille, so many are shorter than the one that is taken: late ones vary more.
const LAG_RANK: usize = 300;

/// How long after the lock is given back those that waited end their statement.
fn lag(windows: &[Numbered], held: Held) -> Option<u64> {
    let all = || windows.iter().flat_map(|(_, taken)| taken);
    let mut released: Vec<(u64, u64)> = all().map(|it| (it.released_ns(held), it.request)).collect();
    released.sort_unstable();
    released.dedup();
    let waited = all().filter(|it| it.first && it.end_ns - it.start_ns >= LONG_NS);
    let mut lags: Vec<u64> = waited
        .filter_map(|it| {
            let until = released.partition_point(|(released_ns, _)| *released_ns <= it.end_ns);
            let before = released[..until].iter().rev().take(RELEASES_MAX);
            let (released_ns, _) =
                before.take_while(|last| last.0 > it.start_ns).find(|(_, request)| *request != it.request)?;
            Some(it.end_ns - released_ns)
        })
        .collect();
    lags.sort_unstable();
    lags.get(lags.len() * LAG_RANK / 1000).copied()
}

/// Releases that are looked at for one wait.
const RELEASES_MAX: usize = 16;

/// What statements take that nobody else makes wait.
struct Alone {
    by_shape: FxHashMap<ShapeRef, OfShape>,
}

struct OfShape {
    typical_ns: u64,
    statements: u64,
}

impl Alone {
    fn of(windows: &[Numbered]) -> Self {
        let mut durations: FxHashMap<ShapeRef, Durations> = FxHashMap::default();
        for (number, taken) in windows {
            let mut taken: Vec<&Taken> = taken.iter().collect();
            taken.sort_by_key(|it| (it.start_ns, it.end_ns, it.request));
            let mut wanted_until_ns = 0;
            for it in taken {
                let duration_ns = it.end_ns - it.start_ns;
                let of_shape = durations.entry(it.shape).or_default();
                of_shape.fastest_ns = of_shape.fastest_ns.min(duration_ns);
                if it.start_ns >= wanted_until_ns && it.start_ns / WINDOW_NS == *number {
                    of_shape.alone_ns.push(duration_ns);
                }
                wanted_until_ns = wanted_until_ns.max(it.last_ns);
            }
        }
        Self {
            by_shape: durations.into_iter().map(|(shape, durations)| (shape, durations.typical())).collect(),
        }
    }
}

/// How long statements of one shape took.
struct Durations {
    /// Of those that began while nobody else wanted the lock.
    alone_ns: Vec<u64>,
    fastest_ns: u64,
}

impl Default for Durations {
    fn default() -> Self {
        Self { alone_ns: Vec::new(), fastest_ns: u64::MAX }
    }
}

impl Durations {
    fn typical(mut self) -> OfShape {
        self.alone_ns.sort_unstable();
        let statements = self.alone_ns.len();
        let typical_ns = if statements < ALONE_MIN { self.fastest_ns } else { self.alone_ns[statements / 2] };
        OfShape { typical_ns, statements: statements as u64 }
    }
}

impl Taken {
    fn released_ns(&self, held: Held) -> u64 {
        match held {
            Held::EachStatement => self.end_ns,
            Held::FirstToLast => self.last_ns,
            Held::ToTheEnd => self.request_end_ns,
        }
    }

    /// The statement as if the lock were a connection, which it takes when it is given back by another.
    fn records(&self, number: u64, lag_ns: u64) -> impl Iterator<Item = Record> {
        let taken_ns = self.end_ns.saturating_sub(lag_ns).max(self.start_ns);
        let record = |noted, (start_ns, end_ns): (u64, u64)| Record {
            request: self.request,
            start_ns,
            end_ns,
            request_end_ns: self.request_end_ns,
            busy_ns: self.beside_ns,
            beside_ns: 0,
            shape: self.beside,
            beside: ShapeRef::default(),
            target: self.target,
            noted,
        };
        let each = record(Noted::Use, (taken_ns, self.end_ns));
        let hold = self.first.then(|| record(Noted::Hold, (taken_ns, self.last_ns)));
        let ends_here = taken_ns / WINDOW_NS == number;
        let wait = (self.first && ends_here && taken_ns - self.start_ns >= WAIT_MIN_NS)
            .then(|| record(Noted::Wait, (self.start_ns, taken_ns)));
        [Some(each), hold, wait].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests;
