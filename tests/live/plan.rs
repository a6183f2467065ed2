//! `whyslow plan --db`: plans, and what is refused.

use serde_json::Value;

use super::{address, psql, refused, told, variable, version, whyslow};

fn plan(arguments: &[&str]) -> Value {
    let address = address("");
    let arguments = [&["plan", "--format", "json", "--db", &address], arguments].concat();
    serde_json::from_str(&told(&arguments)).unwrap()
}

#[test]
fn a_statement_is_planned_and_not_executed() {
    let before = psql("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'orders'");
    let report = plan(&["SELECT * FROM orders WHERE status = 'failed';"]);
    let only = &report["plans"][0];
    assert_eq!(only["basis"], "estimated", "{only}");
    assert_eq!(only["execution_ns"], Value::Null);
    assert_eq!(only["nodes"][0]["name"], "Seq Scan");
    assert_eq!(only["statement"]["text"], "SELECT * FROM orders WHERE status = ?");
    assert!(only["file"].as_str().unwrap().starts_with("shop on 127.0.0.1:"));
    assert_eq!(psql("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'orders'"), before);
}

#[test]
fn it_is_executed_when_that_is_asked() {
    let report = plan(&["--analyze", "SELECT * FROM orders WHERE status = 'failed'"]);
    let only = &report["plans"][0];
    assert_eq!(only["nodes"][0]["rows"]["actual"], 400.0, "{only}");
    assert!(only["execution_ns"].as_u64().unwrap() > 0);
}

#[test]
fn placeholders_get_a_plan_for_any_value() {
    let statement = "SELECT * FROM orders WHERE id = $1 AND total > $2";
    if version() < 120_000 {
        let (code, said) = refused(&["plan", "--db", &address(""), statement]);
        assert_eq!(code, 2);
        assert!(said.contains("PostgreSQL 10 and 11 plan those only for values"), "{said}");
    } else {
        let report = plan(&[statement]);
        let only = &report["plans"][0];
        assert_eq!(only["nodes"][0]["name"], "Index Scan", "{only}");
    }
    let (code, said) =
        refused(&["plan", "--db", &address(""), "--analyze", "SELECT * FROM orders WHERE id = $1"]);
    assert_eq!(code, 2);
    assert!(said.contains("it has placeholders"), "{said}");
}

/// A change is planned, and executed by no way of asking.
#[test]
fn no_data_is_changed() {
    let state = "SELECT count(*), sum(total), max(id), (SELECT last_value FROM numbers) FROM orders";
    let before = psql(state);
    plan(&["DELETE FROM orders WHERE id = 1"]);
    plan(&["WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone"]);
    for statement in [
        "DELETE FROM orders",
        "UPDATE orders SET total = 0",
        "WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone",
        "SELECT * INTO copy FROM orders",
        "SELECT * FROM orders FOR UPDATE",
        "SELECT nextval('numbers')",
        "SELECT 1; DELETE FROM orders",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
        "CREATE TABLE x (i int)",
    ] {
        let (code, said) = refused(&["plan", "--db", &address(""), "--analyze", statement]);
        assert_eq!(code, 2, "{statement}: {said}");
        assert!(said.contains("is not executed"), "{statement}: {said}");
    }
    // What only the server can know: a function that writes. Several statements are refused there, too.
    psql("CREATE OR REPLACE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM orders RETURNING 1'");
    for (arguments, reason) in [
        (["--analyze", "SELECT wipe()"], "read-only transaction"),
        (["--timeout=5s", "SELECT 1; DELETE FROM orders"], "multiple commands"),
        (["--timeout=5s", "SELECT 1; COMMIT; DELETE FROM orders"], "multiple commands"),
        (["--timeout=5s", "VACUUM orders"], "syntax error"),
    ] {
        let (code, said) = refused(&["plan", "--db", &address(""), arguments[0], arguments[1]]);
        assert_eq!(code, 3, "{arguments:?}: {said}");
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
    psql("DROP FUNCTION wipe()");
    assert_eq!(psql(state), before);
}

#[test]
fn a_statement_that_takes_too_long_is_ended() {
    let slow = "SELECT count(*) FROM orders a, orders b, orders c";
    let (code, said) = refused(&["plan", "--db", &address(""), "--analyze", "--timeout", "300ms", slow]);
    assert_eq!(code, 3);
    assert!(said.contains("statement timeout"), "{said}");
}

#[test]
fn a_missing_privilege_is_told() {
    let (code, said) =
        refused(&["plan", "--db", &address("user=monitor"), "--analyze", "SELECT * FROM accounts"]);
    assert_eq!(code, 3);
    let what = if version() >= 110_000 { "table" } else { "relation" };
    assert!(said.contains(&format!("permission denied for {what} accounts")), "{said}");
}

#[test]
fn certificates_are_checked_as_far_as_is_asked() {
    let certificate = variable("WHYSLOW_CERTIFICATE");
    let plan = |parts: &str| whyslow(&["plan", "--db", &address(parts), "SELECT 1"]);
    let encrypted =
        "SELECT count(*) FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid() HAVING count(*) = 1";
    for parts in ["sslmode=require".to_owned(), format!("sslmode=verify-ca sslrootcert={certificate}")] {
        assert!(plan(&parts).status.success(), "{parts}");
        let arguments = ["plan", "--format", "json", "--analyze", "--db", &address(&parts), encrypted];
        let report: Value = serde_json::from_str(&told(&arguments)).unwrap();
        assert_eq!(report["plans"][0]["nodes"][0]["rows"]["actual"], 1.0, "{parts}");
    }
    for (parts, reason) in [
        ("sslmode=verify-full sslrootcert=system".to_owned(), "certificate"),
        (format!("host=localhost sslmode=verify-full sslrootcert={certificate}"), "not valid for name"),
    ] {
        let output = plan(&parts);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(reason) && said.contains("sslrootcert=FILE"), "{said}");
    }
    let right =
        format!("host=other.example hostaddr=127.0.0.1 sslmode=verify-full sslrootcert={certificate}");
    assert!(plan(&right).status.success());
}

#[test]
fn what_cannot_be_reached_is_told_with_what_was_tried() {
    for (parts, code, reason) in [
        ("dbname=nowhere", 3, "database \"nowhere\" does not exist; psql --list"),
        ("port=1", 3, "on 127.0.0.1:1 as shop"),
        ("port=1", 3, "nothing listens there"),
        ("host=/nowhere", 3, "no such socket"),
        ("sslmode=sure", 2, "expected disable, prefer"),
        ("passwort=hunter2", 2, "did you mean password?"),
    ] {
        let (own, said) = refused(&["plan", "--db", &address(parts), "SELECT 1"]);
        assert_eq!(own, code, "{parts}: {said}");
        assert!(said.contains(reason) && !said.contains("hunter2"), "{parts}: {said}");
    }
    assert!(
        whyslow(&["plan", "--db", &address(&format!("host={}", variable("WHYSLOW_SOCKET"))), "TABLE orders"])
            .status
            .success()
    );
}
