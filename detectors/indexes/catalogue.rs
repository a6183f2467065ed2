//! What is known of tables, columns and indexes: all of it where a server was asked, else what plans and statements tell.
//!
//! The vocabulary is that of PostgreSQL's catalogue (`pg_class`, `pg_stats`, `pg_index`).

use std::collections::{BTreeMap, BTreeSet};

/// Tables by `schema.name`; where the schema is not known, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    /// The tables.
    pub tables: BTreeMap<String, Table>,
    /// Version of the server, of PostgreSQL as `server_version_num`; `None` where none was asked.
    pub version: Option<u32>,
}

impl Catalogue {
    /// Whether the server is PostgreSQL 10, whose indexes hold nothing beside their keys and are of no partitioned table.
    pub(super) fn is_before_11(&self) -> bool {
        self.version.is_some_and(|version| version < 110_000)
    }

    /// Gives partitioned tables what is counted of their partitions: rows, pages and rows written, over all levels. A server
    /// counts what is in a partition there alone. Where one partition is not known, neither is the sum.
    pub fn sum_partitions(&mut self) {
        let parents: BTreeSet<String> =
            self.tables.values().filter_map(|table| table.partition_of.clone()).collect();
        let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
        for (_, leaf) in self.tables.iter().filter(|(name, _)| !parents.contains(*name)) {
            let mut parent = leaf.partition_of.as_ref();
            // A table has few levels; a catalogue that names a table as its own parent has no end.
            for _ in 0..LEVELS_MAX {
                let Some(name) = parent else { break };
                sums.entry(name.clone()).or_insert(Sum::NOTHING).add(leaf);
                parent = self.tables.get(name).and_then(|table| table.partition_of.as_ref());
            }
        }
        for (name, sum) in sums {
            if let Some(table) = self.tables.get_mut(&name) {
                table.rows = sum.rows.or(table.rows);
                table.pages = sum.pages.or(table.pages);
                table.rows_written = sum.written;
            }
        }
    }
}

/// Levels of partitions within partitions that are followed.
const LEVELS_MAX: usize = 16;

/// What partitions have together.
struct Sum {
    rows: Option<f64>,
    pages: Option<u64>,
    written: Option<u64>,
}

impl Sum {
    const NOTHING: Self = Self { rows: Some(0.0), pages: Some(0), written: Some(0) };

    fn add(&mut self, leaf: &Table) {
        self.rows = self.rows.zip(leaf.rows).map(|(sum, rows)| sum + rows);
        self.pages = self.pages.zip(leaf.pages).map(|(sum, pages)| sum.saturating_add(pages));
        self.written = self.written.zip(leaf.rows_written).map(|(sum, rows)| sum.saturating_add(rows));
    }
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Schema; empty where it is not known.
    pub schema: String,
    /// Name, as it is without quotes.
    pub name: String,
    /// Rows (`reltuples`); `None` where unknown.
    pub rows: Option<f64>,
    /// Pages of 8 KiB (`relpages`); `None` where unknown.
    pub pages: Option<u64>,
    /// Columns in the order of the table; empty where unknown.
    pub columns: Vec<Column>,
    /// Indexes; empty where unknown.
    pub indexes: Vec<Index>,
    /// Rows that were inserted, updated and deleted since statistics began; `None` where unknown.
    pub rows_written: Option<u64>,
    /// Its parent, if it is a partition.
    pub partition_of: Option<String>,
    /// Its references to other tables.
    pub foreign_keys: Vec<ForeignKey>,
}

/// A reference to another table (`pg_constraint` with `contype` `f`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignKey {
    /// Name of the constraint.
    pub name: String,
    /// The referring columns.
    pub columns: Vec<String>,
    /// The table that is referred to, as `schema.name`.
    pub references: String,
    /// Its columns that are referred to, in the order of `columns`; empty where they are not known.
    pub referenced: Vec<String>,
    /// Whether rows that refer to a deleted one are deleted as well (`ON DELETE CASCADE`).
    pub cascades: bool,
}

