//! Which part of a plan reads which tables, and what that costs: where an index could change something.
//!
//! Scans that joins bring together are one region. What stands above a region (sums, groups, set operations) does the same
//! work whatever index the scans below use.

use super::reckoned::{Reckoned, reckoned};
use crate::evidence::plan::{Key, Node, NodeType};
use crate::plans::{Basis, PlanView};

/// The work of one plan.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Regions.
    pub(super) regions: Vec<Region>,
    /// What the whole takes: nanoseconds, measured or reckoned, or thousandths of the planner's cost.
    pub(super) total: f64,
    /// Whether that is time.
    pub(super) is_measured: bool,
    /// Whether the plan tells rows alone, and all times are reckoned from them.
    pub(super) is_reckoned: bool,
}

/// Scans that joins bring together.
#[derive(Debug, Default, Clone)]
pub(super) struct Region {
    /// The scans.
    pub(super) scans: Vec<Scan>,
    /// The joins, each with the scans below it.
    pub(super) joins: Vec<Joined>,
    /// Nodes that an index would change.
    pub(super) nodes: Vec<u32>,
    /// Rows that leave it, of all loops.
    pub(super) rows: f64,
    /// How often it is executed.
    pub(super) loops: f64,
    /// What sorting its rows takes.
    pub(super) sort_cost: f64,
    /// Rows that a limit above it asks for, of all loops.
    pub(super) wanted: Option<f64>,
    /// Whether its rows are sorted before the limit.
    pub(super) is_sorted: bool,
    /// Whether rows are summed up to a single one.
    pub(super) is_summed: bool,
    /// What summing up takes.
    pub(super) sum_cost: f64,
}

/// What reads one table.
#[derive(Debug, Default, Clone)]
pub(super) struct Scan {
    /// Its name in the statement; empty for what is no table.
    pub(super) alias: String,
    /// The table, or one of its partitions.
    pub(super) table: String,
    /// Whether it stands for several partitions.
    pub(super) is_partitioned: bool,
    /// Its nodes, the one that gives the rows first.
    pub(super) nodes: Vec<u32>,
    /// Rows read, of all loops.
    pub(super) read: f64,
    /// Rows left by its conditions, of all loops.
    pub(super) kept: f64,
    /// Loops.
    pub(super) loops: f64,
    /// What reading takes, with what is made of its rows for a join.
    pub(super) cost: f64,
    /// Pages that it looks at, of all loops; zero where they are not told.
    pub(super) blocks: f64,
    /// Indexes that it uses.
    pub(super) indexes: Vec<String>,
    /// Conditions that lead through these.
    pub(super) index_condition: String,
    /// Columns of other tables whose values lead through these, as MySQL and MariaDB tell them: `shop.o.customer_id`.
    pub(super) led_by: Vec<String>,
    /// Whether rows are taken away once they are read.
    pub(super) filters: bool,
    /// Indexes that the server finds to fit its conditions.
    pub(super) possible: Vec<String>,
}

/// A join.
#[derive(Debug, Default, Clone)]
pub(super) struct Joined {
    /// The scans below it, by number.
    pub(super) scans: Vec<usize>,
    /// How many of these are below its first input.
    pub(super) outer: usize,
    /// Its own part of the time.
    pub(super) cost: f64,
    /// Rows that it gives, of all loops.
    pub(super) rows: f64,
    /// `Inner`, `Left`, `Semi`, `Anti`.
    pub(super) kind: String,
}

impl Scan {
    /// What is done with each row that is read: reading on in a page, conditions, what is computed of it. An index spares
    /// none of it for the rows that it leads to. A scan that walks through most of an index, as its condition is not on the
    /// first key, looks at many pages for a row: that is not done with the row.
    pub(super) fn evaluation(&self) -> f64 {
        let walks = !self.index_condition.is_empty() && self.blocks > 20.0 * (self.read + self.loops);
        if walks { 0.0 } else { self.cost / self.read.max(1.0) }
    }

    /// Rows read of a table of which nothing else is known: all of it, if it is read whole.
    pub(super) fn table_rows(&self) -> f64 {
        self.read / self.loops.max(1.0)
    }
}

