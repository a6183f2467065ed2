//! Statements in logs: a table, those that take most time first.

use std::io;

use detectors::figures::{count, share};
use detectors::finding::{LoggedStatement, Report};

use super::{Text, VALUES_MAX};
use crate::report::logged::{Columns, beside, name, remarks, summary};
use crate::report::words::capitalised;

pub(super) fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(logged) = &report.logged else { return Ok(()) };
    writeln!(
        out,
        "<h2>{}</h2>\n<p class=\"faint\">{}</p>",
        capitalised(name(logged)),
        Text(&summary(logged))
    )?;
    let columns = Columns::of(&logged.by_time, logged);
    write!(out, "<div class=\"scroll\"><table>\n<thead><tr>")?;
    for head in columns.heads() {
        write!(out, "<th class=\"figure\">{head}</th>")?;
    }
    writeln!(out, "<th>statement</th></tr></thead>\n<tbody>")?;
    for row in &logged.by_time {
        write_row(row, &columns, out)?;
    }
    writeln!(out, "</tbody></table></div>")?;
    if logged.rest.statements > 0 {
        let (more, time) = (count(logged.rest.statements), share(logged.rest.time_ns, logged.time_ns));
        writeln!(out, "<p class=\"faint\">and {more} others with {time} of the time</p>")?;
    }
    for remark in remarks(logged) {
        writeln!(out, "<p class=\"faint\">{}</p>", Text(&remark))?;
    }
    Ok(())
}

fn write_row(row: &LoggedStatement, columns: &Columns, out: &mut dyn io::Write) -> io::Result<()> {
    write!(out, "<tr>")?;
    for cell in columns.cells(row) {
        write!(out, "<td class=\"figure\">{cell}</td>")?;
    }
    write!(out, "<td><code>{}</code>", Text(&row.text))?;
    for remark in beside(row, VALUES_MAX) {
        write!(out, "<br><span class=\"faint\">{}</span>", Text(&remark))?;
    }
    writeln!(out, "</td></tr>")
}
