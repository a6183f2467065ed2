//! Which part of a table's rows each condition leaves.
//!
//! Statistics of the server say it where they are known; else a habit of such conditions does. Where a plan tells what all
//! conditions together leave, the parts are scaled so that their product is that.

use super::catalogue::Column;
use super::known::Known;
use super::uses::{Condition, Constant, TableUse, Test};
use super::work::Scan;

/// The least part that is reckoned with.
const LEAST: f64 = 1e-9;

/// What conditions of a scan leave of its table.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    /// Of each condition, by its number; 1 for joins.
    pub(super) each: Vec<f64>,
    /// Of each condition, whether that is known: by statistics, or as it is the only one and the plan says what it leaves.
    pub(super) is_known: Vec<bool>,
    /// Of each set of alternatives.
    pub(super) alternatives: Vec<f64>,
    /// Rows of the table.
    pub(super) rows: f64,
}

impl Shares {
    /// The part that all conditions leave.
    pub(super) fn all(&self) -> f64 {
        self.each.iter().chain(&self.alternatives).product::<f64>().max(LEAST)
    }

    /// What a scan's conditions leave. `is_value` says which joins compare with a value from outside.
    pub(super) fn of(
        table_use: &TableUse,
        scan: &Scan,
        known: &Known<'_>,
        is_value: &dyn Fn(&Condition) -> bool,
    ) -> Self {
        let conditions = &table_use.conditions;
        let prior = |condition: &Condition| match &condition.test {
            Test::Joins { .. } if !is_value(condition) => Part { part: 1.0, basis: Basis::Statistics },
            _ => part(condition, &table_use.table, known),
        };
        let parts: Vec<Part> = conditions.iter().map(prior).collect();
        let mut each: Vec<f64> = parts.iter().map(|part| part.part).collect();
        let is_only = parts.iter().filter(|part| part.part < 1.0).count() + table_use.alternatives.len() == 1;
        let is_known = parts.iter().map(|part| part.basis == Basis::Statistics || is_only).collect();
        let mut alternatives: Vec<f64> = table_use.alternatives.iter().map(|_| 0.05).collect();
        let by_index: Vec<bool> = conditions.iter().map(|condition| leads(condition, scan)).collect();
        let known_rows =
            known.table(&table_use.table).and_then(|table| table.rows).filter(|rows| *rows >= 1.0);
        let indexed: f64 =
            each.iter().zip(&by_index).filter(|(_, by_index)| **by_index).map(|(part, _)| part).product();
        let per_loop = scan.table_rows();
        let rows =
            known_rows.unwrap_or(if scan.index_condition.is_empty() { per_loop } else { per_loop / indexed });
        let kept = (scan.kept.max(0.5) / scan.read.max(1.0)).clamp(LEAST, 1.0);
        let bases = parts.iter().map(|part| part.basis);
        let free = each.iter_mut().zip(bases).zip(&by_index).filter(|(_, by_index)| !**by_index);
        let free = free.map(|(part, _)| part).chain(alternatives.iter_mut().map(|part| (part, Basis::Habit)));
        fit(free.collect(), kept);
        let rows = rows.max(1.0);
        if scan.index_condition.is_empty() || !by_index.contains(&true) {
            return Self { each, is_known, alternatives, rows };
        }
        let leading = (per_loop / rows).clamp(LEAST, 1.0);
        scale(
            each.iter_mut().zip(&by_index).filter(|(_, by_index)| **by_index).map(|(part, _)| part).collect(),
            leading,
        );
        Self { each, is_known, alternatives, rows }
    }
}

/// Whether a condition leads through an index that the scan uses already.
fn leads(condition: &Condition, scan: &Scan) -> bool {
    let is_in = |column: &String| contains_word(&scan.index_condition, column);
    !condition.operand.columns.is_empty() && condition.operand.columns.iter().all(is_in)
}

fn contains_word(text: &str, word: &str) -> bool {
    let is_letter =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    text.match_indices(word).any(|(start, _)| {
        let before = start.checked_sub(1).and_then(|place| text.as_bytes().get(place));
        !is_letter(before) && !is_letter(text.as_bytes().get(start + word.len()))
    })
}

/// What the part that a condition leaves is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Basis {
    /// Statistics of the server.
    Statistics,
    /// The same of a value that is no common one: it has as many rows as others on the average, but may have more.
    Average,
    /// Such conditions usually leave it.
    Habit,
    /// Nothing: no index serves such a condition, and it may leave any part.
    Nothing,
}

/// A part with what it is known by.
#[derive(Debug, Clone, Copy)]
struct Part {
    part: f64,
    basis: Basis,
}

/// Makes the product of all parts what a plan counted. What it counted beyond what was expected is put down first to conditions
/// that no index serves, so that none is credited with their work, then to those of which no statistics are known.
fn fit(mut parts: Vec<(&mut f64, Basis)>, product: f64) {
    let product_of = |parts: &[(&mut f64, Basis)], bases: &[Basis]| {
        let of = parts.iter().filter(|(_, basis)| bases.contains(basis));
        of.map(|(part, _)| **part).product::<f64>().max(LEAST)
    };
    let order: [&[Basis]; 3] = match product_of(&parts, &ALL) > product {
        true => [&[Basis::Nothing], &[Basis::Habit], &ALL],
        false => [&[Basis::Nothing, Basis::Habit, Basis::Average], &ALL, &ALL],
    };
    for bases in order {
        let others: f64 = product_of(&parts, &ALL) / product_of(&parts, bases);
        let own = parts.iter_mut().filter(|(_, basis)| bases.contains(basis));
        scale(own.map(|(part, _)| &mut **part).collect(), (product / others.max(LEAST)).min(1.0));
    }
}

