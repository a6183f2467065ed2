//! Which candidates a statement needs: the set that gives back most, as small as it may be.

use super::candidates::{Candidate, Making};
use super::catalogue::{Catalogue, Index};
use super::foreign_keys::Check;
use super::from_plan::uses_of_plan;
use super::health::serves;
use super::known::Known;
use super::model::{Model, before};
use super::selectivity::Shares;
use super::statement::uses_of;
use super::uses::{Condition, StatementUses, Test};
use super::work::{Scan, Work};
use crate::evidence::plan::{Engine, Plan};
use crate::plans::PlanView;

/// A statement that gets no faster than this by all indexes together gets none.
const FACTOR_MIN: f64 = 1.5;

/// One more index is worth it if the statement gets faster by this.
const FURTHER_MIN: f64 = 1.25;

/// Less than this is not noticed, in nanoseconds of all executions together.
const GAIN_MIN_NS: f64 = 50_000.0;

/// A column beside the keys must give back as much as this in one execution: nanoseconds, or thousandths of a cost.
const HELD_GAIN_MIN: f64 = 30_000.0;

/// A BRIN is taken where the statement takes at most so many times what it takes with the best b-tree: it is a
/// five-hundredth of the size and costs writers next to nothing.
const BRIN_LOSS_MAX: f64 = 2.0;

/// Indexes of one statement.
const SET_MAX: usize = 4;

/// Indexes that are named beside the chosen ones; a BRIN is always.
const OTHERS_MAX: usize = 3;

/// Candidates that are tried in pairs.
const PAIRED_MAX: usize = 40;

/// What was found out about one statement.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// Candidates that it needs, all together.
    pub(super) chosen: Vec<Chosen>,
    /// What an execution takes now.
    pub(super) now: f64,
    /// What it takes with these at best, in the middle and at worst.
    pub(super) after: [f64; 3],
    /// Whether these are times.
    pub(super) is_measured: bool,
    /// The best of what was considered beside: index, table, what the statement would take.
    pub(super) others: Vec<(Chosen, f64)>,
    /// How a condition that none of them serves could be written.
    pub(super) rewrite: Option<String>,
}

impl Choice {
    /// Takes checks of foreign keys into it: those whose time is in that of the execution, and those whose cost is in no plan.
    pub(super) fn add_checks(&mut self, seen: Vec<Check>, unseen: Vec<Check>) {
        let took: f64 = unseen.iter().map(|check| check.took).sum();
        self.now += took;
        self.after = self.after.map(|after| after + took);
        let mut checks: Vec<Check> = seen.into_iter().chain(unseen).collect();
        let of_all = self.after_checks(&checks)[1];
        checks.retain(|check| check.saved(1) >= of_all * (FURTHER_MIN - 1.0));
        let after = self.after_checks(&checks);
        if !checks.is_empty() && after[1] * FACTOR_MIN <= self.now {
            self.after = after;
            self.chosen.extend(checks.into_iter().map(|check| check.chosen));
        }
    }

    fn after_checks(&self, checks: &[Check]) -> [f64; 3] {
        let saved = |case: usize| checks.iter().map(|check| check.saved(case)).sum::<f64>();
        [0, 1, 2].map(|case| (self.after[case] - saved(case)).max(1.0))
    }
}

/// A chosen candidate with what is known of its table.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// The use; of a foreign key that is checked none.
    pub(super) table_use: usize,
    /// The table.
    pub(super) table: String,
    /// The indexes.
    pub(super) indexes: Vec<Index>,
    /// Rows of the table.
    pub(super) rows: f64,
    /// Part of the rows that are in the index.
    pub(super) part: f64,
    /// Whether the table is partitioned.
    pub(super) is_partitioned: bool,
    /// Whether the index holds all columns that are read.
    pub(super) is_covering: bool,
}

/// A statement with the work of its slowest plan.
pub(super) struct Analysis<'a> {
    pub(super) statement: StatementUses,
    pub(super) work: Work,
    pub(super) known: Known<'a>,
    pub(super) engine: Engine,
}

