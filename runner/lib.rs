//! Makes the runs of a measurement.
//!
//! [`http::offer`] sends requests at a rate that does not depend on answers, [`command::execute`] runs a command; both give a
//! [`measurement::Run`]. [`order()`] says whose turn it is, [`machine::environment`] what must be the same on
//! both sides, and [`Tree`] holds another commit.

pub mod command;
pub mod http;
pub mod machine;
mod order;
mod tree;

pub use order::{Turn, order};
pub use tree::{Problem, Tree};
