//! One finding: what it is, what its fix gives back, why, how, and how to check it.

use std::io;

use detectors::figures::{count, counted, duration};
use detectors::finding::{
    Affected, AfterFix, Confidence, Endpoint, Evidence, Finding, Fix, Gain, GainKind, Latency, LatencyRange,
    Report, Unit, Verify, is_place,
};
use detectors::settings::Metric;

use super::endpoint::fixes;
use super::ink::{Ink, Line};
use super::page::Page;
use super::{Shown, Told, VALUES_MAX, WHOLE_SERVICE, fit, title};
use crate::report::words::{
    UNMEASURED, amount, changes, example, figure, given_back, is_at, is_unmeasured, metric_name, metrics,
    place, took, trace_or_place, value,
};

/// Where a finding's facts begin.
const INDENT: usize = 5;

/// How many other endpoints a finding names unless all is asked for.
const AFFECTED_MAX: usize = 5;

/// Columns of a label and its gap.
const LABEL: usize = 7;

/// Findings about a process, a database or a machine, and those whose endpoint is not in the report.
pub(super) fn write_without_endpoint(
    page: &mut Page<'_>,
    report: &Report,
    shown: &Shown<'_>,
) -> io::Result<()> {
    let listed = |finding: &Finding| report.endpoints.iter().any(|endpoint| is_at(finding, endpoint));
    let mut last = None;
    for told in shown.findings.iter().filter(|told| !listed(told.finding)) {
        let finding = told.finding;
        let place = (&finding.service, &finding.endpoint);
        if last != Some(place) {
            let name = finding.endpoint.as_deref().unwrap_or(WHOLE_SERVICE);
            page.line(
                Line::default().with(Ink::Faint, &finding.service).with(Ink::Plain, "  ").then(title(name)),
            )?;
        }
        last = Some(place);
        page.blank()?;
        write(page, *told, None, shown)?;
        page.blank()?;
    }
    Ok(())
}

/// Writes one finding; two lines where its cause is told in full at another endpoint.
pub(super) fn write(
    page: &mut Page<'_>,
    told: Told<'_>,
    endpoint: Option<&Endpoint>,
    shown: &Shown<'_>,
) -> io::Result<()> {
    let finding = told.finding;
    let head = Line::at(2)
        .with(Ink::Title, told.number.to_string())
        .pad_to(INDENT)
        .with(Ink::Flaw, &finding.detector)
        .with(Ink::Plain, "  ");
    let room = page.room(head.width());
    page.line(head.with(Ink::Plain, fit::shorten(&finding.subject.text, room)))?;
    if let Some(whole) = shown.whole(told.number).filter(|_| !told.whole) {
        let place = whole.endpoint.as_deref().unwrap_or(WHOLE_SERVICE);
        let see = Line::default().with(Ink::Faint, "told at ").with(Ink::Plain, place);
        let items = prediction(finding, endpoint, shown).into_iter().chain(facts(finding, endpoint));
        return page.flow(Line::at(INDENT), items.chain([see]));
    }
    page.flow(Line::at(INDENT), prediction(finding, endpoint, shown))?;
    page.flow(Line::at(INDENT), facts(finding, endpoint))?;
    if shown.verbose && !is_unmeasured(&finding.gain) {
        write_range(page, finding, endpoint)?;
    }
    page.prose(label("why"), Ink::Plain, &finding.why)?;
    for (place, fix) in finding.fix.iter().enumerate() {
        write_fix(page, if place == 0 { "fix" } else { "or" }, fix, endpoint)?;
    }
    write_check(page, &check(finding, endpoint, shown))?;
    for other in &finding.also {
        page.prose(label("also"), Ink::Plain, other)?;
    }
    if let Some(shown) = &finding.example {
        page.prose(label("values"), Ink::Plain, &example(shown, VALUES_MAX))?;
    }
    write_affected(page, finding, shown.verbose)?;
    write_seen(page, finding, shown.verbose)
}

fn label(text: &str) -> Line {
    Line::at(INDENT).with(Ink::Faint, text).pad_to(INDENT + LABEL)
}

/// `p99 3.02 s → 0.80 s   p50 1.67 s → 0.70 s   predicted, after fix 1`.
fn prediction(finding: &Finding, endpoint: Option<&Endpoint>, shown: &Shown<'_>) -> Vec<Line> {
    if finding.gain.kind != GainKind::Latency {
        return vec![gain(finding.gain, finding.requests)];
    }
    let steps = endpoint.map_or(&[][..], |endpoint| &endpoint.after_fixes);
    let place = steps.iter().position(|step| step.finding == finding.id);
    let (before, after) = match (place, endpoint) {
        (Some(0), Some(endpoint)) => (endpoint.latency_ns, steps[0].latency_ns),
        (Some(step), _) => (steps[step - 1].latency_ns, steps[step].latency_ns),
        (None, _) => (finding.latency_ns.measured, finding.latency_ns.predicted),
    };
    // What helps other endpoints only is not told as "309 ms → 309 ms".
    let shown_here = metrics(&before, endpoint).into_iter().filter(|_| after != before);
    let mut items: Vec<Line> = shown_here
        .filter_map(|metric| change(metric, value(&before, metric), value(&after, metric)))
        .collect();
    match place {
        _ if items.is_empty() => items.push(gain(finding.gain, finding.requests)),
        Some(step) if step > 0 => {
            let after = fixes(&steps[..step], shown);
            items.push(Line::default().with(Ink::Faint, format!("predicted, {after}")));
        }
        _ => items.push(Line::default().with(Ink::Faint, "predicted")),
    }
    items
}

