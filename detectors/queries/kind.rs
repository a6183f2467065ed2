//! What a statement does, by what a parser found and not by its first letter.

use serde::Serialize;

use crate::evidence::shape::sql::Verb;
use crate::evidence::{Kind, Shape};
use crate::group;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementKind {
    /// Reads rows.
    Select,
    /// Adds rows.
    Insert,
    /// Changes rows.
    Update,
    /// Removes rows.
    Delete,
    /// `MERGE`, `REPLACE`.
    Merge,
    /// Calls a procedure or function.
    Call,
    /// `COPY`, `LOAD DATA`.
    Copy,
    /// `CREATE`, `ALTER`, `DROP`, `TRUNCATE`, ...
    Ddl,
    /// A query to a database without SQL.
    Document,
    /// Anything else.
    Other,
    /// Begins or ends a transaction; not counted.
    Txn,
    /// About the session: `SET`, `SHOW`, `SELECT 1`; not counted.
    Session,
    /// Reads the database's own tables, as mappers do at first use; not counted.
    Catalog,
}

/// Every kind, in the order in which documentation lists them.
const ALL: [(StatementKind, &str); 13] = [
    (StatementKind::Select, "select"),
    (StatementKind::Insert, "insert"),
    (StatementKind::Update, "update"),
    (StatementKind::Delete, "delete"),
    (StatementKind::Merge, "merge"),
    (StatementKind::Call, "call"),
    (StatementKind::Copy, "copy"),
    (StatementKind::Ddl, "ddl"),
    (StatementKind::Document, "document"),
    (StatementKind::Other, "other"),
    (StatementKind::Txn, "txn"),
    (StatementKind::Session, "session"),
    (StatementKind::Catalog, "catalog"),
];

impl StatementKind {
    /// What a statement of a shape does; `None` for steps around an execution, which has a span of its own.
    pub(super) fn of(kind: Kind, shape: &Shape) -> Option<Self> {
        if kind == Kind::Document {
            return Some(Self::Document);
        }
        if of_catalog(shape) {
            return Some(Self::Catalog);
        }
        Some(match group::verb(shape) {
            Verb::Select => Self::Select,
            Verb::Insert => Self::Insert,
            Verb::Update => Self::Update,
            Verb::Delete => Self::Delete,
            Verb::Merge => Self::Merge,
            Verb::Call => Self::Call,
            Verb::Copy => Self::Copy,
            Verb::Definition => Self::Ddl,
            Verb::Transaction => Self::Txn,
            // A number of a sequence may be asked for once for each row.
            Verb::Session if shape.text.to_ascii_lowercase().contains("nextval(") => Self::Call,
            Verb::Session => Self::Session,
            Verb::Other if group::is_session(shape) => return None,
            Verb::Other => Self::Other,
        })
    }

    /// Whether it counts: what frameworks and drivers do by themselves changes with each of their versions.
    pub fn counts(self) -> bool {
        !matches!(self, Self::Txn | Self::Session | Self::Catalog)
    }

    /// Its name everywhere.
    pub fn name(self) -> &'static str {
        ALL.iter().find(|(kind, _)| *kind == self).map_or("other", |(_, name)| name)
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

/// Whether a statement reads nothing but tables that the database itself has. PostgreSQL keeps `pg_` for them.
pub(crate) fn of_catalog(shape: &Shape) -> bool {
    const SCHEMAS: [&str; 6] =
        ["pg_catalog.", "information_schema.", "sys.", "mysql.", "performance_schema.", "system."];
    const TABLES: [&str; 2] = ["sqlite_master", "sqlite_schema"];
    let tables = shape.facts.as_ref().map_or(&[][..], |facts| &facts.tables);
    let own = |table: &str| {
        table.starts_with("pg_")
            || TABLES.contains(&table)
            || SCHEMAS.iter().any(|schema| table.starts_with(schema))
    };
    !tables.is_empty() && tables.iter().all(|table| own(table))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::shape::sql::{Dialect, Lexer};

    fn kind(text: &str) -> Option<StatementKind> {
        StatementKind::of(Kind::Sql, &Lexer::new(0).describe(text.as_bytes(), Dialect::Postgres))
    }

    #[test]
    fn by_what_it_does() {
        for (text, name) in [
            ("WITH o AS (SELECT * FROM orders) SELECT * FROM o", "select"),
            ("WITH o AS (SELECT 1) INSERT INTO orders SELECT * FROM o", "insert"),
            ("DROP TABLE orders", "ddl"),
            ("SAVEPOINT a", "txn"),
            ("SET search_path TO shop", "session"),
            ("SHOW standard_conforming_strings", "session"),
            ("select pg_catalog.version()", "session"),
            ("SELECT 1", "session"),
            ("SELECT nextval('orders_id_seq')", "call"),
            ("SELECT price(7)", "call"),
            ("SELECT t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace", "catalog"),
            ("SELECT relname FROM pg_catalog.pg_class WHERE relname = 'orders'", "catalog"),
            ("SELECT table_name FROM information_schema.tables", "catalog"),
            ("SELECT * FROM orders JOIN pg_class ON true", "select"),
        ] {
            assert_eq!(kind(text).map(StatementKind::name), Some(name), "{text}");
        }
    }

    #[test]
    fn names_are_read_back() {
        assert!(ALL.iter().all(|(kind, name)| StatementKind::parse(name) == Some(*kind)));
        assert!(ALL.iter().all(|(kind, name)| kind.name() == *name));
    }
}
