//! Foreign keys whose checks search a table: the lines of triggers tell how long they take.

use super::catalogue::{Index, IndexKey, Table};
use super::choose::Chosen;
use super::health::full_name;
use super::known::Known;
use super::uses::quoted;
use crate::evidence::plan::{Facts, Key, Plan};

/// One check by an index takes no longer, in nanoseconds: a slower one searches.
const BY_INDEX_NS: u64 = 100_000;

/// What is left of the time of checks, and of what they cascade to, with an index: at best, in the middle, at worst.
const LEFT: [f64; 3] = [0.01, 0.05, 0.3];

/// An index that checks of a foreign key lack.
#[derive(Debug, Clone)]
pub(super) struct Check {
    /// The index.
    pub(super) chosen: Chosen,
    /// What its checks take in one execution, in the unit of the plan.
    pub(super) took: f64,
}

impl Check {
    /// The check of a constraint on these columns, without an index on them.
    pub(super) fn new(
        name: String,
        table: Option<&Table>,
        columns: &[String],
        took: f64,
        is_partitioned: bool,
    ) -> Self {
        let keys =
            columns.iter().map(|column| IndexKey { expression: quoted(column), ..IndexKey::default() });
        let index =
            Index { method: "btree".to_owned(), keys: keys.collect(), is_valid: true, ..Index::default() };
        let chosen = Chosen {
            table_use: usize::MAX,
            table: name,
            indexes: vec![index],
            rows: table.and_then(|table| table.rows).unwrap_or(0.0),
            part: 1.0,
            is_partitioned,
            is_covering: false,
        };
        Self { chosen, took }
    }

    /// What an index gives back: at best, in the middle, at worst.
    pub(super) fn saved(&self, case: usize) -> f64 {
        self.took * (1.0 - LEFT[case])
    }
}

/// The checks of an execution that search.
pub(super) fn checks(plan: &Plan, known: &Known<'_>) -> Vec<Check> {
    let slow = plan.triggers.iter().filter_map(|trigger| {
        let took = trigger.ns(Key::Time).unwrap_or(0);
        let searches = took / trigger.count(Key::Calls).max(1) > BY_INDEX_NS;
        let (name, columns) = referring_of(trigger, known.tables()).filter(|_| searches)?;
        let table = known.table(&name);
        let is_partitioned = table.is_some_and(|table| known.has_partitions(table));
        Some(Check::new(name, table, &columns, took as f64, is_partitioned))
    });
    slow.collect()
}

/// The table and the column of the constraint that a trigger keeps, as its name tells them.
pub(crate) fn referring(trigger: &Facts) -> Option<(String, String)> {
    let (table, columns) = referring_of(trigger, std::iter::empty())?;
    Some((quoted(&table), quoted(columns.first()?)))
}

/// Table and columns of a constraint: from the catalogue, else from its name, as PostgreSQL and most people make it:
/// `order_items_order_id_fkey`.
fn referring_of<'t>(
    trigger: &Facts,
    tables: impl Iterator<Item = &'t Table>,
) -> Option<(String, Vec<String>)> {
    let name = trigger.text(Key::ConstraintName)?;
    for table in tables {
        if let Some(key) = table.foreign_keys.iter().find(|key| key.name == name) {
            return Some((full_name(table), key.columns.clone()));
        }
    }
    by_name(name, trigger.text(Key::Relation).unwrap_or_default())
}

fn by_name(name: &str, relation: &str) -> Option<(String, Vec<String>)> {
    let stem = name.strip_suffix("_fkey")?;
    let referred = relation.rsplit('.').next().unwrap_or(relation);
    let singular = singular(referred);
    let wanted = format!("{singular}_id");
    let by_relation = stem.strip_suffix(&*wanted).filter(|_| !singular.is_empty());
    if let Some(table) = by_relation.and_then(|rest| rest.strip_suffix('_')).filter(|table| !table.is_empty())
    {
        return Some((table.to_owned(), vec![wanted]));
    }
    // `Order_customerId_fkey`: only the name of the column may be in two parts, and it ends here.
    if let Some((table, column)) =
        stem.rsplit_once('_').filter(|(_, column)| column.len() > 2 && column.ends_with("Id"))
    {
        return Some((table.to_owned(), vec![column.to_owned()])).filter(|_| !table.is_empty());
    }
    // `tickets_assignee_id_fkey`: the column is the last word with its `_id`, the table what stands before.
    let head = stem.strip_suffix("_id")?;
    let (table, word) = head.rsplit_once('_')?;
    Some((table.to_owned(), vec![format!("{word}_id")])).filter(|_| !table.is_empty())
}

/// `categories` is of `category`, `orders` of `order`.
fn singular(name: &str) -> String {
    if let Some(stem) = name.strip_suffix("ies") {
        return format!("{stem}y");
    }
    let stem = ["sses", "shes", "ches", "xes"]
        .iter()
        .find(|end| name.ends_with(**end))
        .and_then(|_| name.strip_suffix("es"));
    stem.or_else(|| name.strip_suffix('s')).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_constraints_tell_tables_and_columns() {
        for (name, relation, table, column) in [
            ("order_items_order_id_fkey", "orders", "order_items", "order_id"),
            ("documents_folder_id_fkey", "folders", "documents", "folder_id"),
            ("products_category_id_fkey", "categories", "products", "category_id"),
            ("tickets_assignee_id_fkey", "users", "tickets", "assignee_id"),
            ("Order_customerId_fkey", "customers", "Order", "customerId"),
        ] {
            assert_eq!(by_name(name, relation), Some((table.to_owned(), vec![column.to_owned()])));
        }
        assert_eq!(by_name("fk_1", "orders"), None);
    }
}
