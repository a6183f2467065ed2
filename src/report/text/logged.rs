//! Statements as logs of servers tell them: a table, those that take most time first.

use std::io;

use detectors::evidence::shape::sql::shortened;
use detectors::figures::{count, share};
use detectors::finding::{LoggedStatement, LoggedStatements, Report};
use unicode_width::UnicodeWidthStr;

use super::ink::{Ink, Line};
use super::page::Page;
use super::{VALUES_MAX, title};
use crate::report::logged::{Columns, beside, name, remarks, summary};

/// How many are listed unless all is asked for.
const LISTED: usize = 10;

/// Columns between two cells.
const GAP: usize = 2;

/// Lists what takes most of the time that the logs tell of.
pub(super) fn write(page: &mut Page<'_>, report: &Report, verbose: bool) -> io::Result<()> {
    let Some(logged) = &report.logged else { return Ok(()) };
    page.prose(title(name(logged)).with(Ink::Plain, "  "), Ink::Faint, &summary(logged))?;
    let listed = if verbose { logged.by_time.len() } else { logged.by_time.len().min(LISTED) };
    write_rows(page, &logged.by_time[..listed], logged)?;
    let rest = logged.by_time[listed..].iter();
    let (time_ns, more) = rest.fold((logged.rest.time_ns, logged.rest.statements), |(time_ns, more), row| {
        (time_ns.saturating_add(row.time_ns), more + 1)
    });
    if more > 0 {
        let text = format!("and {} more with {} of the time", count(more), share(time_ns, logged.time_ns));
        page.line(Line::at(2).with(Ink::Faint, text))?;
    }
    for remark in remarks(logged) {
        page.prose(Line::at(2), Ink::Faint, &remark)?;
    }
    page.blank()
}

fn write_rows(page: &mut Page<'_>, rows: &[LoggedStatement], logged: &LoggedStatements) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(rows, logged);
    let heads = columns.heads();
    let figures: Vec<Vec<String>> = rows.iter().map(|row| columns.cells(row)).collect();
    let width = |column: usize| {
        let cells = figures.iter().map(|row| row[column].width());
        cells.chain([heads[column].width()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let right = |line: Line, ink: Ink, text: &str, width: usize| {
        let end = line.width() + width + GAP;
        line.pad_to(end - GAP - text.width()).with(ink, text).pad_to(end)
    };
    let head = heads.iter().zip(&widths);
    let head = head.fold(Line::at(2), |line, (head, width)| right(line, Ink::Faint, head, *width));
    page.line(head.with(Ink::Faint, "statement"))?;
    let several = rows.iter().any(|row| row.database != rows[0].database);
    for (row, cells) in rows.iter().zip(&figures) {
        let line = cells.iter().zip(&widths).enumerate().fold(Line::at(2), |line, (place, (cell, width))| {
            right(line, if place < 2 { Ink::Figure } else { Ink::Plain }, cell, *width)
        });
        let mut text = shortened(&row.text, page.room(line.width()));
        if let Some(database) = row.database.as_ref().filter(|_| several) {
            text = shortened(&format!("{database}: {}", row.text), page.room(line.width()));
        }
        let column = line.width();
        page.line(line.with(Ink::Plain, &text))?;
        for remark in beside(row, VALUES_MAX) {
            page.prose(Line::at(column), Ink::Faint, &remark)?;
        }
    }
    Ok(())
}
