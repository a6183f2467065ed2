//! What a statement asks of each table that it reads: conditions, joins, order, and how many rows it wants.

use std::collections::BTreeSet;

/// A statement, as far as indexes are concerned.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct StatementUses {
    /// Each use of a table; a table that is joined with itself has two.
    pub(super) uses: Vec<TableUse>,
    /// The queries that it consists of, the outermost first.
    pub(super) blocks: Vec<Block>,
}

/// One use of a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct TableUse {
    /// The table, with its schema where the statement names one; empty for the rows that a recursive query has found before.
    pub(super) table: String,
    /// Its name in the statement.
    pub(super) alias: String,
    /// Number of the query that reads it.
    pub(super) block: usize,
    /// Conditions that all of its rows must meet.
    pub(super) conditions: Vec<Condition>,
    /// Conditions of which its rows must meet one, each of several conditions: both sides of an `OR`.
    pub(super) alternatives: Vec<Vec<Vec<Condition>>>,
    /// Columns that are read at all.
    pub(super) columns: BTreeSet<String>,
    /// Whether all columns are read, or rows are changed.
    pub(super) reads_all: bool,
    /// Whether an outer join gives a row without values where it has none.
    pub(super) is_nullable: bool,
    /// What is done to the rows of it that are found, where that is more than reading them.
    pub(super) written: Option<Written>,
}

/// What is done to rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// They are removed.
    Deleted,
    /// These columns of them are set.
    Updated(BTreeSet<String>),
}

/// One query: the statement itself, or one inside it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Block {
    /// What its rows are for.
    pub(super) role: Role,
    /// The order in which rows of one table are wanted.
    pub(super) order: Option<Order>,
    /// Whether it wants its rows in an order by chance (`ORDER BY random()`).
    pub(super) is_shuffled: bool,
    /// Whether it wants the first rows only.
    pub(super) is_limited: bool,
    /// How many rows it asks for with those that it passes over, where that is written as numbers.
    pub(super) first_rows: Option<f64>,
    /// Whether rows are summed up or grouped.
    pub(super) is_aggregate: bool,
    /// Smallest or greatest values that are all it asks for: of which use, and which columns.
    pub(super) extreme: Option<(usize, Vec<Operand>)>,
}

/// What the rows of a query are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Role {
    /// They are read.
    #[default]
    Rows,
    /// Whether there is one: `EXISTS`, `IN`.
    Semi,
    /// Whether there is none: `NOT EXISTS`, `NOT IN`.
    Anti,
}

/// An order of the rows of one use.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    /// Which use.
    pub(super) table_use: usize,
    /// By what, the most significant first.
    pub(super) keys: Vec<OrderKey>,
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OrderKey {
    /// A column or expression.
    pub(super) operand: Operand,
    /// From the largest on.
    pub(super) descending: bool,
    /// Where nulls are, if that is said.
    pub(super) nulls_first: Option<bool>,
}

/// A condition on one use.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    /// What is compared.
    pub(super) operand: Operand,
    /// How.
    pub(super) test: Test,
    /// With what, where it is a literal. Evidence: shown only where it looks like a code.
    pub(super) constant: Option<Constant>,
}

/// A column, or an expression of columns of one use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Operand {
    /// As it is written in an index: `email`, `(lower(email))`.
    pub(super) text: String,
    /// The columns in it; of a condition that is not understood those that it reads, and no text.
    pub(super) columns: Vec<String>,
    /// Whether an index can hold it.
    pub(super) kind: OperandKind,
}

/// Whether an index can hold an operand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum OperandKind {
    /// A column.
    #[default]
    Column,
    /// An expression that always gives the same for the same row.
    Expression,
    /// An expression whose result depends on settings, or may: how to write the condition so that the column stands alone.
    Unstable(String),
}

impl Operand {
    /// A column.
    pub(super) fn column(name: &str) -> Self {
        Self { text: quoted(name), columns: vec![name.to_owned()], kind: OperandKind::Column }
    }

    /// What a condition that is not understood reads.
    pub(super) fn opaque(columns: Vec<String>) -> Self {
        Self { text: String::new(), columns, kind: OperandKind::Unstable(String::new()) }
    }

    /// Whether it is a column alone.
    pub(super) fn is_column(&self) -> bool {
        self.kind == OperandKind::Column
    }

