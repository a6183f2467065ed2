//! One profile.

use crate::limits::{DEPTH_MAX, MEASURES_MAX, VALUE_EXACT_MAX, VALUE_MAX};
use crate::{Frame, FrameId, Frames, Measure, NodeId, Place, Sequence, Tally, Tree, Unit};

/// What one input holds.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Frames of the tree.
    pub frames: Frames,
    /// The stacks.
    pub tree: Tree,
    /// What ran when, where the format tells it.
    pub sequence: Sequence,
    /// What the tree's values are; never added to each other.
    pub measures: Vec<Measure>,
    /// The measure to show first, an index of `measures`.
    pub default_measure: usize,
    /// Name of the format that it was read from.
    pub format: &'static str,
    /// What the input calls itself, where it does.
    pub title: Option<String>,
    /// When it began, in nanoseconds since 1970, where known.
    pub start_ns: Option<u64>,
    /// How long was profiled, where known: what values per second are divided by.
    pub duration_ns: Option<u64>,
    /// How much of what (`period.0`) lies between two samples, where known: 10,000,000 nanoseconds.
    pub period: Option<(Measure, f64)>,
    /// Services whose stacks are below nodes of their own, by their names, where the format tells them.
    pub services: Vec<(String, NodeId)>,
    /// Records that were read: stacks, samples or events, depending on the format.
    pub records: u64,
    /// Records that could not be read, whose weight is missing.
    pub skipped: Tally,
    /// What else one should know: limits that were hit, frames without names. No weight is missing for these.
    pub noticed: Tally,
}

impl Profile {
    /// An empty profile of a format.
    #[must_use]
    pub fn new(format: &'static str) -> Self {
        Self {
            frames: Frames::default(),
            tree: Tree::default(),
            sequence: Sequence::default(),
            measures: Vec::new(),
            default_measure: 0,
            format,
            title: None,
            start_ns: None,
            duration_ns: None,
            period: None,
            services: Vec::new(),
            records: 0,
            skipped: Tally::default(),
            noticed: Tally::default(),
        }
    }

    /// The index of a measure, which is new or known; `None` beyond [`MEASURES_MAX`].
    pub fn measure(&mut self, measure: Measure) -> Option<usize> {
        let known = self.measures.iter().position(|known| *known == measure);
        if known.is_none() && self.measures.len() < MEASURES_MAX {
            self.measures.push(measure);
            return Some(self.measures.len() - 1);
        }
        known
    }

    /// Whether nothing was measured: there is no stack, or none has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        (0..self.measures.len()).all(|measure| self.tree.total(measure) == 0.0)
    }

    /// How many stacks were taken of a measure, where that is told.
    #[must_use]
    pub fn samples_of(&self, measure: usize) -> Option<f64> {
        self.column_of_samples(measure).map(|column| self.tree.total(column))
    }

    /// The measure that counts the stacks of another, where there is one: of several types of events each has a count of its own.
    #[must_use]
    pub fn column_of_samples(&self, measure: usize) -> Option<usize> {
        let of = self.measures.get(measure)?;
        let counted = |name: &str| {
            let is_it = |other: &Measure| other.unit == Unit::Samples && other.name == name;
            self.measures.iter().position(is_it)
        };
        match of.unit {
            Unit::Samples => Some(measure),
            _ => counted(&format!("samples of {}", of.name)).or_else(|| counted("samples")),
        }
    }

    /// The number of a frame of which only the name is known.
    pub fn frame(&mut self, name: &str) -> FrameId {
        self.frames.intern(Frame::named(name))
    }

    /// The node of a stack that is given from the root on. What lies deeper than [`DEPTH_MAX`] is cut.
    pub fn node(&mut self, stack: impl IntoIterator<Item = FrameId>, place: Option<Place>) -> NodeId {
        self.below(NodeId::ROOT, stack, place)
    }

    /// The same below a node, which is that of a thread.
    pub(crate) fn below(
        &mut self,
        root: NodeId,
        stack: impl IntoIterator<Item = FrameId>,
        place: Option<Place>,
    ) -> NodeId {
        let mut node = root;
        for (depth, frame) in stack.into_iter().enumerate() {
            if depth == DEPTH_MAX {
                self.notice_depth(place);
                break;
            }
            node = self.tree.child(node, frame);
        }
        node
    }

    /// Adds a record's value to a node. What cannot be one is skipped, and said so.
    pub(crate) fn add(&mut self, node: NodeId, measure: usize, value: f64, place: Option<Place>) {
        if (0.0..=VALUE_EXACT_MAX).contains(&value) {
            return self.tree.add(node, measure, value);
        }
        self.add_unusual(node, measure, value, place);
    }

    #[cold]
    fn add_unusual(&mut self, node: NodeId, measure: usize, value: f64, place: Option<Place>) {
        if !(0.0..VALUE_MAX).contains(&value) {
            let what = "values that cannot be: negative, infinite, or 2^63 and more, as of a counter that overflowed";
            return self.skipped.add(what, place);
        }
        let what = "values beyond 2^53, exact to 16 digits: a counter may have overflowed";
        self.noticed.add(what, place);
        self.tree.add(node, measure, value);
    }

    /// A stack was deeper than the limit.
    pub(crate) fn notice_depth(&mut self, place: Option<Place>) {
        self.noticed.add(format!("stacks deeper than {DEPTH_MAX} frames, cut there"), place);
    }

    /// Tells of the limits that were hit; when reading is done.
    pub(crate) fn notice_limits(&mut self) {
        let (cut, refused) = self.frames.limited();
        let limits = [
            (cut, "names longer than 16 KiB, cut there"),
            (refused, "frames beyond 256 MiB of names, put together"),
            (self.sequence.missing(), "stretches of time beyond 1,000,000, of which the order is not kept"),
            (self.tree.refused(), "stacks beyond 16,000,000 nodes, counted at their callers"),
        ];
        for (count, limit) in limits.into_iter().filter(|(count, _)| *count > 0) {
            self.noticed.add_many(limit, count, None);
        }
    }
}
