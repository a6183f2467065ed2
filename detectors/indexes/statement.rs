//! From the text of a statement to what it asks of each table.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use sqlparser::ast::{
    AssignmentTarget, Expr, FromTable, Join, JoinConstraint, JoinOperator, LimitClause, ObjectName, Query,
    Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins, UpdateTableFromKind, Visit, Visitor,
};
use sqlparser::dialect as dialects;
use sqlparser::parser::Parser;

use super::expressions::{Resolve, column_name, identifier};
use super::known::Known;
use super::uses::{Block, Role, StatementUses, TableUse, Written};
use crate::evidence::plan::{Engine, dialect};
use crate::evidence::shape::sql::{Lexer, Part};

/// A longer statement is not looked at.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// Nesting that the parser follows.
const DEPTH_MAX: usize = 50;

/// A statement with more uses of tables is not looked at.
const USES_MAX: usize = 40;

/// What a statement asks of its tables; `None` where it cannot be parsed, or is too long or too deep.
pub(super) fn uses_of(text: &str, engine: Engine, known: &Known<'_>) -> Option<StatementUses> {
    let statement = parsed(text, engine)?;
    let mut walk = Walk::new(known);
    walk.statement(&statement);
    (walk.uses.len() <= USES_MAX).then_some(StatementUses { uses: walk.uses, blocks: walk.blocks })
}

fn parsed(text: &str, engine: Engine) -> Option<Statement> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    // The shape's facts come from a parser that was kept from what nests too deeply.
    let shape = Lexer::default().describe(text.as_bytes(), dialect(engine));
    if !shape.facts.is_some_and(|facts| facts.parsed) {
        return None;
    }
    by_parser(text, engine).or_else(|| by_parser(&with_placeholders(text, engine), engine))
}

fn by_parser(text: &str, engine: Engine) -> Option<Statement> {
    let postgres = dialects::PostgreSqlDialect {};
    let mysql = dialects::MySqlDialect {};
    let sqlite = dialects::SQLiteDialect {};
    let dialect: &dyn dialects::Dialect = match engine {
        Engine::PostgreSql => &postgres,
        Engine::MySql | Engine::MariaDb => &mysql,
        Engine::Sqlite => &sqlite,
    };
    let parser = Parser::new(dialect).with_recursion_limit(DEPTH_MAX).try_with_sql(text).ok()?;
    let mut statements = { parser }.parse_statements().ok()?;
    if statements.len() == 1 { statements.pop() } else { None }
}

/// Question marks that stand for values become `$1`: to PostgreSQL's parser they are operators.
fn with_placeholders(text: &str, engine: Engine) -> String {
    let mut parts = Vec::new();
    Lexer::default().parts(text.as_bytes(), dialect(engine), &mut parts);
    let end_of = |part: &Part| match part {
        Part::Literal(range) | Part::Comment(range) => range.end,
        Part::Endless(_) => text.len(),
    };
    let mut replaced = String::with_capacity(text.len() + 16);
    let mut done = 0;
    for part in &parts {
        let (start, end) = (part.start(), end_of(part));
        let (Some(before), Some(own)) = (text.get(done..start), text.get(start..end)) else { continue };
        replaced.push_str(&before.replace('?', "$1"));
        replaced.push_str(if own == "?" { "$1" } else { own });
        done = end;
    }
    replaced.push_str(&text.get(done..).unwrap_or_default().replace('?', "$1"));
    replaced
}

/// Columns of a query that are columns of a table: the table's use, and its name of the column.
type Columns = BTreeMap<String, (usize, String)>;

/// A relation of a `FROM`: a table, or something that has columns of tables.
#[derive(Debug, Default)]
struct Relation {
    alias: String,
    /// Its use, if it is a table.
    table_use: Option<usize>,
    /// Of a query or common table expression: the columns that are columns of a table.
    columns: Columns,
}

/// A query whose names are being resolved.
#[derive(Debug, Default)]
struct Scope {
    block: usize,
    relations: Vec<Relation>,
}

/// Walks through a statement.
#[derive(Debug)]
pub(super) struct Walk<'k> {
    known: &'k Known<'k>,
    pub(super) uses: Vec<TableUse>,
    pub(super) blocks: Vec<Block>,
    scopes: Vec<Scope>,
    /// Common table expressions by name; inside of a recursive one its own columns are those of the rows found before.
    expressions: Vec<(String, Option<Columns>)>,
}

