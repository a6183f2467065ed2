//! One endpoint: its figures, where its time goes, its findings, and what is left after them.

use std::io;

use detectors::evidence::trace::SESSION;
use detectors::figures::{count, counted, duration, share};
use detectors::finding::{
    AfterFix, Confidence, CriticalPath, Endpoint, Latency, LoggedWithin, PathTime, Resource, ResourceClass,
    Spread, TargetResult,
};

use super::ink::{Ink, Line};
use super::page::Page;
use super::{Shown, Told, finding, fit, step_of};

/// Below it the slowest 1 % is one request.
const PERCENT: u64 = 100;

/// Columns of the name of what time was spent on.
const NAME_WIDTH: usize = 24;

/// The longest bar.
const BAR_MAX: usize = 40;

/// A bar that is shorter than this says nothing.
const BAR_MIN: usize = 8;

/// Columns of a statement within a sentence.
const STATEMENT_WIDTH: usize = 60;

/// The eighths of a bar's last column.
pub(super) const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

pub(super) fn write(page: &mut Page<'_>, endpoint: &Endpoint, shown: &Shown<'_>) -> io::Result<()> {
    write_head(page, endpoint)?;
    page.blank()?;
    write_time(page, endpoint)?;
    let findings = in_steps(endpoint, shown);
    for told in &findings {
        page.blank()?;
        finding::write(page, *told, Some(endpoint), shown)?;
    }
    if findings.is_empty() && endpoint.after_fixes.is_empty() {
        page.blank()?;
        page.line(Line::at(2).with(Ink::Plain, "no finding"))?;
    }
    write_after(page, endpoint, shown)?;
    page.blank()
}

/// Its findings in the order of the steps, since each is predicted after those before it.
fn in_steps<'r>(endpoint: &Endpoint, shown: &Shown<'r>) -> Vec<Told<'r>> {
    let mut findings: Vec<Told<'r>> = shown.at(endpoint).collect();
    findings.sort_by_key(|told| step_of(told.finding, endpoint));
    findings
}

pub(super) fn write_head(page: &mut Page<'_>, endpoint: &Endpoint) -> io::Result<()> {
    let target = endpoint.target.as_ref().map(target).unwrap_or_default();
    let room = page.room(endpoint.service.len() + 2);
    let name = Line::default()
        .with(Ink::Faint, &endpoint.service)
        .with(Ink::Title, format!("  {}", fit::shorten(&endpoint.name, room)));
    page.line_and_right(name, target, 2)?;
    let mut items = vec![Line::default().with(Ink::Plain, requests(endpoint))];
    items.extend(latency(&endpoint.latency_ns, endpoint.requests, Ink::Figure));
    if endpoint.statements_per_request.max > 0 {
        let text = format!("{} a request", statements(endpoint.statements_per_request));
        items.push(Line::default().with(Ink::Plain, text));
    }
    // Names in brackets stand for spans without a request: nobody called it.
    if !endpoint.entry && !endpoint.name.starts_with('(') {
        items.push(Line::default().with(Ink::Faint, "called by traced services only"));
    }
    if endpoint.errors > 0 {
        let text = format!("{} failed", counted(endpoint.errors, "request"));
        items.push(Line::default().with(Ink::Bad, text));
    }
    page.flow(Line::at(2), items)
}

/// What its requests are called, with their number.
fn requests(endpoint: &Endpoint) -> String {
    match endpoint.name == SESSION {
        true if endpoint.requests == 1 => "1 transaction or run of statements".to_owned(),
        true => format!("{} transactions and runs of statements", count(endpoint.requests)),
        false => counted(endpoint.requests, "request"),
    }
}

fn statements(spread: Spread) -> String {
    let usual = counted(spread.p50, "statement");
    match spread.max > spread.p50 {
        true => format!("{usual} (up to {})", count(spread.max)),
        false => usual,
    }
}

/// `target p99 < 500 ms  missed`.
pub(super) fn target(target: &TargetResult) -> Line {
    let goal = format!("target {} < {}  ", target.metric, duration(target.max_ns));
    let (ink, verdict) = match target.met {
        Some(true) => (Ink::Good, "met"),
        Some(false) => (Ink::Bad, "missed"),
        None => (Ink::Faint, "too few requests to say"),
    };
    Line::default().with(Ink::Plain, goal).with(ink, verdict)
}

/// The percentiles that are known; the slowest request where there are too few for them.
pub(super) fn latency(latency: &Latency, requests: u64, ink: Ink) -> Vec<Line> {
    let figure = |name: &str, ns: Option<u64>| {
        let known = ns.filter(|_| latency.max != Some(0));
        known.map(|ns| Line::default().with(Ink::Faint, format!("{name} ")).with(ink, duration(ns)))
    };
    let slowest = match latency.p99 {
        Some(_) => None,
        None if requests == 1 => None,
        None => figure(&format!("slowest of {requests}"), latency.max),
    };
    let known = [figure("p50", latency.p50), figure("p95", latency.p95), figure("p99", latency.p99), slowest];
    known.into_iter().flatten().collect()
}

