//! Plans of a live MariaDB, in all its forms, and indexes that are built there. `tests/mariadb_plans.sh` starts one and runs
//! this.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

#[path = "plans/outline.rs"]
mod outline;
#[path = "mariadb_plans/statements.rs"]
mod statements;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use detectors::evidence::plan::{Engine, Key, Plan};
use outline::outline;
use serde_json::Value;
use statements::{STATEMENTS, Statement};
use whyslow::ingest::plans;

/// How a plan is asked for, how the client is to draw it, and what ends the statement.
const FORMS: [(&str, &str, &str); 9] = [
    ("EXPLAIN EXTENDED", "--table", ";"),
    ("EXPLAIN EXTENDED", "--batch", ";"),
    ("EXPLAIN EXTENDED", "--table", "\\G"),
    ("EXPLAIN FORMAT=JSON", "--table", "\\G"),
    ("EXPLAIN FORMAT=JSON", "--batch", ";"),
    ("ANALYZE", "--table", ";"),
    ("ANALYZE", "--table", "\\G"),
    ("ANALYZE FORMAT=JSON", "--table", "\\G"),
    ("ANALYZE FORMAT=JSON", "--table", ";"),
];

/// What the client prints.
fn client(option: &str, statements: &str) -> String {
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "--user=root", option, "--execute", statements, "shop"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What it prints of a statement whose changes are taken back.
fn tried(option: &str, statement: &str) -> String {
    client(option, &format!("START TRANSACTION; {statement} ROLLBACK"))
}

fn plan_text(statement: &Statement, (words, option, end): (&str, &str, &str)) -> String {
    tried(option, &format!("{words} {}{end}", statement.text))
}

fn plan(statement: &Statement, form: (&str, &str, &str)) -> Plan {
    let text = plan_text(statement, form);
    let found = plans::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {form:?}\n{text}"));
    assert_eq!(found.len(), 1, "{form:?}\n{text}");
    assert_eq!(found[0].plan.engine, Engine::MariaDb);
    found.into_iter().next().unwrap().plan
}

#[test]
fn the_forms_of_a_statement_agree() {
    let all =
        [Key::AccessType, Key::IndexName, Key::PossibleKeys, Key::Ref, Key::PlanExaminedRows, Key::KeyLength];
    for statement in STATEMENTS {
        // In JSON MariaDB leaves the length out where an UPDATE walks through all of an index.
        let keys = if statement.name == "update" { &all[..5] } else { &all[..] };
        // Tables of plans do not tell of windows.
        let is_told = |form: &&(&str, &str, &str)| statement.name != "window" || form.0.contains("JSON");
        let mut forms = FORMS.iter().filter(is_told);
        let first = searched(outline(&plan(statement, *forms.next().unwrap()), keys));
        for form in forms {
            let other = searched(outline(&plan(statement, *form), keys));
            assert_eq!(other, first, "{}: {form:?}", statement.name);
        }
    }
}

/// Without what changes the rows: tables of plans do not say that they are of a `DELETE` or `UPDATE`.
fn searched(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() == 2 && lines[0].contains("ModifyTable") {
        lines.remove(0);
        lines[0] = lines[0].replacen('1', "0", 1);
    }
    lines
}

/// Times are those of the whole, and rows those that the client was sent.
#[test]
fn what_was_measured_adds_up() {
    let mut timed = 0;
    for statement in STATEMENTS {
        let plan = plan(statement, FORMS[7]);
        // MariaDB tells no time of what it need not execute.
        let Some(whole) = plan.facts.ns(Key::ExecutionTime) else { continue };
        timed += 1;
        let root = plan.nodes[0].inclusive_ns().unwrap();
        // A subquery that is executed while the statement is planned is not in the time that MariaDB tells of the whole.
        assert!(root + root / 500 >= whole, "{}: {root} of {whole}", statement.name);
        for (number, node) in plan.nodes.iter().enumerate() {
            let below = plan.nodes.iter().filter(|one| one.parent == Some(number as u32));
            let below: u64 = below.filter_map(|one| one.inclusive_ns()).sum();
            assert!(below <= node.inclusive_ns().unwrap_or(below) + 1_000, "{}", statement.name);
        }
    }
    assert!(timed + 4 >= STATEMENTS.len(), "{timed}");
    let counted = |text: &str| client("--batch", text).lines().count() as f64 - 1.0;
    for statement in STATEMENTS.iter().filter(|one| ["equal", "range", "join", "three"].contains(&one.name)) {
        let rows = plan(statement, FORMS[7]).nodes[0].rows().unwrap().round();
        assert_eq!(rows, counted(statement.text), "{}", statement.name);
    }
}

/// Rows that the server reads for a statement, by its own count.
fn rows_read(statement: &Statement) -> u64 {
    let status = "SHOW SESSION STATUS LIKE 'Handler_read%'";
    let told = tried("--batch", &format!("FLUSH STATUS; {}; {status};", statement.text));
    let counts = told.lines().filter_map(|line| line.strip_prefix("Handler_read")?.split_once('\t'));
    counts.filter_map(|(_, count)| count.parse::<u64>().ok()).sum()
}

/// Indexes that are proposed for a statement by its plan, sorted.
fn proposed(statement: &Statement, form: (&str, &str, &str)) -> Vec<String> {
    let text = file("", "sql", statement, statement.text);
    advised(&[text, file("", "txt", statement, &plan_text(statement, form))])
}

/// Those that are proposed by the plan alone.
fn proposed_by_plan(statement: &Statement, form: (&str, &str, &str)) -> Vec<String> {
    advised(&[file("alone", "txt", statement, &plan_text(statement, form))])
}

fn file(folder: &str, end: &str, statement: &Statement, text: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("mariadb_plans").join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{}.{end}", statement.name));
    std::fs::write(&file, text).unwrap();
    file
}

fn advised(files: &[PathBuf]) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
    let output = command.arg("index").args(files).args(["--format", "json"]).output().unwrap();
    let advice: Value = serde_json::from_slice(&output.stdout).unwrap();
    let proposals = advice["proposals"].as_array().unwrap();
    let mut ddl: Vec<String> = proposals.iter().map(|one| one["ddl"].as_str().unwrap().to_owned()).collect();
    ddl.sort();
    ddl
}

