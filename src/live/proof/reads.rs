//! What is executed for a statement: itself where it only reads, else the search for the rows that it would change.
//!
//! Rows that are deleted must not be referred to any more, or those that refer to them go, too: with each row that a `DELETE`
//! finds, the rows of other tables are searched that foreign keys make the server search.

use detectors::indexes::{Catalogue, ForeignKey, Table};
use sqlparser::ast::{
    AssignmentTarget, Delete, FromTable, ObjectName, Query, SetExpr, Statement, TableFactor, TableWithJoins,
    Update, UpdateTableFromKind,
};

use super::super::guard;

/// Levels of rows that are deleted because others are.
const LEVELS_MAX: usize = 3;

/// A statement that only reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// Its text.
    pub(super) text: String,
    /// It stands for one that changes the rows it finds.
    pub(super) is_search_only: bool,
}

/// What is executed for a statement without placeholders.
///
/// # Errors
///
/// Why it is not executed.
pub(super) fn reading(text: &str, catalogue: &Catalogue) -> Result<Reading, String> {
    let parsed = guard::parsed(text)?;
    let search = match &parsed {
        Statement::Query(query) => match searched(query, catalogue) {
            Some(search) => search.map(|search| with(query, &search))?,
            None => {
                guard::only_reads(text)?;
                return Ok(Reading { text: text.to_owned(), is_search_only: false });
            }
        },
        Statement::Update(update) => of_update(update, catalogue)?,
        Statement::Delete(delete) => of_delete(delete, catalogue)?,
        Statement::Insert(insert) => match &insert.source {
            Some(source) if !matches!(*source.body, SetExpr::Values(_)) => source.to_string(),
            _ => return Err("it adds rows and searches none".to_owned()),
        },
        _ => return Err("it searches no rows".to_owned()),
    };
    guard::only_reads(&search)?;
    Ok(Reading { text: search, is_search_only: true })
}

/// The search of a change that has common table expressions before it.
fn searched(query: &Query, catalogue: &Catalogue) -> Option<Result<String, String>> {
    match &*query.body {
        SetExpr::Update(Statement::Update(update)) => Some(of_update(update, catalogue)),
        SetExpr::Delete(Statement::Delete(delete)) => Some(of_delete(delete, catalogue)),
        _ => None,
    }
}

fn with(query: &Query, search: &str) -> String {
    match &query.with {
        Some(with) => format!("{with} {search}"),
        None => search.to_owned(),
    }
}

fn of_update(update: &Update, catalogue: &Catalogue) -> Result<String, String> {
    let others = match &update.from {
        Some(UpdateTableFromKind::AfterSet(tables) | UpdateTableFromKind::BeforeSet(tables)) => {
            tables.as_slice()
        }
        None => &[],
    };
    let tables = std::iter::once(&update.table).chain(others).map(ToString::to_string);
    let set: Vec<String> =
        update.assignments.iter().flat_map(|assignment| set_by(&assignment.target)).collect();
    search(&checks(&update.table, catalogue, Some(&set)), tables.collect(), update.selection.as_ref())
}

/// The columns that an assignment sets.
fn set_by(target: &AssignmentTarget) -> Vec<String> {
    let last = |name: &ObjectName| name.0.last().map(|part| part.to_string().replace('"', ""));
    match target {
        AssignmentTarget::ColumnName(name) => last(name).into_iter().collect(),
        AssignmentTarget::Tuple(names) => names.iter().filter_map(last).collect(),
    }
}

fn of_delete(delete: &Delete, catalogue: &Catalogue) -> Result<String, String> {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let tables = from.iter().chain(delete.using.iter().flatten()).map(ToString::to_string);
    let checks = match (&from[..], &delete.using) {
        ([only], None) => checks(only, catalogue, None),
        _ => String::new(),
    };
    search(&checks, tables.collect(), delete.selection.as_ref())
}

