//! What is drawn and written out of stack profiles: pages, pictures, and files that other tools read.
//!
//! A [`Graph`] is one profile, a [`Difference`] two of them in one tree. [`OUTPUTS`] are the forms in which they are written; an
//! output shows what is there and decides nothing. The page (`viewer/`) holds every node of the tree and everything that it needs;
//! it loads nothing.
//!
//! All outputs walk the tree in one order (`order::Order`): depth first, siblings by name, so that the same profile gives the
//! same bytes.

mod difference;
mod folded;
mod graph;
mod html;
mod message;
mod names;
mod nodes;
mod order;
mod outputs;
mod packages;
mod pprof;
mod speedscope;
mod svg;

pub use difference::{Difference, Incomparable, Work};
pub use graph::Graph;
pub use outputs::{OUTPUTS, Output, Write};
