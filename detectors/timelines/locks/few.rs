//! A lock of which a log shows too few waits for a pool: each ends as another transaction does that held the lock for
//! most of it.

use rustc_hash::FxHashMap;

use super::{Contention, Held, Holding, LONG_NS, Numbered, ToldBy};
use crate::evidence::timeline::Taken;
use crate::evidence::{ShapeRef, Symbol};
use crate::timelines::{is_beyond_chance, per_mille};

/// Fewer waits are a chance.
const WAITS_MIN: u64 = 3;

/// So much of the time of long statements must be waits, per mille.
const EXPLAINED_MIN: u64 = 800;

/// From the end of a transaction to that of the statement that waited for it: waking up, and doing what it does.
const HAND_OVER_NS: u64 = 10_000_000;

/// Times are told by the millisecond, on both sides.
const INEXACT_NS: u64 = 2_000_000;

/// A transaction, or a statement alone, that held the lock.
#[derive(Debug, Clone, Copy)]
struct Hold {
    request: u64,
    /// When it had the lock, and when it gave it back.
    from_ns: u64,
    until_ns: u64,
    /// The longest statement meanwhile.
    beside: (ShapeRef, u64),
}

/// What a few waits show.
pub(super) fn contention(target: Symbol, windows: &[Numbered]) -> Option<Contention> {
    let taken = once(windows);
    let holds = holds(&taken);
    let long = || taken.iter().filter(|it| it.first && it.end_ns - it.start_ns >= LONG_NS);
    let waits: Vec<(&Taken, Hold)> = long().filter_map(|it| Some((it, waited_for(it, &holds)?))).collect();
    let took_ns = |it: &Taken| it.end_ns - it.start_ns;
    let explained_ns: u64 = waits.iter().map(|(taken, _)| took_ns(taken)).sum();
    let explained = per_mille(explained_ns, long().map(took_ns).sum());
    let by_chance = by_chance(&taken, &holds);
    let (ended, all) = (waits.len() as u64, long().count() as u64);
    if ended < WAITS_MIN || explained < EXPLAINED_MIN || !is_beyond_chance(ended, all, by_chance) {
        return None;
    }
    let holds: Vec<Hold> = waits.iter().map(|(_, hold)| *hold).collect();
    let hold_ns: u64 = holds.iter().map(|hold| hold.until_ns - hold.from_ns).sum();
    Some(Contention {
        target,
        code: None,
        waiting: shapes(&waits),
        held: Held::FirstToLast,
        hold_mean_ns: hold_ns / ended,
        holders: holder(&holds, hold_ns),
        waits: ended,
        explained,
        by_chance,
        alone: 0,
        told_by: ToldBy::LogOfFew,
    })
}

/// Everything that takes the lock, each once, though it touches several windows.
fn once(windows: &[Numbered]) -> Vec<Taken> {
    let mut taken: Vec<Taken> = windows.iter().flat_map(|(_, taken)| taken.iter().copied()).collect();
    taken.sort_by_key(|it| (it.start_ns, it.end_ns, it.request));
    taken.dedup_by_key(|it| (it.start_ns, it.end_ns, it.request));
    taken
}

/// Those that held the lock for some time, by when they gave it back.
fn holds(taken: &[Taken]) -> Vec<Hold> {
    let held = taken.iter().filter(|it| it.first && it.last_ns - it.end_ns >= LONG_NS);
    let mut holds: Vec<Hold> = held
        .map(|it| Hold {
            request: it.request,
            from_ns: it.end_ns,
            until_ns: it.last_ns,
            beside: (it.beside, it.beside_ns),
        })
        .collect();
    holds.sort_by_key(|hold| (hold.until_ns, hold.from_ns, hold.request));
    holds
}

/// The transaction that ended just before a statement did, and held the lock for most of the statement's time.
fn waited_for(taken: &Taken, holds: &[Hold]) -> Option<Hold> {
    let until = holds.partition_point(|hold| hold.until_ns <= taken.end_ns.saturating_add(INEXACT_NS));
    let since_ns = taken.end_ns.saturating_sub(HAND_OVER_NS);
    let near = holds[..until].iter().rev().take_while(|hold| hold.until_ns >= since_ns);
    let longest = near.filter(|hold| hold.request != taken.request && hold.from_ns < taken.end_ns);
    let during_ns =
        |hold: &Hold| taken.end_ns.min(hold.until_ns).saturating_sub(taken.start_ns.max(hold.from_ns));
    let hold = longest.max_by_key(|hold| (during_ns(hold), hold.request))?;
    (during_ns(hold).saturating_mul(2) >= taken.end_ns - taken.start_ns).then_some(*hold)
}

/// The share of the time, per mille, at which a statement that ends seems to have waited.
fn by_chance(taken: &[Taken], holds: &[Hold]) -> u64 {
    let first_ns = taken.iter().map(|it| it.start_ns).min().unwrap_or(0);
    let last_ns = taken.iter().map(|it| it.last_ns).max().unwrap_or(0);
    let covered_ns = (holds.len() as u64).saturating_mul(HAND_OVER_NS + INEXACT_NS);
    per_mille(covered_ns, last_ns.saturating_sub(first_ns)).min(1_000)
}

/// The statements that waited; what they take otherwise is known elsewhere.
fn shapes(waits: &[(&Taken, Hold)]) -> Vec<(ShapeRef, u64)> {
    let mut shapes: Vec<(ShapeRef, u64)> = waits.iter().map(|(taken, _)| (taken.shape, 0)).collect();
    shapes.sort_unstable();
    shapes.dedup();
    shapes
}

/// What the lock was held for most of the time.
fn holder(holds: &[Hold], all_ns: u64) -> Vec<(Holding, u64)> {
    let mut by_shape: FxHashMap<ShapeRef, u64> = FxHashMap::default();
    for hold in holds {
        let beside_ns = hold.beside.1.min(hold.until_ns - hold.from_ns);
        *by_shape.entry(hold.beside.0).or_default() += beside_ns;
    }
    let busy_ns: u64 = by_shape.values().sum();
    let longest = by_shape.into_iter().max_by_key(|(shape, ns)| (*ns, *shape));
    let holder = match longest {
        Some((shape, ns)) if ns * 2 >= all_ns => (Holding::Statement(shape), ns),
        _ => (Holding::Own, all_ns - busy_ns.min(all_ns)),
    };
    vec![(holder.0, per_mille(holder.1, all_ns))]
}
