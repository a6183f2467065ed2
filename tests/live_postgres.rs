//! A live PostgreSQL, asked. `tests/live_postgres.sh` starts one and runs this.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]
#![cfg(feature = "postgres")]

#[path = "live/block_ranges.rs"]
mod block_ranges;
#[path = "live/catalogue.rs"]
mod catalogue;
#[path = "live/diagnosis.rs"]
mod diagnosis;
#[path = "live/hypothetical.rs"]
mod hypothetical;
#[cfg(all(feature = "client", feature = "receiver"))]
#[path = "live/measured.rs"]
mod measured;
#[path = "live/missed.rs"]
mod missed;
#[path = "live/plan.rs"]
mod plan;
#[path = "live/proof.rs"]
mod proof;
#[path = "live/replica.rs"]
mod replica;
mod schema;
#[path = "live/workload.rs"]
mod workload;

use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The program with these arguments.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn whyslow(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// What it prints; it must end well.
fn told(arguments: &[&str]) -> String {
    let output = whyslow(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Its exit code and what it says; it must fail.
fn refused(arguments: &[&str]) -> (i32, String) {
    let output = whyslow(arguments);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{arguments:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// What the server says by another program.
fn psql(statement: &str) -> String {
    let mut command = Command::new("psql");
    command.args([
        "--no-psqlrc",
        "--quiet",
        "--tuples-only",
        "--no-align",
        "--set",
        "ON_ERROR_STOP=1",
        "--command",
    ]);
    let output = command.arg(statement).output().unwrap();
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The version of the server, as `server_version_num`.
fn version() -> u32 {
    psql("SHOW server_version_num").parse().unwrap()
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run tests/live_postgres.sh"))
}

/// An address with these parts beside those of the environment.
fn address(parts: &str) -> String {
    variable("WHYSLOW_SOCKET");
    format!("dbname=shop {parts}")
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        sleep(Duration::from_millis(50));
    }
}
