//! What a check of statements says, for people.

use std::io;

use detectors::queries::{Check, LEVELS, Level, Problem, Verdict};

use super::ink::{Ink, Line};
use super::page::Page;
use crate::report::Style;
use crate::report::words::{
    ACCEPTS, asks_to_accept, before_and_now, level_title, not_exercised, place_name, rules, verdict,
};

/// Columns by which what belongs to a line begins further in.
const INDENT: usize = 2;

/// Places that are named where nothing was seen of them.
const NAMED_MAX: usize = 20;

pub(super) fn write(check: &Check, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page { style, out };
    let ink = if check.verdict == Verdict::Passed { Ink::Good } else { Ink::Bad };
    page.line(Line::default().with(ink, verdict(check)))?;
    for reason in &check.unusable {
        page.prose(Line::at(INDENT), Ink::Plain, &format!("unusable-input: {reason}"))?;
    }
    for level in LEVELS.into_iter().filter(|level| style.verbose || *level != Level::Known) {
        write_level(&mut page, check, level)?;
    }
    if asks_to_accept(check) {
        page.blank()?;
        page.prose(Line::default(), Ink::Plain, ACCEPTS)?;
    }
    write_rest(&mut page, check)
}

fn write_level(page: &mut Page<'_>, check: &Check, level: Level) -> io::Result<()> {
    let problems = || check.problems.iter().filter(|problem| problem.level == level);
    if problems().next().is_none() {
        return Ok(());
    }
    let ink = if level == Level::Fail { Ink::Bad } else { Ink::Title };
    page.blank()?;
    page.line(Line::default().with(ink, level_title(level)))?;
    let mut last = None;
    for problem in problems() {
        if last != Some(&problem.place) {
            page.line(Line::at(INDENT).with(Ink::Title, place_name(&problem.place)))?;
            last = Some(&problem.place);
        }
        write_problem(page, problem)?;
    }
    Ok(())
}

fn write_problem(page: &mut Page<'_>, problem: &Problem) -> io::Result<()> {
    let head = Line::at(2 * INDENT).with(Ink::Flaw, rules(problem)).with(Ink::Plain, "  ");
    let room = page.room(head.width());
    page.line(head.with(Ink::Plain, super::fit::shorten(&problem.text, room)))?;
    let allowed =
        problem.allowed.as_ref().map(|reason| Line::default().with(Ink::Faint, format!("allowed: {reason}")));
    let items = [
        Line::default().with(Ink::Figure, before_and_now(problem)),
        Line::default().with(Ink::Faint, format!("shape {}", problem.shape)),
        allowed.unwrap_or_default(),
    ];
    page.flow(Line::at(3 * INDENT), items)
}

/// What was not exercised, could not be read, or counts nowhere.
fn write_rest(page: &mut Page<'_>, check: &Check) -> io::Result<()> {
    let mut missing = not_exercised(check);
    let mut lines = Vec::new();
    if !missing.is_empty() {
        let number = missing.len();
        missing.truncate(NAMED_MAX);
        let more = if number > NAMED_MAX { ", …" } else { "" };
        lines.push(format!("not exercised, so nothing is known ({number}): {}{more}", missing.join(", ")));
    }
    if check.skipped.records > 0 {
        lines.push(format!("{} of {} records could not be read", check.skipped.records, check.skipped.of));
    }
    lines.extend(check.notes.iter().cloned());
    if lines.is_empty() {
        return Ok(());
    }
    page.blank()?;
    lines.iter().try_for_each(|line| page.prose(Line::default(), Ink::Faint, line))
}
