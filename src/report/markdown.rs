//! The report for a pull request: GitHub's Markdown, short first, the rest folded.

mod check;
mod comparison;
mod logged;
mod runs;

use std::io::{self, Write};

use detectors::figures::{count, counted, duration};
use detectors::finding::{Confidence, Endpoint, Finding, Report};

use super::words::{
    WHOLE_SERVICE, changes, checked, clean, example, gain, is_at, place, seen_in, took, trace_or_place,
};
use super::{CheckOutput, Output, RunsOutput, Style, numbered, server, words};

pub(super) const OUTPUT: Output = Output {
    name: "markdown",
    summary: "Markdown for a pull request or a ticket",
    write,
    compare: Some(comparison::write),
};

pub(super) const CHECK: CheckOutput = CheckOutput {
    name: "markdown",
    summary: "Markdown for a pull request or a job's summary",
    write: check::write,
};

pub(super) const RUNS: RunsOutput =
    RunsOutput { name: "markdown", summary: "Markdown for a pull request or a ticket", write: runs::write };

/// Bytes of all that is told: a comment on GitHub holds 65,536 characters, and what is left out is told, too.
const LENGTH_MAX: usize = 64_000;

/// Bytes up to the end of the table of endpoints, and up to the end of the findings.
const TABLE_END_MAX: usize = 24_000;
const FINDINGS_END_MAX: usize = 52_000;

/// Bytes up to the end of the statements in logs.
const LOGGED_END_MAX: usize = 60_000;

/// Findings that are told.
const FINDINGS_MAX: usize = 20;

/// Endpoints in the table.
const ENDPOINTS_MAX: usize = 50;

/// Around figures that matter most.
const BOLD: [&str; 2] = ["**", "**"];

/// Characters of a statement.
const SUBJECT_MAX: usize = 300;

fn write(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let findings = numbered(report, style);
    let mut text = Vec::new();
    write_head(report, &findings, &mut text)?;
    write_endpoints(report, &mut text)?;
    let mut told = 0;
    for (number, finding) in findings.iter().take(FINDINGS_MAX) {
        let endpoint = report.endpoints.iter().find(|endpoint| is_at(finding, endpoint));
        told += add(&mut text, FINDINGS_END_MAX, |text| write_finding(*number, finding, endpoint, text))?;
    }
    write_more(findings.len() - told, "more finding", &mut text)?;
    logged::write(report, &mut text)?;
    write_server(report, &mut text)?;
    write_rest(report, &mut text)?;
    out.write_all(&text)
}

/// Adds a part if the text is no longer than `max` bytes then, nothing of it otherwise; returns how many parts
/// were added.
fn add(
    text: &mut Vec<u8>,
    max: usize,
    part: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
) -> io::Result<usize> {
    let before = text.len();
    part(text)?;
    if text.len() <= max {
        return Ok(1);
    }
    text.truncate(before);
    Ok(0)
}

/// Tells how many parts were left out.
fn write_more(left_out: usize, what: &str, text: &mut Vec<u8>) -> io::Result<()> {
    match left_out as u64 {
        0 => Ok(()),
        more => writeln!(text, "\n{}, not listed here.", counted(more, what)),
    }
}

fn write_head(report: &Report, findings: &[(usize, &Finding)], out: &mut dyn io::Write) -> io::Result<()> {
    let targets = || report.endpoints.iter().filter_map(|endpoint| endpoint.target.as_ref());
    let missed = targets().filter(|target| target.met == Some(false)).count() as u64;
    let mut parts = vec![match findings.len() as u64 {
        0 => "no findings".to_owned(),
        some => counted(some, "finding"),
    }];
    if targets().next().is_some() {
        parts.push(match missed {
            0 => "no target missed".to_owned(),
            some => format!("{} missed", counted(some, "target")),
        });
    }
    writeln!(out, "## whyslow: {}\n", parts.join(", "))?;
    let seen = &report.seen;
    writeln!(
        out,
        "{}, {} and {} in {} were looked at.",
        counted(seen.requests, "request"),
        counted(seen.statements, "statement"),
        counted(seen.calls, "call"),
        seen_in(report)
    )
}

fn write_endpoints(report: &Report, out: &mut Vec<u8>) -> io::Result<()> {
    if report.endpoints.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n| endpoint | requests | p50 | p95 | p99 | statements | target | after these fixes |")?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|---|---|")?;
    let mut told = 0;
    for endpoint in report.endpoints.iter().take(ENDPOINTS_MAX) {
        told += add(out, TABLE_END_MAX, |out| write_row(endpoint, out))?;
    }
    write_more(report.endpoints.len() - told, "more endpoint", out)
}

