//! PostgreSQL's `EXPLAIN (FORMAT JSON)`: a list of objects with a `Plan` each, or one such object, as Django and
//! `auto_explain` write it. Also a root node without what is around it.

use detectors::evidence::plan::Plan;

use super::assembly::Assembly;
use super::{Found, PlanForm, Plans, Unreadable, line_of, newlines};
use crate::ingest::json::scanner::{Scan, Scanner, Stop, bad};

pub(super) const FORM: PlanForm = PlanForm {
    name: "postgresql-json",
    summary: "PostgreSQL `EXPLAIN (FORMAT JSON)` and `auto_explain.log_format = json`",
    evidence: "recorded from PostgreSQL 10 to 18",
    read,
};

/// Where an object of a plan begins, at the earliest.
fn start(text: &str) -> Option<usize> {
    let names = ["\"Plan\"", "\"Node Type\""];
    let first = names.iter().filter_map(|name| text.find(name)).min()?;
    text[..first].rfind(['{', '[']).map(|at| text[..at + 1].rfind('{').unwrap_or(at))
}

fn read(text: &str) -> Option<Plans> {
    let mut at = start(text)?;
    let mut found = Vec::new();
    let mut room = vec![0; text.len()];
    // Lines are counted from plan to plan: there may be many.
    let (mut line, mut counted) = (1, 0);
    loop {
        line += newlines(&text[counted..at]);
        counted = at;
        let mut scanner = Scanner::new(text.as_bytes(), at, &mut room);
        match object(&mut scanner) {
            Ok(Some(plan)) => found.push(Found { plan, form: FORM.name, line }),
            Ok(None) => {}
            Err(stop) => return Some(Err(unreadable(text, at, scanner.at, stop))),
        }
        let done = scanner.at;
        match start(&text[done..]) {
            Some(next) => at = done + next,
            None if found.is_empty() => return None,
            None => return Some(Ok(found)),
        }
    }
}

fn unreadable(text: &str, from: usize, at: usize, stop: Stop) -> Unreadable {
    let (line, reason) = match stop {
        Stop::Bad(reason) => {
            (line_of(text, at), format!("{reason}; copy the plan again, with all its lines"))
        }
        Stop::End | Stop::Spent => (
            line_of(text, from),
            "the plan that begins here is cut off: its last brackets are missing; copy all of it".to_owned(),
        ),
    };
    Unreadable { line, reason }
}

/// Reads one object; `None` where it holds no plan.
fn object(scanner: &mut Scanner<'_>) -> Scan<Option<Plan>> {
    let mut assembly = Assembly::new();
    scanner.open(b'{')?;
    if is_node(scanner) {
        assembly.enter("Plan");
    }
    // What is open is remembered as brackets, and never as calls: depth is the input's choice.
    let mut open = vec![b'{'];
    while let Some(bracket) = open.last().copied() {
        let name = match bracket {
            b'{' => match scanner.next_key()? {
                Some(name) => utf8(name)?,
                None => {
                    open.pop();
                    assembly.leave();
                    continue;
                }
            },
            _ if scanner.next_element()? => "",
            _ => {
                open.pop();
                assembly.leave();
                continue;
            }
        };
        match scanner.peek()? {
            deeper @ (b'{' | b'[') => {
                scanner.at += 1;
                open.push(deeper);
                assembly.enter(name);
            }
            _ => {
                let value = scanner.written()?;
                assembly.scalar(name, utf8(value)?);
            }
        }
    }
    Ok(assembly.finish())
}

/// Whether the object that was stepped into is a node itself.
fn is_node(scanner: &mut Scanner<'_>) -> bool {
    scanner.peek() == Ok(b'"') && scanner.bytes()[scanner.at..].starts_with(b"\"Node Type\"")
}

