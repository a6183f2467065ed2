//! From the conditions of a statement to what they ask of each table.

use std::ops::Range;

use sqlparser::ast::{BinaryOperator, Expr, Function, InTarget, Query, UnaryOperator};

use super::container;
use super::expressions::{Resolve, arguments, column, constant, function_name, is_volatile, operand};
use super::statement::{Walk, read_columns};
use super::uses::{Condition, Constant, Container, Operand, OperandKind, Role, Test};

/// Values that rows differ from, beyond which an index of the others is not thought of.
const DIFFERS_MAX: usize = 8;

/// Conditions with the uses that they are on.
type Found = Vec<(usize, Condition)>;

impl Walk<'_> {
    /// Notes what a condition asks. Of an outer join only conditions on the uses in `kept` take rows away.
    pub(super) fn conditions(&mut self, condition: &Expr, kept: Option<&Range<usize>>) {
        for part in conjunction(condition) {
            self.note_columns(part);
            let mut found = Vec::new();
            let is_known = match disjunction(part) {
                arms if arms.len() > 1 => self.alternatives(&arms, kept),
                _ => {
                    self.condition(part, false, &mut found);
                    !found.is_empty()
                }
            };
            if !is_known {
                found.extend(self.opaque(part));
            }
            for (number, condition) in found {
                // `WHERE joined.id IS NULL` asks for rows without a partner: no row of the table has it.
                let is_missing =
                    condition.test == Test::Null && kept.is_none() && self.uses[number].is_nullable;
                let takes = kept.is_none_or(|kept| kept.contains(&number)) && !is_missing;
                if takes || matches!(condition.test, Test::Joins { .. }) {
                    self.uses[number].conditions.push(condition);
                }
            }
        }
    }

    /// What a condition that no index serves reads of one table: it takes rows away all the same. One with a query in it is looked
    /// at there.
    fn opaque(&self, condition: &Expr) -> Option<(usize, Condition)> {
        let read = read_columns(condition)?;
        let resolved = read.iter().map(|(qualifier, column)| self.column(qualifier.as_deref(), column));
        let (mut columns, mut number) = (Vec::new(), None);
        for (own, column) in resolved.collect::<Option<Vec<_>>>()? {
            if self.is_own(own) && *number.get_or_insert(own) != own {
                return None;
            }
            columns.extend(self.is_own(own).then_some(column));
        }
        let condition =
            Condition { operand: Operand::opaque(columns), test: Test::Other(None), constant: None };
        Some((number?, condition))
    }

    /// A join by columns of the same name.
    pub(super) fn join_by(&mut self, name: &str, first: usize, own: usize) {
        if own <= first || own >= self.uses.len() {
            return;
        }
        for (here, there) in [(own, own - 1), (own - 1, own)] {
            self.uses[here].columns.insert(name.to_owned());
            self.uses[here].conditions.push(joins(name, there, name));
        }
    }

    /// Queries are looked at where the condition is; here only its columns.
    fn note_columns(&mut self, condition: &Expr) {
        let has_query = matches!(
            condition,
            Expr::Exists { .. } | Expr::In { target: InTarget::Subquery(_), .. }
        ) || matches!(condition, Expr::UnaryOp { expr, .. } if matches!(&**expr, Expr::Exists { .. } | Expr::Nested(_)));
        match condition {
            Expr::In { expr, .. } if has_query => self.inside(expr),
            _ if has_query => {}
            _ => self.inside(condition),
        }
    }

    /// Whether all sides of an `OR` are understood, and on one table.
    fn alternatives(&mut self, arms: &[&Expr], kept: Option<&Range<usize>>) -> bool {
        let mut each: Vec<Found> = Vec::new();
        for arm in arms {
            let mut found = Vec::new();
            conjunction(arm).into_iter().for_each(|part| self.condition(part, false, &mut found));
            each.push(found);
        }
        let Some((number, _)) = each.first().and_then(|found| found.first()) else { return false };
        let number = *number;
        let is_of_one =
            each.iter().all(|found| !found.is_empty() && found.iter().all(|(own, _)| *own == number));
        if !is_of_one || kept.is_some_and(|kept| !kept.contains(&number)) {
            return is_of_one;
        }
        let arms: Vec<Vec<Condition>> = each
            .into_iter()
            .map(|found| found.into_iter().map(|(_, condition)| condition).collect())
            .collect();
        match one_of(&arms) {
            Some(condition) => self.uses[number].conditions.push(condition),
            None => self.uses[number].alternatives.push(arms),
        }
        true
    }

    /// One condition without `AND` and `OR`.
    fn condition(&mut self, condition: &Expr, negated: bool, found: &mut Found) {
        match condition {
            Expr::Nested(inner) => self.condition(inner, negated, found),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.condition(expr, !negated, found),
            Expr::Exists { subquery, negated: not } => {
                self.query(subquery, role(negated != *not));
            }
            Expr::In { expr, target: InTarget::Subquery(query), negated: not, .. } => {
                self.in_query(expr, query, negated != *not, found);
            }
            Expr::In { expr, target: InTarget::List(values), negated: not, .. } if negated != *not => {
                self.compare(expr, differs(values), false, None, found);
            }
            Expr::In { expr, negated: not, .. } => self.compare(expr, Test::In, negated != *not, None, found),
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => {
                self.any(left, right, negated, found)
            }
            Expr::Between { expr, negated: not, low, high } => {
                let is_value = self.is_value(low) && self.is_value(high);
                let test = if is_value { Test::Range(true) } else { Test::Other(None) };
                self.compare(expr, test, negated != *not, None, found);
            }
            Expr::IsNull(expr) if negated => self.compare(expr, Test::NotNull, false, None, found),
            Expr::IsNotNull(expr) if negated => self.compare(expr, Test::Null, false, None, found),
            Expr::IsNull(expr) => self.compare(expr, Test::Null, false, None, found),
            Expr::IsNotNull(expr) => self.compare(expr, Test::NotNull, false, None, found),
            Expr::Like { expr, pattern, negated: not, .. } => {
                self.compare(expr, like(pattern), negated != *not, None, found);
            }
            Expr::ILike { expr, pattern, negated: not, .. } => {
                self.compare(expr, infix(pattern), negated != *not, None, found);
            }
            Expr::SimilarTo { expr, negated: not, .. } | Expr::RLike { expr, negated: not, .. } => {
                self.compare(expr, Test::Infix, negated != *not, None, found);
            }
            // An index of the rows WHERE flag, or NOT flag, does not serve these: they say what is null, too.
            Expr::IsTrue(expr) | Expr::IsFalse(expr) => self.compare(expr, Test::Equal, negated, None, found),
            Expr::IsNotTrue(expr) | Expr::IsNotFalse(expr) => {
                self.compare(expr, Test::Equal, !negated, None, found);
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, negated, found),
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => self.boolean(condition, !negated, found),
            _ => {}
        }
    }

    fn boolean(&self, expression: &Expr, value: bool, found: &mut Found) {
        self.compare(expression, Test::Equal, false, Some(Constant::Boolean(value)), found);
    }

    /// Notes a condition on a column or expression; its negation is served by no index.
    fn compare(
        &self,
        expression: &Expr,
        test: Test,
        negated: bool,
        constant: Option<Constant>,
        found: &mut Found,
    ) {
        let Some((number, operand)) = operand(expression, self) else { return };
        let rewrite = match &operand.kind {
            OperandKind::Unstable(rewrite) => Some(rewrite.clone()),
            _ => None,
        };
        let test = match (negated, rewrite) {
            (true, _) => Test::Other(None),
            (false, Some(rewrite)) => Test::Other(Some(rewrite)),
            (false, None) => test,
        };
        found.push((number, Condition { operand, test, constant }));
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr, negated: bool, found: &mut Found) {
        let is_range = matches!(
            op,
            BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq
        );
        let is_equal = matches!(op, BinaryOperator::Eq | BinaryOperator::Spaceship);
        if let (Expr::Tuple(left), Expr::Tuple(right)) = (left, right) {
            return self.rows(left, op, right, negated, found);
        }
        if is_equal && !negated {
            let sides = (column(left, self), column(right, self));
            if let (Some((one, its)), Some((other, others))) = &sides
                && one != other
            {
                found.push((*one, joins(its, *other, others)));
                found.push((*other, joins(others, *one, its)));
                return;
            }
        }
        let (column_side, value) = match (self.is_value(left), self.is_value(right)) {
            (false, true) => (left, right),
            (true, false) => (right, left),
            _ => return self.unserved(left, right, found),
        };
        let is_unequal = matches!(op, BinaryOperator::NotEq);
        if is_unequal != (is_equal && negated) && constant(value).is_some() {
            let test = if is_unequal && negated { Test::Equal } else { differs(std::slice::from_ref(value)) };
            return self.compare(column_side, test, false, constant(value), found);
        }
        let test = match op {
            _ if is_equal => Test::Equal,
            _ if is_range => Test::Range(false),
            BinaryOperator::PGLikeMatch => like(value),
            BinaryOperator::PGILikeMatch => infix(value),
            BinaryOperator::PGRegexMatch | BinaryOperator::PGRegexIMatch => Test::Infix,
            BinaryOperator::PGStartsWith => Test::Prefix,
            BinaryOperator::AtArrow if std::ptr::eq(column_side, left) => self.contains(left, op, right),
            BinaryOperator::PGOverlap => self.contains(column_side, op, value),
            BinaryOperator::Question | BinaryOperator::QuestionAnd | BinaryOperator::QuestionPipe => {
                Test::HasKey
            }
            BinaryOperator::AtAt => Test::Matches,
            _ => self.network(column_side, op, value, std::ptr::eq(column_side, left)),
        };
        self.compare(column_side, test, negated, constant(value), found);
    }

    /// Addresses within a network, or networks with an address. Of a network that is written down PostgreSQL makes a range of
    /// addresses.
    fn network(&self, searched: &Expr, op: &BinaryOperator, value: &Expr, is_left: bool) -> Test {
        let (is_within, is_sure) = match op {
            BinaryOperator::Custom(text) if text == "<<=" => (is_left, true),
            BinaryOperator::Custom(text) if text == ">>=" => (!is_left, true),
            BinaryOperator::PGBitwiseShiftLeft => (is_left, false),
            BinaryOperator::PGBitwiseShiftRight => (!is_left, false),
            _ => return Test::Other(None),
        };
        let is_of_network =
            container::of_type(self.type_of(searched).unwrap_or_default()) == Some(Container::Network);
        match constant(value) {
            _ if !is_sure && !is_of_network => Test::Other(None),
            Some(_) if is_within => Test::Range(true),
            _ => Test::Contains(Container::Network),
        }
    }

    /// The type of a column.
    fn type_of(&self, searched: &Expr) -> Option<&str> {
        let (number, operand) = operand(searched, self).filter(|(_, operand)| operand.is_column())?;
        self.known().type_of(self.table(number), operand.columns.first()?)
    }

    /// Neither side stands alone: what rows they take away is noted, but no index serves it.
    fn unserved(&self, left: &Expr, right: &Expr, found: &mut Found) {
        for side in [left, right] {
            if let Some((number, operand)) = operand(side, self).filter(|(number, _)| self.is_own(*number)) {
                found.push((number, Condition { operand, test: Test::Other(None), constant: None }));
                return;
            }
        }
    }

    /// Whether an expression is one value for all rows of the innermost query's tables.
    fn is_value(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Subquery(_) | Expr::Value(_) | Expr::TypedString(_) | Expr::Interval(_) => true,
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::UnaryOp { expr: inner, .. } => {
                self.is_value(inner)
            }
            Expr::BinaryOp { left, right, .. } => self.is_value(left) && self.is_value(right),
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                column(expression, self).is_some_and(|(number, _)| !self.is_own(number))
            }
            Expr::AtTimeZone { timestamp, .. } => self.is_value(timestamp),
            Expr::Array(array) => array.elem.iter().all(|element| self.is_value(element)),
            Expr::Tuple(parts) => parts.iter().all(|part| self.is_value(part)),
            Expr::Function(function) => self.is_value_of_function(function),
            _ => false,
        }
    }

    fn is_value_of_function(&self, function: &Function) -> bool {
        let are_values =
            arguments(function).is_some_and(|all| all.iter().all(|argument| self.is_value(argument)));
        !is_volatile(function) && are_values
    }

    /// `(a, b) < (x, y)`: a range of the first, of pairs that are equal in it also of the second.
    fn rows(&mut self, left: &[Expr], op: &BinaryOperator, right: &[Expr], negated: bool, found: &mut Found) {
        if matches!(op, BinaryOperator::Eq) && !negated {
            return left
                .iter()
                .zip(right)
                .for_each(|(left, right)| self.binary(left, op, right, false, found));
        }
        if let (Some(left), Some(right)) = (left.first(), right.first()) {
            self.binary(left, op, right, negated, found);
        }
    }

    /// `column = ANY (values)`, or `value = ANY (column)`, which a GIN index serves only as `@>`.
    fn any(&mut self, left: &Expr, right: &Expr, negated: bool, found: &mut Found) {
        match self.is_value(right) {
            true => self.compare(left, Test::In, negated, None, found),
            false => {
                let rewrite = operand(right, self).map(|(_, operand)| {
                    format!(
                        "write {} @> ARRAY[…] in place of … = ANY ({0}): a GIN index serves it",
                        operand.text
                    )
                });
                self.compare(right, Test::Other(rewrite), negated, None, found);
            }
        }
    }

    fn in_query(&mut self, expression: &Expr, query: &Query, negated: bool, found: &mut Found) {
        let own = operand(expression, self).filter(|(_, operand)| operand.is_column());
        let Some((inner, column)) = self.only_given(query, role(negated)) else {
            if let Some((number, operand)) = own.filter(|_| !negated) {
                found.push((number, Condition { operand, test: Test::In, constant: None }));
            }
            return;
        };
        let Some((outer, operand)) = own else { return };
        let outer_column = operand.columns.first().cloned().unwrap_or_default();
        self.uses[inner].columns.insert(column.clone());
        self.uses[inner].conditions.push(joins(&column, outer, &outer_column));
        if !negated {
            found.push((outer, joins(&outer_column, inner, &column)));
        }
    }

    /// A search in what holds several values. The type of the column decides, then what is looked for; of a type that no index
    /// is known for it is a condition that none serves.
    fn contains(&self, searched: &Expr, op: &BinaryOperator, value: &Expr) -> Test {
        let type_name = self.type_of(searched);
        let container = match type_name {
            Some(type_name) => container::of_type(type_name),
            None => container::of_value(value, matches!(op, BinaryOperator::PGOverlap)),
        };
        container.map_or(Test::Other(None), Test::Contains)
    }
}

