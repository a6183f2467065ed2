//! Columns, and expressions of columns that an index can hold.
//!
//! PostgreSQL takes immutable expressions alone: those whose result depends on nothing but the row. Casts between texts
//! and times, and times cut to days, depend on the time zone or the date style of the session (`pg_proc.provolatile`).

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Value,
};

use super::known::Known;
use super::uses::{Constant, Operand, OperandKind, quoted};

/// Immutable functions that conditions are often written with.
const IMMUTABLE: [&str; 27] = [
    "lower",
    "upper",
    "btrim",
    "ltrim",
    "rtrim",
    "trim",
    "length",
    "char_length",
    "character_length",
    "octet_length",
    "abs",
    "round",
    "floor",
    "ceil",
    "ceiling",
    "trunc",
    "coalesce",
    "nullif",
    "md5",
    "reverse",
    "substr",
    "substring",
    "left",
    "right",
    "replace",
    "split_part",
    "jsonb_extract_path_text",
];

/// Functions that cut times to days, months or fields: immutable for times without a zone alone.
const OF_TIME: [&str; 6] = ["date", "date_trunc", "date_part", "extract", "year", "month"];

/// Functions whose result differs from row to row: no index helps a comparison with them.
const VOLATILE: [&str; 7] =
    ["random", "rand", "clock_timestamp", "timeofday", "nextval", "gen_random_uuid", "uuid_generate_v4"];

/// Finds out which use a column belongs to.
pub(super) trait Resolve {
    /// The use and the name of a column, where they can be told.
    fn column(&self, qualifier: Option<&str>, column: &str) -> Option<(usize, String)>;
    /// The table of a use.
    fn table(&self, number: usize) -> &str;
    /// What is known of columns.
    fn known(&self) -> &Known<'_>;
}

/// The column or expression that an expression is, and the use that it belongs to; `None` where it has no column, columns
/// of several uses, or what no index holds.
pub(super) fn operand(expression: &Expr, resolve: &dyn Resolve) -> Option<(usize, Operand)> {
    if let Some((number, column)) = column(expression, resolve) {
        return Some((number, Operand::column(&column)));
    }
    let mut rendering = Rendering { resolve, number: None, columns: Vec::new(), unstable: None };
    let text = rendering.render(expression)?;
    let number = rendering.number?;
    let kind = match rendering.unstable {
        Some(rewrite) => OperandKind::Unstable(rewrite),
        None => OperandKind::Expression,
    };
    Some((number, Operand { text: format!("({text})"), columns: rendering.columns, kind }))
}

/// The column that an expression is.
pub(super) fn column(expression: &Expr, resolve: &dyn Resolve) -> Option<(usize, String)> {
    let (qualifier, name) = column_name(expression)?;
    resolve.column(qualifier.as_deref(), &name)
}

/// Qualifier and name of a bare column.
pub(super) fn column_name(expression: &Expr) -> Option<(Option<String>, String)> {
    match expression {
        Expr::Identifier(name) => Some((None, identifier(name))),
        Expr::CompoundIdentifier(parts) => {
            let (column, rest) = parts.split_last()?;
            Some((rest.last().map(identifier), identifier(column)))
        }
        Expr::Nested(inner) => column_name(inner),
        _ => None,
    }
}

/// A name: in lower case unless it is quoted.
pub(super) fn identifier(name: &sqlparser::ast::Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

/// The literal that an expression is, a cast or brackets around it taken off.
pub(super) fn constant(expression: &Expr) -> Option<Constant> {
    match expression {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => constant(inner),
        Expr::TypedString(typed) => of_value(&typed.value.value),
        Expr::Value(value) => of_value(&value.value),
        _ => None,
    }
}

fn of_value(value: &Value) -> Option<Constant> {
    match value {
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
            Some(Constant::Text(text.clone()))
        }
        Value::Number(number, _) => Some(Constant::Number(number.to_string())),
        Value::Boolean(value) => Some(Constant::Boolean(*value)),
        _ => None,
    }
}

/// The name of a function, in lower case and without its schema.
pub(super) fn function_name(function: &Function) -> String {
    let last = function.name.0.last().and_then(|part| part.as_ident());
    last.map(identifier).unwrap_or_default()
}

