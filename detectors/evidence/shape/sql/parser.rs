//! What a statement does, to which tables and by which conditions: once for each shape.
//!
//! Reads the canonical tokens only, so that every source of a shape tells the same.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, FromTable, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, JoinConstraint,
    JoinOperator, LimitClause, ObjectName, Query, Select, SetExpr, Statement, TableFactor, TableObject,
    TableWithJoins, UnaryOperator, Visit, Visitor,
};
use sqlparser::dialect as dialects;
use sqlparser::parser::Parser;

use super::lexer::Dialect;
use super::outline::{nests_deeply, outline};
use super::text::{Style, TEXT_BYTES, Token, render};
use super::{Comparison, Facts, Predicate, Verb};

/// Nesting that the parser follows.
const DEPTH_MAX: usize = 50;

/// The facts of a statement: from a parser where one understands it, else from its tokens.
pub(super) fn facts(tokens: &[Token], truncated: bool) -> Facts {
    let mut facts = outline(tokens);
    facts.truncated = truncated;
    if truncated || nests_deeply(tokens) {
        return facts;
    }
    match parsed(tokens) {
        Some(statement) => by_statement(&statement, facts),
        None => facts,
    }
}

/// The first dialect that understands the statement speaks, whatever its source was.
fn parsed(tokens: &[Token]) -> Option<Statement> {
    let postgres = dialects::PostgreSqlDialect {};
    let mysql = dialects::MySqlDialect {};
    let server = dialects::MsSqlDialect {};
    let generic = dialects::GenericDialect {};
    let candidates: [(&dyn dialects::Dialect, Dialect); 4] = [
        (&postgres, Dialect::Postgres),
        (&mysql, Dialect::MySql),
        (&server, Dialect::SqlServer),
        (&generic, Dialect::Generic),
    ];
    candidates.into_iter().find_map(|(dialect, style)| {
        let text = Some(render(tokens, Style::Parsed(style))).filter(|text| text.len() <= TEXT_BYTES)?;
        let parser = Parser::new(dialect).with_recursion_limit(DEPTH_MAX).try_with_sql(&text).ok()?;
        let mut statements = { parser }.parse_statements().ok()?;
        if statements.len() == 1 { statements.pop() } else { None }
    })
}

fn by_statement(statement: &Statement, outline: Facts) -> Facts {
    let mut walk = Walk::default();
    let _: ControlFlow<()> = statement.visit(&mut walk);
    if outline.verb == Verb::Copy {
        // The parser keeps the name of its table from visitors.
        return Facts { parsed: true, ..outline };
    }
    let tables: BTreeSet<String> = walk.tables.difference(&walk.not_tables).cloned().collect();
    let written: BTreeSet<String> = walk.written.intersection(&tables).cloned().collect();
    let predicates = walk.predicates();
    let query = match statement {
        Statement::Query(query) => Some(&**query),
        _ => None,
    };
    let limited = query.is_some_and(is_limited) || limits_rows(statement);
    let ordered = query.is_some_and(|query| query.order_by.is_some());
    let ranged = predicates.iter().any(|predicate| predicate.comparison == Comparison::Range);
    Facts {
        verb: outline.verb,
        single_row: tables.len() == 1 && matches!(&predicates[..], [only] if is_key(only)),
        tables: tables.into_iter().map(String::into_boxed_str).collect(),
        main: outline.main,
        written: written.into_iter().map(String::into_boxed_str).collect(),
        paged: query.is_some_and(has_offset) || (limited && ordered && ranged),
        limited,
        locks: walk.locks,
        predicates,
        parsed: true,
        truncated: false,
    }
}

fn is_limited(query: &Query) -> bool {
    let top = matches!(&*query.body, SetExpr::Select(select) if select.top.is_some());
    let limit = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => limit.is_some(),
        Some(LimitClause::OffsetCommaLimit { .. }) => true,
        None => false,
    };
    limit || query.fetch.is_some() || top
}

