//! What must be read from profiles of every format.

mod folded;
mod shown;
