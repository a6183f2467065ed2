//! `whyslow measure` and `whyslow next`: from the first measurement to an entry of the ledger, in a real repository.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod schema;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const WHYSLOW: &str = env!("CARGO_BIN_EXE_whyslow");

fn whyslow(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(WHYSLOW).args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

/// What a command of the shell that succeeds writes; `whyslow` is the program that is tested.
fn shell(folder: &Path, command: &str) -> String {
    let programs = folder.join(".git/programs");
    if !programs.exists() {
        fs::create_dir_all(&programs).unwrap();
        std::os::unix::fs::symlink(WHYSLOW, programs.join("whyslow")).unwrap();
    }
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let output =
        Command::new("sh").args(["-c", command]).current_dir(folder).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A repository with a program that takes some time.
fn repository() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    shell(folder.path(), "git init --quiet && git config user.name A && git config user.email a@example.org");
    commit(folder.path(), "sleep 0.25", "as it was found");
    folder
}

fn commit(folder: &Path, program: &str, message: &str) {
    fs::write(folder.join("work.sh"), format!("{program}\n")).unwrap();
    shell(folder, &format!("git add --all && git commit --quiet --message '{message}'"));
}

const STASH: &str = "git stash push --include-untracked -- ':/' ':(top,exclude).whyslow'";

/// The step of `whyslow next`, and the first of its commands.
fn next(folder: &Path) -> (String, String) {
    let advice: Value = serde_json::from_str(&shell(folder, "whyslow next --format json")).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../docs/next-v1.schema.json")).unwrap();
    assert_eq!(schema::violations(&schema, &advice), Vec::<String>::new());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&advice["step"]), text(&advice["commands"][0]))
}

#[test]
fn doing_what_next_says_ends_in_an_entry_that_holds() {
    let folder = repository();
    let here = folder.path();
    assert_eq!(next(here).0, "diagnose");
    shell(here, "whyslow ledger start 'sleep less' --primary mean");
    assert_eq!(next(here).0, "measure-before");
    shell(here, "whyslow measure --side before --runs 5 --no-traces -- sh work.sh");
    assert_eq!(next(here).0, "change");

    commit(here, "sleep 0.03", "sleep less");
    fs::write(here.join("other"), "a second change").unwrap();
    assert_eq!(next(here), ("take-back".to_owned(), STASH.to_owned()));
    // New files are taken back, too.
    shell(here, STASH);
    assert!(!here.join("other").exists());

    let (step, command) = next(here);
    assert_eq!(step, "measure-after");
    assert_eq!(command, "whyslow measure --side after --runs 5 --no-traces -- sh work.sh");
    shell(here, &command);
    let (step, command) = next(here);
    assert_eq!(step, "finish");
    shell(here, &command);
    assert!(shell(here, "whyslow ledger list").contains("improved"));
    shell(here, "whyslow ledger verify");
    assert_eq!(next(here).0, "guard");
    assert_eq!(shell(here, "git status --porcelain --untracked-files=all").matches("open.json").count(), 0);
}

#[test]
fn two_commits_are_measured_in_turns_and_leave_no_trees() {
    let folder = repository();
    commit(folder.path(), "sleep 0.01", "sleep less");
    let measured =
        ["measure", "--ab", "HEAD~1", "HEAD", "--runs", "2", "--output", "kept", "--", "sh", "work.sh"];
    assert!(whyslow(folder.path(), &measured).status.success());
    let side = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(folder.path().join("kept").join(name)).unwrap()).unwrap()
    };
    let slots = |side: &Value| -> Vec<u64> {
        side["side"]["runs"].as_array().unwrap().iter().map(|run| run["slot"].as_u64().unwrap()).collect()
    };
    let took = |side: &Value| side["side"]["runs"][0]["samples"][""]["latency"]["ps"].as_u64().unwrap();
    let (before, after) = (side("before.json"), side("after.json"));
    assert_eq!((slots(&before), slots(&after)), (vec![0, 3], vec![1, 2]));
    assert!(took(&before) > 60_000_000_000 && took(&after) < took(&before));
    assert_ne!(before["side"]["version"]["commit"], after["side"]["version"]["commit"]);
    assert_eq!(shell(folder.path(), "git worktree list").lines().count(), 1);
}

