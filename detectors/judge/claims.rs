//! How much of the sampled time two candidates claim together.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::endpoints::EndpointView;
use crate::candidate::Part;
use crate::skeleton::{NodeClaim, Skeleton};

/// Claimed time, alone and in pairs, in weighted nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Claims {
    alone: FxHashMap<u32, f64>,
    pairs: FxHashMap<(u32, u32), f64>,
    scratch: Scratch,
}

/// Room that is used again from one request to the next.
#[derive(Debug, Default)]
struct Scratch {
    /// Who claims a node, or one above it, as a whole: those of one node together.
    whole: Vec<u32>,
    /// Of each node those who claim all below it, as places among them.
    inherited: Vec<Range<usize>>,
    /// Who claims a time.
    claiming: Vec<u32>,
}

impl Claims {
    /// Adds up the claims of the sampled requests that nobody inside the traces waits for, and of
    /// those endpoints that are only called.
    pub(super) fn of(views: &[EndpointView<'_>]) -> Self {
        let mut claims = Self::default();
        for view in views {
            for (weight, skeleton) in view.sample() {
                claims.add(skeleton, *weight);
            }
        }
        claims
    }

    /// The share of what `candidate` claims that `other` claims as well.
    pub(super) fn covered(&self, candidate: u32, other: u32) -> f64 {
        let both = self.pairs.get(&(candidate.min(other), candidate.max(other))).copied().unwrap_or(0.0);
        self.alone.get(&candidate).filter(|alone| **alone > 0.0).map_or(0.0, |alone| both / alone)
    }

    fn add(&mut self, skeleton: &Skeleton, weight: f64) {
        if skeleton.claims.is_empty() {
            return;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let Scratch { whole, inherited, claiming } = &mut scratch;
        whole.clear();
        inherited.clear();
        inherited.resize(skeleton.nodes.len(), 0..0);
        // Parents come after their children: from the last node on, what is above is known.
        for place in (0..skeleton.nodes.len()).rev() {
            let node = &skeleton.nodes[place];
            let above = inherited.get(node.parent as usize).cloned().unwrap_or(0..0);
            let own = skeleton.claims_of(node);
            let of_parent =
                skeleton.nodes.get(node.parent as usize).map_or(&[][..], |parent| skeleton.claims_of(parent));
            let in_lead = |claim: &&NodeClaim| claim.part == Part::GapBefore;
            let above_lead = |claim: &&NodeClaim| {
                claim.part == Part::Own || claim.part == Part::OwnBeforeFirst && node.is_first()
            };
            let lead = own.iter().filter(in_lead).chain(of_parent.iter().filter(above_lead));
            claiming.clear();
            claiming.extend_from_slice(&whole[above.clone()]);
            claiming.extend(lead.map(|claim| claim.candidate));
            self.count(claiming, node.lead_ns, weight);
            let in_tail =
                |claim: &&NodeClaim| matches!(claim.part, Part::Whole | Part::Own | Part::OwnAfterLast);
            claiming.clear();
            claiming.extend_from_slice(&whole[above.clone()]);
            claiming.extend(own.iter().filter(in_tail).map(|claim| claim.candidate));
            self.count(claiming, node.tail_ns, weight);
            let as_a_whole = |claim: &&NodeClaim| claim.part == Part::Whole;
            inherited[place] = match own.iter().any(|claim| as_a_whole(&claim)) {
                true => {
                    let first = whole.len();
                    whole.extend_from_within(above);
                    whole.extend(own.iter().filter(as_a_whole).map(|claim| claim.candidate));
                    first..whole.len()
                }
                false => above,
            };
        }
        self.scratch = scratch;
    }

    fn count(&mut self, candidates: &mut Vec<u32>, time_ns: u64, weight: f64) {
        if time_ns == 0 || candidates.is_empty() {
            return;
        }
        candidates.sort_unstable();
        candidates.dedup();
        let time = time_ns as f64 * weight;
        for (place, &one) in candidates.iter().enumerate() {
            *self.alone.entry(one).or_default() += time;
            for &other in &candidates[place + 1..] {
                *self.pairs.entry((one, other)).or_default() += time;
            }
        }
    }
}
