//! Copies of PostgreSQL's logs without values: the forms, and what is the same in all of them.

mod csv;
mod json;
mod message;
mod plan;
mod stderr;

pub(in crate::ingest) use self::csv::Csv;
pub(in crate::ingest) use self::json::Json;
pub(in crate::ingest) use self::stderr::Stderr;
