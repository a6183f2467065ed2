//! What is known of tables, columns and indexes: all of it where a server was asked, else what plans and statements tell.
//!
//! The vocabulary is that of PostgreSQL's catalogue (`pg_class`, `pg_stats`, `pg_index`).

use std::collections::BTreeMap;

/// Tables by `schema.name`; where the schema is not known, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    /// The tables.
    pub tables: BTreeMap<String, Table>,
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
