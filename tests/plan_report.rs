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
