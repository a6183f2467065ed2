//! A pool of which all is in use: connections, workers, or one lock.
//!
//! When a connection is given back is not recorded; three ways are tried: after each statement, after
//! the last statement of a request, at the end of the request. The one counts that explains the waits:
//! they end when another request gives its connection back, far more often than by chance, and at
//! these moments the number of connections in use is the same maximum.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::{is_beyond_chance, per_mille};
use crate::evidence::timeline::{Noted, Record, WINDOW_NS};
use crate::evidence::{Dictionary, ShapeRef, Symbol};

/// Fewer waits say nothing.
const WAITS_MIN: u64 = 10;
/// Of the time waited, per mille: so much must end at a release ...
const EXPLAINED_MIN: u64 = 500;
/// ... and so much more than by chance.
const ABOVE_CHANCE_MIN: u64 = 300;
/// Of the explained waits, per mille: so many must end while all connections are in use.
const PLATEAU_MIN: u64 = 500;
/// From a release to the next statement: waking up, a reset, a BEGIN. Never longer than a quarter of
/// the usual time between releases, so that chance explains a third of the waits at most.
const HAND_OVER_NS: (u64, u64) = (50_000, 10_000_000);
/// Releases that are looked at for one wait.
const RELEASES_MAX: usize = 16;
/// What holds connections: so many are named.
const HOLDERS_MAX: usize = 3;

/// Until when a connection is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Held {
    /// From the first to the last statement of a request.
    FirstToLast,
    /// For each statement.
    EachStatement,
    /// From the first statement to the end of the request.
    ToTheEnd,
}

/// What connections are held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holding {
    /// This statement runs.
    Statement(ShapeRef),
    /// This call is made meanwhile.
    Call(ShapeRef),
    /// The service's own code runs.
    Own,
}

/// The number of a window and what is noted in it.
pub(super) type Numbered<'w> = (u64, Cow<'w, [Record]>);

/// The records of one window and one database.
pub(super) struct Moment {
    start_ns: u64,
    end_ns: u64,
    records: Vec<Record>,
}

impl Moment {
    /// Splits windows by database. A wait whose database is not said belongs to the only one there is.
    pub(super) fn by_target(windows: &[Numbered<'_>]) -> FxHashMap<Symbol, Vec<Self>> {
        let records = || windows.iter().flat_map(|(_, records)| records.iter());
        let mut by_target: FxHashMap<Symbol, Vec<Self>> = records()
            .filter(|record| is_held(record.noted))
            .map(|record| (record.target, Vec::new()))
            .collect();
        let only = by_target.keys().next().copied().filter(|_| by_target.len() == 1);
        for (number, records) in windows {
            let mut parts: FxHashMap<Symbol, Vec<Record>> = FxHashMap::default();
            for record in records.iter() {
                parts.entry(only.unwrap_or(record.target)).or_default().push(*record);
            }
            for (target, records) in parts {
                if let Some(moments) = by_target.get_mut(&target) {
                    moments.extend(Self::of(*number, records));
                }
            }
        }
        by_target
    }

    pub(super) fn of(number: u64, records: Vec<Record>) -> Option<Self> {
        let begin_ns = number * WINDOW_NS;
        let finish_ns = begin_ns.saturating_add(WINDOW_NS);
        let start_ns = records.iter().map(|record| record.start_ns).min()?;
        let end_ns = records.iter().map(|record| record.request_end_ns.max(record.end_ns)).max()?;
        Some(Self { start_ns: start_ns.max(begin_ns), end_ns: end_ns.min(finish_ns), records })
    }

    fn length_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    fn contains(&self, at_ns: u64) -> bool {
        (self.start_ns..=self.end_ns).contains(&at_ns)
    }
}

fn is_held(noted: Noted) -> bool {
    matches!(noted, Noted::Hold | Noted::Use | Noted::HoldAndUse)
}

impl Held {
    pub(super) const ALL: [Self; 3] = [Self::FirstToLast, Self::EachStatement, Self::ToTheEnd];

    /// From when to when a record holds a connection.
    fn interval(self, record: &Record) -> Option<(u64, u64)> {
        match (self, record.noted) {
            (Self::EachStatement, Noted::Use | Noted::HoldAndUse)
            | (Self::FirstToLast, Noted::Hold | Noted::HoldAndUse) => Some((record.start_ns, record.end_ns)),
            (Self::ToTheEnd, Noted::Hold | Noted::HoldAndUse) => {
                Some((record.start_ns, record.request_end_ns))
            }
            _ => None,
        }
    }

