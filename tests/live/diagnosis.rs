//! `whyslow diagnose --db`: what the server has counted, and how it is doing.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{address, psql, refused, told, wait_until};

fn report(parts: &str) -> Value {
    serde_json::from_str(&told(&["diagnose", "--format", "json", "--db", &address(parts)])).unwrap()
}

fn notes(report: &Value) -> String {
    report["notes"].to_string()
}

#[test]
fn statements_and_health_are_told() {
    psql("SELECT pg_stat_statements_reset()");
    psql("SELECT count(*) FROM orders WHERE status = 'hunter2'");
    let report = report("");
    let text = report.to_string();
    assert!(report["logged"]["executions"].as_u64().unwrap() > 0, "{text}");
    assert!(text.contains("FROM orders WHERE status = ?"), "{text}");
    assert!(!text.contains("hunter2"));
    let notes = notes(&report);
    assert!(notes.contains("index customers_name on customers"), "{notes}");
    assert!(notes.contains("invalid"), "{notes}");
}

/// The holder is told, with who waits for it, also through another.
#[test]
fn who_holds_others_up_is_told() {
    let open = || {
        let mut psql = Command::new("psql");
        psql.arg("--no-psqlrc")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut sessions = [open(), open(), open()];
    for (number, session) in sessions.iter_mut().enumerate() {
        let input = session.stdin.as_mut().unwrap();
        let waits =
            format!("SELECT count(*) = {number} FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
        input.write_all(b"BEGIN; UPDATE orders SET total = 4711 WHERE id = 1;\n").unwrap();
        wait_until("it holds or waits", || {
            psql(&waits) == "t"
                && psql("SELECT count(*) FROM pg_locks WHERE mode = 'RowExclusiveLock'") != "0"
        });
    }
    let notes = notes(&report(""));
    sessions.iter_mut().for_each(|session| session.kill().unwrap());
    psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%4711%' AND pid <> pg_backend_pid()",
    );
    sessions.iter_mut().for_each(|session| {
        let _ = session.wait().unwrap();
    });
    assert!(notes.contains("2 sessions wait for locks of session"), "{notes}");
    assert!(notes.contains("idle in transaction") && !notes.contains("4711"), "{notes}");
}

#[test]
fn a_server_that_counts_nothing_says_how_it_would() {
    let (code, said) = refused(&["diagnose", "--db", &address("dbname=nowhere")]);
    assert_eq!(code, 3);
    assert!(said.contains("does not exist"), "{said}");
}
