//! Tables, columns and indexes out of the server's own catalogue.
//!
//! Four statements, each one row per table, column, index or foreign key. What this user may not see is named with what grants it.

use std::collections::BTreeSet;

use detectors::indexes::{Catalogue, Column, ForeignKey, Index, IndexKey, Table};
use serde::Deserialize;

use super::connection::{Connection, Row};
use super::problem::Problem;

/// Tables that are read, the largest first.
const TABLES_MAX: usize = 5_000;

/// Bytes of a value that is kept; longer ones tell no more.
const VALUE_MAX: usize = 1_000;

/// The server's catalogue as far as this user sees it.
#[derive(Debug, Default)]
pub struct Known {
    /// Tables with columns and indexes.
    pub catalogue: Catalogue,
    /// What could not be seen, and what would help.
    pub missing: Vec<String>,
}

/// Reads tables outside of the system's schemas. Values of columns are read for tables of these names only, as there may be
/// very many.
///
/// # Errors
///
/// Where the server cannot be asked.
pub fn read(connection: &Connection, with_values: &BTreeSet<String>) -> Result<Known, Problem> {
    let mut known = Known::default();
    known.catalogue.version = Some(connection.version());
    let mut hidden = Vec::new();
    let rows = connection.catalogue_rows(&tables())?;
    if rows.len() > TABLES_MAX {
        known.missing.push(format!("only the {TABLES_MAX} largest tables are looked at"));
    }
    for row in rows.iter().take(TABLES_MAX) {
        let (key, table) = table(row);
        if !row.is("readable") {
            hidden.push(key.clone());
        }
        known.catalogue.tables.insert(key, table);
    }
    known.catalogue.sum_partitions();
    for row in connection.catalogue_rows(&columns(connection.version(), with_values))? {
        add_column(&mut known.catalogue, &row);
    }
    for row in connection.catalogue_rows(&indexes(connection.version()))? {
        add_index(&mut known.catalogue, &row)?;
    }
    for row in connection.catalogue_rows(&foreign_keys())? {
        add_foreign_key(&mut known.catalogue, &row);
    }
    known.missing.extend(hint(&hidden, connection.version()));
    Ok(known)
}

/// What helps where statistics of columns are hidden.
fn hint(hidden: &[String], version: u32) -> Option<String> {
    let first = hidden.first()?;
    let grant = match version {
        140_000.. => "GRANT pg_read_all_data TO the user".to_owned(),
        _ => format!("GRANT SELECT ON {first} TO the user"),
    };
    let others = match hidden.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    Some(format!("statistics of the columns of {first}{others} are hidden from this user: {grant}"))
}

/// Which relations are looked at, as a condition on `c` and `n`.
const OURS: &str =
    "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'";

fn tables() -> String {
    format!(
        "SELECT n.nspname AS schema, c.relname AS name, c.reltuples AS rows, c.relpages AS pages,
            CASE WHEN c.relkind = 'p' THEN 0 ELSE pg_relation_size(c.oid) / current_setting('block_size')::int END
                AS pages_now,
            s.n_tup_ins + s.n_tup_upd + s.n_tup_del AS written, pn.nspname AS parent_schema, p.relname AS parent,
            has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT') AS readable
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
        LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND c.relispartition
        LEFT JOIN pg_class p ON p.oid = i.inhparent LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
        WHERE c.relkind IN ('r', 'p', 'm') AND {OURS}
        ORDER BY c.relpages DESC, c.oid LIMIT {}",
        TABLES_MAX + 1
    )
}

fn table(row: &Row) -> (String, Table) {
    let text = |name: &str| row.text(name).unwrap_or_default().to_owned();
    let table = Table {
        schema: text("schema"),
        name: text("name"),
        rows: rows(row),
        pages: row.number("pages").filter(|pages| *pages > 0).or_else(|| row.number("pages_now")),
        rows_written: row.number("written"),
        partition_of: row
            .text("parent")
            .map(|parent| format!("{}.{parent}", row.text("parent_schema").unwrap_or_default())),
        ..Table::default()
    };
    (format!("{}.{}", table.schema, table.name), table)
}

