//! MySQL's `EXPLAIN FORMAT=TREE` (8.0.16), `EXPLAIN ANALYZE` (8.0.18), and version 2 of its JSON (8.3), which has the same
//! lines.
//!
//! Source: `sql/join_optimizer/explain_access_path.cc`. Times and rows are of one loop, times with what is below, as in the
//! model. A filter is a line of its own there and a property of what it filters here.

use detectors::evidence::plan::{Engine, Key, Node, NodeType, Plan};

use super::block::set_apart;
use super::document::Json;
use super::operation::{self, Operation};
use super::texts::{Document, documents};
use crate::ingest::plans::sketch::{Id, Sketch, set_number, set_text};
use crate::ingest::plans::{Found, PlanForm, Plans};

pub(in crate::ingest::plans) const FORM: PlanForm = PlanForm {
    name: "mysql-tree",
    summary: "MySQL `EXPLAIN FORMAT=TREE` and `EXPLAIN ANALYZE`",
    evidence: "MySQL from its documentation",
    read,
};

/// A line: how far it is indented, what it says is done, and its numbers.
#[derive(Debug, Default)]
struct Line {
    depth: usize,
    operation: String,
    numbers: Numbers,
}

/// What was estimated and measured of one loop.
#[derive(Debug, Default, Clone, Copy)]
struct Numbers {
    first_cost: Option<f64>,
    cost: Option<f64>,
    rows: Option<f64>,
    first_ms: Option<f64>,
    ms: Option<f64>,
    actual_rows: Option<f64>,
    loops: Option<f64>,
}

/// What stands before a node of PostgreSQL's, and never before one of MySQL's.
const OF_POSTGRESQL: &str = "->  ";

fn read(text: &str) -> Option<Plans> {
    if text.contains(OF_POSTGRESQL) {
        return None;
    }
    let documents = documents(text, |line| line.starts_with("-> "));
    let found: Vec<Found> = documents.iter().flat_map(read_document).collect();
    (!found.is_empty()).then_some(Ok(found))
}

fn read_document(document: &Document<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut begin = 0;
    let mut at = 0;
    let mut finish = |lines: &mut Vec<(usize, String)>, begin| {
        let lines = std::mem::take(lines).iter().map(|(depth, said)| line(*depth, said)).collect();
        if let Some(plan) = plan(lines) {
            found.push(Found { plan, form: FORM.name, line: document.line(begin) });
        }
    };
    for text in document.text.split_inclusive('\n') {
        let content = text.trim_start();
        match (lines.is_empty(), content.strip_prefix("-> ")) {
            (false, Some(said)) if text.len() > content.len() => {
                lines.push((1 + text.len() - content.len(), said.trim_end().to_owned()));
            }
            // Where lines are broken for want of width, numbers come to the next one.
            (false, None) if content.starts_with('(') => {
                if let Some((_, said)) = lines.last_mut() {
                    said.push(' ');
                    said.push_str(content.trim_end());
                }
            }
            _ => {
                finish(&mut lines, begin);
                if let Some(said) = root(content) {
                    begin = at;
                    lines.push((0, said.to_owned()));
                }
            }
        }
        at += text.len();
    }
    finish(&mut lines, begin);
    found
}

/// What lines of MySQL begin with, and no line of PostgreSQL whose blanks were lost.
const BEGINNINGS: [&str; 21] = [
    "Filter: ",
    "Limit: ",
    "Limit/Offset: ",
    "Sort: ",
    "Sort row IDs: ",
    "Aggregate: ",
    "Group aggregate",
    "Nested loop ",
    "Inner hash join",
    "Left hash join",
    "Table scan on ",
    "Index scan on ",
    "Index lookup on ",
    "Index range scan on ",
    "Covering index ",
    "Single-row ",
    "Rows fetched before execution",
    "Zero ",
    "Stream results",
    "Union ",
    "Remove duplicate",
];

