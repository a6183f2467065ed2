//! Values for statements that have placeholders: those that the planner knows of the columns they are compared with.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use detectors::indexes::{Catalogue, Column, Table};
use serde::Serialize;
use sqlparser::ast::{
    BinaryOperator, Expr, Ident, InTarget, LimitClause, Query, Statement, TableFactor, Value, Visit, Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::super::catalogue::quoted;
use super::super::guard;

/// Rows that a page of results is taken to have where its size is a placeholder.
const PAGE: &str = "20";

/// Where the values of an execution are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValuesFrom {
    /// The statement had them, as it was recorded; they are nowhere but in memory.
    Recorded,
    /// The most common value of each column that is compared, of ranges the outer tenth (`pg_stats`).
    MostCommon,
    /// A usual value of each column: the middle of its histogram (`pg_stats`).
    Usual,
}

/// A statement as it can be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::live) struct Filled {
    /// Its text, with values.
    pub(in crate::live) text: String,
    /// Where these are from.
    pub(in crate::live) values: ValuesFrom,
}

/// A statement with values in the place of its placeholders: those that an execution had, else some in one or two ways.
///
/// # Errors
///
/// Which placeholder nothing is known for.
pub(in crate::live) fn filled(
    text: &str,
    bound: &BTreeMap<String, String>,
    catalogue: &Catalogue,
) -> Result<Vec<Filled>, String> {
    let places = placeholders(text)?;
    if let Ok(text) = replaced(text, &places, |name| bound.get(name).cloned()) {
        return Ok(vec![Filled { text, values: ValuesFrom::Recorded }]);
    }
    let statement = guard::parsed(text)?;
    let roles = roles(&statement, catalogue);
    let common = replaced(text, &places, |name| roles.get(name)?.value(ValuesFrom::MostCommon))?;
    let usual = replaced(text, &places, |name| roles.get(name)?.value(ValuesFrom::Usual))?;
    let mut filled = vec![Filled { text: common, values: ValuesFrom::MostCommon }];
    if usual != filled[0].text {
        filled.push(Filled { text: usual, values: ValuesFrom::Usual });
    }
    Ok(filled)
}

/// A placeholder in a text: its name, and its bytes.
struct Place {
    name: String,
    start: usize,
    end: usize,
}

fn placeholders(text: &str) -> Result<Vec<Place>, String> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location();
    let tokens = tokens.map_err(|_| "it is not understood".to_owned())?;
    let starts: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let byte = |line: u64, column: u64| {
        let start = *starts.get(usize::try_from(line).ok()?.checked_sub(1)?)?;
        let letters = text.get(start..)?.char_indices();
        let at = letters.map(|(at, _)| at).nth(usize::try_from(column).ok()?.checked_sub(1)?);
        Some(at.map_or(text.len(), |at| start + at))
    };
    let places = tokens.iter().filter_map(|token| {
        let Token::Placeholder(name) = &token.token else { return None };
        let start = byte(token.span.start.line, token.span.start.column)?;
        let end = start + name.len();
        (text.get(start..end) == Some(name)).then(|| Place { name: name.clone(), start, end })
    });
    Ok(places.collect())
}

fn replaced(text: &str, places: &[Place], value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut result = String::with_capacity(text.len() * 2);
    let mut done = 0;
    for place in places {
        let value = value(&place.name).ok_or_else(|| {
            format!("no value is known for {}: record the statement with values in a log", place.name)
        })?;
        result.push_str(&text[done..place.start]);
        result.push_str(&value);
        done = place.end;
    }
    result.push_str(&text[done..]);
    Ok(result)
}

/// What a placeholder is compared with.
#[derive(Debug, Clone, PartialEq)]
enum Role<'c> {
    /// How many rows are wanted.
    Limit,
    /// How many are passed over.
    Offset,
    /// A column; `rank` tells the values of one list apart.
    Column { column: &'c Column, kind: Kind, rank: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Equal,
    /// The column is to be larger.
    Above,
    /// The column is to be smaller.
    Below,
    /// The column is one of a list in one value.
    AnyOf,
    /// The column begins so.
    Pattern,
}

impl Role<'_> {
    fn value(&self, from: ValuesFrom) -> Option<String> {
        match self {
            Self::Limit => Some(PAGE.to_owned()),
            Self::Offset => Some("0".to_owned()),
            Self::Column { column, kind, rank } => of_column(column, *kind, *rank, from),
        }
    }
}

fn of_column(column: &Column, kind: Kind, rank: usize, from: ValuesFrom) -> Option<String> {
    match kind {
        Kind::Equal => equal(column, rank, from).map(quoted),
        Kind::Above => at(column, if from == ValuesFrom::MostCommon { 0.9 } else { 0.99 }).map(quoted),
        Kind::Below => at(column, if from == ValuesFrom::MostCommon { 0.1 } else { 0.01 }).map(quoted),
        Kind::AnyOf => {
            let values: Vec<String> =
                (0..3).filter_map(|rank| equal(column, rank, from)).map(element).collect();
            (!values.is_empty()).then(|| quoted(&format!("{{{}}}", values.join(","))))
        }
        Kind::Pattern => {
            let value = equal(column, rank, from)?;
            let begin: String = value.chars().take(4).filter(|letter| !"%_\\".contains(*letter)).collect();
            (!begin.is_empty()).then(|| quoted(&format!("{begin}%")))
        }
    }
}

