//! Indexes that could serve a use of a table: equality, then order, then one range.

use super::block_ranges::{self, BlockRanges};
use super::catalogue::{Index, IndexKey};
use super::known::Known;
use super::selectivity::Shares;
use super::uses::{Condition, Constant, Container, Operand, Order, OrderKey, TableUse, Test};
use crate::evidence::plan::Engine;

/// Keys of one index.
const KEYS_MAX: usize = 4;

/// Columns that an index holds beside its keys.
const INCLUDE_MAX: usize = 3;

/// Candidates of one use.
const CANDIDATES_MAX: usize = 48;

/// A class of rows this part of the table or less is rare.
const RARE: f64 = 0.2;

/// Fewer rows of one value than this are no class, and its value is one of many.
const CLASS_ROWS_MIN: f64 = 20.0;

/// An index, or one for each side of an `OR`, and what it does for a use.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Candidate {
    /// The use.
    pub(super) table_use: usize,
    /// The indexes; several only where all are needed.
    pub(super) indexes: Vec<Index>,
    /// Conditions that it serves.
    pub(super) conditions: Vec<usize>,
    /// The alternatives that it serves.
    pub(super) alternatives: Option<usize>,
    /// Joins that it serves.
    pub(super) joins: Vec<usize>,
    /// It gives the rows in the order that is asked for.
    pub(super) is_ordered: bool,
    /// It gives the smallest or greatest values.
    pub(super) gives_extreme: bool,
    /// It holds all columns that are read.
    pub(super) is_covering: bool,
    /// It holds the rows of one class alone.
    pub(super) has_class: bool,
    /// Of a BRIN the ranges of pages that it leads to.
    pub(super) block_ranges: Option<BlockRanges>,
}

/// What candidates are made from.
pub(super) struct Making<'m> {
    pub(super) engine: Engine,
    pub(super) known: &'m Known<'m>,
    pub(super) table_use: &'m TableUse,
    pub(super) number: usize,
    pub(super) shares: &'m Shares,
    /// The order that is asked for of its rows, where not all of them are wanted.
    pub(super) order: Option<&'m Order>,
    /// Smallest or greatest values that are asked for.
    pub(super) extreme: &'m [Operand],
    /// Whether a join is one with a table of the same part of the plan, and not with a value from outside.
    pub(super) is_inside: &'m dyn Fn(&Condition) -> bool,
    found: Vec<Candidate>,
}

impl<'m> Making<'m> {
    #[allow(clippy::too_many_arguments, reason = "each is a field")]
    pub(super) fn new(
        engine: Engine,
        known: &'m Known<'m>,
        number: usize,
        table_use: &'m TableUse,
        shares: &'m Shares,
        order: Option<&'m Order>,
        extreme: &'m [Operand],
        is_inside: &'m dyn Fn(&Condition) -> bool,
    ) -> Self {
        Self { engine, known, table_use, number, shares, order, extreme, is_inside, found: Vec::new() }
    }

    /// All candidates.
    pub(super) fn candidates(mut self) -> Vec<Candidate> {
        let equal = self.equalities();
        let inside: Vec<usize> = self
            .numbers(|condition| matches!(condition.test, Test::Joins { .. }) && (self.is_inside)(condition));
        let mut bases = vec![equal.clone()];
        bases.extend(equal.iter().filter(|_| equal.len() > 1).map(|one| vec![*one]));
        for join in &inside {
            bases.push([&[*join], &equal[..]].concat());
            bases.push(vec![*join]);
        }
        if inside.len() > 1 {
            bases.push(inside.clone());
        }
        bases.push(Vec::new());
        for base in &bases {
            self.tails(base);
        }
        self.by_class(&equal);
        self.specials();
        if self.engine == Engine::PostgreSql {
            self.found.extend(block_ranges::candidates(self.table_use, self.number, self.known));
        }
        self.both_sides();
        self.covering();
        self.found.truncate(CANDIDATES_MAX);
        self.found
    }

    fn numbers(&self, is_one: impl Fn(&Condition) -> bool) -> Vec<usize> {
        let conditions = self.table_use.conditions.iter().enumerate();
        conditions
            .filter(|(_, condition)| is_one(condition) && self.can_hold(&condition.operand))
            .map(|(number, _)| number)
            .collect()
    }

    /// Whether an index of this engine can hold an operand.
    fn can_hold(&self, operand: &Operand) -> bool {
        operand.is_column() || (operand.is_indexable() && self.engine == Engine::PostgreSql)
    }

