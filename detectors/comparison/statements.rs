//! What changed for each statement of two logs.
//!
//! A log of a night and one of a day differ in everything that is counted, and no two minutes of one server are alike.
//! So times are compared by the middle half of the executions, and how often something is called beside what the usual
//! statement is called; both have to be apart by more than chance and more than little.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::finding::{Latency, LoggedStatement, LoggedStatements};

/// Executions on each side from which on their times are compared.
const TIMED_MIN: u64 = 30;

/// A statement is slower where its median is so many per cent more; it is quicker the other way round.
const SLOWER_PER_CENT: u64 = 25;

/// Statements whose medians are compared from which on the usual change is told: that of the server, not of one of them.
const USUAL_MIN: usize = 8;

/// A statement is called more where it is called so many per cent more beside the others.
const MORE_PER_CENT: u64 = 50;

/// Executions that the other side lets expect, from which on none of them is no chance.
const EXPECTED_MIN: u64 = 20;

/// What takes less of the time on both sides is left out, in parts of 10,000: nobody waits for it.
const SHARE_MIN: u64 = 10;

/// Statements that are told.
const TOLD_MAX: usize = 100;

/// Statements that are not as before.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StatementChanges {
    /// All statements before.
    pub before: Side,
    /// All statements after.
    pub after: Side,
    /// How long the usual statement takes after, in thousandths of before; `None` where too few were compared.
    pub usual_permille: Option<u64>,
    /// Those that changed, by what that adds to the time.
    pub statements: Vec<StatementChange>,
    /// More that changed and are not listed.
    pub more: u64,
}

/// All statements of one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Side {
    /// Different statements.
    pub statements: u64,
    /// Executions.
    pub executions: u64,
    /// What they took together.
    pub time_ns: u64,
    /// From the first to the end of the last, in the times of the log; `None` where the log tells no times.
    pub period_ns: Option<u64>,
}

/// A statement that is not as before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatementChange {
    /// Canonical text, without values.
    pub text: String,
    /// Its id.
    pub shape: String,
    /// The database; `None` where it is not told, or where each side has one.
    pub database: Option<String>,
    /// What changed.
    pub changes: Vec<Change>,
    /// Before; `None` where it was not executed.
    pub before: Option<StatementFigures>,
    /// After; `None` where it was not executed.
    pub after: Option<StatementFigures>,
    /// Outlines of the plans of the slowest execution on both sides; `None` where one side tells none.
    pub plans: Option<[String; 2]>,
}

/// What changed for a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Not executed before, though it would have been by chance alone.
    New,
    /// It takes longer: the middle half of its executions lies above that of before.
    Slower,
    /// It takes less time.
    Quicker,
    /// Its plan joins or reads in another way.
    Replanned,
    /// It is called more often, beside the usual statement.
    CalledMore,
    /// It is called less often, beside the usual statement.
    CalledLess,
    /// Not executed after, though it would have been by chance alone.
    Gone,
}

/// A statement on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StatementFigures {
    /// Executions.
    pub executions: u64,
    /// Of a million executions of all statements so many.
    pub per_million: u64,
    /// What they took together.
    pub time_ns: u64,
    /// Of one execution.
    pub latency_ns: Latency,
}

/// Compares the statements of two logs.
pub(super) fn compare(before: &LoggedStatements, after: &LoggedStatements) -> StatementChanges {
    let several = [before, after].iter().any(|side| databases(side) > 1);
    let mut pairs: BTreeMap<(&str, Option<&str>), Pair<'_>> = BTreeMap::new();
    for (place, side) in [before, after].into_iter().enumerate() {
        for statement in side.by_time.iter().chain(&side.unlisted).filter(|one| one.executions > 0) {
            let key = (statement.shape.as_str(), statement.database.as_deref().filter(|_| several));
            pairs.entry(key).or_default()[place] = Some(statement);
        }
    }
    let sides = [before, after];
    let calls = usual_calls(pairs.values()).unwrap_or(sides.map(|side| side.executions));
    let scales = Scales { sides, calls, usual: usual(pairs.values()) };
    let changed = pairs.iter().filter_map(|((_, database), pair)| {
        let changes = scales.changes(pair);
        let change = scales.change(pair, *database, changes)?;
        Some((scales.added_ns(pair).unsigned_abs(), change))
    });
    let mut changed: Vec<(u64, StatementChange)> = changed.collect();
    changed.sort_by(|(one, a), (other, b)| other.cmp(one).then_with(|| a.shape.cmp(&b.shape)));
    let more = changed.len().saturating_sub(TOLD_MAX) as u64;
    StatementChanges {
        before: side(before),
        after: side(after),
        usual_permille: scales.usual.map(|usual| (usual * 1_000.0) as u64),
        statements: changed.into_iter().take(TOLD_MAX).map(|(_, change)| change).collect(),
        more,
    }
}

