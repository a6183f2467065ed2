//! The index that one plan's statement lacks, for those who look at plans.

use super::choose::{Analysis, Chosen};
use super::ddl::create;
use super::model::before;
use super::{Catalogue, advise::bytes_of};
use crate::plans::{Basis, PlanView};

/// What a plan's statement lacks.
#[derive(Debug)]
pub(crate) struct Lack {
    /// The scan that takes longest of those that indexes would change.
    pub(crate) node: u32,
    /// All nodes that they would change.
    pub(crate) nodes: Vec<u32>,
    /// The tables.
    pub(crate) tables: Vec<String>,
    /// Statements that create the indexes; all are needed together.
    pub(crate) ddl: Vec<String>,
    /// Their size together, where rows are known.
    pub(crate) bytes: u64,
    /// What they give back at best, in the middle and at worst, in the unit of the plan's times.
    pub(crate) saved: [u64; 3],
    /// Rows that the scan reads, and that it keeps.
    pub(crate) rows: (u64, u64),
}

/// The indexes that would make a plan's statement faster; `None` where none would.
pub(crate) fn lack(view: &PlanView<'_>) -> Option<Lack> {
    // Of a plan without times and costs nothing can be said in their unit.
    if view.times.basis == Basis::None {
        return None;
    }
    let text = view.plan.statement.as_deref().unwrap_or_default();
    let catalogue = Catalogue::default();
    let analysis = Analysis::of(text, std::slice::from_ref(view.plan), view.engine(), &catalogue)?;
    let model = analysis.model();
    let choice = analysis.choose(&model, 1);
    let changed = |chosen: &Chosen| model.scan_of(chosen.table_use);
    let mut regions: Vec<usize> =
        choice.chosen.iter().filter_map(changed).map(|(region, _)| region).collect();
    regions.sort_unstable();
    regions.dedup();
    let scans = choice
        .chosen
        .iter()
        .filter_map(changed)
        .map(|(region, scan)| &analysis.work.regions[region].scans[scan]);
    let scan = scans.max_by(|one, other| one.cost.total_cmp(&other.cost))?;
    let mut tables: Vec<String> = choice.chosen.iter().map(|chosen| chosen.table.clone()).collect();
    tables.sort_unstable();
    tables.dedup();
    let whole: f64 = regions.iter().map(|region| before(&analysis.work.regions[*region])).sum();
    let indexes = || choice.chosen.iter().flat_map(|one| one.indexes.iter().map(move |index| (one, index)));
    Some(Lack {
        node: *scan.nodes.first()?,
        nodes: regions
            .iter()
            .flat_map(|region| analysis.work.regions[*region].nodes.iter().copied())
            .collect(),
        ddl: indexes()
            .map(|(one, index)| create(view.engine(), &one.table, index, one.is_partitioned))
            .collect(),
        bytes: indexes().filter_map(|(one, index)| bytes_of(one, index, None)).sum(),
        saved: choice.after.map(|after| (choice.now - after).clamp(0.0, whole) as u64),
        rows: (scan.read as u64, scan.kept as u64),
        tables,
    })
}