impl<'a> Analysis<'a> {
    /// Looks at a statement and its plan; `None` where the statement cannot be parsed and no plan says the same.
    pub(super) fn of(text: &str, plans: &[Plan], engine: Engine, catalogue: &'a Catalogue) -> Option<Self> {
        let known = Known::new(catalogue, plans);
        let by_plan = || uses_of_plan(plans.first()?, &known);
        let statement = uses_of(text, engine, &known).or_else(by_plan)?;
        let mut work = plans.first().map(|plan| Work::of(&PlanView::new(plan))).unwrap_or_default();
        if matches!(engine, Engine::MySql | Engine::MariaDb) {
            end_early(&statement, &mut work);
        }
        Some(Self { statement, work, known, engine })
    }

    /// The model of its work.
    pub(super) fn model(&self) -> Model<'_> {
        let mut model =
            Model { work: &self.work, statement: &self.statement, known: &self.known, scans: Vec::new() };
        let matched = matched(&self.statement, &self.work);
        model.scans = matched
            .iter()
            .zip(&self.work.regions)
            .map(|(uses, region)| {
                let each = uses.iter().zip(&region.scans).map(|(table_use, scan)| {
                    let number = (*table_use)?;
                    let is_value = |condition: &Condition| !is_inside(condition, uses);
                    Some((number, Shares::of(&self.statement.uses[number], scan, &self.known, &is_value)))
                });
                each.collect()
            })
            .collect();
        model
    }

    /// All candidates of all of its tables.
    fn candidates(&self, model: &Model<'_>) -> Vec<Candidate> {
        let mut all = Vec::new();
        for (region, scans) in model.scans.iter().enumerate() {
            let uses: Vec<Option<usize>> =
                scans.iter().map(|known| known.as_ref().map(|(number, _)| *number)).collect();
            let is_table = |number: usize| !self.statement.uses[number].table.is_empty();
            for (number, shares) in scans.iter().flatten().filter(|(number, _)| is_table(*number)) {
                let table_use = &self.statement.uses[*number];
                let block = &self.statement.blocks[table_use.block];
                let is_wanted = block.is_limited || self.work.regions[region].wanted.is_some();
                let order = block.order.as_ref().filter(|order| order.table_use == *number && is_wanted);
                let extreme = block.extreme.as_ref().filter(|(own, _)| own == number);
                let extreme = extreme.map_or(&[][..], |(_, operands)| &operands[..]);
                let inside = |condition: &Condition| is_inside(condition, &uses);
                let making = Making::new(
                    self.engine,
                    &self.known,
                    *number,
                    table_use,
                    shares,
                    order,
                    extreme,
                    &inside,
                );
                all.extend(making.candidates());
            }
        }
        all.retain(|candidate| !self.is_there(candidate) && !self.may_be_there(model, candidate));
        all
    }

    /// Whether the indexes of a candidate exist.
    fn is_there(&self, candidate: &Candidate) -> bool {
        let table = &self.statement.uses[candidate.table_use].table;
        let known = self.known.table(table).filter(|table| !table.indexes.is_empty());
        let Some(table) = known else { return leads_with_key(candidate) };
        candidate
            .indexes
            .iter()
            .all(|index| table.indexes.iter().any(|own| own.is_valid && serves(own, index)))
    }

    /// Whether one of a single column could be an index that the server has named without its columns.
    fn may_be_there(&self, model: &Model<'_>, candidate: &Candidate) -> bool {
        let by_condition = !candidate.conditions.is_empty()
            || !candidate.joins.is_empty()
            || candidate.alternatives.is_some();
        let place = model.scan_of(candidate.table_use);
        by_condition
            && candidate.indexes.iter().all(|index| index.keys.len() == 1)
            && place.is_some_and(|(region, scan)| model.has_unknown_index(region, scan))
    }

    /// The set of indexes that it needs.
    pub(super) fn choose(&self, model: &Model<'_>, executions: u64) -> Choice {
        let candidates = self.candidates(model);
        let now = self.work.total;
        let mut set: Vec<usize> = Vec::new();
        // What no index changes would hide differences between those that do the rest in microseconds.
        let read: f64 = self.work.regions.iter().map(before).sum();
        let rest = (now - read).max(0.0) * 0.8;
        let score = |set: &[usize]| {
            let chosen: Vec<&Candidate> = set.iter().map(|number| &candidates[*number]).collect();
            let weight = chosen.iter().map(|candidate| weight(candidate)).product::<f64>();
            let beside: usize =
                chosen.iter().flat_map(|one| &one.indexes).map(|index| index.include.len()).sum();
            (model.after(&chosen, 1) - rest).max(1.0) * weight + beside as f64 * HELD_GAIN_MIN
        };
        let plain = |set: &[usize]| {
            let chosen: Vec<&Candidate> = set.iter().map(|number| &candidates[*number]).collect();
            model.after(&chosen, 1)
        };
        while set.len() < SET_MAX {
            let before = plain(&set);
            let Some(more) = further(&set, candidates.len(), &score, &plain, before) else { break };
            set.extend(more);
        }
        self.reduce(&mut set, &plain);
        smaller(&mut set, &candidates, &plain);
        if !self.is_worth(model, &candidates, &set, executions) {
            return Choice { now, after: [now; 3], is_measured: self.work.is_measured, ..Choice::default() };
        }
        let chosen: Vec<&Candidate> = set.iter().map(|number| &candidates[*number]).collect();
        let after = [0, 1, 2].map(|case| model.after(&chosen, case));
        let others = self.others(model, &candidates, &set, &plain);
        Choice {
            chosen: chosen.iter().map(|candidate| self.chosen(model, candidate)).collect(),
            now,
            after,
            is_measured: self.work.is_measured,
            others,
            rewrite: None,
        }
    }

    /// Whether a set makes the statement enough faster; where times were measured also at worst.
    fn is_worth(&self, model: &Model<'_>, candidates: &[Candidate], set: &[usize], executions: u64) -> bool {
        let chosen: Vec<&Candidate> = set.iter().map(|number| &candidates[*number]).collect();
        let now = self.work.total;
        let (middle, worst) = (model.after(&chosen, 1), model.after(&chosen, 2));
        let factor_at_worst = if self.work.is_measured { FACTOR_MIN } else { 1.0 };
        !set.is_empty()
            && middle * FACTOR_MIN <= now
            && worst * factor_at_worst <= now
            && !self.is_little(now - middle, executions)
    }

    /// Whether all executions together give back less than anybody notices.
    fn is_little(&self, saved: f64, executions: u64) -> bool {
        let is_time = self.work.is_measured || self.work.is_reckoned;
        is_time && saved * executions.max(1) as f64 <= GAIN_MIN_NS
    }

    /// Takes away what is not needed any more once the others are there.
    fn reduce(&self, set: &mut Vec<usize>, plain: &dyn Fn(&[usize]) -> f64) {
        let mut place = 0;
        while set.len() > 1 && place < set.len() {
            let without: Vec<usize> = set.iter().copied().filter(|number| *number != set[place]).collect();
            match plain(&without) <= plain(set) * 1.1 {
                true => *set = without,
                false => place += 1,
            }
        }
    }

    /// What else would help about, the best first.
    fn others(
        &self,
        model: &Model<'_>,
        candidates: &[Candidate],
        set: &[usize],
        plain: &dyn Fn(&[usize]) -> f64,
    ) -> Vec<(Chosen, f64)> {
        let rest = (0..candidates.len()).filter(|number| !set.contains(number));
        let mut rest: Vec<(usize, f64)> = rest.map(|number| (number, plain(&[number]))).collect();
        rest.retain(|(_, after)| after * FACTOR_MIN <= self.work.total);
        rest.sort_by(|one, other| one.1.total_cmp(&other.1));
        let is_brin = |number: usize| candidates[number].block_ranges.is_some();
        rest.into_iter()
            .enumerate()
            .filter(|(rank, (number, _))| *rank < OTHERS_MAX || is_brin(*number))
            .map(|(_, other)| other)
            .map(|(number, after)| (self.chosen(model, &candidates[number]), after))
            .collect()
    }

    fn chosen(&self, model: &Model<'_>, candidate: &Candidate) -> Chosen {
        let table_use = &self.statement.uses[candidate.table_use];
        let place = model.scan_of(candidate.table_use);
        let shares =
            place.and_then(|(region, scan)| model.scans[region][scan].as_ref().map(|(_, shares)| shares));
        let has_predicate = candidate.indexes.iter().any(|index| index.predicate.is_some());
        let in_predicate = |number: &&usize| {
            let operand = &table_use.conditions[**number].operand.text;
            let is_key =
                candidate.indexes.iter().any(|index| index.keys.iter().any(|key| key.expression == *operand));
            has_predicate
                && (!is_key || matches!(table_use.conditions[**number].test, Test::Null | Test::NotNull))
        };
        let part = shares.map_or(1.0, |shares| {
            candidate.conditions.iter().filter(in_predicate).map(|number| shares.each[*number]).product()
        });
        Chosen {
            table_use: candidate.table_use,
            table: table_use.table.clone(),
            indexes: candidate.indexes.clone(),
            rows: shares.map_or(0.0, |shares| shares.rows),
            part,
            is_covering: candidate.is_covering,
            is_partitioned: place.is_some_and(|(region, scan)| {
                self.is_partitioned(&self.work.regions[region].scans[scan], &table_use.table)
            }),
        }
    }

    fn is_partitioned(&self, scan: &Scan, table: &str) -> bool {
        let last = table.rsplit('.').next().unwrap_or(table);
        let is_parent = self.known.table(table).is_some_and(|own| self.known.has_partitions(own));
        is_parent || scan.is_partitioned || (scan.table != last && scan.table.starts_with(last))
    }
}

