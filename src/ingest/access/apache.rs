//! Apache: `combined` or `common` with `%D` (microseconds) or `%T` (seconds) behind it.
//!
//! The time of a line is when the request came. The virtual host in front (`%v`) is the service.
//!
//! Source: Apache HTTP Server 2.4, "Apache Module mod_log_config".

use super::inferred::{Server, columns};
use super::lines::{cut, first_lines};
use crate::ingest::{Format, Framing, Head};

pub(in crate::ingest) const APACHE: Format = Format {
    name: "apache-log",
    summary: "access logs of Apache that are like `combined` or `common`, with `%D` or `%T`",
    sniff,
    cut,
    decoder: |framing| super::columns_of(framing, "apache-log", "apache", ""),
};

fn sniff(head: Head<'_>) -> Option<Framing> {
    match columns(first_lines(head.bytes, head.whole))? {
        (Server::Apache, columns) => Some(Framing::Columns(columns)),
        _ => None,
    }
}
