//! The report as JSON, version 1: `docs/report.md` explains it, `docs/report-v1.schema.json` describes it.

use std::io;

use detectors::comparison::Comparison;
use detectors::finding::Report;
use detectors::indexes::IndexAdvice;
use detectors::queries::Check;

use super::{CheckOutput, IndexOutput, Output, PlanOutput, RunsOutput, Style};
use crate::measurements::comparison::RunsComparison;
use crate::plans::{Contrast, PlansReport};

pub(super) const OUTPUT: Output = Output {
    name: "json",
    summary: "one JSON document, version 1, for programs",
    write,
    compare: Some(compare),
};

pub(super) const CHECK: CheckOutput =
    CheckOutput { name: "json", summary: "one JSON document, version 1, for programs", write: check };

/// `docs/comparison-v1.schema.json` describes it.
fn compare(comparison: &Comparison, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, comparison)?;
    out.write_all(b"\n")
}

/// `docs/check-v1.schema.json` describes it.
fn check(check: &Check, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, check)?;
    out.write_all(b"\n")
}

pub(super) const PLAN: PlanOutput = PlanOutput {
    name: "json",
    summary: "one JSON document, version 1, for programs",
    write: plans,
    compare: Some(compare_plans),
};

/// `docs/plan-comparison-v1.schema.json` describes it.
fn compare_plans(contrast: &Contrast, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, contrast)?;
    out.write_all(b"\n")
}

/// `docs/plans-v1.schema.json` describes it.
fn plans(report: &PlansReport, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}

pub(super) const INDEX: IndexOutput =
    IndexOutput { name: "json", summary: "one JSON document, version 1, for programs", write: indexes };

/// `docs/indexes-v1.schema.json` describes it.
fn indexes(advice: &IndexAdvice, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, advice)?;
    out.write_all(b"\n")
}

pub(super) const RUNS: RunsOutput =
    RunsOutput { name: "json", summary: "one JSON document, version 1, for programs", write: runs };

/// `docs/runs-v1.schema.json` describes it.
fn runs(comparison: &RunsComparison, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, comparison)?;
    out.write_all(b"\n")
}

fn write(report: &Report, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}
