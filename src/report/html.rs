//! The report as one page that needs nothing else: endpoints, findings, requests drawn in time.
//!
//! Every text is escaped where it is written ([`Text`]); the page loads nothing and says so to the browser.

mod logged;
mod plan;
mod waterfall;

use std::fmt;
use std::io;

use detectors::figures::{count, counted, duration, share};
use detectors::finding::{Confidence, Endpoint, Finding, PathTime, Report, TargetResult};

use super::words::{
    WHOLE_SERVICE, changes, checked, clean, example, gain, is_at, place, seen_in, took, trace_or_place,
};
use super::{Output, PlanOutput, Style, numbered, server};

pub(super) const OUTPUT: Output = Output {
    name: "html",
    summary: "one page for a browser, with requests drawn in time",
    write,
    compare: None,
};

pub(super) const PLAN: PlanOutput = PlanOutput {
    name: "html",
    summary: "one page for a browser, with conditions to unfold",
    write: plan::write,
    compare: None,
};

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// Around figures that matter most.
const BOLD: [&str; 2] = ["<b>", "</b>"];

/// Dismissals that are listed.
const DISMISSED_MAX: usize = 200;

/// Letters of a statement that is shown with its values.
const VALUES_MAX: usize = 2_000;

/// Names of the parts of a path, in the order of [`PathTime::parts`]: classes of the style sheet.
const PARTS: [&str; 7] = ["database", "call", "cache", "pool_wait", "lock_wait", "own", "unexplained"];

/// A text that is written without the signs that HTML gives a meaning.
struct Text<'t>(&'t str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in clean(self.0).chars() {
            match letter {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                other => fmt::Write::write_char(out, other)?,
            }
        }
        Ok(())
    }
}

fn write(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let findings = numbered(report, style);
    write_start(out)?;
    write_head(report, out)?;
    write_endpoints(report, &findings, out)?;
    write_findings(report, &findings, out)?;
    logged::write(report, out)?;
    write_rest(report, out)?;
    write_end(out)
}

fn write_start(out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'\">\n<title>whyslow</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>"
    )
}

fn write_end(out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>")
}

fn write_head(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let seen = &report.seen;
    writeln!(
        out,
        "<h1>Why is it slow?</h1>\n<p class=\"faint\">{}, {} and {} in {}. Keys: j and k go from finding to \
         finding, o opens and closes what is folded in one.</p>",
        counted(seen.requests, "request"),
        counted(seen.statements, "statement"),
        counted(seen.calls, "call"),
        seen_in(report),
    )
}

