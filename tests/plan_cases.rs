//! Every recorded plan under `fixtures/<detector>/<case>/` shows the flaws that are written beside it, and no other.
//!
//! `UPDATE_EXPECT=1 cargo test --test plan_cases` writes them anew. All detectors look at all plans, so each case guards
//! against false alarms of the others as well. `fixtures/record_plans.sh` records them.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod recorded;

use std::path::{Path, PathBuf};

use detectors::finding::Confidence;
use detectors::plans::{PlanNode, PlanProblem, PlanReport};
use detectors::settings::Settings;
use recorded::{Described, described, difference, of_detector};
use serde::Serialize;
use whyslow::plans::{LogReading, examine};

/// What a flaw of a plan says, without prose.
#[derive(Debug, Serialize)]
struct Fact<'r> {
    detector: &'r str,
    /// The node and what it reads.
    node: String,
    subject: &'r str,
    /// Of the execution, what the fix gives back.
    gain_percent: u64,
    confidence: Confidence,
    /// Detectors of flaws that are told with it, as its fix takes nearly all of what theirs would give back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<&'r str>,
}

fn fact<'r>(report: &'r PlanReport, problem: &'r PlanProblem) -> Fact<'r> {
    Fact {
        detector: &problem.detector,
        node: named(&report.nodes[problem.node as usize]),
        subject: &problem.subject,
        gain_percent: (problem.gain_share * 100.0).round() as u64,
        confidence: problem.confidence,
        also: also(problem).collect(),
    }
}

fn also(problem: &PlanProblem) -> impl Iterator<Item = &str> {
    problem.also.iter().filter_map(|line| line.split(": ").next())
}

fn named(node: &PlanNode) -> String {
    match &node.target {
        Some(target) => format!("{} on {target}", node.name),
        None => node.name.clone(),
    }
}

fn plan_of(case: &Path) -> Option<PathBuf> {
    ["plan.json", "plan.txt"].into_iter().map(|name| case.join(name)).find(|path| path.exists())
}

fn cases() -> Vec<PathBuf> {
    recorded::cases(|case| plan_of(case).is_some())
}

/// What is said of the one plan of a case.
fn report_of(case: &Path) -> PlanReport {
    let examined = examine(&[plan_of(case).unwrap()], &Settings::default(), &LogReading::default(), &|_| {});
    let mut plans = examined.unwrap_or_else(|error| panic!("{}: {error}", case.display())).plans;
    assert_eq!(plans.len(), 1, "{} holds one plan", case.display());
    plans.remove(0).report
}

#[test]
fn each_plan_shows_its_flaws() {
    let differing: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let report = report_of(case);
            let facts: Vec<_> = report.problems.iter().map(|problem| fact(&report, problem)).collect();
            difference(case, &facts)
        })
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn each_rule_for_plans_fires_where_it_must_and_stays_silent_where_it_must() {
    let cases = cases();
    let mut wrong = Vec::new();
    for detector in detectors::ALL.iter().filter(|detector| detector.looks_at_plans()) {
        let mut must = Vec::new();
        for case in of_detector(&cases, detector.id) {
            let Described { fires, subject } = described(case);
            let is_it = |one: &PlanProblem| {
                one.detector == detector.id && one.subject.starts_with(&subject)
                    || also(one).any(|other| other == detector.id)
            };
            if report_of(case).problems.iter().any(is_it) != fires {
                wrong.push(format!("{}: fires = {fires} is not so", case.display()));
            }
            must.push(fires);
        }
        for fires in [true, false].into_iter().filter(|fires| !must.contains(fires)) {
            wrong.push(format!("{} has no case with fires = {fires}", detector.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