fn utf8(bytes: &[u8]) -> Scan<&str> {
    std::str::from_utf8(bytes).or_else(|_| bad("a text that is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use detectors::evidence::plan::{Key, NodeType, Relationship, Value};

    use super::*;

    fn plans(text: &str) -> Vec<Found> {
        read(text).expect("a plan").expect("a whole plan")
    }

    fn refused(text: &str) -> Unreadable {
        read(text).expect("a plan").expect_err("a broken plan")
    }

    const JOIN: &str = r#"[
  {
    "Plan": {
      "Node Type": "Hash Join", "Parallel Aware": false, "Join Type": "Left", "Actual Loops": 1,
      "Hash Cond": "(a.id = b.id)", "Shared Hit Blocks": 0,
      "Plans": [
        {"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Relation Name": "a", "Alias": "a",
         "Shared Hit Blocks": 7, "Output": ["a.id", "a.x"], "Workers": [{"Worker Number": 1, "Actual Rows": 2.50}]},
        {"Node Type": "Citus Scan", "Parent Relationship": "Inner", "New": {"In": ["it", 1]}}
      ]
    },
    "Planning": {"Memory Used": 12},
    "JIT": {"Functions": 3, "Options": {"Inlining": true, "Deforming": false},
            "Timing": {"Generation": {"Deform": 0.5, "Total": 1.5}, "Total": 9.25}},
    "Settings": {"work_mem": "4MB"},
    "Triggers": [{"Trigger Name": "t", "Calls": 2, "Time": 0.125}],
    "Execution Time": 1.75
  }
]"#;

    #[test]
    fn a_plan_is_read_whole() {
        let found = plans(JOIN);
        let [Found { plan, line: 2, .. }] = &found[..] else { panic!("{found:?}") };
        let [join, scan, other] = &plan.nodes[..] else { panic!("{plan:?}") };
        assert_eq!(join.node_type, NodeType::HashJoin);
        assert_eq!(
            (join.facts.has(Key::ParallelAware), join.facts.has(Key::SharedHitBlocks)),
            (false, false)
        );
        assert_eq!((scan.parent, scan.relationship), (Some(0), Relationship::Outer));
        assert_eq!((scan.facts.has(Key::Alias), scan.facts.list(Key::Output).len()), (false, 2));
        assert_eq!((scan.workers[0].number, scan.workers[0].facts.number(Key::ActualRows)), (1, Some(2.5)));
        assert_eq!((other.parent, other.relationship), (Some(0), Relationship::Inner));
        assert_eq!(other.node_type, NodeType::Other("Citus Scan".into()));
        assert_eq!(other.others, [("New In".into(), "it, 1".into())]);
        assert_eq!(plan.planning.number(Key::MemoryUsed), Some(12.0));
        assert_eq!((plan.jit.get(Key::Inlining), plan.jit.has(Key::Deforming)), (Some(&Value::Yes), false));
        assert_eq!(
            (plan.jit.ns(Key::GenerationTime), plan.jit.ns(Key::TotalTime)),
            (Some(1_500_000), Some(9_250_000))
        );
        assert_eq!(plan.settings, [("work_mem".into(), "4MB".into())]);
        assert_eq!(plan.triggers[0].ns(Key::Time), Some(125_000));
        assert_eq!(plan.execution_ns(), Some(1_750_000));
    }

    #[test]
    fn one_object_or_a_node_alone_will_do() {
        let object = r#"{"Query Text": "SELECT 1", "Plan": {"Node Type": "Result"}}"#;
        let [Found { plan, .. }] = &plans(object)[..] else { panic!() };
        assert_eq!(plan.statement.as_deref(), Some("SELECT 1"));
        let node = r#"{"Node Type": "Limit", "Plans": [{"Node Type": "Result"}]}"#;
        assert_eq!(plans(node)[0].plan.nodes.len(), 2);
        assert_eq!(plans(&format!("{object}\nand\n{JOIN}")).len(), 2);
    }

    #[test]
    fn a_cut_or_broken_plan_is_refused_with_its_line() {
        let cut = &JOIN[..JOIN.len() / 2];
        assert_eq!(refused(cut).line, 2);
        let broken = JOIN.replace("\"Calls\": 2,", "\"Calls\": two,");
        assert_eq!(refused(&broken).line, 16);
        assert_eq!(read("{\"resourceSpans\": []}"), None);
    }

    #[test]
    fn depth_is_no_limit() {
        let deep = 100_000;
        let text = format!(
            "{}{{\"Node Type\": \"Result\"}}{}",
            "{\"Node Type\": \"Limit\", \"Plans\": [".repeat(deep),
            "]}".repeat(deep)
        );
        assert_eq!(plans(&text)[0].plan.nodes.len(), deep + 1);
    }
}