/// A column with what the planner knows of it (`pg_stats`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type: `timestamp with time zone`, `jsonb`, `text[]`.
    pub type_name: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether its collation compares bytes (`C`, `POSIX`), so that an ordinary index serves prefixes.
    pub is_bytewise: bool,
    /// Different values, from `n_distinct`; `None` where unknown.
    pub distinct: Option<f64>,
    /// Part of the rows where it is null, 0 to 1.
    pub null_fraction: Option<f64>,
    /// How far the order of the rows follows it, -1 to 1.
    pub correlation: Option<f64>,
    /// Mean bytes of a value.
    pub width: Option<u32>,
    /// Most common values as text with the part of the rows that have them. Evidence: shown nowhere as they are.
    pub common: Vec<(String, f64)>,
    /// Bounds of the histogram as text. Evidence: shown nowhere as they are.
    pub bounds: Vec<String>,
}

/// An index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Index {
    /// Name; empty for one that is proposed.
    pub name: String,
    /// Access method: `btree`, `gin`, `brin`, `gist`, `hash`.
    pub method: String,
    /// What it is ordered by, or searches in.
    pub keys: Vec<IndexKey>,
    /// Columns that it holds beside.
    pub include: Vec<String>,
    /// The condition of a partial index, as it is written behind `WHERE`.
    pub predicate: Option<String>,
    /// No two rows have the same keys.
    pub is_unique: bool,
    /// It is the primary key, or keeps a constraint.
    pub is_constraint: bool,
    /// It can be used; one that `CREATE INDEX CONCURRENTLY` left behind cannot.
    pub is_valid: bool,
    /// Bytes.
    pub bytes: Option<u64>,
    /// Scans since statistics began.
    pub scans: Option<u64>,
}

/// One key of an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexKey {
    /// A column, or an expression in brackets.
    pub expression: String,
    /// Operator class, where it is not the usual one: `text_pattern_ops`.
    pub operator_class: Option<String>,
    /// From the largest on.
    pub descending: bool,
    /// Where nulls are, when that is not the usual place: first in descending order, last in ascending.
    pub nulls_first: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(parent: Option<&str>, rows: Option<f64>, written: u64) -> Table {
        Table {
            rows,
            pages: rows.map(|rows| rows as u64 / 100),
            rows_written: Some(written),
            partition_of: parent.map(str::to_owned),
            ..Table::default()
        }
    }

    #[test]
    fn a_partitioned_table_is_as_large_as_its_partitions() {
        let tables = [
            ("p.events", table(None, None, 0)),
            ("p.events_1", table(Some("p.events"), Some(1_000.0), 7)),
            ("p.events_2", table(Some("p.events"), None, 0)),
            ("p.events_2_a", table(Some("p.events_2"), Some(500.0), 20)),
            ("p.events_2_b", table(Some("p.events_2"), Some(300.0), 30)),
            ("p.other", table(None, Some(9.0), 1)),
            ("p.unknown", table(None, Some(5.0), 0)),
            ("p.unknown_1", table(Some("p.unknown"), None, 4)),
        ];
        let tables = tables.map(|(name, table)| (name.to_owned(), table)).into();
        let mut catalogue = Catalogue { tables, ..Catalogue::default() };
        catalogue.sum_partitions();
        let told = |name: &str| {
            let table = &catalogue.tables[name];
            (table.rows, table.pages, table.rows_written)
        };
        assert_eq!(told("p.events"), (Some(1_800.0), Some(18), Some(57)));
        assert_eq!(told("p.events_2"), (Some(800.0), Some(8), Some(50)));
        assert_eq!(told("p.other"), (Some(9.0), Some(0), Some(1)));
        assert_eq!(told("p.unknown"), (Some(5.0), Some(0), Some(4)));
    }
}
