//! What is wrong with a plan, as a detector names it.

use crate::candidate::Advice;
use crate::finding::Confidence;

/// What a fix leaves of the time of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Number of the node.
    pub node: u32,
    /// What is left of its own time, per mille, in the best case.
    pub best: u16,
    /// And in the worst.
    pub worst: u16,
}

/// A flaw of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Place of its detector in [`crate::ALL`].
    pub detector: usize,
    /// The node to look at.
    pub node: u32,
    /// What it is about, without values: a table, an index, a condition. With the detector it tells this flaw of a
    /// statement from others.
    pub subject: String,
    /// Nodes whose time the fix changes. Where there is none, the flaw costs time outside of the tree.
    pub claims: Vec<Claim>,
    /// Time outside of the tree that the fix gives back at best and at worst, in nanoseconds.
    pub outside_ns: (u64, u64),
    /// Time of planning that the fix gives back at best and at worst, in nanoseconds.
    pub planning_ns: (u64, u64),
    /// How sure it is.
    pub confidence: Confidence,
    /// Why it is slow, with the facts of this plan and without values.
    pub why: String,
    /// What to do, the best first.
    pub fix: Vec<Advice>,
    /// What to look at after the fix, and what it shows now.
    pub check: String,
}

impl Problem {
    /// The fix changes a node's own time: what is left, per mille, at best and at worst.
    pub(crate) fn claim(&mut self, node: u32, best: u16, worst: u16) -> &mut Self {
        self.claims.push(Claim { node, best, worst });
        self
    }

    /// The fix changes the own time of several nodes alike.
    pub(crate) fn claim_all(
        &mut self,
        nodes: impl IntoIterator<Item = u32>,
        best: u16,
        worst: u16,
    ) -> &mut Self {
        self.claims.extend(nodes.into_iter().map(|node| Claim { node, best, worst }));
        self
    }

    /// The fix changes time outside of the tree.
    pub(crate) fn give_back(&mut self, best_ns: u64, worst_ns: u64) -> &mut Self {
        self.outside_ns = (best_ns, worst_ns);
        self
    }

    /// The fix changes the time of planning.
    pub(crate) fn give_back_planning(&mut self, best_ns: u64, worst_ns: u64) -> &mut Self {
        self.planning_ns = (best_ns, worst_ns);
        self
    }

    pub(crate) fn because(&mut self, why: impl Into<String>) -> &mut Self {
        self.why = why.into();
        self
    }

    pub(crate) fn advise(&mut self, text: impl Into<String>, tradeoff: &str) -> &mut Self {
        self.fix.push(Advice::new(text, tradeoff));
        self
    }

    pub(crate) fn check(&mut self, what: impl Into<String>) -> &mut Self {
        self.check = what.into();
        self
    }
}

/// The flaws of a plan.
#[derive(Debug, Default)]
pub struct Problems {
    /// Place of the detector that is looking.
    pub(super) detector: usize,
    pub(super) found: Vec<Problem>,
    pub(super) short: Vec<Short>,
}

/// What a detector looked at and found too small to be a flaw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Short {
    pub(super) detector: usize,
    pub(super) node: u32,
    pub(super) subject: String,
    pub(super) reason: String,
}

impl Problems {
    /// Names a flaw at a node.
    pub(crate) fn push(
        &mut self,
        node: u32,
        subject: impl Into<String>,
        confidence: Confidence,
    ) -> &mut Problem {
        self.found.push(Problem {
            detector: self.detector,
            node,
            subject: subject.into(),
            claims: Vec::new(),
            outside_ns: (0, 0),
            planning_ns: (0, 0),
            confidence,
            why: String::new(),
            fix: Vec::new(),
            check: String::new(),
        });
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// Notes that something was looked at and is none, with the reason: `12 of 900 rows are filtered away`.
    pub(crate) fn dismiss(&mut self, node: u32, subject: impl Into<String>, reason: impl Into<String>) {
        let (subject, reason) = (subject.into(), reason.into());
        self.short.push(Short { detector: self.detector, node, subject, reason });
    }
}
