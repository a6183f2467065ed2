//! For each endpoint and coarse latency bucket the requests with the smallest hashes, as skeletons in the end and as
//! sketches until it is known which ones stay.
//!
//! What is kept depends on the requests seen and not on their order: the k smallest hashes of a
//! union are among the k smallest of its parts. When all samples together grow too large, k is
//! halved everywhere; the largest k that fits all is reached whatever the order. A sketch takes no less room than
//! what is built of it: while all fit as sketches, they fit.

use std::collections::BTreeMap;

use super::histogram::coarse_bucket;
use super::{EndpointKey, EndpointTally, Numbered};
use crate::evidence::{Dictionary, place_in};
use crate::skeleton::{Builder, NodeClaim, Skeleton, Sketch};

/// Requests kept in one bucket while all fit.
const KEPT_MAX: usize = 64;

/// Nodes that all samples may hold together: about 50 MB.
const NODES_MAX: usize = 600_000;

/// Sampled requests of all endpoints.
#[derive(Debug)]
pub(crate) struct Sample {
    /// By number of the endpoint in the docket.
    by_endpoint: Vec<BTreeMap<u16, Kept>>,
    kept_max: usize,
    /// How much room all take; of those that are only sketched, at most.
    nodes: usize,
    nodes_max: usize,
    builder: Builder,
    /// Skeletons are built when they are offered: sketches of all do not fit.
    builds_at_once: bool,
    /// Requests too large to be kept.
    pub(crate) too_large: u64,
}

#[derive(Debug, Default)]
struct Kept {
    /// Requests of the bucket, kept or not.
    requests: u64,
    drawn: BTreeMap<u64, Drawn>,
}

/// A request that is kept.
#[derive(Debug)]
enum Drawn {
    Sketch(Sketch),
    Skeleton(Skeleton),
}

impl Drawn {
    fn size(&self) -> usize {
        match self {
            Self::Sketch(sketch) => sketch.size(),
            Self::Skeleton(skeleton) => skeleton.size(),
        }
    }

    fn claims_mut(&mut self) -> &mut [NodeClaim] {
        match self {
            Self::Sketch(sketch) => &mut sketch.claims,
            Self::Skeleton(skeleton) => &mut skeleton.claims,
        }
    }

    fn skeleton(&self) -> Option<&Skeleton> {
        if let Self::Skeleton(skeleton) = self { Some(skeleton) } else { None }
    }

    fn skeleton_mut(&mut self) -> Option<&mut Skeleton> {
        if let Self::Skeleton(skeleton) = self { Some(skeleton) } else { None }
    }
}

impl Default for Sample {
    fn default() -> Self {
        Self::with_nodes_max(NODES_MAX)
    }
}

impl Sample {
    pub(crate) fn with_nodes_max(nodes_max: usize) -> Self {
        Self {
            by_endpoint: Vec::new(),
            kept_max: KEPT_MAX,
            nodes: 0,
            nodes_max,
            builder: Builder::default(),
            builds_at_once: false,
            too_large: 0,
        }
    }

    /// Offers a request; it is sketched only if it is kept.
    pub(crate) fn offer(
        &mut self,
        endpoint: u32,
        duration_ns: u64,
        hash: u64,
        sketch: impl FnOnce() -> Sketch,
    ) {
        let Self { kept_max, builds_at_once, .. } = *self;
        let buckets = place_in(&mut self.by_endpoint, endpoint, BTreeMap::new);
        let kept = buckets.entry(coarse_bucket(duration_ns)).or_default();
        kept.requests += 1;
        if !kept.wants(hash, kept_max) {
            return;
        }
        let sketch = sketch();
        let drawn = match builds_at_once || sketch.may_be_too_large() {
            true => self.builder.build(&sketch).map(Drawn::Skeleton),
            false => Some(Drawn::Sketch(sketch)),
        };
        match drawn {
            None => self.too_large += 1,
            Some(drawn) => {
                self.nodes += drawn.size();
                self.nodes -= kept.keep(hash, drawn, kept_max);
                self.shrink();
            }
        }
    }

    /// Builds the skeletons of all requests that are kept.
    pub(crate) fn build(&mut self) {
        self.builds_at_once = true;
        let Self { by_endpoint, builder, nodes, .. } = self;
        let kept = by_endpoint.iter_mut().flat_map(BTreeMap::values_mut);
        for drawn in kept.flat_map(|kept| kept.drawn.values_mut()) {
            let Drawn::Sketch(sketch) = drawn else { continue };
            if let Some(skeleton) = builder.build(sketch) {
                debug_assert!(skeleton.size() <= sketch.size());
                *nodes = *nodes + skeleton.size() - sketch.size();
                *drawn = Drawn::Skeleton(skeleton);
            }
        }
    }

    /// Adds another one; `endpoints` gives the number here of each of its endpoints.
    pub(crate) fn merge(&mut self, other: Self, endpoints: &[u32]) {
        self.kept_max = self.kept_max.min(other.kept_max);
        self.too_large += other.too_large;
        self.builds_at_once &= other.builds_at_once;
        for (theirs, &endpoint) in other.by_endpoint.into_iter().zip(endpoints) {
            let mine = place_in(&mut self.by_endpoint, endpoint, BTreeMap::new);
            for (bucket, theirs) in theirs {
                let kept = mine.entry(bucket).or_default();
                kept.requests += theirs.requests;
                for (hash, drawn) in theirs.drawn {
                    self.nodes += drawn.size();
                    self.nodes -= kept.keep(hash, drawn, self.kept_max);
                }
            }
        }
        self.cut();
        self.shrink();
    }

