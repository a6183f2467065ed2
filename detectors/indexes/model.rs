//! What a region of a plan would take with certain indexes.
//!
//! Rows are those that the plan counted, times are prices for each row and each descent of an index. The prices come from
//! measurements of PostgreSQL 15 with all pages in memory: at best, in the middle, at worst. Where a plan tells
//! costs instead of times, they are those of the planner's cost settings.

use super::candidates::Candidate;
use super::known::Known;
use super::selectivity::Shares;
use super::uses::{Condition, Role, StatementUses, Test};
use super::work::{Region, Scan, Work};

/// Prices, in nanoseconds or thousandths of the planner's cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prices {
    /// One descent of an index.
    descent: f64,
    /// A row that an index leads to in the table.
    row: f64,
    /// A page of a table of which many are read, one after the other: rows that lie together share one.
    page: f64,
    /// A row that is read out of the index alone.
    held: f64,
    /// A row that a GIN index leads to, and that is looked at again.
    looked_at: f64,
    /// A row that passes a join.
    joined: f64,
    /// How many other rows of a range of pages are read for one that is not where it belongs.
    spread: f64,
}

/// What nobody measured: with all pages in memory rows count, and no pages.
const UNKNOWN: f64 = f64::INFINITY;

/// At best, in the middle, at worst.
const MEASURED: [Prices; 3] = [
    Prices {
        descent: 900.0,
        row: 90.0,
        page: UNKNOWN,
        held: 50.0,
        looked_at: 500.0,
        joined: 40.0,
        spread: 1.0,
    },
    Prices {
        descent: 2_000.0,
        row: 280.0,
        page: UNKNOWN,
        held: 100.0,
        looked_at: 1_500.0,
        joined: 80.0,
        spread: 3.0,
    },
    Prices {
        descent: 4_000.0,
        row: 1_100.0,
        page: UNKNOWN,
        held: 250.0,
        looked_at: 6_000.0,
        joined: 200.0,
        spread: 10.0,
    },
];

const ESTIMATED: [Prices; 3] = [
    Prices {
        descent: 500.0,
        row: 100.0,
        page: 1_000.0,
        held: 10.0,
        looked_at: 500.0,
        joined: 5.0,
        spread: 1.0,
    },
    Prices {
        descent: 4_000.0,
        row: 1_000.0,
        page: 1_100.0,
        held: 15.0,
        looked_at: 1_500.0,
        joined: 10.0,
        spread: 3.0,
    },
    Prices {
        descent: 8_500.0,
        row: 4_000.0,
        page: 1_500.0,
        held: 20.0,
        looked_at: 5_000.0,
        joined: 20.0,
        spread: 10.0,
    },
];

/// A statement's work with what is known of each scan.
pub(super) struct Model<'m> {
    pub(super) work: &'m Work,
    pub(super) statement: &'m StatementUses,
    pub(super) known: &'m Known<'m>,
    /// Of each region and scan: the use, and what its conditions leave.
    pub(super) scans: Vec<Vec<Option<(usize, Shares)>>>,
}

/// One of several ways to go on in a region.
#[derive(Debug, Clone, Copy)]
struct Step {
    scan: usize,
    cost: f64,
    rows: f64,
    by_index: bool,
}