/// What the first line of a tree says; clients put a name or a box in front. A cost beside PostgreSQL's has a width.
fn root(content: &str) -> Option<&str> {
    let content = content.strip_prefix('|').unwrap_or(content).trim_start();
    let content = content.strip_prefix("EXPLAIN: ").unwrap_or(content);
    let said = content.strip_prefix("-> ")?.trim_end();
    let said = said.strip_suffix('|').unwrap_or(said).trim_end();
    let is_mysql = said.contains("(cost=") || BEGINNINGS.iter().any(|begin| said.starts_with(begin));
    (is_mysql && !said.contains("width=")).then_some(said)
}

fn line(depth: usize, said: &str) -> Line {
    let ends = ["(cost=", "(actual ", "(never executed)"];
    let end = ends.iter().filter_map(|end| said.rfind(end)).filter(|at| said[..*at].ends_with(' ')).min();
    let (operation, told) = said.split_at(end.unwrap_or(said.len()));
    Line { depth, operation: operation.trim_end().to_owned(), numbers: numbers(told) }
}

/// `(cost=0.25..1.1 rows=3) (actual time=0.05..0.06 rows=3 loops=1)`, or less of it.
fn numbers(told: &str) -> Numbers {
    let (estimated, actual) = match told.find("(actual ") {
        Some(at) => told.split_at(at),
        None => (told, ""),
    };
    let (first_cost, cost) = range(after(estimated, "cost="));
    let (first_ms, ms) = range(after(actual, "time="));
    let is_never = told.contains("(never executed)");
    Numbers {
        first_cost,
        cost,
        rows: after(estimated, "rows=").parse().ok(),
        first_ms,
        ms,
        actual_rows: after(actual, "rows=").parse().ok(),
        loops: after(actual, "loops=").parse().ok().or(is_never.then_some(0.0)),
    }
}

fn after<'t>(told: &'t str, name: &str) -> &'t str {
    let rest = told.split_once(name).map_or("", |(_, rest)| rest);
    rest.split([' ', ')']).next().unwrap_or_default()
}

/// `first..last`, or the last alone.
fn range(written: &str) -> (Option<f64>, Option<f64>) {
    match written.split_once("..") {
        Some((first, last)) => (first.parse().ok(), last.parse().ok()),
        None => (None, written.parse().ok()),
    }
}

/// The plan of version 2 of the JSON form.
pub(super) fn of_json(json: &Json) -> Option<Plan> {
    let root = json.get("query_plan").unwrap_or(json);
    root.get("operation")?;
    let mut lines = Vec::new();
    flatten(root, 0, &mut lines);
    let mut plan = plan(lines)?;
    let statement = json.text("query");
    plan.statement = (!statement.is_empty()).then(|| statement.into());
    Some(plan)
}

/// Objects are at most as deep as [`Json`] allows, and so is this.
fn flatten(json: &Json, depth: usize, lines: &mut Vec<Line>) {
    let heading = json.text("heading");
    let depth = match heading {
        "" => depth,
        _ => {
            lines.push(Line { depth, operation: heading.to_owned(), ..Line::default() });
            depth + 1
        }
    };
    let numbers = Numbers {
        first_cost: json.number("estimated_first_row_cost"),
        cost: json.number("estimated_total_cost"),
        rows: json.number("estimated_rows"),
        first_ms: json.number("actual_first_row_ms"),
        ms: json.number("actual_last_row_ms"),
        actual_rows: json.number("actual_rows"),
        loops: json.number("actual_loops"),
    };
    lines.push(Line { depth, operation: json.text("operation").to_owned(), numbers });
    let inputs = ["inputs", "inputs_from_select_list", "inputs_from_condition"];
    for input in inputs.iter().filter_map(|name| json.get(name)).flat_map(Json::elements) {
        flatten(input, depth + 1, lines);
    }
}

