//! Indexes as statements that create them.

use super::catalogue::{Index, IndexKey};
use super::uses::{quoted, quoted_table};
use crate::evidence::plan::Engine;

/// The statement that creates an index. PostgreSQL builds it while others write, except on a partitioned table, which
/// knows no such way.
pub(super) fn create(engine: Engine, table: &str, index: &Index, is_partitioned: bool) -> String {
    let keys: Vec<String> = index.keys.iter().map(key).collect();
    let keys = keys.join(", ");
    let table_name = quoted_table(table);
    if engine != Engine::PostgreSql {
        return format!("CREATE INDEX {} ON {table_name} ({keys})", quoted(&name(table, index)));
    }
    let concurrently = if is_partitioned { "" } else { " CONCURRENTLY" };
    let method = if index.method == "btree" { String::new() } else { format!(" USING {}", index.method) };
    let include = match &index.include[..] {
        [] => String::new(),
        columns => format!(
            " INCLUDE ({})",
            columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
        ),
    };
    let predicate = index.predicate.as_ref().map_or(String::new(), |predicate| format!(" WHERE {predicate}"));
    format!("CREATE INDEX{concurrently} ON {table_name}{method} ({keys}){include}{predicate}")
}

/// One key.
pub(super) fn key(key: &IndexKey) -> String {
    let mut text = key.expression.clone();
    if let Some(class) = &key.operator_class {
        text.push(' ');
        text.push_str(class);
    }
    if key.descending {
        text.push_str(" DESC");
    }
    match key.nulls_first {
        Some(true) => text.push_str(" NULLS FIRST"),
        Some(false) => text.push_str(" NULLS LAST"),
        None => {}
    }
    text
}

/// A name where the engine wants one.
fn name(table: &str, index: &Index) -> String {
    let last = table.rsplit('.').next().unwrap_or(table);
    let keys = index
        .keys
        .iter()
        .map(|key| key.expression.chars().filter(|one| one.is_alphanumeric() || *one == '_'));
    let keys: Vec<String> = keys.map(Iterator::collect).collect();
    let mut name = format!("idx_{last}_{}", keys.join("_"));
    name.truncate(name.floor_char_boundary(60));
    name
}