/// A value that the column has: a common one, or one from the middle of all others.
fn equal(column: &Column, rank: usize, from: ValuesFrom) -> Option<&str> {
    let common = column.common.get(rank).map(|(value, _)| value.as_str());
    let middle =
        column.bounds.get((column.bounds.len() / 2 + rank).min(column.bounds.len().saturating_sub(1)));
    let middle = middle.map(String::as_str);
    let last = column.common.len().checked_sub(1 + rank).and_then(|place| column.common.get(place));
    match from {
        ValuesFrom::Usual => middle.or(last.map(|(value, _)| value.as_str())),
        _ => common.or(middle),
    }
}

/// The value below which this part of the values is.
fn at(column: &Column, part: f64) -> Option<&str> {
    let last = column.bounds.len().checked_sub(1);
    match last {
        Some(last) => column.bounds.get((last as f64 * part).round() as usize).map(String::as_str),
        None => column.common.first().map(|(value, _)| value.as_str()),
    }
}

/// A value in the text of an array.
fn element(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What each placeholder of a statement is compared with, where that is known.
fn roles<'c>(statement: &Statement, catalogue: &'c Catalogue) -> BTreeMap<String, Role<'c>> {
    let mut tables = Tables { catalogue, known: Vec::new() };
    let _: ControlFlow<()> = statement.visit(&mut tables);
    let mut walk = Walk { tables: tables.known, roles: BTreeMap::new() };
    let _: ControlFlow<()> = statement.visit(&mut walk);
    walk.roles
}

/// Tables of a statement by the names that it gives them.
struct Tables<'c> {
    catalogue: &'c Catalogue,
    known: Vec<(String, &'c Table)>,
}

impl Visitor for Tables<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, .. } = factor else { return ControlFlow::Continue(()) };
        let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident()).map(folded).collect();
        let Some(last) = parts.last() else { return ControlFlow::Continue(()) };
        let schema = parts.len().checked_sub(2).map(|place| &parts[place]);
        let fits =
            |table: &&Table| table.name == *last && schema.is_none_or(|schema| table.schema == *schema);
        let found = self.catalogue.tables.values().find(fits);
        let alias = alias.as_ref().map_or_else(|| last.clone(), |alias| folded(&alias.name));
        self.known.extend(found.map(|table| (alias, table)));
        ControlFlow::Continue(())
    }
}

/// A name as the server keeps it.
fn folded(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

struct Walk<'c> {
    tables: Vec<(String, &'c Table)>,
    roles: BTreeMap<String, Role<'c>>,
}

impl Visitor for Walk<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &query.limit_clause {
            self.note(limit.as_ref(), Role::Limit);
            self.note(offset.as_ref().map(|offset| &offset.value), Role::Offset);
        }
        self.note(query.fetch.as_ref().and_then(|fetch| fetch.quantity.as_ref()), Role::Limit);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::BinaryOp { left, op, right } => {
                self.compared(left, right, kind(op));
                self.compared(right, left, kind(op).map(turned));
            }
            Expr::Between { expr, low, high, .. } => {
                self.compared(expr, low, Some(Kind::Above));
                // From the last tenth on, everything.
                self.note_column(expr, high, Kind::Above, 1);
            }
            Expr::In { expr, target: InTarget::List(list), .. } => {
                for (rank, value) in list.iter().enumerate() {
                    self.note_column(expr, value, Kind::Equal, rank);
                }
            }
            Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. } => {
                self.compared(expr, pattern, Some(Kind::Pattern));
            }
            Expr::AnyOp { left, right, .. } => self.compared(left, right, Some(Kind::AnyOf)),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl<'c> Walk<'c> {
    fn compared(&mut self, column: &Expr, value: &Expr, kind: Option<Kind>) {
        if let Some(kind) = kind {
            self.note_column(column, value, kind, 0);
        }
    }

    fn note_column(&mut self, column: &Expr, value: &Expr, kind: Kind, rank: usize) {
        if let Some(column) = self.column(column) {
            self.note(Some(value), Role::Column { column, kind, rank });
        }
    }

    fn note(&mut self, value: Option<&Expr>, role: Role<'c>) {
        if let Some(name) = value.and_then(placeholder) {
            self.roles.entry(name).or_insert(role);
        }
    }

    fn column(&self, expression: &Expr) -> Option<&'c Column> {
        let of = |table: &'c Table, name: &str| table.columns.iter().find(|column| column.name == name);
        match inner(expression) {
            Expr::Identifier(name) => self.tables.iter().find_map(|(_, table)| of(table, &folded(name))),
            Expr::CompoundIdentifier(parts) => {
                let [.., alias, name] = &parts[..] else { return None };
                let mut own = self.tables.iter().filter(|(own, _)| *own == folded(alias));
                own.find_map(|(_, table)| of(table, &folded(name)))
            }
            _ => None,
        }
    }
}

