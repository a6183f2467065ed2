//! Statements as logs of servers tell them, in words and figures that outputs share.

use detectors::figures::{bytes, count, counted, duration, share};
use detectors::finding::{LoggedStatement, LoggedStatements};

/// What the figures of a statement are called.
pub(super) const HEADS: [&str; 7] = ["share", "time", "calls", "p50", "p95", "slowest", "read/row"];

/// So many of them are shown: only some servers tell how many rows they read.
pub(super) fn columns(rows: &[LoggedStatement]) -> usize {
    HEADS.len() - usize::from(rows.iter().all(|row| row.rows_examined.is_none()))
}

/// What is said of a statement below its figures.
pub(super) fn beside(row: &LoggedStatement) -> impl Iterator<Item = String> {
    sent_by(row).into_iter().chain((row.spills > 0).then(|| spills(row)))
}

/// `661 executions of 49 statements took 11.2 s`.
pub(super) fn summary(logged: &LoggedStatements) -> String {
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
pub(super) fn remarks(logged: &LoggedStatements) -> Vec<String> {
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

/// The cells of a row, as [`HEADS`] names them.
pub(super) fn figures(row: &LoggedStatement, all_ns: u64) -> [String; 7] {
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
