//! Conditions and expressions of plans without the values in them.

use super::Engine;
use crate::evidence::shape::sql::{Dialect, Lexer, Literal};

/// Words that a number behind is a name of.
const NUMBERED: [&str; 3] = ["InitPlan", "SubPlan", "Worker"];

/// An expression as it may be shown: each value is a question mark.
///
/// What the lexer of statements takes for a literal is a value; numbers of parts of the plan, `(InitPlan 1).col1`, stay.
pub fn shown(expression: &str, engine: Engine) -> String {
    let mut literals = Vec::new();
    Lexer::default().literals(expression.as_bytes(), dialect(engine), &mut literals);
    let mut text = String::with_capacity(expression.len());
    let mut done = 0;
    for Literal { start, end, .. } in literals {
        let (Some(before), true) = (expression.get(done..start as usize), end as usize > done) else {
            continue;
        };
        text.push_str(before);
        match NUMBERED.iter().any(|word| text.trim_end().ends_with(word)) {
            true => text.push_str(expression.get(start as usize..end as usize).unwrap_or_default()),
            false => text.push('?'),
        }
        done = end as usize;
    }
    text.push_str(expression.get(done..).unwrap_or_default());
    text
}

/// Whose lexical rules the expressions of an engine's plans follow.
pub(crate) fn dialect(engine: Engine) -> Dialect {
    match engine {
        Engine::PostgreSql => Dialect::Postgres,
        Engine::MySql | Engine::MariaDb => Dialect::MySql,
        Engine::Sqlite => Dialect::Generic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_question_marks() {
        for (expression, expected) in [
            ("(ord.status = 'failed'::text)", "(ord.status = ?::text)"),
            ("((total > 100) AND (total <= -9000.5))", "((total > ?) AND (total <= ?))"),
            ("(ord.total = (InitPlan 1).col1)", "(ord.total = (InitPlan 1).col1)"),
            ("(NOT (hashed SubPlan 12))", "(NOT (hashed SubPlan 12))"),
            ("(id = ANY ('{1,2,3}'::integer[]))", "(id = ANY (?::integer[]))"),
            ("(total = $0)", "(total = $0)"),
            ("(note = 'it''s'::text)", "(note = ?::text)"),
            ("(a.b2 = c3.d)", "(a.b2 = c3.d)"),
        ] {
            assert_eq!(shown(expression, Engine::PostgreSql), expected);
        }
        assert_eq!(shown("t.id in (1,2,3) and t.s = \"x\"", Engine::MySql), "t.id in (?,?,?) and t.s = ?");
    }
}
