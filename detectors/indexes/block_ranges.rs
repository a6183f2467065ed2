//! BRIN: an index that keeps the smallest and greatest value of each 128 pages of a table.
//!
//! It is some kilobytes in size and costs writers next to nothing, but leads to whole ranges of pages. So it is only good where
//! rows lie in the order of the column, which statistics of the server tell (`pg_stats.correlation`): without these there is
//! none.

use super::candidates::Candidate;
use super::catalogue::{Column, Index, IndexKey, Table};
use super::known::Known;
use super::uses::{TableUse, Test, quoted};

/// Pages of one range (`pages_per_range`).
const RANGE_PAGES: f64 = 128.0;

/// A table of fewer ranges is not worth one.
const RANGES_MIN: f64 = 8.0;

/// Rows must follow the column as closely as this.
const CORRELATION_MIN: f64 = 0.95;

/// Ranges that hold an end of what is sought, and other rows beside.
const ENDS: f64 = 2.0;

/// Looking at the bounds of one range, and noting its pages, as a part of the descent of a b-tree.
const RANGE_DESCENT: f64 = 0.2;

/// Bytes of an index without ranges: its first page, the map of ranges, a page of bounds.
const EMPTY_BYTES: f64 = 24_576.0;

/// Bytes of a range beside its two values.
const RANGE_BYTES: f64 = 24.0;

/// Names of types that have an order and bounds of a known size.
const TYPES: [&str; 8] =
    ["smallint", "integer", "bigint", "numeric", "real", "double precision", "date", "time"];

/// What is known of the ranges of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BlockRanges {
    /// How many there are.
    ranges: f64,
    /// Part of the rows that do not follow the column.
    stray: f64,
}

impl BlockRanges {
    /// Rows that are read where a condition leaves a part of `rows`. Each stray row makes a range look as if it held more:
    /// `spread` says how many others are read for it.
    pub(super) fn read(&self, rows: f64, part: f64, spread: f64) -> f64 {
        let strays = (self.stray * spread).min(1.0);
        rows * (part + ENDS / self.ranges + strays).min(1.0)
    }

    /// What looking at all ranges takes, by the price of a descent of a b-tree.
    pub(super) fn descent(&self, descent: f64) -> f64 {
        descent * (1.0 + self.ranges * RANGE_DESCENT)
    }
}

/// An index for each column that ranges are asked of and that the rows follow, unless a b-tree leads with it.
pub(super) fn candidates(table_use: &TableUse, number: usize, known: &Known<'_>) -> Vec<Candidate> {
    let Some(table) = known.table(&table_use.table).filter(|table| !known.has_partitions(table)) else {
        return Vec::new();
    };
    let columns = table.columns.iter().filter(|column| !has_btree(table, column));
    let each = columns.filter_map(|column| {
        let is_range = |number: &usize| {
            let condition = &table_use.conditions[*number];
            let is_own = condition.operand.is_column() && condition.operand.text == quoted(&column.name);
            is_own && matches!(condition.test, Test::Range(_))
        };
        let conditions: Vec<usize> = (0..table_use.conditions.len()).filter(is_range).collect();
        let block_ranges = Some(ranges_of(table, column)?);
        let indexes = vec![index(column)];
        let candidate =
            Candidate { table_use: number, indexes, conditions, block_ranges, ..Candidate::default() };
        Some(candidate).filter(|candidate| !candidate.conditions.is_empty())
    });
    each.collect()
}

/// Its size, estimated.
pub(super) fn bytes(pages: u64, width: f64) -> u64 {
    (EMPTY_BYTES + pages as f64 / RANGE_PAGES * (2.0 * width + RANGE_BYTES)) as u64
}

fn index(column: &Column) -> Index {
    let key = IndexKey { expression: quoted(&column.name), ..IndexKey::default() };
    Index { method: "brin".to_owned(), keys: vec![key], is_valid: true, ..Index::default() }
}

/// The ranges of a table, if it is large enough and its rows follow the column.
fn ranges_of(table: &Table, column: &Column) -> Option<BlockRanges> {
    let correlation = column.correlation?.abs();
    let ranges = table.pages? as f64 / RANGE_PAGES;
    let has_type = TYPES.iter().any(|name| column.type_name.starts_with(name));
    let is_worth = has_type && ranges >= RANGES_MIN && correlation >= CORRELATION_MIN;
    is_worth.then(|| BlockRanges { ranges, stray: 1.0 - correlation.min(1.0) })
}

fn has_btree(table: &Table, column: &Column) -> bool {
    let leads = |index: &Index| index.keys.first().is_some_and(|key| key.expression == quoted(&column.name));
    table
        .indexes
        .iter()
        .any(|index| index.is_valid && index.method == "btree" && index.predicate.is_none() && leads(index))
}