/// Where the time goes: of all requests, and of the slowest.
fn write_time(page: &mut Page<'_>, endpoint: &Endpoint) -> io::Result<()> {
    let CriticalPath { all, slowest } = endpoint.critical_path_ns;
    let mut rows: Vec<_> = all.parts().into_iter().zip(slowest.parts()).collect();
    rows.sort_by_key(|(_, (_, ns))| std::cmp::Reverse(*ns));
    rows.retain(|((_, mean), (_, slow))| *mean > 0 || *slow > 0);
    if rows.is_empty() && endpoint.logged.is_none() {
        return page.prose(Line::at(2), Ink::Faint, "where the time goes is not recorded: no times");
    }
    let both = endpoint.requests > 1;
    page.line_and_right(time_title(endpoint.requests), bound_by(endpoint.resource), 2)?;
    for ((name, mean), (_, slow)) in rows {
        let mut line = Line::at(4).with(Ink::Plain, name).pad_to(4 + NAME_WIDTH);
        if both {
            line = with_share(line, mean, &all, Ink::Faint);
        }
        line =
            with_share(line, slow, &slowest, Ink::Plain).pad_to(4 + NAME_WIDTH + if both { 36 } else { 18 });
        let room = page.style.width.saturating_sub(line.width()).min(BAR_MAX);
        if room >= BAR_MIN {
            line = line.with(Ink::Bar, bar(slow, slowest.total(), room));
        }
        page.line(line)?;
    }
    match &endpoint.logged {
        Some(logged) => page.prose(Line::at(4), Ink::Plain, &within(logged, endpoint)),
        None => Ok(()),
    }
}

/// What a database's log tells of time that traces leave unexplained.
fn within(logged: &LoggedWithin, endpoint: &Endpoint) -> String {
    let all_ns = endpoint.critical_path_ns.all.total().saturating_mul(logged.requests);
    format!(
        "a database's log tells of at least {} of it: {} a request, {}, most for {} (inferred from times)",
        share(logged.time_ns, all_ns),
        counted(logged.statements_each(), "statement"),
        duration(logged.time_ns / logged.requests.max(1)),
        fit::shorten(&logged.statement, STATEMENT_WIDTH),
    )
}

fn time_title(requests: u64) -> Line {
    let title = Line::at(2).with(Ink::Title, "where the time goes");
    let slowest = if requests < PERCENT { "the slowest" } else { "of slowest 1 %" };
    match requests {
        0 | 1 => title,
        _ => title
            .pad_to(4 + NAME_WIDTH)
            .with(Ink::Faint, format!("{:>16}", "mean of all"))
            .with(Ink::Faint, format!("{slowest:>18}")),
    }
}

fn with_share(line: Line, ns: u64, whole: &PathTime, ink: Ink) -> Line {
    let column = line.width();
    let text = format!("{:>9}  {:>5}", duration(ns), share(ns, whole.total()));
    line.with(ink, text).pad_to(column + 18)
}

fn bar(part: u64, whole: u64, room: usize) -> String {
    let eighths = u128::from(part) * room as u128 * 8 / u128::from(whole.max(1));
    let eighths = usize::try_from(eighths).unwrap_or(0).min(room * 8);
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

fn bound_by(resource: Resource) -> Line {
    let Some(class) = resource.class else {
        return Line::default().with(Ink::Faint, "most of it unexplained");
    };
    let sure = match resource.confidence {
        Confidence::High => "bound by ",
        Confidence::Medium => "probably bound by ",
        Confidence::Low => "perhaps bound by ",
    };
    Line::default().with(Ink::Faint, sure).with(Ink::Title, class_name(class))
}

/// The resource in words.
pub(super) fn class_name(class: ResourceClass) -> &'static str {
    match class {
        ResourceClass::Cpu => "computing",
        ResourceClass::Io => "I/O",
        ResourceClass::Memory => "memory",
        ResourceClass::Network => "calls to other services",
    }
}

/// What is left after the last fix, and how many are enough for the target.
fn write_after(page: &mut Page<'_>, endpoint: &Endpoint, shown: &Shown<'_>) -> io::Result<()> {
    let steps = &endpoint.after_fixes;
    let Some(last) = steps.last() else { return Ok(()) };
    let after = Line::default().with(Ink::Title, fixes(steps, shown)).with(Ink::Faint, ", predicted");
    let mut items = vec![after];
    items.extend(latency(&last.latency_ns, endpoint.requests, Ink::Figure));
    items.push(match (last.target_met, steps.iter().position(|step| step.target_met == Some(true))) {
        (Some(true), Some(first)) if first + 1 < steps.len() => {
            let enough = fixes(&steps[..=first], shown);
            Line::default().with(Ink::Good, "target met").with(Ink::Plain, format!(" {enough} already"))
        }
        (Some(true), _) => Line::default().with(Ink::Good, "target met"),
        (Some(false), _) => Line::default().with(Ink::Bad, "target still missed"),
        (None, _) => Line::default(),
    });
    page.blank()?;
    page.flow(Line::at(2), items)
}

/// `after fixes 1 + 2 + 3`; a finding that is not shown goes by its id.
pub(super) fn fixes(steps: &[AfterFix], shown: &Shown<'_>) -> String {
    let name = |step: &AfterFix| match shown.number_of(&step.finding) {
        Some(number) => number.to_string(),
        None => step.finding.clone(),
    };
    numbered(steps.iter().map(name), "after", "fix")
}

/// `after fix 1`, `see findings 2 + 3`; each once.
pub(super) fn numbered(names: impl Iterator<Item = impl ToString>, verb: &str, noun: &str) -> String {
    let mut known: Vec<String> = Vec::new();
    for name in names.map(|name| name.to_string()) {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    let plural = match (known.len(), noun) {
        (1, _) => "",
        (_, "fix") => "es",
        _ => "s",
    };
    format!("{verb} {noun}{plural} {}", known.join(" + "))
}
