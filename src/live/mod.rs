//! A live PostgreSQL: how it is reached, and what it is asked.
//!
//! Sessions are read-only and have timeouts. No statement of a user is executed unless that was asked for, none that
//! changes data ever, and what proof builds is rolled back. `docs/live.md` says what is read.

pub mod activity;
pub mod catalogue;
mod connection;
pub mod diagnosis;
pub mod explain;
mod guard;
mod hypothetical;
pub mod indexes;
mod problem;
pub mod proof;
mod session;
pub mod statements;
mod target;
mod tls;

pub use connection::{Connection, Interrupts, Row};
pub use problem::Problem;
pub use session::Limits;
pub use target::Target;
