//! Finds transactions that the server gives up because they wait for each other.
//!
//! ## Why it is slow
//!
//! Two transactions lock the same rows in different orders: each holds what the other waits for. Neither can go on.
//! The server notices after `deadlock_timeout` (one second by default in PostgreSQL) and gives one of them up: it has
//! waited for nothing, all that it did before is undone and has to be done again, and its user sees an error or waits
//! for the second attempt.
//!
//! ## What counts
//!
//! Errors `deadlock detected` in the log of a PostgreSQL, with the statements of all sides, as far as `DETAIL` tells them.
//! The time is that of the wait (`log_lock_waits = on` tells it) and of the transaction that was given up. In the slow
//! log of MySQL, Percona Server and MariaDB, error 1213, where errors are logged (`Errno`, `Last_errno`); the other side is not told there.
//!
//! ## Stays silent
//!
//! - on waits that end: lock-wait;
//! - on transactions that fail for other reasons.
//!
//! ## Remedy
//!
//! Lock in one order. Best case: no such wait and no transaction for nothing. Worst case: half of them are left.
//!
//! ## How to check
//!
//! How often `deadlock detected` is in the server's log.

use crate::candidate::{Advice, Candidates, Case, Check, Remedy, Subject, Told, View};
use crate::evidence::ShapeRef;
use crate::evidence::trace::{NONE, Operation};
use crate::finding::{Confidence, Unit};
use crate::nature::Nature;
use crate::wording::{brief, duration, list};
use crate::{Detector, Inspect};

pub(crate) const DETECTOR: Detector = Detector {
    id: "deadlock",
    summary: "transactions wait for each other until the server gives one up",
    page: include_str!("deadlock.rs"),
    settings: &[],
    inspect: Inspect::Request(Nature::GIVEN_UP, inspect),
    plan: None,
    confirm: None,
    logs: true,
    tell: Some(tell),
};

const REMEDY: Remedy = Remedy::Remove { worst: 500 };

fn inspect(view: &View<'_>, found: &mut Candidates) {
    if !view.request.is_logged() {
        return;
    }
    let mut operations = view.operations().map(|(_, operation)| operation);
    let Some(failed) = operations.find(|operation| operation.is_given_up()) else { return };
    let candidate = found.push(subject(view, failed), REMEDY, Confidence::High);
    // What was done before is undone, and done again.
    let whole = view.operations().filter(|(_, operation)| operation.parent == NONE);
    candidate.repeats(1).claim(whole.map(|(number, _)| number));
}

/// The statements of all sides, each once, by their texts; the one that was given up where the log tells no others.
fn subject(view: &View<'_>, failed: &Operation) -> Subject {
    let told = view.dictionary.server().deadlock_of(failed.id).unwrap_or_default();
    if told.is_empty() {
        return Subject::Shape(failed.shape);
    }
    let mut sides: Vec<ShapeRef> = told.iter().copied().chain([failed.shape]).collect();
    sides.sort_by(|one, other| view.dictionary.shape(*one).text.cmp(&view.dictionary.shape(*other).text));
    sides.dedup();
    Subject::Calls(sides.into())
}

fn tell(case: &Case<'_>) -> Told {
    let sides = match case.subject {
        Subject::Calls(sides) => sides,
        _ => &[][..],
    };
    let between = match sides {
        [] => format!(
            "{} is given up in deadlocks; with which others the log does not tell",
            brief(case.dictionary, case.shape())
        ),
        [same] => format!("{} deadlocks with itself, in other transactions", brief(case.dictionary, *same)),
        several => {
            let texts: Vec<String> = several.iter().map(|side| brief(case.dictionary, *side)).collect();
            format!("{} wait for each other", list(&texts))
        }
    };
    Told {
        why: format!(
            "{between}: the server gave up {} of {} transactions, which cost it {} each at the median",
            case.requests,
            case.requests_of_endpoint,
            duration(case.claimed_ns.p50)
        ),
        fix: vec![
            Advice::new(
                "lock in one order: sort the keys before the first UPDATE, or lock all rows at once with SELECT … ORDER BY \
                 key FOR UPDATE",
                "those that come at once queue, one after another",
            ),
            Advice::new(
                "keep what is locked short: the two statements next to each other, right before the commit",
                "deadlocks get rarer and do not end: try a transaction again that was given up",
            ),
        ],
        verify: Check {
            metric: "transactions given up by deadlocks".to_owned(),
            unit: Unit::Count,
            now: case.requests,
            expected: 0,
        },
        confidence: None,
        dismissed: None,
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::{Failure, UNKNOWN};
    use crate::finding::Report;
    use crate::testing::trace;

    const TAKEN: &str = "UPDATE stock SET amount = ? WHERE id = ?";

    /// Transactions of which every fifth fails after a second.
    fn judged(failure: Failure) -> Report {
        trace().judge(40, |trace, number| {
            let from = f64::from(number) * 5_000.0;
            let trace = trace.execution("BEGIN", from, from + 0.1, UNKNOWN);
            let trace = trace.execution("SELECT * FROM orders WHERE id = ?", from + 1.0, from + 3.0, UNKNOWN);
            match number % 5 {
                0 => trace.execution(TAKEN, from + 4.0, from + 1_004.0, UNKNOWN).failed_by(failure),
                _ => trace.execution(TAKEN, from + 4.0, from + 6.0, UNKNOWN),
            }
        })
    }

    #[test]
    fn what_was_given_up_costs_its_wait_and_what_was_before() {
        let report = judged(Failure::Deadlock);
        let finding = &report.findings[0];
        assert_eq!((finding.detector.as_str(), finding.requests), ("deadlock", 8));
        assert!(finding.why.contains("does not tell"), "{}", finding.why);
        assert!(finding.gain.total_ns > 5_000_000_000, "{:?}", finding.gain);
    }

    #[test]
    fn silent_on_other_failures() {
        for failure in [Failure::Other, Failure::LockTimeout, Failure::StatementTimeout] {
            let report = judged(failure);
            assert!(report.findings.iter().all(|finding| finding.detector != "deadlock"), "{failure:?}");
        }
    }
}