/// From the last line to the first, so that each finds what is below it. Depth is a list here and no recursion.
fn plan(lines: Vec<Line>) -> Option<Plan> {
    let mut sketch = Sketch::default();
    // What has no parent yet, the first of it last.
    let mut open: Vec<(usize, Id)> = Vec::new();
    for line in lines.into_iter().rev() {
        let mut below = Vec::new();
        while let Some((_, id)) = open.pop_if(|(depth, _)| *depth > line.depth) {
            below.push(id);
        }
        let id = add(&mut sketch, &line, below);
        open.push((line.depth, id));
    }
    let (_, root) = open.pop()?;
    // A client's prompt is an arrow too, with the lines of the statement behind it.
    let root_node = sketch.node(root);
    let is_known = !matches!(root_node.node_type, NodeType::Other(_)) || !root_node.facts.is_empty();
    is_known.then(|| sketch.finish(root, Engine::MySql))
}

fn add(sketch: &mut Sketch, line: &Line, mut below: Vec<Id>) -> Id {
    match operation::of(&line.operation, below.len()) {
        Operation::Filter(condition) if !below.is_empty() => {
            let child = below.remove(0);
            filter(sketch, child, condition, line.numbers);
            below.into_iter().for_each(|apart| sketch.hang(apart, child));
            child
        }
        Operation::Filter(condition) => {
            let mut node = operation::filter_alone(condition);
            note(&mut node, line.numbers);
            sketch.add(node, below, None)
        }
        Operation::Apart(relationship, name) if !below.is_empty() => {
            let child = below.remove(0);
            set_apart(sketch.node(child), relationship, name.trim_start_matches('#'));
            child
        }
        Operation::Apart(_, name) => sketch.add(operation::unknown(name), below, None),
        Operation::Does(mut node) => {
            note(&mut node, line.numbers);
            operation::relate(sketch, &node, &below);
            sketch.add(*node, below, None)
        }
    }
}

/// Rows that a filter takes away are read by what is below, and no longer given by it.
fn filter(sketch: &mut Sketch, child: Id, condition: &str, numbers: Numbers) {
    let node = sketch.node(child);
    let (read, loops) = (node.facts.number(Key::ActualRows), node.facts.number(Key::ActualLoops));
    set_number(node, Key::PlanExaminedRows, node.facts.number(Key::PlanRows));
    set_number(node, Key::ActualExaminedRows, read);
    note(node, numbers);
    let of_as_many_loops = loops == numbers.loops;
    let removed = read.zip(numbers.actual_rows).filter(|_| of_as_many_loops);
    set_number(node, Key::RowsRemovedByFilter, removed.map(|(read, left)| (read - left).max(0.0)));
    let condition = match node.facts.text(Key::Filter) {
        Some(inner) => format!("{condition} and {inner}"),
        None => condition.to_owned(),
    };
    set_text(node, Key::Filter, &condition);
}

fn note(node: &mut Node, numbers: Numbers) {
    set_number(node, Key::StartupCost, numbers.first_cost);
    set_number(node, Key::TotalCost, numbers.cost);
    set_number(node, Key::PlanRows, numbers.rows);
    set_number(node, Key::ActualStartupTime, numbers.first_ms);
    set_number(node, Key::ActualTotalTime, numbers.ms);
    set_number(node, Key::ActualRows, numbers.actual_rows);
    set_number(node, Key::ActualLoops, numbers.loops);
}

#[cfg(test)]
mod tests {
    use detectors::evidence::plan::Relationship;

    use super::*;
    use crate::ingest::plans::sketch::drawn;