fn has_offset(query: &Query) -> bool {
    match &query.limit_clause {
        Some(LimitClause::LimitOffset { offset, .. }) => offset.is_some(),
        Some(LimitClause::OffsetCommaLimit { .. }) => true,
        None => false,
    }
}

fn limits_rows(statement: &Statement) -> bool {
    match statement {
        Statement::Update(update) => update.limit.is_some(),
        Statement::Delete(delete) => delete.limit.is_some(),
        _ => false,
    }
}

/// An equality on a column that names one row: `id`, or `order_id` of `orders`.
fn is_key(predicate: &Predicate) -> bool {
    let column = predicate.column.to_ascii_lowercase();
    let table = predicate.table.as_deref().unwrap_or_default().rsplit('.').next().unwrap_or_default();
    let table = table.to_ascii_lowercase();
    let one = table.strip_suffix('s').unwrap_or(&table);
    let of_table = !one.is_empty()
        && column.strip_prefix(one).is_some_and(|rest| matches!(rest, "_id" | "id" | "_uuid" | "_pk"));
    let key = matches!(&*column, "id" | "uuid" | "guid" | "pk" | "ctid" | "rowid");
    predicate.comparison == Comparison::Equal && (key || of_table)
}

/// A predicate before its alias is resolved.
#[derive(Debug)]
struct Compared {
    qualifier: Option<String>,
    /// The table of a column without qualifier, where there is only one.
    only: Option<String>,
    column: String,
    comparison: Comparison,
}

#[derive(Debug, Default)]
struct Walk {
    tables: BTreeSet<String>,
    /// Names of common table expressions and functions.
    not_tables: BTreeSet<String>,
    aliases: BTreeMap<String, Option<String>>,
    written: BTreeSet<String>,
    compared: Vec<Compared>,
    locks: bool,
}

