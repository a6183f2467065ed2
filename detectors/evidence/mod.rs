//! What was seen: the typed evidence every detector reads.
//!
//! Readers turn bytes into [`Span`]s and intern everything textual in a
//! [`Dictionary`]; [`assemble`](trace::Assembler) turns the spans of one trace
//! into a tree of [`Request`](trace::Request)s. No attribute name exists beyond the readers.

mod body;
mod by_number;
mod by_shape;
pub(crate) mod cache_reads;
pub mod content_hash;
mod dictionary;
mod examples;
pub mod plan;
pub mod sampled;
pub mod server;
pub(crate) mod server_lines;
mod session;
pub mod shape;
mod span;
mod statistics;
pub(crate) mod timeline;
pub mod trace;

pub use body::{Body, Media};
pub(crate) use by_number::place_in;
pub(crate) use by_shape::ByShape;
pub use dictionary::{
    DESCRIBED_MAX, Dictionary, Executed, Location, LocationRef, Origin, OriginRef, Recorder, ShapeRef,
    Statement, Symbol,
};
pub use examples::Examples;
pub use server::ServerEvents;
pub use session::{
    Execution, Holding, KnownBy, LINE_BITS, LockWait, Locking, NAMED_LOCK, Session, is_session, line_id,
    line_of, session_id,
};
pub use shape::{Family, Shape, ShapeId};
pub use span::{
    CacheResult, Effort, Failure, Kind, Logged, Role, Span, SpanId, Status, TraceId, Traced, UNKNOWN, Values,
};
pub use statistics::{Settled, SinceReset, Statistic, Statistics, Sums};
pub use timeline::{ConnectionUse, Timelines};
