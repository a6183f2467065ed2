//! nginx: `log_format` in columns, and in JSON.
//!
//! `$request_time` is from the first bytes of the request to the last of the answer that were handed to the
//! system, in seconds with milliseconds. `$upstream_response_time` is what servers behind it took, one after
//! another where the first ones failed; it becomes calls of the request. A line is written when the request ends.
//!
//! Source: nginx, "Module ngx_http_log_module", "Module ngx_http_upstream_module", "Embedded Variables".

use super::fields::{Fields, Table};
use super::inferred::{Server, columns};
use super::lines::{Lines, cut, first_lines};
use super::meaning::Meaning;
use super::times::Unit;
use crate::ingest::{Format, Framing, Head};

pub(in crate::ingest) const NGINX: Format = Format {
    name: "nginx-log",
    summary: "access logs of nginx in columns that are like `combined`, with `$request_time` and what servers behind \
              it took",
    sniff,
    cut,
    decoder: |framing| super::columns_of(framing, "nginx-log", "nginx", ""),
};

fn sniff(head: Head<'_>) -> Option<Framing> {
    match columns(first_lines(head.bytes, head.whole))? {
        (Server::Nginx, columns) => Some(Framing::Columns(columns)),
        _ => None,
    }
}

pub(in crate::ingest) const NGINX_JSON: Format = Format {
    name: "nginx-json-log",
    summary: "access logs of nginx in JSON, one object on each line, with `request_time`",
    sniff: |head| FIELDS.sniff(head),
    cut,
    decoder: |_| Lines::boxed(Fields::of(&FIELDS), "nginx-json-log", "nginx", ""),
};

static FIELDS: Table = Table {
    must_have: &[&["request_time"], &["status"], &["request", "request_uri", "uri"]],
    at_end: true,
    fields: &[
        ("msec", Meaning::Time),
        ("time_iso8601", Meaning::Time),
        ("time_local", Meaning::Time),
        ("time", Meaning::Time),
        ("timestamp", Meaning::Time),
        ("@timestamp", Meaning::Time),
        ("ts", Meaning::Time),
        ("request_time", Meaning::Duration(Unit::Seconds)),
        ("upstream_response_time", Meaning::UpstreamTimes(Unit::Seconds)),
        ("upstream_status", Meaning::UpstreamStatuses),
        ("upstream_addr", Meaning::UpstreamAddresses),
        ("proxy_upstream_name", Meaning::UpstreamName),
        ("upstream_name", Meaning::UpstreamName),
        ("request", Meaning::RequestLine),
        ("request_method", Meaning::Method),
        ("method", Meaning::Method),
        ("request_uri", Meaning::Target),
        ("uri", Meaning::Target),
        ("status", Meaning::Status),
        ("body_bytes_sent", Meaning::Bytes),
        ("bytes_sent", Meaning::Bytes),
        ("content_type", Meaning::ContentType),
        ("sent_http_content_type", Meaning::ContentType),
        ("content_encoding", Meaning::Encoding),
        ("sent_http_content_encoding", Meaning::Encoding),
        ("gzip_ratio", Meaning::Ratio),
        ("server_name", Meaning::Service),
        ("host", Meaning::Service),
        ("traceparent", Meaning::Trace),
        ("http_traceparent", Meaning::Trace),
        ("trace_id", Meaning::Trace),
        ("otel_trace_id", Meaning::Trace),
    ],
};