/// Rows that the server reads with indexes, which are gone again afterwards.
fn rows_read_with(statement: &Statement, indexes: &[String]) -> u64 {
    client("--batch", &indexes.join(";"));
    let read = rows_read(statement);
    for ddl in indexes {
        let words: Vec<&str> = ddl.split(' ').collect();
        client("--batch", &format!("DROP INDEX {} ON {}", words[2], words[4]));
    }
    read
}

/// From each form: what is proposed makes the server read less. What was executed tells of all that can be helped; estimates
/// may not know that a condition leaves little, and then nothing is proposed.
#[test]
fn proposed_indexes_make_the_server_read_less() {
    let mut by_estimates = 0;
    for statement in STATEMENTS {
        let before = rows_read(statement);
        let mut tried: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        for (form, is_executed) in [(FORMS[7], true), (FORMS[5], true), (FORMS[3], false), (FORMS[0], false)]
        {
            let indexes = proposed(statement, form);
            let place = format!("{}: {form:?}: {indexes:?}", statement.name);
            assert!(statement.is_helpable || indexes.is_empty(), "{place}");
            assert!(!(statement.is_helpable && is_executed) || !indexes.is_empty(), "{place}");
            by_estimates += usize::from(!is_executed && !indexes.is_empty());
            if indexes.is_empty() {
                continue;
            }
            let after =
                *tried.entry(indexes).or_insert_with_key(|indexes| rows_read_with(statement, indexes));
            let bar = if is_executed { before / 2 } else { before * 19 / 20 };
            assert!(after <= bar, "{place}: {before} rows are read before, {after} after");
        }
    }
    assert!(by_estimates >= 30, "{by_estimates}");
}

/// Conditions of the plan are enough where tables have no other names in the statement.
#[test]
fn a_plan_without_its_statement_gets_indexes_that_make_the_server_read_less() {
    let names = ["equal", "two_equal", "range", "rare", "prefix", "one_of", "in_subquery"];
    for statement in STATEMENTS.iter().filter(|one| names.contains(&one.name)) {
        let before = rows_read(statement);
        for form in [FORMS[7], FORMS[3]] {
            let indexes = proposed_by_plan(statement, form);
            let place = format!("{}: {form:?}: {indexes:?}", statement.name);
            assert!(!indexes.is_empty() || form == FORMS[3], "{place}");
            let after = rows_read_with(statement, &indexes);
            assert!(indexes.is_empty() || after <= before / 2, "{place}: {before} -> {after}");
        }
    }
    for statement in STATEMENTS.iter().filter(|one| !one.is_helpable) {
        assert_eq!(proposed_by_plan(statement, FORMS[7]), Vec::<String>::new(), "{}", statement.name);
        // A table of a plan does not tell conditions.
        assert_eq!(proposed_by_plan(statement, FORMS[5]), Vec::<String>::new(), "{}", statement.name);
    }
}