    /// Equalities on different columns, the most selective first; the constant ones of classes last among equals.
    fn equalities(&self) -> Vec<usize> {
        let is_equal = |condition: &Condition| match condition.test {
            Test::Equal => true,
            Test::Joins { .. } => !(self.is_inside)(condition),
            _ => false,
        };
        let mut numbers = self.numbers(is_equal);
        numbers.sort_by(|one, other| self.shares.each[*one].total_cmp(&self.shares.each[*other]));
        let mut seen: Vec<&str> = Vec::new();
        numbers.retain(|number| {
            let text = &*self.condition(*number).operand.text;
            let is_new = !seen.contains(&text);
            seen.push(text);
            is_new
        });
        numbers.truncate(KEYS_MAX - 1);
        numbers
    }

    fn condition(&self, number: usize) -> &'m Condition {
        &self.table_use.conditions[number]
    }

    /// A base with what may stand behind it.
    fn tails(&mut self, base: &[usize]) {
        let lists = self.numbers(|condition| condition.test == Test::In);
        let ranges = self.numbers(|condition| matches!(condition.test, Test::Range(_) | Test::Prefix));
        self.keyed(base, &[], Tail::None);
        for range in &ranges {
            self.keyed(base, &[*range], Tail::None);
        }
        for list in &lists {
            self.keyed(base, &[*list], Tail::None);
            for range in &ranges {
                self.keyed(base, &[*list, *range], Tail::None);
            }
        }
        self.keyed(base, &[], Tail::Order);
        self.keyed(base, &[], Tail::Extreme);
        if base.is_empty() {
            let present = self.numbers(|condition| matches!(condition.test, Test::NotNull | Test::Null));
            present.into_iter().for_each(|number| self.keyed(&[], &[number], Tail::None));
        }
    }

    /// A class of rows that the statement names: an index of those rows alone.
    fn by_class(&mut self, equal: &[usize]) {
        if self.engine != Engine::PostgreSql {
            return;
        }
        let is_rare = |number: &usize| {
            let part = self.shares.each[*number];
            self.class(*number).is_some() && part <= RARE && part * self.shares.rows >= CLASS_ROWS_MIN
        };
        let others = self.numbers(|condition| matches!(condition.test, Test::Differs(_)));
        let classes: Vec<usize> = equal.iter().copied().chain(others).filter(is_rare).collect();
        for class in classes {
            let before = std::mem::take(&mut self.found);
            let rest: Vec<usize> = equal.iter().copied().filter(|number| *number != class).collect();
            self.tails(&rest);
            let predicate = self.class(class);
            for candidate in &mut self.found {
                for index in &mut candidate.indexes {
                    index.predicate = joined(index.predicate.take(), predicate.clone());
                }
                candidate.conditions.push(class);
                candidate.has_class = true;
            }
            if rest.is_empty() {
                self.class_alone(class, predicate);
            }
            self.found.splice(0..0, before);
        }
    }

    /// The condition of an index that holds the rows of a class alone, where it names nothing but codes. How rare the rows are that
    /// are of none of some classes has to be known.
    fn class(&self, number: usize) -> Option<String> {
        let condition = self.condition(number);
        let constants = match &condition.test {
            Test::Differs(constants) if self.shares.is_known[number] => &constants[..],
            Test::Differs(_) => return None,
            _ => condition.constant.as_slice(),
        };
        let are_codes = !constants.is_empty() && constants.iter().all(Constant::is_code);
        (condition.operand.is_column() && are_codes).then(|| predicate(condition, constants))
    }

    fn class_alone(&mut self, class: usize, predicate: Option<String>) {
        let mut candidate = self.built(&[class], &[], Tail::None);
        if let Some(index) = candidate.as_mut().and_then(|candidate| candidate.indexes.first_mut()) {
            index.predicate = joined(index.predicate.take(), predicate);
        }
        self.found.extend(candidate);
    }

    fn keyed(&mut self, base: &[usize], tail: &[usize], end: Tail) {
        let candidate = self.built(base, tail, end);
        if let Some(candidate) = candidate.filter(|candidate| !self.found.contains(candidate)) {
            self.found.push(candidate);
        }
    }

    /// An ordinary index on conditions, in their order, and on what is asked for behind them.
    fn built(&self, base: &[usize], tail: &[usize], end: Tail) -> Option<Candidate> {
        let mut keys: Vec<IndexKey> = Vec::new();
        let mut candidate = Candidate { table_use: self.number, ..Candidate::default() };
        for number in base.iter().chain(tail) {
            let condition = self.condition(*number);
            match &condition.test {
                Test::Joins { .. } if (self.is_inside)(condition) => candidate.joins.push(*number),
                _ => candidate.conditions.push(*number),
            }
            if keys.iter().all(|key| key.expression != condition.operand.text) {
                keys.push(self.key(condition));
            }
        }
        match end {
            Tail::None => {}
            Tail::Order => {
                let order = self.order?;
                candidate.is_ordered = true;
                keys.extend(order_keys(&order.keys, &keys, |operand| self.can_be_null(operand)));
            }
            Tail::Extreme => {
                let [operand] = self.extreme else { return None };
                candidate.gives_extreme = true;
                keys.push(IndexKey { expression: operand.text.clone(), ..IndexKey::default() });
            }
        }
        keys.truncate(KEYS_MAX);
        self.served_by_keys(&keys, base.len(), &mut candidate);
        let index = Index {
            method: "btree".to_owned(),
            predicate: self.nulls(&mut candidate, &keys),
            keys,
            is_valid: true,
            ..Index::default()
        };
        (!index.keys.is_empty()).then(|| Candidate { indexes: vec![index], ..candidate })
    }

    /// Conditions on columns that are keys already: the other end of a range, or a range of what is ordered by.
    fn served_by_keys(&self, keys: &[IndexKey], base: usize, candidate: &mut Candidate) {
        let next = keys.get(base).into_iter().chain(keys.get(base + 1).filter(|_| !candidate.is_ordered));
        let next: Vec<&str> = next.map(|key| &*key.expression).collect();
        let ranges = self.numbers(|condition| matches!(condition.test, Test::Range(_)));
        for number in ranges {
            let is_served = next.contains(&&*self.condition(number).operand.text);
            if is_served && !candidate.conditions.contains(&number) {
                candidate.conditions.push(number);
            }
        }
    }

    /// `IS NULL` and `IS NOT NULL` of the statement, of columns that are no keys, become the index's condition.
    fn nulls(&self, candidate: &mut Candidate, keys: &[IndexKey]) -> Option<String> {
        if self.engine != Engine::PostgreSql {
            return None;
        }
        let mut texts = None;
        for number in self.numbers(|condition| matches!(condition.test, Test::Null | Test::NotNull)) {
            let condition = self.condition(number);
            let is_key = keys.iter().any(|key| key.expression == condition.operand.text);
            let is_rare = self.shares.each[number] <= 0.5;
            if is_key && !is_rare {
                continue;
            }
            let test = if condition.test == Test::Null { "IS NULL" } else { "IS NOT NULL" };
            texts = joined(texts, Some(format!("{} {test}", condition.operand.text)));
            if !candidate.conditions.contains(&number) {
                candidate.conditions.push(number);
            }
        }
        texts
    }

    fn key(&self, condition: &Condition) -> IndexKey {
        let is_pattern = condition.test == Test::Prefix
            && self.engine == Engine::PostgreSql
            && !self.is_bytewise(condition);
        IndexKey {
            expression: condition.operand.text.clone(),
            operator_class: is_pattern.then(|| "text_pattern_ops".to_owned()),
            ..IndexKey::default()
        }
    }

    fn is_bytewise(&self, condition: &Condition) -> bool {
        let [column] = &condition.operand.columns[..] else { return false };
        self.known.column(&self.table_use.table, column).is_some_and(|column| column.is_bytewise)
    }

    fn can_be_null(&self, operand: &Operand) -> bool {
        let [column] = &operand.columns[..] else { return true };
        self.known.column(&self.table_use.table, column).is_none_or(|column| column.nullable)
    }

    /// Conditions that ordinary indexes do not serve.
    fn specials(&mut self) {
        for number in self.numbers(|_| true) {
            if let Some(index) = self.special(self.condition(number)) {
                let candidate = Candidate {
                    table_use: self.number,
                    indexes: vec![index],
                    conditions: vec![number],
                    ..Candidate::default()
                };
                self.found.push(candidate);
            }
        }
    }

    fn special(&self, condition: &Condition) -> Option<Index> {
        if self.engine != Engine::PostgreSql {
            return None;
        }
        let class = match &condition.test {
            Test::Infix => Some("gin_trgm_ops"),
            Test::Contains(Container::Json) => Some("jsonb_path_ops"),
            Test::Contains(Container::Network) => Some("inet_ops"),
            Test::Contains(_) | Test::HasKey | Test::Matches => None,
            _ => return None,
        };
        let method = match condition.test {
            Test::Contains(Container::Range | Container::Network) => "gist",
            _ => "gin",
        };
        let key = IndexKey {
            expression: condition.operand.text.clone(),
            operator_class: class.map(str::to_owned),
            ..IndexKey::default()
        };
        Some(Index { method: method.to_owned(), keys: vec![key], is_valid: true, ..Index::default() })
    }

    /// An index for each side of an `OR`.
    fn both_sides(&mut self) {
        for (group, arms) in self.table_use.alternatives.iter().enumerate() {
            let each: Option<Vec<Index>> = arms.iter().map(|arm| self.of_arm(arm)).collect();
            let Some(mut indexes) = each.filter(|_| self.engine != Engine::Sqlite) else { continue };
            indexes.dedup();
            self.found.push(Candidate {
                table_use: self.number,
                indexes,
                alternatives: Some(group),
                ..Candidate::default()
            });
        }
    }

    fn of_arm(&self, arm: &[Condition]) -> Option<Index> {
        let rank = |condition: &&Condition| match condition.test {
            Test::Equal => 0,
            Test::In => 1,
            Test::Range(_) | Test::Prefix => 2,
            Test::Null | Test::NotNull => 3,
            _ => 4,
        };
        let mut held: Vec<&Condition> =
            arm.iter().filter(|condition| self.can_hold(&condition.operand)).collect();
        held.sort_by_key(rank);
        let first = held.first()?;
        if let Some(index) = self.special(first) {
            return Some(index);
        }
        let ordinary: Vec<&&Condition> = held.iter().filter(|condition| rank(condition) < 3).collect();
        let ranges = ordinary
            .iter()
            .position(|condition| rank(condition) == 2)
            .map_or(ordinary.len(), |place| place + 1);
        let mut keys: Vec<IndexKey> = Vec::new();
        for condition in ordinary.into_iter().take(ranges) {
            if keys.iter().all(|key| key.expression != condition.operand.text) {
                keys.push(self.key(condition));
            }
        }
        keys.truncate(KEYS_MAX - 1);
        (!keys.is_empty()).then(|| Index {
            method: "btree".to_owned(),
            keys,
            is_valid: true,
            ..Index::default()
        })
    }

    /// The same with all columns that are read, where these are few.
    fn covering(&mut self) {
        if self.table_use.reads_all || self.table_use.written.is_some() || self.engine == Engine::Sqlite {
            return;
        }
        let mut covering = Vec::new();
        for candidate in &mut self.found {
            let [index] = &candidate.indexes[..] else { continue };
            let is_plain =
                index.method == "btree" && index.keys.iter().all(|key| !key.expression.starts_with('('));
            let is_key =
                |column: &String| index.keys.iter().any(|key| key.expression == super::uses::quoted(column));
            let rest: Vec<String> =
                self.table_use.columns.iter().filter(|column| !is_key(column)).cloned().collect();
            match rest.len() {
                _ if !is_plain => {}
                0 => candidate.is_covering = true,
                1..=INCLUDE_MAX if self.engine == Engine::PostgreSql && self.known.has_include() => {
                    let index = Index { include: rest, ..index.clone() };
                    covering.push(Candidate { indexes: vec![index], is_covering: true, ..candidate.clone() });
                }
                _ => {}
            }
        }
        self.found.extend(covering);
    }
}

