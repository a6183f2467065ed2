//! What a check of statements says, for a pull request.

use std::io::{self, Write};

use detectors::queries::{Check, LEVELS, Level, Problem};

use super::{ENDPOINTS_MAX, FINDINGS_END_MAX, LENGTH_MAX, add, code, cut, prose, write_more};
use crate::report::Style;
use crate::report::words::{
    ACCEPTS, asks_to_accept, before_and_now, level_title, not_exercised, place_name, rules, verdict,
};

pub(super) fn write(check: &Check, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut text = Vec::new();
    writeln!(text, "## whyslow: {}", prose(&verdict(check)))?;
    for reason in &check.unusable {
        add(&mut text, FINDINGS_END_MAX, |text| writeln!(text, "\n- unusable-input: {}", prose(reason)))?;
    }
    for level in LEVELS.into_iter().filter(|level| style.verbose || *level != Level::Known) {
        write_level(check, level, &mut text)?;
    }
    if asks_to_accept(check) {
        writeln!(text, "\n{ACCEPTS}")?;
    }
    let missing = not_exercised(check);
    if !missing.is_empty() {
        writeln!(
            text,
            "\n<details><summary>Not exercised, so nothing is known: {}</summary>\n",
            missing.len()
        )?;
        let mut told = 0;
        for place in missing.iter().take(ENDPOINTS_MAX) {
            told += add(&mut text, LENGTH_MAX, |text| writeln!(text, "- {}", code(place)))?;
        }
        write_more(missing.len() - told, "more", &mut text)?;
        writeln!(text, "\n</details>")?;
    }
    for note in &check.notes {
        add(&mut text, LENGTH_MAX, |text| writeln!(text, "\n{}", prose(note)))?;
    }
    out.write_all(&text)
}

fn write_level(check: &Check, level: Level, text: &mut Vec<u8>) -> io::Result<()> {
    let problems: Vec<&Problem> = check.problems.iter().filter(|problem| problem.level == level).collect();
    if problems.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n**{}**\n\n| rule | statement | at | per request |\n|---|---|---|---|",
        level_title(level)
    )?;
    let mut told = 0;
    for problem in &problems {
        told += add(text, FINDINGS_END_MAX, |text| write_problem(problem, text))?;
    }
    write_more(problems.len() - told, "more statement", text)
}

fn write_problem(problem: &Problem, out: &mut dyn io::Write) -> io::Result<()> {
    let cell = |text: &str| code(&cut(text)).replace('|', "\\|");
    let allowed = problem.allowed.as_ref().map(|reason| format!(" (allowed: {})", prose(reason)));
    writeln!(
        out,
        "| {}{} | {} | {} | {} |",
        rules(problem),
        allowed.unwrap_or_default(),
        cell(&problem.text),
        cell(&place_name(&problem.place)),
        before_and_now(problem)
    )
}
