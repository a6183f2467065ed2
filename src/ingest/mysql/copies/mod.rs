//! Copies of the logs of MySQL and MariaDB without values.

mod general;
mod slow;

use detectors::evidence::shape::sql::Dialect;

pub(in crate::ingest) use self::general::General;
pub(in crate::ingest) use self::slow::Slow;
use crate::ingest::copies::Page;

const DIALECT: Dialect = Dialect::MySql;

/// Lines that are not recognised: blank in the copy.
fn leave_out(page: &mut Page, bytes: &[u8]) {
    page.left_out += u64::from(!bytes.trim_ascii().is_empty());
    page.out.extend(bytes.iter().filter(|byte| **byte == b'\n'));
}
