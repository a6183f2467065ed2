//! What is different between two reports, for people.

use std::io;

use detectors::comparison::{
    Change, Comparison, EndpointChange, Figures, FindingChange, State, StatementChange, StatementChanges,
};
use detectors::figures::{count, duration};
use detectors::finding::Confidence;

use super::ink::{Ink, Line};
use super::page::Page;
use super::table::write_table;
use super::title;
use crate::report::Style;
use crate::report::words::{
    ONE_OF_EACH, WHOLE_SERVICE, costs, of_both_logs, statement_changes, statement_figures,
};

/// Where findings begin.
const INDENT: usize = 2;

pub(super) fn write(comparison: &Comparison, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page { style, out };
    page.line(title("endpoints, before → after"))?;
    write_table(&mut page, comparison.endpoints.iter().map(row).collect())?;
    for (state, name, ink) in STATES {
        let shown = |change: &&FindingChange| {
            change.state == state && (style.verbose || change.confidence != Confidence::Low)
        };
        let changes: Vec<&FindingChange> = comparison.findings.iter().filter(shown).collect();
        if !changes.is_empty() {
            page.blank()?;
            page.line(Line::default().with(ink, name))?;
            changes.into_iter().try_for_each(|change| write_finding(&mut page, change))?;
        }
    }
    if let Some(statements) = &comparison.statements {
        page.blank()?;
        write_statements(&mut page, statements)?;
    }
    page.blank()?;
    page.prose(Line::default(), Ink::Faint, ONE_OF_EACH)
}

/// Statements that changed, with what did.
fn write_statements(page: &mut Page<'_>, statements: &StatementChanges) -> io::Result<()> {
    let head = title("statements in logs").with(Ink::Plain, "  ");
    page.prose(head, Ink::Faint, &of_both_logs(statements))?;
    statements.statements.iter().try_for_each(|change| write_statement(page, change))?;
    if statements.more > 0 {
        page.line(Line::at(INDENT).with(Ink::Faint, format!("and {} more", count(statements.more))))?;
    }
    Ok(())
}

fn write_statement(page: &mut Page<'_>, change: &StatementChange) -> io::Result<()> {
    let ink = match change.changes.first() {
        Some(Change::Slower | Change::New | Change::CalledMore) => Ink::Bad,
        _ => Ink::Good,
    };
    let head = Line::at(INDENT).with(ink, statement_changes(change)).with(Ink::Plain, "  ");
    let text = match &change.database {
        Some(database) => format!("{database}: {}", change.text),
        None => change.text.clone(),
    };
    let room = page.room(head.width());
    page.line(head.with(Ink::Plain, super::fit::shorten(&text, room)))?;
    let figures = statement_figures(change).into_iter();
    page.flow(Line::at(2 * INDENT), figures.map(|figure| Line::default().with(Ink::Plain, figure)))
}

/// Titles of what became of findings.
const STATES: [(State, &str, Ink); 5] = [
    (State::Came, "findings that came", Ink::Bad),
    (State::NewEndpoint, "findings at endpoints that were not exercised before", Ink::Title),
    (State::Stays, "findings that stay", Ink::Title),
    (State::Gone, "findings that are gone", Ink::Good),
    (State::NotExercised, "nothing known: endpoints that were not exercised after", Ink::Faint),
];

/// Service, name, requests, percentiles, statements.
fn row(change: &EndpointChange) -> Vec<Line> {
    let plain = |text: String| Line::default().with(Ink::Plain, text);
    let cell = |name: &str, figure: &dyn Fn(&Figures) -> Option<String>| {
        let [before, after] = [change.before, change.after].map(|side| side.as_ref().and_then(figure));
        if before.is_none() && after.is_none() {
            return Line::default();
        }
        let [before, after] = [before, after].map(|figure| figure.unwrap_or_else(|| "–".to_owned()));
        let line = Line::default().with(Ink::Faint, format!("{name} "));
        match before == after {
            true => line.with(Ink::Plain, before),
            false => line.with(Ink::Plain, format!("{before} → ")).with(Ink::Figure, after),
        }
    };
    vec![
        Line::default().with(Ink::Faint, &change.service),
        plain(change.name.clone()),
        cell("requests", &|side| Some(count(side.requests))),
        cell("p50", &|side| side.latency_ns.p50.map(duration)),
        cell("p95", &|side| side.latency_ns.p95.map(duration)),
        cell("p99", &|side| side.latency_ns.p99.map(duration)),
        cell("statements", &|side| Some(count(side.statements_per_request.p50))),
    ]
}

fn write_finding(page: &mut Page<'_>, change: &FindingChange) -> io::Result<()> {
    let at = change.endpoint.as_deref().unwrap_or(WHOLE_SERVICE);
    let head = Line::at(INDENT).with(Ink::Flaw, &change.detector).with(Ink::Plain, "  ");
    let room = page.room(head.width());
    page.line(head.with(Ink::Plain, super::fit::shorten(&change.subject.text, room)))?;
    let items = [
        Line::default().with(Ink::Plain, format!("at {at} of {}", change.service)),
        Line::default().with(Ink::Plain, costs(change)),
        Line::default().with(Ink::Faint, format!("id {}", change.id)),
    ];
    page.flow(Line::at(2 * INDENT), items)
}