impl Model<'_> {
    fn prices(&self, case: usize) -> Prices {
        if self.work.is_measured || self.work.is_reckoned { MEASURED[case] } else { ESTIMATED[case] }
    }

    /// What the statement would take with some candidates: 0 at best, 1 in the middle, 2 at worst.
    pub(super) fn after(&self, chosen: &[&Candidate], case: usize) -> f64 {
        let prices = self.prices(case);
        let mut after = self.work.total;
        for (number, region) in self.work.regions.iter().enumerate() {
            let before = before(region);
            let with = self.region(number, chosen, prices);
            after -= before - with.unwrap_or(before).min(before);
        }
        // Starting and ending an execution takes some microseconds whatever it does.
        after.max(prices.descent * 2.0)
    }

    /// The scan of a use.
    pub(super) fn scan_of(&self, table_use: usize) -> Option<(usize, usize)> {
        self.scans.iter().enumerate().find_map(|(region, scans)| {
            let scan = scans
                .iter()
                .position(|known| known.as_ref().is_some_and(|(number, _)| *number == table_use))?;
            Some((region, scan))
        })
    }

    /// What a region takes if at least one of the candidates is used; `None` where none of them fits.
    fn region(&self, number: usize, chosen: &[&Candidate], prices: Prices) -> Option<f64> {
        let region = &self.work.regions[number];
        let fitting: Vec<(usize, &Candidate)> = chosen
            .iter()
            .filter_map(|candidate| match self.scan_of(candidate.table_use) {
                Some((own, scan)) if own == number => Some((scan, *candidate)),
                _ => None,
            })
            .collect();
        if fitting.is_empty() {
            return None;
        }
        let drivers = (0..region.scans.len()).flat_map(|scan| {
            let by_index =
                fitting.iter().filter(move |(own, _)| *own == scan).map(|(_, candidate)| Some(*candidate));
            std::iter::once(None).chain(by_index).map(move |candidate| (scan, candidate))
        });
        drivers
            .filter_map(|(scan, driver)| self.driven(number, scan, driver, &fitting, prices))
            .reduce(f64::min)
    }

    /// What a region takes where one scan leads and the others are joined to it, the cheapest first.
    fn driven(
        &self,
        number: usize,
        scan: usize,
        driver: Option<&Candidate>,
        fitting: &[(usize, &Candidate)],
        prices: Prices,
    ) -> Option<f64> {
        let region = &self.work.regions[number];
        let is_joined = region.scans.len() > 1;
        if is_joined && !self.may_lead(region, scan) {
            return None;
        }
        let (mut cost, mut rows, is_early) = match driver {
            Some(candidate) => self.led_by(number, scan, candidate, prices)?,
            None => (region.scans[scan].cost, region.scans[scan].kept, false),
        };
        let by_value = is_looked_up(region, scan);
        if driver.is_none() && (!is_joined || by_value) {
            return None;
        }
        let full_rows = region.scans[scan].kept.max(1.0);
        let mut joined = vec![scan];
        let (mut used, mut steps_left) = (usize::from(driver.is_some()), 0);
        while joined.len() < region.scans.len() {
            let part = if is_early { (rows / full_rows).min(1.0) } else { 1.0 };
            let open = (0..region.scans.len()).filter(|scan| !joined.contains(scan));
            let steps = open.flat_map(|next| self.steps(number, &joined, next, rows, part, fitting, prices));
            let step = steps.min_by(|one, other| {
                (one.cost + one.rows * 10.0).total_cmp(&(other.cost + other.rows * 10.0))
            })?;
            cost += step.cost;
            rows = step.rows;
            used += usize::from(step.by_index);
            steps_left += usize::from(!step.by_index);
            joined.push(step.scan);
        }
        let joins: f64 = region.joins.iter().map(|joined| joined.cost).sum();
        let steps = (region.scans.len() - 1).max(1) as f64;
        cost += joins * steps_left as f64 / steps;
        let is_extreme = driver.is_some_and(|candidate| candidate.gives_extreme);
        cost += if is_early { 0.0 } else { region.sort_cost };
        cost += if is_extreme { 0.0 } else { region.sum_cost };
        (used > 0).then_some(cost)
    }

    /// Whether the others can be looked up for each row of a scan: not where its rows only fill up those of others.
    fn may_lead(&self, region: &Region, scan: usize) -> bool {
        region.joins.iter().all(|joined| {
            let place = joined.scans.iter().position(|own| *own == scan);
            let Some(place) = place else { return true };
            let is_outer = place < joined.outer;
            match &*joined.kind {
                "Inner" => true,
                "Left" | "Semi" | "Anti" => is_outer,
                "Right" | "Right Semi" | "Right Anti" => !is_outer,
                _ => false,
            }
        }) || self.leads_semi(region, scan)
    }

    /// The rows of an `IN (SELECT …)` can lead, each value once.
    fn leads_semi(&self, region: &Region, scan: usize) -> bool {
        let are_semi =
            region.joins.iter().all(|joined| matches!(&*joined.kind, "Inner" | "Semi" | "Right Semi"));
        let number = self.work.regions.iter().position(|own| std::ptr::eq(own, region));
        let table_use = number.and_then(|number| self.scans[number][scan].as_ref());
        are_semi
            && table_use.is_some_and(|(number, _)| {
                self.statement.blocks[self.statement.uses[*number].block].role == Role::Semi
            })
    }

    /// What an index as the leading one takes, the rows that it gives, and whether it stops early.
    fn led_by(
        &self,
        number: usize,
        scan: usize,
        candidate: &Candidate,
        prices: Prices,
    ) -> Option<(f64, f64, bool)> {
        let region = &self.work.regions[number];
        let (own, shares) = self.scans[number][scan].as_ref()?;
        if !candidate.joins.is_empty() {
            return None;
        }
        let scan = &region.scans[scan];
        let loops = region.loops.max(1.0);
        let price = row_price(candidate, prices) + scan.evaluation();
        let served = self.served(shares, candidate);
        let left = (shares.all() / served).min(1.0);
        if candidate.gives_extreme {
            let rows = loops * (1.0 / left).min(shares.rows);
            return region.is_summed.then_some((loops * prices.descent + rows * price, loops, true));
        }
        if candidate.is_ordered && self.hides_its_end(*own, candidate) {
            return None;
        }
        let wanted = region.wanted.filter(|_| candidate.is_ordered);
        let full = loops * shares.rows * served;
        match wanted {
            Some(wanted) => {
                let kept = match region.is_sorted {
                    true => scan.kept.max(1.0) * (wanted / region.rows.max(1.0)).min(1.0),
                    false => wanted,
                };
                let rows = (kept / left).min(full.max(kept));
                Some((loops * prices.descent + rows * price, kept, true))
            }
            None if candidate.is_ordered && region.is_sorted && region.wanted.is_none() => {
                Some((loops * prices.descent + full * price, scan.kept, true))
            }
            None if candidate.is_ordered => None,
            None if let Some(ranges) = candidate.block_ranges => {
                let read = loops * ranges.read(shares.rows, served, prices.spread);
                let cost = loops * ranges.descent(prices.descent) + read * price;
                Some((cost, scan.kept, false))
            }
            None => {
                let descents =
                    loops * candidate.indexes.iter().map(|index| descent(index, prices)).sum::<f64>();
                let rows =
                    self.rows_price(*own, candidate, full, prices).min(full * row_price(candidate, prices));
                Some((descents + rows + full * scan.evaluation(), scan.kept, false))
            }
        }
    }

    /// What rows cost that a bitmap leads to: no more than all pages of the table, one after the other.
    fn rows_price(&self, table_use: usize, candidate: &Candidate, rows: f64, prices: Prices) -> f64 {
        let table = self.known.table(&self.statement.uses[table_use].table);
        let pages = table.and_then(|table| table.pages).map_or(UNKNOWN, |pages| pages as f64);
        let is_plain = candidate.indexes.iter().all(|index| index.method == "btree");
        if is_plain { pages * prices.page + rows * prices.held } else { UNKNOWN }
    }

    /// Whether a condition that an ordered index does not serve is on what it is ordered by: the rows that meet it lie
    /// together, perhaps at the far end.
    fn hides_its_end(&self, table_use: usize, candidate: &Candidate) -> bool {
        let table_use = &self.statement.uses[table_use];
        let order = self.statement.blocks[table_use.block].order.as_ref();
        let first = order.and_then(|order| order.keys.first()).map_or(&[][..], |key| &key.operand.columns);
        let mut unserved = table_use
            .conditions
            .iter()
            .enumerate()
            .filter(|(number, _)| !candidate.conditions.contains(number));
        unserved.any(|(_, condition)| condition.operand.columns.iter().any(|column| first.contains(column)))
    }

    /// The part of the table that a candidate's conditions leave.
    fn served(&self, shares: &Shares, candidate: &Candidate) -> f64 {
        let by_conditions: f64 = candidate.conditions.iter().map(|number| shares.each[*number]).product();
        by_conditions * candidate.alternatives.map_or(1.0, |group| shares.alternatives[group])
    }

    /// The ways to join one more scan: as it is now, or by looking up each row in an index.
    #[allow(clippy::too_many_arguments, reason = "what has been joined so far")]
    fn steps(
        &self,
        number: usize,
        joined: &[usize],
        next: usize,
        rows: f64,
        part: f64,
        fitting: &[(usize, &Candidate)],
        prices: Prices,
    ) -> Vec<Step> {
        let region = &self.work.regions[number];
        let scan = &region.scans[next];
        let after = self.rows_after(number, joined, next, rows / part.max(1e-9)) * part;
        let is_looked_up = is_looked_up(region, next);
        let as_now = match is_looked_up {
            true => scan.cost * (rows / scan.loops.max(1.0)).min(1.0),
            false => scan.cost,
        };
        let mut steps = Vec::new();
        if leads_now(region, joined, next) {
            steps.push(Step { scan: next, cost: as_now, rows: after, by_index: false });
        }
        let Some((own, shares)) = &self.scans[number][next] else { return steps };
        for (_, candidate) in
            fitting.iter().filter(|(scan, candidate)| *scan == next && !candidate.joins.is_empty())
        {
            let conditions = &self.statement.uses[*own].conditions;
            let connects = |join: &usize| self.connects(number, joined, &conditions[*join].test);
            if !candidate.joins.iter().all(connects) {
                continue;
            }
            let left = (shares.all() / self.served(shares, candidate)).clamp(1e-6, 1.0);
            let read = after / left;
            let cost = rows * prices.descent
                + read * (row_price(candidate, prices) + scan.evaluation())
                + (rows + after) * prices.joined;
            steps.push(Step { scan: next, cost, rows: after, by_index: true });
        }
        if !is_looked_up && self.has_key(number, joined, next) {
            let cost =
                rows * (prices.descent + prices.row + scan.evaluation()) + (rows + after) * prices.joined;
            steps.push(Step { scan: next, cost, rows: after, by_index: true });
        }
        steps
    }

    /// Whether a join leads to one of the scans that are joined already.
    fn connects(&self, number: usize, joined: &[usize], test: &Test) -> bool {
        let Test::Joins { other, .. } = test else { return false };
        joined.iter().any(|scan| self.scans[number][*scan].as_ref().is_some_and(|(own, _)| own == other))
    }

    /// Whether a scan is joined by a column that surely has an index: its primary key.
    fn has_key(&self, number: usize, joined: &[usize], next: usize) -> bool {
        let Some((own, _)) = &self.scans[number][next] else { return false };
        let table_use = &self.statement.uses[*own];
        let is_join = |condition: &Condition| matches!(condition.test, Test::Joins { .. });
        let mut joins =
            table_use.conditions.iter().filter(|condition| self.connects(number, joined, &condition.test));
        // Where nothing but joins could use it, an index that the server names leads to one.
        if self.has_unknown_index(number, next) && table_use.conditions.iter().all(is_join) {
            return joins.next().is_some();
        }
        joins.any(|condition| {
            let column = condition.operand.columns.first().map_or("", |column| &**column);
            self.is_led(&table_use.table, column)
        })
    }

    /// MySQL and MariaDB name the indexes that fit a scan's conditions without their columns. The primary key is known where
    /// `id` is compared.
    pub(super) fn has_unknown_index(&self, number: usize, scan: usize) -> bool {
        let Some((own, _)) = &self.scans[number][scan] else { return false };
        let conditions = &self.statement.uses[*own].conditions;
        let is_key = |condition: &Condition| condition.operand.columns.iter().any(|column| &**column == "id");
        let mut possible = self.work.regions[number].scans[scan].possible.iter();
        possible.any(|name| name != "PRIMARY" || !conditions.iter().any(is_key))
    }

    /// Whether an index that is there leads with a column.
    fn is_led(&self, table: &str, column: &str) -> bool {
        match self.known.table(table).filter(|table| !table.indexes.is_empty()) {
            Some(table) => table.indexes.iter().any(|index| {
                let is_first =
                    index.keys.first().is_some_and(|key| key.expression == super::uses::quoted(column));
                is_first && index.is_valid && index.predicate.is_none()
            }),
            None => column == "id",
        }
    }

    /// Rows after one more scan is joined: as a join of the plan counted them, else what keys let expect.
    fn rows_after(&self, number: usize, joined: &[usize], next: usize, rows: f64) -> f64 {
        let region = &self.work.regions[number];
        let mut set: Vec<usize> = joined.iter().copied().chain([next]).collect();
        set.sort_unstable();
        if let Some(counted) = region.joins.iter().find(|join| join.scans == set) {
            return counted.rows;
        }
        if set.len() == region.scans.len() {
            return region.rows;
        }
        let scan = &region.scans[next];
        let by_key = self.has_key(number, joined, next);
        match (by_key, self.parent(number, joined, next)) {
            (true, _) => rows * (scan.kept / scan.read).min(1.0),
            (false, Some(parent)) => rows * scan.kept / parent.table_rows().max(1.0),
            (false, None) => (rows.max(1.0) * region.rows.max(1.0)).sqrt(),
        }
    }

    /// The table whose primary key a scan refers to.
    fn parent(&self, number: usize, joined: &[usize], next: usize) -> Option<&Scan> {
        let (own, _) = self.scans[number][next].as_ref()?;
        self.statement.uses[*own].conditions.iter().find_map(|condition| {
            let Test::Joins { other, column } = &condition.test else { return None };
            let table = &self.statement.uses[*other].table;
            let scan = joined
                .iter()
                .find(|scan| self.scans[number][**scan].as_ref().is_some_and(|(own, _)| own == other))?;
            self.is_led(table, column).then(|| &self.work.regions[number].scans[*scan])
        })
    }
}