fn write_row(endpoint: &Endpoint, out: &mut dyn io::Write) -> io::Result<()> {
    let latency = &endpoint.latency_ns;
    // A log may have no times.
    let figure = |ns: Option<u64>| ns.filter(|ns| *ns > 0).map_or_else(|| "–".to_owned(), duration);
    let target = endpoint.target.as_ref().map_or_else(String::new, |target| {
        let met = match target.met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "too few requests",
        };
        format!("{} < {}: {met}", target.metric, duration(target.max_ns))
    });
    let after = endpoint.after_fixes.last().map_or_else(String::new, |last| {
        changes(&endpoint.latency_ns, &last.latency_ns, Some(endpoint), BOLD)
    });
    writeln!(
        out,
        "| {} {} | {} | {} | {} | {} | {} | {target} | {after} |",
        prose(&endpoint.service),
        code(&endpoint.name).replace('|', "\\|"),
        count(endpoint.requests),
        figure(latency.p50),
        figure(latency.p95),
        figure(latency.p99),
        count(endpoint.statements_per_request.p50),
    )
}

fn write_finding(
    number: usize,
    finding: &Finding,
    endpoint: Option<&Endpoint>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let place_name = finding.endpoint.as_deref().unwrap_or(WHOLE_SERVICE);
    writeln!(
        out,
        "\n### {number}. {} at {} of {}\n",
        finding.detector,
        code(place_name),
        prose(&finding.service)
    )?;
    writeln!(out, "{}\n", code(&cut(&finding.subject.text)))?;
    writeln!(out, "- {}", gain(finding, endpoint, BOLD))?;
    if let Some(repeats) = finding.repeats.filter(|repeats| repeats.max > 1) {
        writeln!(out, "- {} in a request, up to {}", count(repeats.p50), count(repeats.max))?;
    }
    if let Some(location) = &finding.location {
        writeln!(out, "- at {}", code(&place(location)))?;
    }
    match finding.confidence {
        Confidence::High => {}
        Confidence::Medium => writeln!(out, "- medium confidence")?,
        Confidence::Low => writeln!(out, "- low confidence: a lead")?,
    }
    write_words(finding, out)
}

fn write_words(finding: &Finding, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "- **why** {}", prose(&finding.why))?;
    for (place, fix) in finding.fix.iter().enumerate() {
        let name = if place == 0 { "fix" } else { "or" };
        let costs = match fix.tradeoff.is_empty() {
            true => String::new(),
            false => format!(" (costs: {})", prose(&fix.tradeoff)),
        };
        writeln!(out, "- **{name}** {}{costs}", prose(&fix.text))?;
    }
    writeln!(out, "- **check** {}: {}", prose(&checked(&finding.verify)), code(&finding.verify.command))?;
    if let Some(first) = finding.evidence.first() {
        let what = trace_or_place(&first.trace);
        writeln!(out, "- seen in {what}{}{}", code(&first.trace), took(first.duration_ns))?;
    }
    if let Some(shown) = &finding.example {
        writeln!(out, "- values shown: {}", code(&example(shown, SUBJECT_MAX)))?;
    }
    writeln!(out, "- id {}", code(&finding.id))
}

fn write_server(report: &Report, out: &mut Vec<u8>) -> io::Result<()> {
    let lines: Vec<String> = report.server.iter().flat_map(server::lines).collect();
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n<details><summary>What logs tell of servers</summary>\n")?;
    let mut told = 0;
    for line in &lines {
        told += add(out, LENGTH_MAX, |out| writeln!(out, "- {}", prose(line)))?;
    }
    write_more(lines.len() - told, "more line", out)?;
    writeln!(out, "\n</details>")
}

fn write_rest(report: &Report, out: &mut Vec<u8>) -> io::Result<()> {
    let not_seen = report.not_seen.iter().map(|one| {
        let service = one.service.as_ref().map(|service| format!(" ({service})")).unwrap_or_default();
        format!("not seen: {}{service}: {}", one.what, one.how)
    });
    let skipped = (report.skipped.records > 0).then(|| {
        let first = report.skipped.first.first();
        let place =
            first.map(|one| format!(", the first in {}: {}", one.file, one.reason)).unwrap_or_default();
        format!(
            "{} of {} records were skipped{place}",
            count(report.skipped.records),
            count(report.skipped.of)
        )
    });
    let lines: Vec<String> = not_seen.chain(skipped).chain(report.notes.iter().cloned()).collect();
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n<details><summary>What could not be seen, and notes</summary>\n")?;
    let mut told = 0;
    for line in &lines {
        told += add(out, LENGTH_MAX, |out| writeln!(out, "- {}", prose(line)))?;
    }
    write_more(lines.len() - told, "more note", out)?;
    writeln!(out, "\n</details>")
}

/// A text as code: fenced by more backticks than it holds in a row.
fn code(text: &str) -> String {
    let text = clean(text);
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let gap = if longest > 0 || text.is_empty() { " " } else { "" };
    format!("{fence}{gap}{text}{gap}{fence}")
}

/// A text whose signs mean nothing, nor call anybody.
fn prose(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in clean(text).chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '@' => safe.push_str("@\u{200b}"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' => safe.extend(['\\', letter]),
            _ => safe.push(letter),
        }
    }
    safe
}

fn cut(text: &str) -> String {
    words::cut(text, SUBJECT_MAX)
}
