//! The report for people: each endpoint, where its time goes, what to fix first.

mod check;
mod comparison;
mod endpoint;
mod finding;
mod first;
mod fit;
mod index;
mod ink;
mod logged;
mod page;
mod plan;
mod plan_comparison;
mod rest;
mod runs;
mod server;
mod table;
mod waterfall;

use std::io;

use detectors::finding::{Endpoint, Finding, Report};

use self::ink::{Ink, Line};
use self::page::Page;
use super::words::{WHOLE_SERVICE, is_at};
use super::{CheckOutput, IndexOutput, Output, PlanOutput, RunsOutput, Style};

pub(super) const OUTPUT: Output = Output {
    name: "text",
    summary: "a page for people, coloured on terminals",
    write,
    compare: Some(comparison::write),
};

pub(super) const CHECK: CheckOutput =
    CheckOutput { name: "text", summary: "a page for people, coloured on terminals", write: check::write };

pub(super) const INDEX: IndexOutput =
    IndexOutput { name: "text", summary: "a page for people, coloured on terminals", write: index::write };

pub(super) const RUNS: RunsOutput =
    RunsOutput { name: "text", summary: "a page for people, coloured on terminals", write: runs::write };

pub(super) const PLAN: PlanOutput = PlanOutput {
    name: "text",
    summary: "a page for people, coloured on terminals",
    write: plan::write,
    compare: Some(plan_comparison::write),
};

fn write(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let shown = Shown::of(report, style);
    let mut page = Page { style, out };
    if let Some(number) = style.show {
        return waterfall::write(&mut page, report, &shown, number);
    }
    first::write(&mut page, report, &shown)?;
    logged::write(&mut page, report, style.verbose)?;
    server::write(&mut page, report)?;
    let (loud, quiet): (Vec<&Endpoint>, Vec<&Endpoint>) =
        report.endpoints.iter().partition(|endpoint| shown.is_loud(endpoint));
    for endpoint in loud {
        endpoint::write(&mut page, endpoint, &shown)?;
    }
    finding::write_without_endpoint(&mut page, report, &shown)?;
    rest::write(&mut page, report, &quiet, &shown)
}

pub(super) fn numbered<'r>(report: &'r Report, style: &Style) -> Vec<(usize, &'r Finding)> {
    Shown::of(report, style).findings.into_iter().map(|told| (told.number, told.finding)).collect()
}

/// Letters of a statement that is shown with its values.
const VALUES_MAX: usize = 400;

/// The findings that are shown. Accepted ones have a list of their own.
struct Shown<'r> {
    findings: Vec<Told<'r>>,
    /// All lie at one endpoint.
    one_place: bool,
    verbose: bool,
}

/// A finding with its number.
#[derive(Debug, Clone, Copy)]
struct Told<'r> {
    /// The rank of its cause among those shown: one fix has one number, whatever it helps.
    number: usize,
    finding: &'r Finding,
    /// Told in full. Where one cause shows at several endpoints that is the one that gives back most.
    whole: bool,
}

impl<'r> Shown<'r> {
    fn of(report: &'r Report, style: &Style) -> Self {
        let open = report.findings.iter().filter(|finding| finding.accepted.is_none());
        let mut listed: Vec<&Finding> =
            open.filter(|finding| style.verbose || !finding.is_hidden()).collect();
        let one_place = lie_at_one_place(&listed);
        // Where there is one endpoint only, its steps are the order in which all is read.
        if let Some(only) = report
            .endpoints
            .iter()
            .find(|endpoint| one_place && listed.iter().any(|finding| is_at(finding, endpoint)))
        {
            listed.sort_by_key(|finding| step_of(finding, only));
        }
        let mut causes: Vec<&str> = Vec::new();
        let mut findings = Vec::new();
        for finding in listed {
            let known = causes.iter().position(|cause| *cause == finding.cause);
            let number = known.unwrap_or(causes.len()) + 1;
            if known.is_none() {
                causes.push(&finding.cause);
            }
            findings.push(Told { number, finding, whole: known.is_none() || style.verbose });
        }
        Self { findings, one_place, verbose: style.verbose }
    }

    fn at(&self, endpoint: &Endpoint) -> impl Iterator<Item = Told<'r>> {
        self.findings.iter().copied().filter(|told| is_at(told.finding, endpoint))
    }

    /// The number of a finding, if it is shown.
    fn number_of(&self, id: &str) -> Option<usize> {
        self.findings.iter().find(|told| told.finding.id == id).map(|told| told.number)
    }

    /// The finding in which a cause is told in full.
    fn whole(&self, number: usize) -> Option<&'r Finding> {
        self.findings.iter().find(|told| told.number == number).map(|told| told.finding)
    }

    /// Whether a fix that is shown makes an endpoint faster.
    fn is_helped(&self, endpoint: &Endpoint) -> bool {
        !endpoint.after_fixes.is_empty() || self.at(endpoint).next().is_some()
    }

    /// Whether there is more to say of an endpoint than its figures and what is told elsewhere.
    fn is_loud(&self, endpoint: &Endpoint) -> bool {
        self.verbose || misses_target(endpoint) || self.at(endpoint).any(|told| told.whole)
    }
}

fn lie_at_one_place(findings: &[&Finding]) -> bool {
    let place = |finding: &Finding| (finding.service.clone(), finding.endpoint.clone());
    let first = findings.first().map(|finding| place(finding));
    findings.iter().all(|finding| Some(place(finding)) == first)
}

/// Which step of an endpoint's joint results a finding is; the last where it is none.
fn step_of(finding: &Finding, endpoint: &Endpoint) -> usize {
    let steps = &endpoint.after_fixes;
    steps.iter().position(|step| step.finding == finding.id).unwrap_or(steps.len())
}

fn misses_target(endpoint: &Endpoint) -> bool {
    endpoint.target.as_ref().is_some_and(|target| target.met == Some(false))
}

/// A section's title.
fn title(text: &str) -> Line {
    Line::default().with(Ink::Title, text)
}