fn write_endpoints(
    report: &Report,
    findings: &[(usize, &Finding)],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out, "<h2>Endpoints</h2>")?;
    if report.endpoints.is_empty() {
        return writeln!(out, "<p>No request was seen.</p>");
    }
    write_legend(out)?;
    writeln!(
        out,
        "<div class=\"scroll\"><table>\n<thead><tr><th>endpoint</th><th class=\"figure\">requests</th>\
         <th class=\"figure\">p50</th><th class=\"figure\">p95</th><th class=\"figure\">p99</th>\
         <th class=\"figure\">statements</th><th>where the slowest 1 % spend their time</th><th>target</th>\
         <th>after these fixes</th><th>findings</th></tr></thead>\n<tbody>"
    )?;
    for endpoint in &report.endpoints {
        write_endpoint(endpoint, findings, out)?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn write_legend(out: &mut dyn io::Write) -> io::Result<()> {
    write!(out, "<p class=\"legend\">")?;
    for ((name, _), class) in PathTime::default().parts().into_iter().zip(PARTS) {
        write!(out, "<span><i style=\"background:var(--{class})\"></i>{name}</span>")?;
    }
    writeln!(out, "</p>")
}

fn write_endpoint(
    endpoint: &Endpoint,
    findings: &[(usize, &Finding)],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    // A log may have no times.
    let figure = |ns: Option<u64>| ns.filter(|ns| *ns > 0).map_or_else(|| "–".to_owned(), duration);
    let latency = &endpoint.latency_ns;
    write!(
        out,
        "<tr><td class=\"nowrap\"><span class=\"faint\">{}</span> {}</td><td class=\"figure\">{}</td><td class=\"figure\">{}</td>\
         <td class=\"figure\">{}</td><td class=\"figure\">{}</td><td class=\"figure\">{}</td><td>",
        Text(&endpoint.service),
        Text(&endpoint.name),
        count(endpoint.requests),
        figure(latency.p50),
        figure(latency.p95),
        figure(latency.p99),
        count(endpoint.statements_per_request.p50),
    )?;
    write_path(&endpoint.critical_path_ns.slowest, out)?;
    write!(out, "</td><td>{}</td><td>", target(endpoint.target.as_ref()))?;
    if let Some(last) = endpoint.after_fixes.last() {
        write!(out, "{}", changes(latency, &last.latency_ns, Some(endpoint), BOLD))?;
    }
    write!(out, "</td><td>")?;
    for (number, finding) in findings.iter().filter(|(_, finding)| is_at(finding, endpoint)) {
        write!(out, "<a href=\"#{}\">{number}</a> ", Text(&finding.id))?;
    }
    writeln!(out, "</td></tr>")
}

/// A bar of what the time was spent on, told in words, too.
fn write_path(path: &PathTime, out: &mut dyn io::Write) -> io::Result<()> {
    let total_ns = path.total().max(1);
    let parts = || path.parts().into_iter().zip(PARTS).filter(|((_, ns), _)| *ns > 0);
    let words: Vec<String> =
        parts().map(|((name, ns), _)| format!("{name} {}", share(ns, total_ns))).collect();
    write!(
        out,
        "<div class=\"path\" role=\"img\" aria-label=\"{0}\" title=\"{0}\">",
        Text(&words.join(", "))
    )?;
    for ((_, ns), class) in parts() {
        let percent = ns as f64 * 100.0 / total_ns as f64;
        write!(out, "<span style=\"width:{percent:.2}%;background:var(--{class})\"></span>")?;
    }
    write!(out, "</div>")
}

fn target(target: Option<&TargetResult>) -> String {
    let Some(target) = target else { return String::new() };
    let (class, met) = match target.met {
        Some(true) => ("good", "met"),
        Some(false) => ("bad", "missed"),
        None => ("faint", "too few requests to say"),
    };
    format!("{} &lt; {} <b class=\"{class}\">{met}</b>", Text(&target.metric), duration(target.max_ns))
}

fn write_findings(
    report: &Report,
    findings: &[(usize, &Finding)],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out, "<h2>Findings</h2>")?;
    if findings.is_empty() {
        return writeln!(out, "<p>Nothing that was seen is worth fixing.</p>");
    }
    for (number, finding) in findings {
        let endpoint = report.endpoints.iter().find(|endpoint| is_at(finding, endpoint));
        write_finding(*number, finding, endpoint, out)?;
    }
    Ok(())
}

fn write_finding(
    number: usize,
    finding: &Finding,
    endpoint: Option<&Endpoint>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let at = finding.endpoint.as_deref().unwrap_or(WHOLE_SERVICE);
    writeln!(
        out,
        "<article id=\"{id}\" tabindex=\"0\" aria-labelledby=\"title-{id}\">\n<h3 id=\"title-{id}\">{number} {} \
         <span class=\"faint\">at {} of {}</span></h3>\n<p><code>{}</code></p>",
        Text(&finding.detector),
        Text(at),
        Text(&finding.service),
        Text(&finding.subject.text),
        id = Text(&finding.id),
    )?;
    writeln!(
        out,
        "<p class=\"gain\">{}</p>\n<p class=\"faint\">{}</p>",
        gain(finding, endpoint, BOLD),
        facts(finding)
    )?;
    write_words(finding, out)?;
    if let Some(drawn) = &finding.waterfall {
        waterfall::write(drawn, number, out)?;
    }
    writeln!(out, "</article>")
}

