//! The pure core of whyslow: what was seen, what is wrong with it, and what each fix gives back.
//!
//! Reads no file, clock, environment or socket, prints nothing and cannot fail.

pub mod analysis;
pub mod blockings;
pub mod candidate;
pub mod comparison;
pub mod docket;
pub mod evidence;
pub mod figures;
pub mod finding;
pub mod impact;
pub mod indexes;
pub mod inspection;
pub mod judge;
pub mod memo;
pub mod plans;
pub mod queries;
mod row_waste;
pub mod scaling;
pub mod settings;
pub mod shown;
pub mod skeleton;
pub mod stacks;
pub mod timelines;
pub mod wording;

mod blocking_call;
mod cold_cache;
mod connection_per_request;
mod deadlock;
mod disk_spill;
mod event_loop_stall;
mod group;
mod heavy_compute;
mod kinship;
mod lock_wait;
mod long_transaction;
mod mapper;
mod n_plus_one;
mod nature;
mod outline;
mod own_time;
mod pool_starvation;
mod repeated_query;
mod retry_storm;
mod scaling_cost;
mod sequential_calls;
mod slow_query;
mod stack;
mod starts;
#[cfg(test)]
mod testing;
mod unbounded_result;
mod uncompressed_payload;
mod worker_starvation;

use candidate::{Candidates, Case, Told, View};
use docket::CandidateKey;
use nature::Nature;
use settings::{Setting, Values};
use shown::{Shown, Unconfirmed, Whole};
use starts::Start;

/// A flaw that whyslow knows: one file, one entry in [`ALL`].
pub struct Detector {
    /// Its name everywhere.
    pub id: &'static str,
    /// One line for lists.
    pub summary: &'static str,
    /// The source file, whose module comment is the user's page.
    pub page: &'static str,
    /// Its thresholds.
    pub settings: &'static [Setting],
    /// What it looks at of requests.
    pub(crate) inspect: Inspect,

    /// What it looks at of plans.
    pub(crate) plan: Option<plans::Rule>,
    /// Where one request alone proves nothing: what all requests show of a candidate together. Candidates of such a
    /// detector are tentative.
    pub(crate) confirm: Option<Confirm>,
    /// Whether it also looks at requests that servers' logs tell of, which have statements and nothing else.
    pub(crate) logs: bool,
    /// Puts a case into words: why, how to fix it, how to check the fix. What a plan shows needs no other words.
    pub(crate) tell: Option<fn(&Case<'_>) -> Told>,
}

impl Detector {
    /// A case in words: as a plan shows it, where one does.
    pub(crate) fn told(&self, case: &Case<'_>) -> Told {
        let by_plan = self.plan.and_then(|_| plans::told(case, self.id));
        by_plan.or_else(|| self.tell.map(|tell| tell(case))).unwrap_or_default()
    }
}

/// Confirms a tentative candidate by what all requests show together, or says why not.
pub(crate) type Confirm = for<'a> fn(&'a Whole<'a>, &CandidateKey) -> Result<Shown<'a>, Unconfirmed>;

/// What a detector looks at. It is shown requests that are of one of these natures, or have an operation that is: in
/// others it finds nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Inspect {
    /// No request: it looks at plans alone. What it finds there it names in requests that execute the statement.
    Plan,
    /// One request at a time.
    Request(Nature, fn(&View<'_>, &mut Candidates)),
    /// One request at a time, and the first requests of processes at one endpoint when all are seen. The truth
    /// value says whether the endpoint misses its target.
    RequestAndStart(Nature, fn(&View<'_>, &mut Candidates), fn(&Start, Values<'_>, bool, &mut Candidates)),
    /// One request at a time, and endpoints that were seen at several loads when all are seen: the function gives
    /// how long a request takes at least that counts, in nanoseconds.
    RequestAndLoad(Nature, fn(&View<'_>, &mut Candidates), fn(Values<'_>) -> u64),
}

impl Detector {
    /// Whether it looks at requests, of traces or of logs.
    pub fn looks_at_requests(&self) -> bool {
        !matches!(self.inspect, Inspect::Plan)
    }

    /// Whether it looks at plans.
    pub fn looks_at_plans(&self) -> bool {
        self.plan.is_some()
    }

    /// The documentation, as Markdown.
    pub fn explain(&self) -> String {
        let lines = self.page.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }
}

/// The place of a detector in [`ALL`], worked out while whyslow is built: by it later ones ask what it has found.
pub(crate) const fn place_of(id: &str) -> usize {
    let mut place = 0;
    while place < ALL.len() {
        if is_same(ALL[place].id.as_bytes(), id.as_bytes()) {
            return place;
        }
        place += 1;
    }
    panic!("no detector has this id")
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut place = 0;
    while place < one.len() && place < other.len() && one[place] == other[place] {
        place += 1;
    }
    place == one.len() && place == other.len()
}

/// Every detector; the order is the precedence where two explain the same time equally well.
pub const ALL: &[Detector] = &[
    retry_storm::DETECTOR,
    n_plus_one::DETECTOR,
    repeated_query::DETECTOR,
    sequential_calls::DETECTOR,
    uncompressed_payload::DETECTOR,
    blocking_call::DETECTOR,
    connection_per_request::DETECTOR,
    cold_cache::DETECTOR,
    pool_starvation::DETECTOR,
    event_loop_stall::DETECTOR,
    worker_starvation::DETECTOR,
    deadlock::DETECTOR,
    long_transaction::DETECTOR,
    lock_wait::DETECTOR,
    unbounded_result::DETECTOR,
    plans::flaws::missing_index::DETECTOR,
    plans::flaws::nested_loop::DETECTOR,
    plans::flaws::correlated_subquery::DETECTOR,
    plans::flaws::non_sargable::DETECTOR,
    plans::flaws::filter_waste::DETECTOR,
    plans::flaws::index_searches::DETECTOR,
    plans::flaws::offset_waste::DETECTOR,
    plans::flaws::cartesian_join::DETECTOR,
    plans::flaws::lossy_bitmap::DETECTOR,
    plans::flaws::heap_fetches::DETECTOR,
    plans::flaws::memoize_thrash::DETECTOR,
    plans::flaws::unpruned_partitions::DETECTOR,
    plans::flaws::repeated_scan::DETECTOR,
    plans::flaws::jit_cost::DETECTOR,
    plans::flaws::trigger_time::DETECTOR,
    plans::flaws::planning_cost::DETECTOR,
    plans::flaws::serialization_cost::DETECTOR,
    plans::flaws::wal_cost::DETECTOR,
    plans::flaws::workers_not_launched::DETECTOR,
    disk_spill::DETECTOR,
    plans::flaws::row_misestimate::DETECTOR,
    plans::flaws::stale_statistics::DETECTOR,
    plans::flaws::forced_settings::DETECTOR,
    row_waste::DETECTOR,
    slow_query::DETECTOR,
    heavy_compute::DETECTOR,
    scaling_cost::DETECTOR,
];