/// None of these values, where they are literals.
fn differs(values: &[Expr]) -> Test {
    let constants: Option<Vec<Constant>> = values.iter().map(constant).collect();
    constants.filter(|constants| constants.len() <= DIFFERS_MAX).map_or(Test::Other(None), Test::Differs)
}

fn role(negated: bool) -> Role {
    if negated { Role::Anti } else { Role::Semi }
}

fn joins(own: &str, other: usize, column: &str) -> Condition {
    let test = Test::Joins { other, column: column.to_owned() };
    Condition { operand: Operand::column(own), test, constant: None }
}

/// The parts of a condition that all must be so.
fn conjunction(condition: &Expr) -> Vec<&Expr> {
    split(condition, &BinaryOperator::And)
}

/// The parts of a condition of which one must be so.
fn disjunction(condition: &Expr) -> Vec<&Expr> {
    split(condition, &BinaryOperator::Or)
}

fn split<'e>(condition: &'e Expr, by: &BinaryOperator) -> Vec<&'e Expr> {
    let mut open = vec![condition];
    let mut parts = Vec::new();
    while let Some(part) = open.pop() {
        match part {
            Expr::BinaryOp { left, op, right } if op == by => open.extend([&**right, &**left]),
            Expr::Nested(inner) if matches!(&**inner, Expr::BinaryOp { op, .. } if op == by) => {
                open.push(inner)
            }
            Expr::Nested(inner) if matches!(&**inner, Expr::Nested(_)) => open.push(inner),
            _ => parts.push(part),
        }
    }
    parts
}