/// The arguments of a function; `None` where one is no expression.
pub(super) fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    match &function.args {
        FunctionArguments::None => Some(Vec::new()),
        FunctionArguments::Subquery(_) => None,
        FunctionArguments::List(list) => {
            let each = list.args.iter().map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
                _ => None,
            });
            each.collect()
        }
    }
}

/// Whether a function gives another value for each row.
pub(super) fn is_volatile(function: &Function) -> bool {
    VOLATILE.contains(&&*function_name(function))
}

/// An expression on the way to the text of an index.
struct Rendering<'r> {
    resolve: &'r dyn Resolve,
    number: Option<usize>,
    columns: Vec<String>,
    /// How to write the condition instead, where the expression is not immutable.
    unstable: Option<String>,
}

impl Rendering<'_> {
    fn render(&mut self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => self.column(expression),
            Expr::Nested(inner) => Some(format!("({})", self.render(inner)?)),
            Expr::Value(_) => literal(expression),
            Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, data_type, .. } => {
                self.cast(expr, data_type)
            }
            Expr::Collate { expr, collation } => Some(format!("{} COLLATE {collation}", self.render(expr)?)),
            Expr::Trim { expr, trim_where: None, trim_what: None, trim_characters: None } => {
                Some(format!("btrim({})", self.render(expr)?))
            }
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let (inner, from) = (self.render(expr)?, literal(from)?);
                match substring_for {
                    Some(count) => Some(format!("substring({inner}, {from}, {})", literal(count)?)),
                    None => Some(format!("substring({inner}, {from})")),
                }
            }
            Expr::Ceil { expr, .. } => Some(format!("ceil({})", self.render(expr)?)),
            Expr::Floor { expr, .. } => Some(format!("floor({})", self.render(expr)?)),
            Expr::Extract { expr, field, .. } => {
                let inner = self.render(expr)?;
                self.part_of_time(&field.to_string());
                Some(format!("EXTRACT({field} FROM {inner})"))
            }
            Expr::AtTimeZone { timestamp, time_zone } => {
                Some(format!("{} AT TIME ZONE {}", self.render(timestamp)?, literal(time_zone)?))
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::Function(function) => self.function(function),
            _ => None,
        }
    }

    fn column(&mut self, expression: &Expr) -> Option<String> {
        let (number, name) = column(expression, self.resolve)?;
        if *self.number.get_or_insert(number) != number {
            return None;
        }
        if !self.columns.contains(&name) {
            self.columns.push(name.clone());
        }
        Some(quoted(&name))
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<String> {
        let is_json = matches!(
            op,
            BinaryOperator::Arrow
                | BinaryOperator::LongArrow
                | BinaryOperator::HashArrow
                | BinaryOperator::HashLongArrow
        );
        let is_arithmetic = matches!(
            op,
            BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo
                | BinaryOperator::StringConcat
        );
        if !is_json && !is_arithmetic {
            return None;
        }
        if is_arithmetic && [left, right].iter().any(|side| is_time_arithmetic(side)) {
            self.render(left).or_else(|| self.render(right))?;
            self.unstable.get_or_insert_with(|| {
                "move the interval to the other side, so that the column stands alone".to_owned()
            });
            return Some(String::new());
        }
        let (left, right) = (self.render(left)?, self.render(right)?);
        Some(format!("{left} {op} {right}"))
    }

    fn function(&mut self, function: &Function) -> Option<String> {
        if function.over.is_some() || function.filter.is_some() {
            return None;
        }
        let name = function_name(function);
        let arguments = arguments(function)?;
        let is_search = name == "to_tsvector";
        if !IMMUTABLE.contains(&&*name) && !OF_TIME.contains(&&*name) && !is_search {
            return None;
        }
        let rendered: Vec<String> =
            arguments.iter().map(|argument| self.render(argument)).collect::<Option<_>>()?;
        match (&*name, arguments.first()) {
            ("date_part", Some(Expr::Value(part))) => self.part_of_time(&part.to_string()),
            ("month", _) => self.part_of_time("month"),
            (name, _) if OF_TIME.contains(&name) => self.of_time(),
            _ => {}
        }
        if is_search && arguments.len() < 2 {
            self.unstable.get_or_insert_with(|| {
                "name the language, to_tsvector('english', …), in the statement and in a GIN index: without it the result \
                 depends on a setting"
                    .to_owned()
            });
        }
        Some(format!("{name}({})", rendered.join(", ")))
    }

    fn cast(&mut self, inner: &Expr, data_type: &DataType) -> Option<String> {
        let rendered = self.render(inner)?;
        let target = data_type.to_string().to_lowercase();
        if is_time(&target) {
            self.of_time();
        } else if self.is_of_time() != Some(false) && is_text(&target) && self.may_be_time() {
            self.unstable.get_or_insert_with(|| "compare the column itself with a range of times".to_owned());
        }
        Some(format!("({rendered})::{target}"))
    }

    /// Notes that what is rendered is immutable only if its columns are times without a zone.
    fn of_time(&mut self) {
        if self.may_have_zone() {
            let column = self.columns.first().map_or("the column", |column| &**column);
            let rewrite = format!("compare the column with a range: {column} >= … AND {column} < …");
            self.unstable.get_or_insert(rewrite);
        }
    }

    /// The same of one part of a time. A year is a range of times; a month or an hour comes again and again, and is none.
    fn part_of_time(&mut self, part: &str) {
        let part = part.trim_matches('\'').to_lowercase();
        if matches!(&*part, "year" | "isoyear" | "decade" | "century" | "millennium" | "epoch") {
            self.of_time();
        } else if self.may_have_zone() {
            let column = self.columns.first().map_or("the column", |column| &**column);
            self.unstable.get_or_insert_with(|| {
                format!(
                    "an index on the expression serves it where {column} is a date or a time without a zone; else name the \
                     zone, {column} AT TIME ZONE 'UTC', in the statement and in the index"
                )
            });
        }
    }

    fn may_have_zone(&self) -> bool {
        let zoned =
            |type_name: &str| !matches!(type_name, "timestamp without time zone" | "timestamp" | "date");
        self.types().is_none_or(|types| types.iter().any(|type_name| zoned(type_name)))
    }

    /// The types of the columns; `None` where one is not known.
    fn types(&self) -> Option<Vec<String>> {
        let table = self.resolve.table(self.number?);
        let type_of = |column: &String| self.resolve.known().type_of(table, column).map(str::to_owned);
        self.columns.iter().map(type_of).collect()
    }

    fn is_of_time(&self) -> Option<bool> {
        Some(self.types()?.iter().any(|type_name| is_time(type_name)))
    }

    /// Whether a column is a time, or has the name of one.
    fn may_be_time(&self) -> bool {
        let named = |column: &String| {
            ["_at", "_on", "date", "time", "day"].iter().any(|ending| column.ends_with(ending))
        };
        self.is_of_time().unwrap_or_else(|| self.columns.iter().any(named))
    }
}

