//! What `@>` and `&&` search in: documents and arrays have GIN indexes, ranges GiST; of other types nothing is known.

use super::expressions::{constant, function_name};
use super::uses::{Constant, Container};
use sqlparser::ast::Expr;

/// By a type: that of the column, or that of the value which a plan compares it with. `None` where no index of it is known to
/// serve the operators.
pub(super) fn of_type(type_name: &str) -> Option<Container> {
    match type_name {
        "json" | "jsonb" => Some(Container::Json),
        "inet" | "cidr" => Some(Container::Network),
        array if array.ends_with("[]") => Some(Container::Array),
        // A time by itself is looked for in ranges alone.
        range if is_range(range) || range.starts_with("timestamp") || range == "date" => {
            Some(Container::Range)
        }
        _ => None,
    }
}

/// By the value that is looked for; `None` where no index of what could hold it is known.
pub(super) fn of_value(value: &Expr, is_overlap: bool) -> Option<Container> {
    match value {
        Expr::Nested(inner) => of_value(inner, is_overlap),
        Expr::Array(_) => Some(Container::Array),
        Expr::Cast { data_type, .. } => of_type(&data_type.to_string().to_lowercase()),
        Expr::TypedString(typed) => of_type(&typed.data_type.to_string().to_lowercase()),
        Expr::Function(function) if is_range(&function_name(function)) => Some(Container::Range),
        _ => match constant(value) {
            Some(Constant::Text(text)) => of_text(text.trim(), is_overlap),
            Some(_) => None,
            None if is_overlap => Some(Container::Array),
            None => Some(Container::Unknown),
        },
    }
}

/// `{1,2}` is an array, `[1,2)` a range, `{"a": 1}` and `["a"]` are documents, which `&&` does not compare.
fn of_text(text: &str, is_overlap: bool) -> Option<Container> {
    let is_round = text.starts_with('(') || text.ends_with(')');
    match text.chars().next()? {
        '(' | '[' if is_round || is_overlap => Some(Container::Range),
        '{' if is_overlap || !text.contains(':') && text != "{}" => Some(Container::Array),
        '{' | '[' => Some(Container::Json),
        _ => None,
    }
}

fn is_range(name: &str) -> bool {
    const RANGES: [&str; 6] = ["int4", "int8", "num", "ts", "tstz", "date"];
    let stem = name.strip_suffix("multirange").or_else(|| name.strip_suffix("range"));
    stem.is_some_and(|stem| RANGES.contains(&stem))
}
