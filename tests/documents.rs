//! Pages under `docs/` that are made from the code. `UPDATE_EXPECT=1` writes them anew.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use whyslow::{pages, settings_file};

const BEGIN: &str = "<!-- generated from the code: begin -->\n";
const END: &str = "<!-- generated from the code: end -->\n";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn updating() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}

/// Compares a file, or writes it.
fn check(path: &Path, expected: &str) {
    if updating() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, expected).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        text == expected,
        "{} is not as the code says: run the tests with UPDATE_EXPECT=1",
        path.display()
    );
}

/// Compares the part of a page that is made from the code, or writes it.
fn check_part(name: &str, part: &str) {
    let path = docs().join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    check(&path, &format!("{before}{BEGIN}\n{}\n\n{END}{after}", part.trim_end()));
}

#[test]
fn each_detector_has_its_page() {
    let folder = docs().join("detectors");
    let pages: BTreeMap<String, String> =
        detectors::ALL.iter().map(|one| (format!("{}.md", one.id), pages::detector(one))).collect();
    for (name, page) in &pages {
        check(&folder.join(name), page);
    }
    for file in folder.read_dir().into_iter().flatten() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(pages.contains_key(&name), "docs/detectors/{name} belongs to no detector");
    }
}

/// As `docs/picture.py` says that it is made.
#[test]
fn the_picture_is_what_the_program_says() {
    let (file, target) = ("fixtures/order-list/as-found.otlp.zst", "GET /orders p99<500ms");
    let mut diagnosis = Command::new(env!("CARGO_BIN_EXE_whyslow"))
        .args(["diagnose", file, "--target", target])
        .env("CLICOLOR_FORCE", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let drawn = Command::new("python3")
        .arg("docs/picture.py")
        .arg(format!("$ whyslow diagnose {file} --target '{target}'"))
        .stdin(diagnosis.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(diagnosis.wait().unwrap().success());
    assert!(drawn.status.success(), "{}", String::from_utf8_lossy(&drawn.stderr));
    check(&docs().join("diagnosis.svg"), &String::from_utf8(drawn.stdout).unwrap());
}

#[test]
fn the_settings_page_lists_all_settings() {
    check_part("settings.md", &pages::settings());
}

#[test]
fn the_formats_page_lists_all_formats() {
    check_part("formats.md", &pages::formats());
}

#[test]
fn the_page_of_plans_lists_all_forms() {
    check_part("plans.md", &pages::plans());
}

#[test]
fn the_page_of_measuring_lists_all_tools() {
    check_part("measuring.md", &pages::tools());
}

#[test]
fn the_page_of_flame_graphs_lists_all_formats() {
    check_part("flame-graphs.md", &pages::profiles());
}

#[cfg(feature = "client")]
#[test]
fn the_page_of_stores_lists_all_stores() {
    check_part("stores.md", &pages::stores());
}

#[test]
fn the_page_of_ci_lists_all_rules() {
    check_part("ci.md", &pages::rules());
    let page = include_str!("../docs/ci.md");
    for output in whyslow::report::CHECKS {
        assert!(
            page.contains(&format!("`{}`", output.name))
                || page.contains(&format!("--format {}", output.name))
        );
    }
}

/// The examples of the page mean something.
#[test]
fn the_page_of_ci_shows_a_valid_baseline_and_settings() {
    let page = include_str!("../docs/ci.md");
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [baseline, settings] = examples[..] else { panic!("{examples:?}") };
    let baseline =
        whyslow::baseline_file::parse(baseline, Path::new("ci.md")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(baseline.baseline.len(), 1);
    let today = settings_file::Day::of(2026, 11, 25);
    let settings =
        settings_file::parse(settings, Path::new("ci.md"), today).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(settings.allowed.len(), 1);
}

/// The examples of the settings page mean something.
#[test]
fn the_settings_page_shows_valid_settings() {
    let page = include_str!("../docs/settings.md");
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 3);
    for example in examples {
        let today = settings_file::Day::of(2026, 11, 25);
        let settings = settings_file::parse(example, Path::new("settings.md"), today);
        if let Err(error) = settings {
            panic!("{error}");
        }
    }
}
