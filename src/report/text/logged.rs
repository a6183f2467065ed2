//! Statements as logs of servers tell them: a table, those that take most time first.

use std::io;

use detectors::evidence::shape::sql::shortened;
use detectors::figures::{bytes, count, counted, duration, share};
use detectors::finding::{LoggedStatement, LoggedStatements, Report};
use unicode_width::UnicodeWidthStr;

use super::ink::{Ink, Line};
use super::page::Page;
use super::title;

/// How many are listed unless all is asked for.
const LISTED: usize = 10;

/// Columns between two cells.
const GAP: usize = 2;

const HEADS: [&str; 7] = ["share", "time", "calls", "p50", "p95", "slowest", "read/row"];

/// Lists what takes most of the time that the logs tell of.
pub(super) fn write(page: &mut Page<'_>, report: &Report, verbose: bool) -> io::Result<()> {
    let Some(logged) = &report.logged else { return Ok(()) };
    page.prose(title("statements in logs").with(Ink::Plain, "  "), Ink::Faint, &summary(logged))?;
    let listed = if verbose { logged.by_time.len() } else { logged.by_time.len().min(LISTED) };
    write_rows(page, &logged.by_time[..listed], logged.time_ns)?;
    let rest = logged.by_time[listed..].iter();
    let (time_ns, more) = rest.fold((logged.rest.time_ns, logged.rest.statements), |(time_ns, more), row| {
        (time_ns + row.time_ns, more + 1)
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

/// `661 executions of 49 statements took 11.2 s`.
fn summary(logged: &LoggedStatements) -> String {
    let of = counted(logged.statements, "statement");
    let mut text =
        format!("{} of {of} took {}", counted(logged.executions, "execution"), duration(logged.time_ns));
    if logged.prepare_ns > 0 {
        text.push_str(&format!(", and {} to parse and bind", duration(logged.prepare_ns)));
    }
    if logged.failed > 0 {
        text.push_str(&format!("; {} failed", count(logged.failed)));
    }
    text
}

/// What the settings of the server leave out.
fn remarks(logged: &LoggedStatements) -> Vec<String> {
    let mut remarks = Vec::new();
    if logged.unlogged > 0 {
        remarks.push(format!(
            "{} of them are not in the log: each that is stands for several (log_slow_rate_limit), in times as well",
            count(logged.unlogged)
        ));
    }
    if logged.untimed > 0 {
        remarks.push(format!(
            "{} without a duration: the log tells only that they begin (log_statement, general_log); \
             log_min_duration_statement = 0, or MySQL's slow log with long_query_time = 0, tells both",
            counted(logged.untimed, "execution")
        ));
    }
    if logged.plans_alone > 0 {
        remarks.push(format!(
            "{} without a line of their own, of which auto_explain wrote the plan: not counted",
            counted(logged.plans_alone, "further execution")
        ));
    }
    if logged.durations_alone > 0 {
        remarks.push(format!(
            "{} of protocol steps without a statement, {} together: log_duration is on, and what was done is not \
             logged; log_min_duration_statement = 0 tells both",
            counted(logged.durations_alone, "duration"),
            duration(logged.durations_alone_ns)
        ));
    }
    remarks
}

fn write_rows(page: &mut Page<'_>, rows: &[LoggedStatement], all_ns: u64) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let figures: Vec<[String; 7]> = rows.iter().map(|row| figures(row, all_ns)).collect();
    // Only some servers tell how many rows they read.
    let columns = HEADS.len() - usize::from(rows.iter().all(|row| row.rows_examined.is_none()));
    let width = |column: usize| {
        let cells = figures.iter().map(|row| row[column].width());
        cells.chain([HEADS[column].width()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let right = |line: Line, ink: Ink, text: &str, width: usize| {
        let end = line.width() + width + GAP;
        line.pad_to(end - GAP - text.width()).with(ink, text).pad_to(end)
    };
    let heads = HEADS.iter().zip(&widths);
    let head = heads.fold(Line::at(2), |line, (head, width)| right(line, Ink::Faint, head, *width));
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
        if let Some(senders) = sent_by(row) {
            page.prose(Line::at(column), Ink::Faint, &senders)?;
        }
        if row.spills > 0 {
            page.prose(Line::at(column), Ink::Faint, &spills(row))?;
        }
    }
    Ok(())
}

/// `sent by web GET /orders and 2 other endpoints`.
fn sent_by(row: &LoggedStatement) -> Option<String> {
    let first = row.sent_by.first()?;
    let by_time = if first.by_time { ", as times tell" } else { "" };
    let others = match row.sent_by.len() {
        1 => String::new(),
        all => format!(" and {}", counted(all as u64 - 1, "other endpoint")),
    };
    Some(format!("sent by {} {}{others}{by_time}", first.service, first.endpoint))
}

/// `writes temporary files in 3 executions: 21.3 MB, up to 7.1 MB each`.
fn spills(row: &LoggedStatement) -> String {
    let executions = counted(row.spills, "execution");
    let each = bytes(row.spilled_bytes_max);
    match row.spills {
        1 => format!("writes {each} to temporary files in {executions}"),
        _ => format!(
            "writes {} to temporary files in {executions}, up to {each} in one",
            bytes(row.spilled_bytes)
        ),
    }
}

fn figures(row: &LoggedStatement, all_ns: u64) -> [String; 7] {
    let known = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), duration);
    let latency = row.latency_ns;
    [
        share(row.time_ns, all_ns),
        duration(row.time_ns),
        count(row.executions),
        known(latency.p50),
        known(latency.p95),
        known(latency.max),
        row.rows_examined.map_or_else(|| "-".to_owned(), |read| count(read / row.rows.unwrap_or(0).max(1))),
    ]
}
