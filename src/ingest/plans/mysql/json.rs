//! `EXPLAIN FORMAT=JSON` of MySQL and MariaDB, and MariaDB's `ANALYZE FORMAT=JSON`: where documents are, and of which kind.
//!
//! MySQL's version 2 (8.3) has the lines of its tree as `operation`, and is read as that.

use detectors::evidence::plan::Plan;

use super::document::Json;
use super::texts::{Document, documents};
use super::{select, tree};
use crate::ingest::json::scanner::{Scanner, Stop};
use crate::ingest::plans::{Found, PlanForm, Plans, Unreadable};

pub(in crate::ingest::plans) const FORM: PlanForm = PlanForm {
    name: "mysql-json",
    summary: "MySQL and MariaDB `EXPLAIN FORMAT=JSON` (of MySQL both versions), MariaDB `ANALYZE FORMAT=JSON`",
    evidence: "recorded from MariaDB 10.11; MySQL from its documentation",
    read,
};

/// Names of which one is the first in a document.
const FIRST: [&str; 4] = ["query", "inputs", "operation", "heading"];

/// Where the next document begins.
fn start(text: &str) -> Option<usize> {
    let is_first = |at: &usize| {
        let name = text[at + 1..].trim_start().strip_prefix('"');
        name.is_some_and(|name| FIRST.iter().any(|first| name.starts_with(first)))
    };
    text.match_indices('{').map(|(at, _)| at).find(is_first)
}

fn read(text: &str) -> Option<Plans> {
    let names = ["\"query_block\"", "\"operation\""];
    if !names.iter().any(|name| text.contains(name)) {
        return None;
    }
    let mut found = Vec::new();
    for document in documents(text, |line| line.starts_with("{\\n")) {
        match read_document(&document) {
            Ok(more) => found.extend(more),
            Err(unreadable) => return Some(Err(unreadable)),
        }
    }
    (!found.is_empty()).then_some(Ok(found))
}

fn read_document(document: &Document<'_>) -> Result<Vec<Found>, Unreadable> {
    let text = document.text.as_ref();
    let mut found = Vec::new();
    let mut at = 0;
    let mut room = vec![0; text.len()];
    while let Some(begin) = start(&text[at..]).map(|more| at + more) {
        let mut scanner = Scanner::new(text.as_bytes(), begin, &mut room);
        let json = Json::read(&mut scanner, 0);
        at = scanner.at;
        let json = json.map_err(|stop| unreadable(document, begin, at, stop))?;
        if let Some(plan) = plan(&json) {
            found.push(Found { plan, form: FORM.name, line: document.line(begin) });
        }
    }
    Ok(found)
}

fn plan(json: &Json) -> Option<Plan> {
    match json.get("query_block") {
        Some(_) => select::plan(json),
        None => tree::of_json(json),
    }
}

fn unreadable(document: &Document<'_>, begin: usize, at: usize, stop: Stop) -> Unreadable {
    match stop {
        Stop::Bad(reason) => Unreadable {
            line: document.line(at),
            reason: format!("{reason}; copy the plan again, with all its lines"),
        },
        Stop::End | Stop::Spent => Unreadable {
            line: document.line(begin),
            reason: "the plan that begins here is cut off: its last brackets are missing; copy all of it"
                .to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use detectors::evidence::plan::{Engine, Key};

    use super::*;
    use crate::ingest::plans::sketch::drawn;

    fn one(text: &str) -> Plan {
        let found = read(text).expect("a plan").expect("a whole plan");
        let [Found { plan, .. }] = &found[..] else { panic!("{found:?}") };
        plan.clone()
    }

    /// A table of this name, with more members.
    fn table(name: &str, more: &str) -> String {
        format!(
            r#""table": {{"table_name": "{name}", "access_type": "ALL", "rows_examined_per_scan": 10, "filtered": "50.00"{more}}}"#
        )
    }

    #[test]
    fn operations_of_mysql_are_nodes() {
        let join = format!(
            r#""nested_loop": [{{{}}}, {{{}}}]"#,
            table("a", ""),
            table(
                "b",
                r#", "using_join_buffer": "hash join", "attached_subqueries": [{"dependent": true, "query_block": {"select_id": 3, "message": "No tables used"}}]"#
            )
        );
        let plan = one(&format!(
            r#"{{"query_block": {{"select_id": 1, "cost_info": {{"query_cost": "7.5"}},
                "ordering_operation": {{"using_filesort": true, "using_temporary_table": true,
                "duplicates_removal": {{"using_filesort": false, "grouping_operation": {{"using_filesort": true, {join}}}}}}}}}}}"#
        ));
        assert_eq!(
            drawn(&plan),
            "Sort\n Materialize\n  Unique\n   Aggregate\n    Hash Join\n     Seq Scan b\n      ~Result\n     Hash\n      Sort\n       Seq Scan a\n"
        );
        assert_eq!((plan.engine, plan.nodes[0].facts.number(Key::TotalCost)), (Engine::MySql, Some(7.5)));
        assert_eq!(plan.nodes[4].facts.number(Key::PlanRows), Some(25.0));
    }

    #[test]
    fn selects_within_selects_have_their_places() {
        let derived = table(
            "x",
            &format!(r#", "materialized_from_subquery": {{"query_block": {{{}}}}}"#, table("t", "")),
        );
        let member = |name: &str| format!(r#"{{"query_block": {{{}}}}}"#, table(name, ""));
        let text = format!(
            r#"EXPLAIN: {{"query_block": {{"union_result": {{"using_temporary_table": true, "table_name": "<union1,2>", "query_specifications": [{}, {{"query_block": {{{derived}, "select_list_subqueries": [{}]}}}}]}}}}}}"#,
            member("a"),
            member("s")
        );
        assert_eq!(
            drawn(&one(&text)),
            "Materialize\n Append\n  Seq Scan a\n  Subquery Scan x\n   Materialize\n    Seq Scan t\n   ~Seq Scan s\n"
        );
    }

    #[test]
    fn joins_of_older_mariadb_are_members_of_one_name() {
        let text = format!(
            r#"{{"query_block": {{"select_id": 1, "window_functions_computation": {{"sorts": [{{"filesort": {{"sort_key": "a.x, f(a, b)"}}}}], "temporary_table": {{{}, "block-nl-join": {{{}, "join_type": "BNLH", "attached_condition": "a.x = b.y"}}}}}}}}}}"#,
            table("a", ""),
            table("b", "")
        );
        let plan = one(&text);
        assert_eq!(
            drawn(&plan),
            "WindowAgg\n Sort\n  Materialize\n   Hash Join\n    Seq Scan b\n    Hash\n     Seq Scan a\n"
        );
        assert_eq!(plan.nodes[1].facts.list(Key::SortKey), ["a.x".into(), "f(a, b)".into()]);
        assert_eq!(plan.nodes[3].facts.text(Key::HashCond), Some("a.x = b.y"));
    }

    #[test]
    fn a_cut_or_broken_plan_is_refused_with_its_line() {
        let refused = |text: &str| read(text).expect("a plan").expect_err("a broken plan");
        let text = format!("EXPLAIN: {{\n\"query_block\": {{\n{}\n}}\n}}\n", table("a", ""));
        assert_eq!(refused(&text[..text.len() - 3]).line, 1);
        assert_eq!(refused(&text.replace("10", "ten")).line, 3);
        assert_eq!(refused(&format!("{{\"query_block\": {}", "[".repeat(100_000))).line, 1);
        assert_eq!(read(r#"{"query": "of something", "inputs": []}"#), None);
    }
}
