//! What requests show together of a candidate that one of them alone does not prove.

use crate::blockings::{Blocked, Blockings, Idle};
use crate::docket::{CacheTally, Docket};
use crate::evidence::Dictionary;
use crate::scaling::Law;
use crate::starts::Start;
use crate::timelines::{
    Contention, Contentions, Load, Loads, Senders, Stall, Stalls, Starvation, Starvations,
};

/// All that was seen, as detectors look at it to confirm what they named.
#[derive(Debug)]
pub struct Whole<'a> {
    /// Sums and samples.
    pub docket: &'a Docket,
    /// Texts and shapes.
    pub dictionary: &'a Dictionary,
    /// Pools that are used up.
    pub starvations: Starvations,
    /// Services whose workers are all busy.
    pub busy: Starvations,
    /// Locks that are waited for.
    pub contentions: Contentions,
    /// Locks that are waited for in logs which do not tell of the waits.
    pub logged_contentions: Contentions,
    /// Locks that logs tell of.
    pub blockings: Blockings,
    /// How the time of endpoints goes with the load.
    pub loads: Loads,
    /// What keeps event loops.
    pub stalls: Stalls,
    /// Who sends the statements that logs tell of.
    pub senders: Senders,
}

impl<'a> Whole<'a> {
    /// Looks at everything once, but for the loads, by which candidates were named.
    pub fn of(docket: &'a Docket, dictionary: &'a Dictionary, loads: Loads) -> Self {
        let timelines = &docket.timelines;
        let starvations = Starvations::of(timelines, dictionary);
        let busy = Starvations::of_workers(timelines, dictionary);
        let contentions = Contentions::of(timelines, dictionary);
        let logged_contentions = Contentions::of_log(&docket.logged_locks.timelines, dictionary);
        let blockings = Blockings::of(docket, dictionary);
        let stalls = Stalls::of(timelines);
        let senders = Senders::of(docket, dictionary);
        Self {
            docket,
            dictionary,
            starvations,
            busy,
            contentions,
            logged_contentions,
            blockings,
            loads,
            stalls,
            senders,
        }
    }
}

/// What confirms a candidate.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
    /// One request alone proves it.
    Nothing,
    /// Connections of a pool are used up.
    Pool(&'a Starvation),
    /// How often a cache has what is asked for.
    Cache(&'a CacheTally),
    /// First requests of processes.
    Start(&'a Start),
    /// Time grows faster than the data.
    Law(Law),
    /// All workers of a service are busy.
    Workers(&'a Starvation),
    /// A lock is waited for; without waiting the statement takes so long.
    Lock(&'a Contention, u64),
    /// A statement waited for locks, as a log tells; without waiting it takes so long, as far as that is claimed.
    Blocked(&'a Blocked, u64),
    /// A transaction that does nothing makes others wait, as a log tells.
    Idle(&'a Idle),
    /// Requests take longer the more of them there are at once.
    Load(&'a Load),
    /// An event loop stands still.
    Stall(&'a Stall),
}

/// A candidate that what all requests show does not confirm, with the reason; `None` where another
/// candidate says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconfirmed(pub Option<String>);

impl Unconfirmed {
    /// With a reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(Some(reason.into()))
    }
}