impl Resolve for Walk<'_> {
    fn column(&self, qualifier: Option<&str>, column: &str) -> Option<(usize, String)> {
        for scope in self.scopes.iter().rev() {
            match qualifier {
                Some(qualifier) => {
                    let mut fitting = scope.relations.iter().filter(|relation| relation.alias == qualifier);
                    if let Some(relation) = fitting.next() {
                        return relation.column(column);
                    }
                }
                None => {
                    if let Some(found) = self.unqualified(scope, column) {
                        return Some(found);
                    }
                }
            }
        }
        None
    }

    fn table(&self, number: usize) -> &str {
        &self.uses[number].table
    }

    fn known(&self) -> &Known<'_> {
        self.known
    }
}

impl Relation {
    fn column(&self, column: &str) -> Option<(usize, String)> {
        match self.table_use {
            Some(number) => Some((number, column.to_owned())),
            None => self.columns.get(column).cloned(),
        }
    }
}

impl<'k> Walk<'k> {
    fn new(known: &'k Known<'k>) -> Self {
        Self { known, uses: Vec::new(), blocks: Vec::new(), scopes: Vec::new(), expressions: Vec::new() }
    }

    /// The use of a column without qualifier: of the only table, or of that which is known to have it.
    fn unqualified(&self, scope: &Scope, column: &str) -> Option<(usize, String)> {
        let relations = &scope.relations;
        if let Some(found) = relations.iter().find_map(|relation| relation.columns.get(column)) {
            return Some(found.clone());
        }
        let has = |relation: &&Relation| {
            relation.table_use.and_then(|number| self.known.has_column(&self.uses[number].table, column))
        };
        if let Some(relation) = relations.iter().find(|relation| has(relation) == Some(true)) {
            return relation.column(column);
        }
        let named = self.known.alias_of(column);
        if let Some(relation) = relations.iter().find(|relation| named == Some(&relation.alias)) {
            return relation.column(column);
        }
        match &relations[..] {
            [only] if has(&only) != Some(false) => only.column(column),
            _ => None,
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Query(query) => drop(self.query(query, Role::Rows)),
            Statement::Insert(insert) => {
                if let Some(source) = &insert.source {
                    self.query(source, Role::Rows);
                }
            }
            Statement::CreateTable(table) => {
                if let Some(query) = &table.query {
                    self.query(query, Role::Rows);
                }
            }
            Statement::Explain { statement, .. } => self.statement(statement),
            Statement::Update(update) => {
                let from = match &update.from {
                    Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => {
                        &from[..]
                    }
                    None => &[],
                };
                let set =
                    update.assignments.iter().flat_map(|assignment| set_by(&assignment.target)).collect();
                let table = std::slice::from_ref(&update.table);
                self.change(table, from, update.selection.as_ref(), Written::Updated(set));
                update.assignments.iter().for_each(|assignment| self.inside(&assignment.value));
                self.scopes.pop();
            }
            Statement::Delete(delete) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
                let using = delete.using.as_deref().unwrap_or_default();
                self.change(from, using, delete.selection.as_ref(), Written::Deleted);
                self.scopes.pop();
            }
            Statement::Merge(merge) => {
                self.open(Role::Rows);
                self.factor(&merge.table);
                self.mark_written(Written::Updated(BTreeSet::new()));
                self.factor(&merge.source);
                self.conditions(&merge.on, None);
                self.scopes.pop();
            }
            _ => {}
        }
    }

    /// A statement that changes rows: its rows are found as those of a query.
    fn change(
        &mut self,
        table: &[TableWithJoins],
        from: &[TableWithJoins],
        selection: Option<&Expr>,
        written: Written,
    ) {
        self.open(Role::Rows);
        table.iter().for_each(|table| self.table_with_joins(table));
        self.mark_written(written);
        from.iter().for_each(|table| self.table_with_joins(table));
        if let Some(selection) = selection {
            self.conditions(selection, None);
        }
    }

    fn mark_written(&mut self, written: Written) {
        let first = self.scopes.last().and_then(|scope| scope.relations.first());
        if let Some(number) = first.and_then(|relation| relation.table_use) {
            self.uses[number].written = Some(written);
            self.uses[number].reads_all = true;
        }
    }

    fn open(&mut self, role: Role) -> usize {
        let block = self.blocks.len();
        self.blocks.push(Block { role, ..Block::default() });
        self.scopes.push(Scope { block, relations: Vec::new() });
        block
    }

    /// A query; gives its columns that are columns of a table.
    pub(super) fn query(&mut self, query: &Query, role: Role) -> Columns {
        let known = self.expressions.len();
        let is_recursive = query.with.as_ref().is_some_and(|with| with.recursive);
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            let name = identifier(&table.alias.name);
            let own = self.expressions.len();
            self.expressions.extend(is_recursive.then(|| (name.clone(), None)));
            let columns = self.query(&table.query, Role::Rows);
            self.expressions.truncate(own);
            self.expressions.push((name, Some(columns)));
        }
        let columns = self.body(&query.body, Some(query), role);
        self.expressions.truncate(known);
        columns
    }

    fn body(&mut self, body: &SetExpr, query: Option<&Query>, role: Role) -> Columns {
        match body {
            SetExpr::Select(select) => self.select(select, query, role),
            SetExpr::Query(inner) => self.query(inner, role),
            SetExpr::SetOperation { left, right, .. } => {
                // Order and limit are those of all parts together.
                self.body(left, None, role);
                self.body(right, None, role);
                BTreeMap::new()
            }
            SetExpr::Insert(statement)
            | SetExpr::Update(statement)
            | SetExpr::Delete(statement)
            | SetExpr::Merge(statement) => {
                self.statement(statement);
                BTreeMap::new()
            }
            _ => BTreeMap::new(),
        }
    }

    fn select(&mut self, select: &Select, query: Option<&Query>, role: Role) -> Columns {
        let block = self.open(role);
        select.from.iter().for_each(|table| self.table_with_joins(table));
        if let Some(selection) = &select.selection {
            self.conditions(selection, None);
        }
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => {
                    self.inside(expression);
                }
                // EXISTS (SELECT * …) reads no column for it.
                _ if role == Role::Rows => self.read_all(),
                _ => {}
            }
        }
        select.having.iter().for_each(|having| self.inside(having));
        self.blocks[block].is_limited = query.is_some_and(is_limited) || select.top.is_some();
        self.blocks[block].first_rows = query.and_then(first_rows);
        self.ordering(block, select, query);
        let columns = match self.blocks[block].is_aggregate || self.blocks[block].is_limited {
            true => BTreeMap::new(),
            false => self.given(select),
        };
        self.scopes.pop();
        columns
    }

    /// The columns that a query gives as they are.
    fn given(&self, select: &Select) -> Columns {
        let items = select.projection.iter().filter_map(|item| {
            let (expression, name) = match item {
                SelectItem::UnnamedExpr(expression) => (expression, None),
                SelectItem::ExprWithAlias { expr, alias } => (expr, Some(identifier(alias))),
                _ => return None,
            };
            let (qualifier, column) = column_name(expression)?;
            let found = self.column(qualifier.as_deref(), &column)?;
            Some((name.unwrap_or(column), found))
        });
        items.collect()
    }

    /// All columns of all tables of the innermost query are read.
    fn read_all(&mut self) {
        let Some(scope) = self.scopes.last() else { return };
        for number in scope.relations.iter().filter_map(|relation| relation.table_use) {
            self.uses[number].reads_all = true;
        }
    }

    fn table_with_joins(&mut self, table: &TableWithJoins) {
        let first = self.uses.len();
        self.factor(&table.relation);
        table.joins.iter().for_each(|join| self.join(join, first));
    }

    fn join(&mut self, join: &Join, first: usize) {
        let own = self.uses.len();
        self.factor(&join.relation);
        let (constraint, kept) = match &join.join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::CrossJoin(constraint)
            | JoinOperator::StraightJoin(constraint) => (constraint, None),
            // Rows of the other side stay whatever the condition says of them.
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                (constraint, Some(own..usize::MAX))
            }
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                (constraint, Some(first..own))
            }
            JoinOperator::FullOuter(constraint) => (constraint, Some(0..0)),
            _ => return,
        };
        if let Some(kept) = &kept {
            let nullable = if kept.is_empty() { first..usize::MAX } else { kept.clone() };
            let uses = self.uses.iter_mut().enumerate().filter(|(number, _)| nullable.contains(number));
            uses.for_each(|(_, table_use)| table_use.is_nullable = true);
        }
        match constraint {
            JoinConstraint::On(condition) => self.conditions(condition, kept.as_ref()),
            JoinConstraint::Using(columns) => {
                let names = columns.iter().filter_map(last_name);
                names.for_each(|column| self.join_by(&column, first, own));
            }
            _ => {}
        }
    }

    fn factor(&mut self, factor: &TableFactor) {
        let named =
            |alias: &Option<sqlparser::ast::TableAlias>| alias.as_ref().map(|alias| identifier(&alias.name));
        let relation = match factor {
            TableFactor::Table { name, alias, args: None, .. } => self.table_factor(name, named(alias)),
            TableFactor::Derived { subquery, alias, .. } => {
                let columns = self.query(subquery, Role::Rows);
                Relation { alias: named(alias).unwrap_or_default(), table_use: None, columns }
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                return self.table_with_joins(table_with_joins);
            }
            TableFactor::Table { name, alias, .. } | TableFactor::Function { name, alias, .. } => {
                let own = || last_name(name).unwrap_or_default();
                Relation { alias: named(alias).unwrap_or_else(own), ..Relation::default() }
            }
            TableFactor::UNNEST { alias, .. } | TableFactor::TableFunction { alias, .. } => {
                Relation { alias: named(alias).unwrap_or_default(), ..Relation::default() }
            }
            _ => Relation::default(),
        };
        if let Some(scope) = self.scopes.last_mut() {
            scope.relations.push(relation);
        }
    }

    fn table_factor(&mut self, name: &ObjectName, alias: Option<String>) -> Relation {
        let table = full_name(name);
        let alias = alias.or_else(|| last_name(name)).unwrap_or_default();
        let known = self.expressions.iter().rev().find(|(expression, _)| *expression == table);
        let table = match known.map(|(_, columns)| columns.clone()) {
            Some(Some(columns)) => return Relation { alias, table_use: None, columns },
            Some(None) => String::new(),
            None => table,
        };
        let block = self.scopes.last().map_or(0, |scope| scope.block);
        self.uses.push(TableUse { table, alias: alias.clone(), block, ..TableUse::default() });
        Relation { alias, table_use: Some(self.uses.len() - 1), columns: BTreeMap::new() }
    }

    /// Notes the columns that an expression reads, and looks at the queries in it.
    pub(super) fn inside(&mut self, expression: &Expr) {
        let mut inside = Inside::default();
        let _: ControlFlow<()> = expression.visit(&mut inside);
        for (qualifier, column) in inside.columns {
            self.note(qualifier.as_deref(), &column);
        }
        for (query, role) in inside.queries {
            self.query(&query, role);
        }
    }

    fn note(&mut self, qualifier: Option<&str>, column: &str) {
        if let Some((number, column)) = self.column(qualifier, column) {
            self.uses[number].columns.insert(column);
        }
    }

    /// Whether a use is of the innermost query.
    pub(super) fn is_own(&self, number: usize) -> bool {
        self.scopes.last().is_some_and(|scope| self.uses[number].block == scope.block)
    }

    /// The only column that a query gives, if it is a column of a table.
    pub(super) fn only_given(&mut self, query: &Query, role: Role) -> Option<(usize, String)> {
        let is_one = matches!(&*query.body, SetExpr::Select(select) if select.projection.len() == 1);
        let columns = self.query(query, role);
        columns.into_values().next().filter(|_| is_one)
    }
}