impl Work {
    /// The work of a plan.
    pub(super) fn of(view: &PlanView<'_>) -> Self {
        let is_reckoned = view.times.basis == Basis::None;
        let reckoned = if is_reckoned { reckoned(view) } else { Vec::new() };
        let at = vec![None; view.plan.nodes.len()];
        let again = again(view);
        let mut gathering = Gathering { view, reckoned, again, regions: Vec::new(), at };
        for number in (0..view.plan.nodes.len() as u32).rev() {
            gathering.node(number);
        }
        let total = match view.times.basis {
            Basis::Measured => view.times.execution_ns as f64,
            Basis::Estimated => {
                view.plan.nodes.first().and_then(|root| root.facts.number(Key::TotalCost)).unwrap_or(0.0)
                    * 1000.0
            }
            Basis::None => gathering.reckoned.iter().map(|node| node.ns).sum(),
        };
        let regions = gathering.regions.into_iter().filter(|region| !region.scans.is_empty()).collect();
        Self { regions, total, is_measured: view.times.basis == Basis::Measured, is_reckoned }
    }
}

/// Regions in the making: children are looked at before their parents.
struct Gathering<'v> {
    view: &'v PlanView<'v>,
    /// All nodes of a plan that tells neither times nor costs; else empty.
    reckoned: Vec<Reckoned>,
    /// How often each node is expected to be executed where that was not counted and is in the cost of what is above.
    again: Vec<f64>,
    regions: Vec<Region>,
    /// The region that the rows of a node come from.
    at: Vec<Option<usize>>,
}

