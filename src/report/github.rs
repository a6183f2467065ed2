//! A check of statements as commands of GitHub's workflows: annotations at the baseline's file.
//!
//! Source: GitHub's documentation, "Workflow commands": ten errors and ten warnings of a step are shown.

use std::io;

use detectors::queries::{Check, Level, Problem, Verdict};

use super::words::{ACCEPTS, before_and_now, clean, place_name, rules, verdict};
use super::{CheckOutput, Style};

pub(super) const CHECK: CheckOutput =
    CheckOutput { name: "github", summary: "annotations of GitHub's workflows", write };

/// Annotations of a level that are shown; the first one sums up.
const SHOWN: usize = 10;

fn write(check: &Check, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let command = |out: &mut dyn io::Write, level: &str, title: &str, message: &str| {
        let (file, title) = (property(&check.baseline), property(title));
        writeln!(out, "::{level} file={file},title={title}::{}", data(message))
    };
    let failed = check.verdict != Verdict::Passed;
    if failed {
        let reasons = check.unusable.iter().map(String::as_str).chain([ACCEPTS]);
        let reason = reasons.take(1).collect::<String>();
        command(out, "error", "whyslow", &format!("{}. {reason}", verdict(check)))?;
    }
    for (level, name) in [(Level::Fail, "error"), (Level::Accept, "notice")] {
        let room = if level == Level::Fail { SHOWN - 1 } else { SHOWN };
        for problem in check.problems.iter().filter(|problem| problem.level == level).take(room) {
            command(out, name, &title(problem), &message(problem))?;
        }
    }
    match failed {
        true => Ok(()),
        false => writeln!(out, "whyslow: {}", clean(&verdict(check))),
    }
}

fn title(problem: &Problem) -> String {
    format!("{} at {}", rules(problem), place_name(&problem.place))
}

fn message(problem: &Problem) -> String {
    format!("{}: {}", before_and_now(problem), problem.text)
}

/// A command that annotates a line of a file, or the whole change.
pub fn annotation(level: &str, place: Option<(&str, u64)>, title: &str, message: &str) -> String {
    let place = place.map_or(String::new(), |(file, line)| format!("file={},line={line},", property(file)));
    format!("::{level} {place}title={}::{}\n", property(title), data(message))
}

/// A message on one line.
fn data(text: &str) -> String {
    clean(text).replace('%', "%25")
}

/// A property, which ends at a comma.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
