//! A statement out of its plan, where its own text is not known or not understood.
//!
//! Conditions of plans are written as statements are. What a plan does not have is which columns are read, and whether a
//! value stands in the statement or was bound to it: such a statement gets no index of columns beside its keys, and none of
//! a class of rows. MySQL and MariaDB tell conditions with the names that tables have in the statement, and no others.

use std::borrow::Cow;

use super::known::Known;
use super::statement::uses_of;
use super::uses::{Constant, StatementUses, Test, quoted, quoted_table};
use crate::evidence::plan::{Engine, Key, Node, NodeType, Plan};

/// Conditions that ask another part of the plan: PostgreSQL's, then those of MySQL and MariaDB.
const APART: [&str; 8] =
    ["SubPlan ", "InitPlan ", "CURRENT OF", "subquery#", "(select ", "<in_optimizer>", "<exists>", "<cache>"];

/// Nodes of a plan that is turned into a statement.
const NODES_MAX: usize = 200;

/// What a plan asks of its tables; `None` where it reads none, or is too large.
pub(super) fn uses_of_plan(plan: &Plan, known: &Known<'_>) -> Option<StatementUses> {
    if plan.nodes.len() > NODES_MAX || plan.engine == Engine::Sqlite {
        return None;
    }
    let mut statement = uses_of(&statement_of(plan)?, plan.engine, known)?;
    forget_constants(&mut statement);
    Some(statement)
}

/// Takes all values for bound ones, which other executions have others of.
pub(super) fn forget_constants(statement: &mut StatementUses) {
    let conditions = statement.uses.iter_mut().flat_map(|table_use| &mut table_use.conditions);
    for condition in conditions.filter(|one| !matches!(one.constant, Some(Constant::Boolean(_)))) {
        condition.constant = None;
        if matches!(condition.test, Test::Differs(_)) {
            condition.test = Test::Other(None);
        }
    }
}

/// A statement with all scans, conditions and joins of a plan, and the order that its limit ends.
fn statement_of(plan: &Plan) -> Option<String> {
    let scans = plan.nodes.iter().filter(|node| node.node_type.is_table_scan());
    let tables: Vec<String> = match plan.engine {
        Engine::PostgreSql => scans.filter_map(table).collect(),
        _ => scans.filter_map(named).collect(),
    };
    if tables.is_empty() {
        return None;
    }
    let keys = [Key::Filter, Key::IndexCond, Key::HashCond, Key::MergeCond, Key::JoinFilter];
    let conditions =
        plan.nodes.iter().flat_map(|node| keys.into_iter().filter_map(|key| node.facts.text(key)));
    let told = conditions.filter(|text| !APART.iter().any(|word| text.contains(word)));
    let mut conditions: Vec<Cow<'_, str>> = told.map(Cow::Borrowed).collect();
    conditions.extend(plan.nodes.iter().flat_map(led).map(Cow::Owned));
    // What a condition is is told by few of their forms: without any, nothing is known of what is asked.
    if conditions.is_empty() && plan.engine != Engine::PostgreSql {
        return None;
    }
    let mut text = format!("SELECT * FROM {}", tables.join(", "));
    if !conditions.is_empty() {
        text = format!("{text} WHERE {}", conditions.join(" AND "));
    }
    Some(match order(plan) {
        Some(order) => format!("{text} ORDER BY {order} LIMIT 1"),
        None => text,
    })
}

fn table(node: &Node) -> Option<String> {
    let name = node.facts.text(Key::RelationName)?;
    let alias = node.facts.text(Key::Alias).unwrap_or(name);
    let schema = node.facts.text(Key::Schema).map_or(String::new(), |schema| format!("{}.", quoted(schema)));
    Some(format!("{schema}{} {}", quoted_table(name), quoted(alias)))
}

/// A table as MySQL and MariaDB tell it, unless it is made while the statement is executed (`<derived2>`).
fn named(node: &Node) -> Option<String> {
    let alias = node.facts.text(Key::Alias).filter(|alias| !alias.starts_with('<'))?;
    Some(format!("`{}`", alias.replace('`', "``")))
}

/// What leads through an index, as MySQL and MariaDB tell it: columns of the index, and what each is compared with.
fn led(node: &Node) -> Vec<String> {
    let alias = node.facts.text(Key::Alias).unwrap_or_default();
    let parts = node.facts.list(Key::UsedKeyParts).iter().zip(node.facts.list(Key::Ref).iter());
    let each = parts.map(|(part, value)| match value.rsplitn(3, '.').collect::<Vec<_>>()[..] {
        [column, table, ..] => format!("`{alias}`.`{part}` = `{table}`.`{column}`"),
        _ => format!("`{alias}`.`{part}` = 0"),
    });
    each.collect()
}

/// By what rows are sorted right below a limit.
fn order(plan: &Plan) -> Option<String> {
    let parent_of = |node: &Node| node.parent.and_then(|parent| plan.nodes.get(parent as usize));
    let is_limited = |node: &&Node| parent_of(node).is_some_and(|parent| parent.node_type == NodeType::Limit);
    let mut sorts = plan.nodes.iter().filter(|node| node.node_type == NodeType::Sort).filter(is_limited);
    let keys = sorts.next()?.facts.list(Key::SortKey);
    (!keys.is_empty()).then(|| keys.iter().map(|key| &**key).collect::<Vec<_>>().join(", "))
}
