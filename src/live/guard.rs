//! Which statements may be executed: those that only read.
//!
//! The parser is the first guard and the server the second: what passes here runs in a read-only transaction that is
//! rolled back.

use std::borrow::Cow;
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, ObjectName, Query, SetExpr, Statement, TableFactor, Visit, Visitor};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// Nesting that the parser follows.
const DEPTH_MAX: usize = 50;

/// Beginnings of functions with effects that no transaction takes back, or that hold others up; and of those that execute a text,
/// in which such a one may stand.
const EFFECTS: [&str; 35] = [
    "brin_",
    "connectby",
    "crosstab",
    "dblink",
    "gin_clean_pending_list",
    "lo_export",
    "lo_import",
    "nextval",
    "pg_advisory",
    "pg_backup",
    "pg_cancel_backend",
    "pg_create_",
    "pg_drop_",
    "pg_export_snapshot",
    "pg_file_",
    "pg_logical_",
    "pg_log_",
    "pg_notify",
    "pg_promote",
    "pg_reload_conf",
    "pg_replication_",
    "pg_restore_",
    "pg_rotate_logfile",
    "pg_sleep",
    "pg_start_",
    "pg_stat_reset",
    "pg_stat_statements_reset",
    "pg_stop_",
    "pg_switch_",
    "pg_terminate_backend",
    "pg_try_advisory",
    "pg_wal_replay",
    "query_to_xml",
    "ts_rewrite",
    "ts_stat",
];

/// The statement where it only reads.
///
/// # Errors
///
/// Why it is not executed.
pub(super) fn only_reads(text: &str) -> Result<Box<Query>, String> {
    let statement = parsed(text)?;
    let mut walk = Walk::default();
    let _: ControlFlow<()> = statement.visit(&mut walk);
    match (statement, walk.problem) {
        (_, Some(problem)) => Err(problem),
        (Statement::Query(query), None) => Ok(query),
        _ => Err("it is no SELECT, VALUES, TABLE or WITH".to_owned()),
    }
}

/// The one statement of a text.
///
/// # Errors
///
/// Where the parser does not understand it, or there are several.
pub(super) fn parsed(text: &str) -> Result<Statement, String> {
    let text = with_select(text);
    let parser = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(DEPTH_MAX).try_with_sql(&text);
    let parsed = parser.and_then(|mut parser| parser.parse_statements());
    // The parser's own words quote the statement, which may hold secrets.
    let mut statements =
        parsed.map_err(|_| "it is not understood, and so not known to be harmless".to_owned())?;
    match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        (None, _) => Err("it is empty".to_owned()),
        _ => Err("it is more than one statement".to_owned()),
    }
}

/// `TABLE a` as what it stands for, which the parser knows.
fn with_select(text: &str) -> Cow<'_, str> {
    let text = text.trim_start();
    match (text.get(..5), text.get(5..)) {
        (Some(word), Some(rest))
            if word.eq_ignore_ascii_case("table") && rest.starts_with(char::is_whitespace) =>
        {
            format!("SELECT * FROM {rest}").into()
        }
        _ => text.into(),
    }
}

#[derive(Default)]
struct Walk {
    problem: Option<String>,
}

impl Visitor for Walk {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if !query.locks.is_empty() {
            return self.found("it takes locks on rows (FOR UPDATE, FOR SHARE)");
        }
        self.body(&query.body)
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::Function(function) => self.called(&function.name),
            _ => ControlFlow::Continue(()),
        }
    }

    /// `FROM f(1)` is no expression.
    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => {
                self.called(name)
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

impl Walk {
    fn called(&mut self, function: &ObjectName) -> ControlFlow<()> {
        let name = function.0.last().and_then(|part| part.as_ident());
        let name = name.map(|name| name.value.to_ascii_lowercase()).unwrap_or_default();
        match EFFECTS.iter().any(|begin| name.starts_with(begin)) {
            true => self.found(&format!("it calls {name}, which has effects beyond its transaction")),
            false => ControlFlow::Continue(()),
        }
    }

    fn body(&mut self, body: &SetExpr) -> ControlFlow<()> {
        match body {
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                self.found("a part of it changes data")
            }
            SetExpr::Select(select) if select.into.is_some() => {
                self.found("it creates a table (SELECT INTO)")
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left)?;
                self.body(right)
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn found(&mut self, problem: &str) -> ControlFlow<()> {
        self.problem = Some(problem.to_owned());
        ControlFlow::Break(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_reads_may_run() {
        for text in [
            "SELECT 1",
            "select * from a where b = 'x;y' -- and;so on\n;",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "TABLE a",
            "VALUES (1), (2)",
            "(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1",
        ] {
            assert!(only_reads(text).is_ok(), "{text}: {:?}", only_reads(text).err());
        }
    }

    #[test]
    fn what_does_more_than_reading_does_not() {
        for (text, reason) in [
            ("DELETE FROM a", "no SELECT"),
            ("UPDATE a SET b = 1", "no SELECT"),
            ("INSERT INTO a SELECT 1", "no SELECT"),
            ("TRUNCATE a", "no SELECT"),
            ("SELECT 1; DROP TABLE a", "more than one"),
            ("WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x", "changes data"),
            ("WITH x AS (INSERT INTO a VALUES (1) RETURNING *) SELECT * FROM x", "changes data"),
            ("SELECT * FROM (WITH x AS (UPDATE a SET b = 1 RETURNING *) SELECT * FROM x) y", "changes data"),
            ("SELECT * INTO b FROM a", "creates a table"),
            ("SELECT 1 UNION SELECT * FROM a FOR UPDATE", "takes locks"),
            ("SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_stat_activity", "pg_terminate_backend"),
            ("SELECT * FROM a WHERE b > pg_advisory_lock(1)", "pg_advisory_lock"),
            ("SELECT query_to_xml('SELECT pg_stat_reset()', true, true, '')", "query_to_xml"),
            ("SELECT * FROM ts_stat('SELECT pg_stat_reset()::text::tsvector')", "ts_stat"),
            ("SELECT * FROM pg_stat_reset()", "pg_stat_reset"),
            ("SELECT 1 FROM a, LATERAL pg_catalog.pg_terminate_backend(a.b) c", "pg_terminate_backend"),
            ("EXPLAIN ANALYZE DELETE FROM a", "no SELECT"),
            ("SELECT FROM WHERE 'secret", "not understood"),
            ("", "empty"),
        ] {
            let said = only_reads(text).unwrap_err();
            assert!(said.contains(reason) && !said.contains("secret"), "{text}: {said}");
        }
    }
}