/// `p99 3.02 s → 0.80 s`: what becomes of the first figure of an endpoint.
pub(super) fn change_at(endpoint: &Endpoint, after: &Latency) -> Line {
    let before = &endpoint.latency_ns;
    let first = metrics(before, Some(endpoint)).into_iter().next();
    first.and_then(|metric| change(metric, value(before, metric), value(after, metric))).unwrap_or_default()
}

fn change(metric: Metric, before: Option<u64>, after: Option<u64>) -> Option<Line> {
    let (before, after) = (duration(before?), duration(after?));
    let start = Line::default().with(Ink::Faint, format!("{} ", metric_name(metric)));
    Some(start.with(Ink::Plain, format!("{before} → ")).with(Ink::Figure, after))
}

fn gain(gain: Gain, requests: u64) -> Line {
    match given_back(gain.kind) {
        Ok(_) if is_unmeasured(&gain) => Line::default().with(Ink::Faint, UNMEASURED),
        Ok(what) => Line::default()
            .with(Ink::Faint, "gives back ")
            .with(Ink::Figure, amount(&gain))
            .with(Ink::Plain, format!(" of {what} over {}", counted(requests, "request"))),
        Err(what) => Line::default().with(Ink::Faint, what),
    }
}

/// How often, how sure and where.
fn facts(finding: &Finding, endpoint: Option<&Endpoint>) -> Vec<Line> {
    let plain = |text: String| Line::default().with(Ink::Plain, text);
    let mut items = Vec::new();
    if let Some(repeats) = finding.repeats.filter(|repeats| repeats.max > 1) {
        let usual = format!("{} in a request", count(repeats.p50));
        items.push(plain(match repeats.max > repeats.p50 {
            true => format!("{usual}, up to {}", count(repeats.max)),
            false => usual,
        }));
    }
    items.extend(endpoint.map(|endpoint| match endpoint.requests {
        all if all == finding.requests => plain("in every request".to_owned()),
        all => plain(format!("in {} of {} requests", count(finding.requests), count(all))),
    }));
    items.extend(finding.location.as_ref().map(|location| plain(format!("at {}", place(location)))));
    match finding.confidence {
        Confidence::High => {}
        Confidence::Medium => items.push(Line::default().with(Ink::Faint, "medium confidence")),
        Confidence::Low => items.push(Line::default().with(Ink::Faint, "low confidence: a lead")),
    }
    items
}

/// What this fix alone gives, from the best to the worst case.
fn write_range(page: &mut Page<'_>, finding: &Finding, endpoint: Option<&Endpoint>) -> io::Result<()> {
    let latency = &finding.latency_ns;
    let mut items = Vec::new();
    for metric in metrics(&latency.measured, endpoint) {
        let change = change(metric, value(&latency.measured, metric), value(&latency.predicted, metric));
        let range = range(&latency.predicted_range, metric)
            .map(|[low, high]| format!(" ({} to {})", duration(low), duration(high)));
        items.extend(change.map(|line| line.with(Ink::Faint, range.unwrap_or_default())));
    }
    page.flow(label("alone"), items)
}

fn range(range: &LatencyRange, metric: Metric) -> Option<[u64; 2]> {
    match metric {
        Metric::P50 => range.p50,
        Metric::P95 => range.p95,
        Metric::P99 => range.p99,
        Metric::Max => range.max,
    }
}

fn write_fix(page: &mut Page<'_>, name: &str, fix: &Fix, endpoint: Option<&Endpoint>) -> io::Result<()> {
    let other = fix.latency_ns.as_ref().and_then(|latency| {
        let metric = *metrics(latency, endpoint).first()?;
        Some(format!(" (alone: {} → {})", metric_name(metric), duration(value(latency, metric)?)))
    });
    page.prose(label(name), Ink::Plain, &format!("{}{}", fix.text, other.unwrap_or_default()))?;
    match fix.tradeoff.is_empty() {
        true => Ok(()),
        false => page.prose(label("").with(Ink::Faint, "costs: "), Ink::Faint, &fix.tradeoff),
    }
}

/// What to look at, and a command.
struct Check<'f> {
    text: String,
    command: &'f str,
}

