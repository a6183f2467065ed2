//! Rows that refer to those which a statement deletes, or whose keys it changes: the server searches them for each, and where no
//! index leads to them it reads all of the table. Only an executed plan tells of that; the catalogue knows it before.

use std::collections::BTreeSet;

use super::catalogue::{ForeignKey, Index, Table};
use super::choose::Analysis;
use super::foreign_keys::Check;
use super::health::full_name;
use super::known::Known;
use super::model::Model;
use super::uses::{Written, quoted};

/// Levels of rows that are deleted because others are.
const LEVELS_MAX: u32 = 4;

/// Pages and rows in the planner's cost, in thousandths (`seq_page_cost`, `cpu_tuple_cost` and `cpu_operator_cost`).
const PAGE: f64 = 1_000.0;
const ROW: f64 = 12.5;

/// Searches that cost less are not worth an index.
const COST_MIN: f64 = 10_000.0;

/// Rows of a page, where its number of pages is not known.
const ROWS_OF_PAGE: f64 = 80.0;

/// The checks that searching takes, by their cost as the planner reckons it; none where a plan was executed, as it tells them itself.
pub(super) fn checks(analysis: &Analysis<'_>, model: &Model<'_>) -> Vec<Check> {
    if analysis.work.is_measured || analysis.work.is_reckoned {
        return Vec::new();
    }
    let mut checks = Checks { known: &analysis.known, found: Vec::new() };
    for (number, table_use) in analysis.statement.uses.iter().enumerate() {
        if let (Some(written), Some(table)) = (&table_use.written, analysis.known.table(&table_use.table)) {
            let set = match written {
                Written::Deleted => None,
                Written::Updated(columns) => Some(columns),
            };
            checks.of_rows(table, rows(model, number), set, 0);
        }
    }
    checks.found
}

/// How many rows of a use are found.
fn rows(model: &Model<'_>, table_use: usize) -> f64 {
    model.scan_of(table_use).map_or(1.0, |(region, _)| model.work.regions[region].rows.max(1.0))
}

struct Checks<'a, 'k> {
    known: &'a Known<'k>,
    found: Vec<Check>,
}

impl Checks<'_, '_> {
    /// Of so many rows of a table that are deleted, or of which these columns are set.
    fn of_rows(&mut self, table: &Table, rows: f64, set: Option<&BTreeSet<String>>, level: u32) {
        let name = format!("{}.{}", table.schema, table.name);
        let is_checked = |key: &ForeignKey| {
            key.references == name
                && set.is_none_or(|set| key.referenced.iter().any(|column| set.contains(column)))
        };
        for referring in self.known.tables().filter(|other| other.partition_of.is_none()) {
            for key in referring.foreign_keys.iter().filter(|key| is_checked(key)) {
                if !referring.indexes.iter().any(|index| leads_to(index, key)) {
                    self.add(referring, key, rows);
                }
                if key.cascades && set.is_none() && level < LEVELS_MAX {
                    self.of_rows(referring, rows * rows_of_one(referring, key), None, level + 1);
                }
            }
        }
    }

    fn add(&mut self, referring: &Table, key: &ForeignKey, rows: f64) {
        let Some(cost) = cost(referring).filter(|cost| rows * cost >= COST_MIN) else { return };
        let name = full_name(referring);
        let is_same = |own: &Check| {
            let first = &own.chosen.indexes[0].keys;
            own.chosen.table == name && first.iter().map(|key| &key.expression).eq(key.columns.iter())
        };
        match self.found.iter_mut().find(|own| is_same(own)) {
            Some(own) => own.took += rows * cost,
            None => {
                let is_partitioned = self.known.has_partitions(referring);
                let check = Check::new(name, Some(referring), &key.columns, rows * cost, is_partitioned);
                self.found.push(check);
            }
        }
    }
}

/// What reading all of a table costs; `None` where its size is not known.
fn cost(table: &Table) -> Option<f64> {
    let rows = table.rows?;
    let pages = table.pages.map_or(rows / ROWS_OF_PAGE, |pages| pages as f64);
    Some(pages * PAGE + rows * ROW)
}

/// How many rows refer to one, as far as is known.
fn rows_of_one(table: &Table, key: &ForeignKey) -> f64 {
    let column = table.columns.iter().find(|column| key.columns.first() == Some(&column.name));
    let distinct = column.and_then(|column| column.distinct).unwrap_or(f64::INFINITY).max(1.0);
    (table.rows.unwrap_or(0.0) / distinct).max(1.0)
}

/// Whether an index leads to the rows that refer to one: what is null refers to none.
fn leads_to(index: &Index, key: &ForeignKey) -> bool {
    let first = index.keys.first().map_or("", |key| &key.expression);
    let is_whole = index.predicate.as_ref().is_none_or(|predicate| {
        let predicate = predicate.trim_matches(['(', ')']);
        key.columns.iter().any(|column| predicate == format!("{} IS NOT NULL", quoted(column)))
    });
    let is_searched = matches!(&*index.method, "btree" | "hash");
    index.is_valid && is_whole && is_searched && key.columns.iter().any(|column| quoted(column) == first)
}
