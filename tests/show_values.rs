//! Values of statements: in no output, unless `--show-values` asks for them, and then in their place alone.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const OUTPUTS: [&str; 5] = ["text", "json", "markdown", "html", "sarif"];

const SECRET: &str = "hunter2secret";

/// A loop of a transaction, statements with parameters, an error, and one with a control character.
fn log() -> String {
    let mut lines = Vec::new();
    let mut at_ms = 0;
    let mut line = |took_ms: u32, what: &str| {
        at_ms += took_ms;
        let (seconds, ms) = (at_ms / 1_000, at_ms % 1_000);
        let prefix = format!("2026-11-23 21:45:{seconds:02}.{ms:03} UTC [2572] app@shop ");
        lines.push(format!("{prefix}{what}"));
        prefix
    };
    for turn in 0..20 {
        line(0, "LOG:  duration: 0.010 ms  statement: BEGIN");
        line(2, "LOG:  duration: 1.500 ms  statement: SELECT id FROM orders WHERE day = 'hunter2secret-day'");
        for number in 0..30 {
            let ms = if (turn, number) == (3, 17) { 9 } else { 5 };
            let key = format!("{SECRET}-{turn}-{number}");
            line(
                ms,
                &format!("LOG:  duration: {ms}.000 ms  statement: SELECT * FROM users WHERE token = '{key}'"),
            );
        }
        line(0, "LOG:  duration: 0.010 ms  statement: COMMIT");
        line(
            200,
            "LOG:  duration: 190.000 ms  execute <unnamed>: SELECT sum(x) FROM big WHERE a = $1 AND b = 7741",
        );
        line(0, &format!("DETAIL:  parameters: $1 = '{SECRET}\u{1b}[31m'"));
        line(1, &format!("ERROR:  duplicate key value violates unique constraint \"{SECRET}\""));
        line(0, &format!("DETAIL:  Key (mail)=({SECRET}) already exists."));
        line(0, &format!("STATEMENT:  INSERT INTO users VALUES ('{SECRET}')"));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn diagnose(folder: &Path, words: &[&str]) -> Output {
    std::fs::write(folder.join("server.log"), log()).unwrap();
    let whyslow = Path::new(env!("CARGO_BIN_EXE_whyslow"));
    Command::new(whyslow)
        .current_dir(folder)
        .args(["diagnose", "server.log", "-v"])
        .args(words)
        .output()
        .unwrap()
}

fn told(words: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = diagnose(folder.path(), words);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn no_value_is_in_any_output() {
    for output in OUTPUTS {
        let report = told(&["--format", output]);
        assert!(report.contains("n-plus-one"), "{output}: {report}");
        assert!(!report.contains("hunter2") && !report.contains("7741"), "{output}: {report}");
        assert!(!report.contains("values shown"), "{output}");
    }
}

/// Removes what may hold values, and returns it.
fn examples(value: &mut Value) -> Vec<Value> {
    match value {
        Value::Object(members) => {
            let own = members.get_mut("example").map(Value::take);
            let below = members.values_mut().flat_map(examples);
            own.into_iter().filter(|example| !example.is_null()).chain(below).collect()
        }
        Value::Array(items) => items.iter_mut().flat_map(examples).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_slowest_execution_is_shown_where_that_is_asked_for() {
    let mut report: Value = serde_json::from_str(&told(&["--show-values", "--format", "json"])).unwrap();
    let finding = report["findings"].as_array().unwrap().iter();
    let finding = finding.clone().find(|finding| finding["detector"] == "n-plus-one").unwrap();
    let slowest = "SELECT * FROM users WHERE token = 'hunter2secret-3-17'";
    assert_eq!(finding["example"]["text"], slowest);
    assert_eq!(finding["example"]["duration_ns"], 9_000_000);
    assert_eq!(finding["example"]["place"], "server.log:134");
    let examples = examples(&mut report);
    let summed = examples.iter().find(|example| example["text"].as_str().unwrap().contains("7741")).unwrap();
    assert_eq!(summed["parameters"], "$1 = 'hunter2secret\u{fffd}[31m'");
    let rest = report.to_string();
    assert!(!rest.contains("hunter2") && !rest.contains("7741"), "elsewhere: {rest}");
    assert!(rest.contains("values shown (--show-values)"), "{}", report["notes"]);
}

#[test]
fn pages_mark_what_they_show() {
    for output in ["text", "markdown", "html"] {
        let report = told(&["--show-values", "--format", output]);
        assert!(
            report.contains("hunter2secret-3-17") && report.contains("values shown"),
            "{output}: {report}"
        );
        assert!(!report.contains('\u{1b}') && !report.contains("already exists"), "{output}");
    }
    assert!(!told(&["--show-values", "--format", "sarif"]).contains("hunter2"));
}

#[test]
fn what_is_shown_does_not_depend_on_threads() {
    let reports =
        ["1", "3"].map(|threads| told(&["--show-values", "--format", "json", "--threads", threads]));
    assert_eq!(reports[0], reports[1]);
}

#[test]
fn a_comparison_has_no_values() {
    let folder = tempfile::tempdir().unwrap();
    let output = diagnose(folder.path(), &["server.log", "--compare", "--show-values"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn slow_logs_have_them_too() {
    let folder = tempfile::tempdir().unwrap();
    let event = |second: u32, key: &str| {
        format!(
            "# Time: 2026-11-23T21:35:{second:02}.000140Z\n# User@Host: a[a] @ localhost []  Id:     8\n\
             # Query_time: {second}.000100  Lock_time: 0.000002 Rows_sent: 1  Rows_examined: 9000\n\
             SET timestamp=1763933700;\nSELECT *\n  FROM t WHERE a = '{key}';\n"
        )
    };
    let log: String = (1..30).map(|second| event(second, &format!("{SECRET}{second}"))).collect();
    std::fs::write(folder.path().join("slow.log"), log).unwrap();
    let report = |words: &[&str]| {
        let whyslow = Path::new(env!("CARGO_BIN_EXE_whyslow"));
        let command = Command::new(whyslow)
            .current_dir(folder.path())
            .args(["diagnose", "slow.log"])
            .args(words)
            .output();
        String::from_utf8(command.unwrap().stdout).unwrap()
    };
    assert!(!report(&[]).contains("hunter2"));
    let shown = report(&["--show-values", "--format", "json"]);
    assert!(shown.contains("SELECT *   FROM t WHERE a = 'hunter2secret29'"), "{shown}");
    assert!(!shown.contains("hunter2secret28"), "{shown}");
}
