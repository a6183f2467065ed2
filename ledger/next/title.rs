//! What a change is called that mends a finding: what to do, out of the detector and what the finding is about.

use crate::DiagnosedFinding;

/// Letters of a subject that a title has room for.
const SUBJECT_MAX: usize = 40;

/// Detectors, and what mends what they find: with a subject in place of `{}`, and where that has no short name.
const MENDED: [(&str, &str, &str); 42] = [
    ("blocking-call", "do not wait for {}", "do not wait for the call"),
    ("cartesian-join", "join {} by a condition", "join by a condition"),
    ("cold-cache", "", "let the cache have what is asked for"),
    ("connection-per-request", "", "keep connections open between requests"),
    (
        "correlated-subquery",
        "join {} instead of a subquery for each row",
        "join instead of a subquery for each row",
    ),
    ("deadlock", "take locks on {} in the same order", "take locks in the same order"),
    ("disk-spill", "", "sort and hash in memory"),
    ("event-loop-stall", "", "keep the event loop free"),
    ("filter-waste", "let the index of {} serve the filter too", "let the index serve the filter too"),
    ("forced-settings", "", "leave the choice of plans to the planner"),
    ("heap-fetches", "", "vacuum more often"),
    ("heavy-compute", "make {} cheaper", "make the own code cheaper"),
    ("index-searches", "", "begin the index with the column that is asked for"),
    ("jit-cost", "", "do not compile this statement"),
    ("lock-wait", "hold locks on {} for a shorter time", "hold locks for a shorter time"),
    ("long-transaction", "end the transaction on {} sooner", "end the transaction sooner"),
    ("lossy-bitmap", "", "let the bitmap fit into memory"),
    ("memoize-thrash", "", "do not remember what is not asked for again"),
    ("missing-index", "add an index on {}", "add the missing index"),
    ("n-plus-one", "ask for {} once, not for each row", "ask once, not for each row"),
    ("nested-loop", "do not go through all of {} for each row", "do not go through all rows for each row"),
    ("non-sargable", "let an index serve the condition on {}", "let an index serve the condition"),
    ("offset-waste", "page through {} by key", "page by key"),
    ("planning-cost", "", "plan the statement once"),
    ("pool-starvation", "", "hold connections of the pool for a shorter time"),
    ("repeated-query", "read {} once in a request", "read it once in a request"),
    ("repeated-scan", "read {} once in the statement", "read the table once in the statement"),
    ("retry-storm", "wait before {} is tried again", "wait before it is tried again"),
    (
        "row-misestimate",
        "let the planner know how many rows {} has",
        "let the planner know how many rows there are",
    ),
    ("row-waste", "add an index for what is read of {}", "add an index for what is read"),
    ("scaling-cost", "", "let the time not grow faster than the data"),
    ("sequential-calls", "", "make independent calls at the same time"),
    ("serialization-cost", "", "send fewer rows"),
    ("slow-query", "make the statement on {} cheaper", "make the statement cheaper"),
    ("stale-statistics", "", "let statistics be taken more often"),
    ("trigger-time", "make the triggers of {} cheaper", "make the triggers cheaper"),
    ("unbounded-result", "limit the rows of {}", "limit the rows"),
    ("uncompressed-payload", "", "compress answers"),
    ("unpruned-partitions", "name the partition key of {}", "name the partition key"),
    ("wal-cost", "", "write fewer whole pages into the log"),
    ("worker-starvation", "give {} more workers", "have more workers"),
    ("workers-not-launched", "", "let parallel plans have their processes"),
];

/// `ask for customers once, not for each row, in GET /orders`.
pub(super) fn title(finding: &DiagnosedFinding) -> String {
    let place = finding.endpoint.as_ref().map(|endpoint| format!(" in {endpoint}")).unwrap_or_default();
    let Some((_, with, without)) = MENDED.iter().find(|(detector, ..)| *detector == finding.detector) else {
        return format!("mend {}{place}", finding.detector);
    };
    let subject = finding.subject.as_ref().and_then(|subject| name(&subject.kind, &subject.text));
    let text = match subject.filter(|_| !with.is_empty()) {
        Some(subject) => with.replace("{}", &subject),
        None => (*without).to_owned(),
    };
    let comma = if place.is_empty() || !text.contains(',') { "" } else { "," };
    format!("{text}{comma}{place}")
}

/// The short name of a subject: a table, an address without its host, or what a phrase ends with.
fn name(kind: &str, text: &str) -> Option<String> {
    let name = match kind {
        "statement" if text.contains(' ') => table(text).or_else(|| behind(text))?,
        "call" => return Some(without_host(text)).filter(|name| fits(name)),
        "code" => (!text.starts_with("own time")).then_some(text)?,
        "statement" => text,
        _ => behind(text)?,
    };
    fits(name).then(|| name.to_owned())
}

fn fits(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= SUBJECT_MAX && !name.contains([',', '?'])
}

/// The first table that a statement names.
fn table(statement: &str) -> Option<&str> {
    let is_before =
        |word: &&str| ["FROM", "INTO", "UPDATE"].iter().any(|before| word.eq_ignore_ascii_case(before));
    let mut words = statement.split_whitespace();
    words.find(is_before)?;
    let table = words.next()?.trim_end_matches([',', ';', ')']);
    table
        .starts_with(|first: char| first.is_alphabetic() || matches!(first, '_' | '"' | '`'))
        .then_some(table)
}

/// `orders o` of `memory of orders o`.
fn behind(text: &str) -> Option<&str> {
    [" of ", " on "].iter().find_map(|word| text.split_once(word)).map(|(_, rest)| rest)
}

/// `GET /prices/{id}` of `GET http://shop/prices/{id}?all={}`.
fn without_host(call: &str) -> String {
    let call = call.split('?').next().unwrap_or(call);
    match call.split_once("://").map(|(before, rest)| (before, rest.find('/').map(|path| &rest[path..]))) {
        Some((before, Some(path))) => format!(
            "{}{path}",
            before.rsplit_once(' ').map_or(String::new(), |(method, _)| format!("{method} "))
        ),
        _ => call.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detector_has_its_words() {
        for detector in detectors::ALL {
            assert!(MENDED.iter().any(|(id, ..)| *id == detector.id), "{}", detector.id);
        }
        assert!(MENDED.is_sorted() && MENDED.iter().all(|(_, _, without)| !without.contains("{}")));
    }

    #[test]
    fn subjects_have_short_names_or_none() {
        for (kind, text, expected) in [
            ("statement", "SELECT c.id FROM customers c WHERE c.id = ?", Some("customers")),
            ("statement", "UPDATE public.stock SET amount = ?", Some("public.stock")),
            ("statement", "memory of orders o", Some("orders o")),
            ("statement", "public.events", Some("public.events")),
            ("statement", "SELECT pg_advisory_xact_lock(?)", None),
            ("statement", "SELECT max(n) FROM (SELECT ?) x", None),
            ("call", "GET http://127.0.0.1:60065/prices/{id}?token={}", Some("GET /prices/{id}")),
            ("call", "GET rating", Some("GET rating")),
            ("calls", "GET http://a/weather, GET http://a/news", None),
            ("code", "print label", Some("print label")),
            ("code", "own time before the first call", None),
            ("pool", "connection pool of shop", Some("shop")),
        ] {
            assert_eq!(name(kind, text).as_deref(), expected, "{text}");
        }
    }
}
