//! What `whyslow index` says of recorded statements and plans.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod schema;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use expect_test::expect_file;
use serde_json::Value;

const NAMES: [&str; 4] =
    ["delete_order", "orders_of_user_by_email", "orders_on_a_day_of_the_session", "pending_orders"];

fn run(arguments: &[String]) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
    command.arg("index").args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

/// What the program prints of the fixtures, from the folder of the project.
fn told(more: &[&str]) -> String {
    let files = NAMES
        .iter()
        .flat_map(|name| ["sql", "plan.json"].map(|end| format!("fixtures/indexes/{name}.{end}")));
    let arguments: Vec<String> = files.chain(more.iter().map(|one| (*one).to_owned())).collect();
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn proposals_come_first_and_refusals_have_their_reason() {
    expect_file!["report/indexes.txt"].assert_eq(&told(&["-v"]));
}

#[test]
fn json_is_as_the_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("../docs/indexes-v1.schema.json")).unwrap();
    let document: Value = serde_json::from_str(&told(&["--format", "json"])).unwrap();
    assert_eq!(schema::violations(&schema, &document), Vec::<String>::new());
    assert!(document["proposals"].as_array().unwrap().len() >= 4);
}

#[test]
fn estimates_claim_no_number_of_rows_that_are_read() {
    let plan = "EXPLAIN SELECT kind, count(*) FROM events GROUP BY kind;\n\
        HashAggregate  (cost=14843.00..14843.40 rows=40 width=12)\n  Group Key: kind\n\
        \x20 ->  Seq Scan on events  (cost=0.00..13343.00 rows=300000 width=4)\n";
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("estimates.txt");
    std::fs::write(&path, plan).unwrap();
    let output = run(&[path.to_str().unwrap().to_owned()]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("it needs an estimated 300,000 rows of events"), "{told}");
}

#[test]
fn no_value_is_shown() {
    for form in ["text", "json"] {
        let told = told(&["--format", form, "-v"]);
        assert!(!told.contains('@') && !told.contains("2026-"), "{told}");
    }
}

