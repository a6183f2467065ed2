//! `whyslow ledger` as a user has it: start, measure, change, measure, finish; then what others do to it.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod schema;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A repository with a program whose delay is in a file.
struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        let shop = Self { folder: tempfile::tempdir().unwrap() };
        shop.git(&["init", "--quiet", "--initial-branch=main"]);
        shop.git(&["config", "user.name", "Ada"]);
        shop.git(&["config", "user.email", "ada@example.org"]);
        shop.commit("src/delay", "0.15\n");
        shop
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git").current_dir(self.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn commit(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "change"]);
    }

    fn whyslow(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null()).output().unwrap()
    }

    /// What is written where the command ends with a code.
    fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.whyslow(arguments);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    fn measure(&self, side: &str, runs: &str, command: &str) {
        let begin = ["measure", "--side", side, "--runs", runs, "--no-traces", "--", "sh", "-c", command];
        self.ends(0, &begin);
    }

    /// An entry of a change that makes no difference, with a guard; its id.
    fn entry(&self, guards: &[&str]) -> String {
        self.ends(0, &["ledger", "start", "load customers with the orders", "--primary", "mean"]);
        self.measure("before", "3", "true");
        self.commit("src/delay", "0.01\n");
        self.measure("after", "3", "true");
        let mut finish = vec!["ledger", "finish", "--do-not-undo", "a query for each order would come back"];
        finish.extend(guards.iter().flat_map(|guard| ["--guard", guard]));
        self.ends(0, &finish);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "entry"]);
        self.file().file_stem().unwrap().to_str().unwrap().to_owned()
    }

    /// The file of the only entry.
    fn file(&self) -> PathBuf {
        let mut files = files(&self.path().join(".whyslow/ledger"));
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in folder.read_dir().unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn recorded(name: &str) -> String {
    format!("{}/fixtures/n-plus-one/{name}/trace.otlp.zst", env!("CARGO_MANIFEST_DIR"))
}

fn contains(text: &str, all: &[&str]) {
    for part in all {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn from_the_plan_to_the_proof() {
    let shop = Shop::new();
    contains(&shop.ends(2, &["ledger", "finish"]), &["no entry is open"]);
    let start =
        ["ledger", "start", "no sleep", "--target", "mean<150ms", "--hypothesis", "sleeping takes the time"];
    contains(&shop.ends(0, &start), &["mean decides", "whyslow measure --side before"]);
    contains(&shop.ends(2, &start), &["is open already"]);
    contains(&shop.ends(2, &["ledger", "finish"]), &["nothing is measured before yet"]);
    shop.measure("before", "5", "sleep $(cat src/delay)");
    shop.commit("src/delay", "0.01\n");
    shop.measure("after", "5", "sleep $(cat src/delay)");
    let finish = ["ledger", "finish", "--kind", "algorithm", "--guard", "mean(\"\") < 100ms"];
    contains(&shop.ends(2, &finish), &["the selector is empty"]);
    contains(&shop.ends(0, &["ledger", "finish", "--dry-run"]), &["author: \"nobody yet\"", "**Improved**"]);
    let open = std::fs::read(shop.path().join(".whyslow/open.json")).unwrap();
    let page =
        shop.ends(0, &["ledger", "finish", "--kind", "algorithm", "--tradeoff", "it wakes up more often"]);
    contains(
        &page,
        &[
            "status: improved",
            "author: \"Ada \\<ada@example.org>\"",
            "Target `mean<150ms`: missed before, met after.",
            "Expected before measuring: sleeping takes the time",
            "- it wakes up more often",
            "- `src/delay` 1",
        ],
    );
    contains(&shop.ends(2, &["ledger", "abandon"]), &["no entry is open"]);
    // As if it had been killed after the entry was written.
    std::fs::write(shop.path().join(".whyslow/open.json"), open).unwrap();
    std::fs::remove_file(shop.file().with_extension("md")).unwrap();
    contains(&shop.ends(0, &["ledger", "finish"]), &["the entry was written before"]);
    assert!(page.contains(&std::fs::read_to_string(shop.file().with_extension("md")).unwrap()));
    assert!(!shop.path().join(".whyslow/open.json").exists());
    let id = shop.file().file_stem().unwrap().to_str().unwrap().to_owned();
    contains(&shop.ends(0, &["ledger", "list"]), &[&id, "improved", "no sleep", "mean "]);
    contains(&shop.ends(0, &["ledger", "show", &id[..5]]), &["# no sleep"]);
    contains(
        &shop.ends(0, &["ledger", "why", "src/delay:1"]),
        &[&id, "no sleep (improved; wrote this line)"],
    );
    contains(&shop.ends(2, &["ledger", "why", "src/delay:9"]), &["git blame"]);
    contains(&shop.ends(0, &["ledger", "verify"]), &["1 entry: as they were written"]);
    let page = std::fs::read_to_string(shop.file().with_extension("md")).unwrap();
    contains(&page, &[&format!("({id}.svg)")]);
    contains(&std::fs::read_to_string(shop.file().with_extension("svg")).unwrap(), &["<svg ", "5 runs"]);
}

/// Where `fixtures/order-list/ledger.sh` keeps what comes of following `whyslow next`.
#[test]
fn the_worked_example_holds() {
    let shop = Shop::new();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/order-list/ledger");
    let kept_files = files(&kept);
    assert_eq!(kept_files.iter().filter(|file| file.extension().is_some_and(|end| end == "json")).count(), 3);
    for file in &kept_files {
        let copy = shop.path().join(".whyslow/ledger").join(file.strip_prefix(&kept).unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(file, copy).unwrap();
    }
    contains(&shop.ends(0, &["ledger", "verify"]), &["3 entries: as they were written"]);
    let list = shop.ends(0, &["ledger", "list"]);
    let verdicts: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(verdicts, ["improved"; 3], "{list}");
    contains(&shop.ends(0, &["ledger", "list", "--predictions"]), &["0 do not compare"]);
}

#[test]
fn entries_are_as_the_schema_says() {
    let shop = Shop::new();
    let id = shop.entry(&["statements(\"GET /orders\") <= 4"]);
    shop.ends(0, &["ledger", "withdraw", &id, "--reason", "another data set"]);
    shop.ends(0, &["ledger", "remeasure", "--open", &id]);
    shop.measure("after", "3", "true");
    shop.ends(0, &["ledger", "finish"]);
    let guard = ["--guard", "statements(\"GET /orders\") <= 4"];
    shop.ends(0, &[&["ledger", "waive", &id, "--until", "2999-01-01", "--reason", "x"], &guard[..]].concat());
    let schema: Value = serde_json::from_str(include_str!("../docs/ledger-entry-v1.schema.json")).unwrap();
    let mut entries = files(&shop.path().join(".whyslow/ledger"));
    entries.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    assert_eq!(entries.len(), 4);
    for file in entries {
        let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        assert_eq!(schema::violations(&schema, &document), Vec::<String>::new());
    }
    contains(
        &shop.ends(0, &["ledger", "list"]),
        &["[ended by a withdrawal]", "re-measurement of", "waiver of"],
    );
}

#[test]
fn a_finding_of_the_last_diagnosis_is_predicted_and_a_guard_is_added_later() {
    let shop = Shop::new();
    let start = ["ledger", "start", "all customers at once", "--primary", "p50", "--finding", "n-plus-one"];
    contains(&shop.ends(2, &start), &["there is no diagnosis of this project yet"]);
    let report = shop.whyslow(&["diagnose", &recorded("customer-of-each-order"), "--format", "json"]);
    std::fs::write(shop.path().join("report.json"), report.stdout).unwrap();
    contains(
        &shop.ends(2, &[&start[..6], &["nothing", "--report", "report.json"]].concat()),
        &["no finding nothing"],
    );
    contains(
        &shop.ends(0, &[&start[..], &["--report", "report.json"]].concat()),
        &["predicted: GET /lazy/{number} p50 "],
    );
    shop.ends(0, &["ledger", "abandon"]);
    std::fs::remove_file(shop.path().join("report.json")).unwrap();
    let id = shop.entry(&[]);
    shop.ends(0, &["ledger", "supersede", &id, "--guard", "statements(\"GET /*\") <= 4"]);
    contains(&shop.ends(0, &["ledger", "list"]), &["[ended by an optimization]"]);
    contains(&shop.ends(0, &["ledger", "verify"]), &["2 entries: as they were written"]);
    contains(
        &shop.ends(0, &["ledger", "guard", "--all"]),
        &["1 guard of 2 entries: 0 hold", "1 without evidence"],
    );
}

#[test]
fn tampering_and_deleting_are_found() {
    let shop = Shop::new();
    shop.entry(&[]);
    let bytes = std::fs::read(shop.file()).unwrap();
    for place in (0..bytes.len()).step_by(bytes.len() / 8) {
        let mut altered = bytes.clone();
        altered[place] ^= 4;
        std::fs::write(shop.file(), altered).unwrap();
        contains(&shop.ends(1, &["ledger", "verify"]), &["1 entry, 1 problem"]);
    }
    std::fs::write(shop.file(), &bytes).unwrap();
    shop.ends(0, &["ledger", "verify", "--again"]);
    std::fs::remove_file(shop.file()).unwrap();
    contains(&shop.ends(1, &["ledger", "verify"]), &["it was committed and is not there any more"]);
}

#[test]
fn a_revert_needs_an_entry_that_says_why() {
    let shop = Shop::new();
    let id = shop.entry(&[]);
    shop.git(&["checkout", "--quiet", "-b", "later"]);
    contains(&shop.ends(0, &["ledger", "guard", "--base", "main"]), &["0 guards of 1 entry"]);
    shop.commit("src/delay", "0.15\n");
    let guard = ["ledger", "guard", "--base", "main"];
    contains(
        &shop.ends(1, &guard),
        &[
            &format!("reverted: {id}"),
            "do not undo: a query for each order would come back",
            "src/delay:1: a line of",
        ],
    );
    let annotated = shop.ends(1, &[&guard[..], &["--format", "github"]].concat());
    contains(
        &annotated,
        &[
            &format!(
                "::error title={id} is reverted%3A load customers with the orders::a query for each order"
            ),
            &format!("::warning file=src/delay,line=1,title=a line of {id}%3A"),
        ],
    );
    shop.ends(0, &["ledger", "revert", &id, "--reason", "the totals were wrong"]);
    contains(&shop.ends(0, &guard), &["reverted, and an entry says why"]);
}

#[test]
fn exact_guards_fail_and_times_ask_to_be_measured_again() {
    let shop = Shop::new();
    let joined = "GET /joined/{number}";
    let guards = [
        &format!("statements(\"{joined}\") <= 2"),
        &format!("shape(\"q1:0000000000000000\", \"{joined}\") absent"),
        "p50(\"GET /*\") < 1us",
        "index(\"orders_customer_idx\") used",
    ];
    shop.entry(&guards);
    let all = |case: &str| {
        vec!["ledger".to_owned(), "guard".into(), "--all".into(), "--traces".into(), recorded(case)]
    };
    let guard = |code: i32, case: &str| {
        let arguments = all(case);
        shop.ends(code, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    contains(
        &guard(0, "customers-joined"),
        &[
            "4 guards of 1 entry: 2 hold, 0 broken, 1 to be measured again, 0 matched nothing, 1 without evidence, 0 waived",
        ],
    );
    // Another endpoint: what is guarded was not exercised, until that is too often.
    for time in 1..=5 {
        let said = guard(i32::from(time == 5), "customer-of-each-order");
        contains(&said, &[&format!("the endpoint was not seen; {time} of 5 times")]);
    }
    contains(&guard(0, "customers-joined"), &["2 hold"]);
    contains(&guard(0, "customer-of-each-order"), &["1 of 5 times"]);
}

#[test]
fn a_broken_guard_fails_unless_it_is_waived() {
    let shop = Shop::new();
    let guard = "statements(\"GET /*\") <= 2";
    let id = shop.entry(&[guard]);
    let traces = recorded("customer-of-each-order");
    let check = ["ledger", "guard", "--all", "--traces", &traces];
    contains(&shop.ends(1, &check), &["BROKEN", guard, "a request sends up to 21"]);
    let waive = ["ledger", "waive", &id, "--guard", guard, "--reason", "until the new client", "--until"];
    shop.ends(0, &[&waive[..], &["2020-01-01"]].concat());
    shop.ends(1, &check);
    shop.ends(0, &[&waive[..], &["2999-12-31"]].concat());
    contains(&shop.ends(0, &check), &["waived", "until 2999-12-31: until the new client"]);
}

#[test]
fn call_paths_are_checked_with_profiles() {
    let shop = Shop::new();
    shop.entry(&["frame(\"json.*\") absent", "frame(\"shop.*\") < 50 %"]);
    let guard = ["ledger", "guard", "--all"];
    contains(&shop.ends(0, &guard), &["2 without evidence"]);
    let file = shop.path().join("cpu.folded");
    let with = [&guard[..], &["--profile", "cpu.folded"]].concat();
    std::fs::write(&file, "main;shop.list 970\nmain;json.dumps 30\n").unwrap();
    let told = shop.ends(1, &with);
    contains(&told, &["BROKEN", "json.dumps has 3.0 % of the profile", "1 broken"]);
    // Numbers of folded stacks may be samples, or a time.
    contains(&told, &["unconfirmed", "97.0 % of the profile: to tell, take five profiles of this version"]);
    std::fs::write(&file, "main;shop.list 30\nmain;rest 70\n").unwrap();
    contains(&shop.ends(0, &with), &["it is in none of 1 profiles", "30.0 % of the profile", "2 hold"]);
    std::fs::write(&file, "no stacks").unwrap();
    shop.ends(3, &with);
}

#[test]
fn profiles_in_turns_tell_whether_a_function_has_a_larger_part_than_it_had() {
    let shop = Shop::new();
    shop.entry(&["frame(\"shop.*\") < 50 %"]);
    let names = |version: &str| (0..5).map(|number| format!("{version}-{number}.folded")).collect::<Vec<_>>();
    let (now, then) = (names("now"), names("then"));
    let take = |then_shop: u32| {
        for (number, (now, then)) in (0..).zip(now.iter().zip(&then)) {
            let write = |name: &String, shop_part: u32| {
                let part = shop_part * 10 + number;
                std::fs::write(
                    shop.path().join(name),
                    format!("main;shop.list {part}\nmain;rest {}\n", 1_000 - part),
                )
            };
            write(then, then_shop).unwrap();
            write(now, 60).unwrap();
        }
    };
    let guard = ["ledger", "guard", "--all", "--profile"].map(str::to_owned);
    let guard = [&guard[..], &now, &["--profile-then".to_owned()], &then].concat();
    let guard: Vec<&str> = guard.iter().map(String::as_str).collect();
    take(30);
    let broken = [
        "BROKEN",
        "60.0 to 60.4 % of the profile in 5 profiles, more than 30.0 to 30.4 % of the profile then",
    ];
    contains(&shop.ends(1, &guard), &broken);
    take(60);
    contains(&shop.ends(0, &guard), &["holds", "no more than 60.0 to 60.4 % of the profile then"]);
}

#[test]
fn a_time_that_was_measured_again_breaks_its_guard_until_the_code_changes() {
    let shop = Shop::new();
    let id = shop.entry(&["p50(\"GET /lazy/*\") < 1us"]);
    let traces = recorded("customer-of-each-order");
    let guard = ["ledger", "guard", "--all", "--traces", &traces];
    contains(&shop.ends(0, &guard), &["unconfirmed", &format!("(whyslow ledger remeasure {id})")]);
    shop.commit("src/delay", "0.3\n");
    let again = ["ledger", "remeasure", &id, "--no-traces", "--", "sh", "-c", "sleep $(cat src/delay)"];
    contains(&shop.ends(1, &again), &["**Decayed**", "measured in turns"]);
    contains(&shop.ends(1, &guard), &["BROKEN", "measured again, it is worse than it was"]);
    shop.commit("src/other", "x\n");
    contains(&shop.ends(0, &guard), &["unconfirmed"]);
}