/// Rows as counted by the last `ANALYZE`: where there was none, 14 says -1 and earlier versions 0 rows in 0 pages.
fn rows(row: &Row) -> Option<f64> {
    let pages: u64 = row.number("pages").unwrap_or(0);
    row.number::<f64>("rows").filter(|rows| *rows > 0.0 || (*rows == 0.0 && pages > 0))
}

fn columns(version: u32, with_values: &BTreeSet<String>) -> String {
    let names: Vec<String> = with_values.iter().map(|name| quoted(name)).collect();
    let named = match names.is_empty() {
        true => "false".to_owned(),
        false => format!("c.relname IN ({})", names.join(", ")),
    };
    format!(
        "SELECT n.nspname AS schema, c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
            NOT a.attnotnull AS nullable, {} AS bytewise,
            CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * greatest(c.reltuples, 0) ELSE s.n_distinct END AS distinct,
            s.null_frac AS nulls, s.correlation AS correlation, s.avg_width AS width,
            CASE WHEN {named} THEN array_to_json(s.most_common_vals::text::text[]) END AS common,
            CASE WHEN {named} THEN array_to_json(s.most_common_freqs) END AS frequencies,
            CASE WHEN {named} THEN array_to_json(s.histogram_bounds::text::text[]) END AS bounds
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_collation k ON k.oid = a.attcollation
        LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
            AND s.inherited = (c.relkind = 'p')
        WHERE c.relkind IN ('r', 'p', 'm') AND {OURS}
        ORDER BY c.oid, a.attnum",
        bytewise(version)
    )
}

/// Whether the collation of a column, `k`, compares bytes. The usual one is that of the database.
fn bytewise(version: u32) -> String {
    let own = match version {
        150_000.. => "datlocprovider = 'b' OR (datlocprovider = 'c' AND datcollate IN ('C', 'POSIX'))",
        _ => "datcollate IN ('C', 'POSIX')",
    };
    format!(
        "coalesce(CASE WHEN k.collname = 'default' THEN
            (SELECT {own} FROM pg_database WHERE datname = current_database())
            ELSE k.collname IN ('C', 'POSIX', 'ucs_basic') OR k.collprovider = 'b' END, false)"
    )
}

fn add_column(catalogue: &mut Catalogue, row: &Row) {
    let Some(table) = own_table(catalogue, row) else { return };
    let text = |name: &str| row.text(name).unwrap_or_default().to_owned();
    let values: Vec<Option<String>> = list(row, "common");
    let frequencies: Vec<f64> = list(row, "frequencies");
    let common = values.into_iter().zip(frequencies).filter_map(|(value, part)| Some((value?, part)));
    let bounds: Vec<Option<String>> = list(row, "bounds");
    table.columns.push(Column {
        name: text("name"),
        type_name: text("type"),
        nullable: row.is("nullable"),
        is_bytewise: row.is("bytewise"),
        distinct: row.number("distinct").filter(|distinct| *distinct > 0.0),
        null_fraction: row.number("nulls"),
        correlation: row.number("correlation"),
        width: row.number("width"),
        common: common.filter(|(value, _)| value.len() <= VALUE_MAX).collect(),
        bounds: bounds.into_iter().flatten().filter(|value| value.len() <= VALUE_MAX).collect(),
    });
}

fn own_table<'c>(catalogue: &'c mut Catalogue, row: &Row) -> Option<&'c mut Table> {
    catalogue.tables.get_mut(&format!("{}.{}", row.text("schema")?, row.text("table")?))
}

fn foreign_keys() -> String {
    format!(
        "SELECT n.nspname AS schema, c.relname AS table, k.conname AS name, rn.nspname || '.' || r.relname AS references,
            k.confdeltype = 'c' AS cascades,
            (SELECT json_agg(a.attname ORDER BY place) FROM unnest(k.conkey) WITH ORDINALITY AS key (number, place)
                JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = key.number) AS columns,
            (SELECT json_agg(a.attname ORDER BY place) FROM unnest(k.confkey) WITH ORDINALITY AS key (number, place)
                JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = key.number) AS referenced
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
        WHERE k.contype = 'f' AND {OURS} ORDER BY c.oid, k.conname"
    )
}

fn add_foreign_key(catalogue: &mut Catalogue, row: &Row) {
    let Some(table) = own_table(catalogue, row) else { return };
    table.foreign_keys.push(ForeignKey {
        name: row.text("name").unwrap_or_default().to_owned(),
        columns: list(row, "columns"),
        references: row.text("references").unwrap_or_default().to_owned(),
        referenced: list(row, "referenced"),
        cascades: row.is("cascades"),
    });
}

