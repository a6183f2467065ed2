//! Where traces and logs of databases tell of the same statements: one finding, with what each of them knows.

use super::considered::{Considered, Scales};
use super::endpoints::EndpointView;
use super::selection::Verdict;
use crate::candidate::{Remedy, Subject};
use crate::docket::{EndpointKey, LoggedTally};
use crate::evidence::{Dictionary, ShapeRef, Symbol};
use crate::figures::{count, counted, duration, share};
use crate::finding::{Finding, LoggedWithin, SentBy};
use crate::timelines::{Sender, Senders};

/// Senders of one statement that are named.
const NAMED_MAX: usize = 5;

/// Lets a log's findings go into those of traces about the same statement and flaw.
pub(super) fn join(candidates: &[Considered<'_>], scales: &Scales<'_>, verdicts: &mut [Verdict]) {
    for place in 0..candidates.len() {
        if verdicts[place].is_told() && is_of_log(&candidates[place], scales) {
            let same = |other: &usize| {
                let traced = &candidates[*other];
                let told = verdicts[*other].is_told() && !is_of_log(traced, scales);
                told && is_same(&candidates[place], traced, scales)
            };
            let traced = (0..candidates.len()).filter(same);
            if let Some(traced) =
                traced.max_by_key(|&other| (candidates[other].gain_ns, &candidates[other].id))
            {
                verdicts[place] = Verdict::ExplainedBy(traced);
            }
        }
    }
}

fn is_of_log(candidate: &Considered<'_>, scales: &Scales<'_>) -> bool {
    scales.docket.is_logged(&candidate.key.endpoint)
}

/// Whether a trace's candidate is about the statement of a log's candidate. Whether a loop asks for the same again and
/// again shows in values, which a trace may not have.
fn is_same(logged: &Considered<'_>, traced: &Considered<'_>, scales: &Scales<'_>) -> bool {
    let Subject::Shape(shape) = logged.key.subject else { return false };
    let is_loop = |one: &Considered<'_>| one.fix.remedy == Remedy::SendOnce;
    let same_flaw = logged.key.detector == traced.key.detector || is_loop(logged) && is_loop(traced);
    same_flaw
        && traced.key.subject == logged.key.subject
        && scales.whole.senders.is_traced(shape, traced.key.endpoint)
}

/// What the log adds to a finding of traces: how long the server took, and the log's own finding about it.
pub(super) fn note_log(
    finding: &mut Finding,
    candidate: &Considered<'_>,
    joined: &[&Considered<'_>],
    scales: &Scales<'_>,
) {
    let Subject::Shape(shape) = candidate.key.subject else { return };
    if !scales.whole.senders.is_traced(shape, candidate.key.endpoint) {
        return;
    }
    let mut databases: Vec<(&str, &LoggedTally)> = scales
        .docket
        .logged
        .of_shape(shape)
        .map(|(database, tally)| (scales.dictionary.text(database), tally))
        .collect();
    databases.sort_by_key(|(name, _)| *name);
    for (name, tally) in databases.into_iter().filter(|(_, tally)| tally.timed > 0) {
        finding.also.push(by_server(name, tally));
    }
    let views =
        joined.iter().map(|logged| format!("in the log, {}: {}", logged.detector.id, logged.told.why));
    finding.also.extend(views);
}

/// `log of shop: the server takes 1.2 ms of it at the median (p95 3 ms, 600 executions), 12 % of that for locks`.
fn by_server(database: &str, tally: &LoggedTally) -> String {
    let at = |permille: u64| duration(tally.durations.quantile(permille));
    let mut text = format!(
        "log{}: the server takes {} of each at the median, {} at most ({})",
        if database.is_empty() { String::new() } else { format!(" of {database}") },
        at(500),
        duration(tally.durations.max()),
        counted(tally.timed, "execution")
    );
    if tally.lock_ns > 0 {
        text.push_str(&format!("; {} of its time it waits for locks", share(tally.lock_ns, tally.total_ns)));
    }
    if tally.spilled.0 > 0 {
        text.push_str(&format!("; {} write temporary files", count(tally.spilled.0)));
    }
    text
}

/// `; sent by web GET /orders (its 480 executions lie within requests there)`.
pub(super) fn sender_of_finding(candidate: &Considered<'_>, scales: &Scales<'_>) -> Option<String> {
    let Subject::Shape(shape) = candidate.key.subject else { return None };
    if !is_of_log(candidate, scales) {
        return None;
    }
    let databases = scales.docket.sending.databases_of(candidate.key.endpoint.service);
    let mut senders = databases.flat_map(|database| scales.whole.senders.of_statement(shape, database));
    let sender = senders.next()?;
    let EndpointKey { service, name } = sender.endpoint;
    let endpoint = format!("{} {}", scales.dictionary.text(service), name.text(scales.dictionary));
    let of: u64 = scales.docket.logged.of_shape(shape).map(|(_, tally)| tally.timed + tally.untimed).sum();
    let executions = format!("{} of {}", count(sender.executions.min(of)), counted(of, "execution"));
    Some(match sender.by_time {
        true => format!("sent by {endpoint}, as times tell: {executions} within its requests alone"),
        false => format!("sent by {endpoint}, as traces show of {executions}"),
    })
}

/// Who sends a statement, for the report.
pub(super) fn sent_by(
    senders: &Senders,
    (shape, database): (ShapeRef, Symbol),
    dictionary: &Dictionary,
) -> Vec<SentBy> {
    let told = senders.of_statement(shape, database).iter().take(NAMED_MAX);
    let told = told.map(|&Sender { endpoint, executions, time_ns, by_time }| SentBy {
        service: dictionary.text(endpoint.service).to_owned(),
        endpoint: endpoint.name.text(dictionary),
        executions,
        time_ns,
        by_time,
    });
    told.collect()
}

/// What logs tell of the time of an endpoint whose traces show no statement.
pub(super) fn within(view: &EndpointView<'_>, scales: &Scales<'_>) -> Option<LoggedWithin> {
    if view.tally.statements.max() > 0 {
        return None;
    }
    let within = scales.whole.senders.within(view.key)?;
    Some(LoggedWithin {
        requests: within.requests,
        executions: within.executions,
        time_ns: within.time_ns,
        statement: scales.dictionary.shape(within.statement).text.to_string(),
    })
}