/// The columns that an expression reads, with their qualifiers; `None` where a query is in it.
pub(super) fn read_columns(expression: &Expr) -> Option<Vec<(Option<String>, String)>> {
    let mut inside = Inside::default();
    let _: ControlFlow<()> = expression.visit(&mut inside);
    inside.queries.is_empty().then_some(inside.columns)
}

/// What is read inside of an expression.
#[derive(Debug, Default)]
struct Inside {
    depth: usize,
    columns: Vec<(Option<String>, String)>,
    queries: Vec<(Query, Role)>,
}

impl Visitor for Inside {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.depth == 0 {
            self.queries.push((query.clone(), Role::Rows));
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        let is_name = matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
        if self.depth == 0
            && is_name
            && let Some(column) = column_name(expression)
        {
            self.columns.push(column);
        }
        ControlFlow::Continue(())
    }
}

fn is_limited(query: &Query) -> bool {
    let by_limit = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => limit.is_some(),
        Some(LimitClause::OffsetCommaLimit { .. }) => true,
        None => false,
    };
    by_limit || query.fetch.is_some()
}

/// Rows up to the last that a limit asks for.
fn first_rows(query: &Query) -> Option<f64> {
    let number = |expression: &Expr| expression.to_string().parse::<f64>().ok();
    let (limit, offset) = match query.limit_clause.as_ref()? {
        LimitClause::LimitOffset { limit, offset, .. } => {
            (limit.as_ref()?, offset.as_ref().map(|offset| &offset.value))
        }
        LimitClause::OffsetCommaLimit { offset, limit } => (limit, Some(offset)),
    };
    Some(number(limit)? + offset.map_or(Some(0.0), number)?)
}

/// The columns that an assignment sets.
fn set_by(target: &AssignmentTarget) -> Vec<String> {
    match target {
        AssignmentTarget::ColumnName(name) => last_name(name).into_iter().collect(),
        AssignmentTarget::Tuple(names) => names.iter().filter_map(last_name).collect(),
    }
}

fn full_name(name: &ObjectName) -> String {
    let parts = name.0.iter().filter_map(|part| part.as_ident());
    parts.map(identifier).collect::<Vec<_>>().join(".")
}

fn last_name(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(identifier)
}
