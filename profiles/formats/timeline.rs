//! Calls that begin and end, of one thread: who was on the stack for how long.

use crate::limits::DEPTH_MAX;
use crate::{FrameId, NodeId, Place, Profile};

/// The calls that are open, and what they take so far.
pub(super) struct Timeline {
    measure: usize,
    root: NodeId,
    open: Vec<Call>,
    /// Open calls beyond the limit of depth.
    deeper: usize,
    now: f64,
}

struct Call {
    frame: FrameId,
    node: NodeId,
    /// When it ends, where that is known from the start.
    end: f64,
}

impl Timeline {
    /// A thread below `root`, whose times count for `measure`.
    pub(super) fn of(root: NodeId, measure: usize, start: f64) -> Self {
        Self { measure, root, open: Vec::new(), deeper: 0, now: start }
    }

    /// A call begins; its `end` is infinite where it is told later.
    pub(super) fn begin(
        &mut self,
        frame: FrameId,
        at: f64,
        end: f64,
        place: Option<Place>,
        profile: &mut Profile,
    ) {
        self.advance(at, profile);
        if self.open.len() >= DEPTH_MAX {
            self.deeper += usize::from(end.is_infinite());
            return profile.notice_depth(place);
        }
        let above = self.open.last();
        let limit = above.map_or(f64::INFINITY, |call| call.end);
        if end > limit && end.is_finite() {
            profile.noticed.add("calls that end after their caller, cut there", place);
        }
        let node = profile.tree.child(above.map_or(self.root, |call| call.node), frame);
        self.open.push(Call { frame, node, end: end.min(limit) });
    }

    /// The innermost call of this frame ends; of any, where `frame` is `None`.
    pub(super) fn end(
        &mut self,
        frame: Option<FrameId>,
        at: f64,
        place: Option<Place>,
        profile: &mut Profile,
    ) {
        self.advance(at, profile);
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        let is_it = |call: &Call| frame.is_none_or(|frame| call.frame == frame);
        match self.open.iter().rposition(is_it) {
            Some(place_of) => {
                if place_of + 1 < self.open.len() {
                    profile.noticed.add("calls whose end is missing, ended with their caller", place);
                }
                self.open.truncate(place_of);
            }
            None => profile.skipped.add("the end of a call that did not begin", place),
        }
    }

    /// Time goes on; calls whose end is known end.
    pub(super) fn advance(&mut self, to: f64, profile: &mut Profile) {
        while let Some(call) = self.open.last().filter(|call| call.end <= to) {
            let (node, end) = (call.node, call.end.max(self.now));
            profile.tree.add(node, self.measure, end - self.now);
            self.now = end;
            self.open.pop();
        }
        if let Some(call) = self.open.last() {
            profile.tree.add(call.node, self.measure, to - self.now);
        }
        self.now = self.now.max(to);
    }

    /// Nothing was before this.
    pub(super) fn start(&mut self, at: f64) {
        self.now = at;
    }

    /// Whether calls are open whose end is not known.
    pub(super) fn has_unended(&self) -> bool {
        self.open.iter().any(|call| call.end.is_infinite())
    }

    /// No event follows: calls end when they are known to, the others at `end`.
    pub(super) fn finish(&mut self, end: f64, profile: &mut Profile) {
        let last = self.open.iter().map(|call| call.end).filter(|end| end.is_finite()).fold(end, f64::max);
        self.advance(last, profile);
        self.open.clear();
    }
}
