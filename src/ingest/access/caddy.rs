//! Caddy: its access log, one object in JSON on each line. The headers of an answer are all there.
//!
//! Source: Caddy 2, "log (Caddyfile directive)", "How Logging Works".

use super::fields::{Fields, Table};
use super::lines::{Lines, cut};
use super::meaning::Meaning;
use super::times::Unit;
use crate::ingest::Format;

pub(in crate::ingest) const CADDY: Format = Format {
    name: "caddy-log",
    summary: "access logs of Caddy in JSON, one object on each line",
    sniff: |head| FIELDS.sniff(head),
    cut,
    decoder: |_| Lines::boxed(Fields::of(&FIELDS), "caddy-log", "caddy", ""),
};

static FIELDS: Table = Table {
    must_have: &[&["request.uri"], &["request.method"], &["duration"], &["status"]],
    at_end: true,
    fields: &[
        ("ts", Meaning::Time),
        ("duration", Meaning::Duration(Unit::Seconds)),
        ("request.method", Meaning::Method),
        ("request.uri", Meaning::Target),
        ("request.host", Meaning::Host),
        ("request.headers.Traceparent", Meaning::Trace),
        ("status", Meaning::Status),
        ("size", Meaning::Bytes),
        ("resp_headers.Content-Encoding", Meaning::Encoding),
        ("resp_headers.Content-Type", Meaning::ContentTypeOfAllHeaders),
    ],
};