/// Puts a BRIN in the place of a b-tree that is not much better.
fn smaller(set: &mut [usize], candidates: &[Candidate], plain: &dyn Fn(&[usize]) -> f64) {
    for place in 0..set.len() {
        let table_use = candidates[set[place]].table_use;
        let is_brin = |number: &usize| {
            candidates[*number].block_ranges.is_some() && candidates[*number].table_use == table_use
        };
        let with = |number: usize| {
            let mut other = set.to_vec();
            other[place] = number;
            plain(&other)
        };
        let best =
            (0..candidates.len()).filter(is_brin).min_by(|one, other| with(*one).total_cmp(&with(*other)));
        if let Some(best) = best.filter(|best| with(*best) <= plain(set) * BRIN_LOSS_MAX) {
            set[place] = best;
        }
    }
}

/// Plans of MySQL and MariaDB do not tell where a limit stops them; the statement does.
fn end_early(statement: &StatementUses, work: &mut Work) {
    let matched = matched(statement, work);
    for (region, uses) in work.regions.iter_mut().zip(matched) {
        let Some(first) = uses.into_iter().flatten().next() else { continue };
        let block = &statement.blocks[statement.uses[first].block];
        if !block.is_aggregate && region.wanted.is_none() {
            region.wanted = block.first_rows;
        }
    }
}