/// `statements per request 203 → 4`. Where an earlier fix changes the same figure, it is what that
/// one leaves.
fn check<'f>(finding: &'f Finding, endpoint: Option<&Endpoint>, shown: &Shown<'_>) -> Check<'f> {
    let Verify { metric, unit, now, expected, command } = &finding.verify;
    let steps = endpoint.map_or(&[][..], |endpoint| &endpoint.after_fixes);
    let place = steps.iter().position(|step| step.finding == finding.id).unwrap_or(0);
    let changes = |step: &&AfterFix| taken(step, finding, shown).is_some();
    let earlier: Vec<AfterFix> = steps[..place].iter().filter(changes).cloned().collect();
    let gone: u64 = earlier.iter().filter_map(|step| taken(step, finding, shown)).sum();
    let (left, state) = match (earlier.is_empty(), expected.checked_sub(gone).filter(|_| now > &gone)) {
        (true, _) => (0, String::new()),
        (false, Some(_)) => (gone, format!(" {}", fixes(&earlier, shown))),
        (false, None) => (0, " by this fix alone".to_owned()),
    };
    let text = format!("{metric} {} → {}{state}", figure(*unit, now - left), figure(*unit, expected - left));
    Check { text, command }
}

/// What an earlier fix at the same endpoint takes away from a count that another one changes, too.
fn taken(step: &AfterFix, finding: &Finding, shown: &Shown<'_>) -> Option<u64> {
    let told = shown.findings.iter().find(|told| told.finding.id == step.finding)?;
    let (earlier, later) = (&told.finding.verify, &finding.verify);
    let same_place = (&told.finding.service, &told.finding.endpoint) == (&finding.service, &finding.endpoint);
    let same = same_place && earlier.metric == later.metric && later.unit == Unit::Count;
    same.then(|| earlier.now.saturating_sub(earlier.expected))
}

/// A command is never wrapped, so that it can be copied.
fn write_check(page: &mut Page<'_>, check: &Check<'_>) -> io::Result<()> {
    let command = Line::default().with(Ink::Plain, check.command);
    let whole = label("check").with(Ink::Plain, &check.text);
    if whole.width() + 2 + command.width() <= page.style.width && command.width() > 0 {
        return page.line(whole.with(Ink::Plain, ":  ").then(command));
    }
    page.prose(label("check"), Ink::Plain, &check.text)?;
    match command.width() {
        0 => Ok(()),
        _ => page.line(label("").then(command)),
    }
}

/// Endpoints other than its own that the fix makes faster.
fn write_affected(page: &mut Page<'_>, finding: &Finding, verbose: bool) -> io::Result<()> {
    let others = finding.affects.iter().filter(|affected| {
        affected.service != finding.service || Some(&affected.endpoint) != finding.endpoint.as_ref()
    });
    let mut texts: Vec<String> = others
        .map(|affected| {
            let Affected { service, endpoint, gain_ns, latency_ns } = affected;
            let changed = changes(&latency_ns.measured, &latency_ns.predicted, None, ["", ""]);
            format!("{service} {endpoint} ({changed}; {} in all)", duration(*gain_ns))
        })
        .collect();
    if texts.len() > AFFECTED_MAX && !verbose {
        let more = texts.len() - AFFECTED_MAX;
        texts.truncate(AFFECTED_MAX);
        texts.push(format!("and {}", counted(more as u64, "more endpoint")));
    }
    match texts.is_empty() {
        true => Ok(()),
        false => page.prose(label("helps"), Ink::Plain, &texts.join(", ")),
    }
}

fn write_seen(page: &mut Page<'_>, finding: &Finding, verbose: bool) -> io::Result<()> {
    let Some(first) = finding.evidence.first() else { return Ok(()) };
    let more = match finding.requests {
        0 | 1 => String::new(),
        requests => format!(" and {} more", count(requests - 1)),
    };
    let id = Line::default().with(Ink::Faint, format!("id {}", finding.id));
    let seen = Line::default().with(Ink::Plain, format!("{}{more}", trace(first)));
    if !verbose {
        return page.flow(label("seen"), [seen, id]);
    }
    let mut start = label("seen");
    for evidence in &finding.evidence {
        let text = match is_place(&evidence.trace) {
            true => format!("{}: lines {}", trace(evidence), lines(&evidence.spans)),
            false => format!("{}: spans {}", trace(evidence), evidence.spans.join(" ")),
        };
        page.prose(start, Ink::Plain, &text)?;
        start = label("");
    }
    page.line(label("id").with(Ink::Plain, &finding.id))
}

/// The lines of places; the log is that of the request.
fn lines(places: &[String]) -> String {
    let lines = places.iter().filter_map(|place| place.rsplit(':').next());
    lines.collect::<Vec<_>>().join(" ")
}

fn trace(evidence: &Evidence) -> String {
    format!("{}{}{}", trace_or_place(&evidence.trace), evidence.trace, took(evidence.duration_ns))
}
