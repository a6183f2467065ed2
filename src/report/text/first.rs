//! What to fix first, over all endpoints: each cause on a line.

use std::io;

use detectors::figures::counted;
use detectors::finding::{Finding, GainKind, Report};

use super::ink::{Ink, Line};
use super::page::Page;
use super::table::write_table;
use super::{Shown, WHOLE_SERVICE, fit, title};
use crate::report::words::{amount, given_back, is_unmeasured};

/// How many causes are listed unless all is asked for.
const LINES_MAX: usize = 15;

/// The longest name of an endpoint.
const NAME_MAX: usize = 36;

/// Lists the causes where findings lie at more than one endpoint; else the endpoint lists them.
pub(super) fn write(page: &mut Page<'_>, report: &Report, shown: &Shown<'_>) -> io::Result<()> {
    if shown.one_place {
        return Ok(());
    }
    let causes = shown.findings.iter().map(|told| told.number).max().unwrap_or(0);
    let listed = if shown.verbose { causes } else { causes.min(LINES_MAX) };
    let missed = report.endpoints.iter().any(super::misses_target);
    let order = if missed { "causes of missed targets, then " } else { "" };
    let waiting = shown.findings.iter().any(|told| told.finding.gain.kind == GainKind::Latency);
    let what = if waiting { "waiting" } else { "time" };
    let order = format!("{order}by {what} given back over all requests");
    page.prose(title("fix first").with(Ink::Plain, "  "), Ink::Faint, &order)?;
    write_table(page, (1..=listed).map(|number| row(number, causes, shown)).collect())?;
    if listed < causes {
        let more = counted((causes - listed) as u64, "more finding");
        page.line(Line::at(2).with(Ink::Faint, format!("and {more} below")))?;
    }
    page.blank()
}

/// Number and flaw, subject, what is given back, and where.
fn row(number: usize, causes: usize, shown: &Shown<'_>) -> Vec<Line> {
    let of_cause = shown.findings.iter().filter(|told| told.number == number).map(|told| told.finding);
    let of_cause: Vec<&Finding> = of_cause.collect();
    let Some(whole) = of_cause.first() else { return Vec::new() };
    let digits = causes.to_string().len();
    let flaw = Line::default()
        .with(Ink::Title, format!("{number:>digits$}"))
        .with(Ink::Flaw, format!("  {}", whole.detector));
    let same_kind = of_cause.iter().filter(|finding| finding.gain.kind == whole.gain.kind);
    let all = same_kind.skip(1).fold(whole.gain, |sum, finding| sum.with(finding.gain));
    let figure = Line::default().with(Ink::Figure, amount(&all));
    let gain = match given_back(whole.gain.kind) {
        Ok(_) if whole.gain.kind == GainKind::Latency => figure,
        Ok(_) if is_unmeasured(&all) => Line::default().with(Ink::Faint, "statements"),
        Ok(what) => figure.with(Ink::Faint, format!(" of {what}")),
        Err(what) => Line::default().with(Ink::Faint, what),
    };
    let subject = Line::default().with(Ink::Plain, &whole.subject.text);
    vec![flaw, subject, gain, Line::default().with(Ink::Plain, place(&of_cause, shown))]
}

/// The endpoint, with its service where there are several; how many where there are more.
fn place(of_cause: &[&Finding], shown: &Shown<'_>) -> String {
    let [only] = of_cause else { return format!("at {}", counted(of_cause.len() as u64, "endpoint")) };
    let several = shown.findings.iter().any(|told| told.finding.service != only.service);
    let service = if several { format!("{} ", only.service) } else { String::new() };
    let endpoint = only.endpoint.as_deref().unwrap_or(WHOLE_SERVICE);
    fit::shorten(&format!("{service}{endpoint}"), NAME_MAX)
}