/// Whether it would be one more index on what is surely the primary key.
fn leads_with_key(candidate: &Candidate) -> bool {
    let first = |index: &Index| index.keys.first().is_some_and(|key| key.expression == "id");
    candidate.indexes.iter().all(first)
}

/// The next one or two candidates for a set, if they make the statement enough faster.
fn further(
    set: &[usize],
    count: usize,
    score: &dyn Fn(&[usize]) -> f64,
    plain: &dyn Fn(&[usize]) -> f64,
    before: f64,
) -> Option<Vec<usize>> {
    let with = |more: &[usize]| [set, more].concat();
    let open: Vec<usize> = (0..count).filter(|number| !set.contains(number)).collect();
    let best = |options: Vec<Vec<usize>>| {
        let scored = options.into_iter().map(|more| (score(&with(&more)), more));
        scored.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, more)| more)
    };
    let is_enough = |more: &Vec<usize>| plain(&with(more)) * FURTHER_MIN <= before;
    let single = best(open.iter().map(|number| vec![*number]).collect()).filter(is_enough);
    let few = &open[..open.len().min(PAIRED_MAX)];
    let pairs = few
        .iter()
        .flat_map(|one| few.iter().filter(move |other| *other > one).map(move |other| vec![*one, *other]));
    let is_worth_two = |more: &Vec<usize>| match &single {
        Some(single) => plain(&with(more)) * FURTHER_MIN * FURTHER_MIN <= plain(&with(single)),
        None => plain(&with(more)) * FACTOR_MIN <= before,
    };
    let pair = if set.len() + 2 <= SET_MAX { best(pairs.collect()).filter(is_worth_two) } else { None };
    pair.or(single)
}