#[test]
fn a_change_below_what_the_same_version_is_apart_is_not_claimed() {
    let folder = repository();
    let here = folder.path();
    shell(here, "whyslow ledger start 'sleep less' --primary mean");
    let measure = |side: &str| format!("whyslow measure {side} --runs 3 --no-traces -- sh work.sh");
    // Every other run takes six times as long, and each counts the runs: far more than a busy machine adds.
    let uneven =
        "n=$(cat .git/n 2>/dev/null || echo 0); echo $((n + 1)) > .git/n; sleep 0.$((n % 2 * 5 + 1))";
    commit(here, uneven, "uneven");
    shell(here, &measure("--aa"));
    let open: Value =
        serde_json::from_str(&fs::read_to_string(here.join(".whyslow/open.json")).unwrap()).unwrap();
    let slots = |side: usize| -> Vec<u64> {
        let runs = open["unchanged"][side]["runs"].as_array().unwrap().iter();
        runs.map(|run| run["slot"].as_u64().unwrap()).collect()
    };
    assert_eq!((slots(0), slots(1)), (vec![0, 3, 4], vec![1, 2, 5]));
    assert_eq!(open["unchanged"][0]["version"], open["unchanged"][1]["version"]);
    commit(here, "sleep 0.6", "as it was measured before");
    shell(here, &measure("--side before"));
    commit(here, "sleep 0.15", "sleep less");
    shell(here, &measure("--side after"));
    let page = shell(here, "whyslow ledger finish");
    assert!(page.contains("The same version on both sides, 3 runs each in turns, was "), "{page}");
    assert!(page.contains("so that nothing is claimed of it"), "{page}");
    assert!(shell(here, "whyslow ledger list").contains("inconclusive"));
    shell(here, "whyslow ledger verify --again");
}

#[test]
fn what_runs_leave_is_no_change() {
    let folder = repository();
    let here = folder.path();
    commit(here, "sleep 0.02; date >> server.log; mkdir -p out; date > \"out/$$ é\"", "with a log");
    shell(here, "whyslow ledger start 'sleep less' --primary mean");
    let before =
        whyslow(here, &["measure", "--side", "before", "--runs", "3", "--no-traces", "--", "sh", "work.sh"]);
    let told = String::from_utf8_lossy(&before.stderr).into_owned();
    assert!(told.contains("the runs left out/"), "{told}");
    assert!(told.contains("and 1 more; these do not count as a change"), "{told}");
    assert_eq!(next(here).0, "change");
    fs::write(here.join("work.sh"), "date >> server.log\n").unwrap();
    shell(here, "git commit --quiet --all --message 'sleep less'");
    let (step, command) = next(here);
    assert_eq!(step, "measure-after");
    shell(here, &command);
    shell(here, "whyslow ledger finish");
    let entry = shell(here, "whyslow ledger show $(whyslow ledger list | cut -c1-16) --format json");
    assert!(!entry.contains("uncommitted_sha256"), "{entry}");
    // What is not of the runs counts all the same.
    fs::write(here.join("other"), "a change").unwrap();
    shell(here, "whyslow ledger start 'again' --primary mean");
    shell(here, "whyslow measure --side before --runs 1 --no-traces -- sh work.sh");
    assert!(fs::read_to_string(here.join(".whyslow/open.json")).unwrap().contains("uncommitted_sha256"));
}

#[test]
fn an_entry_is_measured_again_in_turns_with_the_current_commit() {
    let folder = repository();
    let here = folder.path();
    shell(here, "whyslow ledger start 'sleep less' --primary mean");
    shell(here, "whyslow measure --side before --runs 5 --no-traces -- sh work.sh");
    commit(here, "sleep 0.03", "sleep less");
    shell(here, "whyslow measure --side after --runs 5 --no-traces -- sh work.sh");
    shell(
        here,
        "whyslow ledger finish --guard 'mean(\"*\") < 50ms' && git add --all && git commit --quiet -m entry",
    );
    let id = shell(here, "whyslow ledger list | cut -c1-16").trim().to_owned();

    // Nothing but the ledger has changed since.
    let output = whyslow(here, &["ledger", "remeasure", &id, "--runs", "3", "--no-traces"]);
    let (same, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("as it was measured here the last time: -- sh work.sh"), "{told}");
    assert!(told.contains("run 6 of 6"), "{told}");
    assert!(same.contains("status: ") && same.contains("measured in turns"), "{same}");

    commit(here, "sleep 0.4", "sleep more");
    let output = whyslow(here, &["ledger", "remeasure", &id, "--no-traces", "--", "sh", "work.sh"]);
    let (page, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{page}{told}");
    for expected in ["status: decayed", "**Decayed**: `mean` ", "measured in turns"] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert!(told.contains("run 10 of 10, after"), "{told}");
    assert!(shell(here, "whyslow ledger verify --again").contains("3 entries: as they were written"));
    assert_eq!(shell(here, "git worktree list").lines().count(), 1);
}

#[test]
fn a_signal_ends_it_without_trees_servers_or_half_of_a_result() {
    let folder = repository();
    let measured = "exec whyslow measure --ab HEAD HEAD --runs 5 --output kept -- sleep 30";
    let programs = folder.path().join(".git/programs");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut child = Command::new("sh")
        .args(["-c", measured])
        .current_dir(folder.path())
        .env("PATH", path)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while shell(folder.path(), "git worktree list").lines().count() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(20), "no work trees");
        thread::sleep(Duration::from_millis(20));
    }
    shell(folder.path(), &format!("kill -TERM {}", child.id()));
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(shell(folder.path(), "git worktree list").lines().count(), 1);
    assert!(!folder.path().join("kept").exists());
}