fn is_time(type_name: &str) -> bool {
    type_name.starts_with("timestamp") || type_name.starts_with("time") || type_name == "date"
}

fn is_text(type_name: &str) -> bool {
    ["text", "varchar", "character", "char"].iter().any(|name| type_name.starts_with(name))
}

/// Whether it makes an addition one of times: an interval, or a time of the clock.
fn is_time_arithmetic(expression: &Expr) -> bool {
    match expression {
        Expr::Interval(_) => true,
        Expr::Nested(inner) => is_time_arithmetic(inner),
        Expr::Cast { data_type, .. } => {
            let target = data_type.to_string().to_lowercase();
            is_time(&target) || target.starts_with("interval")
        }
        Expr::Function(function) => {
            matches!(
                &*function_name(function),
                "now" | "current_timestamp" | "current_date" | "age" | "localtimestamp"
            )
        }
        _ => false,
    }
}

/// A literal that may be part of an index: a key of a document, a language, a small number.
fn literal(expression: &Expr) -> Option<String> {
    match constant(expression)? {
        Constant::Number(number) => {
            let is_small = number.len() <= 5 && number.parse::<f64>().is_ok_and(|number| number <= 9_999.0);
            is_small.then_some(number)
        }
        constant @ Constant::Text(_) => {
            let Constant::Text(text) = &constant else { return None };
            let is_path = text.starts_with('{') && text.ends_with('}');
            let inner = if is_path { text[1..text.len() - 1].replace(',', "_") } else { text.clone() };
            let letters: String =
                inner.chars().map(|one| if one.is_ascii_digit() { 'x' } else { one }).collect();
            let is_code = Constant::Text(letters).is_code() && digits(&inner) < 8;
            is_code.then(|| constant.sql())
        }
        constant => Some(constant.sql()),
    }
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}