    /// Whether a record may be a wait.
    fn waits(self, noted: Noted, reported: bool) -> bool {
        match noted {
            Noted::Wait => reported,
            Noted::GapBeforeHold => !reported,
            Noted::GapInHold => !reported && self == Self::EachStatement,
            _ => false,
        }
    }
}

/// Connections in use over time.
struct Usage {
    /// Begins, sorted.
    starts_ns: Vec<u64>,
    /// Ends, sorted.
    ends_ns: Vec<u64>,
    /// Ends within the window with the request, sorted.
    releases: Vec<(u64, u64)>,
}

impl Usage {
    fn of(moment: &Moment, held: Held) -> Self {
        let mut usage = Self { starts_ns: Vec::new(), ends_ns: Vec::new(), releases: Vec::new() };
        for record in &moment.records {
            let Some((start_ns, end_ns)) = held.interval(record) else { continue };
            usage.starts_ns.push(start_ns);
            usage.ends_ns.push(end_ns);
            if moment.contains(end_ns) {
                usage.releases.push((end_ns, record.request));
            }
        }
        usage.starts_ns.sort_unstable();
        usage.ends_ns.sort_unstable();
        usage.releases.sort_unstable();
        usage
    }

    /// Connections in use right before a moment.
    fn before(&self, at_ns: u64) -> u64 {
        let begun = self.starts_ns.partition_point(|&start_ns| start_ns < at_ns);
        let ended = self.ends_ns.partition_point(|&end_ns| end_ns < at_ns);
        begun.saturating_sub(ended) as u64
    }

    /// Adds to each level of use the time that it lasts within the window.
    fn add_levels(&self, moment: &Moment, levels: &mut Levels) {
        let events = self.starts_ns.iter().map(|&at| (at, 1)).chain(self.ends_ns.iter().map(|&at| (at, -1)));
        levels.add(events.collect(), moment);
    }

    /// How much of the window lies close behind a release, where a wait may end by chance.
    fn covered_ns(&self, moment: &Moment, hand_over_ns: u64) -> u64 {
        let mut covered_ns = 0;
        let mut until_ns = moment.start_ns;
        for &(release_ns, _) in &self.releases {
            let from_ns = release_ns.saturating_sub(hand_over_ns / 4).max(until_ns);
            let to_ns = release_ns.saturating_add(hand_over_ns).min(moment.end_ns);
            if from_ns < to_ns {
                covered_ns += to_ns - from_ns;
                until_ns = to_ns;
            }
        }
        covered_ns
    }

    /// The level at a release by another request, after the wait began, that ends it; the highest of several.
    fn level_at_release(&self, wait: &Record, hand_over_ns: u64) -> Option<u64> {
        let latest = wait.end_ns.saturating_add(hand_over_ns / 4);
        let earliest = wait.end_ns.saturating_sub(hand_over_ns).max(wait.start_ns.saturating_add(1));
        let until = self.releases.partition_point(|&(release_ns, _)| release_ns <= latest);
        self.releases[..until]
            .iter()
            .rev()
            .take(RELEASES_MAX)
            .take_while(|(release_ns, _)| *release_ns >= earliest)
            .filter(|(_, request)| *request != wait.request)
            .map(|(release_ns, _)| self.before(*release_ns))
            .max()
    }
}

/// Nanoseconds by how many there are at once.
#[derive(Default)]
pub(super) struct Levels(Vec<u64>);

/// More at once than these are counted as these.
const LEVEL_MAX: usize = 100_000;

impl Levels {
    fn add(&mut self, mut events: Vec<(u64, i64)>, moment: &Moment) {
        events.sort_unstable();
        let (mut level, mut at_ns) = (0i64, moment.start_ns);
        for (event_ns, change) in events {
            let event_ns = event_ns.clamp(moment.start_ns, moment.end_ns.max(moment.start_ns));
            self.count(level, event_ns.saturating_sub(at_ns));
            at_ns = event_ns;
            level += change;
        }
    }

    /// Adds those of another pool.
    pub(super) fn merge(&mut self, other: &Self) {
        for (level, &duration_ns) in other.0.iter().enumerate() {
            self.count(level as i64, duration_ns);
        }
    }

    fn count(&mut self, level: i64, duration_ns: u64) {
        let level = usize::try_from(level).unwrap_or(0).min(LEVEL_MAX);
        if duration_ns > 0 && level > 0 {
            if self.0.len() <= level {
                self.0.resize(level + 1, 0);
            }
            self.0[level] += duration_ns;
        }
    }

