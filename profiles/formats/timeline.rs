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
    /// When it ends, at the latest.
    end: f64,
    /// Whether that was known from the start: no event tells it.
    is_whole: bool,
    /// Where it was told.
    place: Option<Place>,
}

const LONGER_THAN_CALLER: &str = "calls that end after their caller, cut there";
const WITHOUT_END: &str = "calls whose end is missing, ended with their caller";

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
            profile.noticed.add(LONGER_THAN_CALLER, place);
        }
        let node = profile.tree.child(above.map_or(self.root, |call| call.node), frame);
        self.open.push(Call { frame, node, end: end.min(limit), is_whole: end.is_finite(), place });
    }

    /// The innermost call of this frame ends; of any, where `frame` is `None`. Calls whose end was known from the start are not
    /// ended by an event.
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
        let is_it = |call: &Call| !call.is_whole && frame.is_none_or(|frame| call.frame == frame);
        let Some(ended) = self.open.iter().rposition(is_it) else {
            return profile.skipped.add("the end of a call that did not begin", place);
        };
        for inner in self.open.drain(ended..).skip(1) {
            let what = if inner.is_whole { LONGER_THAN_CALLER } else { WITHOUT_END };
            profile.noticed.add(what, inner.place);
        }
    }

    /// Time goes on; calls whose end is known end.
    pub(super) fn advance(&mut self, to: f64, profile: &mut Profile) {
        while let Some(call) = self.open.last().filter(|call| call.end <= to) {
            let (end, place) = (call.end.max(self.now), call.place);
            profile.add(call.node, self.measure, end - self.now, place);
            self.now = end;
            if !call.is_whole {
                profile.noticed.add(WITHOUT_END, place);
            }
            self.open.pop();
        }
        if let Some(call) = self.open.last() {
            profile.add(call.node, self.measure, (to - self.now).max(0.0), call.place);
        }
        self.now = self.now.max(to);
    }

    /// Nothing was before this.
    pub(super) fn start(&mut self, at: f64) {
        self.now = at;
    }

    /// No event follows: calls end when they are known to, the others at `end`, which is told as `unended`.
    pub(super) fn finish(&mut self, end: f64, unended: &'static str, profile: &mut Profile) {
        for call in self.open.iter().filter(|call| !call.is_whole) {
            profile.noticed.add(unended, call.place);
        }
        let last = self.open.iter().map(|call| call.end).filter(|end| end.is_finite()).fold(end, f64::max);
        self.advance(last, profile);
        self.open.clear();
    }
}