impl Visitor for Walk {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.locks |= !query.locks.is_empty();
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.not_tables.insert(identifier(&table.alias.name));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.tables.insert(name(relation));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let (table, alias) = match factor {
            TableFactor::Table { name: table, alias, args, .. } => {
                if args.is_some() {
                    self.not_tables.insert(name(table));
                }
                (Some(name(table)), alias)
            }
            TableFactor::Derived { alias, .. } => (None, alias),
            _ => return ControlFlow::Continue(()),
        };
        let alias = alias.as_ref().map(|alias| identifier(&alias.name));
        let last = table.as_ref().and_then(|table| table.rsplit('.').next().map(str::to_owned));
        if let Some(alias) = alias.or(last) {
            self.aliases.insert(alias, table);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let only = only_table(&select.from);
        self.conditions(select.selection.iter().chain(&select.having), only.as_deref());
        self.joins(&select.from);
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        match statement {
            Statement::Insert(insert) => {
                if let TableObject::TableName(table) = &insert.table {
                    self.written.insert(name(table));
                }
            }
            Statement::Update(update) => {
                self.write(std::slice::from_ref(&update.table));
                let only = only_table(std::slice::from_ref(&update.table)).filter(|_| update.from.is_none());
                self.conditions(&update.selection, only.as_deref());
                self.joins(std::slice::from_ref(&update.table));
            }
            Statement::Delete(delete) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
                match delete.tables.is_empty() {
                    true => self.write(from),
                    false => self.written.extend(delete.tables.iter().map(name)),
                }
                let only = only_table(from).filter(|_| delete.using.is_none());
                self.conditions(&delete.selection, only.as_deref());
                self.joins(from);
            }
            Statement::Merge(merge) => {
                if let TableFactor::Table { name: table, .. } = &merge.table {
                    self.written.insert(name(table));
                }
                self.conditions([&*merge.on], None);
            }
            Statement::Truncate(truncate) => {
                let names: Vec<String> = truncate.table_names.iter().map(|table| name(&table.name)).collect();
                self.tables.extend(names.iter().cloned());
                self.written.extend(names);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Walk {
    fn write(&mut self, tables: &[TableWithJoins]) {
        for table in tables {
            if let TableFactor::Table { name: table, .. } = &table.relation {
                self.written.insert(name(table));
            }
        }
    }

    fn joins(&mut self, from: &[TableWithJoins]) {
        for join in from.iter().flat_map(|table| &table.joins) {
            let (JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::StraightJoin(constraint)) = &join.join_operator
            else {
                continue;
            };
            match constraint {
                JoinConstraint::On(condition) => self.conditions([condition], None),
                JoinConstraint::Using(columns) => {
                    for column in columns {
                        let column = name(column);
                        self.compared.push(Compared {
                            qualifier: None,
                            only: None,
                            column,
                            comparison: Comparison::Join,
                        });
                    }
                }
                _ => {}
            }
        }
    }

    /// The comparisons that conditions consist of.
    fn conditions<'e>(&mut self, conditions: impl IntoIterator<Item = &'e Expr>, only: Option<&str>) {
        let mut open: Vec<&Expr> = conditions.into_iter().collect();
        while let Some(condition) = open.pop() {
            match condition {
                Expr::BinaryOp {
                    left,
                    op: BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor,
                    right,
                } => {
                    open.extend([&**right, &**left]);
                }
                Expr::Nested(inner) | Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => {
                    open.push(inner)
                }
                _ => self.comparison(condition, only),
            }
        }
    }

    fn comparison(&mut self, condition: &Expr, only: Option<&str>) {
        let (column, comparison) = match condition {
            Expr::BinaryOp { left, op, right } => return self.binary(left, op, right, only),
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, .. } | Expr::In { expr: left, .. } => {
                (left, Comparison::In)
            }
            Expr::Between { expr, .. } => (expr, Comparison::Range),
            Expr::Like { expr, .. }
            | Expr::ILike { expr, .. }
            | Expr::SimilarTo { expr, .. }
            | Expr::RLike { expr, .. } => (expr, Comparison::Pattern),
            Expr::IsNull(expr) | Expr::IsNotNull(expr) => (expr, Comparison::Null),
            Expr::IsTrue(expr) | Expr::IsFalse(expr) | Expr::IsNotTrue(expr) | Expr::IsNotFalse(expr) => {
                (expr, Comparison::Other)
            }
            _ => return self.compare(condition, Comparison::Other, only),
        };
        self.compare(column, comparison, only);
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr, only: Option<&str>) {
        let comparison = match op {
            BinaryOperator::Eq => Comparison::Equal,
            BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq => {
                Comparison::Range
            }
            BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexIMatch
            | BinaryOperator::PGLikeMatch
            | BinaryOperator::PGILikeMatch
            | BinaryOperator::Regexp => Comparison::Pattern,
            _ => Comparison::Other,
        };
        match (column(left), column(right)) {
            (Some(one), Some(other)) => {
                let joins = comparison == Comparison::Equal && one.0 != other.0;
                let comparison = if joins { Comparison::Join } else { Comparison::Other };
                self.compare(left, comparison, only);
                self.compare(right, comparison, only);
            }
            (None, Some(_)) => self.compare(right, comparison, only),
            _ => self.compare(left, comparison, only),
        }
    }

    /// Notes a comparison of a column; one inside a function or a cast is no plain comparison.
    fn compare(&mut self, expression: &Expr, comparison: Comparison, only: Option<&str>) {
        let plain = column(expression).map(|column| (column, comparison));
        let Some(((qualifier, column), comparison)) =
            plain.or_else(|| Some((wrapped(expression)?, Comparison::Other)))
        else {
            return;
        };
        self.compared.push(Compared { qualifier, only: only.map(str::to_owned), column, comparison });
    }

    fn predicates(&self) -> Vec<Predicate> {
        let resolved = self.compared.iter().map(|compared| {
            let table = match &compared.qualifier {
                Some(qualifier) => {
                    let table = self.aliases.get(qualifier);
                    table.map_or_else(|| Some(qualifier.clone()), Clone::clone)
                }
                None => compared.only.clone(),
            };
            Predicate {
                table: table.filter(|table| !self.not_tables.contains(table)).map(String::into_boxed_str),
                column: compared.column.clone().into(),
                comparison: compared.comparison,
            }
        });
        let mut predicates: Vec<Predicate> = Vec::new();
        for predicate in resolved {
            if !predicates.contains(&predicate) {
                predicates.push(predicate);
            }
        }
        predicates
    }
}

/// The table of a `FROM` that has one and no join.
fn only_table(from: &[TableWithJoins]) -> Option<String> {
    match from {
        [TableWithJoins { relation: TableFactor::Table { name: table, .. }, joins }] if joins.is_empty() => {
            Some(name(table))
        }
        _ => None,
    }
}

/// Qualifier and name of a bare column.
fn column(expression: &Expr) -> Option<(Option<String>, String)> {
    match expression {
        Expr::Identifier(column) => Some((None, identifier(column))),
        Expr::CompoundIdentifier(parts) => {
            let (column, rest) = parts.split_last()?;
            Some((rest.last().map(identifier), identifier(column)))
        }
        Expr::Nested(inner) => column(inner),
        _ => None,
    }
}

/// The column inside a cast or a function's first argument.
fn wrapped(expression: &Expr) -> Option<(Option<String>, String)> {
    match expression {
        Expr::Cast { expr, .. } | Expr::Collate { expr, .. } => column(expr),
        Expr::Function(function) => match &function.args {
            FunctionArguments::List(list) => list.args.iter().find_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => column(expression),
                _ => None,
            }),
            _ => None,
        },
        Expr::BinaryOp { left, right, .. } => column(left).or_else(|| column(right)),
        _ => None,
    }
}