/// What a region takes now.
pub(super) fn before(region: &Region) -> f64 {
    let scans: f64 = region.scans.iter().map(|scan| scan.cost).sum();
    let joins: f64 = region.joins.iter().map(|joined| joined.cost).sum();
    scans + joins + region.sort_cost + region.sum_cost
}

/// Whether a scan is executed for each row of another one.
fn is_looked_up(region: &Region, scan: usize) -> bool {
    let own = &region.scans[scan];
    let refers =
        |other: &Scan| !other.alias.is_empty() && own.index_condition.contains(&format!("{}.", other.alias));
    let others = region.scans.iter().enumerate().filter(|(number, _)| *number != scan);
    own.loops > region.loops * 1.01 + 1.0 || others.map(|(_, other)| other).any(refers)
}

/// Whether the tables whose values lead to a scan are joined before it.
fn leads_now(region: &Region, joined: &[usize], next: usize) -> bool {
    let columns = region.scans[next].led_by.iter().filter(|column| column.contains('.'));
    columns.map(|column| column.split('.').rev().nth(1).unwrap_or_default()).all(|alias| {
        let other = region.scans.iter().position(|scan| scan.alias == alias);
        other.is_none_or(|other| joined.contains(&other))
    })
}

/// A GIN index is searched for many keys of one value, and its answers are put together; a GiST has several pages of a level that
/// may hold an answer.
fn descent(index: &super::catalogue::Index, prices: Prices) -> f64 {
    if matches!(&*index.method, "gin" | "gist") { prices.descent * 20.0 } else { prices.descent }
}

fn row_price(candidate: &Candidate, prices: Prices) -> f64 {
    match candidate.indexes.first() {
        Some(index) if index.method == "gin" => prices.looked_at,
        // Pages are read one after the other, as a scan of the table does.
        Some(index) if index.method == "brin" => prices.held,
        _ if candidate.is_covering => prices.held,
        _ => prices.row,
    }
}
