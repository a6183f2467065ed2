//! Finds conditions that no index of the column can serve, as the column does not stand alone.
//!
//! ## Why it is slow
//!
//! An index is ordered by the values of its column. `lower(email) = …`, `created_at::date = …`, `price * 2 > …` and
//! `name LIKE '%son'` ask for something else, which has to be computed for each row of the table.
//!
//! ## What counts
//!
//! Scans of whole tables whose filter compares a function, a cast, a calculation or an ending of a column with a value, and
//! takes away at least `removed_min` of at least `rows_min` rows.
//!
//! ## Stays silent
//!
//! - where most rows are kept: the whole table has to be read anyway;
//! - on `(column)::text`, as PostgreSQL writes for columns of type `varchar`, whose index serves it;
//! - on comparisons of two columns;
//! - on remainders (`id % 40 = 7`), whose column cannot stand alone: a [missing-index](missing-index.md) says what an index gives.
//!
//! ## Remedy
//!
//! The same condition with the column alone, such as a range of days; or an index on the expression. Best case: only what is
//! kept is read. Worst case: half of the time is left.
//!
//! ## How to check
//!
//! An index scan in the place of the `Seq Scan`.

use sqlparser::ast::{BinaryOperator, DataType, Expr};

use crate::evidence::plan::{Engine, Key, NodeType, shown};
use crate::figures::share;
use crate::finding::Confidence;
use crate::plans::conditions::{columns, conjuncts};
use crate::plans::{PlanView, Problem, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

use super::{left, removed, rows};

const REMOVED_MIN: Setting = Setting {
    name: "removed_min",
    unit: "% of the rows that are read",
    default: 90,
    why: "where more is kept an index would hardly be used",
};

const ROWS_MIN: Setting = Setting {
    name: "rows_min",
    unit: "rows that are thrown away",
    default: 1_000,
    why: "a table of fewer rows is read whole within a millisecond",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "non-sargable",
    summary: "a condition wraps its column in a function, a cast or a wildcard, so that no index serves it",
    page: include_str!("non_sargable.rs"),
    settings: &[REMOVED_MIN, ROWS_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// What is left at worst, per mille.
const WORST: u16 = 500;

/// Functions and types of days and times: their results depend on the time zone, so that a range is the better way.
const OF_TIME: [&str; 12] = [
    "date",
    "date_trunc",
    "date_part",
    "extract",
    "to_char",
    "year",
    "month",
    "day",
    "hour",
    "date_format",
    "timestamp",
    "timestamptz",
];

/// What a column is wrapped in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wrap {
    Function(String),
    Cast(String),
    Calculation,
    Member,
    Ending,
}

/// A comparison that no index of its column serves.
#[derive(Debug)]
struct Wrapped {
    wrap: Wrap,
    /// The expression around the column, which an index could hold.
    expression: Expr,
    column: String,
}

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    for (number, node) in view.nodes().filter(|(_, node)| node.node_type == NodeType::SeqScan) {
        let (gone, kept) = (removed(node, Key::RowsRemovedByFilter), node.rows().unwrap_or(0.0));
        let is_little = gone < settings.get(&ROWS_MIN) as f64;
        if is_little || gone * 100.0 < (gone + kept) * settings.get(&REMOVED_MIN) as f64 {
            continue;
        }
        let parts = conjuncts(node.facts.text(Key::Filter).unwrap_or_default(), view.engine());
        let Some(wrapped) = parts.iter().find_map(wrapped) else { continue };
        let confidence = if parts.len() == 1 { Confidence::High } else { Confidence::Medium };
        let subject = format!("{} of {}", wrapped.column, view.target(number));
        tell(view, number, &wrapped, problems.push(number, subject, confidence));
    }
}

/// A comparison with a value whose other side is no bare column.
fn wrapped(part: &Expr) -> Option<Wrapped> {
    let (side, is_pattern, value) = match part {
        Expr::Nested(inner) => return wrapped(inner),
        Expr::BinaryOp { left, op, right } if compares(op) => {
            match (columns(left).len(), columns(right).len()) {
                (1, 0) => (left, matches(op), right),
                (0, 1) if !matches(op) => (right, false, left),
                _ => return None,
            }
        }
        Expr::Like { negated: false, expr, pattern, .. }
        | Expr::ILike { negated: false, expr, pattern, .. } => (expr, true, pattern),
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } if columns(right).is_empty() => {
            (left, false, right)
        }
        Expr::In { expr, negated: false, .. } | Expr::Between { expr, negated: false, .. }
            if columns(part).len() == 1 =>
        {
            (expr, false, expr)
        }
        _ => return None,
    };
    let column = match columns(side).as_slice() {
        [column] => column.clone(),
        _ => return None,
    };
    let wrap = wrap_of(side).or_else(|| (is_pattern && begins_anyhow(value)).then_some(Wrap::Ending))?;
    Some(Wrapped { wrap, expression: bare(side).clone(), column })
}