    /// The lowest level that is exceeded for at most this share of the time, per mille.
    pub(super) fn exceeded_for(&self, per_mille: u64) -> u64 {
        let allowed = u128::from(self.0.iter().sum::<u64>()) * u128::from(per_mille) / 1000;
        let mut above = 0;
        for (level, duration_ns) in self.0.iter().enumerate().rev() {
            above += u128::from(*duration_ns);
            if above > allowed {
                return level as u64;
            }
        }
        0
    }
}

/// The pool of one instance, used up.
pub(super) struct Pool {
    pub(super) held: Held,
    pub(super) reported: bool,
    pub(super) size: u64,
    pub(super) explained: Explained,
    pub(super) holds_ns: Vec<u64>,
    pub(super) by_holding: FxHashMap<Holding, u64>,
    asked: u64,
    busy_ns: u64,
    pub(super) asked_at_once: Levels,
}

/// How well releases explain the waits.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Explained {
    pub(super) waits: u64,
    pub(super) wait_ns: u64,
    pub(super) explained: u64,
    explained_ns: u64,
    at_plateau: u64,
    pub(super) by_chance: u64,
}

impl Explained {
    /// With those of another pool; chance is the greater of both.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            waits: self.waits + other.waits,
            wait_ns: self.wait_ns + other.wait_ns,
            explained: self.explained + other.explained,
            explained_ns: self.explained_ns + other.explained_ns,
            at_plateau: self.at_plateau + other.at_plateau,
            by_chance: self.by_chance.max(other.by_chance),
        }
    }

    pub(super) fn share(&self) -> u64 {
        per_mille(self.explained_ns, self.wait_ns)
    }

    pub(super) fn plateau(&self) -> u64 {
        per_mille(self.at_plateau, self.explained)
    }

    /// Whether it is more than chance, by time and by number.
    fn is_enough(&self) -> bool {
        self.explained >= WAITS_MIN
            && self.share() >= EXPLAINED_MIN
            && self.share() >= self.by_chance + ABOVE_CHANCE_MIN
            && is_beyond_chance(self.explained, self.waits, self.by_chance)
            && self.plateau() >= PLATEAU_MIN
    }
}

impl Pool {
    /// The pool behind these moments, if it is used up; connections are held in one of these ways. More in use at
    /// once for less than `noise` of the time, per mille, are taken for inexact times.
    pub(super) fn of(moments: &[Moment], holds: &[Held], noise: u64) -> Option<Self> {
        let records = || moments.iter().flat_map(|moment| &moment.records);
        // Where waits are reported, gaps are something else.
        let reported = records().any(|record| record.noted == Noted::Wait);
        let waits = |held: Held| records().filter(|record| held.waits(record.noted, reported)).count() as u64;
        let tried = holds.iter().copied().filter(|&held| waits(held) >= WAITS_MIN).filter_map(|held| {
            let usages: Vec<Usage> = moments.iter().map(|moment| Usage::of(moment, held)).collect();
            let mut levels = Levels::default();
            moments.iter().zip(&usages).for_each(|(moment, usage)| usage.add_levels(moment, &mut levels));
            let size = levels.exceeded_for(noise);
            let explained = explain(moments, &usages, held, reported, size);
            explained.is_enough().then_some((held, size, explained))
        });
        // Of equals the one that was tried first.
        let best = tried.reduce(|best, other| {
            let score = |(_, _, it): &(Held, u64, Explained)| (it.share() - it.by_chance) * it.plateau();
            if score(&other) > score(&best) { other } else { best }
        });
        let (held, size, explained) = best?;
        Some(Self::describe(moments, held, reported, size, explained))
    }

    fn describe(moments: &[Moment], held: Held, reported: bool, size: u64, explained: Explained) -> Self {
        let mut pool = Self {
            held,
            reported,
            size,
            explained,
            holds_ns: Vec::new(),
            by_holding: FxHashMap::default(),
            asked: 0,
            busy_ns: 0,
            asked_at_once: Levels::default(),
        };
        for moment in moments {
            let waits = moment.records.iter().filter(|record| held.waits(record.noted, reported));
            let waits: Vec<(u64, u64)> = waits.map(|record| (record.start_ns, record.end_ns)).collect();
            if waits.is_empty() {
                continue;
            }
            pool.busy_ns += moment.length_ns();
            let mut events: Vec<(u64, i64)> = Vec::new();
            for record in &moment.records {
                let Some((start_ns, end_ns)) = held.interval(record) else { continue };
                events.extend([(start_ns, 1), (end_ns, -1)]);
                if moment.contains(start_ns) {
                    pool.asked += 1;
                    pool.holds_ns.push(end_ns - start_ns);
                    pool.add_holding(record, end_ns - start_ns);
                }
            }
            events.extend(waits.iter().flat_map(|&(start_ns, end_ns)| [(start_ns, 1), (end_ns, -1)]));
            pool.asked_at_once.add(events, moment);
        }
        pool
    }

