//! What `whyslow plan` says of recorded plans, in each form.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod schema;

use std::path::Path;
use std::process::{Command, Stdio};

use expect_test::expect_file;
use serde_json::Value;

const UPDATE: &str = "fixtures/plans/postgresql-18/update.json";

/// What the program prints of plans, from the folder of the project.
fn told(arguments: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
    let output =
        command.arg("plan").args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_plan_is_drawn_as_a_tree_with_its_flaws() {
    expect_file!["report/plan.txt"].assert_eq(&told(&[UPDATE, "fixtures/plans/postgresql-18/groupagg.json"]));
}

#[test]
fn absurd_figures_are_drawn() {
    let plan = r#"[{"Plan": {"Node Type": "Append", "Total Cost": 1e308, "Plan Rows": 1e308, "Actual Rows": 1e300,
        "Actual Loops": 1e300, "Actual Total Time": 1e300, "Plans": [{"Node Type": "Seq Scan", "Relation Name": "t",
        "Total Cost": 1e307, "Plan Rows": 1e300, "Actual Loops": 9999999999999999999999, "Actual Total Time": -5,
        "Actual Rows": 1e18}]}, "Execution Time": 1e300}]"#;
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("absurd_figures.json");
    std::fs::write(&path, plan).unwrap();
    for format in ["text", "json", "html"] {
        assert!(told(&[path.to_str().unwrap(), "--format", format]).contains("Seq Scan"), "{format}");
    }
}

#[test]
fn json_is_as_the_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("../docs/plans-v1.schema.json")).unwrap();
    for name in ["update", "groupagg", "incsort", "jit"] {
        let document = told(&[&format!("fixtures/plans/postgresql-18/{name}.json"), "--format", "json"]);
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(schema::violations(&schema, &document), Vec::<String>::new());
        assert_sums(&document["plans"][0]);
    }
}

/// Each nanosecond of the execution is charged once.
fn assert_sums(plan: &Value) {
    let sum = |list: &str, field: &str| {
        plan[list].as_array().unwrap().iter().map(|one| one[field].as_u64().unwrap()).sum::<u64>()
    };
    let Some(execution) = plan["execution_ns"].as_u64() else { return };
    assert_eq!(sum("nodes", "self_ns") + sum("outside", "ns"), execution);
}

#[test]
fn a_page_for_browsers_loads_nothing_and_no_form_has_values() {
    let page = told(&[UPDATE, "--format", "html"]);
    assert!(
        page.contains("<h2>") && ["src=", "<link", "@import", "url("].iter().all(|it| !page.contains(it))
    );
    let secret = r#"{"Query Text": "SELECT 1 FROM t WHERE a = 'hunter2' AND b = 4711",
        "Plan": {"Node Type": "Seq Scan", "Relation Name": "t", "Filter": "((a = 'hunter2'::text) AND (b = 4711))",
        "Total Cost": 10.0, "Plan Rows": 1}}"#;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    std::fs::write(&file, secret).unwrap();
    for form in ["text", "json", "html"] {
        let told = told(&[file.to_str().unwrap(), "--format", form, "-v"]);
        assert!(!told.contains("hunter2") && !told.contains("4711"), "{told}");
    }
}

/// A plan before and after an index, as files of a folder.
fn pair(folder: &Path) -> [String; 2] {
    let plan = |scan: &str, took: f64, pages: u32| {
        format!(
            r#"[{{"Plan": {{"Node Type": "Aggregate", "Strategy": "Plain", "Actual Total Time": {took}, "Actual Rows": 1,
            "Actual Loops": 1, "Plan Rows": 1, "Shared Hit Blocks": {pages}, "Plans": [{{"Parent Relationship": "Outer",
            {scan}, "Relation Name": "orders", "Alias": "o", "Actual Total Time": {took}, "Actual Rows": 40,
            "Actual Loops": 1, "Plan Rows": 38, "Shared Hit Blocks": {pages}}}]}}, "Planning Time": 0.2,
            "Execution Time": {took}}}]"#
        )
    };
    let scans = [
        ("before", plan(r#""Node Type": "Seq Scan", "Filter": "(customer_id = 4711)""#, 84.0, 2_300)),
        (
            "after",
            plan(
                r#""Node Type": "Index Scan", "Index Name": "orders_customer", "Index Cond": "(customer_id = 4711)""#,
                0.25,
                43,
            ),
        ),
    ];
    scans.map(|(name, text)| {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    })
}

#[test]
fn two_plans_of_one_statement_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = pair(folder.path());
    let text = told(&["--compare", &before, &after]);
    for said in [
        "84 ms -> 250 µs   336 times faster",
        "2,300 -> 43",
        "orders o  Seq Scan -> Index Scan by orders_customer",
    ] {
        assert!(text.contains(said), "{text}");
    }
    let document: Value =
        serde_json::from_str(&told(&["--compare", &before, &after, "--format", "json"])).unwrap();
    assert_eq!(document["changes"][0]["kinds"], serde_json::json!(["access", "pages", "time"]));
    assert_eq!(document["before"]["execution_ns"], 84_000_000);
    assert_is_comparison(&document);
    assert!(!document.to_string().contains("4711"));
    assert!(told(&["--compare", &before, &before]).contains("No node is different."));
}

