//! Pools whose connections are used up, and services whose workers are.
//!
//! Each instance has a pool of its own; what is told is of a service, over all its instances.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};

use super::by_instance;
use super::pool::{Explained, Held, Holding, Levels, Moment, Numbered, Pool, holders};
use crate::evidence::timeline::{Noted, Record, Timelines, WAIT_MIN_NS, WINDOW_NS, Window};
use crate::evidence::trace::EndpointName;
use crate::evidence::{Dictionary, ShapeRef, Symbol};

/// More connections than these for less than this share of the time, per mille, are taken for noise.
const NOISE: u64 = 5;

/// A pool of connections that is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starvation {
    /// The service that owns it.
    pub service: Symbol,
    /// The database.
    pub target: Symbol,
    /// Instances whose pool is used up.
    pub instances: u64,
    /// Instances that were seen.
    pub instances_seen: u64,
    /// Connections of one instance, inferred: the smallest and the largest pool.
    pub pool_size: (u64, u64),
    /// Connections of all used up pools together.
    pub pool_sizes: u64,
    /// Until when a connection is held.
    pub held: Held,
    /// What they are held for, with its share of the time, per mille; the largest first.
    pub holders: Vec<(Holding, u64)>,
    /// How often a connection is asked for at the busiest instance, in a thousand seconds.
    pub arrivals_per_1000_s: u64,
    /// How long one is held, on average.
    pub hold_mean_ns: u64,
    /// How long one is held, 95th percentile.
    pub hold_p95_ns: u64,
    /// Connections that would do by arrivals and the average time held, at the busiest instance.
    pub size_mean: u64,
    /// Connections that would do by arrivals and the 95th percentile of the time held.
    pub size_p95: u64,
    /// How many hold a connection or wait for one at once, 95th percentile of the time of waits.
    pub asked_at_once_p95: u64,
    /// Waits that were seen.
    pub waits: u64,
    /// Their time.
    pub wait_ns: u64,
    /// Share of it that ends when another request gives its connection back, per mille.
    pub explained: u64,
    /// What this share would be by chance.
    pub by_chance: u64,
    /// Share of the explained waits that end while all connections are in use, per mille.
    pub at_plateau: u64,
    /// Waits are reported as such; else they are gaps before statements.
    pub reported: bool,
}

impl Starvation {
    /// The statements and calls that connections are held for, with their share of the time, per mille.
    pub(crate) fn held_for(&self) -> impl Iterator<Item = (ShapeRef, u64)> {
        self.holders.iter().filter_map(|(holding, share)| match holding {
            Holding::Statement(shape) | Holding::Call(shape) => Some((*shape, *share)),
            Holding::Own => None,
        })
    }

    /// Whether gaps before every statement are waits, not only those before the first.
    pub fn is_for_each_statement(&self) -> bool {
        self.held == Held::EachStatement && !self.reported
    }
}

/// All pools that are used up.
#[derive(Debug, Default)]
pub struct Starvations(Vec<Starvation>);

impl Starvations {
    /// The pool of a service that is used up; of several the one with the most waiting.
    pub fn confirms(&self, service: Symbol) -> Option<&Starvation> {
        self.0.iter().find(|starvation| starvation.service == service)
    }

    /// All of them, by service and waiting.
    pub fn iter(&self) -> impl Iterator<Item = &Starvation> {
        self.0.iter()
    }

    /// Looks for pools that are used up. Asked once, when everything is merged.
    pub fn of(timelines: &Timelines, dictionary: &Dictionary) -> Self {
        Self::among(timelines, |window| Cow::Borrowed(&window.records), dictionary)
    }

    /// Looks for services all of whose workers are busy. A worker is taken for a request as a connection is
    /// for statements, and asked for when the request is sent.
    pub fn of_workers(timelines: &Timelines, dictionary: &Dictionary) -> Self {
        Self::among(timelines, work_of, dictionary)
    }