/// `a = 1 OR a = 2` is `a IN (1, 2)`.
fn one_of(arms: &[Vec<Condition>]) -> Option<Condition> {
    let first = arms.first()?.first()?;
    let is_same = |arm: &Vec<Condition>| matches!(&arm[..], [only] if only.operand == first.operand && matches!(only.test, Test::Equal | Test::In));
    arms.iter().all(is_same).then(|| Condition { test: Test::In, constant: None, ..first.clone() })
}

/// A pattern: of a text that it begins with, or of one that stands somewhere.
fn like(pattern: &Expr) -> Test {
    match constant(pattern) {
        Some(Constant::Text(text)) => {
            let letters = text.chars().take_while(|one| !matches!(one, '%' | '_' | '\\')).count();
            match letters == text.chars().count() {
                true => Test::Equal,
                false if letters > 0 => Test::Prefix,
                false => infix(pattern),
            }
        }
        // Most patterns that come as values are beginnings or parts; which, the statement does not say.
        _ => Test::Infix,
    }
}

/// A part that trigrams find has three letters or more in a row.
fn infix(pattern: &Expr) -> Test {
    match constant(pattern) {
        Some(Constant::Text(text)) if !text.split(['%', '_']).any(|part| part.chars().count() >= 3) => {
            Test::Other(Some("ask for three letters or more: trigrams serve no shorter pattern".to_owned()))
        }
        _ => Test::Infix,
    }
}

/// Whether an expression is a call of one of these functions.
pub(super) fn is_call_of<'e>(expression: &'e Expr, names: &[&str]) -> Option<&'e Function> {
    match expression {
        Expr::Nested(inner) => is_call_of(inner, names),
        Expr::Function(function) if names.contains(&&*function_name(function)) => Some(function),
        _ => None,
    }
}
