//! What is different between two reports, for a pull request.

use std::io::{self, Write};

use detectors::comparison::{
    Comparison, EndpointChange, Figures, FindingChange, State, StatementChange, StatementChanges,
};
use detectors::figures::{count, counted, duration};
use detectors::finding::Confidence;

use super::{
    ENDPOINTS_MAX, FINDINGS_END_MAX, FINDINGS_MAX, TABLE_END_MAX, add, code, cut, prose, write_more,
};
use crate::report::Style;
use crate::report::words::{
    ONE_OF_EACH, WHOLE_SERVICE, costs, of_both_logs, statement_changes, statement_figures,
};

/// Where the table of statements ends at the latest.
const STATEMENTS_END_MAX: usize = FINDINGS_END_MAX + 8_000;

pub(super) fn write(comparison: &Comparison, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let shown = |change: &&FindingChange| style.verbose || change.confidence != Confidence::Low;
    let findings: Vec<&FindingChange> = comparison.findings.iter().filter(shown).collect();
    let of = |state: State| findings.iter().filter(|change| change.state == state).count();
    let mut text = Vec::new();
    writeln!(
        text,
        "## whyslow: {} came, {} gone, {} stay\n",
        counted(of(State::Came) as u64, "finding"),
        of(State::Gone),
        of(State::Stays)
    )?;
    writeln!(text, "| endpoint | requests | p50 | p95 | p99 | statements |\n|---|---|---|---|---|---|")?;
    let mut told = 0;
    for change in comparison.endpoints.iter().take(ENDPOINTS_MAX) {
        told += add(&mut text, TABLE_END_MAX, |text| write_row(change, text))?;
    }
    write_more(comparison.endpoints.len() - told, "more endpoint", &mut text)?;
    if !findings.is_empty() {
        writeln!(text, "\n| | finding | at | per request |\n|---|---|---|---|")?;
    }
    let mut told = 0;
    for change in findings.iter().take(FINDINGS_MAX) {
        told += add(&mut text, FINDINGS_END_MAX, |text| write_finding(change, text))?;
    }
    write_more(findings.len() - told, "more finding", &mut text)?;
    if let Some(statements) = &comparison.statements {
        write_statements(statements, &mut text)?;
    }
    writeln!(text, "\n{ONE_OF_EACH}")?;
    out.write_all(&text)
}

fn write_statements(statements: &StatementChanges, text: &mut Vec<u8>) -> io::Result<()> {
    writeln!(text, "\nStatements in logs: {}", of_both_logs(statements))?;
    if !statements.statements.is_empty() {
        writeln!(text, "\n| | statement | before → after |\n|---|---|---|")?;
    }
    let mut told = 0;
    for change in statements.statements.iter().take(FINDINGS_MAX) {
        told += add(text, STATEMENTS_END_MAX, |text| write_statement(change, text))?;
    }
    write_more(statements.statements.len() - told + statements.more as usize, "more statement", text)
}

fn write_statement(change: &StatementChange, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(
        out,
        "| {} | {} | {} |",
        statement_changes(change),
        code(&cut(&change.text)).replace('|', "\\|"),
        statement_figures(change).join(", ")
    )
}

fn write_row(change: &EndpointChange, out: &mut dyn io::Write) -> io::Result<()> {
    let cell = |figure: &dyn Fn(&Figures) -> Option<String>| {
        let told = |side: &Option<Figures>| side.as_ref().and_then(figure).unwrap_or_else(|| "–".to_owned());
        let (before, after) = (told(&change.before), told(&change.after));
        if before == after { before } else { format!("{before} → **{after}**") }
    };
    writeln!(
        out,
        "| {} {} | {} | {} | {} | {} | {} |",
        prose(&change.service),
        code(&change.name).replace('|', "\\|"),
        cell(&|side| Some(count(side.requests))),
        cell(&|side| side.latency_ns.p50.map(duration)),
        cell(&|side| side.latency_ns.p95.map(duration)),
        cell(&|side| side.latency_ns.p99.map(duration)),
        cell(&|side| Some(count(side.statements_per_request.p50))),
    )
}

fn write_finding(change: &FindingChange, out: &mut dyn io::Write) -> io::Result<()> {
    let state = match change.state {
        State::Came => "**came**",
        State::NewEndpoint => "new endpoint",
        State::Stays => "stays",
        State::Gone => "gone",
        State::NotExercised => "not exercised",
    };
    writeln!(
        out,
        "| {state} | {} {} | {} of {} | {} |",
        change.detector,
        code(&cut(&change.subject.text)).replace('|', "\\|"),
        code(change.endpoint.as_deref().unwrap_or(WHOLE_SERVICE)).replace('|', "\\|"),
        prose(&change.service),
        costs(change)
    )
}