/// The searches for rows that refer to a row of a table, as further columns: to one that is deleted, or of which these columns
/// are set.
fn checks(of: &TableWithJoins, catalogue: &Catalogue, set: Option<&[String]>) -> String {
    let TableFactor::Table { name, alias, .. } = &of.relation else { return String::new() };
    let own_name = name.to_string().replace('"', "");
    let called = alias.as_ref().map_or_else(|| name.to_string(), |alias| alias.name.to_string());
    let is_own = |key: &ForeignKey| {
        let is_of_table = key.references == own_name
            || key.references.rsplit_once('.').is_some_and(|(_, table)| table == own_name);
        is_of_table && set.is_none_or(|set| key.referenced.iter().any(|column| set.contains(column)))
    };
    let keys = referring(catalogue, &is_own);
    keys.map(|(table, key)| format!(", {}", check(catalogue, table, key, &called, set.is_none(), 0)))
        .collect()
}

/// Foreign keys with their tables, of those that are meant.
fn referring<'c>(
    catalogue: &'c Catalogue,
    is_meant: &dyn Fn(&ForeignKey) -> bool,
) -> impl Iterator<Item = (&'c Table, &'c ForeignKey)> {
    let keys =
        catalogue.tables.values().flat_map(|table| table.foreign_keys.iter().map(move |key| (table, key)));
    keys.filter(move |(_, key)| !key.referenced.is_empty() && is_meant(key))
}

