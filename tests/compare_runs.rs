//! `whyslow compare`: runs of load tools from before and after a change.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod schema;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use expect_test::expect_file;
use serde_json::{Value, json};

/// Runs of one command each, in seconds, as hyperfine writes them.
const BEFORE: [f64; 10] = [0.1002, 0.0993, 0.1011, 0.0988, 0.1004, 0.1015, 0.0991, 0.1003, 0.0999, 0.1007];

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Two commands: one changes by a factor, one stays.
    fn hyperfine(&self, name: &str, factor: f64) {
        let times = |factor: f64| BEFORE.iter().map(|time| time * factor).collect::<Vec<f64>>();
        let command =
            |name: &str, factor| json!({"command": name, "times": times(factor), "exit_codes": vec![0; 10]});
        let commands =
            json!({"results": [command("import orders", factor), command("import customers", 1.0)]});
        self.write(name, commands.to_string());
    }

    fn compare(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
        command
            .arg("compare")
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn told(&self, arguments: &[&str]) -> String {
        let output = self.compare(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exit code and error.
    fn refused(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.compare(arguments);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

fn sample(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/measurements").join(name).display().to_string()
}

fn sides(factor: f64) -> Folder {
    let folder = Folder::new();
    folder.hyperfine("before.json", 1.0);
    folder.hyperfine("after.json", factor);
    folder
}

const PRIMARY: [&str; 4] = ["before.json", "after.json", "--primary", "import orders mean"];

#[test]
fn people_see_verdicts_and_intervals() {
    let page = sides(0.8).told(&PRIMARY);
    expect_file!["report/runs.txt"].assert_eq(&page);
    assert!(!page.contains('\u{1b}'), "no colours where nobody looks");
}

#[test]
fn a_pull_request_gets_a_table() {
    expect_file!["report/runs.md"]
        .assert_eq(&sides(1.2).told(&[&PRIMARY[..], &["--format", "markdown"]].concat()));
}

#[test]
fn json_is_as_its_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("../docs/runs-v1.schema.json")).unwrap();
    let folder = sides(0.8);
    let (ab, pytest) = (sample("ab/text.txt"), sample("pytest-benchmark/with-data.json"));
    for arguments in [&PRIMARY[..2], &PRIMARY[..], &[&ab, &ab], &[&pytest, &pytest]] {
        let document = folder.told(&[arguments, &["--format", "json"]].concat());
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(schema::violations(&schema, &document), Vec::<String>::new());
        assert!(!document["metrics"].as_array().unwrap().is_empty());
    }
}

#[test]
fn what_is_worse_fails_where_that_was_asked_for() {
    let fail_on = ["--fail-on", "regression"];
    assert_eq!(sides(1.2).refused(&[&PRIMARY[..], &fail_on].concat()).0, 1);
    assert_eq!(sides(1.2).refused(&PRIMARY).0, 0);
    assert_eq!(sides(0.8).refused(&[&PRIMARY[..], &fail_on].concat()).0, 0);
    assert_eq!(sides(1.01).refused(&[&PRIMARY[..], &fail_on].concat()).0, 0, "within the margin");
}

#[test]
fn one_file_a_side_decides_nothing_however_large_the_difference() {
    let folder = Folder::new();
    let report = std::fs::read_to_string(sample("vegeta/report.json")).unwrap();
    folder.write("before/1.json", &report);
    folder.write("after/1.json", report.replace("2854306", "9854306"));
    let page = folder.told(&["before/", "after/", "--primary", "p50"]);
    assert!(page.starts_with("before  1 run of vegeta, from before/1.json\n"), "{page}");
    assert!(page.contains("p50: inconclusive, too few runs: three a side decide at the earliest."), "{page}");
    assert!(page.contains("percentiles of a tool's summary"), "{page}");
    let (code, error) = folder.refused(&["before/", "after/", "--fail-on", "regression"]);
    assert_eq!(
        (code, error.as_str()),
        (3, "error: --fail-on regression: too few runs to tell; at least three a side\n")
    );
}

#[test]
fn several_files_are_several_runs_and_folders_hold_outputs() {
    let folder = Folder::new();
    let wrk = std::fs::read_to_string(sample("wrk/latency.txt")).unwrap();
    for run in 1..=4 {
        folder.write(&format!("before/{run}.txt"), wrk.replace("3.13ms", &format!("3.1{run}ms")));
        folder.write(&format!("after/{run}.txt"), wrk.replace("3.13ms", &format!("4.1{run}ms")));
    }
    folder.write("after/notes.md", "what we did");
    let of_folders = folder.told(&["before", "after", "--primary", "p50"]);
    assert!(of_folders.contains("p50: regressed, at least 31 % worse."), "{of_folders}");
    assert!(
        of_folders.contains("4 runs of wrk, from after/1.txt and 3 more; 1 other file passed over"),
        "{of_folders}"
    );
    assert!(of_folders.contains("requests waited for answers before they were sent"), "{of_folders}");
    let files = |side: &str| (1..=4).map(|run| format!("{side}/{run}.txt")).collect::<Vec<_>>();
    let (before, after) = (files("before"), files("after"));
    let mut arguments = vec!["--primary", "p50", "--format", "json", "--before"];
    arguments.extend(before.iter().map(String::as_str));
    arguments.push("--after");
    arguments.extend(after.iter().map(String::as_str));
    let of_files: Value = serde_json::from_str(&folder.told(&arguments)).unwrap();
    assert_eq!(of_files["metrics"][0]["verdict"], "regressed");
    assert_eq!(of_files["before"]["files"], json!(before));
}

#[test]
fn a_folder_of_criterion_is_one_run_with_names() {
    let folder = Folder::new();
    let estimate = std::fs::read(sample("criterion/sample.json")).unwrap();
    for side in ["before", "after"] {
        let place = format!("{side}/orders/parse");
        folder.write(&format!("{place}/new/sample.json"), &estimate);
        folder.write(&format!("{place}/new/benchmark.json"), r#"{"full_id":"orders/parse"}"#);
        folder.write(&format!("{place}/base/sample.json"), "[[1.0],[99.0]]");
        folder.write(&format!("{place}/base/benchmark.json"), r#"{"full_id":"orders/parse"}"#);
    }
    let document = folder.told(&["before", "after", "--format", "json"]);
    let document: Value = serde_json::from_str(&document).unwrap();
    let metrics = document["metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), 1);
    assert_eq!(
        (&metrics[0]["subject"], &metrics[0]["before"]),
        (&json!("orders/parse"), &json!([1_898_589]))
    );
}

#[test]
fn compressed_outputs_are_read() {
    let folder = sides(0.8);
    let plain = std::fs::read(folder.0.path().join("before.json")).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &plain).unwrap();
    folder.write("before.json.gz", encoder.finish().unwrap());
    let page = folder.told(&["before.json.gz", "after.json", "--primary", "import orders mean"]);
    assert!(page.contains("import orders mean: improved"), "{page}");
}

#[test]
fn what_cannot_be_used_is_said() {
    let folder = sides(0.8);
    folder.write("notes.txt", "hello");
    folder.write("cut.json", &std::fs::read(sample("hyperfine/two-commands.json")).unwrap()[..900]);
    folder.write("empty/notes.txt", "hello");
    for (arguments, code, words) in [
        (
            &["before.json", "notes.txt"][..],
            3,
            "notes.txt holds neither traces nor the output of a tool that is known: hyperfine, k6",
        ),
        (&["before.json", "cut.json"], 3, "cannot read cut.json as the output of hyperfine: line "),
        (&["before.json", "gone.json"], 3, "cannot read gone.json: No such file"),
        (&["before.json", "empty"], 3, "there is no output of a known tool in empty"),
        (&["before.json"], 2, "before.json is one side; two sides are wanted: BEFORE AFTER"),
        (
            &["empty"],
            2,
            "empty is one folder, which holds both sides only where files or folders in it are named",
        ),
        (&[], 2, "two sides are wanted"),
        (&["before.json", "after.json", "--margin", "90%"], 2, "from 0.1% to 50%"),
        (&["before.json", "after.json", "--primary", "import orders P99"], 2, "is no metric"),
        (
            &["before.json", "after.json", "--primary", "export mean"],
            3,
            "there are import customers, import orders",
        ),
        (&["before.json", "after.json", "--primary", "mean"], 3, "or of several subjects"),
    ] {
        let (found, error) = folder.refused(arguments);
        assert!(found == code && error.contains(words), "{arguments:?}: {found} {error}");
    }
    let (code, error) = folder.refused(&["before.json", &sample("ab/text.txt")]);
    let words =
        "nothing was measured on both sides: import customers, import orders before, all requests after";
    assert!(code == 3 && error.contains(words), "{error}");
}

#[test]
fn one_folder_may_hold_both_sides() {
    let folder = sides(0.8);
    folder.hyperfine("files/before.json", 1.0);
    folder.hyperfine("files/After.json", 0.8);
    folder.hyperfine("folders/before-1/run.json", 1.0);
    folder.hyperfine("folders/after/run.json", 0.8);
    for both in ["files", "folders"] {
        let of_one = folder.told(&[both, "--primary", PRIMARY[3]]);
        assert!(of_one.contains("import orders mean: improved, at least 19 % better"), "{of_one}");
    }
    std::fs::remove_dir_all(folder.0.path().join("folders/after")).unwrap();
    assert_eq!(folder.refused(&["folders"]).0, 2);
}

#[test]
fn traces_are_runs_with_what_requests_send() {
    let folder = Folder::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/n-plus-one");
    let recording = std::fs::read(root.join("customer-of-each-order/trace.otlp.zst")).unwrap();
    folder.write("before.otlp", recording);
    let document = folder.told(&["before.otlp", "before.otlp", "--format", "json"]);
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["before"]["tools"], json!(["traces"]));
    let metric = |name: &str| {
        let metrics = document["metrics"].as_array().unwrap();
        metrics.iter().find(|one| one["metric"] == name).unwrap_or_else(|| panic!("{document}")).clone()
    };
    assert_eq!(metric("statements")["before"], json!([21_000]), "the orders, and the customer of each");
    assert_eq!(metric("statements")["verdict"], "equivalent");
    assert_eq!(metric("round_trips")["before"], json!([21_000]));
    assert!(metric("p50")["before"][0].as_u64().unwrap() > 1_000_000_000, "more than a millisecond");
}

#[test]
fn what_whyslow_measured_itself_is_read() {
    let folder = Folder::new();
    let measured = |name: &str, seconds: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whyslow"));
        let arguments = ["measure", "--output", name, "--runs", "3", "--", "sleep", seconds];
        let output = command.args(arguments).current_dir(folder.0.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    measured("before.json", "0.4");
    measured("after.json", "0.1");
    let page = folder.told(&["before.json", "after.json", "--primary", "mean"]);
    assert!(page.contains("3 runs of whyslow measure, from before.json"), "{page}");
    assert!(page.contains("mean: improved, at least"), "{page}");
}
