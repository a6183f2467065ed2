//! Stack profiles in memory, and readers of what profilers write.
//!
//! A [`Profile`] is a [`Tree`] of [`Frame`]s with one column of values for each [`Measure`]: CPU time, samples, bytes. Every format
//! becomes such a tree, one stack after the other, so that memory grows with what is distinct and not with the input. Nodes are
//! keyed on frames, never on text: `foo` is one node whether or not `foo::{{closure}}` is beside it.
//!
//! - [`read()`] takes any input and tells the format by content, never by name.
//! - What several threads, processes or programs did is one tree with their names next to the root.
//! - Event types are measures of their own: cycles are never added to page faults.
//! - What could not be read costs that record and is counted with place and reason ([`Profile::skipped`]).

mod children;
mod formats;
mod frame;
mod functions;
mod limits;
mod measure;
mod profile;
mod read;
mod sequence;
mod source;
mod symbols;
mod table;
mod tally;
mod texts;
mod tree;
mod union;

pub use children::{Children, DepthFirst, Visit};
pub use frame::{Frame, FrameId, Frames, Kind};
pub use functions::{Function, functions};
pub use limits::{
    DEPTH_MAX, DOCUMENT_BYTES_MAX, FRAME_BYTES_MAX, LINE_BYTES_MAX, MEASURES_MAX, NAME_BYTES_MAX, NODES_MAX,
    STRETCHES_MAX, VALUE_EXACT_MAX, VALUE_MAX,
};
pub use measure::{Measure, Unit};
pub use profile::Profile;
pub use read::{FORMATS, Format, Unreadable, is_profile, may_be_folded, read, read_file, recognise};
pub use sequence::{Sequence, Stretch};
pub use tally::{Counted, Place, Tally};
pub use tree::{NodeId, Tree};
pub use union::union;