/// What is inside of casts, brackets and changes of case.
fn inner(expression: &Expr) -> &Expr {
    match expression {
        Expr::Nested(inner_one) | Expr::Cast { expr: inner_one, .. } => inner(inner_one),
        Expr::Function(function) => {
            let sqlparser::ast::FunctionArguments::List(list) = &function.args else { return expression };
            match &list.args[..] {
                [sqlparser::ast::FunctionArg::Unnamed(sqlparser::ast::FunctionArgExpr::Expr(only))] => {
                    inner(only)
                }
                _ => expression,
            }
        }
        _ => expression,
    }
}

fn placeholder(expression: &Expr) -> Option<String> {
    match inner(expression) {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn kind(operator: &BinaryOperator) -> Option<Kind> {
    Some(match operator {
        BinaryOperator::Eq => Kind::Equal,
        BinaryOperator::Gt | BinaryOperator::GtEq => Kind::Above,
        BinaryOperator::Lt | BinaryOperator::LtEq => Kind::Below,
        _ => return None,
    })
}

fn turned(kind: Kind) -> Kind {
    match kind {
        Kind::Above => Kind::Below,
        Kind::Below => Kind::Above,
        kind => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        let column = |name: &str, common: &[&str], bounds: &[&str]| Column {
            name: name.to_owned(),
            common: common.iter().map(|value| ((*value).to_owned(), 0.1)).collect(),
            bounds: bounds.iter().map(|value| (*value).to_owned()).collect(),
            ..Column::default()
        };
        let hundred: Vec<String> = (0..=100).map(|number| number.to_string()).collect();
        let hundred: Vec<&str> = hundred.iter().map(String::as_str).collect();
        let columns = vec![column("id", &[], &hundred), column("Status", &["it's", "b", "c"], &[])];
        let table = Table { schema: "public".into(), name: "orders".into(), columns, ..Table::default() };
        Catalogue { tables: BTreeMap::from([("public.orders".to_owned(), table)]), ..Catalogue::default() }
    }

    #[test]
    fn placeholders_get_values_of_the_columns_they_are_compared_with() {
        for (text, common, usual) in [
            (
                "SELECT * FROM orders o WHERE o.id = $1 AND \"Status\" = $2 LIMIT $3 OFFSET $4",
                "SELECT * FROM orders o WHERE o.id = '50' AND \"Status\" = 'it''s' LIMIT 20 OFFSET 0",
                Some("SELECT * FROM orders o WHERE o.id = '50' AND \"Status\" = 'c' LIMIT 20 OFFSET 0"),
            ),
            (
                "SELECT 'ä $1' FROM public.ORDERS\nWHERE $1 < id -- $2",
                "SELECT 'ä $1' FROM public.ORDERS\nWHERE '90' < id -- $2",
                Some("SELECT 'ä $1' FROM public.ORDERS\nWHERE '99' < id -- $2"),
            ),
            (
                "DELETE FROM orders WHERE \"Status\" IN ($1, $2)",
                "DELETE FROM orders WHERE \"Status\" IN ('it''s', 'b')",
                Some("DELETE FROM orders WHERE \"Status\" IN ('c', 'b')"),
            ),
            (
                "UPDATE orders SET x = 1 WHERE id = ANY($1::int[])",
                "UPDATE orders SET x = 1 WHERE id = ANY('{\"50\",\"51\",\"52\"}'::int[])",
                None,
            ),
        ] {
            let filled = filled(text, &BTreeMap::new(), &catalogue())
                .unwrap_or_else(|problem| panic!("{text}: {problem}"));
            let texts: Vec<&str> = filled.iter().map(|filled| filled.text.as_str()).collect();
            let expected: Vec<&str> = std::iter::once(common).chain(usual).collect();
            assert_eq!(texts, expected);
        }
    }

    #[test]
    fn values_that_an_execution_had_come_first() {
        let text = "SELECT * FROM orders WHERE id = $1 AND elsewhere = $2 LIMIT $1";
        let bound = [("$1", "'7'"), ("$2", "NULL")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let filled = filled(text, &BTreeMap::from(bound), &catalogue()).unwrap();
        let expected = "SELECT * FROM orders WHERE id = '7' AND elsewhere = NULL LIMIT '7'".to_owned();
        assert_eq!(filled, [Filled { text: expected, values: ValuesFrom::Recorded }]);
    }

    #[test]
    fn what_is_not_known_is_named() {
        let said =
            filled("SELECT * FROM orders WHERE elsewhere = $1", &BTreeMap::new(), &catalogue()).unwrap_err();
        assert!(said.contains("$1"), "{said}");
    }
}
