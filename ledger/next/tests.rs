use super::of_open::STASH;
use super::*;
use crate::repository::Repository;
use crate::samples::{improved, side};
use crate::{Ledger, Plan, Side};

const REPORT: &str = r#"{"version":1,
    "endpoints":[{"service":"shop","name":"GET /orders","entry":true,"requests":600,
        "latency_ns":{"p50":1800000000,"p95":2600000000,"p99":3100000000,"max":3400000000},
        "critical_path_ns":{"all":{"database":900,"own":500,"unexplained":10}},
        "target":{"metric":"p99","max_ns":500000000,"met":false},
        "after_fixes":[{"finding":"n-plus-one-4e657b87","latency_ns":{"p50":700000000,"p95":null,"p99":870000000,"max":null}}]}],
    "findings":[{"id":"n-plus-one-4e657b87","detector":"n-plus-one","endpoint":"GET /orders",
        "subject":{"kind":"statement","text":"SELECT id, name FROM customer's WHERE id = ?","shape":"q1:0"},
        "latency_ns":{"measured":{"p50":1800000000,"p95":null,"p99":3100000000,"max":null},
            "predicted":{"p50":700000000,"p95":null,"p99":870000000,"max":null},
            "predicted_range":{"p50":[690000000,710000000],"p95":null,"p99":null,"max":null}},
        "fix":[{"text":"load the customer's orders at once","tradeoff":"wider rows"}]}],
    "not_seen":[{"what":"own code","service":null,"how":"take a profile"}]}"#;

/// A report with a part of its text replaced.
fn diagnosis(replaced: &str, by: &str) -> Diagnosis {
    serde_json::from_str(&REPORT.replace(replaced, by)).unwrap()
}

