//! For each endpoint and coarse latency bucket the requests with the smallest hashes, as skeletons.
//!
//! What is kept depends on the requests seen and not on their order: the k smallest hashes of a
//! union are among the k smallest of its parts. When all samples together grow too large, k is
//! halved everywhere; the largest k that fits all is reached whatever the order.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::EndpointKey;
use super::histogram::coarse_bucket;
use crate::evidence::Dictionary;
use crate::skeleton::Skeleton;

/// Requests kept in one bucket while all fit.
const KEPT_MAX: usize = 64;

/// Nodes that all samples may hold together: about 50 MB.
const NODES_MAX: usize = 600_000;

/// Sampled requests of all endpoints.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    by_endpoint: FxHashMap<EndpointKey, BTreeMap<u16, Kept>>,
    kept_max: usize,
    nodes: usize,
    nodes_max: usize,
    /// Requests too large to be kept.
    pub(crate) too_large: u64,
}

#[derive(Debug, Clone, Default)]
struct Kept {
    /// Requests of the bucket, kept or not.
    requests: u64,
    skeletons: BTreeMap<u64, Skeleton>,
}

impl Default for Sample {
    fn default() -> Self {
        Self::with_nodes_max(NODES_MAX)
    }
}

impl Sample {
    pub(crate) fn with_nodes_max(nodes_max: usize) -> Self {
        Self { by_endpoint: FxHashMap::default(), kept_max: KEPT_MAX, nodes: 0, nodes_max, too_large: 0 }
    }

    /// Offers a request; its skeleton is built only if it is kept.
    pub(crate) fn offer(
        &mut self,
        endpoint: EndpointKey,
        duration_ns: u64,
        hash: u64,
        build: impl FnOnce() -> Option<Skeleton>,
    ) {
        let kept_max = self.kept_max;
        let kept =
            self.by_endpoint.entry(endpoint).or_default().entry(coarse_bucket(duration_ns)).or_default();
        kept.requests += 1;
        if !kept.wants(hash, kept_max) {
            return;
        }
        match build() {
            None => self.too_large += 1,
            Some(skeleton) => {
                self.nodes += skeleton.size();
                self.nodes -= kept.keep(hash, skeleton, kept_max);
                self.shrink();
            }
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.kept_max = self.kept_max.min(other.kept_max);
        self.too_large += other.too_large;
        for (endpoint, buckets) in other.by_endpoint {
            let mine = self.by_endpoint.entry(endpoint).or_default();
            for (bucket, theirs) in buckets {
                let kept = mine.entry(bucket).or_default();
                kept.requests += theirs.requests;
                for (hash, skeleton) in theirs.skeletons {
                    self.nodes += skeleton.size();
                    self.nodes -= kept.keep(hash, skeleton, self.kept_max);
                }
            }
        }
        self.cut();
        self.shrink();
    }

    /// Skeletons of an endpoint with the number of requests each stands for.
    pub(crate) fn of(&self, endpoint: &EndpointKey) -> impl Iterator<Item = (f64, &Skeleton)> {
        let buckets = self.by_endpoint.get(endpoint).into_iter().flat_map(BTreeMap::values);
        buckets.flat_map(|kept| {
            let weight = kept.requests as f64 / kept.skeletons.len().max(1) as f64;
            kept.skeletons.values().map(move |skeleton| (weight, skeleton))
        })
    }

    /// Lets a candidate claim requests of an endpoint as a whole, as far as they are kept. `hashes` are sorted.
    pub(crate) fn claim(&mut self, endpoint: &EndpointKey, hashes: &[u64], candidate: u32) {
        let buckets = self.by_endpoint.get_mut(endpoint).into_iter().flat_map(BTreeMap::values_mut);
        for (hash, skeleton) in buckets.flat_map(|kept| &mut kept.skeletons) {
            if hashes.binary_search(hash).is_ok() {
                skeleton.claim(skeleton.nodes.len() - 1, candidate);
            }
        }
    }

    /// Lets candidates claim requests, wherever one is kept with the request that calls it: `candidate` gives that of
    /// a request by its endpoint and duration.
    pub(crate) fn claim_requests(
        &mut self,
        dictionary: &Dictionary,
        candidate: impl Fn(&EndpointKey, u64) -> Option<u32>,
    ) {
        for (endpoint, buckets) in &mut self.by_endpoint {
            for skeleton in buckets.values_mut().flat_map(|kept| kept.skeletons.values_mut()) {
                for place in 0..skeleton.nodes.len() {
                    let node = &skeleton.nodes[place];
                    let is_root = place + 1 == skeleton.nodes.len();
                    let endpoint =
                        if is_root { Some(*endpoint) } else { EndpointKey::of_node(node, dictionary) };
                    let number = endpoint.and_then(|endpoint| candidate(&endpoint, node.typical_ns));
                    if let Some(number) = number {
                        skeleton.claim(place, number);
                    }
                }
            }
        }
    }

    /// Renumbers the candidates in all claims.
    pub(crate) fn renumber(&mut self, number: impl Fn(u32) -> u32) {
        let skeletons = self.by_endpoint.values_mut().flat_map(BTreeMap::values_mut);
        for skeleton in skeletons.flat_map(|kept| kept.skeletons.values_mut()) {
            skeleton.claims.iter_mut().for_each(|claim| claim.candidate = number(claim.candidate));
        }
    }

    fn shrink(&mut self) {
        while self.nodes > self.nodes_max && self.kept_max > 1 {
            self.kept_max /= 2;
            self.cut();
        }
    }

    fn cut(&mut self) {
        let kept_max = self.kept_max;
        for kept in self.by_endpoint.values_mut().flat_map(BTreeMap::values_mut) {
            self.nodes -= kept.cut(kept_max);
        }
    }
}

impl Kept {
    fn wants(&self, hash: u64, kept_max: usize) -> bool {
        self.skeletons.len() < kept_max
            || self.skeletons.last_key_value().is_some_and(|(largest, _)| hash < *largest)
    }

    /// Keeps a skeleton and gives the size of what was dropped for it.
    fn keep(&mut self, hash: u64, skeleton: Skeleton, kept_max: usize) -> usize {
        let replaced = self.skeletons.insert(hash, skeleton).map_or(0, |skeleton| skeleton.size());
        replaced + self.cut(kept_max)
    }

    fn cut(&mut self, kept_max: usize) -> usize {
        let mut dropped = 0;
        while self.skeletons.len() > kept_max {
            dropped += self.skeletons.pop_last().map_or(0, |(_, skeleton)| skeleton.size());
        }
        dropped
    }
}
