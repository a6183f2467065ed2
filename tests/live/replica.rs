//! A server with a replica: nothing is built there unless it is meant. `tests/live_postgres.sh` attaches one at the end.

use serde_json::Value;
use whyslow::live::proof::safety;
use whyslow::live::{Connection, Limits, Target};

use super::{address, psql, refused, told, variable, whyslow};

/// The program's arguments to prove an index for a statement in a file.
fn proving<'a>(file: &'a str, address: &'a str) -> Vec<&'a str> {
    vec!["index", file, "--format", "json", "--db", address, "--prove"]
}

fn statement() -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".sql").tempfile().unwrap();
    std::fs::write(file.path(), "SELECT * FROM orders WHERE customer_id = 17").unwrap();
    file
}

#[test]
#[ignore = "needs a replica"]
fn where_a_replica_is_attached_nothing_is_built_unless_it_is_meant() {
    assert_eq!(psql("SELECT count(*) FROM pg_stat_replication"), "1");
    let (file, address) = (statement(), address(""));
    let file = file.path().to_str().unwrap();
    let target = Target::of(&address).unwrap_or_else(|problem| panic!("{problem}"));
    let connection =
        Connection::open(&target, Limits::default()).unwrap_or_else(|problem| panic!("{problem}"));
    let said = safety::check(&connection, &target, None).unwrap_err().to_string();
    assert!(said.contains("attached replicas would get the index, too (1)"), "{said}");
    drop(connection);
    let (code, said) = refused(&proving(file, &address));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("replicas") && said.contains("--build-on 127.0.0.1/shop"), "{said}");

    let meant = [&proving(file, &address)[..], &["--build-on", "127.0.0.1/shop"]].concat();
    let told = told(&meant);
    let advice: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(advice["proposals"][0]["proof"], "proven", "{told}");
    assert_eq!(psql("SELECT count(*) FROM pg_class WHERE relname LIKE 'whyslow%'"), "0");
}

#[test]
#[ignore = "needs a replica"]
fn a_replica_gives_advice_and_builds_nothing() {
    let address = address(&format!("port={}", variable("WHYSLOW_STANDBY_PORT")));
    let file = statement();
    let file = file.path().to_str().unwrap();
    let (code, said) = refused(&[&proving(file, &address)[..], &["--build-on", "127.0.0.1/shop"]].concat());
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("a standby, where no index can be built"), "{said}");
    let output = whyslow(&["index", file, "--db", &address]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && told.contains("(customer_id"), "{told}");
}