impl Gathering<'_> {
    fn node(&mut self, number: u32) {
        let node = self.view.node(number);
        let inputs: Vec<u32> = self.view.inputs(number).collect();
        let region = match &node.node_type {
            kind if kind.is_table_scan() => Some(self.scan(number)),
            kind if kind.is_join() => self.join(number, &inputs),
            NodeType::Append | NodeType::MergeAppend => self.partitions(number, &inputs),
            NodeType::Hash | NodeType::Materialize | NodeType::Memoize => self.passed(number, &inputs),
            NodeType::Gather | NodeType::GatherMerge | NodeType::LockRows => self.passed(number, &inputs),
            NodeType::Sort | NodeType::IncrementalSort => self.sorted(number, &inputs),
            NodeType::Limit => self.limited(number, &inputs),
            NodeType::Aggregate => self.summed(number, &inputs),
            NodeType::SubqueryScan => self.kept(number),
            _ => None,
        };
        self.at[number as usize] = region;
    }

    fn scan(&mut self, number: u32) -> usize {
        let node = self.view.node(number);
        let text = |key| node.facts.text(key).unwrap_or_default().to_owned();
        let texts = |key| node.facts.list(key).iter().map(|text| text.to_string()).collect();
        let loops = self.loops(number);
        let kept = self.rows(number);
        let below: Vec<u32> =
            self.view.subtree(number).filter(|below| is_bitmap(self.view.node(*below))).collect();
        let nodes: Vec<u32> = std::iter::once(number).chain(below).collect();
        let of_indexes = |key| {
            let texts = nodes.iter().filter_map(|number| self.view.node(*number).facts.text(key));
            texts.map(str::to_owned).collect::<Vec<_>>()
        };
        let table = text(Key::RelationName);
        let alias = node.facts.text(Key::Alias).unwrap_or(&table).to_owned();
        let removed = node.removed() * node.loops() as f64;
        let read = match self.reckoned.get(number as usize) {
            Some(reckoned) => reckoned.read,
            None if node.facts.has(Key::ActualLoops) => kept + removed,
            None => self.estimated_read(number, kept),
        };
        let scan = Scan {
            alias,
            table,
            is_partitioned: false,
            read: read.max(1.0),
            kept,
            loops,
            cost: nodes.iter().map(|number| self.cost(*number)).sum(),
            blocks: nodes.iter().map(|number| self.view.self_blocks(*number) as f64).sum(),
            indexes: of_indexes(Key::IndexName),
            index_condition: of_indexes(Key::IndexCond).join(" AND "),
            filters: node.facts.has(Key::Filter),
            led_by: texts(Key::Ref),
            possible: texts(Key::PossibleKeys),
            nodes,
        };
        let nodes = scan.nodes.clone();
        let region = Region { rows: kept, loops, scans: vec![scan], nodes, ..Region::default() };
        self.regions.push(region);
        self.regions.len() - 1
    }

    /// How often a node is executed; processes that share an execution count once.
    fn loops(&self, number: u32) -> f64 {
        if let Some(reckoned) = self.reckoned.get(number as usize) {
            return reckoned.loops;
        }
        let node = self.view.node(number);
        match node.facts.has(Key::ActualLoops) {
            true => node.loops() as f64 / f64::from(self.view.times.nodes[number as usize].processes.max(1)),
            false => self.again[number as usize],
        }
    }

    /// What a node takes by itself.
    fn cost(&self, number: u32) -> f64 {
        match self.reckoned.get(number as usize) {
            Some(reckoned) => reckoned.ns,
            None => self.view.self_ns(number) as f64 * self.again[number as usize],
        }
    }

    /// Rows of all loops: as they were counted, else estimated.
    fn rows(&self, number: u32) -> f64 {
        let node = self.view.node(number);
        match self.reckoned.get(number as usize) {
            Some(reckoned) => reckoned.given,
            None => node.rows().unwrap_or_else(|| {
                node.facts.number(Key::PlanRows).unwrap_or(0.0) * self.again[number as usize]
            }),
        }
    }

    /// Rows that a scan would read, as they are told, else those that it gives where no condition takes any away, else by its
    /// cost: a page costs 1, and some eighty rows share it.
    fn estimated_read(&self, number: u32, kept: f64) -> f64 {
        let node = self.view.node(number);
        if let Some(told) = node.facts.number(Key::PlanExaminedRows) {
            return told.max(kept);
        }
        let cost = self.cost(number) / 1000.0;
        match (&node.node_type, node.facts.has(Key::Filter)) {
            (NodeType::SeqScan, true) => (cost * 40.0).max(kept),
            (_, true) => (cost * 2.0).max(kept),
            _ => kept,
        }
    }

    /// What gives the rows of its only input on.
    fn passed(&mut self, number: u32, inputs: &[u32]) -> Option<usize> {
        let [input] = inputs else { return None };
        let region = self.at[*input as usize]?;
        let cost = self.cost(number);
        let own = &mut self.regions[region];
        own.nodes.push(number);
        match own.scans.len() {
            1 => own.scans[0].cost += cost,
            _ => own.sort_cost += cost,
        }
        Some(region)
    }

    fn sorted(&mut self, number: u32, inputs: &[u32]) -> Option<usize> {
        let [input] = inputs else { return None };
        let region = self.at[*input as usize]?;
        let cost = self.cost(number);
        let own = &mut self.regions[region];
        own.nodes.push(number);
        own.sort_cost += cost;
        own.is_sorted = true;
        Some(region)
    }

    /// Of an `IN (SELECT …)` MariaDB keeps the rows before it joins them: they are one table of the join, as any other.
    fn kept(&mut self, number: u32) -> Option<usize> {
        let alias = self.view.node(number).facts.text(Key::Alias).unwrap_or_default();
        let child = self.view.children(number).first().filter(|_| alias.starts_with("<subquery"));
        self.passed(number, &[*child?])
    }

    /// A limit ends a region: what is above sees a few rows of it.
    fn limited(&mut self, number: u32, inputs: &[u32]) -> Option<usize> {
        let [input] = inputs else { return None };
        let region = self.at[*input as usize]?;
        let is_counted = self.view.node(*input).facts.has(Key::ActualLoops);
        let wanted = self.rows(*input).min(if is_counted { f64::INFINITY } else { self.rows(number) });
        self.regions[region].wanted.get_or_insert(wanted.max(1.0));
        None
    }

    /// A sum of all rows ends a region, too; smallest values need none of it where an index has them at its end.
    fn summed(&mut self, number: u32, inputs: &[u32]) -> Option<usize> {
        let [input] = inputs else { return None };
        let region = self.at[*input as usize]?;
        let (node, cost) = (self.view.node(number), self.cost(number));
        let own = &mut self.regions[region];
        own.nodes.push(number);
        own.sum_cost += cost;
        own.is_summed |= node.facts.text(Key::Strategy).is_none_or(|strategy| strategy == "Plain");
        // What workers have summed up is gathered and summed up once more.
        node.facts.text(Key::PartialMode).filter(|mode| *mode == "Partial").map(|_| region)
    }

    /// Partitions of one table are one scan; anything else that is appended is apart.
    fn partitions(&mut self, number: u32, inputs: &[u32]) -> Option<usize> {
        let regions: Vec<usize> = inputs.iter().filter_map(|input| self.at[*input as usize]).collect();
        let first = *regions.first()?;
        let stem = |region: &Region| match &region.scans[..] {
            [only] => Some(without_number(&only.alias).to_owned()),
            _ => None,
        };
        let name = stem(&self.regions[first])?;
        let same = |region: &usize| stem(&self.regions[*region]).as_deref() == Some(&*name);
        if regions.len() != inputs.len() || !regions.iter().all(same) {
            return None;
        }
        let cost = self.cost(number);
        for other in &regions[1..] {
            let taken = std::mem::take(&mut self.regions[*other]);
            self.regions[first].nodes.extend(&taken.nodes);
            self.regions[first].rows += taken.rows;
            self.regions[first].sort_cost += taken.sort_cost;
            self.regions[first].is_sorted |= taken.is_sorted;
            let own = &mut self.regions[first].scans[0];
            taken.scans.into_iter().for_each(|scan| own.add(scan));
        }
        self.regions[first].nodes.push(number);
        let own = &mut self.regions[first].scans[0];
        own.alias = name;
        own.is_partitioned = true;
        own.cost += cost;
        Some(first)
    }

    fn join(&mut self, number: u32, inputs: &[u32]) -> Option<usize> {
        let [outer, inner] = inputs else { return None };
        let first = self.region_of(*outer);
        let second = self.region_of(*inner);
        let taken = std::mem::take(&mut self.regions[second]);
        let node = self.view.node(number);
        let (loops, rows, cost) = (self.loops(number), self.rows(number), self.cost(number));
        let own = &mut self.regions[first];
        let (count, sorts) = (own.scans.len(), own.sort_cost + taken.sort_cost);
        (own.sort_cost, own.is_sorted) = (0.0, false);
        own.scans.extend(taken.scans);
        own.nodes.extend(taken.nodes);
        own.nodes.push(number);
        own.joins.extend(taken.joins.into_iter().map(|joined| Joined {
            scans: joined.scans.iter().map(|scan| scan + count).collect(),
            ..joined
        }));
        own.rows = rows;
        own.loops = loops;
        own.joins.push(Joined {
            scans: (0..own.scans.len()).collect(),
            outer: count,
            cost: cost + sorts,
            rows,
            kind: node.facts.text(Key::JoinType).unwrap_or("Inner").to_owned(),
        });
        Some(first)
    }

    /// The name in the statement of the rows that a recursive query has found before, where an input gives those.
    fn found_before(&self, input: u32) -> Option<&str> {
        let below = std::iter::successors(Some(input), |number| match self.view.node(*number).node_type {
            NodeType::Hash | NodeType::Sort | NodeType::Materialize => self.view.inputs(*number).next(),
            _ => None,
        });
        let node = self.view.node(below.last()?);
        node.facts.text(Key::Alias).filter(|_| node.node_type == NodeType::WorkTableScan)
    }

    /// The region of an input; of what is no table, a region with a scan that costs nothing more.
    fn region_of(&mut self, input: u32) -> usize {
        if let Some(region) = self.at[input as usize] {
            return region;
        }
        let (loops, rows) = (self.loops(input), self.rows(input));
        let alias = self.found_before(input).unwrap_or_default().to_owned();
        let scan = Scan { alias, read: rows.max(1.0), kept: rows, loops, ..Scan::default() };
        self.regions.push(Region { rows, loops, scans: vec![scan], ..Region::default() });
        self.regions.len() - 1
    }
}

