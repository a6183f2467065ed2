//! What the runs of two sides say, for a pull request.

use std::io;

use ledger::figures::percent;

use super::prose;
use crate::measurements::comparison::RunsComparison;
use crate::report::{Style, runs as words};

/// Rows of the table; the rest is counted.
const ROWS_MAX: usize = 60;

pub(super) fn write(comparison: &RunsComparison, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let decision = &comparison.decision;
    writeln!(out, "**{}**\n", prose(&words::headline(comparison)))?;
    writeln!(out, "- before: {}", prose(&words::origin(&comparison.before, decision.runs_before)))?;
    writeln!(out, "- after: {}\n", prose(&words::origin(&comparison.after, decision.runs_after)))?;
    writeln!(out, "| metric | verdict | before | after | difference | 95 % interval | |")?;
    writeln!(out, "| --- | --- | ---: | ---: | ---: | --- | --- |")?;
    for metric in decision.metrics.iter().take(ROWS_MAX) {
        let mark = if metric.is_primary { "**" } else { "" };
        let value = |value| words::value(&metric.metric, value);
        writeln!(
            out,
            "| {mark}{}{mark} | {} | {} | {} | {} | {} | {} |",
            prose(&words::full_name(metric)),
            metric.verdict.name(),
            value(metric.before_typical),
            value(metric.after_typical),
            metric.effect_ppm.map(percent).unwrap_or_default(),
            words::interval(metric).unwrap_or_default(),
            words::meaning(metric, comparison),
        )?;
    }
    if let Some(more) = decision.metrics.len().checked_sub(ROWS_MAX).filter(|more| *more > 0) {
        writeln!(out, "\n{more} more metrics are left out.")?;
    }
    let mut doubts = words::doubts(comparison).peekable();
    if doubts.peek().is_some() {
        writeln!(out, "\nWhat casts doubt on this:\n")?;
    }
    doubts.try_for_each(|doubt| writeln!(out, "- {}", prose(doubt)))
}
