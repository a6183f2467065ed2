//! Statements as logs of servers tell them, in words and figures that outputs share.

use detectors::figures::{bytes, count, counted, duration, share};
use detectors::finding::{LoggedStatement, LoggedStatements, StatementSource};

use super::words::example;

/// What the table of statements is called.
pub(super) fn name(logged: &LoggedStatements) -> &'static str {
    match logged.from {
        StatementSource::Log => "statements in logs",
        StatementSource::Statistics => "statements in statistics",
    }
}

/// Of so many executions one takes less than this, unless those are not logged.
const TIMED_MIN: u64 = 50;
const QUICKEST_MIN_NS: u64 = 1_000_000;

/// What the figures of a statement are called.
const HEADS: [&str; 9] = ["share", "time", PREPARE, "calls", "mean", "p50", "p95", "slowest", "read/row"];

/// What comes before the execution, by the words of what tells of it.
const PREPARE: &str = "parse+bind";

/// From this part of the time on it is shown; statements are ranked by both.
const PREPARE_PART: u64 = 20;

/// Those that are shown.
pub(super) struct Columns {
    shown: Vec<usize>,
    all_ns: u64,
    is_sums: bool,
}

impl Columns {
    /// Only some servers tell how many rows they read, and sums have no percentiles but a mean.
    pub(super) fn of(rows: &[LoggedStatement], logged: &LoggedStatements) -> Self {
        let is_sums = logged.from == StatementSource::Statistics;
        let figures: Vec<[String; 9]> = rows.iter().map(|row| figures(row, logged.time_ns)).collect();
        let is_shown = |column: &usize| match HEADS[*column] {
            "mean" => is_sums,
            PREPARE => is_preparing_notable(rows),
            "read/row" => rows.iter().any(|row| row.rows_examined.is_some()),
            "p50" | "p95" | "slowest" => !is_sums || figures.iter().any(|cells| cells[*column] != UNKNOWN),
            _ => true,
        };
        Self { shown: (0..HEADS.len()).filter(is_shown).collect(), all_ns: logged.time_ns, is_sums }
    }

    pub(super) fn heads(&self) -> Vec<&'static str> {
        let head = |column: &usize| match HEADS[*column] {
            PREPARE if self.is_sums => "plan",
            head => head,
        };
        self.shown.iter().map(head).collect()
    }

    pub(super) fn cells(&self, row: &LoggedStatement) -> Vec<String> {
        let figures = figures(row, self.all_ns);
        self.shown.iter().map(|column| figures[*column].clone()).collect()
    }
}

/// Whether what comes before executions changes the order of statements, or takes a part of the time.
fn is_preparing_notable(rows: &[LoggedStatement]) -> bool {
    let sum = |of: fn(&LoggedStatement) -> u64| rows.iter().map(of).fold(0, u64::saturating_add);
    let prepare_ns = sum(|row| row.prepare_ns);
    let is_by_time = rows.is_sorted_by(|one, other| one.time_ns >= other.time_ns);
    !is_by_time || prepare_ns > 0 && prepare_ns >= sum(|row| row.time_ns) / PREPARE_PART
}

/// Stands for what is not told.
const UNKNOWN: &str = "-";

/// What is said of a statement below its figures; of one with its values at most so many letters.
pub(super) fn beside(row: &LoggedStatement, letters_max: usize) -> impl Iterator<Item = String> {
    let spills = (row.spilled_bytes > 0).then(|| spills(row));
    let example = row.example.as_ref().map(|shown| format!("values shown: {}", example(shown, letters_max)));
    sent_by(row).into_iter().chain(spills).chain(example)
}

/// `661 executions of 49 statements took 11.2 s`.
pub(super) fn summary(logged: &LoggedStatements) -> String {
    let of = counted(logged.statements, "statement");
    let executions = counted(logged.executions, "execution");
    let mut text = match logged.time_ns {
        0 if logged.untimed > 0 => format!("{executions} of {of}; how long they took is not in this log"),
        time_ns => format!("{executions} of {of} took {}", duration(time_ns)),
    };
    if logged.prepare_ns > 0 {
        let what = match logged.from {
            StatementSource::Log => "parse and bind",
            StatementSource::Statistics => "plan",
        };
        text.push_str(&format!(", and {} to {what}", duration(logged.prepare_ns)));
    }
    if logged.failed > 0 {
        text.push_str(&format!("; {} failed", count(logged.failed)));
    }
    text
}

/// What the settings of the server leave out.
pub(super) fn remarks(logged: &LoggedStatements) -> Vec<String> {
    let mut remarks = Vec::new();
    let timed = logged.executions.saturating_sub(logged.untimed);
    if let Some(quickest_ns) = logged.quickest_ns.filter(|ns| *ns >= QUICKEST_MIN_NS && timed >= TIMED_MIN) {
        remarks.push(format!(
            "no execution took less than {}: if only slow ones are logged (log_min_duration_statement, long_query_time), \
             calls, shares and percentiles are of these alone",
            duration(quickest_ns)
        ));
    }
    if logged.unlogged > 0 {
        remarks.push(format!(
            "{} of them are not in the log: each that is stands for several (log_slow_rate_limit, --log-sample-rate), in times as well",
            count(logged.unlogged)
        ));
    }
    if logged.untimed > 0 {
        remarks.push(format!(
            "{} without a duration: the log tells only that they begin (log_statement, general_log); \
             in PostgreSQL log_min_duration_statement = 0, in MySQL and MariaDB the slow log with long_query_time = 0 \
             tells both",
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
    // What traces do not show all of may have other senders.
    let executions: u64 = row.sent_by.iter().map(|sender| sender.executions).fold(0, u64::saturating_add);
    let part = match first.by_time || executions.saturating_mul(10) >= row.executions.saturating_mul(9) {
        true => String::new(),
        false => format!(", as traces show of {} of them", count(executions)),
    };
    Some(format!("sent by {} {}{others}{by_time}{part}", first.service, first.endpoint))
}

/// `writes temporary files in 3 executions: 21.3 MB, up to 7.1 MB each`.
fn spills(row: &LoggedStatement) -> String {
    let executions = counted(row.spills, "execution");
    let each = bytes(row.spilled_bytes_max);
    match row.spills {
        // Sums of a server do not tell.
        0 => format!("writes {} to temporary files", bytes(row.spilled_bytes)),
        1 => format!("writes {each} to temporary files in {executions}"),
        _ => format!(
            "writes {} to temporary files in {executions}, up to {each} in one",
            bytes(row.spilled_bytes)
        ),
    }
}

/// The cells of a row, as [`HEADS`] names them.
fn figures(row: &LoggedStatement, all_ns: u64) -> [String; 9] {
    let known = |value: Option<u64>| value.map_or_else(|| UNKNOWN.to_owned(), duration);
    let latency = row.latency_ns;
    let timed = |text: String| if all_ns == 0 { UNKNOWN.to_owned() } else { text };
    [
        timed(share(row.time_ns, all_ns)),
        timed(duration(row.time_ns)),
        known(Some(row.prepare_ns).filter(|ns| *ns > 0)),
        count(row.executions),
        timed(duration(row.time_ns / row.executions.max(1))),
        known(latency.p50),
        known(latency.p95),
        known(latency.max),
        row.rows_examined
            .map_or_else(|| UNKNOWN.to_owned(), |read| count(read / row.rows.unwrap_or(0).max(1))),
    ]
}