    fn among(
        timelines: &Timelines,
        records: fn(&Window) -> Cow<'_, [Record]>,
        dictionary: &Dictionary,
    ) -> Self {
        let mut seen: FxHashMap<(Symbol, Symbol), FxHashSet<Symbol>> = FxHashMap::default();
        let mut starving: FxHashMap<(Symbol, Symbol), Vec<Pool>> = FxHashMap::default();
        for ((service, instance), windows) in by_instance(timelines.windows()) {
            let windows: Vec<Numbered<'_>> =
                windows.into_iter().map(|window| (window.number, records(window))).collect();
            for (target, moments) in Moment::by_target(&windows) {
                seen.entry((service, target)).or_default().insert(instance);
                if let Some(pool) = Pool::of(&moments, &Held::ALL, NOISE) {
                    starving.entry((service, target)).or_default().push(pool);
                }
            }
        }
        let told = starving.into_iter().map(|((service, target), pools)| {
            let instances_seen = seen.get(&(service, target)).map_or(0, |seen| seen.len() as u64);
            starvation(service, target, instances_seen, pools, dictionary)
        });
        let mut told: Vec<Starvation> = told.collect();
        told.sort_by_cached_key(|it| {
            let target = dictionary.text(it.target).to_owned();
            (dictionary.text(it.service).to_owned(), std::cmp::Reverse(it.wait_ns), target)
        });
        Self(told)
    }
}

/// Requests of a window as records: while a request is served it holds a worker.
fn work_of(window: &Window) -> Cow<'_, [Record]> {
    let records = window.served.iter().flat_map(|served| {
        let shape = match served.endpoint.name {
            EndpointName::Route(shape) | EndpointName::Background(shape) => shape,
            _ => ShapeRef::default(),
        };
        let work = Record {
            request: served.request,
            start_ns: served.start_ns,
            end_ns: served.end_ns,
            request_end_ns: served.end_ns,
            busy_ns: served.end_ns - served.start_ns,
            beside_ns: 0,
            shape,
            beside: ShapeRef::default(),
            target: Symbol::default(),
            noted: Noted::Hold,
        };
        let begins_here = served.start_ns / WINDOW_NS == window.number;
        let sent_ns =
            served.sent_ns.filter(|sent_ns| begins_here && sent_ns + WAIT_MIN_NS <= served.start_ns);
        let wait = sent_ns.map(|sent_ns| Record {
            start_ns: sent_ns,
            end_ns: served.start_ns,
            busy_ns: 0,
            noted: Noted::Wait,
            ..work
        });
        [Some(work), wait].into_iter().flatten()
    });
    Cow::Owned(records.collect())
}

/// Puts the pools of several instances together.
fn starvation(
    service: Symbol,
    target: Symbol,
    instances_seen: u64,
    pools: Vec<Pool>,
    dictionary: &Dictionary,
) -> Starvation {
    let mut together = Explained::default();
    let mut holds_ns = Vec::new();
    let mut by_holding: FxHashMap<Holding, u64> = FxHashMap::default();
    let mut by_held = [0u64; Held::ALL.len()];
    let mut asked_at_once = Levels::default();
    for pool in &pools {
        together = together.with(pool.explained);
        by_held[pool.held as usize] += pool.explained.explained;
        holds_ns.extend_from_slice(&pool.holds_ns);
        pool.by_holding.iter().for_each(|(holding, ns)| *by_holding.entry(*holding).or_default() += ns);
        asked_at_once.merge(&pool.asked_at_once);
    }
    holds_ns.sort_unstable();
    let hold_mean_ns = holds_ns.iter().sum::<u64>() / (holds_ns.len() as u64).max(1);
    let hold_p95_ns = holds_ns.get(holds_ns.len() * 95 / 100).copied().unwrap_or(0);
    let arrivals_per_1000_s = pools.iter().map(Pool::arrivals_per_1000_s).max().unwrap_or(0);
    let sizes = || pools.iter().map(|pool| pool.size);
    let held = Held::ALL.into_iter().rev().max_by_key(|held| by_held[*held as usize]);
    Starvation {
        service,
        target,
        instances: pools.len() as u64,
        instances_seen,
        pool_size: (sizes().min().unwrap_or(0), sizes().max().unwrap_or(0)),
        pool_sizes: sizes().sum(),
        held: held.unwrap_or(Held::FirstToLast),
        holders: holders(by_holding, dictionary),
        arrivals_per_1000_s,
        hold_mean_ns,
        hold_p95_ns,
        size_mean: little(arrivals_per_1000_s, hold_mean_ns),
        size_p95: little(arrivals_per_1000_s, hold_p95_ns),
        asked_at_once_p95: asked_at_once.exceeded_for(50),
        waits: together.waits,
        wait_ns: together.wait_ns,
        explained: together.share(),
        by_chance: together.by_chance,
        at_plateau: together.plateau(),
        reported: pools.iter().any(|pool| pool.reported),
    }
}

/// Little's law: as many are in use as arrive in the time that one is held; rounded up.
fn little(arrivals_per_1000_s: u64, hold_ns: u64) -> u64 {
    let product = u128::from(arrivals_per_1000_s) * u128::from(hold_ns);
    u64::try_from(product.div_ceil(1_000_000_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
