//! Advice for what logs, traces and statistics tell, with a live server.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{address, told, variable};

/// Statements of an application that binds values, as the server logs them: what was logged since.
fn logged(folder: &Path, statement: &str) -> String {
    let log = variable("WHYSLOW_LOG");
    let before = fs::read(&log).unwrap().len();
    let script = folder.join("script.sql");
    fs::write(&script, format!("\\set customer 4711\n{statement};\n")).unwrap();
    let mut program = Command::new(variable("WHYSLOW_PGBENCH"));
    program.args(["--no-vacuum", "--protocol", "extended", "--transactions", "6", "--file"]).arg(&script);
    program.env("PGOPTIONS", "-c log_min_duration_statement=0").stdout(Stdio::null()).stderr(Stdio::null());
    assert!(program.status().unwrap().success());
    let path = folder.join("postgresql.log");
    fs::write(&path, &fs::read(&log).unwrap()[before..]).unwrap();
    path.display().to_string()
}

fn advice(inputs: &[&str]) -> (Value, String) {
    let database = address("");
    let arguments = [&["index", "--db", &database, "--prove", "--format", "json"], inputs].concat();
    let told = told(&arguments);
    (serde_json::from_str(&told).unwrap(), told)
}

#[test]
fn statements_of_a_log_are_tried_with_its_values() {
    let folder = tempfile::tempdir().unwrap();
    let log = logged(folder.path(), "SELECT total FROM orders WHERE customer_id = :customer ORDER BY id");
    let (advice, told) = advice(&[&log]);
    let only = &advice["proposals"][0];
    assert!(only["ddl"].as_str().unwrap().contains("(customer_id"), "{told}");
    assert_eq!(
        (&only["proof"], &only["measured"][0]["values"]),
        (&"proven".into(), &"recorded".into()),
        "{told}"
    );
    assert_eq!(advice["statements"][0]["executions"], 6);
    let text = super::told(&["index", "--db", &address(""), "--prove", "-v", &log]);
    assert!(
        text.contains("with recorded values") && !text.contains("4711") && !told.contains("4711"),
        "{text}"
    );
}

/// A trace with one statement in each of its requests.
fn trace(folder: &Path, database: &str, statement: &str) -> String {
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let span = |number: u64, name: &str, kind: u32, parent: &str, ends: u64, attributes: Vec<Value>| {
        json!({"traceId": format!("{:032x}", number), "spanId": format!("{:016x}", 2 * number + u64::from(kind == 3)),
            "parentSpanId": parent, "name": name, "kind": kind, "attributes": attributes,
            "startTimeUnixNano": (1_700_000_000_000_000_000 + number * 1_000_000_000).to_string(),
            "endTimeUnixNano": (1_700_000_000_000_000_000 + number * 1_000_000_000 + ends).to_string()})
    };
    let spans = (1..=40).flat_map(|number| {
        let route = vec![attribute("http.request.method", "GET"), attribute("http.route", "/orders")];
        let sent = vec![
            attribute("db.system", "postgresql"),
            attribute("db.name", database),
            attribute("db.statement", statement),
        ];
        let parent = format!("{:016x}", 2 * number);
        [
            span(number, "GET /orders", 2, "", 120_000_000, route),
            span(number, "SELECT", 3, &parent, 100_000_000, sent),
        ]
    });
    let resource = json!({"attributes": [attribute("service.name", "shop")]});
    let spans: Vec<Value> = spans.collect();
    let document = json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]});
    let path = folder.join("trace.json");
    fs::write(&path, document.to_string()).unwrap();
    path.display().to_string()
}

#[test]
fn statements_of_traces_get_plans_and_values_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let statement = "SELECT total FROM orders WHERE customer_id = %s ORDER BY id LIMIT %s";
    let (advice, told) = advice(&[&trace(folder.path(), "shop", statement)]);
    let only = &advice["proposals"][0];
    assert!(only["ddl"].as_str().unwrap().contains("(customer_id"), "{told}");
    assert_eq!(only["proof"], "proven", "{told}");
    assert_ne!(only["measured"][0]["values"], "recorded");
    let statement = &advice["statements"][0];
    assert_eq!((&statement["place"], &statement["executions"]), (&"GET /orders".into(), &40.into()));
    assert_eq!(statement["time_ns"], 4_000_000_000_u64);
}

#[test]
fn statements_of_another_database_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (advice, told) =
        advice(&[&trace(folder.path(), "stock", "SELECT total FROM orders WHERE customer_id = %s")]);
    assert_eq!(advice["statements"], json!([]), "{told}");
}

#[test]
fn statements_of_a_snapshot_keep_its_counts() {
    let folder = tempfile::tempdir().unwrap();
    super::psql("SELECT pg_stat_statements_reset()");
    super::psql("SELECT total FROM orders WHERE customer_id = 17");
    let csv = super::psql("COPY (SELECT * FROM pg_stat_statements) TO STDOUT CSV HEADER");
    super::psql("SELECT pg_stat_statements_reset()");
    let path = folder.path().join("statements.csv");
    fs::write(&path, csv.replace(",1,", ",1000,")).unwrap();
    let (advice, told) = advice(&[path.to_str().unwrap()]);
    assert!(advice["proposals"][0]["ddl"].as_str().unwrap().contains("(customer_id"), "{told}");
    assert_eq!(advice["statements"][0]["executions"], 1000, "{told}");
}

/// What a table was filled with before says nothing of what writers do; what they wrote since is counted with their statements.
#[test]
fn statements_of_the_server_get_advice_by_what_is_written_meanwhile() {
    super::psql("CREATE TABLE journal AS SELECT id, customer_id, total FROM orders");
    super::psql("ANALYZE journal");
    super::psql("SELECT pg_stat_statements_reset()");
    super::psql("SELECT sum(total) FROM journal WHERE customer_id = 17");
    let counted = || -> Value {
        let told = told(&["index", "--db", &address(""), "--format", "json"]);
        serde_json::from_str(&told).unwrap()
    };
    let before = counted();
    super::psql("BEGIN; UPDATE journal SET total = 0; ROLLBACK");
    let after = counted();
    super::psql("DROP TABLE journal");
    assert!(before["proposals"][0]["ddl"].as_str().unwrap().contains("(customer_id"), "{before}");
    let searched = after["statements"].as_array().unwrap().iter();
    let mut kinds = searched
        .filter(|one| one["text"].as_str().unwrap().contains("customer_id = ?"))
        .map(|one| &one["refusal"]["kind"]);
    assert_eq!(kinds.next().unwrap(), "write-cost", "{after}");
}