    const TREE: &str = "mysql> EXPLAIN ANALYZE
    -> SELECT *
    -> FROM t;
| -> Limit: 10 row(s)  (cost=0.35..1.2e+3 rows=10) (actual time=0.05..0.06 rows=3 loops=1)
    -> Sort: o.total DESC, f(a, b), limit input to 10 row(s) per chunk  (actual time=0.05..0.05 rows=3 loops=1)
        -> Filter: ((o.total > 5) and (o.note = ' (cost=1 rows=2)'))  (cost=1.1 rows=3) (actual time=0.04..0.045 rows=3 loops=1)
            -> Nested loop left join  (cost=1.0 rows=9) (actual time=0.03..0.04 rows=8 loops=1)
                -> Filter: (c.id < 5)  (cost=0.5 rows=2) (actual time=0.02..0.021 rows=2 loops=1)
                    -> Table scan on c  (cost=0.5 rows=7) (actual time=0.01..0.02 rows=7 loops=1)
                    -> Select #2 (subquery in condition; dependent)
                        -> Aggregate: max(x.id)  (never executed)
                            -> Covering index scan on x using PRIMARY (reverse)  (cost=1 rows=4) (never executed)
                -> Single-row index lookup on o using PRIMARY (id = c.id), with index condition: (o.a = 1)  (cost=0.3 rows=1) (actual time=0.002..0.003 rows=4 loops=2)
 |
";

    #[test]
    fn lines_become_nodes_and_filters_properties() {
        let found = read(TREE).expect("a plan").expect("a whole plan");
        let [Found { plan, line: 4, .. }] = &found[..] else { panic!("{found:?}") };
        assert_eq!(
            drawn(plan),
            "Limit\n Sort\n  Nested Loop\n   Seq Scan c\n    ~Aggregate\n     Index Only Scan x\n   Index Scan o\n"
        );
        let [limit, sort, join, c, aggregate, x, o] = &plan.nodes[..] else { panic!("{plan:?}") };
        assert_eq!(
            (limit.facts.number(Key::StartupCost), limit.facts.number(Key::TotalCost)),
            (Some(0.35), Some(1200.0))
        );
        assert_eq!(sort.facts.list(Key::SortKey), ["o.total DESC".into(), "f(a, b)".into()]);
        assert_eq!(join.facts.text(Key::Filter), Some("((o.total > 5) and (o.note = ' (cost=1 rows=2)'))"));
        assert_eq!(
            (join.facts.number(Key::RowsRemovedByFilter), join.facts.text(Key::JoinType)),
            (Some(5.0), Some("Left"))
        );
        assert_eq!(
            (c.facts.number(Key::ActualRows), c.facts.number(Key::ActualExaminedRows)),
            (Some(2.0), Some(7.0))
        );
        assert_eq!((aggregate.relationship, aggregate.loops()), (Relationship::SubPlan, 0));
        assert_eq!(x.facts.text(Key::ScanDirection), Some("Backward"));
        assert_eq!(
            (o.relationship, o.facts.text(Key::IndexCond)),
            (Relationship::Inner, Some("(id = c.id)"))
        );
        assert_eq!(plan.execution_ns(), Some(60_000));
    }

    #[test]
    fn one_line_of_the_batch_mode_is_the_same() {
        let tree = &TREE[TREE.find("-> Limit").unwrap_or_default()..TREE.len() - 3];
        let batch = format!("EXPLAIN\n{}\n", tree.replace('\n', "\\n"));
        let plans = |text: &str| read(text).expect("a plan").expect("a whole plan");
        assert_eq!(plans(&batch)[0].plan, plans(TREE)[0].plan);
        assert_eq!(plans(&batch)[0].line, 2);
    }

    #[test]
    fn a_prompt_is_no_plan() {
        assert_eq!(read("Limit\n-> Sort (actual time=0.1..0.2 rows=1 loops=1)\n-> Seq Scan on t\n"), None);
        assert_eq!(read("mysql> SELECT *\n    -> FROM t\n    -> WHERE a = 1;\n"), None);
        assert_eq!(
            read(
                "Limit  (cost=0.1..0.2 rows=1 width=4)\n  ->  Seq Scan on t  (cost=0.1..0.2 rows=1 width=4)\n"
            ),
            None
        );
    }

    #[test]
    fn depth_is_no_limit() {
        let deep = 2_000;
        let lines: String =
            (1..deep).map(|depth| format!("{}-> Stream results\n", " ".repeat(depth))).collect();
        let found = read(&format!("-> Limit: 1 row(s)\n{lines}")).expect("a plan").expect("a whole plan");
        assert_eq!(found[0].plan.nodes.len(), deep);
    }
}
