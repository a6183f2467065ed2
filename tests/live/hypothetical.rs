//! Hypothetical indexes: what the planner says of proposals, where HypoPG is installed.

use std::fs;

use serde_json::Value;

use super::{address, psql, schema, whyslow};

/// What the program says of statements, as JSON, and what it says beside.
fn advised(statements: &[&str], form: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<String> = (0..statements.len())
        .map(|number| folder.path().join(format!("{number}.sql")).to_str().unwrap().to_owned())
        .collect();
    for (file, statement) in files.iter().zip(statements) {
        fs::write(file, statement).unwrap();
    }
    let address = address("");
    let mut arguments = vec!["index", "--format", form, "--db", &address];
    arguments.extend(files.iter().map(String::as_str));
    let output = whyslow(&arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    (String::from_utf8(output.stdout).unwrap(), said)
}

fn proposals(statements: &[&str]) -> (Value, String) {
    let (told, said) = advised(statements, "json");
    let advice: Value = serde_json::from_str(&told).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../docs/indexes-v1.schema.json")).unwrap();
    assert_eq!(schema::violations(&schema, &advice), Vec::<String>::new());
    (advice, said)
}

const OF_CUSTOMER: &str = "SELECT * FROM orders WHERE customer_id = 17";
const BY_EXPRESSION: &str = "SELECT id FROM orders WHERE total * 7 = 693";
const WITH_PLACEHOLDER: &str = "SELECT * FROM orders WHERE customer_id = $1 ORDER BY created_at LIMIT 5";

#[test]
fn without_the_extension_it_is_named_and_nothing_else_changes() {
    let (advice, said) = proposals(&[OF_CUSTOMER, WITH_PLACEHOLDER]);
    assert_eq!(said.matches("CREATE EXTENSION hypopg").count(), 1, "{said}");
    let proposals = advice["proposals"].as_array().unwrap();
    assert!(!proposals.is_empty() && proposals.iter().all(|one| one["planner"].is_null()), "{advice}");
}

#[test]
fn the_planner_says_what_it_would_use() {
    psql("CREATE SCHEMA elsewhere; CREATE EXTENSION hypopg SCHEMA elsewhere");
    let before = psql("SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class");
    let (advice, said) = proposals(&[OF_CUSTOMER, WITH_PLACEHOLDER]);
    let (text, _) = advised(&[OF_CUSTOMER], "text");
    // Now it does not like any index.
    psql("ALTER ROLE shop IN DATABASE shop SET random_page_cost = 1000000");
    psql("ALTER ROLE shop IN DATABASE shop SET enable_bitmapscan = off");
    let (disliked, _) = proposals(&[OF_CUSTOMER, BY_EXPRESSION]);
    psql("ALTER ROLE shop IN DATABASE shop RESET ALL");
    let after = psql("SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class");
    psql("DROP SCHEMA elsewhere CASCADE");
    assert!(!said.contains("hypopg"), "{said}");
    let proposals = advice["proposals"].as_array().unwrap();
    assert!(!proposals.is_empty() && proposals.iter().all(|one| one["planner"] == "would-use"), "{advice}");
    assert!(text.contains("predicted; the planner would use it (HypoPG)"), "{text}");
    assert_eq!(before, after);
    let left = disliked["proposals"].as_array().unwrap();
    assert_eq!(left.len(), 1, "{disliked}");
    assert!(left[0]["ddl"].as_str().unwrap().contains("total * 7"), "{disliked}");
    assert_eq!(left[0]["planner"], "unclear", "{disliked}");
    assert_eq!(disliked["disproved"][0]["reason"], "the planner would not use it (HypoPG)", "{disliked}");
    assert_eq!(disliked["statements"][0]["refusal"]["kind"], "would-not-be-used", "{disliked}");
}