const ALL: [Basis; 4] = [Basis::Statistics, Basis::Average, Basis::Habit, Basis::Nothing];

/// Raises all parts to the power that makes their product what it must be.
fn scale(parts: Vec<&mut f64>, product: f64) {
    let now: f64 = parts.iter().map(|part| part.clamp(LEAST, 0.999).ln()).sum();
    if parts.is_empty() || now >= 0.0 {
        return;
    }
    let power = product.clamp(LEAST, 1.0).ln() / now;
    parts.into_iter().filter(|part| **part < 1.0).for_each(|part| *part = part.max(LEAST).powf(power));
}

/// The part that a condition leaves, by statistics or habit.
fn part(condition: &Condition, table: &str, known: &Known<'_>) -> Part {
    let column = condition.operand.columns.first().and_then(|column| known.column(table, column));
    let by_statistics = column.filter(|_| condition.operand.is_column()).and_then(|column| {
        let rows = known.table(table).and_then(|table| table.rows).unwrap_or(1.0);
        by_statistics(condition, column, rows)
    });
    let basis = match &condition.test {
        Test::Other(_) => Basis::Nothing,
        Test::Range(_) => Basis::Habit,
        _ if by_statistics.is_none() => Basis::Habit,
        Test::Null | Test::NotNull | Test::Differs(_) => Basis::Statistics,
        _ if is_common(condition, column) => Basis::Statistics,
        _ => Basis::Average,
    };
    Part { part: by_statistics.unwrap_or_else(|| by_habit(condition)), basis }
}

/// Whether a condition compares with a value that statistics name.
fn is_common(condition: &Condition, column: Option<&Column>) -> bool {
    condition
        .constant
        .as_ref()
        .zip(column)
        .is_some_and(|(constant, column)| common(constant, column).is_some())
}

fn by_habit(condition: &Condition) -> f64 {
    let name = condition.operand.columns.first().map_or("", |column| &**column);
    let is_key = name == "id"
        || ["_id", "email", "token", "uuid", "slug", "key"].iter().any(|end| name.ends_with(end));
    match &condition.test {
        Test::Equal if matches!(condition.constant, Some(Constant::Boolean(_))) => 0.4,
        Test::Equal | Test::Joins { .. } if is_key => 0.002,
        Test::Equal | Test::Joins { .. } => 0.05,
        Test::In => 0.1,
        Test::Range(true) => 0.05,
        Test::Range(false) => 0.3,
        Test::Null => 0.3,
        Test::NotNull => 0.6,
        Test::Prefix | Test::Infix | Test::Matches | Test::Contains(_) => 0.02,
        Test::HasKey => 0.1,
        Test::Differs(_) | Test::Other(_) => 0.5,
    }
}

fn by_statistics(condition: &Condition, column: &Column, rows: f64) -> Option<f64> {
    let nulls = column.null_fraction.unwrap_or(0.0);
    match &condition.test {
        Test::Null => column.null_fraction,
        Test::NotNull => column.null_fraction.map(|nulls| 1.0 - nulls),
        Test::Differs(constants) => differs(constants, column, nulls),
        Test::Equal | Test::Joins { .. } => equal(condition.constant.as_ref(), column, nulls),
        Test::In => equal(None, column, nulls).map(|part| (3.0 * part).min(1.0)),
        Test::Range(_) => Some(by_habit(condition)).filter(|_| !column.bounds.is_empty() || rows > 0.0),
        _ => None,
    }
}

/// The part of the rows that have none of some values, where these are common ones.
fn differs(constants: &[Constant], column: &Column, nulls: f64) -> Option<f64> {
    let parts: Option<Vec<f64>> = constants.iter().map(|constant| common(constant, column)).collect();
    parts.map(|parts| (1.0 - nulls - parts.iter().sum::<f64>()).clamp(LEAST, 1.0))
}

/// The part of the rows with a common value.
fn common(constant: &Constant, column: &Column) -> Option<f64> {
    let text = match constant {
        Constant::Text(text) | Constant::Number(text) => text,
        Constant::Boolean(true) => "t",
        Constant::Boolean(false) => "f",
    };
    column.common.iter().find(|(value, _)| value == text).map(|(_, part)| *part)
}

/// The part of the rows with one value: with that value, if it is a common one.
fn equal(constant: Option<&Constant>, column: &Column, nulls: f64) -> Option<f64> {
    if let Some(part) = constant.and_then(|constant| common(constant, column)) {
        return Some(part);
    }
    let distinct = column.distinct.filter(|distinct| *distinct >= 1.0)?;
    let rest = 1.0 - nulls - column.common.iter().map(|(_, part)| part).sum::<f64>();
    let others = distinct - column.common.len() as f64;
    match constant {
        Some(_) if others >= 1.0 => Some((rest.max(LEAST) / others).min(1.0)),
        _ => Some(((1.0 - nulls) / distinct).min(1.0)),
    }
}
