//! Two profiles in one tree.

use crate::{FrameId, NodeId, Profile};

/// One measure of each of two profiles as the two measures of one tree, `before` (0) and `after` (1), which has every stack of
/// either. `same` maps a frame of either to what it is called in both: where names differ between builds it can take away what differs.
///
/// Whether the two can be compared (same unit and event) is the caller's to ask.
#[must_use]
pub fn union(
    before: (&Profile, usize),
    after: (&Profile, usize),
    same: impl Fn(&crate::Frame) -> crate::Frame,
) -> Profile {
    let mut both = Profile::new(after.0.format);
    for (name, (profile, measure)) in [("before", before), ("after", after)] {
        let column = both.measures.len();
        let unit = profile.measures.get(measure).map_or(crate::Unit::Unknown, |measure| measure.unit.clone());
        both.measures.push(crate::Measure::new(name, unit));
        let frames: Vec<FrameId> =
            profile.frames.iter().map(|(_, frame)| both.frames.intern(same(frame))).collect();
        let mut nodes = vec![NodeId::ROOT; profile.tree.len()];
        for node in profile.tree.nodes() {
            if let Some(frame) = profile.tree.frame(node) {
                let parent = nodes[profile.tree.parent(node).index()];
                nodes[node.index()] = both.tree.child(parent, frames[frame.index()]);
            }
            both.tree.add(nodes[node.index()], column, profile.tree.own(node, measure));
        }
    }
    both
}