fn compares(op: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(op, Op::Eq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq) || matches(op)
}

/// Whether an operator looks for a pattern.
fn matches(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::PGLikeMatch | BinaryOperator::PGILikeMatch)
}

/// An expression without brackets around it.
fn bare(mut expression: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expression {
        expression = inner;
    }
    expression
}

/// What stands around the column of an expression; `None` where it stands alone.
fn wrap_of(expression: &Expr) -> Option<Wrap> {
    match bare(expression) {
        Expr::Function(function) => Some(Wrap::Function(function.name.to_string().to_lowercase())),
        Expr::Extract { .. } => Some(Wrap::Function("extract".to_owned())),
        Expr::Substring { .. } => Some(Wrap::Function("substring".to_owned())),
        Expr::Trim { .. } => Some(Wrap::Function("trim".to_owned())),
        Expr::Cast { expr, data_type, .. } => match data_type {
            DataType::Text | DataType::Varchar(_) | DataType::CharacterVarying(_) => wrap_of(expr),
            other if other.to_string().eq_ignore_ascii_case("bpchar") => wrap_of(expr),
            other => Some(Wrap::Cast(other.to_string().to_lowercase())),
        },
        Expr::BinaryOp { op, .. } => match op {
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::StringConcat => Some(Wrap::Calculation),
            BinaryOperator::Arrow | BinaryOperator::LongArrow => Some(Wrap::Member),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a pattern begins with a wildcard.
fn begins_anyhow(pattern: &Expr) -> bool {
    match bare(pattern) {
        Expr::Cast { expr, .. } => begins_anyhow(expr),
        Expr::Value(value) => {
            let text = value.to_string();
            text.trim_start_matches(['E', 'N', '\'', '"']).starts_with(['%', '_'])
        }
        _ => false,
    }
}

fn tell(view: &PlanView<'_>, number: u32, wrapped: &Wrapped, problem: &mut Problem) {
    let node = view.node(number);
    let (gone, kept) = (removed(node, Key::RowsRemovedByFilter), node.rows().unwrap_or(0.0));
    let what = match &wrapped.wrap {
        Wrap::Function(name) => format!("the function {name} around {}", wrapped.column),
        Wrap::Cast(to) => format!("the cast of {} to {to}", wrapped.column),
        Wrap::Calculation => format!("the calculation with {}", wrapped.column),
        Wrap::Member => format!("the member of {}", wrapped.column),
        Wrap::Ending => format!("the pattern that may begin with anything, on {},", wrapped.column),
    };
    problem
        .claim(number, left(kept, kept + gone).max(1), WORST)
        .because(format!(
            "{what} is computed for each of {} rows, {} of which are thrown away by {}: an index of {} is of no use to it",
            rows(kept + gone),
            share(gone as u64, (kept + gone) as u64),
            view.expression(number, Key::Filter).unwrap_or_default(),
            wrapped.column,
        ))
        .check(format!("Rows Removed by Filter: {} now, next to none then", rows(gone)));
    advise(view, number, wrapped, problem);
}

const COSTS: &str = "an index costs each write to its table, and space";

fn advise(view: &PlanView<'_>, number: u32, wrapped: &Wrapped, problem: &mut Problem) {
    let node = view.node(number);
    let table = node.facts.text(Key::RelationName).or(node.target()).unwrap_or("the table");
    let column = &wrapped.column;
    let on_expression =
        on_expression(view.engine(), table, &shown(&unqualified(&wrapped.expression), view.engine()));
    match &wrapped.wrap {
        Wrap::Function(name) | Wrap::Cast(name) if OF_TIME.iter().any(|word| name.starts_with(word)) => problem.advise(
            format!("write it as a range, {column} >= … AND {column} < …, with an index on {column}"),
            COSTS,
        ),
        Wrap::Function(name) if name == "lower" || name == "upper" => problem.advise(on_expression, COSTS),
        Wrap::Function(name) if name == "coalesce" => problem
            .advise(format!("write it as ({column} = … OR {column} IS NULL), or let the column be NOT NULL"), "")
            .advise(on_expression, COSTS),
        Wrap::Function(_) | Wrap::Member => problem.advise(on_expression, COSTS),
        Wrap::Cast(_) => problem
            .advise(format!("compare {column} with a value of its own type: cast the value, not the column"), "")
            .advise(on_expression, COSTS),
        Wrap::Calculation => problem
            .advise(format!("calculate on the other side, so that {column} stands alone"), "")
            .advise(on_expression, COSTS),
        Wrap::Ending => match view.engine() {
            Engine::PostgreSql => problem.advise(
                format!("CREATE INDEX CONCURRENTLY ON {table} USING gin ({column} gin_trgm_ops), with the extension pg_trgm"),
                "such an index is large, and slow to write; it serves patterns of three letters and more",
            ),
            _ => problem.advise(
                format!("a FULLTEXT index on {column} with MATCH … AGAINST, if words are sought"),
                COSTS,
            ),
        },
    };
}

fn on_expression(engine: Engine, table: &str, expression: &str) -> String {
    match engine {
        Engine::PostgreSql => {
            format!("CREATE INDEX CONCURRENTLY ON {table} (({expression})), if the expression is immutable")
        }
        Engine::MySql => format!("CREATE INDEX … ON {table} (({expression})), from 8.0.13 on"),
        Engine::MariaDb => format!("a generated column AS ({expression}) in {table}, with an index on it"),
        Engine::Sqlite => format!("CREATE INDEX … ON {table} ({expression})"),
    }
}

/// An expression without the name of the table in front of its column.
fn unqualified(expression: &Expr) -> String {
    let mut expression = expression.clone();
    let _: std::ops::ControlFlow<()> = sqlparser::ast::visit_expressions_mut(&mut expression, |part| {
        if let Expr::CompoundIdentifier(names) = part
            && let Some(name) = names.pop()
        {
            *part = Expr::Identifier(name);
        }
        std::ops::ControlFlow::Continue(())
    });
    expression.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn filtered(filter: &str, gone: f64) -> Sketch {
        sketch()
            .node(0, NodeType::SeqScan, 200.0, 10.0, 1)
            .text(Key::RelationName, "users")
            .text(Key::Alias, "u")
            .text(Key::Filter, filter)
            .number(Key::RowsRemovedByFilter, gone)
    }

    fn advice(filter: &str) -> String {
        filtered(filter, 99_990.0).judged().only("non-sargable").fix[0].text.clone()
    }

    #[test]
    fn each_wrap_has_its_remedy() {
        let lower = filtered("(lower(u.email) = 'a@b.c'::text)", 99_990.0).judged();
        let problem = lower.only("non-sargable");
        assert_eq!((&*problem.subject, problem.confidence), ("email of users u", Confidence::High));
        assert!(!format!("{lower:?}").contains("a@b.c"));
        for (filter, start) in [
            ("(lower(u.email) = 'a'::text)", "CREATE INDEX CONCURRENTLY ON users ((lower(email)))"),
            ("((created_at)::date = '2024-01-01'::date)", "write it as a range, created_at >= …"),
            ("(date_trunc('day'::text, created_at) = '2024-01-01'::date)", "write it as a range"),
            ("((total * 2) > 100)", "calculate on the other side"),
            ("((id)::numeric > 10.5)", "compare id with a value of its own type"),
            ("(name ~~ '%son'::text)", "CREATE INDEX CONCURRENTLY ON users USING gin (name gin_trgm_ops)"),
            ("((name)::text ~~* '%son'::text)", "CREATE INDEX CONCURRENTLY ON users USING gin (name"),
            (
                "((payload ->> 'kind'::text) = 'a'::text)",
                "CREATE INDEX CONCURRENTLY ON users ((payload ->> ?::",
            ),
            ("(COALESCE(state, 'x'::text) = 'x'::text)", "write it as (state = … OR state IS NULL)"),
        ] {
            let text = advice(filter);
            let same = |text: &str| text.to_lowercase();
            assert!(same(&text).starts_with(&same(start)), "{filter}: {text}");
        }
    }

    #[test]
    fn silent_where_an_index_of_the_column_would_do() {
        for filter in [
            "(email = 'a'::text)",
            "((status)::text = 'a'::text)",
            "((kind)::bpchar = 'a'::bpchar)",
            "(name ~~ 'son%'::text)",
            "(created_at > (now() - '1 day'::interval))",
            "(lower(email) = lower(alias))",
            "(lower(email) <> 'a'::text)",
            "(total > $1)",
        ] {
            filtered(filter, 99_990.0).judged().silent("non-sargable");
        }
    }

    #[test]
    fn silent_where_most_is_kept_or_little_read() {
        filtered("(lower(email) = 'a'::text)", 20.0).judged().silent("non-sargable");
        filtered("(lower(email) = 'a'::text)", 900.0).judged().silent("non-sargable");
    }
}
