//! The order in which outputs go through a tree.

use profiles::{Children, Frame, FrameId, NodeId, Profile, Tree, Visit};

/// A tree's nodes depth first, siblings by the names of their frames.
pub(crate) struct Order<'p> {
    tree: &'p Tree,
    children: Children,
    /// Frames by name.
    pub(crate) frames: Vec<FrameId>,
    /// By frame: its place in `frames`.
    places: Vec<u32>,
}

impl<'p> Order<'p> {
    pub(crate) fn of(profile: &'p Profile) -> Self {
        let mut frames: Vec<FrameId> = profile.frames.iter().map(|(id, _)| id).collect();
        frames.sort_by(|one, other| key(&profile.frames[*one]).cmp(&key(&profile.frames[*other])));
        let mut places = vec![0; frames.len()];
        (0_u32..).zip(&frames).for_each(|(place, frame)| places[frame.index()] = place);
        let tree = &profile.tree;
        let children = tree.children(|node| tree.frame(node).map_or(0, |frame| places[frame.index()]));
        Self { tree, children, frames, places }
    }

    /// All nodes, the root first.
    pub(crate) fn visits(&self) -> impl Iterator<Item = Visit> + '_ {
        self.children.depth_first(NodeId::ROOT)
    }

    /// A node's frame by its place in `frames`; the root has none.
    pub(crate) fn place(&self, node: NodeId) -> Option<u32> {
        self.tree.frame(node).map(|frame| self.places[frame.index()])
    }

    /// Nodes with a value of their own, each with the places of its frames from the root on, which are lent for the call.
    pub(crate) fn for_stacks<E>(
        &self,
        mut has_own: impl FnMut(NodeId) -> bool,
        mut stack: impl FnMut(NodeId, &[u32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut path: Vec<u32> = Vec::new();
        for visit in self.visits() {
            path.truncate(visit.depth.saturating_sub(1));
            path.extend(self.place(visit.node));
            if has_own(visit.node) {
                stack(visit.node, &path)?;
            }
        }
        Ok(())
    }
}

/// What frames are sorted by: all that makes them differ.
fn key(frame: &Frame) -> impl Ord + '_ {
    (&frame.name, &frame.file, &frame.module, frame.kind)
}
