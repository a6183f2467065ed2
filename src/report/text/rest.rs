//! What is said below the findings: quiet endpoints, what was seen and what could not be, what was skipped.

use std::io;

use detectors::figures::{count, counted, share};
use detectors::finding::{Dismissal, Endpoint, Finding, NotSeen, Report, Seen, Skipped, SkippedRecord};

use super::endpoint::{latency, target};
use super::ink::{Ink, Line};
use super::page::Page;
use super::{Shown, WHOLE_SERVICE, fit, title};

/// How many lines a list takes unless all is asked for.
const LINES_MAX: usize = 10;

/// Where the text of a section begins.
const INDENT: usize = 2;

/// The longest service name in a table.
const NAME_MAX: usize = 28;

/// What is left of an endpoint's name in a narrow table.
const NAME_MIN: usize = 10;

/// Columns between the cells of a table.
const TABLE_GAP: usize = 2;

/// Cells for percentiles.
const FIGURES: usize = 4;

pub(super) fn write(
    page: &mut Page<'_>,
    report: &Report,
    quiet: &[&Endpoint],
    shown: &Shown<'_>,
) -> io::Result<()> {
    write_verdict(page, report)?;
    write_quiet(page, report, quiet, shown)?;
    write_accepted(page, &report.findings)?;
    write_hidden(page, report, shown)?;
    if shown.verbose {
        write_dismissed(page, &report.dismissed)?;
    }
    write_seen(page, report)?;
    write_not_seen(page, &report.not_seen)?;
    write_skipped(page, &report.skipped, shown.verbose)?;
    write_notes(page, &report.notes)
}

/// What silence means: that all is well, or that nothing could be seen.
fn write_verdict(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    if !report.findings.is_empty() {
        return Ok(());
    }
    let dark = report.endpoints.iter().all(|endpoint| endpoint.resource.class.is_none());
    let (ink, text) = match (report.endpoints.is_empty(), dark) {
        (true, _) => (Ink::Bad, "nothing to judge: no request was seen"),
        (_, true) => (Ink::Bad, "no findings, since little could be seen: most of the time is unexplained"),
        (_, false) => (Ink::Good, "no findings: nothing that was seen is worth fixing"),
    };
    page.prose(Line::default(), ink, text)?;
    page.blank()
}

/// Endpoints without a finding, a line each.
fn write_quiet(
    page: &mut Page<'_>,
    report: &Report,
    quiet: &[&Endpoint],
    shown: &Shown<'_>,
) -> io::Result<()> {
    if quiet.is_empty() {
        return Ok(());
    }
    page.line(title(if report.findings.is_empty() { "endpoints" } else { "endpoints without a finding" }))?;
    let listed = &quiet[..listed(quiet.len(), shown.verbose)];
    write_table(page, listed.iter().map(|endpoint| row(endpoint)).collect())?;
    write_more(page, quiet.len() - listed.len(), "endpoint")?;
    page.blank()
}

/// Service, name, requests, percentiles, and what is said of them.
fn row(endpoint: &Endpoint) -> Vec<Line> {
    let plain = |text: &str| Line::default().with(Ink::Plain, text);
    let mut cells = vec![
        Line::default().with(Ink::Faint, fit::shorten(&endpoint.service, NAME_MAX)),
        plain(&endpoint.name),
        plain(&counted(endpoint.requests, "request")),
    ];
    let mut figures = latency(&endpoint.latency_ns, endpoint.requests, Ink::Plain);
    figures.resize_with(FIGURES, Line::default);
    cells.extend(figures);
    cells.push(explained(endpoint));
    cells
}

/// Cells below each other. Where a line is too long the names (the second column) give way; where
/// that is not enough the last cell goes below.
fn write_table(page: &mut Page<'_>, rows: Vec<Vec<Line>>) -> io::Result<()> {
    let columns = rows.first().map_or(0, Vec::len);
    let widest = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..columns).map(widest).collect();
    let name = widths.get(1).copied().unwrap_or(0);
    let room = |shown: &[usize]| {
        let taken: usize = shown.iter().filter(|width| **width > 0).map(|width| width + TABLE_GAP).sum();
        name.saturating_sub((INDENT + taken).saturating_sub(page.style.width + TABLE_GAP))
    };
    let least = NAME_MIN.min(name);
    let rooms = [room(&widths), room(&widths[..columns.saturating_sub(1)])];
    if let Some(width) = widths.get_mut(1) {
        *width = rooms.into_iter().find(|room| *room >= least).unwrap_or(least);
    }
    for row in rows {
        let mut line = Line::at(INDENT);
        let shown = row.into_iter().zip(&widths).enumerate().filter(|(_, (_, width))| **width > 0);
        for (column, (cell, width)) in shown {
            if column + 1 == columns && line.width() + cell.width() > page.style.width {
                page.line(std::mem::replace(&mut line, Line::at(INDENT + TABLE_GAP)))?;
            }
            let end = line.width() + width + TABLE_GAP;
            line = line.then(cell.shortened(*width)).pad_to(end);
        }
        page.line(line)?;
    }
    Ok(())
}

/// What the team lives with, and why.
fn write_accepted(page: &mut Page<'_>, findings: &[Finding]) -> io::Result<()> {
    let accepted = || findings.iter().filter_map(|finding| Some((finding, finding.accepted.as_ref()?)));
    if accepted().next().is_none() {
        return Ok(());
    }
    page.line(title("accepted"))?;
    for (finding, reason) in accepted() {
        write_aside(page, &finding.detector, &finding.subject.text)?;
        let endpoint = finding.endpoint.as_deref().unwrap_or(WHOLE_SERVICE);
        page.prose(Line::at(INDENT + 2), Ink::Faint, &format!("{} {endpoint}: {reason}", finding.service))?;
    }
    page.blank()
}