/// A field that holds a list as JSON.
fn list<T: for<'a> Deserialize<'a>>(row: &Row, name: &str) -> Vec<T> {
    row.text(name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// What the server says of one key. `option` has bit 1 where it is descending, and bit 2 where nulls are first.
#[derive(Deserialize)]
struct Key {
    expression: String,
    is_column: bool,
    class: Option<String>,
    option: u8,
}

fn indexes(version: u32) -> String {
    let keys = if version >= 110_000 { "i.indnkeyatts" } else { "i.indnatts" };
    format!(
        "SELECT n.nspname AS schema, t.relname AS table, c.relname AS name, m.amname AS method,
            i.indisunique AS is_unique, i.indisvalid AND i.indisready AND i.indislive AS is_valid,
            i.indisprimary OR i.indisexclusion OR EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
                AS is_constraint,
            pg_get_expr(i.indpred, i.indrelid, true) AS predicate,
            CASE WHEN c.relkind = 'i' THEN pg_relation_size(c.oid) END AS bytes, s.idx_scan AS scans,
            (SELECT json_agg(json_build_object(
                    'expression', pg_get_indexdef(i.indexrelid, k, true),
                    'is_column', i.indkey[k - 1] <> 0,
                    'class', CASE WHEN NOT o.opcdefault THEN o.opcname END,
                    'option', i.indoption[k - 1]) ORDER BY k)
                FROM generate_series(1, {keys}::int) k JOIN pg_opclass o ON o.oid = i.indclass[k - 1]
                ) AS keys,
            (SELECT json_agg(a.attname ORDER BY k) FROM generate_series({keys} + 1, i.indnatts::int) k
                JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1]) AS include
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
        JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_am m ON m.oid = c.relam
        LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = i.indexrelid
        WHERE {OURS} ORDER BY t.oid, c.relname"
    )
}

fn add_index(catalogue: &mut Catalogue, row: &Row) -> Result<(), Problem> {
    let keys: Vec<Key> = match row.text("keys").map(serde_json::from_str) {
        Some(Ok(keys)) => keys,
        _ => {
            return Err(Problem::Failed(
                "the server describes an index in a form that is not known".to_owned(),
            ));
        }
    };
    let Some(table) = own_table(catalogue, row) else { return Ok(()) };
    let text = |name: &str| row.text(name).unwrap_or_default().to_owned();
    table.indexes.push(Index {
        name: text("name"),
        method: text("method"),
        keys: keys.into_iter().map(key).collect(),
        include: list(row, "include"),
        predicate: row.text("predicate").map(str::to_owned),
        is_unique: row.is("is_unique"),
        is_constraint: row.is("is_constraint"),
        is_valid: row.is("is_valid"),
        bytes: row.number("bytes"),
        scans: row.number("scans"),
    });
    Ok(())
}

fn key(key: Key) -> IndexKey {
    let descending = key.option & 1 == 1;
    let nulls_first = key.option & 2 == 2;
    IndexKey {
        expression: match key.is_column || is_in_brackets(&key.expression) {
            true => key.expression,
            false => format!("({})", key.expression),
        },
        operator_class: key.class,
        descending,
        nulls_first: (nulls_first != descending).then_some(nulls_first),
    }
}

/// Whether the first bracket is closed by the last letter.
fn is_in_brackets(expression: &str) -> bool {
    let mut depth = 0_i32;
    let mut is_text = false;
    for (at, letter) in expression.char_indices() {
        match letter {
            '\'' => is_text = !is_text,
            '(' if !is_text => depth += 1,
            ')' if !is_text => depth -= 1,
            _ => {}
        }
        if depth == 0 && at + letter.len_utf8() < expression.len() {
            return false;
        }
    }
    expression.starts_with('(') && depth == 0
}

/// A text as a literal; sessions read backslashes as they are.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_in_brackets_once() {
        for (expression, expected) in
            [("(a + b)", true), ("(a) + (b)", false), ("lower(a)", false), ("(')' || a)", true), ("", false)]
        {
            assert_eq!(is_in_brackets(expression), expected, "{expression}");
        }
    }
}
