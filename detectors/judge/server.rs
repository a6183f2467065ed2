//! What logs of servers tell beside statements: counted, and told as it is.

use std::cmp::Reverse;

use super::poolers;
use crate::evidence::server::{Connections, Counts};
use crate::evidence::{Dictionary, Failure};
use crate::finding::{
    ServerCheckpoints, ServerConnections, ServerFailed, ServerFailure, ServerLog, ServerVacuum,
};

/// Statements that are named for one reason to fail.
const STATEMENTS_MAX: usize = 3;

/// Tables that are listed.
const TABLES_MAX: usize = 10;

/// `None` where logs tell nothing of it.
pub(super) fn server(dictionary: &Dictionary) -> Option<ServerLog> {
    let counts = dictionary.server().counts();
    let mut told = ServerLog {
        connections: connections(counts),
        failures: failures(counts, dictionary),
        checkpoints: checkpoints(counts),
        vacuums: vacuums(counts),
        vacuums_elsewhere: counts.vacuums_elsewhere,
        poolers: Vec::new(),
    };
    told.vacuums_elsewhere +=
        told.vacuums.drain(TABLES_MAX.min(told.vacuums.len())..).map(|it| it.runs).sum::<u64>();
    told.poolers = poolers::told(dictionary.server().poolers());
    (told != ServerLog::default()).then_some(told)
}

fn connections(counts: &Counts) -> Option<ServerConnections> {
    let logged = &counts.connections;
    let (from_ns, to_ns) = logged.between_ns;
    (*logged != Connections::default()).then_some(ServerConnections {
        received: logged.received,
        authorized: logged.authorized,
        ended: logged.ended,
        session_ns: logged.session_ns,
        between_ns: to_ns - from_ns,
    })
}

fn failures(counts: &Counts, dictionary: &Dictionary) -> Vec<ServerFailure> {
    let mut told: Vec<ServerFailure> = Failure::ALL
        .into_iter()
        .map(|failure| ServerFailure {
            why: why(failure).to_owned(),
            count: counts.failures(failure),
            statements: statements(counts, failure, dictionary),
        })
        .filter(|failure| failure.count > 0)
        .collect();
    told.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.why.cmp(&other.why)));
    told
}

fn statements(counts: &Counts, failure: Failure, dictionary: &Dictionary) -> Vec<ServerFailed> {
    let failed = counts.failed(failure).map(|(shape, count)| {
        let shape = dictionary.shape(shape);
        ServerFailed { text: shape.text.to_string(), shape: shape.id.to_string(), count }
    });
    let mut failed: Vec<ServerFailed> = failed.collect();
    failed.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.text.cmp(&other.text)));
    failed.truncate(STATEMENTS_MAX);
    failed
}

fn why(failure: Failure) -> &'static str {
    match failure {
        Failure::Other => "other errors",
        Failure::Deadlock => "deadlock",
        Failure::LockTimeout => "lock not given in time",
        Failure::StatementTimeout => "statement timeout",
        Failure::UserRequest => "canceled by the client",
        Failure::RecoveryConflict => "conflict with recovery",
        Failure::IdleInTransaction => "idle in transaction for too long",
        Failure::Terminated => "session ended by the server",
        Failure::Serialization => "could not be serialized",
        Failure::TooManyConnections => "too many connections",
        Failure::Authentication => "authentication",
        Failure::AbortedTransaction => "in a transaction that had failed",
        Failure::Constraint => "constraint violated",
        Failure::Syntax => "syntax, unknown name or no permission",
        Failure::Resources => "no memory or no space",
        Failure::Data => "value that does not fit",
    }
}

fn checkpoints(counts: &Counts) -> Option<ServerCheckpoints> {
    let (count, by_wal, too_often) = counts.checkpoints;
    let (_, time_ns, time_ns_max) = counts.checkpoints_took;
    let told = ServerCheckpoints { count, by_wal, too_often, time_ns, time_ns_max };
    (told != ServerCheckpoints::default()).then_some(told)
}

/// All tables, those that took longest first.
fn vacuums(counts: &Counts) -> Vec<ServerVacuum> {
    let runs = counts.vacuums.iter().map(|((table, analyze), runs)| ServerVacuum {
        table: table.to_string(),
        analyze: *analyze,
        runs: runs.runs,
        time_ns: runs.total_ns,
        time_ns_max: runs.longest_ns,
    });
    let mut told: Vec<ServerVacuum> = runs.collect();
    told.sort_by(|one, other| {
        let rank = |it: &ServerVacuum| (Reverse((it.time_ns, it.runs)), it.analyze);
        rank(one).cmp(&rank(other)).then_with(|| one.table.cmp(&other.table))
    });
    told
}
