//! Envoy and Istio: the default format in columns, and Istio's in JSON.
//!
//! A line begins with when the request came; durations are whole milliseconds. What the server behind took is told by
//! `x-envoy-upstream-service-time`.
//!
//! Source: Envoy 1.30, "Access logging", "Default format string"; Istio 1.22, "Envoy Access Logs".

use super::columns::Columns;
use super::fields::{Fields, Table};
use super::lines::{Lines, cut, first_lines};
use super::meaning::Meaning;
use super::times::Unit;
use crate::ingest::{Format, Framing, Head};

pub(in crate::ingest) const ENVOY: Format = Format {
    name: "envoy-log",
    summary: "access logs of Envoy and Istio in their default format",
    sniff,
    cut,
    decoder: |framing| super::columns_of(framing, "envoy-log", "envoy", ""),
};

/// What all have in common: time, request, status and flags.
const BEGIN: [Meaning; 4] = [Meaning::Time, Meaning::RequestLine, Meaning::Status, Meaning::Other];

/// From the bytes received on.
const END: [Meaning; 9] = [
    Meaning::Other,
    Meaning::Bytes,
    Meaning::Duration(Unit::Milliseconds),
    Meaning::UpstreamTimes(Unit::Milliseconds),
    Meaning::Other,
    Meaning::Other,
    Meaning::Other,
    Meaning::Host,
    Meaning::UpstreamAddresses,
];

/// Columns of Istio between: details of the answer, of the connection's end, of a failure.
const ISTIO: [Meaning; 3] = [Meaning::Other; 3];

fn sniff(head: Head<'_>) -> Option<Framing> {
    let forms = [
        Columns::new(&[&BEGIN[..], &END].concat(), false),
        Columns::new(&[&BEGIN[..], &ISTIO, &END].concat(), false),
    ];
    let lines = || first_lines(head.bytes, head.whole);
    let fits = |columns: &Columns| {
        let fits = |line: &&[u8]| {
            line.starts_with(b"[") && columns.told(line).is_ok_and(|told| !told.target.is_empty())
        };
        let fit = lines().filter(fits).count();
        fit > 0 && fit * 2 >= lines().count()
    };
    forms.into_iter().find(fits).map(Framing::Columns)
}

pub(in crate::ingest) const ENVOY_JSON: Format = Format {
    name: "envoy-json-log",
    summary: "access logs of Envoy and Istio in JSON, one object on each line, with the names that Istio gives",
    sniff: |head| FIELDS.sniff(head),
    cut,
    decoder: |_| Lines::boxed(Fields::of(&FIELDS), "envoy-json-log", "envoy", ""),
};

static FIELDS: Table = Table {
    must_have: &[&["start_time"], &["duration"], &["response_code"], &["path"]],
    at_end: false,
    fields: &[
        ("start_time", Meaning::Time),
        ("duration", Meaning::Duration(Unit::Milliseconds)),
        ("upstream_service_time", Meaning::UpstreamTimes(Unit::Milliseconds)),
        ("upstream_host", Meaning::UpstreamAddresses),
        ("method", Meaning::Method),
        ("path", Meaning::Target),
        ("response_code", Meaning::Status),
        ("bytes_sent", Meaning::Bytes),
        ("authority", Meaning::Host),
        ("traceparent", Meaning::Trace),
        ("trace_id", Meaning::Trace),
    ],
};
