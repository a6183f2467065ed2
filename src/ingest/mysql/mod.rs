//! Logs of MySQL and MariaDB: the slow log, which tells how long statements took.

mod header;
mod recorder;
mod slow;

pub(in crate::ingest) use self::slow::FORMAT as SLOW;