/// A smaller and simpler index is better where two are about as good.
fn weight(candidate: &Candidate) -> f64 {
    let each = candidate.indexes.iter().map(|index| {
        let by_method = if index.method == "gin" { 1.1 } else { 1.0 };
        // One of a single class serves no other value: it must be much better than one with the class as a key.
        let by_predicate = match &index.predicate {
            Some(_) if candidate.has_class && index.keys.len() > 1 => 1.15,
            Some(_) => 0.97,
            None => 1.0,
        };
        let by_expression =
            if index.keys.iter().any(|key| key.expression.starts_with('(')) { 1.02 } else { 1.0 };
        by_method
            * by_predicate
            * by_expression
            * 1.04_f64.powi(index.keys.len() as i32)
            * 1.15_f64.powi(index.include.len() as i32)
    });
    each.product()
}

/// Whether a condition joins with one of these uses.
fn is_inside(condition: &Condition, uses: &[Option<usize>]) -> bool {
    matches!(&condition.test, Test::Joins { other, .. } if uses.contains(&Some(*other)))
}

/// Which use each scan is: by its name, and by its table where the planner has numbered the name.
fn matched(statement: &StatementUses, work: &Work) -> Vec<Vec<Option<usize>>> {
    let mut free: Vec<bool> = vec![true; statement.uses.len()];
    let mut matched: Vec<Vec<Option<usize>>> =
        work.regions.iter().map(|region| vec![None; region.scans.len()]).collect();
    for is_exact in [true, false] {
        // Regions are in the reverse order of the plan.
        for (region, uses) in work.regions.iter().zip(&mut matched).rev() {
            for (scan, place) in region.scans.iter().zip(uses).filter(|(_, place)| place.is_none()) {
                let fits = |number: &usize| free[*number] && fits(&statement.uses[*number], scan, is_exact);
                let found = (0..statement.uses.len()).find(fits);
                if let Some(number) = found {
                    free[number] = false;
                    *place = Some(number);
                }
            }
        }
    }
    matched
}

fn fits(table_use: &super::uses::TableUse, scan: &Scan, is_exact: bool) -> bool {
    let table = table_use.table.rsplit('.').next().unwrap_or(&table_use.table);
    let is_of_table = scan.table == table
        || scan.table.is_empty()
        || !table.is_empty() && (scan.is_partitioned || scan.table.starts_with(table));
    match is_exact {
        true => !scan.alias.is_empty() && scan.alias == table_use.alias && is_of_table,
        false => {
            let stem = scan.alias.strip_prefix(&*table_use.alias).unwrap_or("?");
            let is_numbered =
                stem.strip_prefix('_').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
            is_numbered && is_of_table
        }
    }
}
