//! `query_block` and what is in it, to nodes.
//!
//! Sources: `sql/opt_explain_json.cc` of MySQL 5.6 to 8.4, `sql/sql_explain.cc` of MariaDB 10.1 to 11.

use detectors::evidence::plan::{Engine, Key, NodeType, Plan, Relationship, Value};

use super::access::Access;
use super::block::{Step, Way, above, above_of, appended, joined, made, modified, set_apart};
use super::document::Json;
use super::table::{access, prefix_cost};
use crate::ingest::plans::sketch::{Id, Sketch, set_number};

/// Members that hold `SELECT`s which are planned apart.
const APART: [&str; 9] = [
    "subqueries",
    "attached_subqueries",
    "select_list_subqueries",
    "order_by_subqueries",
    "group_by_subqueries",
    "having_subqueries",
    "optimized_away_subqueries",
    "update_value_subqueries",
    "insert_values_subqueries",
];

/// The plan in a document.
pub(super) fn plan(document: &Json) -> Option<Plan> {
    let block = document.get("query_block")?;
    let mut reading = Reading { sketch: Sketch::default() };
    let root = reading.block(block)?;
    let mut plan = reading.sketch.finish(root, engine(block));
    let planning = document.get("query_optimization").and_then(|part| part.number("r_total_time_ms"));
    for (key, time) in [(Key::PlanningTime, planning), (Key::ExecutionTime, block.number("r_total_time_ms"))]
    {
        if let Some(time) = time {
            plan.facts.set(key, Value::Number(time));
        }
    }
    Some(plan)
}

/// Only MySQL writes objects of costs, and operations around tables.
fn engine(block: &Json) -> Engine {
    let words =
        ["cost_info", "ordering_operation", "grouping_operation", "rows_examined_per_scan", "using_filesort"];
    match holds(block, &words) {
        true => Engine::MySql,
        false => Engine::MariaDb,
    }
}

fn holds(json: &Json, names: &[&str]) -> bool {
    let is_named = |(name, value): &(String, Json)| names.contains(&name.as_str()) || holds(value, names);
    match json {
        Json::Scalar(_) => false,
        Json::List(elements) => elements.iter().any(|element| holds(element, names)),
        Json::Object(members) => members.iter().any(is_named),
    }
}

/// Objects are at most as deep as [`Json`] allows, and so is this.
pub(super) struct Reading {
    pub(super) sketch: Sketch,
}

impl Reading {
    /// A `SELECT` with what hangs under it.
    fn block(&mut self, block: &Json) -> Option<Id> {
        let id = match block.get("message") {
            Some(_) => {
                let access = Access { message: block.text("message").to_owned(), ..Access::default() };
                access.add_to(&mut self.sketch)
            }
            None => {
                let steps = self.steps(block);
                joined(&mut self.sketch, steps)?
            }
        };
        let having = block.text("having_condition");
        if !having.is_empty() {
            self.sketch.node(id).others.push(("having_condition".into(), having.into()));
        }
        self.time_of_rest(block, id);
        self.costs(block, id);
        Some(id)
    }

    /// What a `SELECT` took beyond its tables is its first node's.
    fn time_of_rest(&mut self, block: &Json, id: Id) {
        if let Some(all) = block.number("r_total_time_ms") {
            let known = self.sketch.total_ms(id).unwrap_or_default();
            self.sketch.add_time(id, (all - known).max(0.0));
        }
        if block.number("r_loops").is_some() && self.sketch.number(id, Key::ActualLoops).is_none() {
            let loops = block.number("r_loops");
            set_number(self.sketch.node(id), Key::ActualLoops, loops);
        }
    }

    fn costs(&mut self, block: &Json, id: Id) {
        let cost = block.get("cost_info").and_then(|costs| costs.number("query_cost"));
        let cost = cost.or_else(|| block.number("cost"));
        if cost.is_some() {
            set_number(self.sketch.node(id), Key::TotalCost, cost);
        }
    }

    /// Tables in the order of the join, of all members that hold some.
    pub(super) fn steps(&mut self, object: &Json) -> Vec<Step> {
        let mut steps = Vec::new();
        for (name, value) in object.members() {
            match name.as_str() {
                "nested_loop" => {
                    for element in value.elements() {
                        steps.extend(self.steps(element));
                    }
                }
                "table" => steps.extend(self.table(value)),
                "block-nl-join" => steps.extend(self.buffered(value)),
                "read_sorted_file" | "insert_from" => steps.extend(self.steps(value)),
                "range-checked-for-each-record" => {
                    let first = steps.len();
                    steps.extend(self.steps(value));
                    if let Some(step) = steps.get(first) {
                        self.keep(step.id, name, value.get("keys"));
                    }
                }
                "union_result" | "recursive_union" => steps.extend(self.union(value).map(step)),
                "query_specifications" => {
                    let members = self.members(value);
                    steps.push(step(appended(&mut self.sketch, members)));
                }
                "query_block" => steps.extend(self.block(value).map(step)),
                _ => steps.extend(self.operation(name, value).map(step)),
            }
        }
        self.apart(object, steps)
    }

