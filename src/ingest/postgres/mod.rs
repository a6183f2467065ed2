//! PostgreSQL's logs: what the server writes to stderr, csvlog and jsonlog. The same events give the same
//! evidence in each form.
//!
//! A record becomes a line of its session; what several lines of a session tell of one execution is put together
//! when all of them are there ([`detectors::evidence::Session`]).

mod copies;
mod csv;
mod entry;
mod event;
mod json;
mod leading;
mod lock;
mod message;
mod prefix;
mod repeated;
mod runs;
mod severity;
mod stderr;
mod writers;

pub(in crate::ingest) use self::copies::{Csv as CsvCopier, Json as JsonCopier, Stderr as StderrCopier};
pub(in crate::ingest) use self::csv::FORMAT as CSV;
pub(in crate::ingest) use self::json::FORMAT as JSON;
pub use self::prefix::Prefix;
pub(in crate::ingest) use self::prefix::unreadable;
pub(in crate::ingest) use self::severity::tells_more;
pub(in crate::ingest) use self::stderr::FORMAT as STDERR;
