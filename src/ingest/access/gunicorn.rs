//! gunicorn: its access log with `%(L)s` (seconds with six decimals), or with `%(p)s` (the process) and a duration.
//!
//! A line is written when the request ends. With microseconds alone (`%(D)s`) it looks like one of Apache.
//!
//! Source: gunicorn, "Settings", `access_log_format`.

use super::inferred::{Server, columns};
use super::lines::{cut, first_lines};
use crate::ingest::{Format, Framing, Head};

pub(in crate::ingest) const GUNICORN: Format = Format {
    name: "gunicorn-log",
    summary: "access logs of gunicorn with `%(L)s`, or with `%(p)s` and `%(D)s`",
    sniff,
    cut,
    decoder: |framing| super::columns_of(framing, "gunicorn-log", "gunicorn", "python"),
};

fn sniff(head: Head<'_>) -> Option<Framing> {
    match columns(first_lines(head.bytes, head.whole))? {
        (Server::Gunicorn, columns) => Some(Framing::Columns(columns)),
        _ => None,
    }
}
