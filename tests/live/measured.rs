//! Rows and blocks of runs, as the server counts them.

use std::fs;

use serde_json::Value;

use super::{address, psql, refused, told};

/// What a run of this statement, sent in ten executions of `psql`, counts together; of the second of three runs.
fn counted(statement: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.json").display().to_string();
    let script =
        format!("for _ in 1 2 3 4 5 6 7 8 9 10; do psql -XqAtc '{statement}' >/dev/null || exit 1; done");
    let database = address("");
    let arguments = [
        "measure",
        "--output",
        &file,
        "--runs",
        "3",
        "--no-traces",
        "--db",
        &database,
        "--",
        "sh",
        "-c",
        &script,
    ];
    told(&arguments);
    let side: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert!(side["side"]["environment"]["facts"]["postgres"].is_string(), "{side}");
    side["side"]["runs"][1]["samples"]["database"]["counts_milli"].clone()
}

#[test]
fn rows_and_blocks_of_a_run_are_counted() {
    psql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
    psql("DROP TABLE IF EXISTS measured");
    psql("CREATE TABLE measured AS SELECT n AS id FROM generate_series(1, 5000) n");
    psql("CREATE INDEX ON measured (id)");
    psql("VACUUM ANALYZE measured");
    let scanned = counted("SELECT count(*) FROM measured WHERE id % 2 = 0");
    let found = counted("SELECT id FROM measured WHERE id = 7");
    let number =
        |counts: &Value, name: &str| counts[name].as_u64().unwrap_or_else(|| panic!("{name}: {counts}"));
    // A command without traces is one request: ten executions, each with one row.
    for counts in [&scanned, &found] {
        assert_eq!((number(counts, "executions"), number(counts, "rows")), (10_000, 10_000), "{counts}");
    }
    // Ten times all rows, and what psql looks up.
    let read = number(&scanned, "rows_read");
    assert!((50_000_000..60_000_000).contains(&read), "{scanned}");
    assert!(number(&found, "rows_read") < 10_000_000, "{found}");
    assert!(number(&scanned, "blocks_hit") > number(&found, "blocks_hit"), "{scanned} {found}");
    psql("DROP TABLE measured");
}

#[test]
fn a_database_that_cannot_be_reached_is_told_before_anything_is_measured() {
    let database = address("dbname=nowhere");
    let (code, told) = refused(&["measure", "--output", "/nonexistent", "--db", &database, "--", "true"]);
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("nowhere"), "{told}");
}
