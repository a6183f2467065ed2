//! Logs of MySQL and MariaDB: the slow log, which tells how long statements took, and the general log, which tells that
//! they begin.

mod copies;
mod general;
mod header;
mod recorder;
mod slow;

pub(in crate::ingest) use self::copies::{General as GeneralCopier, Slow as SlowCopier};
pub(in crate::ingest) use self::general::FORMAT as GENERAL;
pub(in crate::ingest) use self::slow::FORMAT as SLOW;
