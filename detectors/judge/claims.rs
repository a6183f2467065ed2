//! How much of the sampled time two candidates claim together.

use rustc_hash::FxHashMap;

use super::endpoints::EndpointView;
use crate::candidate::Part;
use crate::evidence::trace::NONE;
use crate::skeleton::{NodeClaim, Skeleton};

/// Claimed time, alone and in pairs, in weighted nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Claims {
    alone: FxHashMap<u32, f64>,
    pairs: FxHashMap<(u32, u32), f64>,
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
        // Parents come after their children: from the last node on, what is above is known.
        let mut inherited: Vec<Vec<u32>> = vec![Vec::new(); skeleton.nodes.len()];
        for place in (0..skeleton.nodes.len()).rev() {
            let node = &skeleton.nodes[place];
            let above = match node.parent {
                NONE => Vec::new(),
                parent => inherited[parent as usize].clone(),
            };
            let own = skeleton.claims_of(node);
            let in_lead = |claim: &NodeClaim| claim.part == Part::GapBefore;
            let in_tail =
                |claim: &NodeClaim| matches!(claim.part, Part::Whole | Part::Own | Part::OwnAfterLast);
            let of_parent =
                skeleton.nodes.get(node.parent as usize).map_or(&[][..], |parent| skeleton.claims_of(parent));
            let above_lead = |claim: &NodeClaim| {
                claim.part == Part::Own || claim.part == Part::OwnBeforeFirst && node.is_first()
            };
            let lead = own
                .iter()
                .filter(|claim| in_lead(claim))
                .chain(of_parent.iter().filter(|claim| above_lead(claim)));
            self.count(above.iter().copied().chain(lead.map(|claim| claim.candidate)), node.lead_ns, weight);
            let tail = own.iter().filter(|claim| in_tail(claim)).map(|claim| claim.candidate);
            self.count(above.iter().copied().chain(tail), node.tail_ns, weight);
            inherited[place] = above;
            let whole = own.iter().filter(|claim| claim.part == Part::Whole).map(|claim| claim.candidate);
            inherited[place].extend(whole);
        }
    }

    fn count(&mut self, candidates: impl Iterator<Item = u32>, time_ns: u64, weight: f64) {
        if time_ns == 0 {
            return;
        }
        let mut candidates: Vec<u32> = candidates.collect();
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
