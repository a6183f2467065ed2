//! Traefik: its access log in JSON, one object on each line. Durations are whole nanoseconds.
//!
//! Source: Traefik 3, "Access Logs", "Available Fields".

use super::fields::{Fields, Table};
use super::lines::{Lines, cut};
use super::meaning::Meaning;
use super::times::Unit;
use crate::ingest::Format;

pub(in crate::ingest) const TRAEFIK: Format = Format {
    name: "traefik-log",
    summary: "access logs of Traefik in JSON, one object on each line",
    sniff: |head| FIELDS.sniff(head),
    cut,
    decoder: |_| Lines::boxed(Fields::of(&FIELDS), "traefik-log", "traefik", ""),
};

static FIELDS: Table = Table {
    must_have: &[&["Duration"], &["RequestPath"], &["DownstreamStatus"]],
    at_end: false,
    fields: &[
        ("StartUTC", Meaning::Time),
        ("StartLocal", Meaning::Time),
        ("Duration", Meaning::Duration(Unit::Nanoseconds)),
        ("OriginDuration", Meaning::UpstreamTimes(Unit::Nanoseconds)),
        ("OriginStatus", Meaning::UpstreamStatuses),
        ("ServiceAddr", Meaning::UpstreamAddresses),
        ("ServiceName", Meaning::UpstreamName),
        ("RequestMethod", Meaning::Method),
        ("RequestPath", Meaning::Target),
        ("RequestHost", Meaning::Host),
        ("DownstreamStatus", Meaning::Status),
        ("DownstreamContentSize", Meaning::Bytes),
        ("TraceId", Meaning::Trace),
    ],
};
