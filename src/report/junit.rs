//! A check of statements as JUnit's XML, which every CI service shows: one case a place.
//!
//! Source: the form as Jenkins, GitLab and GitHub's actions read it (`testsuite`, `testcase`, `failure`, `skipped`).

use std::io;

use detectors::figures::counted;
use detectors::queries::{Check, Level, PlaceState, Problem, State};

use super::words::{before_and_now, clean, rules, verdict};
use super::{CheckOutput, Style};

pub(super) const CHECK: CheckOutput =
    CheckOutput { name: "junit", summary: "JUnit's XML: one test case for each endpoint and test", write };

fn write(check: &Check, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let fails = |state: &&PlaceState| failures(check, state).next().is_some();
    let failed = check.places.iter().filter(fails).count();
    let missing = check.places.iter().filter(|state| state.state == State::NotExercised).count();
    let unusable = usize::from(!check.unusable.is_empty());
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuite name="whyslow ci" tests="{}" failures="{failed}" errors="{unusable}" skipped="{missing}">"#,
        check.places.len() + unusable
    )?;
    if unusable > 0 {
        let reasons = escaped(&check.unusable.join("; "));
        writeln!(out, r#"  <testcase classname="whyslow" name="unusable-input">"#)?;
        writeln!(out, r#"    <error message="{}">{reasons}</error>"#, escaped(&verdict(check)))?;
        writeln!(out, "  </testcase>")?;
    }
    check.places.iter().try_for_each(|state| write_case(check, state, out))?;
    writeln!(out, "</testsuite>")
}

fn failures<'c>(check: &'c Check, state: &'c PlaceState) -> impl Iterator<Item = &'c Problem> {
    check.problems.iter().filter(|problem| problem.level == Level::Fail && problem.place == state.place)
}

fn write_case(check: &Check, state: &PlaceState, out: &mut dyn io::Write) -> io::Result<()> {
    let (service, name) = (escaped(&state.place.service), escaped(&state.place.name));
    write!(out, r#"  <testcase classname="{service}" name="{name}""#)?;
    if state.state == State::NotExercised {
        return writeln!(out, r#"><skipped message="not exercised: nothing is known"/></testcase>"#);
    }
    let told: Vec<String> = failures(check, state)
        .map(|problem| format!("{}: {}: {}", rules(problem), before_and_now(problem), problem.text))
        .collect();
    if told.is_empty() {
        return writeln!(out, "/>");
    }
    let message = escaped(&format!("{} not as accepted", counted(told.len() as u64, "statement")));
    let lines: Vec<String> = told.iter().map(|line| escaped(line)).collect();
    writeln!(out, ">\n    <failure message=\"{message}\">{}</failure>\n  </testcase>", lines.join("\n"))
}

/// Text for XML, which has no form for control characters.
fn escaped(text: &str) -> String {
    let text = clean(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