#[test]
fn runs_of_other_tools_and_of_files_become_those_of_the_entry() {
    let folder = repository();
    let here = folder.path();
    shell(here, "whyslow ledger start 'sleep less' --primary mean");
    shell(here, "whyslow measure --output kept.json --runs 3 --no-traces -- sh work.sh");
    let other =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/measurements/hyperfine/two-commands.json");
    shell(here, &format!("whyslow ledger import --before kept.json --after {}", other.display()));
    let open: Value = serde_json::from_slice(&fs::read(here.join(".whyslow/open.json")).unwrap()).unwrap();
    assert_eq!(open["before"]["runs"].as_array().unwrap().len(), 3);
    assert_eq!(open["before"]["workload"]["tool"], "command");
    assert!(open["before"]["version"]["commit"].is_string());
    assert_eq!(open["after"]["workload"]["tool"], "hyperfine");
    assert!(open["after"].get("version").is_none());
    let again = whyslow(here, &["ledger", "import", "--before", "kept.json"]);
    assert_eq!(again.status.code(), Some(2));
    let nothing = whyslow(here, &["ledger", "import", "--replace", "--before", "work.sh"]);
    assert_eq!(nothing.status.code(), Some(3));
}

/// An address that answers each request at once.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while socket.read(&mut buffer).is_ok_and(|bytes| bytes > 0) {
                    let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                }
            });
        }
    });
    format!("http://{address}/orders?token=s3cret")
}

#[test]
fn requests_are_measured_and_values_are_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let url = server();
    let arguments = [
        "measure",
        "--output",
        "kept.json",
        "--runs",
        "2",
        "--url",
        &url,
        "--rate",
        "50",
        "--duration",
        "1s",
        "--warm-up",
        "200ms",
        "--header",
        "X-Key: s3cret",
    ];
    let output = whyslow(folder.path(), &arguments);
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(folder.path().join("kept.json")).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains("s3cret") && !said.contains("s3cret"));
    let kept: Value = serde_json::from_str(&text).unwrap();
    let sample = &kept["side"]["runs"][1]["samples"]["GET /orders"];
    assert_eq!((&sample["requests"], &sample["errors"]), (&50.into(), &0.into()));
}

#[test]
fn what_cannot_be_measured_is_said_with_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{closed}/");
    let load = ["--rate", "50", "--duration", "200ms", "--warm-up", "0s", "--runs", "1"];
    for (arguments, code, said) in [
        (vec!["measure"], 2, "nothing to measure"),
        (vec!["measure", "--", "true"], 2, "where do the runs belong?"),
        (vec!["measure", "--side", "before", "--", "true"], 2, "no entry is open"),
        (vec!["measure", "--output", "a", "--url", "http://example.org/"], 2, "--allow-host example.org"),
        (vec!["measure", "--output", "a", "--", "false"], 3, "the command failed"),
        ([&["measure", "--output", "a", "--url", &nobody], &load[..]].concat(), 3, "failed"),
        (
            [&["measure", "--output", "a", "--start", "exit 7", "--url", &nobody], &load[..]].concat(),
            3,
            "ended before it listened",
        ),
    ] {
        let output = whyslow(folder.path(), &arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
        assert!(!folder.path().join("a").exists());
    }
}