    /// Whether an index can hold it.
    pub(super) fn is_indexable(&self) -> bool {
        !matches!(self.kind, OperandKind::Unstable(_))
    }
}

/// How a condition compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    /// `=` with a value, or with what a query around it gives.
    Equal,
    /// `IN (…)`, `= ANY (…)`: one of several values.
    In,
    /// `<>`, `NOT IN (…)`: none of these values, which only an index of the other rows alone serves.
    Differs(Vec<Constant>),
    /// `<`, `>`, `BETWEEN`; whether both ends are given.
    Range(bool),
    /// `IS NULL`.
    Null,
    /// `IS NOT NULL`.
    NotNull,
    /// `LIKE 'abc%'`.
    Prefix,
    /// `LIKE '%abc%'`, `ILIKE`, regular expressions: what trigrams serve.
    Infix,
    /// `jsonb @>`, `array @>`: what a GIN index serves.
    Contains(Container),
    /// `jsonb ? 'key'`.
    HasKey,
    /// `to_tsvector(…) @@ …`.
    Matches,
    /// `=` with a column of another use.
    Joins {
        /// Which use.
        other: usize,
        /// Its column.
        column: String,
    },
    /// One that no index serves, with a rewrite where there is one.
    Other(Option<String>),
}

/// What is searched by containment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    /// A `jsonb` document.
    Json,
    /// An array.
    Array,
    /// A range, whose indexes are GiST.
    Range,
    /// Addresses of a network, whose indexes for any operator are GiST.
    Network,
    /// A document or an array: the statement does not say.
    Unknown,
}

/// A literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Constant {
    /// A text, without quotes.
    Text(String),
    /// A number.
    Number(String),
    /// `true` or `false`.
    Boolean(bool),
}

impl Constant {
    /// Whether it may be shown and be part of an index: it looks like the name of a class, and not like a value of somebody.
    pub(super) fn is_code(&self) -> bool {
        match self {
            Self::Boolean(_) => true,
            Self::Number(_) => false,
            Self::Text(text) => {
                let is_word =
                    |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b' ' | b'.');
                !text.is_empty() && text.len() <= 32 && text.bytes().all(is_word) && !has_hex_run(text)
            }
        }
    }

    /// As it is written in a statement.
    pub(super) fn sql(&self) -> String {
        match self {
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Number(number) => number.clone(),
            Self::Boolean(value) => value.to_string(),
        }
    }
}

/// Eight hexadecimal digits or more in a row.
fn has_hex_run(text: &str) -> bool {
    let mut run = 0;
    text.bytes().any(|byte| {
        run = if byte.is_ascii_hexdigit() { run + 1 } else { 0 };
        run >= 8
    })
}

/// A name as it is written in a statement.
pub(super) fn quoted(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_simple = name.bytes().all(is_plain) && !name.starts_with(|first: char| first.is_ascii_digit());
    match is_simple && !name.is_empty() && !RESERVED.contains(&name) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A table's name as it is written in a statement, with its schema.
pub(super) fn quoted_table(name: &str) -> String {
    name.split('.').map(quoted).collect::<Vec<_>>().join(".")
}

/// Words of PostgreSQL that are no names without quotes (its documentation, appendix C, "reserved").
const RESERVED: [&str; 77] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "current_catalog",
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "in",
    "initially",
    "intersect",
    "into",
    "lateral",
    "leading",
    "limit",
    "localtime",
    "localtimestamp",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "placing",
    "primary",
    "references",
    "returning",
    "select",
    "session_user",
    "some",
    "symmetric",
    "system_user",
    "table",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "when",
    "where",
    "window",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_values() {
        for code in ["pending", "in_progress", "PAID", "two words"] {
            assert!(Constant::Text(code.to_owned()).is_code(), "{code}");
        }
        for value in ["a@b.c", "12345678", "deadbeef", "", "o'brien", "SKU-1", &"x".repeat(33)] {
            assert!(!Constant::Text(value.to_owned()).is_code(), "{value}");
        }
        assert!(!Constant::Number("7".to_owned()).is_code());
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert_eq!(quoted_table("public.Order"), "public.\"Order\"");
        assert_eq!(
            (quoted("user"), quoted("user_id"), quoted("2nd")),
            ("\"user\"".into(), "user_id".into(), "\"2nd\"".into())
        );
    }
}