    /// Skeletons of an endpoint that are built, with the number of requests each stands for.
    pub(crate) fn of(&self, endpoint: u32) -> impl Iterator<Item = (f64, &Skeleton)> {
        let buckets = self.by_endpoint.get(endpoint as usize).into_iter().flat_map(BTreeMap::values);
        buckets.flat_map(|kept| {
            let weight = kept.requests as f64 / kept.drawn.len().max(1) as f64;
            kept.drawn.values().filter_map(Drawn::skeleton).map(move |skeleton| (weight, skeleton))
        })
    }

    /// Lets a candidate claim requests of an endpoint as a whole, as far as they are kept. `hashes` are sorted.
    pub(crate) fn claim(&mut self, endpoint: u32, hashes: &[u64], candidate: u32) {
        let buckets = self.by_endpoint.get_mut(endpoint as usize).into_iter().flat_map(BTreeMap::values_mut);
        let drawn = buckets.flat_map(|kept| &mut kept.drawn);
        let claimed = drawn.filter(|(hash, _)| hashes.binary_search(hash).is_ok());
        for skeleton in claimed.filter_map(|(_, drawn)| drawn.skeleton_mut()) {
            skeleton.claim(skeleton.nodes.len() - 1, candidate);
        }
    }

    /// Lets candidates claim requests, wherever one is kept with the request that calls it: `candidate` gives that of
    /// a request by its endpoint and duration.
    pub(crate) fn claim_requests(
        &mut self,
        endpoints: &Numbered<EndpointKey, EndpointTally>,
        dictionary: &Dictionary,
        candidate: impl Fn(&EndpointKey, u64) -> Option<u32>,
    ) {
        for ((endpoint, _), buckets) in endpoints.iter().zip(&mut self.by_endpoint) {
            let drawn = buckets.values_mut().flat_map(|kept| kept.drawn.values_mut());
            for skeleton in drawn.filter_map(Drawn::skeleton_mut) {
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
        let kept = self.by_endpoint.iter_mut().flat_map(BTreeMap::values_mut);
        for drawn in kept.flat_map(|kept| kept.drawn.values_mut()) {
            drawn.claims_mut().iter_mut().for_each(|claim| claim.candidate = number(claim.candidate));
        }
    }

    fn shrink(&mut self) {
        // What is built may still fit.
        if self.nodes > self.nodes_max && !self.builds_at_once {
            self.build();
        }
        while self.nodes > self.nodes_max && self.kept_max > 1 {
            self.kept_max /= 2;
            self.cut();
        }
    }

    fn cut(&mut self) {
        let kept_max = self.kept_max;
        for kept in self.by_endpoint.iter_mut().flat_map(BTreeMap::values_mut) {
            self.nodes -= kept.cut(kept_max);
        }
    }
}

impl Kept {
    fn wants(&self, hash: u64, kept_max: usize) -> bool {
        self.drawn.len() < kept_max || self.drawn.last_key_value().is_some_and(|(largest, _)| hash < *largest)
    }

    /// Keeps a request and gives the size of what was dropped for it.
    fn keep(&mut self, hash: u64, drawn: Drawn, kept_max: usize) -> usize {
        let replaced = self.drawn.insert(hash, drawn).map_or(0, |drawn| drawn.size());
        replaced + self.cut(kept_max)
    }

    fn cut(&mut self, kept_max: usize) -> usize {
        let mut dropped = 0;
        while self.drawn.len() > kept_max {
            dropped += self.drawn.pop_last().map_or(0, |(_, drawn)| drawn.size());
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::trace::Assembler;
    use crate::evidence::{Kind, Span};
    use crate::skeleton::Sketcher;

    /// A request that sends so many statements one after another, which are one node of its skeleton.
    fn sketch(statements: u64) -> Sketch {
        let span = |id, parent, kind, start_ns, end_ns| Span {
            id,
            parent,
            kind,
            start_ns,
            end_ns,
            repeats: 1,
            ..Span::default()
        };
        let statement = |number| span(2 + number, 1, Kind::Sql, 10 + number * 10, 18 + number * 10);
        let mut spans = vec![span(1, 0, Kind::Entry, 0, 1_000)];
        spans.extend((0..statements).map(statement));
        let (mut assembler, mut sketcher) = (Assembler::default(), Sketcher::default());
        let trace = assembler.assemble(1, &spans, &Dictionary::default());
        sketcher.prepare(trace, std::iter::empty());
        sketcher.sketch(trace, 0)
    }

    #[test]
    fn what_is_kept_does_not_depend_on_when_skeletons_are_built() {
        for (nodes_max, kept_max) in [(50, 4), (200, 16), (600, KEPT_MAX), (5_000, KEPT_MAX)] {
            let [late, at_once] = [false, true].map(|builds_at_once| {
                let mut sample = Sample { builds_at_once, ..Sample::with_nodes_max(nodes_max) };
                for number in 0..400_u64 {
                    let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    sample.offer(0, 1_000 << (number % 3), hash, || sketch(number % 20));
                }
                sample.build();
                let kept: Vec<(f64, Skeleton)> =
                    sample.of(0).map(|(weight, skeleton)| (weight, skeleton.clone())).collect();
                (kept, sample.kept_max, sample.nodes)
            });
            assert_eq!(late, at_once);
            assert_eq!(late.1, kept_max);
        }
    }
}
