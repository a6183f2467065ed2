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