impl Scan {
    fn add(&mut self, other: Self) {
        self.nodes.extend(other.nodes);
        self.read += other.read;
        self.kept += other.kept;
        self.cost += other.cost;
        self.blocks += other.blocks;
        self.filters |= other.filters;
        self.indexes.extend(other.indexes);
        if !self.index_condition.contains(&other.index_condition) {
            self.index_condition.push_str(" AND ");
            self.index_condition.push_str(&other.index_condition);
        }
    }
}

/// How often PostgreSQL expects the part of a recursive query to be executed that finds further rows (`cost_recursive_union`).
const RECURSIONS: f64 = 10.0;

/// How often nodes are executed by the reckoning of the planner, as far as their own costs do not say it.
fn again(view: &PlanView<'_>) -> Vec<f64> {
    let mut again: Vec<f64> = Vec::with_capacity(view.plan.nodes.len());
    for (number, node) in view.nodes() {
        let above = node.parent.map_or(1.0, |parent| again[parent as usize]);
        let is_further = node.parent.is_some_and(|parent| {
            view.node(parent).node_type == NodeType::RecursiveUnion
                && view.inputs(parent).nth(1) == Some(number)
        });
        let is_counted = view.times.basis == Basis::Measured;
        again.push(if is_further && !is_counted { above * RECURSIONS } else { above });
    }
    again
}

fn is_bitmap(node: &Node) -> bool {
    matches!(node.node_type, NodeType::BitmapAnd | NodeType::BitmapOr | NodeType::BitmapIndexScan)
}

/// The name of a partition's use without the number that the planner gives it.
fn without_number(alias: &str) -> &str {
    match alias.rsplit_once('_') {
        Some((stem, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            stem
        }
        _ => alias,
    }
}
