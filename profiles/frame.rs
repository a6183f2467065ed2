//! Functions on stacks.

use rustc_hash::FxHashMap;

use crate::limits::{FRAME_BYTES_MAX, NAME_BYTES_MAX};

/// What one frame costs beside its text.
const FRAME_COST: usize = 160;

/// A function on a stack.
///
/// Two frames are the same if all but the line are, and how the code was brought to run: a function stays one node when its lines
/// move, when a profiler tells which of its lines was running, and when it is inlined here and compiled there.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// The function, or what stands for it (`[unknown]`, a thread's name). May hold anything that a profile holds, also markup and
    /// control characters: outputs escape.
    pub name: Box<str>,
    /// Source file or address of a script, where known.
    pub file: Option<Box<str>>,
    /// Line, 1-based, where known: of the definition, or the first of the function's lines that was met.
    pub line: Option<u32>,
    /// Binary, library, package or module, where known.
    pub module: Option<Box<str>>,
    /// What kind of code it is, where known.
    pub kind: Option<Kind>,
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Frame {}

impl std::hash::Hash for Frame {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl Frame {
    /// What makes it another function.
    fn identity(&self) -> (&str, Option<&str>, Option<&str>, Option<Kind>) {
        let kind = self.kind.filter(|kind| !kind.is_a_way_to_run());
        (&self.name, self.file.as_deref(), self.module.as_deref(), kind)
    }

    /// A frame of which only the name is known.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// What kind of code a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Of the kernel.
    Kernel,
    /// Inlined into its caller.
    Inlined,
    /// Compiled while the program ran.
    Jit,
    /// Interpreted.
    Interpreted,
    /// Compiled by the quick compiler of a tiered one.
    Quick,
    /// Native code under a managed runtime.
    Native,
    /// Of the thread that woke the sampled one.
    Waker,
    /// No function: a process or thread whose stacks are below.
    Thread,
}

impl Kind {
    /// Whether it tells how code was brought to run, which may differ from call to call, and not what it is.
    const fn is_a_way_to_run(self) -> bool {
        matches!(self, Self::Inlined | Self::Jit | Self::Interpreted | Self::Quick)
    }

    /// The suffix of folded stacks, as `flamegraph.pl` and async-profiler write it: `_[k]`.
    #[must_use]
    pub const fn suffix(self) -> Option<&'static str> {
        Some(match self {
            Self::Kernel => "_[k]",
            Self::Inlined => "_[i]",
            Self::Jit => "_[j]",
            Self::Waker => "_[w]",
            Self::Interpreted => "_[0]",
            Self::Quick => "_[1]",
            Self::Native | Self::Thread => return None,
        })
    }

    /// The kind that a suffix of folded stacks stands for.
    #[must_use]
    pub fn of_suffix(suffix: &str) -> Option<Self> {
        [Self::Kernel, Self::Inlined, Self::Jit, Self::Waker, Self::Interpreted, Self::Quick]
            .into_iter()
            .find(|kind| kind.suffix() == Some(suffix))
    }
}

/// Number of a frame in [`Frames`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameId(pub u32);

impl FrameId {
    /// As an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Frames, each of them once.
#[derive(Debug, Clone, Default)]
pub struct Frames {
    frames: Vec<Frame>,
    ids: FxHashMap<Frame, FrameId>,
    bytes: usize,
    cut: u64,
    refused: u64,
}

impl Frames {
    /// The number of a frame, which is new or known. Names that are longer than [`NAME_BYTES_MAX`] are cut.
    pub fn intern(&mut self, mut frame: Frame) -> FrameId {
        self.cut += u64::from(cut(&mut frame));
        if let Some(id) = self.ids.get(&frame) {
            return *id;
        }
        let bytes = FRAME_COST + 2 * text_bytes(&frame);
        if self.bytes + bytes > FRAME_BYTES_MAX {
            self.refused += 1;
            frame = Frame::named("(other frames)");
            if let Some(id) = self.ids.get(&frame) {
                return *id;
            }
        }
        self.bytes += bytes;
        let id = FrameId(u32::try_from(self.frames.len()).unwrap_or(u32::MAX));
        self.frames.push(frame.clone());
        self.ids.insert(frame, id);
        id
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// All of them with their numbers, in the order in which they were met.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (FrameId, &Frame)> {
        self.frames.iter().enumerate().map(|(index, frame)| (FrameId(index as u32), frame))
    }

    /// How often a name was cut, and how often a frame became `(other frames)`.
    pub(crate) fn limited(&self) -> (u64, u64) {
        (self.cut, self.refused)
    }
}

impl std::ops::Index<FrameId> for Frames {
    type Output = Frame;

    fn index(&self, id: FrameId) -> &Frame {
        &self.frames[id.index()]
    }
}

fn text_bytes(frame: &Frame) -> usize {
    let optional = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
    frame.name.len() + optional(&frame.file) + optional(&frame.module)
}

/// Cuts what is too long, and says whether anything was.
fn cut(frame: &mut Frame) -> bool {
    let texts = [Some(&mut frame.name), frame.file.as_mut(), frame.module.as_mut()];
    let mut any = false;
    for text in texts.into_iter().flatten().filter(|text| text.len() > NAME_BYTES_MAX) {
        let end = text.floor_char_boundary(NAME_BYTES_MAX);
        *text = format!("{}…", &text[..end]).into();
        any = true;
    }
    any
}
