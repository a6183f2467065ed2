//! Statements in logs, folded: a table, those that take most time first.

use std::io::{self, Write};

use detectors::figures::{count, share};
use detectors::finding::{LoggedStatement, Report};

use super::{LOGGED_END_MAX, SUBJECT_MAX, add, code, cut, prose, write_more};
use crate::report::logged::{Columns, beside, name, remarks, summary};
use crate::report::words::capitalised;

pub(super) fn write(report: &Report, text: &mut Vec<u8>) -> io::Result<()> {
    let Some(logged) = &report.logged else { return Ok(()) };
    writeln!(
        text,
        "\n<details><summary>{}: {}</summary>\n",
        capitalised(name(logged)),
        prose(&summary(logged))
    )?;
    let columns = Columns::of(&logged.by_time, logged);
    let heads = columns.heads();
    writeln!(text, "| {} | statement |", heads.join(" | "))?;
    writeln!(text, "|{}---|", "--:|".repeat(heads.len()))?;
    let mut told = 0;
    for row in &logged.by_time {
        told += add(text, LOGGED_END_MAX, |text| write_row(row, &columns, text))?;
    }
    write_more(logged.by_time.len() - told, "more statement", text)?;
    if logged.rest.statements > 0 {
        let (more, time) = (count(logged.rest.statements), share(logged.rest.time_ns, logged.time_ns));
        writeln!(text, "\nAnd {more} others with {time} of the time.")?;
    }
    for remark in remarks(logged) {
        writeln!(text, "\n{}", prose(&remark))?;
    }
    writeln!(text, "\n</details>")
}

fn write_row(row: &LoggedStatement, columns: &Columns, out: &mut Vec<u8>) -> io::Result<()> {
    let beside: String = beside(row, SUBJECT_MAX).map(|remark| format!("<br>{}", prose(&remark))).collect();
    let statement = code(&cut(&row.text)).replace('|', "\\|");
    writeln!(out, "| {} | {statement}{beside} |", columns.cells(row).join(" | "))
}