fn assert_is_comparison(document: &Value) {
    let schema: Value = serde_json::from_str(include_str!("../docs/plan-comparison-v1.schema.json")).unwrap();
    assert_eq!(schema::violations(&schema, document), Vec::<String>::new());
}

/// Also of plans that have little in common, and of which one was not executed.
#[test]
fn comparisons_are_as_the_schema_says() {
    let names = ["update", "groupagg", "incsort", "jit"]
        .map(|name| format!("fixtures/plans/postgresql-18/{name}.json"));
    let folder = tempfile::tempdir().unwrap();
    let estimated = folder.path().join("estimated.json");
    std::fs::write(&estimated, r#"{"Plan": {"Node Type": "Result", "Total Cost": 0.01, "Plan Rows": 1}}"#)
        .unwrap();
    for pair in
        [[&*names[0], &*names[1]], [&*names[2], &*names[3]], [estimated.to_str().unwrap(), &*names[0]]]
    {
        let told = told(&["--compare", pair[0], pair[1], "--format", "json"]);
        let document: Value = serde_json::from_str(&told).unwrap();
        assert_is_comparison(&document);
        assert!(!document["changes"].as_array().unwrap().is_empty(), "{told}");
    }
}

#[test]
fn a_comparison_takes_two_files_with_a_plan_each() {
    let refused = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output =
            command.arg("plan").args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = refused(&["--compare", UPDATE]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--compare takes two files, before and after: 1 given"), "{said}");
    let (code, said) = refused(&["--compare", UPDATE, UPDATE, "--format", "html"]);
    assert_eq!(code, Some(2), "{said}");
    if cfg!(feature = "postgres") {
        let (code, said) = refused(&["--compare", "--db", "shop", UPDATE, UPDATE]);
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.contains("'--db <ADDRESS>' cannot be used with '--compare'")
                || said.contains("'--compare' cannot be used with '--db <ADDRESS>'"),
            "{said}"
        );
    }
}

/// A log of auto_explain: statements with what their executions took.
fn logged(folder: &Path, name: &str, plans: &[(&str, f64, &str)]) -> String {
    let lines = plans.iter().map(|(statement, took, scan)| {
        format!(
            "2026-11-29 01:03:03.877 UTC [32042] LOG:  duration: {took:.3} ms  plan:\n\tQuery Text: {statement}\n\
             \t{scan}  (cost=0.00..1000.00 rows=40 width=8) (actual time=0.010..{took:.3} rows=40 loops=1)\n\
             2026-11-29 01:03:03.878 UTC [32042] LOG:  duration: 0.043 ms  statement: ROLLBACK\n"
        )
    });
    let file = folder.join(name);
    std::fs::write(&file, lines.collect::<String>()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn plans_of_two_logs_are_compared_by_their_statements() {
    let folder = tempfile::tempdir().unwrap();
    let orders = |customer: u32| format!("SELECT * FROM orders o WHERE o.customer_id = {customer}");
    let before = [
        (&*orders(4711), 84.0, "Seq Scan on orders o"),
        (&*orders(17), 80.0, "Seq Scan on orders o"),
        ("SELECT 1 FROM users", 9.0, "Seq Scan on users"),
        ("SELECT 1 FROM gone", 5.0, "Seq Scan on gone"),
    ];
    let after = [
        ("SELECT 1 FROM users", 12.0, "Seq Scan on users"),
        (&*orders(99), 0.25, "Index Scan using orders_customer on orders o"),
    ];
    let before = logged(folder.path(), "before.log", &before);
    let after = logged(folder.path(), "after.log", &after);
    let told_json = told(&["--compare", &before, &after, "--format", "json"]);
    let document: Value = serde_json::from_str(&told_json).unwrap();
    assert_is_comparison(&document);
    assert!(!told_json.contains("4711") && !told_json.contains("99\""), "{told_json}");
    let comparisons = document["comparisons"].as_array().unwrap();
    let times = |one: &Value| (one["before"]["execution_ns"].clone(), one["after"]["execution_ns"].clone());
    assert_eq!(comparisons.len(), 2, "{told_json}");
    assert_eq!(times(&comparisons[0]), (84_000_000.into(), 250_000.into()), "the slowest of each log");
    assert_eq!(times(&comparisons[1]), (9_000_000.into(), 12_000_000.into()));
    assert_eq!(comparisons[0]["statement"], "SELECT * FROM orders o WHERE o.customer_id = ?");
    assert_eq!(document["alone"], serde_json::json!([1, 0]));
    let text = told(&["--compare", &before, &after, "--top", "1"]);
    for said in [
        "336 times faster",
        "1 statement differs less: --top",
        "1 statement has a plan in",
        "before.log alone",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // One with a plan that was pasted, and logs that have nothing in common.
    let pasted = folder.path().join("pasted.txt");
    std::fs::write(
        &pasted,
        "EXPLAIN SELECT 1 FROM users;\nSeq Scan on users  (cost=0.00..9.00 rows=40 width=8)\n",
    )
    .unwrap();
    let mixed = told(&["--compare", &before, pasted.to_str().unwrap()]);
    assert!(mixed.contains("SELECT 1 FROM users") || mixed.contains("SELECT ? FROM users"), "{mixed}");
    let other = logged(folder.path(), "other.log", &[("SELECT 1 FROM other", 5.0, "Seq Scan on other")]);
    let output = Command::new(env!("CARGO_BIN_EXE_whyslow"))
        .args(["plan", "--compare", &before, &other])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no statement has a plan in both"));
}

/// A log in which the slowest execution of one statement has its plan.
const LOG: &str = "fixtures/missing-index/visitor-without-an-index/postgresql.log.zst";

/// What is said of plans, as JSON.
fn plans(arguments: &[&str]) -> Value {
    serde_json::from_str(&told(&[arguments, &["--format", "json"]].concat())).unwrap()
}

/// Its plans without their places.
fn without_places(mut report: Value) -> Value {
    for plan in report["plans"].as_array_mut().unwrap() {
        (plan["file"], plan["line"]) = (Value::Null, Value::Null);
    }
    report["plans"].take()
}

fn log() -> String {
    let bytes = zstd::decode_all(std::fs::File::open(LOG).unwrap()).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_log_gives_the_slowest_plan_of_each_statement() {
    let report = plans(&[LOG]);
    let schema: Value = serde_json::from_str(include_str!("../docs/plans-v1.schema.json")).unwrap();
    assert_eq!(schema::violations(&schema, &report), Vec::<String>::new());
    let only = report["plans"].as_array().unwrap();
    assert_eq!((only.len(), &only[0]["file"], &only[0]["line"]), (1, &LOG.into(), &283.into()));
    assert_eq!((&only[0]["execution_ns"], &report["more"]), (&109_239_000.into(), &0.into()));
    assert_sums(&only[0]);
}

#[test]
fn plans_of_logs_are_ordered_by_time_and_the_rest_is_counted() {
    let folder = ["visits-by-an-expression", "visitor-without-an-index", "orders-by-an-index"];
    let logs = folder.map(|case| format!("fixtures/missing-index/{case}/postgresql.log.zst"));
    let logs: Vec<&str> = logs.iter().map(String::as_str).collect();
    let all = plans(&logs);
    let times: Vec<u64> =
        all["plans"].as_array().unwrap().iter().map(|one| one["execution_ns"].as_u64().unwrap()).collect();
    assert!(times.len() >= 3 && times.is_sorted_by(|one, other| one >= other), "{times:?}");
    let first = plans(&[&logs[..], &["--top", "1"]].concat());
    assert_eq!(first["plans"].as_array().unwrap().len(), 1);
    assert_eq!((&first["plans"][0], &first["more"]), (&all["plans"][0], &(times.len() - 1).into()));
    let text = told(&[&logs[..], &["--top", "1"]].concat());
    assert!(text.contains("of logs take less and are left out: --top"), "{text}");
}

#[test]
fn a_log_may_be_long_and_in_an_envelope() {
    let folder = tempfile::tempdir().unwrap();
    let expected = without_places(plans(&[LOG]));
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let long = file("postgresql.log", &log().repeat(100));
    assert!(std::fs::metadata(&long).unwrap().len() > 3 << 20, "more than a block");
    assert_eq!(without_places(plans(&[&long])), expected);
    let line = |line: &str| {
        let record = serde_json::json!({"log": format!("{line}\n"), "stream": "stderr", "time": "2026-11-29T01:02:45Z"});
        format!("{record}\n")
    };
    let docker = file("docker.json", &log().lines().map(line).collect::<String>());
    assert_eq!(without_places(plans(&[&docker])), expected);
}

#[test]
fn a_log_without_plans_says_what_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("postgresql.log");
    let line = "2026-11-29 01:02:45.556 UTC [30701] LOG:  duration: 0.139 ms  statement: SELECT 1\n";
    std::fs::write(&path, line.repeat(20)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
    let output = command.arg("plan").arg(&path).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("auto_explain.log_min_duration"), "{said}");
}

/// A plan of a statement within a function is none that a client sent: a log leaves it out, a few lines show it.
#[test]
fn a_few_lines_out_of_a_log_show_what_is_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pasted.txt");
    let pasted = "2026-11-29 01:02:45.556 UTC [30701] LOG:  duration: 5.139 ms  plan:\n\tQuery Text: SELECT a FROM t\n\
                  \tSeq Scan on t  (cost=0.00..20.00 rows=10 width=8) (actual time=0.010..5.000 rows=10 loops=1)\n\
                  2026-11-29 01:02:45.556 UTC [30701] CONTEXT:  SQL function \"f\" statement 1\n";
    std::fs::write(&path, pasted).unwrap();
    assert_eq!(plans(&[path.to_str().unwrap()])["plans"][0]["nodes"][0]["name"], "Seq Scan");
}
