//! Calls that begin and end, of one thread: who was on the stack for how long.

use crate::limits::DEPTH_MAX;
use crate::{FrameId, NodeId, Place, Profile, Stretch};

/// The calls that are open, and what they take so far.
pub(super) struct Timeline {
    measure: usize,
    root: NodeId,
    open: Vec<Call>,
    /// How many calls were open throughout since the last stretch of time that was noted.
    kept: Option<usize>,
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
        Self { measure, root, open: Vec::new(), kept: None, deeper: 0, now: start }
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
        self.keep();
    }

    /// Time goes on; calls whose end is known end.
    pub(super) fn advance(&mut self, to: f64, profile: &mut Profile) {
        while let Some(&Call { node, end, is_whole, place, .. }) =
            self.open.last().filter(|call| call.end <= to)
        {
            let end = end.max(self.now);
            profile.add(node, self.measure, end - self.now, place);
            self.note(node, end - self.now, profile);
            self.now = end;
            if !is_whole {
                profile.noticed.add(WITHOUT_END, place);
            }
            self.open.pop();
            self.keep();
        }
        let lasted = (to - self.now).max(0.0);
        match self.open.last() {
            Some(call) => {
                let (node, place) = (call.node, call.place);
                profile.add(node, self.measure, lasted, place);
                self.note(node, lasted, profile);
            }
            // Nothing ran.
            None if lasted.is_finite() => self.note(self.root, lasted, profile),
            None => {}
        }
        self.now = self.now.max(to);
    }

    /// Notes what ran next.
    fn note(&mut self, node: NodeId, value: f64, profile: &mut Profile) {
        if value > 0.0 {
            let above = std::iter::successors(Some(self.root), |node| {
                profile.tree.frame(*node).map(|_| profile.tree.parent(*node))
            });
            let root_depth = above.count() - 1;
            let kept = self.kept.map(|kept| (kept + root_depth) as u32);
            profile.sequence.add(self.measure, Stretch { node, value, kept });
            self.kept = Some(self.open.len());
        }
    }

    /// Calls have ended.
    fn keep(&mut self) {
        self.kept = self.kept.map(|kept| kept.min(self.open.len()));
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