    /// Hangs what is planned apart under what it is told beside.
    fn apart(&mut self, object: &Json, mut steps: Vec<Step>) -> Vec<Step> {
        let apart: Vec<Id> = APART
            .iter()
            .filter_map(|name| object.get(name))
            .flat_map(Json::elements)
            .filter_map(|one| self.subquery(one))
            .collect();
        if !apart.is_empty() {
            // They belong to all tables here.
            let root = joined(&mut self.sketch, std::mem::take(&mut steps));
            let root = root.unwrap_or_else(|| self.sketch.add(Default::default(), Vec::new(), None));
            for child in apart {
                self.sketch.hang(child, root);
            }
            steps.push(step(root));
        }
        steps
    }

    fn subquery(&mut self, json: &Json) -> Option<Id> {
        let cache = json.get("expression_cache");
        let inner = cache.or_else(|| json.get("materialization")).unwrap_or(json);
        let block = inner.get("query_block").unwrap_or(inner);
        let id = self.steps_of(inner)?;
        let is_again = block.number("r_loops").is_some_and(|loops| loops > 1.0);
        let relationship = match cache.is_some() || json.is("dependent") || is_again {
            true => Relationship::SubPlan,
            false => Relationship::InitPlan,
        };
        let id = match cache {
            Some(cache) => self.cached(cache, id),
            None => id,
        };
        set_apart(self.sketch.node(id), relationship, block.text("select_id"));
        Some(id)
    }

    /// Results by the values that a subquery depends on.
    fn cached(&mut self, cache: &Json, child: Id) -> Id {
        let id = above_of(&mut self.sketch, NodeType::Memoize, child);
        let node = self.sketch.node(id);
        let loops = cache.number("r_loops");
        set_number(node, Key::ActualLoops, loops);
        if let (Some(loops), Some(of_100)) = (loops, cache.number("r_hit_ratio")) {
            let hits = (loops * of_100 / 100.0).round();
            set_number(node, Key::CacheHits, Some(hits));
            set_number(node, Key::CacheMisses, Some(loops - hits));
        }
        id
    }

    /// What joins all tables of an object.
    pub(super) fn steps_of(&mut self, object: &Json) -> Option<Id> {
        let steps = self.steps(object);
        joined(&mut self.sketch, steps)
    }

    fn table(&mut self, table: &Json) -> Option<Step> {
        let operation = ["insert", "update", "delete", "replace"].into_iter().find(|name| table.is(name));
        if let Some("insert" | "replace") = operation {
            let child = self.steps_of(table);
            return Some(step(modified(&mut self.sketch, child, "Insert", table.text("table_name"))));
        }
        let (rows, cost) = (table.number("rows_produced_per_join"), prefix_cost(table));
        let mut access = access(table);
        if operation.is_some() && access.actual_rows.is_some() {
            // What changes rows finds them once, and MariaDB does not count that.
            access.loops.get_or_insert(1.0);
        }
        let id = access.add_to(&mut self.sketch);
        if let Some(cost) = cost {
            set_number(self.sketch.node(id), Key::TotalCost, Some(cost));
        }
        let inner = table.get("materialized").or_else(|| table.get("materialized_from_subquery"));
        if let Some(child) = inner.and_then(|inner| self.steps_of(inner)) {
            made(&mut self.sketch, child, id);
        }
        for name in APART {
            for one in table.get(name).map(Json::elements).unwrap_or_default() {
                if let Some(child) = self.subquery(one) {
                    self.sketch.hang(child, id);
                }
            }
        }
        let way = match table.text("using_join_buffer") {
            "" => Way::Nested,
            said => Way::of_buffer(said),
        };
        let id = match operation {
            Some("delete") => modified(&mut self.sketch, Some(id), "Delete", table.text("table_name")),
            Some(_) => modified(&mut self.sketch, Some(id), "Update", table.text("table_name")),
            None => id,
        };
        Some(Step { id, way, rows, cost, ..Step::default() })
    }

    /// A table that is joined by bufferfuls.
    fn buffered(&mut self, join: &Json) -> Option<Step> {
        let id = self.steps_of(join)?;
        let number = |name| join.number(name);
        let pairs = number("r_loops").zip(number("r_effective_rows")).zip(number("r_filtered"));
        let pairs =
            pairs.map(|((loops, rows), of_100)| (loops * rows, (loops * rows * of_100 / 100.0).round()));
        let own_ms =
            ["r_unpack_time_ms", "r_other_time_ms"].into_iter().filter_map(number).reduce(|a, b| a + b);
        let condition = join.text("attached_condition").to_owned();
        let way = Way::of_buffer(join.text("join_type"));
        Some(Step { id, way, condition, pairs, own_ms, ..Step::default() })
    }

    fn union(&mut self, union: &Json) -> Option<Id> {
        let members = self.members(union.get("query_specifications")?);
        let append = appended(&mut self.sketch, members);
        let is_kept = !union.text("table_name").is_empty() && union.text("using_temporary_table") != "false";
        if !is_kept {
            return Some(append);
        }
        let id = above(&mut self.sketch, NodeType::Materialize, append);
        let node = self.sketch.node(id);
        set_number(node, Key::ActualLoops, union.number("r_loops"));
        set_number(node, Key::ActualRows, union.number("r_rows"));
        Some(id)
    }

    fn members(&mut self, specifications: &Json) -> Vec<Id> {
        specifications.elements().iter().filter_map(|member| self.steps_of(member)).collect()
    }

    fn keep(&mut self, id: Id, name: &str, value: Option<&Json>) {
        let line = value.map(Json::line).unwrap_or_default();
        self.sketch.node(id).others.push((name.into(), line.into()));
    }
}

fn step(id: Id) -> Step {
    Step { id, ..Step::default() }
}
