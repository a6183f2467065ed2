//! What is said below the findings: other endpoints, what was seen and what could not be, what was skipped.

use std::io;

use detectors::figures::{count, counted, share};
use detectors::finding::{
    Dismissal, Endpoint, Finding, GainKind, NotSeen, Report, Seen, Skipped, SkippedRecord,
};

use super::endpoint::{fixes, latency, numbered, target};
use super::finding::change_at;
use super::ink::{Ink, Line};
use super::page::Page;
use super::table::write_table;
use super::{Shown, WHOLE_SERVICE, fit, title};

/// How many lines a list takes unless all is asked for.
const LINES_MAX: usize = 10;

/// How many endpoints with causes that are told elsewhere are listed.
const ALIKE_MAX: usize = 50;

/// How many endpoints are named on a line.
const PLACES_MAX: usize = 3;

/// Where the text of a section begins.
const INDENT: usize = 2;

/// The longest service name in a table.
const NAME_MAX: usize = 28;

/// Cells for percentiles.
const FIGURES: usize = 4;

pub(super) fn write(
    page: &mut Page<'_>,
    report: &Report,
    quiet: &[&Endpoint],
    shown: &Shown<'_>,
) -> io::Result<()> {
    let (alike, quiet): (Vec<&Endpoint>, Vec<&Endpoint>) =
        quiet.iter().partition(|endpoint| shown.is_helped(endpoint));
    write_alike(page, &alike, shown)?;
    write_verdict(page, report)?;
    write_quiet(page, report, &quiet, shown)?;
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
    let logged = |service: &str| {
        let mut gaps = report.not_seen.iter();
        gaps.any(|gap| gap.what == NotSeen::WHAT_REQUESTS_DO && gap.service.as_deref() == Some(service))
    };
    let is_dark = |endpoint: &Endpoint| endpoint.resource.class.is_none() || logged(&endpoint.service);
    let dark = report.endpoints.iter().all(is_dark);
    let (ink, text) = match (report.endpoints.is_empty(), dark) {
        (true, _) if report.seen.requests > 0 => (Ink::Bad, "nothing to tell of what was asked for"),
        (true, _) => (Ink::Bad, "nothing to judge: no request was seen"),
        (_, true) => (Ink::Bad, "no findings, since little could be seen: most of the time is unexplained"),
        (_, false) => (Ink::Good, "no findings: nothing that was seen is worth fixing"),
    };
    page.prose(Line::default(), ink, text)?;
    page.blank()
}

/// Endpoints whose causes are all told elsewhere, at them or at what they call, a line each.
fn write_alike(page: &mut Page<'_>, endpoints: &[&Endpoint], shown: &Shown<'_>) -> io::Result<()> {
    if endpoints.is_empty() {
        return Ok(());
    }
    page.line(title("other endpoints that these fixes help"))?;
    let listed = &endpoints[..endpoints.len().min(ALIKE_MAX)];
    write_table(page, listed.iter().map(|endpoint| told_above(endpoint, shown)).collect())?;
    write_more(page, endpoints.len() - listed.len(), "endpoint")?;
    page.blank()
}

/// `p99 90 ms → 80 ms  after fixes 1 + 2`, behind service and name.
fn told_above(endpoint: &Endpoint, shown: &Shown<'_>) -> Vec<Line> {
    let mut cells = named(endpoint);
    cells.extend(match endpoint.after_fixes.last() {
        Some(last) => [
            change_at(endpoint, &last.latency_ns),
            Line::default().with(Ink::Faint, fixes(&endpoint.after_fixes, shown)),
        ],
        None => alone(endpoint, shown),
    });
    cells
}

/// What the first finding's fix alone does, where no joint result is known.
fn alone(endpoint: &Endpoint, shown: &Shown<'_>) -> [Line; 2] {
    let numbers = shown.at(endpoint).map(|told| told.number);
    let see = Line::default().with(Ink::Faint, numbered(numbers, "see", "finding"));
    match shown.at(endpoint).next().filter(|told| told.finding.gain.kind == GainKind::Latency) {
        Some(told) => [change_at(endpoint, &told.finding.latency_ns.predicted), see],
        None => [Line::default(), see],
    }
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
    let mut cells = named(endpoint);
    let mut figures = latency(&endpoint.latency_ns, endpoint.requests, Ink::Plain);
    figures.resize_with(FIGURES, Line::default);
    cells.extend(figures);
    cells.push(explained(endpoint));
    cells
}