/// A flaw and its subject on a line.
fn write_aside(page: &mut Page<'_>, detector: &str, subject: &str) -> io::Result<()> {
    let head = Line::at(INDENT).with(Ink::Plain, detector).with(Ink::Plain, "  ");
    let room = page.room(head.width());
    page.line(head.with(Ink::Plain, fit::shorten(subject, room)))
}

/// Silence is worth what was seen: the share of the time that the evidence explains, and the target.
fn explained(endpoint: &Endpoint) -> Line {
    if let Some(result) = &endpoint.target {
        return target(result);
    }
    let all = &endpoint.critical_path_ns.all;
    let known = all.total() - all.unexplained;
    Line::default().with(Ink::Faint, format!("{} explained", share(known, all.total())))
}

fn listed(all: usize, verbose: bool) -> usize {
    if verbose { all } else { all.min(LINES_MAX) }
}

fn write_more(page: &mut Page<'_>, more: usize, noun: &str) -> io::Result<()> {
    match more {
        0 => Ok(()),
        more => {
            let text = format!("and {}; -v lists all", counted(more as u64, &format!("more {noun}")));
            page.line(Line::at(INDENT).with(Ink::Faint, text))
        }
    }
}

/// What is there but not shown.
fn write_hidden(page: &mut Page<'_>, report: &Report, shown: &Shown<'_>) -> io::Result<()> {
    if shown.verbose {
        return Ok(());
    }
    let leads =
        report.findings.iter().filter(|finding| finding.is_lead() && finding.accepted.is_none()).count();
    let hidden = [(leads, "lead", " of low confidence"), (report.dismissed.len(), "suspicion", " dismissed")];
    let told = hidden.iter().filter(|(number, ..)| *number > 0);
    let parts: Vec<String> = told.map(|(number, noun, what)| counted(*number as u64, noun) + what).collect();
    if parts.is_empty() {
        return Ok(());
    }
    let text = format!("not shown: {}; -v shows them", parts.join(", "));
    page.line(Line::default().with(Ink::Faint, text))?;
    page.blank()
}

fn write_dismissed(page: &mut Page<'_>, dismissed: &[Dismissal]) -> io::Result<()> {
    if dismissed.is_empty() {
        return Ok(());
    }
    page.line(title("considered and dismissed"))?;
    for one in dismissed {
        write_aside(page, &one.detector, &one.subject)?;
        let endpoint = one.endpoint.as_deref().unwrap_or(WHOLE_SERVICE);
        let place = format!("{} {endpoint}, {}: ", one.service, counted(one.requests, "request"));
        page.prose(Line::at(INDENT + 2), Ink::Faint, &format!("{place}{}", one.reason))?;
    }
    page.blank()
}

/// What the evidence holds.
fn write_seen(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let Seen { spans, traces, requests, statements, cache_commands, calls } = report.seen;
    let mut parts = vec![
        counted(requests, "request") + " at " + &counted(report.endpoints.len() as u64, "endpoint"),
        counted(statements, "statement"),
        counted(calls, "call") + " to other services",
    ];
    if cache_commands > 0 {
        parts.push(counted(cache_commands, "cache command"));
    }
    let whole = format!("{} in {}", counted(spans, "span"), counted(traces, "trace"));
    page.prose(section("seen"), Ink::Plain, &format!("{whole}: {}", parts.join(", ")))
}

/// Columns of the longest name of a section at the end.
const SECTION: usize = 11;

fn section(name: &str) -> Line {
    Line::default().with(Ink::Title, name).pad_to(SECTION)
}

fn write_not_seen(page: &mut Page<'_>, not_seen: &[NotSeen]) -> io::Result<()> {
    let mut name = section("not seen");
    for one in not_seen {
        let service = one.service.as_ref().map(|service| format!(" ({service})")).unwrap_or_default();
        page.prose(name, Ink::Plain, &format!("{}{service}: {}", one.what, one.how))?;
        name = Line::at(SECTION);
    }
    Ok(())
}

fn write_skipped(page: &mut Page<'_>, skipped: &Skipped, verbose: bool) -> io::Result<()> {
    if skipped.records == 0 && skipped.bytes == 0 {
        return Ok(());
    }
    let bytes = counted(skipped.bytes, "byte");
    let records = format!("{} of {}", count(skipped.records), counted(skipped.of, "record"));
    let text = format!("{records} ({}), {bytes}", share(skipped.records, skipped.of));
    page.prose(section("skipped"), Ink::Bad, &text)?;
    let listed = if verbose { skipped.first.len() } else { skipped.first.len().min(3) };
    for record in &skipped.first[..listed] {
        page.prose(Line::at(SECTION), Ink::Plain, &format!("{}: {}", place(record), record.reason))?;
    }
    match skipped.records.saturating_sub(listed as u64) {
        0 => Ok(()),
        more => page.line(Line::at(SECTION).with(Ink::Faint, format!("and {} more", count(more)))),
    }
}

fn place(record: &SkippedRecord) -> String {
    match record.line {
        Some(line) => format!("{}:{line}", record.file),
        None => format!("{}, byte {}", record.file, count(record.offset)),
    }
}

fn write_notes(page: &mut Page<'_>, notes: &[String]) -> io::Result<()> {
    let mut name = section("notes");
    for note in notes {
        page.prose(name, Ink::Plain, note)?;
        name = Line::at(SECTION);
    }
    Ok(())
}
