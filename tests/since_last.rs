//! `--since-last`: what came to logs is read once, whatever becomes of the files.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Lines of a PostgreSQL log, from one number on.
fn lines(numbers: std::ops::Range<u32>) -> String {
    let line = |number: u32| {
        format!(
            "2026-11-23 21:{:02}:{:02}.000 UTC [4711] LOG:  duration: 1.000 ms  statement: SELECT a FROM t WHERE id = {number}\n",
            number / 60,
            number % 60
        )
    };
    numbers.map(line).collect()
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_whyslow"))
        .args(["diagnose", "logs", "--since-last", "--state", "state/since.json", "--format", "json"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Executions that a run tells of, and the place of the slowest; nothing where there is no report.
fn executions(folder: &Path) -> u64 {
    let output = run(folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    match output.stdout.is_empty() {
        true => 0,
        false => {
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            report["logged"]["executions"].as_u64().unwrap()
        }
    }
}

struct Logs(tempfile::TempDir);

impl Logs {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join("logs").join(name)
    }

    fn executions(&self) -> u64 {
        executions(self.0.path())
    }
}

#[test]
fn what_is_appended_is_read_once() {
    let logs = Logs::new();
    append(&logs.path("a.log"), &lines(0..100));
    assert_eq!(logs.executions(), 100, "the first time");
    assert_eq!(logs.executions(), 0, "nothing new");
    append(&logs.path("a.log"), &lines(100..130));
    append(&logs.path("a.log"), "2026-11-23 21:55:00.000 UTC [4711] LOG:  dur");
    append(&logs.path("b.log"), &lines(0..7));
    assert_eq!(logs.executions(), 37, "and a line that is being written");
    append(&logs.path("a.log"), "ation: 1.000 ms  statement: SELECT 1\n");
    let output = run(logs.0.path(), &[]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["logged"]["executions"], 1);
    let place = report["logged"]["by_time"][0]["slowest"].as_str().unwrap();
    assert_eq!(place, "logs/a.log:131");
    let note = report["notes"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|note| note.as_str().filter(|note| note.starts_with("since the last time")));
    assert!(note.unwrap().contains("1 log that goes on, 1 log without anything new"), "{note:?}");
}

#[test]
fn rotated_and_compressed_logs_go_on() {
    let logs = Logs::new();
    append(&logs.path("a.log"), &lines(0..100));
    assert_eq!(logs.executions(), 100);
    append(&logs.path("a.log"), &lines(100..110));
    fs::rename(logs.path("a.log"), logs.path("a.log.1")).unwrap();
    append(&logs.path("a.log"), &lines(200..205));
    assert_eq!(logs.executions(), 15, "renamed");
    let rotated = fs::read(logs.path("a.log.1")).unwrap();
    let compressed = zstd::encode_all(&rotated[..], 1).unwrap();
    fs::write(logs.path("a.log.2.zst"), compressed).unwrap();
    fs::remove_file(logs.path("a.log.1")).unwrap();
    assert_eq!(logs.executions(), 0, "compressed");
    assert_eq!(logs.executions(), 0, "and seen again");
    append(&logs.path("a.log"), &lines(205..207));
    assert_eq!(logs.executions(), 2);
}

#[test]
fn what_came_before_a_log_was_compressed_is_not_lost() {
    let logs = Logs::new();
    append(&logs.path("a.log"), &lines(0..100));
    assert_eq!(logs.executions(), 100);
    append(&logs.path("a.log"), &lines(100..110));
    let whole = fs::read(logs.path("a.log")).unwrap();
    fs::write(logs.path("a.log.1.zst"), zstd::encode_all(&whole[..], 1).unwrap()).unwrap();
    fs::remove_file(logs.path("a.log")).unwrap();
    assert_eq!(logs.executions(), 10);
}

#[test]
fn a_log_that_is_copied_and_truncated_is_begun_anew() {
    let logs = Logs::new();
    append(&logs.path("a.log"), &lines(0..100));
    assert_eq!(logs.executions(), 100);
    append(&logs.path("a.log"), &lines(100..103));
    fs::copy(logs.path("a.log"), logs.path("a.log.1")).unwrap();
    fs::write(logs.path("a.log"), lines(300..320)).unwrap();
    assert_eq!(logs.executions(), 23);
    append(&logs.path("a.log"), &lines(320..321));
    assert_eq!(logs.executions(), 1);
}

#[test]
fn a_log_that_begins_alike_and_goes_on_otherwise_is_another() {
    let logs = Logs::new();
    append(&logs.path("a.log"), &lines(0..100));
    assert_eq!(logs.executions(), 100);
    // The first 4 KB are the same; it is longer than before.
    fs::write(logs.path("a.log"), lines(0..60) + &lines(400..480)).unwrap();
    assert_eq!(logs.executions(), 140);
}

#[test]
fn a_run_that_fails_remembers_nothing() {
    let logs = Logs::new();
    append(&logs.path("a.log"), &lines(0..10));
    let refused = run(logs.0.path(), &["--output", "nowhere/report.json"]);
    assert_ne!(refused.status.code(), Some(0));
    assert_eq!(logs.executions(), 10);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let logs = Logs::new();
    append(&logs.path("a.log"), &lines(0..10));
    assert_eq!(run(logs.0.path(), &["-"]).status.code(), Some(2));
    assert_eq!(run(logs.0.path(), &["--compare"]).status.code(), Some(2));
    fs::create_dir(logs.0.path().join("state")).unwrap();
    fs::write(logs.0.path().join("state/since.json"), "{}").unwrap();
    let output = run(logs.0.path(), &[]);
    assert_ne!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("remove it to begin anew"), "{said}");
}