/// A statement before and after.
type Pair<'a> = [Option<&'a LoggedStatement>; 2];

fn databases(side: &LoggedStatements) -> usize {
    let mut names: Vec<Option<&str>> =
        side.by_time.iter().chain(&side.unlisted).map(|one| one.database.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    names.len()
}

fn side(logged: &LoggedStatements) -> Side {
    let &LoggedStatements { statements, executions, time_ns, period_ns, .. } = logged;
    Side { statements, executions, time_ns, period_ns }
}

/// How medians changed in the middle of all statements that can be compared: a slower machine makes all of them slower.
fn usual<'p, 'a: 'p>(pairs: impl Iterator<Item = &'p Pair<'a>>) -> Option<f64> {
    let ratios = pairs.filter_map(|pair| {
        let [before, after] = timed(pair)?;
        Some(after[1] as f64 / before[1].max(1) as f64)
    });
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    (ratios.len() >= USUAL_MIN).then(|| ratios[ratios.len() / 2])
}

/// Executions of the statement of which they changed as in the middle of all: a longer log, or a busier day, has more of
/// all of them.
fn usual_calls<'p, 'a: 'p>(pairs: impl Iterator<Item = &'p Pair<'a>>) -> Option<[u64; 2]> {
    let counts = pairs.filter_map(|[before, after]| Some([(*before)?.executions, (*after)?.executions]));
    let mut counts: Vec<[u64; 2]> =
        counts.filter(|both| both.iter().all(|executions| *executions >= EXPECTED_MIN)).collect();
    let ratio = |[before, after]: &[u64; 2]| *after as f64 / *before as f64;
    counts.sort_by(|one, other| ratio(one).total_cmp(&ratio(other)).then_with(|| one.cmp(other)));
    (counts.len() >= USUAL_MIN).then(|| counts[counts.len() / 2])
}

/// Quartiles of a statement that was timed often enough on both sides.
fn timed(pair: &Pair<'_>) -> Option<[[u64; 3]; 2]> {
    let [before, after] = pair.map(|side| side.filter(|one| one.executions >= TIMED_MIN)?.quartiles_ns);
    Some([before?, after?])
}

/// What statements are weighed against.
struct Scales<'a> {
    sides: [&'a LoggedStatements; 2],
    /// So many executions before are as many as so many after.
    calls: [u64; 2],
    usual: Option<f64>,
}

