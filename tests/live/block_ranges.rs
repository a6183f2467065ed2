//! BRIN: proposed where the server says that rows lie in the order of a column, and proven by building it.

use serde_json::Value;

use super::{address, psql, told};

/// A million rows in the order of their time, with a value that lies anywhere.
const READINGS: &str = "CREATE TABLE readings (at timestamptz NOT NULL, anywhere int NOT NULL, text text NOT NULL);
    INSERT INTO readings SELECT timestamptz '2024-01-01' + i * interval '1 minute', (i::bigint * 7919) % 1000000, 'some text'
    FROM generate_series(1, 1000000) i;
    ANALYZE readings";

fn proposals(statement: &str, more: &[&str]) -> (Vec<Value>, String) {
    let file = std::env::temp_dir().join(format!("whyslow-readings-{}.sql", std::process::id()));
    std::fs::write(&file, statement).unwrap();
    let address = address("");
    let arguments =
        [&["index", file.to_str().unwrap(), "--format", "json", "--db", &address][..], more].concat();
    let told = told(&arguments);
    std::fs::remove_file(&file).unwrap();
    let advice: Value = serde_json::from_str(&told).unwrap();
    (advice["proposals"].as_array().unwrap().clone(), told)
}

#[test]
fn many_rows_that_lie_together_are_found_by_block_ranges() {
    psql(READINGS);
    let range = |column: &str, from: &str, to: &str| {
        format!(
            "SELECT text, count(*) FROM readings WHERE {column} >= {from} AND {column} < {to} GROUP BY text"
        )
    };
    let (many, told) = proposals(&range("at", "'2024-05-01'", "'2024-06-15'"), &["--prove"]);
    let (few, few_told) = proposals(&range("at", "'2024-05-01 10:00'", "'2024-05-01 10:10'"), &[]);
    let (anywhere, anywhere_told) = proposals(&range("anywhere", "1000", "61000"), &["--prove"]);
    psql("DROP TABLE readings");
    assert_eq!(many.len(), 1, "{told}");
    assert_eq!(many[0]["ddl"], "CREATE INDEX CONCURRENTLY ON readings USING brin (at)", "{told}");
    assert_eq!(many[0]["proof"], "proven", "{told}");
    assert!(many[0]["bytes"].as_u64().unwrap() < 100_000, "{told}");
    assert_eq!(few[0]["ddl"], "CREATE INDEX CONCURRENTLY ON readings (at)", "{few_told}");
    assert!(few_told.contains("USING brin (at)") && few_told.contains(" instead of "), "{few_told}");
    assert!(anywhere.iter().all(|one| !one["ddl"].as_str().unwrap().contains("brin")), "{anywhere_told}");
    assert!(!anywhere_told.contains("brin"), "{anywhere_told}");
}
