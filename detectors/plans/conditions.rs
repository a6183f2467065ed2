//! What conditions of plans compare.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Visit, Visitor};
use sqlparser::dialect as dialects;
use sqlparser::parser::Parser;

use crate::evidence::plan::Engine;

/// Nesting that the parser follows.
const DEPTH_MAX: usize = 40;

/// Longer conditions are not looked at: operators in a row make a tree as deep as they are many.
const BYTES_MAX: usize = 2_048;

/// Expressions that must all hold, as a parser understands them; none where it does not.
pub(crate) fn conjuncts(condition: &str, engine: Engine) -> Vec<Expr> {
    let Some(expression) = parsed(condition, engine) else { return Vec::new() };
    let (mut open, mut parts) = (vec![expression], Vec::new());
    while let Some(expression) = open.pop() {
        match expression {
            Expr::Nested(inner) => open.push(*inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => open.extend([*right, *left]),
            part => parts.push(part),
        }
    }
    parts
}

fn parsed(condition: &str, engine: Engine) -> Option<Expr> {
    let condition = Some(condition).filter(|condition| condition.len() <= BYTES_MAX)?;
    let dialect: &dyn dialects::Dialect = match engine {
        Engine::PostgreSql => &dialects::PostgreSqlDialect {},
        Engine::MySql | Engine::MariaDb => &dialects::MySqlDialect {},
        Engine::Sqlite => &dialects::SQLiteDialect {},
    };
    let parser = Parser::new(dialect).with_recursion_limit(DEPTH_MAX);
    let mut parser = parser.try_with_sql(condition).ok()?;
    let expression = parser.parse_expr().ok()?;
    let is_whole = parser.peek_token().token == sqlparser::tokenizer::Token::EOF;
    is_whole.then_some(expression)
}

/// Columns in an expression by their own names, each once, as they come.
pub(crate) fn columns(expression: &Expr) -> Vec<String> {
    let mut found = Columns(Vec::new());
    let _: ControlFlow<()> = expression.visit(&mut found);
    found.0
}

/// Columns of a whole condition; none where it is not understood.
pub(crate) fn columns_of(condition: &str, engine: Engine) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for column in conjuncts(condition, engine).iter().flat_map(columns) {
        if !all.contains(&column) {
            all.push(column);
        }
    }
    all
}

struct Columns(Vec<String>);

impl Visitor for Columns {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        let name = match expression {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(names) => names.last(),
            _ => None,
        };
        if let Some(name) = name.map(|name| &name.value)
            && !name.starts_with('$')
            && !self.0.contains(name)
        {
            self.0.push(name.clone());
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_their_columns() {
        let of = |condition: &str| columns_of(condition, Engine::PostgreSql);
        assert_eq!(of("((c.id >= 10) AND (c.region = 'x'::text) AND (c.id <= 60))"), ["id", "region"]);
        assert_eq!(of("(lower(email) = 'a'::text)"), ["email"]);
        assert_eq!(of("(total > $1)"), ["total"]);
        assert_eq!(of("(note ~~ '%x'::text)"), ["note"]);
        assert_eq!(of("(id = ANY ('{1,2}'::integer[]))"), ["id"]);
        assert_eq!(conjuncts("((a = 1) AND ((b = 2) OR (c = 3)))", Engine::PostgreSql).len(), 2);
        assert_eq!(columns_of("t.a = 1 and lower(t.b) = 'x'", Engine::MariaDb), ["a", "b"]);
    }

    #[test]
    fn what_is_not_understood_has_no_columns() {
        for condition in ["(NOT (hashed SubPlan 1))", "", "(a = ", "a b c"] {
            assert!(columns_of(condition, Engine::PostgreSql).is_empty(), "{condition}");
        }
        let deep = format!("{}a{}", "(".repeat(4_000), ")".repeat(4_000));
        assert!(columns_of(&deep, Engine::PostgreSql).is_empty());
    }
}
