//! In which order a query wants its rows, and whether it sums them up.

use sqlparser::ast::{
    Expr, GroupByExpr, OrderByExpr, OrderByKind, OrderBySort, Query, Select, SelectItem, Value, Visit,
    Visitor,
};
use std::ops::ControlFlow;

use super::conditions::is_call_of;
use super::expressions::{arguments, function_name, identifier, is_volatile, operand};
use super::statement::Walk;
use super::uses::{Operand, Order, OrderKey};

/// Functions that make one value of many rows.
const AGGREGATES: [&str; 18] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "array_agg",
    "string_agg",
    "json_agg",
    "jsonb_agg",
    "bool_and",
    "bool_or",
    "every",
    "stddev",
    "variance",
    "group_concat",
    "json_object_agg",
    "jsonb_object_agg",
    "percentile_cont",
];

impl Walk<'_> {
    /// Notes order, grouping and smallest values of a query whose scope is open.
    pub(super) fn ordering(&mut self, block: usize, select: &Select, query: Option<&Query>) {
        let is_grouped = match &select.group_by {
            GroupByExpr::All(_) => true,
            GroupByExpr::Expressions(by, _) => !by.is_empty(),
        };
        if let GroupByExpr::Expressions(by, _) = &select.group_by {
            by.iter().for_each(|expression| self.inside(expression));
        }
        let is_aggregate = is_grouped || select.distinct.is_some() || projected(select).any(has_aggregate);
        self.blocks[block].is_aggregate = is_aggregate;
        if is_aggregate && !is_grouped && select.distinct.is_none() && select.having.is_none() {
            self.blocks[block].extreme = self.extreme(select);
        }
        let Some(by) = query.and_then(|query| query.order_by.as_ref()) else { return };
        let OrderByKind::Expressions(keys) = &by.kind else { return };
        keys.iter().for_each(|key| self.inside(&key.expr));
        self.blocks[block].is_shuffled = keys.iter().any(|key| is_by_chance(meant(&key.expr, select)));
        if !is_aggregate {
            self.blocks[block].order = self.order(keys, select);
        }
    }

    /// An order by columns of one use.
    fn order(&self, keys: &[OrderByExpr], select: &Select) -> Option<Order> {
        let mut table_use = None;
        let mut order = Vec::new();
        for key in keys {
            let expression = meant(&key.expr, select);
            let (number, operand) =
                operand(expression, self).filter(|(_, operand)| operand.is_indexable())?;
            if *table_use.get_or_insert(number) != number {
                return None;
            }
            order.push(OrderKey {
                operand,
                descending: matches!(key.options.sort, Some(OrderBySort::Desc)),
                nulls_first: key.options.nulls_first,
            });
        }
        Some(Order { table_use: table_use.filter(|number| self.is_own(*number))?, keys: order })
    }

    /// `SELECT min(a), max(a) FROM one_table`: the ends of an index.
    fn extreme(&self, select: &Select) -> Option<(usize, Vec<Operand>)> {
        let mut found: Option<(usize, Vec<Operand>)> = None;
        for expression in projected(select) {
            let function =
                is_call_of(expression, &["min", "max"]).filter(|function| function.over.is_none())?;
            let argument = arguments(function)?.into_iter().next()?;
            let (number, operand) = operand(argument, self).filter(|(_, operand)| operand.is_indexable())?;
            let (own, operands) = found.get_or_insert((number, Vec::new()));
            if *own != number {
                return None;
            }
            if !operands.contains(&operand) {
                operands.push(operand);
            }
        }
        found
    }
}

fn is_by_chance(expression: &Expr) -> bool {
    match expression {
        Expr::Nested(inner) => is_by_chance(inner),
        Expr::Function(function) => is_volatile(function),
        _ => false,
    }
}

/// What an expression of `ORDER BY` means: a column of the result by its number or name, or itself.
fn meant<'e>(expression: &'e Expr, select: &'e Select) -> &'e Expr {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => {
                let place: usize = number.to_string().parse().unwrap_or(0);
                let item = place.checked_sub(1).and_then(|place| projected(select).nth(place));
                item.unwrap_or(expression)
            }
            _ => expression,
        },
        Expr::Identifier(name) => {
            let named = select.projection.iter().find_map(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } if identifier(alias) == identifier(name) => {
                    Some(expr)
                }
                _ => None,
            });
            named.unwrap_or(expression)
        }
        _ => expression,
    }
}

fn projected(select: &Select) -> impl Iterator<Item = &Expr> {
    select.projection.iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => {
            Some(expression)
        }
        _ => None,
    })
}

fn has_aggregate(expression: &Expr) -> bool {
    let mut search = Search { depth: 0, found: false };
    let _: ControlFlow<()> = expression.visit(&mut search);
    search.found
}

struct Search {
    depth: usize,
    found: bool,
}

impl Visitor for Search {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        if let (Expr::Function(function), 0) = (expression, self.depth) {
            self.found |= function.over.is_none() && AGGREGATES.contains(&&*function_name(function));
        }
        ControlFlow::Continue(())
    }
}
