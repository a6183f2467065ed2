//! Plans of MySQL and MariaDB.
//!
//! Each form becomes the same tree, in the names of PostgreSQL:
//!
//! - The tables of a `SELECT` are joined in their order by a tree that leans to the left. A join by buffers without a hash is
//!   a nested loop with a join filter; one with a hash is a hash join, with the tables before below its `Hash`.
//! - A filter is a property of what it filters. `Plan Rows` and `Actual Rows` are what it leaves: the server's `rows` by its
//!   `filtered`. What is read before is `Plan Examined Rows` and `Actual Examined Rows`.
//! - `filesort` is a `Sort`; a temporary table is a `Materialize`; a derived table is a `Subquery Scan` above one.
//! - The server tells the name that a table has in the statement: that is the `Alias`, and there is no `Relation Name`.
//!
//! Times in the model are of one loop and hold what is below. MariaDB's `r_table_time_ms` and `r_other_time_ms` are totals
//! of all loops of the table alone: they are summed over what is below and divided by the loops. What a `SELECT` took beyond
//! its tables is its first node's. MySQL's tree tells times as the model has them.

mod access;
mod block;
mod cells;
mod document;
pub(super) mod json;
mod merge;
mod operation;
pub(super) mod rows;
mod select;
mod sorting;
mod table;
mod texts;
pub(super) mod tree;
