//! What logs of servers tell beside statements, in the same words in all outputs for people.

use detectors::evidence::shape::sql::shortened;
use detectors::figures::{count, counted, duration};
use detectors::finding::{
    ServerCheckpoints, ServerConnections, ServerFailure, ServerLog, ServerPooler, ServerVacuum,
};

/// What logs of servers tell beside statements, a line each.
pub(super) fn lines(server: &ServerLog) -> Vec<String> {
    let mut lines: Vec<String> = server.connections.iter().map(connections).collect();
    lines.extend(server.poolers.iter().filter(|told| *told != &ServerPooler::default()).map(pooler));
    lines.extend(server.failures.iter().map(failure));
    lines.extend(server.checkpoints.iter().map(checkpoints));
    lines.extend(server.vacuums.iter().map(vacuum));
    if server.vacuums_elsewhere > 0 {
        lines.push(format!("vacuum: {} on other tables", counted(server.vacuums_elsewhere, "run")));
    }
    lines
}

fn pooler(told: &ServerPooler) -> String {
    let mut parts = Vec::new();
    if told.transactions > 0 {
        parts.push(format!(
            "{} took {}, and clients waited {} for connections to the server",
            counted(told.transactions, "transaction"),
            duration(told.time_ns),
            duration(told.wait_ns)
        ));
    }
    if told.in_use + told.idle + told.waiting > 0 {
        parts.push(format!(
            "{} wait when it was shown, the first for {}, with {} in use and {} idle",
            counted(told.waiting, "client"),
            duration(told.waiting_ns_max),
            counted(told.in_use, "connection"),
            told.idle
        ));
    }
    let counts = [
        (told.logins, "logins"),
        (told.server_connections, "connections to the server"),
        (told.timed_out, "gave up waiting (query_wait_timeout)"),
        (told.refused, "sent away (no more connections allowed)"),
        (told.failed, "other errors"),
    ];
    parts.extend(
        counts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")),
    );
    format!("pooler, {}: {}", told.pool, if parts.is_empty() { "idle".to_owned() } else { parts.join("; ") })
}

fn connections(told: &ServerConnections) -> String {
    let made = told.authorized.max(told.received);
    let mut line = format!("connections: {} made", count(made));
    if told.between_ns >= NS_OF_SECOND {
        let tenths = u128::from(made) * 10 * u128::from(NS_OF_SECOND) / u128::from(told.between_ns);
        line.push_str(&format!(
            " in {} ({}.{} a second)",
            duration(told.between_ns),
            tenths / 10,
            tenths % 10
        ));
    }
    if let Some(mean_ns) = told.session_ns.checked_div(told.ended) {
        line.push_str(&format!(", {} ended after {} on average", count(told.ended), duration(mean_ns)));
    }
    line
}

const NS_OF_SECOND: u64 = 1_000_000_000;

fn failure(told: &ServerFailure) -> String {
    let statements = told.statements.iter().map(|failed| {
        let text = shortened(&failed.text, FAILED_MAX);
        format!("{text} ({})", count(failed.count))
    });
    let statements: Vec<String> = statements.collect();
    let of = if statements.is_empty() { String::new() } else { format!(": {}", statements.join("; ")) };
    format!("failed, {}: {}{of}", told.why, counted(told.count, "time"))
}

/// Characters of a statement that failed.
const FAILED_MAX: usize = 80;

fn checkpoints(told: &ServerCheckpoints) -> String {
    let mut line = format!("checkpoints: {}", count(told.count));
    if told.by_wal > 0 {
        line.push_str(&format!(", {} of them as so much was written", count(told.by_wal)));
    }
    if told.time_ns_max > 0 {
        line.push_str(&format!(
            "; they took {}, up to {} each",
            duration(told.time_ns),
            duration(told.time_ns_max)
        ));
    }
    if told.too_often > 0 {
        line.push_str(&format!(
            "; the server said {} that they come too often: a larger max_wal_size",
            counted(told.too_often, "time")
        ));
    }
    line
}

fn vacuum(told: &ServerVacuum) -> String {
    let what = if told.analyze { "analyze" } else { "vacuum" };
    format!(
        "{what}: {} on {} took {}, up to {} each",
        counted(told.runs, "run"),
        told.table,
        duration(told.time_ns),
        duration(told.time_ns_max)
    )
}