/// What stands behind the conditions in an index.
#[derive(Debug, Clone, Copy)]
enum Tail {
    None,
    Order,
    Extreme,
}

/// Keys for an order, without those that an equality has fixed. An index is read in both directions, so only an order with
/// both, or with nulls in an unusual place, has to be written out.
fn order_keys(
    order: &[OrderKey],
    fixed: &[IndexKey],
    can_be_null: impl Fn(&Operand) -> bool,
) -> Vec<IndexKey> {
    let free = || order.iter().filter(|key| fixed.iter().all(|own| own.expression != key.operand.text));
    let unusual = |key: &OrderKey| {
        key.nulls_first.filter(|first| *first != key.descending && can_be_null(&key.operand)).is_some()
    };
    let is_mixed = free().any(|key| key.descending) && free().any(|key| !key.descending);
    let is_written = is_mixed || free().any(unusual);
    let each = free().map(|key| IndexKey {
        expression: key.operand.text.clone(),
        operator_class: None,
        descending: is_written && key.descending,
        nulls_first: key.nulls_first.filter(|_| unusual(key)),
    });
    each.collect()
}

fn predicate(condition: &Condition, constants: &[Constant]) -> String {
    let column = &condition.operand.text;
    let differs = matches!(condition.test, Test::Differs(_));
    let texts: Vec<String> = constants.iter().map(Constant::sql).collect();
    match constants {
        [Constant::Boolean(value)] if *value != differs => column.clone(),
        [Constant::Boolean(_)] => format!("NOT {column}"),
        [_] => format!("{column} {} {}", if differs { "<>" } else { "=" }, texts[0]),
        _ => format!("{column} NOT IN ({})", texts.join(", ")),
    }
}

fn joined(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one} AND {other}")),
        (one, other) => one.or(other),
    }
}
