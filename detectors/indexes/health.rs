//! Indexes that are there and should not be as they are: invalid, twice there, covered by another, unused.

use super::advice::{ExistingIndex, ExistingProblem};
use super::catalogue::{Catalogue, Index, Table};
use super::uses::quoted;
use crate::evidence::plan::Engine;

/// Finds what is wrong with the indexes of a catalogue, in the order of tables and problems.
pub(super) fn existing(catalogue: &Catalogue, engine: Engine) -> Vec<ExistingIndex> {
    let mut found = Vec::new();
    for table in catalogue.tables.values() {
        for (number, index) in table.indexes.iter().enumerate() {
            if let Some((problem, reason)) = problem(table, number, index) {
                found.push(ExistingIndex {
                    table: full_name(table),
                    name: index.name.clone(),
                    problem,
                    reason,
                    bytes: index.bytes,
                    ddl: Some(drop_statement(engine, table, index)),
                });
            }
        }
    }
    found.sort_by(|one, other| {
        (one.problem, &one.table, &one.name).cmp(&(other.problem, &other.table, &other.name))
    });
    found
}

/// A table's name with its schema, where that has to be said.
pub(super) fn full_name(table: &Table) -> String {
    match &*table.schema {
        "" | "public" => table.name.clone(),
        schema => format!("{schema}.{}", table.name),
    }
}

fn drop_statement(engine: Engine, table: &Table, index: &Index) -> String {
    let schema = if table.schema.is_empty() { String::new() } else { format!("{}.", quoted(&table.schema)) };
    match engine {
        Engine::PostgreSql => format!("DROP INDEX CONCURRENTLY {schema}{}", quoted(&index.name)),
        Engine::Sqlite => format!("DROP INDEX {}", quoted(&index.name)),
        _ => format!("DROP INDEX {} ON {}", quoted(&index.name), quoted(&table.name)),
    }
}

fn problem(table: &Table, number: usize, index: &Index) -> Option<(ExistingProblem, String)> {
    if !index.is_valid {
        let reason = "invalid: CREATE INDEX CONCURRENTLY was broken off; writers keep it up to date and no query uses it";
        return Some((ExistingProblem::Invalid, reason.to_owned()));
    }
    if index.is_constraint {
        return None;
    }
    let others = || table.indexes.iter().enumerate().filter(|(other, one)| *other != number && one.is_valid);
    // Of two that are equal the later one goes, unless the other keeps a constraint.
    let twin = others().find(|(other, one)| {
        same_keys(one, index) && (one.is_constraint || one.is_unique || (!index.is_unique && *other < number))
    });
    if let Some((_, twin)) = twin.filter(|(_, twin)| !index.is_unique || twin.is_unique) {
        return Some((ExistingProblem::Duplicate, format!("{} has the same keys", twin.name)));
    }
    let wider =
        others().find(|(_, one)| !index.is_unique && serves(one, index) && one.keys.len() > index.keys.len());
    if let Some((_, wider)) = wider {
        return Some((ExistingProblem::Overlapping, format!("{} begins with its keys", wider.name)));
    }
    let is_unused = index.scans == Some(0) && !index.is_unique;
    is_unused.then(|| {
        (
            ExistingProblem::Unused,
            "no scan since statistics began; look at replicas, too, before it is dropped".to_owned(),
        )
    })
}

fn same_keys(one: &Index, other: &Index) -> bool {
    one.keys.len() == other.keys.len() && one.include == other.include && serves(one, other)
}

/// Whether an index does all that another one does: its keys begin with those of the other.
pub(super) fn serves(wide: &Index, narrow: &Index) -> bool {
    let begins = wide.keys.len() >= narrow.keys.len()
        && wide.keys.iter().zip(&narrow.keys).all(|(one, other)| one == other);
    let is_held = |column: &String| {
        wide.include.contains(column) || wide.keys.iter().any(|key| key.expression == quoted(column))
    };
    let is_ordinary = wide.method == "btree" || wide.keys.len() == narrow.keys.len();
    begins
        && is_ordinary
        && wide.method == narrow.method
        && wide.predicate == narrow.predicate
        && narrow.include.iter().all(is_held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indexes::IndexKey;

    fn index(name: &str, keys: &[&str]) -> Index {
        let keys = keys.iter().map(|key| IndexKey { expression: (*key).to_owned(), ..IndexKey::default() });
        Index {
            name: name.to_owned(),
            method: "btree".to_owned(),
            keys: keys.collect(),
            is_valid: true,
            scans: Some(9),
            ..Index::default()
        }
    }

    fn problems(indexes: Vec<Index>) -> Vec<(String, ExistingProblem)> {
        let table = Table { name: "orders".to_owned(), indexes, ..Table::default() };
        let catalogue = Catalogue { tables: [("orders".to_owned(), table)].into(), ..Catalogue::default() };
        existing(&catalogue, Engine::PostgreSql)
            .into_iter()
            .map(|found| (found.name, found.problem))
            .collect()
    }

    #[test]
    fn duplicates_and_prefixes_are_told_once() {
        let found = problems(vec![
            index("a", &["x"]),
            index("b", &["x"]),
            index("c", &["y", "z"]),
            index("d", &["y"]),
        ]);
        assert_eq!(
            found,
            [("b".to_owned(), ExistingProblem::Duplicate), ("d".to_owned(), ExistingProblem::Overlapping)]
        );
    }

    #[test]
    fn constraints_and_unique_indexes_stay() {
        let key = Index { is_constraint: true, is_unique: true, scans: Some(0), ..index("pk", &["x"]) };
        let unique = Index { is_unique: true, scans: Some(0), ..index("u", &["y"]) };
        assert_eq!(problems(vec![key, unique, index("w", &["y", "z"])]), []);
    }

    #[test]
    fn unused_and_invalid_are_told() {
        let unused = Index { scans: Some(0), ..index("n", &["x"]) };
        let broken = Index { is_valid: false, ..index("i", &["y"]) };
        assert_eq!(
            problems(vec![unused, broken]),
            [("i".to_owned(), ExistingProblem::Invalid), ("n".to_owned(), ExistingProblem::Unused)]
        );
    }
}