#[test]
fn what_is_neither_a_plan_nor_a_statement_is_refused() {
    let output = run(&["Cargo.toml".to_owned()]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read Cargo.toml"));
}

const CASE: &str = "fixtures/missing-index/visitor-without-an-index";

/// The advice of these inputs, with files of a folder.
fn advice(arguments: &[&str]) -> Value {
    let arguments = arguments.iter().map(|one| (*one).to_owned()).chain(["--format".into(), "json".into()]);
    let output = run(&arguments.collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A log in a file of its own.
fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn executions_of_a_log_weigh_and_its_plans_give_the_rows() {
    let advice = advice(&[&format!("{CASE}/postgresql.log.zst")]);
    let proposal = &advice["proposals"][0];
    assert_eq!(proposal["ddl"], "CREATE INDEX CONCURRENTLY ON visits (visitor, id)");
    let statement = &advice["statements"][0];
    assert_eq!((&statement["executions"], &statement["time_ns"]), (&20.into(), &1_613_572_000_u64.into()));
    let saved = proposal["saved_ns"].as_u64().unwrap();
    assert!((1_600_000_000..1_613_572_000).contains(&saved), "{saved}");
    assert!(statement["place"].as_str().unwrap().ends_with("postgresql.log.zst:414"), "{statement}");
}

#[test]
fn what_several_tell_of_a_statement_is_not_added() {
    let (log, trace) = (format!("{CASE}/postgresql.log.zst"), format!("{CASE}/trace.otlp.zst"));
    let both = advice(&[&log, &trace]);
    assert_eq!(both["statements"][0]["executions"], 20);
    let alone = advice(&[&trace]);
    assert_eq!(alone["statements"][0]["place"], "GET /visitor/{number}");
    assert_eq!(alone["statements"][0]["refusal"]["kind"], "no-plan");
    assert!(alone["statements"][0]["time_ns"].as_u64().unwrap() > 1_613_572_000, "the client waits longer");
}

#[test]
fn logs_plans_and_statements_may_come_together_and_in_folders() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["pending_orders.sql", "pending_orders.plan.json"] {
        std::fs::copy(format!("fixtures/indexes/{name}"), folder.path().join(name)).unwrap();
    }
    file(folder.path(), "notes.txt", "nothing of interest");
    let advice = advice(&[folder.path().to_str().unwrap(), &format!("{CASE}/postgresql.log.zst")]);
    let mut tables: Vec<&str> =
        advice["proposals"].as_array().unwrap().iter().map(|one| one["table"].as_str().unwrap()).collect();
    tables.sort_unstable();
    assert_eq!(tables, ["orders", "visits"]);
    let note = advice["notes"][0].as_str().unwrap();
    assert!(note.ends_with("notes.txt: neither evidence nor a plan nor a statement"), "{note}");
}

/// A log with a statement of two executions, a plan of one of them, and rows that are written.
fn log(statuses: [&str; 2], inserts: usize) -> String {
    let line = |pid: usize, text: &str| format!("2026-11-29 03:00:00.000 UTC [{pid}] LOG:  {text}\n");
    let query =
        |status: &str| format!("SELECT * FROM orders WHERE status = '{status}' ORDER BY created_at LIMIT 20");
    let plan = format!(
        "duration: 100.000 ms  plan:\n\tQuery Text: {}\n\
         \tLimit  (cost=2000.00..2000.05 rows=20 width=90) (actual time=99.500..99.600 rows=20 loops=1)\n\
         \t  ->  Sort  (cost=2000.00..2002.50 rows=1000 width=90) (actual time=99.500..99.550 rows=20 loops=1)\n\
         \t        Sort Key: created_at\n\
         \t        Sort Method: top-N heapsort  Memory: 26kB\n\
         \t        ->  Seq Scan on orders  (cost=0.00..1900.00 rows=1000 width=90) (actual time=0.010..98.000 rows=1000 loops=1)\n\
         \t              Filter: (status = '{}'::text)\n\
         \t              Rows Removed by Filter: 999000",
        query(statuses[0]),
        statuses[0]
    );
    let executed =
        statuses.map(|status| line(7, &format!("duration: 100.000 ms  statement: {}", query(status))));
    let insert = line(8, "duration: 0.100 ms  statement: INSERT INTO orders (status) VALUES ('new')");
    format!("{}{}{}", line(7, &plan), executed.concat(), insert.repeat(inserts))
}

#[test]
fn a_class_that_only_some_executions_name_makes_no_partial_index() {
    let folder = tempfile::tempdir().unwrap();
    let ddl = |statuses| {
        let log = file(folder.path(), "postgresql.log", &log(statuses, 0));
        advice(&[&log])["proposals"][0]["ddl"].as_str().unwrap().to_owned()
    };
    let always = ddl(["failed", "failed"]);
    assert!(always.ends_with("WHERE status = 'failed'"), "{always}");
    let varying = ddl(["failed", "pending"]);
    assert!(!varying.contains("WHERE") && varying.contains("(status, created_at)"), "{varying}");
}

#[test]
fn rows_that_the_log_tells_of_are_what_an_index_costs() {
    let folder = tempfile::tempdir().unwrap();
    let kind = |inserts| {
        let log = file(folder.path(), "postgresql.log", &log(["failed", "failed"], inserts));
        let advice = advice(&[&log]);
        let is_read = |one: &&Value| one["text"].as_str().unwrap().starts_with("SELECT");
        advice["statements"].as_array().unwrap().iter().find(is_read).unwrap()["refusal"]["kind"].clone()
    };
    assert_eq!(kind(1_000), Value::Null);
    assert_eq!(kind(100_000), "write-cost");
}

#[test]
fn statements_of_another_server_are_left_out_and_counted() {
    let slow = "fixtures/formats/mysql-slow-log/mariadb-10.11-recorded.log";
    let advice = advice(&[slow, &format!("{CASE}/postgresql.log.zst")]);
    let notes = advice["notes"].to_string();
    assert!(notes.contains("of other database servers are left out"), "{notes}");
    let alone = self::advice(&[slow]);
    let hint = alone["statements"][0]["refusal"]["reason"].as_str().unwrap();
    assert!(hint.contains("EXPLAIN FORMAT=JSON"), "{hint}");
}

#[test]
fn what_stands_beside_statements_is_counted_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let text = "SELECT * FROM orders WHERE id = 7;\nSELEC * FROM orders;\n-- nothing\nSET x = 1;\nSELECT FROM WHERE;\n";
    let beside = file(folder.path(), "top.sql", text);
    let advice = advice(&[&beside]);
    let note = format!("left out: 2 texts that are no statements that search rows: {beside}:2, {beside}:4");
    assert_eq!(advice["notes"], serde_json::json!([note]));
    let kinds: Vec<&Value> =
        advice["statements"].as_array().unwrap().iter().map(|one| &one["refusal"]["kind"]).collect();
    assert_eq!(kinds, ["no-plan", "not-understood"]);
    let without = file(folder.path(), "clean.sql", "SELECT * FROM orders WHERE id = 7;\n");
    assert_eq!(self::advice(&[&without])["notes"], serde_json::json!([]));
}
