//! The report for people: each endpoint, where its time goes, what to fix first.

mod endpoint;
mod finding;
mod fit;
mod ink;
mod page;
mod rest;

use std::io;

use detectors::finding::{Endpoint, Finding, Report};

use self::ink::{Ink, Line};
use self::page::Page;
use super::{Output, Style};

pub(super) const OUTPUT: Output =
    Output { name: "text", summary: "a page for people, coloured on terminals", write };

/// Stands for the endpoint where a finding has none.
const WHOLE_SERVICE: &str = "(whole service)";

fn write(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let shown = Shown::of(report, style);
    let mut page = Page { style, out };
    let (loud, quiet): (Vec<&Endpoint>, Vec<&Endpoint>) =
        report.endpoints.iter().partition(|endpoint| shown.is_loud(endpoint));
    for endpoint in loud {
        endpoint::write(&mut page, endpoint, &shown)?;
    }
    finding::write_without_endpoint(&mut page, report, &shown)?;
    rest::write(&mut page, report, &quiet, &shown)
}

/// The findings that are shown, each with its number: its rank among them. Accepted ones have a list
/// of their own.
struct Shown<'r> {
    findings: Vec<(usize, &'r Finding)>,
    verbose: bool,
}

impl<'r> Shown<'r> {
    fn of(report: &'r Report, style: &Style) -> Self {
        let open = report.findings.iter().filter(|finding| finding.accepted.is_none());
        let told = open.filter(|finding| style.verbose || !finding.is_lead());
        let findings = told.enumerate().map(|(rank, finding)| (rank + 1, finding)).collect();
        Self { findings, verbose: style.verbose }
    }

    fn at(&self, endpoint: &Endpoint) -> impl Iterator<Item = (usize, &'r Finding)> {
        self.findings.iter().copied().filter(|(_, finding)| is_at(finding, endpoint))
    }

    /// The number of a finding, or its id where it is not shown.
    fn name_of(&self, id: &str) -> String {
        let found = self.findings.iter().find(|(_, finding)| finding.id == id);
        found.map_or_else(|| id.to_owned(), |(number, _)| number.to_string())
    }

    /// Whether there is more to say of an endpoint than its figures.
    fn is_loud(&self, endpoint: &Endpoint) -> bool {
        let missed = endpoint.target.as_ref().is_some_and(|target| target.met == Some(false));
        self.verbose || missed || self.at(endpoint).next().is_some()
    }
}

fn is_at(finding: &Finding, endpoint: &Endpoint) -> bool {
    finding.service == endpoint.service && finding.endpoint.as_deref() == Some(endpoint.name.as_str())
}

/// A section's title.
fn title(text: &str) -> Line {
    Line::default().with(Ink::Title, text)
}