/// Service, name and requests.
fn named(endpoint: &Endpoint) -> Vec<Line> {
    let plain = |text: &str| Line::default().with(Ink::Plain, text);
    vec![
        Line::default().with(Ink::Faint, fit::shorten(&endpoint.service, NAME_MAX)),
        plain(&endpoint.name),
        plain(&counted(endpoint.requests, "request")),
    ]
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
        let until = finding.accepted_until.as_ref().map(|day| format!("until {day}"));
        let terms: Vec<&str> = finding.accepted_owner.iter().chain(&until).map(String::as_str).collect();
        let terms = if terms.is_empty() { String::new() } else { format!(" ({})", terms.join(", ")) };
        let text = format!("{} {endpoint}: {reason}{terms}", finding.service);
        page.prose(Line::at(INDENT + 2), Ink::Faint, &text)?;
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
    let by_log = endpoint.logged.as_ref().map_or_else(String::new, |logged| {
        format!("; a log has at least {} a request", counted(logged.statements_each(), "statement"))
    });
    Line::default().with(Ink::Faint, format!("{} explained{by_log}", share(known, all.total())))
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
    let leads: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.is_hidden() && finding.accepted.is_none()).collect();
    let mut parts = Vec::new();
    if !leads.is_empty() {
        let number = counted(leads.len() as u64, "lead");
        parts.push(format!("{number} of low confidence ({})", places(&leads)));
    }
    if !report.dismissed.is_empty() {
        parts.push(counted(report.dismissed.len() as u64, "suspicion") + " dismissed");
    }
    if parts.is_empty() {
        return Ok(());
    }
    let text = format!("not shown: {}; -v shows them", parts.join(", "));
    page.prose(Line::default(), Ink::Faint, &text)?;
    page.blank()
}

/// Where findings lie, each endpoint once: `GET /orders, GET /cart and 3 more`.
fn places(findings: &[&Finding]) -> String {
    let mut places: Vec<&str> = Vec::new();
    for place in findings.iter().map(|finding| finding.endpoint.as_deref().unwrap_or(WHOLE_SERVICE)) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    match places.len() {
        0..=PLACES_MAX => places.join(", "),
        all => format!("{} and {} more", places[..PLACES_MAX].join(", "), all - PLACES_MAX),
    }
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
        counted(requests, "request"),
        counted(statements, "statement"),
        counted(calls, "call") + " to other services",
    ];
    if cache_commands > 0 {
        parts.push(counted(cache_commands, "cache command"));
    }
    let whole = match (traces, &report.logged) {
        (0, Some(logged)) if spans == 0 => {
            format!("statistics of {}", counted(logged.statements, "statement"))
        }
        (0, Some(_)) => format!("{} of logs", counted(spans, "record")),
        _ => format!("{} in {}", counted(spans, "span"), counted(traces, "trace")),
    };
    page.prose(section("seen"), Ink::Plain, &format!("{whole}: {}", parts.join(", ")))
}

/// Columns of the longest name of a section at the end.
const SECTION: usize = 11;

fn section(name: &str) -> Line {
    Line::default().with(Ink::Title, name).pad_to(SECTION)
}

fn write_not_seen(page: &mut Page<'_>, not_seen: &[NotSeen]) -> io::Result<()> {
    let mut name = section("not seen");
    for (place, one) in not_seen.iter().enumerate() {
        let same = |other: &&NotSeen| (&other.what, &other.how) == (&one.what, &one.how);
        if not_seen[..place].iter().any(|other| same(&other)) {
            continue;
        }
        let services: Vec<&str> =
            not_seen[place..].iter().filter(same).filter_map(|other| other.service.as_deref()).collect();
        let services =
            if services.is_empty() { String::new() } else { format!(" ({})", services.join(", ")) };
        page.prose(name, Ink::Plain, &format!("{}{services}: {}", one.what, one.how))?;
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