impl Scales<'_> {
    fn changes(&self, pair: &Pair<'_>) -> Vec<Change> {
        let mut changes = Vec::new();
        if !self.is_noticed(pair) {
            return changes;
        }
        match pair {
            [None, Some(after)] if self.is_expected(after, 1) => changes.push(Change::New),
            [Some(before), None] if self.is_expected(before, 0) => changes.push(Change::Gone),
            [Some(_), Some(_)] => {
                changes.extend(self.in_time(pair));
                changes.extend(planned_differently(pair).map(|_| Change::Replanned));
                changes.extend(self.in_calls(pair));
            }
            _ => {}
        }
        changes
    }

    /// Whether it takes a part of the time on one side.
    fn is_noticed(&self, pair: &Pair<'_>) -> bool {
        let mut sides = pair.iter().zip(self.sides);
        sides.any(|(one, all)| one.is_some_and(|one| one.time_ns >= all.time_ns / 10_000 * SHARE_MIN))
    }

    /// Whether the other side would have executions of it, were it called as on `place`.
    fn is_expected(&self, one: &LoggedStatement, place: usize) -> bool {
        // Statements that are counted only are there, perhaps, and not named.
        let there = 1 - place;
        !self.sides[there].is_cut
            && scaled(one.executions, self.calls[there], self.calls[place]) >= EXPECTED_MIN
    }

    fn in_time(&self, pair: &Pair<'_>) -> Option<Change> {
        let [before, after] = timed(pair)?;
        let usual = self.usual.unwrap_or(1.0);
        if is_above(after, before, usual.max(1.0)) {
            return Some(Change::Slower);
        }
        is_above(before, after, (1.0 / usual.max(f64::MIN_POSITIVE)).max(1.0)).then_some(Change::Quicker)
    }

    fn in_calls(&self, pair: &Pair<'_>) -> Option<Change> {
        let [Some(before), Some(after)] = pair else { return None };
        let [usual_before, usual_after] = self.calls;
        // As if both sides were as long as the shorter one.
        let usual = usual_before.min(usual_after);
        let before = scaled(before.executions, usual, usual_before);
        let after = scaled(after.executions, usual, usual_after);
        match () {
            () if is_more(after, before) => Some(Change::CalledMore),
            () if is_more(before, after) => Some(Change::CalledLess),
            () => None,
        }
    }

    /// What the change adds to the time of the later side.
    fn added_ns(&self, pair: &Pair<'_>) -> i64 {
        let [before, after] = self.calls;
        let [earlier, later] = pair.map(|one| one.map_or(0, |one| one.time_ns));
        let earlier = scaled(earlier, after, before);
        i64::try_from(later).unwrap_or(i64::MAX).saturating_sub(i64::try_from(earlier).unwrap_or(i64::MAX))
    }

    fn change(
        &self,
        pair: &Pair<'_>,
        database: Option<&str>,
        changes: Vec<Change>,
    ) -> Option<StatementChange> {
        let one = pair[1].or(pair[0]).filter(|_| !changes.is_empty())?;
        let figures = |place: usize| {
            pair[place].map(|one| StatementFigures {
                executions: one.executions,
                per_million: scaled(one.executions, 1_000_000, self.sides[place].executions),
                time_ns: one.time_ns,
                latency_ns: one.latency_ns,
            })
        };
        Some(StatementChange {
            text: one.text.clone(),
            shape: one.shape.clone(),
            database: database.map(str::to_owned),
            changes,
            before: figures(0),
            after: figures(1),
            plans: plans(pair),
        })
    }
}

/// What plans on both sides do.
fn plans(pair: &Pair<'_>) -> Option<[String; 2]> {
    let [before, after] = pair.map(|side| side.and_then(|one| one.plan.as_ref()));
    Some([before?.outline.clone(), after?.outline.clone()])
}

/// The plans on both sides, where they do not do the same.
fn planned_differently(pair: &Pair<'_>) -> Option<[String; 2]> {
    plans(pair).filter(|[before, after]| before != after)
}

