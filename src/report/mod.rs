//! Findings, and checks of statements, to outputs: one file each, and the tables of all of them.
//!
//! Nothing is decided here: an output shows what the report says, in its order.

mod github;
mod html;
mod json;
mod junit;
mod logged;
mod markdown;
mod runs;
mod sarif;
mod server;
mod text;
pub(crate) mod words;

use std::io;

pub use self::github::annotation;
#[cfg(feature = "client")]
pub(crate) use self::words::clean;

use detectors::comparison::Comparison;
use detectors::finding::{Finding, Report};
use detectors::indexes::IndexAdvice;
use detectors::queries::Check;

use crate::measurements::comparison::RunsComparison;
use crate::plans::{Contrast, PlansReport};

/// Writes something in the form of an output.
pub type Write<T> = fn(&T, &Style, &mut dyn io::Write) -> io::Result<()>;

/// A form in which a report is written.
pub struct Output {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line for help and documentation.
    pub summary: &'static str,
    /// Writes a whole report.
    pub write: Write<Report>,
    /// Writes what is different between two; `None` where that has no such form.
    pub compare: Option<Write<Comparison>>,
}

/// How a report is shown where an output is made for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns that a line may take.
    pub width: usize,
    /// Also what is hidden at first: leads of low confidence, ranges, what was dismissed.
    pub verbose: bool,
    /// Whether escape codes for colours are written.
    pub colour: bool,
    /// Only the finding of this number, with a request that shows it drawn in time.
    pub show: Option<usize>,
}

impl Style {
    /// Columns where nothing is known of the reader.
    pub const WIDTH_DEFAULT: usize = 100;
}

impl Default for Style {
    fn default() -> Self {
        Self { width: Self::WIDTH_DEFAULT, verbose: false, colour: false, show: None }
    }
}

/// The findings by the number that a page for people gives them; those of one cause have one number, and
/// the first of them tells it in full.
pub fn numbered<'r>(report: &'r Report, style: &Style) -> Vec<(usize, &'r Finding)> {
    text::numbered(report, style)
}

/// Every output; the first is the default.
pub const OUTPUTS: &[Output] = &[text::OUTPUT, json::OUTPUT, markdown::OUTPUT, html::OUTPUT, sarif::OUTPUT];

/// A form in which what is said of plans is written.
pub struct PlanOutput {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line for help and documentation.
    pub summary: &'static str,
    /// Writes all of it.
    pub write: Write<PlansReport>,
    /// Writes what changed between two plans; `None` where that has no such form.
    pub compare: Option<Write<Contrast>>,
}

/// Every output of plans; the first is the default.
pub const PLANS: &[PlanOutput] = &[text::PLAN, json::PLAN, html::PLAN];

/// A form in which advice about indexes is written.
pub struct IndexOutput {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line for help and documentation.
    pub summary: &'static str,
    /// Writes all of it.
    pub write: Write<IndexAdvice>,
}

/// Every output of advice about indexes; the first is the default.
pub const INDEXES: &[IndexOutput] = &[text::INDEX, json::INDEX];

/// A form in which a check of statements is written.
pub struct CheckOutput {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line for help and documentation.
    pub summary: &'static str,
    /// Writes a whole check.
    pub write: Write<Check>,
}

/// Every output of a check; the first is the default.
pub const CHECKS: &[CheckOutput] =
    &[text::CHECK, json::CHECK, markdown::CHECK, github::CHECK, junit::CHECK, sarif::CHECK];

/// A form in which a comparison of runs is written.
pub struct RunsOutput {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line for help and documentation.
    pub summary: &'static str,
    /// Writes all of it.
    pub write: Write<RunsComparison>,
}

/// Every output of a comparison of runs; the first is the default.
pub const RUNS: &[RunsOutput] = &[text::RUNS, json::RUNS, markdown::RUNS];
