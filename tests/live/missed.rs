//! What only a server knows of statements before any is executed: keys that refer to a row, how rare rows are, types.

use serde_json::Value;

use super::{address, psql, told};

/// Parents with children, and tasks of which nearly all are done.
const TABLES: &str = "CREATE TABLE parents (id bigint PRIMARY KEY);
    INSERT INTO parents SELECT generate_series(1, 1000);
    CREATE TABLE children (id bigint PRIMARY KEY, parent_id bigint REFERENCES parents ON DELETE CASCADE);
    INSERT INTO children SELECT i, 1 + i % 1000 FROM generate_series(1, 100000) i;
    CREATE TABLE tasks (id bigint PRIMARY KEY, above bigint, status text NOT NULL, is_sent boolean NOT NULL, sent_at date, ip inet);
    INSERT INTO tasks SELECT i, i / 3, CASE WHEN i % 50 = 0 THEN 'open' ELSE 'done' END, i % 80 <> 0,
        CASE WHEN i % 90 = 0 THEN date '2026-01-01' END, '10.0.0.0'::inet + (i::bigint * 7919) % 16777216
        FROM generate_series(1, 200000) i;
    ANALYZE parents, children, tasks";

/// Statements, and the index that each gets: what stands behind its table.
const STATEMENTS: [(&str, &str); 9] = [
    ("DELETE FROM parents WHERE id = 7", "children (parent_id)"),
    ("UPDATE parents SET id = 5000 WHERE id = 7", "children (parent_id)"),
    (
        "WITH RECURSIVE c AS (SELECT * FROM tasks WHERE id = 90 UNION ALL SELECT t.* FROM tasks t JOIN c ON c.id = t.above) \
         SELECT count(*), max(above) FROM c",
        "tasks (above)",
    ),
    ("SELECT * FROM tasks WHERE status <> 'done'", "tasks (status) WHERE status <> 'done'"),
    (
        "SELECT * FROM tasks WHERE status NOT IN ('done', 'gone')",
        "tasks (status) WHERE status NOT IN ('done', 'gone')",
    ),
    ("SELECT * FROM tasks WHERE NOT is_sent", "tasks (is_sent) WHERE NOT is_sent"),
    ("SELECT * FROM tasks WHERE sent_at IS NOT NULL", "tasks (sent_at) WHERE sent_at IS NOT NULL"),
    ("SELECT * FROM tasks WHERE ip <<= '10.9.0.0/20'", "tasks (ip)"),
    ("SELECT * FROM tasks WHERE ip >>= '10.9.0.7'", "tasks USING gist (ip inet_ops)"),
];

/// Each is proposed, built, used, and makes its statement at least 1.5 times faster.
#[test]
fn what_the_catalogue_tells_is_proposed_and_proven() {
    psql(TABLES);
    let folder = tempfile::tempdir().unwrap();
    let mut failed = Vec::new();
    for (statement, expected) in STATEMENTS {
        let file = folder.path().join("one.sql");
        std::fs::write(&file, statement).unwrap();
        let file = file.to_str().unwrap();
        let advice = |more: &[&str]| -> Value {
            let address = address("");
            serde_json::from_str(&told(
                &[&["index", file, "--format", "json", "--db", &address], more].concat(),
            ))
            .unwrap()
        };
        let ddl = |advice: &Value| {
            let proposals = advice["proposals"].as_array().unwrap().iter();
            let ddl = proposals
                .map(|one| one["ddl"].as_str().unwrap().replace("CREATE INDEX CONCURRENTLY ON ", ""));
            ddl.collect::<Vec<String>>()
        };
        let (predicted, proven) = (advice(&[]), advice(&["--prove"]));
        if ddl(&predicted) != [expected]
            || ddl(&proven) != [expected]
            || proven["proposals"][0]["proof"] != "proven"
        {
            failed.push(format!("{statement}: {:?}, {proven:#}", ddl(&predicted)));
        }
    }
    // The column of a foreign key that has an index, and rows that are not rare.
    psql("CREATE INDEX ON children (parent_id)");
    let common = [
        "DELETE FROM parents WHERE id = 7",
        "SELECT * FROM tasks WHERE status <> 'open'",
        "SELECT * FROM tasks WHERE is_sent",
    ];
    for statement in common {
        let file = folder.path().join("one.sql");
        std::fs::write(&file, statement).unwrap();
        let advice: Value = serde_json::from_str(&told(&[
            "index",
            file.to_str().unwrap(),
            "--format",
            "json",
            "--db",
            &address(""),
        ]))
        .unwrap();
        if advice["proposals"] != serde_json::json!([]) {
            failed.push(format!("{statement}: {advice:#}"));
        }
    }
    psql("DROP TABLE children, parents, tasks");
    assert_eq!(failed, Vec::<String>::new());
}
