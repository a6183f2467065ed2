//! Jaeger's query service, by the interface that its own pages use: `GET /api/traces`.
//!
//! Source: `cmd/jaeger/internal/extension/jaegerquery/internal/query_parser.go` and `http_handler.go` of Jaeger
//! (parameters `service`, `start` and `end` in microseconds, `limit`; an answer is `{"data": [trace], "errors": [{"code",
//! "msg"}]}`). Which traces a limit leaves is up to the storage; those that are told there give the latest.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::{Answer, Client};
use super::kept::{Form, Kept};
use super::{Error, Store, Wanted};

pub(super) const STORE: Store = Store {
    name: "jaeger",
    summary: "Jaeger's query service (versions 1 and 2), by its address, such as http://localhost:16686",
    fetch,
};

/// Traces of one answer.
const PAGE: usize = 200;

/// Answers without a new trace, one after another, before no more are asked for.
const IN_VAIN_MAX: u32 = 3;

/// Services that are named where one is not known.
const NAMED: usize = 10;

/// An answer, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Traces<'a> {
    #[serde(borrow)]
    data: Option<Vec<&'a RawValue>>,
    errors: Option<Vec<Told>>,
}

#[derive(Debug, Deserialize)]
struct Told {
    #[serde(default)]
    msg: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    #[serde(rename = "traceID")]
    id: String,
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    #[serde(default)]
    start_time: u64,
}

fn fetch(client: &Client, wanted: &Wanted, kept: &mut Kept) -> Result<(), Error> {
    let page_max = PAGE.min(wanted.traces_max);
    let (mut end_us, mut in_vain) = (wanted.end_us, 0);
    while !kept.is_full() && end_us >= wanted.start_us {
        let page = page(client, wanted, (end_us, page_max), kept)?;
        if page.traces < page_max {
            break;
        }
        in_vain = if page.new > 0 { 0 } else { in_vain + 1 };
        if in_vain >= IN_VAIN_MAX {
            kept.notes.push(
                "the store gives the same traces for earlier times: earlier ones were not fetched".to_owned(),
            );
            break;
        }
        // A trace is found by any of its spans: the latest of each leaves none out, and gives some again.
        end_us = if page.new > 0 { page.latest_us } else { page.earliest_us.saturating_sub(1) };
    }
    if kept.traces() == 0 {
        kept.hint = services(client);
    }
    Ok(())
}

/// What an answer had.
struct Page {
    traces: usize,
    new: usize,
    /// The earliest among the latest spans of each trace.
    latest_us: u64,
    /// The earliest span of all.
    earliest_us: u64,
}

fn page(
    client: &Client,
    wanted: &Wanted,
    (end_us, page_max): (u64, usize),
    kept: &mut Kept,
) -> Result<Page, Error> {
    let query = [
        ("service", wanted.service.as_str()),
        ("start", &wanted.start_us.to_string()),
        ("end", &end_us.to_string()),
        ("limit", &page_max.to_string()),
        ("lookback", "custom"),
    ];
    let answer = client.get("api/traces", &query, "application/json")?;
    let traces = traces(&answer)?;
    let mut page = Page { traces: traces.len(), new: 0, latest_us: end_us, earliest_us: end_us };
    for raw in traces {
        let trace: Trace = serde_json::from_str(raw.get())
            .map_err(|error| answer.is_no("list of Jaeger's traces", &error))?;
        let starts = || trace.spans.iter().map(|span| span.start_time);
        page.latest_us = page.latest_us.min(starts().max().unwrap_or(end_us));
        page.earliest_us = page.earliest_us.min(starts().min().unwrap_or(end_us));
        page.new += usize::from(kept.add(&trace.id, Form::Json, raw.get().as_bytes())?);
    }
    Ok(page)
}

fn traces(answer: &Answer) -> Result<Vec<&RawValue>, Error> {
    let is_no = |why: &dyn std::fmt::Display| answer.is_no("list of Jaeger's traces", why);
    let Traces { data, errors } = serde_json::from_slice(&answer.body).map_err(|error| is_no(&error))?;
    let errors: Vec<String> = errors.into_iter().flatten().map(|told| told.msg).collect();
    match data {
        Some(data) if !data.is_empty() || errors.is_empty() => Ok(data),
        // An empty list is `null` in some versions.
        None if errors.is_empty() && answer.body.windows(6).any(|bytes| bytes == b"\"data\"") => {
            Ok(Vec::new())
        }
        _ => Err(is_no(&errors.first().map_or("it has no data", String::as_str))),
    }
}

/// The names of the services that there are, if the store says them.
fn services(client: &Client) -> Option<String> {
    #[derive(Deserialize)]
    struct Services {
        data: Option<Vec<String>>,
    }
    let answer = client.get("api/services", &[], "application/json").ok()?;
    let mut names = serde_json::from_slice::<Services>(&answer.body).ok()?.data.unwrap_or_default();
    names.sort_unstable();
    let more = if names.len() > NAMED { ", …" } else { "" };
    names.truncate(NAMED);
    match names.is_empty() {
        true => Some("it knows no service at all".to_owned()),
        false => Some(format!(
            "it knows {}{more}; --since asks for more time",
            crate::report::clean(&names.join(", "))
        )),
    }
}