fn identifier(identifier: &Ident) -> String {
    match identifier.quote_style {
        Some(_) => identifier.value.clone(),
        None => identifier.value.to_lowercase(),
    }
}

fn name(name: &ObjectName) -> String {
    let parts = name.0.iter().filter_map(|part| part.as_ident());
    parts.map(identifier).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::super::{Dialect, Lexer};
    use super::{Comparison, Facts, Verb};

    fn facts(text: &str) -> Facts {
        *Lexer::new(0).describe(text.as_bytes(), Dialect::Postgres).facts.unwrap_or_default()
    }

    fn listed(names: &[Box<str>]) -> String {
        names.join(" ")
    }

    #[test]
    fn tables_and_verbs() {
        // Verb, tables, written, whether a parser understood it.
        let cases = [
            (
                "SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id",
                Verb::Select,
                "customers orders",
                "",
                true,
            ),
            ("WITH recent AS (SELECT * FROM orders) SELECT * FROM recent", Verb::Select, "orders", "", true),
            ("INSERT INTO audit (a) SELECT b FROM orders", Verb::Insert, "audit orders", "audit", true),
            ("UPDATE \"Orders\" SET a = 1 WHERE id = 2", Verb::Update, "Orders", "Orders", true),
            (
                "DELETE FROM public.orders WHERE id IN (1,2)",
                Verb::Delete,
                "public.orders",
                "public.orders",
                true,
            ),
            (
                "WITH gone AS (DELETE FROM queue RETURNING *) SELECT * FROM gone",
                Verb::Select,
                "queue",
                "queue",
                true,
            ),
            ("SELECT 1", Verb::Session, "", "", true),
            ("SELECT expensive_report(7)", Verb::Call, "", "", true),
            ("SELECT pg_advisory_lock(7)", Verb::Session, "", "", true),
            ("SELECT * FROM generate_series(1, 10)", Verb::Select, "", "", true),
            ("SELECT extract(year from created) FROM orders", Verb::Select, "orders", "", true),
            (
                "SELECT x::varchar(10), now() - interval '1 day', date '2020-01-01' FROM orders",
                Verb::Select,
                "orders",
                "",
                true,
            ),
            ("BEGIN", Verb::Transaction, "", "", true),
            ("SET search_path TO x", Verb::Session, "", "", true),
            ("SELECT a FRO orders WHRE", Verb::Session, "", "", false),
            ("SELECT a FROM orders o, b WHERE (((", Verb::Select, "b orders", "", false),
            ("UPDATE orders SET WHERE", Verb::Update, "orders", "orders", false),
            ("REPLACE INTO t (a) VALUES (1)", Verb::Merge, "t", "t", true),
            ("TRUNCATE TABLE t", Verb::Definition, "t", "t", true),
            ("COPY t FROM STDIN", Verb::Copy, "t", "t", true),
            ("COPY t (a, b) TO STDOUT", Verb::Copy, "t", "", true),
        ];
        for (text, verb, tables, written, parsed) in cases {
            let facts = facts(text);
            assert_eq!(facts.verb, verb, "{text}");
            assert_eq!(listed(&facts.tables), tables, "{text}");
            assert_eq!(listed(&facts.written), written, "{text}");
            assert_eq!(facts.parsed, parsed, "{text}");
        }
    }

    #[test]
    fn predicates_with_aliases_resolved() {
        let facts = facts(
            "SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id
             WHERE o.status = 'x' AND o.id IN (1,2) AND c.name LIKE 'a%' AND lower(c.email) = 'b'
             AND o.created > now() AND o.gone IS NULL AND o.kind = ANY($1)",
        );
        let found: Vec<String> = facts
            .predicates
            .iter()
            .map(|found| {
                format!("{}.{} {:?}", found.table.as_deref().unwrap_or("?"), found.column, found.comparison)
            })
            .collect();
        let expected = [
            "orders.status Equal",
            "orders.id In",
            "customers.name Pattern",
            "customers.email Other",
            "orders.created Range",
            "orders.gone Null",
            "orders.kind In",
            "customers.id Join",
            "orders.customer_id Join",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn single_rows_pages_and_locks() {
        assert!(facts("SELECT * FROM customers WHERE id = 7").single_row);
        assert!(facts("SELECT * FROM customers c WHERE c.customer_id = 7").single_row);
        assert!(!facts("SELECT * FROM orders WHERE customer_id = 7").single_row);
        assert!(!facts("SELECT * FROM customers WHERE id IN (7, 8)").single_row);
        assert!(facts("SELECT * FROM customers LIMIT 10 OFFSET 20").paged);
        assert!(facts("SELECT * FROM customers LIMIT 20, 10").paged);
        assert!(facts("SELECT * FROM customers WHERE id > 7 ORDER BY id LIMIT 10").paged);
        assert!(!facts("SELECT * FROM customers LIMIT 10").paged);
        assert!(facts("SELECT * FROM customers LIMIT 10").limited);
        assert!(facts("SELECT TOP 10 * FROM customers").limited);
        assert!(facts("SELECT * FROM customers FETCH FIRST 10 ROWS ONLY").limited);
        assert!(facts("SELECT * FROM jobs WHERE id = 1 FOR UPDATE SKIP LOCKED").locks);
        let compared = facts("SELECT * FROM customers WHERE id = 7").predicates;
        assert_eq!(compared.first().map(|found| found.comparison), Some(Comparison::Equal));
    }

    #[test]
    fn hostile_nesting_is_not_parsed() {
        let mut texts = vec![format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000))];
        texts.push(format!("SELECT * FROM t WHERE {}", "a = 1 OR ".repeat(20_000)));
        texts.push(format!("SELECT {} 1", "NOT ".repeat(3_000)));
        texts.push(format!("SELECT 1 {}", "UNION SELECT 1 ".repeat(2_000)));
        texts.push(format!("SELECT a{}", "[1]".repeat(2_000)));
        texts.push(format!("SELECT {}x", "- ".repeat(2_000)));
        texts.push(format!("SELECT {} 1", "CASE WHEN ".repeat(300)));
        for text in texts {
            assert!(!facts(&text).parsed);
        }
        assert!(facts(&format!("SELECT * FROM t WHERE {} b = 2", "a = 1 OR ".repeat(60))).parsed);
    }
}