    /// Splits the time of a hold into statements, the longest other call, and the rest.
    fn add_holding(&mut self, record: &Record, duration_ns: u64) {
        let busy_ns = record.busy_ns.min(duration_ns);
        let beside_ns = record.beside_ns.min(duration_ns - busy_ns);
        let own_ns = duration_ns - busy_ns - beside_ns;
        let parts = [
            (Holding::Statement(record.shape), busy_ns),
            (Holding::Call(record.beside), beside_ns),
            (Holding::Own, own_ns),
        ];
        for (holding, part_ns) in parts.into_iter().filter(|(_, part_ns)| *part_ns > 0) {
            *self.by_holding.entry(holding).or_default() += part_ns;
        }
    }

    pub(super) fn arrivals_per_1000_s(&self) -> u64 {
        let asked = u128::from(self.asked) * 1_000_000_000_000;
        u64::try_from(asked / u128::from(self.busy_ns.max(1))).unwrap_or(u64::MAX)
    }
}

/// Counts the waits that end at a release of another request.
fn explain(moments: &[Moment], usages: &[Usage], held: Held, reported: bool, size: u64) -> Explained {
    let length_ns: u64 = moments.iter().map(Moment::length_ns).sum();
    let releases: u64 = usages.iter().map(|usage| usage.releases.len() as u64).sum();
    let between_ns = length_ns / releases.max(1);
    let hand_over_ns = (between_ns / 4).clamp(HAND_OVER_NS.0, HAND_OVER_NS.1);
    let mut explained = Explained::default();
    let mut covered_ns = 0;
    for (moment, usage) in moments.iter().zip(usages) {
        covered_ns += usage.covered_ns(moment, hand_over_ns);
        for wait in moment.records.iter().filter(|record| held.waits(record.noted, reported)) {
            let duration_ns = wait.end_ns - wait.start_ns;
            explained.waits += 1;
            explained.wait_ns += duration_ns;
            if let Some(level) = usage.level_at_release(wait, hand_over_ns) {
                explained.explained += 1;
                explained.explained_ns += duration_ns;
                explained.at_plateau += u64::from(level >= size);
            }
        }
    }
    explained.by_chance = per_mille(covered_ns, length_ns);
    explained
}

/// The share of the time of reported waits during which something is in use, per mille.
pub(super) fn used_during_waits(moments: &[Moment], held: Held) -> u64 {
    let (mut used_ns, mut wait_ns) = (0, 0);
    for moment in moments {
        let used = InUse::of(moment, held);
        for wait in moment.records.iter().filter(|record| record.noted == Noted::Wait) {
            let start_ns = wait.start_ns.max(moment.start_ns);
            used_ns += used.until(wait.end_ns).saturating_sub(used.until(start_ns));
            wait_ns += wait.end_ns.saturating_sub(start_ns);
        }
    }
    per_mille(used_ns, wait_ns)
}

/// When anything at all is in use: pieces of time that do not touch, in order.
struct InUse(Vec<Piece>);

struct Piece {
    start_ns: u64,
    end_ns: u64,
    /// Time in use in the pieces before.
    before_ns: u64,
}

impl InUse {
    fn of(moment: &Moment, held: Held) -> Self {
        let mut intervals: Vec<_> =
            moment.records.iter().filter_map(|record| held.interval(record)).collect();
        intervals.sort_unstable();
        let mut pieces: Vec<Piece> = Vec::new();
        for (start_ns, end_ns) in intervals {
            match pieces.last_mut() {
                Some(last) if start_ns <= last.end_ns => last.end_ns = last.end_ns.max(end_ns),
                last => {
                    let before_ns = last.map_or(0, |last| last.before_ns + (last.end_ns - last.start_ns));
                    pieces.push(Piece { start_ns, end_ns, before_ns });
                }
            }
        }
        Self(pieces)
    }

    /// Time in use up to a moment.
    fn until(&self, at_ns: u64) -> u64 {
        let begun = self.0.partition_point(|piece| piece.start_ns < at_ns);
        let last = begun.checked_sub(1).and_then(|place| self.0.get(place));
        last.map_or(0, |last| last.before_ns + (last.end_ns.min(at_ns) - last.start_ns))
    }
}

/// What most of the time goes to; equals by their text.
pub(super) fn holders(by_holding: FxHashMap<Holding, u64>, dictionary: &Dictionary) -> Vec<(Holding, u64)> {
    let all_ns: u64 = by_holding.values().sum();
    let mut holders: Vec<(Holding, u64)> = by_holding.into_iter().collect();
    holders.sort_by_cached_key(|(holding, ns)| {
        let text = match holding {
            Holding::Statement(shape) => (0, dictionary.shape(*shape).text.to_string()),
            Holding::Call(shape) => (1, dictionary.shape(*shape).text.to_string()),
            Holding::Own => (2, String::new()),
        };
        (std::cmp::Reverse(*ns), text)
    });
    holders.truncate(HOLDERS_MAX);
    holders.into_iter().map(|(holding, ns)| (holding, per_mille(ns, all_ns))).collect()
}
