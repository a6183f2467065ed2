//! Finds transactions that stay open while nothing is done in the database, and make others wait.
//!
//! ## Why it is slow
//!
//! What a transaction has locked stays locked until it ends. Where the program does something else meanwhile (a call
//! to another service, a computation, a user who thinks), everybody who wants the same rows waits for that, too. The
//! connection is taken as long, and rows that were deleted meanwhile cannot be cleared away.
//!
//! ## What counts
//!
//! What a server's log says: transactions whose begin is logged, in which nothing ran for at least `idle_min` after a
//! statement and for most of their time, and for which others waited meanwhile (`log_lock_waits = on` in PostgreSQL).
//! What it costs is the time of those that waited.
//!
//! ## Stays silent
//!
//! - on transactions that are long because they compute: whoever waits for them waits for a statement (lock-wait);
//! - on sessions that are idle with no transaction open;
//! - where nobody waited: it is among what was considered;
//! - where the log does not tell: of statements that are too quick for `log_min_duration_statement` nothing is known.
//!
//! ## Remedy
//!
//! Do what takes long before the transaction or after it. Best case: nobody waits for the pause. Worst case: half of
//! the waits is left, as others come meanwhile.
//!
//! ## How to check
//!
//! The lines `still waiting for` in the server's log, and how long the statements that waited take.

use crate::candidate::{Advice, Candidates, Case, Check, Part, Remedy, Subject, Told, View};
use crate::docket::CandidateKey;
use crate::evidence::trace::Waits;
use crate::finding::{Confidence, Unit};
use crate::nature::Nature;
use crate::settings::Setting;
use crate::shown::{Shown, Unconfirmed, Whole};
use crate::wording::{brief, duration};
use crate::{Detector, Inspect};

const IDLE_MIN: Setting = Setting {
    name: "idle_min",
    unit: "ms",
    default: 200,
    why: "shorter pauses are a few round trips, or the garbage collector of the client",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "long-transaction",
    summary: "a transaction is open and idle while others wait for its locks",
    page: include_str!("long_transaction.rs"),
    settings: &[IDLE_MIN],
    inspect: Inspect::Request(Nature::IDLE, inspect),
    plan: None,
    confirm: Some(confirm),
    logs: true,
    tell: Some(tell),
};

/// All that is waited while the transaction is idle, at worst half of it.
const REMEDY: Remedy = Remedy::Remove { worst: 500 };

/// A transaction that is idle for so many times the time of its statements does little else.
const IDLE_TIMES: u64 = 2;

/// Names pauses of transactions; whether anybody waited meanwhile is known when all sessions are.
fn inspect(view: &View<'_>, found: &mut Candidates) {
    let idle = &view.trace.locking.idle;
    let all_ns = idle.iter().map(|(_, idle_ns)| *idle_ns).fold(0, u64::saturating_add);
    let busy_ns = view.request.path_ns[Waits::Database as usize];
    if all_ns < busy_ns.saturating_mul(IDLE_TIMES) {
        return;
    }
    let long_ns = view.settings.get(&IDLE_MIN).saturating_mul(1_000_000);
    for (number, _) in idle.iter().filter(|(_, idle_ns)| *idle_ns >= long_ns) {
        let subject = Subject::Shape(view.operation(*number).shape);
        // It is no time of the request: it claims none.
        found.about(subject, REMEDY, Confidence::High).claim_part(*number, Part::GapBefore);
    }
}

fn confirm<'a>(whole: &'a Whole<'a>, key: &CandidateKey) -> Result<Shown<'a>, Unconfirmed> {
    let idle = match key.subject {
        Subject::Shape(shape) => whole.blockings.idle(key.endpoint, shape),
        _ => None,
    };
    idle.map(Shown::Idle).ok_or_else(|| Unconfirmed::because("nobody waited for it, as far as is logged"))
}

fn tell(case: &Case<'_>) -> Told {
    let Shown::Idle(idle) = *case.shown else { return Told::default() };
    let waiting = idle
        .statements
        .first()
        .map_or_else(String::new, |(shape, _)| format!(", most of them {}", brief(case.dictionary, *shape)));
    Told {
        why: format!(
            "its transaction stays open and does nothing after {}; others waited {} for its locks meanwhile, up to {} \
             at once{waiting}",
            brief(case.dictionary, case.shape()),
            duration(idle.waited_ns),
            duration(idle.longest_ns),
        ),
        fix: vec![
            Advice::new(
                "do what takes long before the transaction begins or after it has ended: calls to others, computing, \
                 waiting for a user; lock last, and commit at once",
                "what was read before may have changed when the lock is taken: check it again in the statement's WHERE",
            ),
            Advice::new(
                "end what hangs: SET idle_in_transaction_session_timeout for the role that does it",
                "the session ends with an error, and what it did is lost",
            ),
        ],
        verify: Check {
            metric: "time that others wait meanwhile".to_owned(),
            unit: Unit::Ns,
            now: idle.waited_ns,
            expected: 0,
        },
        confidence: None,
        dismissed: None,
    }
}