/// The search that a foreign key makes the server do for one row; where rows that are found are deleted as well, with what
/// that makes it search.
fn check(
    catalogue: &Catalogue,
    table: &Table,
    key: &ForeignKey,
    called: &str,
    is_deleted: bool,
    level: usize,
) -> String {
    let own = match level {
        0 => "whyslow_referring".to_owned(),
        _ => format!("whyslow_referring_{level}"),
    };
    let pairs = key.columns.iter().zip(&key.referenced);
    let pairs = pairs.map(|(column, its)| format!("{own}.{} = {called}.{}", quoted(column), quoted(its)));
    let condition = pairs.collect::<Vec<_>>().join(" AND ");
    let name = format!("{}.{}", table.schema, table.name);
    let goes_on = is_deleted && key.cascades && level < LEVELS_MAX;
    let is_next = |next: &ForeignKey| goes_on && next.references == name;
    let further = referring(catalogue, &is_next).map(|(table, key)| {
        format!(" + coalesce(sum({}), 0)", check(catalogue, table, key, &own, true, level + 1))
    });
    let further: String = further.collect();
    let table = format!("{}.{}", quoted(&table.schema), quoted(&table.name));
    format!("(SELECT count(*){further} FROM {table} {own} WHERE {condition})")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn search(
    checks: &str,
    tables: Vec<String>,
    condition: Option<&sqlparser::ast::Expr>,
) -> Result<String, String> {
    match condition {
        Some(condition) => Ok(format!("SELECT *{checks} FROM {} WHERE {condition}", tables.join(", "))),
        None => Err("it changes all rows".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_becomes_the_search_for_its_rows() {
        for (text, expected) in [
            ("UPDATE a SET b = 1 WHERE c = 2", "SELECT * FROM a WHERE c = 2"),
            (
                "UPDATE a x SET b = y.b FROM d y WHERE x.id = y.id AND y.c > 1",
                "SELECT * FROM a x, d y WHERE x.id = y.id AND y.c > 1",
            ),
            ("DELETE FROM a WHERE c = 'it''s'", "SELECT * FROM a WHERE c = 'it''s'"),
            ("DELETE FROM a USING d WHERE a.id = d.id", "SELECT * FROM a, d WHERE a.id = d.id"),
            (
                "WITH x AS (SELECT 1 AS id) DELETE FROM a WHERE id IN (SELECT id FROM x)",
                "WITH x AS (SELECT 1 AS id) SELECT * FROM a WHERE id IN (SELECT id FROM x)",
            ),
            ("INSERT INTO a SELECT * FROM b WHERE c = 1", "SELECT * FROM b WHERE c = 1"),
        ] {
            let reading =
                reading(text, &Catalogue::default()).unwrap_or_else(|problem| panic!("{text}: {problem}"));
            assert_eq!(reading.text, expected);
            assert!(reading.is_search_only);
        }
    }

    #[test]
    fn what_refers_to_a_row_that_goes_is_searched() {
        let key = ForeignKey {
            columns: vec!["order_id".to_owned()],
            references: "public.orders".to_owned(),
            referenced: vec!["id".to_owned()],
            ..ForeignKey::default()
        };
        let items = Table {
            schema: "public".to_owned(),
            name: "items".to_owned(),
            foreign_keys: vec![key],
            ..Table::default()
        };
        let mut catalogue = Catalogue::default();
        catalogue.tables.insert("public.items".to_owned(), items);
        let reading = |text| reading(text, &catalogue).map(|reading| reading.text);
        assert_eq!(
            reading("DELETE FROM orders o WHERE o.id = 7").as_deref(),
            Ok("SELECT *, (SELECT count(*) FROM \"public\".\"items\" whyslow_referring WHERE \
                whyslow_referring.\"order_id\" = o.\"id\") FROM orders o WHERE o.id = 7")
        );
        assert_eq!(
            reading("UPDATE orders SET id = 8 WHERE id = 7").as_deref(),
            Ok("SELECT *, (SELECT count(*) FROM \"public\".\"items\" whyslow_referring WHERE \
                whyslow_referring.\"order_id\" = orders.\"id\") FROM orders WHERE id = 7")
        );
        assert_eq!(
            reading("UPDATE orders SET total = 8 WHERE id = 7").as_deref(),
            Ok("SELECT * FROM orders WHERE id = 7")
        );
        assert_eq!(
            reading("DELETE FROM teams WHERE id = 7").as_deref(),
            Ok("SELECT * FROM teams WHERE id = 7")
        );
    }

    #[test]
    fn what_goes_with_a_row_is_searched_for_in_turn() {
        let table = |name: &str, column: &str, references: &str| {
            let key = ForeignKey {
                columns: vec![column.to_owned()],
                references: format!("public.{references}"),
                referenced: vec!["id".to_owned()],
                cascades: true,
                ..ForeignKey::default()
            };
            let (schema, foreign_keys) = ("public".to_owned(), vec![key]);
            (
                format!("public.{name}"),
                Table { schema, name: name.to_owned(), foreign_keys, ..Table::default() },
            )
        };
        let tables = [table("items", "order_id", "orders"), table("orders", "user_id", "users")];
        let catalogue = Catalogue { tables: tables.into(), ..Catalogue::default() };
        let reading = |text: &str| reading(text, &catalogue).map(|reading| reading.text);
        assert_eq!(
            reading("DELETE FROM users WHERE id = 7").as_deref(),
            Ok(
                "SELECT *, (SELECT count(*) + coalesce(sum((SELECT count(*) FROM \"public\".\"items\" whyslow_referring_1 \
                WHERE whyslow_referring_1.\"order_id\" = whyslow_referring.\"id\")), 0) FROM \"public\".\"orders\" \
                whyslow_referring WHERE whyslow_referring.\"user_id\" = users.\"id\") FROM users WHERE id = 7"
            )
        );
    }

    #[test]
    fn what_searches_nothing_is_not_executed() {
        for text in [
            "INSERT INTO a VALUES (1)",
            "DELETE FROM a",
            "TRUNCATE a",
            "WITH x AS (DELETE FROM b RETURNING id) UPDATE a SET c = 1 WHERE id IN (SELECT id FROM x)",
        ] {
            assert!(reading(text, &Catalogue::default()).is_err(), "{text}");
        }
    }
}