fn facts(finding: &Finding) -> String {
    let mut facts = vec![format!("in {}", counted(finding.requests, "request"))];
    if let Some(repeats) = finding.repeats.filter(|repeats| repeats.max > 1) {
        facts.push(format!("{} in each, up to {}", count(repeats.p50), count(repeats.max)));
    }
    facts.extend(finding.location.as_ref().map(|location| format!("at {}", Text(&place(location)))));
    facts.push(match finding.confidence {
        Confidence::High => "high confidence".to_owned(),
        Confidence::Medium => "medium confidence".to_owned(),
        Confidence::Low => "low confidence: a lead".to_owned(),
    });
    facts.extend(finding.accepted.as_ref().map(|reason| format!("accepted: {}", Text(reason))));
    facts.join(" · ")
}

fn write_words(finding: &Finding, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "<dl>\n<dt>why</dt><dd>{}</dd>", Text(&finding.why))?;
    for (place, fix) in finding.fix.iter().enumerate() {
        let name = if place == 0 { "fix" } else { "or" };
        write!(out, "<dt>{name}</dt><dd>{}", Text(&fix.text))?;
        if !fix.tradeoff.is_empty() {
            write!(out, " <span class=\"faint\">costs: {}</span>", Text(&fix.tradeoff))?;
        }
        writeln!(out, "</dd>")?;
    }
    let verify = &finding.verify;
    writeln!(
        out,
        "<dt>check</dt><dd>{}: <code>{}</code></dd>",
        Text(&checked(verify)),
        Text(&verify.command)
    )?;
    for also in &finding.also {
        writeln!(out, "<dt>also</dt><dd>{}</dd>", Text(also))?;
    }
    if let Some(shown) = &finding.example {
        let shown = example(shown, VALUES_MAX);
        writeln!(out, "<dt>values shown</dt><dd><code>{}</code></dd>", Text(&shown))?;
    }
    if let Some(first) = finding.evidence.first() {
        let trace = Text(&first.trace);
        let what = trace_or_place(&first.trace);
        writeln!(out, "<dt>seen</dt><dd>{what}<code>{trace}</code>{}</dd>", took(first.duration_ns))?;
    }
    writeln!(out, "<dt>id</dt><dd><code>{}</code></dd>\n</dl>", Text(&finding.id))
}

fn write_rest(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let not_seen = report.not_seen.iter().map(|one| {
        let service = one.service.as_ref().map(|service| format!(" ({service})")).unwrap_or_default();
        format!("{}{service}: {}", one.what, one.how)
    });
    write_list("Server", report.server.iter().flat_map(server::lines).collect(), out)?;
    write_list("Not seen", not_seen.collect(), out)?;
    let skipped = report.skipped.first.iter().map(|one| {
        let line = one.line.map_or_else(|| format!("byte {}", one.offset), |line| format!("line {line}"));
        format!("{}, {line}: {}", one.file, one.reason)
    });
    let title = format!("Skipped: {} of {} records", count(report.skipped.records), count(report.skipped.of));
    write_list(&title, skipped.collect(), out)?;
    write_list("Notes", report.notes.clone(), out)?;
    let dismissed = report.dismissed.iter().take(DISMISSED_MAX).map(|one| {
        let at = one.endpoint.as_deref().unwrap_or(WHOLE_SERVICE);
        format!("{} at {at} of {}: {}: {}", one.detector, one.service, one.subject, one.reason)
    });
    let title = format!("Considered and dismissed: {}", count(report.dismissed.len() as u64));
    write_list(&title, dismissed.collect(), out)
}

/// A folded list; nothing where it is empty.
fn write_list(title: &str, items: Vec<String>, out: &mut dyn io::Write) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "<details><summary>{}</summary>\n<ul>", Text(title))?;
    for item in items {
        writeln!(out, "<li>{}</li>", Text(&item))?;
    }
    writeln!(out, "</ul></details>")
}
