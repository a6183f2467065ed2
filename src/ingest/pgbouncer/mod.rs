//! What PgBouncer tells: its log, and the tables that its console shows. It is of pools and not of requests, so it goes
//! to what servers tell beside statements.

mod log;
mod shown;

pub(in crate::ingest) use self::log::FORMAT as LOG;
pub(in crate::ingest) use self::shown::FORMAT as SHOWN;