/// `part` of `from` as a part of `to`.
fn scaled(part: u64, to: u64, from: u64) -> u64 {
    let scaled = u128::from(part) * u128::from(to) / u128::from(from.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Whether the middle half of some executions lies above that of others, and the median by more than a part. All
/// may have become slower: `usual` times.
fn is_above(slow: [u64; 3], quick: [u64; 3], usual: f64) -> bool {
    let quick = quick.map(|time_ns| (time_ns as f64 * usual) as u64);
    let apart = slow[1] > quick[2] && slow[0] > quick[1];
    apart && slow[1].saturating_mul(100) > quick[1].saturating_mul(100 + SLOWER_PER_CENT)
}

/// Whether counts are apart by more than a part and by four times what chance makes of them.
fn is_more(more: u64, less: u64) -> bool {
    let above = more.saturating_sub(less);
    let chance = 4 * (more + less).isqrt().max(1);
    more >= EXPECTED_MIN
        && above > chance
        && more.saturating_mul(100) > less.saturating_mul(100 + MORE_PER_CENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::LoggedPlan;

    /// A statement with executions and quartiles in microseconds.
    fn statement(shape: &str, executions: u64, quartiles_us: [u64; 3]) -> LoggedStatement {
        let quartiles = quartiles_us.map(|time| time * 1_000);
        LoggedStatement {
            text: format!("SELECT {shape}"),
            shape: shape.to_owned(),
            executions,
            time_ns: executions * quartiles[1],
            quartiles_ns: Some(quartiles),
            ..LoggedStatement::default()
        }
    }

    fn logged(statements: Vec<LoggedStatement>) -> LoggedStatements {
        LoggedStatements {
            statements: statements.len() as u64,
            executions: statements.iter().map(|one| one.executions).sum(),
            time_ns: statements.iter().map(|one| one.time_ns).sum(),
            by_time: statements,
            ..LoggedStatements::default()
        }
    }

    fn changes(before: Vec<LoggedStatement>, after: Vec<LoggedStatement>) -> Vec<(String, Vec<Change>)> {
        let changed = compare(&logged(before), &logged(after)).statements;
        changed.into_iter().map(|change| (change.shape, change.changes)).collect()
    }

    fn usual(factor: u64) -> Vec<LoggedStatement> {
        (0..10)
            .map(|number| statement(&format!("s{number}"), 1_000, [80, 100, 130].map(|us| us * factor)))
            .collect()
    }

    #[test]
    fn noise_is_no_change() {
        let a_little =
            (0..10).map(|number| statement(&format!("s{number}"), 1_100, [85, 115, 150])).collect();
        assert_eq!(changes(usual(1), a_little), []);
        let few = vec![statement("few", 20, [10, 20, 30]), statement("many", 10_000, [10, 20, 30])];
        let slow = vec![statement("few", 20, [100, 200, 300]), statement("many", 10_000, [10, 20, 30])];
        assert_eq!(changes(few, slow), [], "20 executions");
        let wide = |median| vec![statement("wide", 1_000, [10, median, 900])];
        assert_eq!(changes(wide(100), wide(200)), [], "as wide as that");
    }

    #[test]
    fn another_plan_is_told_and_one_that_is_not_known_is_not() {
        let planned = |outline: &str| {
            let mut statements = usual(1);
            let plan = LoggedPlan { outline: outline.to_owned(), execution_ns: None, place: String::new() };
            statements[4].plan = Some(plan);
            statements
        };
        let (scan, index) = ("Seq Scan orders", "Index Scan orders by orders_status_idx");
        assert_eq!(changes(planned(scan), planned(index)), [("s4".to_owned(), vec![Change::Replanned])]);
        assert_eq!(changes(planned(scan), planned(scan)), []);
        assert_eq!(changes(planned(scan), usual(1)), []);
        let change = &compare(&logged(planned(scan)), &logged(planned(index))).statements[0];
        assert_eq!(change.plans, Some([scan.to_owned(), index.to_owned()]));
    }

    #[test]
    fn what_is_slower_alone_is_told_and_not_what_a_slow_machine_does_to_all() {
        assert_eq!(changes(usual(1), usual(3)), []);
        assert_eq!(compare(&logged(usual(1)), &logged(usual(3))).usual_permille, Some(3_000));
        let (mut slower, mut quicker) = (usual(1), usual(1));
        slower[4] = statement("s4", 1_000, [200, 260, 330]);
        assert_eq!(changes(usual(1), slower), [("s4".to_owned(), vec![Change::Slower])]);
        quicker[4] = statement("s4", 1_000, [20, 26, 33]);
        assert_eq!(changes(usual(1), quicker), [("s4".to_owned(), vec![Change::Quicker])]);
    }

    #[test]
    fn calls_are_compared_beside_the_usual_ones() {
        let twice = |calls| {
            let mut all = usual(1);
            all.iter_mut().for_each(|one| one.executions *= 2);
            all[0].executions = calls;
            all
        };
        assert_eq!(changes(usual(1), twice(2_000)), [], "a longer log");
        assert_eq!(changes(usual(1), twice(20_000)), [("s0".to_owned(), vec![Change::CalledMore])]);
        assert_eq!(changes(twice(20_000), usual(1)), [("s0".to_owned(), vec![Change::CalledLess])]);
    }

    #[test]
    fn seldom_statements_are_neither_new_nor_gone() {
        let with = |executions| {
            let mut all = usual(1);
            all.push(statement("other", executions, [800, 1_000, 1_300]));
            all
        };
        assert_eq!(changes(usual(1), with(3)), []);
        assert_eq!(changes(usual(1), with(100)), [("other".to_owned(), vec![Change::New])]);
        assert_eq!(changes(with(100), usual(1)), [("other".to_owned(), vec![Change::Gone])]);
        let mut cut = logged(usual(1));
        cut.is_cut = true;
        assert_eq!(compare(&cut, &logged(with(100))).statements, [], "not all of them are known");
    }
}