fn open(before: Option<Side>, after: Option<Side>) -> Open {
    let mut plan = Plan::new("load customers with the orders", 1_795_900_000, "p50".parse().unwrap());
    plan.subject = "GET /orders".to_owned();
    plan.finding = Some("n-plus-one-4e657b87".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let mut open = Open::begin(folder.path(), plan).unwrap();
    (open.before, open.after) = (before, after);
    open
}

fn version(commit: &str) -> Version {
    Version { commit: commit.to_owned(), uncommitted_sha256: None }
}

#[test]
fn nothing_is_known_at_first_then_a_target_is_wanted_then_the_first_finding() {
    assert_eq!(next(&State::default()).step, Step::Diagnose);
    let without = diagnosis(r#"{"metric":"p99","max_ns":500000000,"met":false}"#, "null");
    let advice = next(&State { diagnosis: Some(&without), ..State::default() });
    assert_eq!(advice.step, Step::SetTarget);
    assert!(advice.commands[0].contains("'GET /orders p99<500ms'"), "{advice:?}");
    let with = diagnosis("", "");
    let advice = next(&State { diagnosis: Some(&with), ..State::default() });
    assert_eq!(advice.step, Step::Start);
    let command = "whyslow ledger start 'ask for customer'\\''s once, not for each row, in GET /orders' --finding n-plus-one-4e657b87 \
        --target 'GET /orders p99<500ms' --primary 'GET /orders p99'";
    assert_eq!(advice.commands, [command]);
}

#[test]
fn what_is_mostly_unexplained_is_to_be_seen_first() {
    let dark = diagnosis(r#""unexplained":10"#, r#""unexplained":2000"#);
    let advice = next(&State { diagnosis: Some(&dark), ..State::default() });
    assert_eq!((advice.step, advice.now.as_str()), (Step::SeeMore, "own code: take a profile"));
}

#[test]
fn targets_that_are_met_end_it() {
    let met = diagnosis(r#""met":false"#, r#""met":true"#);
    assert_eq!(next(&State { diagnosis: Some(&met), ..State::default() }).step, Step::Done);
}

#[test]
fn an_open_entry_is_measured_changed_measured_and_finished() {
    let (c0, c1) = (version("c0"), version("c1"));
    let begun = open(None, None);
    assert_eq!(next(&State { open: Some(&begun), ..State::default() }).step, Step::MeasureBefore);

    let measured = open(Some(side("c0", 0, 100)), None);
    let found = diagnosis("", "");
    let same =
        State { open: Some(&measured), version: Some(&c0), diagnosis: Some(&found), ..State::default() };
    let advice = next(&same);
    assert_eq!(advice.step, Step::Change);
    assert!(advice.now.contains("load the customer's orders at once") && advice.why.contains("wider rows"));
    assert_eq!(advice.commands[0], "git add --all && git commit");

    let commits = ["c1 one query".to_owned()];
    let changed =
        State { version: Some(&c1), commits: &commits, measured_with: Some("-- ./load.sh"), ..same };
    let advice = next(&changed);
    assert_eq!(advice.step, Step::MeasureAfter);
    assert_eq!(advice.commands, ["whyslow measure --side after -- ./load.sh"]);

    let both = open(Some(side("c0", 0, 100)), Some(side("c1", 1, 60)));
    let advice = next(&State { open: Some(&both), ..changed });
    assert_eq!(advice.step, Step::Finish);
    assert_eq!(advice.commands, ["whyslow ledger finish --guard 'statements(\"GET /orders\") <= 3'"]);
}

#[test]
fn new_files_are_committed_and_what_runs_left_is_not() {
    let repository = Repository::new().unwrap();
    let root = repository.ledger.root();
    let left = ["it's [a] log.txt".to_owned(), "src/a.log".to_owned()];
    for file in ["src/new.rs", &left[0], &left[1]] {
        std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        std::fs::write(root.join(file), "x").unwrap();
    }
    let (c0, measured) = (version("c0"), open(Some(side("c0", 0, 100)), None));
    let state = State { open: Some(&measured), version: Some(&c0), ..State::default() };
    let advice = next(&State { left_by_runs: &left, ..state });
    let (add, commit) = advice.commands[0].split_once(" && ").unwrap();
    assert_eq!(commit, "git commit");
    let added =
        std::process::Command::new("sh").args(["-c", add]).current_dir(root.join("src")).status().unwrap();
    let staged = repository.git.line(&["diff", "--cached", "--name-only"]).unwrap();
    assert!(added.success() && staged.contains("src/new.rs") && !staged.contains("log"), "{add}: {staged}");
    let many = vec!["a.log".to_owned(); 9];
    assert_eq!(next(&State { left_by_runs: &many, ..state }).commands[0], "git add FILES && git commit");
}

#[test]
fn of_two_changes_one_is_to_be_taken_back() {
    let measured = open(Some(side("c0", 0, 100)), None);
    let dirty = Version { uncommitted_sha256: Some("a".to_owned()), ..version("c1") };
    let clean = version("c2");
    let commits = ["c2 a cache".to_owned(), "c1 one query".to_owned()];
    let state = State { open: Some(&measured), version: Some(&clean), commits: &commits, ..State::default() };
    let advice = next(&state);
    assert_eq!((advice.step, advice.commands), (Step::TakeBack, vec!["git revert c2".to_owned()]));
    let advice = next(&State { version: Some(&dirty), commits: &commits[1..], ..state });
    assert_eq!((advice.step, advice.commands), (Step::TakeBack, vec![STASH.to_owned()]));
}

#[test]
fn after_an_entry_it_is_diagnosed_again() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::of(folder.path());
    ledger.add("A <a@example.org>", "2026-11-29T03:00:00Z", &improved()).unwrap();
    let notes = ledger.notes().unwrap();
    let last = notes.entries.first();
    let mut found = diagnosis("", "");
    found.made_s = 0;
    assert_eq!(next(&State { last, diagnosis: Some(&found), ..State::default() }).step, Step::Diagnose);
    found.made_s = 4_000_000_000;
    assert_eq!(next(&State { last, diagnosis: Some(&found), ..State::default() }).step, Step::Start);
}
