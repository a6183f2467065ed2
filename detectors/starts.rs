//! Endpoints whose first requests in a process are much slower than later ones.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::docket::{
    Bucket, Docket, Early, EndpointKey, bucket_of_rank, fine_bucket, fine_floor, hash_of, rank_of,
};

/// How many times as long as the endpoint's usual request a slow one takes.
const SLOWER_TIMES: u64 = 3;

/// A slow request takes at least so much longer than a usual one.
const SLOWER_NS: u64 = 20_000_000;

/// Of the first requests of a process at least so many are slow, per cent.
const MOSTLY: u64 = 80;

/// The share of later requests that may be as slow, per cent.
const LATER_MOST: u64 = 20;

/// First requests at one endpoint that were slow, in all processes together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The slow ones, in order of their start within each process.
    pub(crate) slow: Vec<Early>,
    /// The most in one process, each after the end of the one before: what comes together waits for one start.
    pub(crate) most: u64,
    /// Processes that start so.
    pub(crate) instances: u64,
    /// Processes of which requests at the endpoint were seen.
    pub(crate) instances_seen: u64,
    /// Median and 95th percentile of all other requests of the endpoint.
    pub(crate) later_ns: (u64, u64),
}

/// All endpoints with slow first requests.
pub(crate) fn starts(docket: &Docket) -> FxHashMap<EndpointKey, Start> {
    let mut starts: FxHashMap<EndpointKey, Start> = FxHashMap::default();
    for instance in docket.earliest.instances() {
        let mut by_endpoint: FxHashMap<EndpointKey, Vec<(u64, Early)>> = FxHashMap::default();
        for ((start_ns, _), early) in instance {
            by_endpoint.entry(early.endpoint).or_default().push((*start_ns, *early));
        }
        for (endpoint, requests) in by_endpoint {
            let Some(tally) = docket.endpoints.get(&endpoint) else { continue };
            let usual_ns = quantile(&tally.latency, 500);
            let start = starts.entry(endpoint).or_insert_with(|| Start {
                slow: Vec::new(),
                most: 0,
                instances: 0,
                instances_seen: 0,
                later_ns: (0, 0),
            });
            start.instances_seen += 1;
            let slow = slow_start(&requests, usual_ns);
            if !slow.is_empty() {
                start.instances += 1;
                start.most = start.most.max(one_after_another(&slow));
                start.slow.extend(slow.into_iter().map(|(_, early)| early));
            }
        }
    }
    starts.retain(|_, start| !start.slow.is_empty());
    for (endpoint, start) in &mut starts {
        let all = docket.endpoints.get(endpoint);
        start.later_ns = all.map_or_else(Default::default, |all| later(&all.latency, &start.slow));
    }
    starts
}

/// The slow ones among the first requests of one process: most of these are, and hardly one of those after.
fn slow_start(requests: &[(u64, Early)], usual_ns: u64) -> Vec<(u64, Early)> {
    let least_ns = usual_ns.saturating_mul(SLOWER_TIMES).max(usual_ns.saturating_add(SLOWER_NS));
    let is_slow = |early: &Early| early.duration_ns >= least_ns;
    let (mut slow, mut first, mut slow_in_first) = (0, 0, 0);
    for (place, (_, early)) in requests.iter().enumerate() {
        slow += u64::from(is_slow(early));
        if is_slow(early) && slow * 100 >= (place as u64 + 1) * MOSTLY {
            (first, slow_in_first) = (place + 1, slow);
        }
    }
    let (first, later) = requests.split_at(first);
    let slow_later = later.iter().filter(|(_, early)| is_slow(early)).count() as u64;
    let enough = later.len() >= first.len() && slow_later * 100 <= later.len() as u64 * LATER_MOST;
    if slow_in_first == 0 || !enough {
        return Vec::new();
    }
    first.iter().filter(|(_, early)| is_slow(early)).copied().collect()
}

/// How many requests, given in order of their start, come after the end of the one before.
fn one_after_another(requests: &[(u64, Early)]) -> u64 {
    let mut until_ns = 0;
    let mut counted = 0;
    for (start_ns, early) in requests {
        if *start_ns >= until_ns {
            until_ns = start_ns.saturating_add(early.duration_ns);
            counted += 1;
        }
    }
    counted
}

/// Median and 95th percentile of an endpoint's requests without some.
fn later(latency: &BTreeMap<u16, Bucket>, without: &[Early]) -> (u64, u64) {
    let mut latency = latency.clone();
    for early in without {
        if let Some(bucket) = latency.get_mut(&fine_bucket(early.duration_ns)) {
            bucket.requests = bucket.requests.saturating_sub(1);
        }
    }
    (quantile(&latency, 500), quantile(&latency, 950))
}

fn quantile(latency: &BTreeMap<u16, Bucket>, permille: u64) -> u64 {
    let rank = rank_of(latency.values().map(|bucket| bucket.requests).sum(), permille);
    bucket_of_rank(latency, rank).map_or(0, fine_floor)
}

impl Start {
    /// What tells its slow requests in the sample.
    pub(crate) fn hashes(&self) -> Vec<u64> {
        let mut hashes: Vec<u64> = self.slow.iter().map(|early| hash_of(early.trace, early.span)).collect();
        hashes.sort_unstable();
        hashes
    }
}
