//! From the text of a stack to its node, frame by frame.

use memchr::memchr;

use crate::formats::names;
use crate::limits::DEPTH_MAX;
use crate::texts::Texts;
use crate::{NodeId, Profile};

/// Walks the tree along texts of stacks.
#[derive(Default)]
pub(super) struct Walk {
    texts: Texts,
    /// The stack before, as text and as nodes: files are often sorted, and then most of a stack is that of the line before.
    stack: Vec<u8>,
    path: Vec<Step>,
}

/// A frame of a stack.
#[derive(Clone, Copy)]
struct Step {
    /// Where in the text the frame ends.
    end: usize,
    node: NodeId,
}

impl Walk {
    /// The node of a stack, and whether the stack was deeper than the limit.
    pub(super) fn node(&mut self, stack: &[u8], profile: &mut Profile) -> (NodeId, bool) {
        let common = self.common(stack);
        self.path.truncate(common);
        let mut step = self.path.last().copied();
        while step.is_none_or(|step| step.end < stack.len()) {
            if self.path.len() == DEPTH_MAX {
                break;
            }
            let begin = step.map_or(0, |step| step.end + 1);
            let parent = step.map_or(NodeId::ROOT, |step| step.node);
            let next = self.step(parent, begin, stack, profile);
            self.path.push(next);
            step = Some(next);
        }
        self.stack.clear();
        self.stack.extend_from_slice(stack);
        step.map_or((NodeId::ROOT, false), |step| (step.node, step.end < stack.len()))
    }

    /// How many frames the stack before begins with as well.
    fn common(&self, stack: &[u8]) -> usize {
        let same = same_bytes(&self.stack, stack);
        let is_common = |step: &&Step| step.end < same || step.end == same && is_end(stack, same);
        self.path.iter().take_while(is_common).count()
    }

    /// One frame further.
    fn step(&mut self, parent: NodeId, begin: usize, stack: &[u8], profile: &mut Profile) -> Step {
        let end = memchr(b';', &stack[begin..]).map_or(stack.len(), |length| begin + length);
        let frame = self.texts.get(&stack[begin..end], profile, names::frame);
        let child = profile.tree.child(parent, frame);
        Step { end, node: child }
    }
}

fn is_end(stack: &[u8], at: usize) -> bool {
    stack.get(at).is_none_or(|byte| *byte == b';')
}

/// How many bytes two texts begin with alike.
fn same_bytes(one: &[u8], other: &[u8]) -> usize {
    let are_same = |(one, other): &(&[u8], &[u8])| one == other;
    let begin = 8 * one.chunks_exact(8).zip(other.chunks_exact(8)).take_while(are_same).count();
    begin + one[begin..].iter().zip(&other[begin..]).take_while(|(one, other)| one == other).count()
}
