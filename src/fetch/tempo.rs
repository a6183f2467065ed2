//! Tempo: `GET /api/search` finds traces, `GET /api/v2/traces/{id}` gives one (`/api/traces/{id}` before version 2.7).
//!
//! Source: "Tempo HTTP API" of its documentation, and `pkg/tempopb/tempo.proto` (`TraceByIDResponse`: field 1 is the trace,
//! whose form is that of OTLP, field 3 is 1 where only a part of it is given).
//!
//! A search gives any traces of its time, up to a limit: a time that has more is asked for in halves, the later one first.

use std::panic::resume_unwind;
use std::thread;

use detectors::figures::counted;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::{Answer, Client};
use super::kept::{Form, Kept};
use super::{Error, Store, Wanted};
use crate::ingest::wire::{Field, Kind, Wire};

pub(super) const STORE: Store =
    Store { name: "tempo", summary: "Grafana Tempo, by its address, such as http://localhost:3200", fetch };

/// Traces of one search.
const PAGE: usize = 200;

/// Traces that are asked for at the same time.
const AT_ONCE: usize = 4;

/// Searches, at most.
const SEARCHES_MAX: usize = 2_000;

#[derive(Debug, Deserialize)]
struct Search {
    #[serde(default)]
    traces: Option<Vec<Hit>>,
}

#[derive(Debug, Deserialize)]
struct Hit {
    #[serde(rename = "traceID")]
    id: String,
}

/// Which of the two ways to a trace the store knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Unknown,
    V2,
    V1,
}

fn fetch(client: &Client, wanted: &Wanted, kept: &mut Kept) -> Result<(), Error> {
    // Whole seconds; the later times are on top.
    let mut times = vec![(wanted.start_us / 1_000_000, wanted.end_us.div_ceil(1_000_000))];
    let (mut way, mut searches, mut crowded, mut partial) = (Way::Unknown, 0, false, 0);
    while let Some((start_s, end_s)) = times.pop().filter(|_| !kept.is_full()) {
        searches += 1;
        if searches > SEARCHES_MAX {
            kept.notes.push(format!("{SEARCHES_MAX} searches were made: earlier traces were not fetched"));
            break;
        }
        let hits = search(client, &wanted.service, start_s, end_s)?;
        if hits.len() >= PAGE && end_s - start_s > 1 {
            let middle_s = start_s + (end_s - start_s) / 2;
            times.extend([(start_s, middle_s), (middle_s, end_s)]);
            continue;
        }
        crowded |= hits.len() >= PAGE;
        let ids: Vec<String> = hits.into_iter().map(|hit| hit.id).filter(|id| !kept.knows(id)).collect();
        partial += keep_all(client, &ids, &mut way, kept)?;
    }
    if crowded {
        kept.notes.push(format!("more than {PAGE} traces began within one second: some were not fetched"));
    }
    if partial > 0 {
        let partial = counted(partial, "trace");
        kept.notes.push(format!("{partial} came in part only, too large for Tempo to give whole"));
    }
    Ok(())
}

/// Gets traces, some at a time, and keeps them; how many of them are given in part only.
fn keep_all(client: &Client, mut ids: &[String], way: &mut Way, kept: &mut Kept) -> Result<u64, Error> {
    let mut partial = 0;
    while !ids.is_empty() && !kept.is_full() {
        // The first one finds the way.
        let at_once = if *way == Way::Unknown { 1 } else { AT_ONCE };
        let (now, later) = ids.split_at(at_once.min(ids.len()));
        for (id, found) in now.iter().zip(get_all(client, now, *way)) {
            match found? {
                Some((known, answer)) => {
                    *way = known;
                    partial += u64::from(keep(id, known, &answer, kept)?);
                }
                None => {
                    kept.gone.insert(id.clone());
                }
            }
        }
        ids = later;
    }
    Ok(partial)
}

/// A trace's answer and the way by which it came; `None` if the trace is not there.
type Found = Result<Option<(Way, Answer)>, Error>;

fn get_all(client: &Client, ids: &[String], way: Way) -> Vec<Found> {
    thread::scope(|scope| {
        let asked: Vec<_> = ids.iter().map(|id| scope.spawn(move || get(client, id, way))).collect();
        asked.into_iter().map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

fn get(client: &Client, id: &str, way: Way) -> Found {
    // An id is part of a path, and comes from elsewhere.
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let ways = match way {
        Way::Unknown => &[Way::V2, Way::V1][..],
        Way::V2 => &[Way::V2],
        Way::V1 => &[Way::V1],
    };
    for way in ways {
        let path = if *way == Way::V1 { "api/traces" } else { "api/v2/traces" };
        match client.get(&format!("{path}/{id}"), &[], "application/protobuf") {
            Ok(answer) => return Ok(Some((*way, answer))),
            Err(Error::Refused { status: Some(404), .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn search(client: &Client, service: &str, start_s: u64, end_s: u64) -> Result<Vec<Hit>, Error> {
    let service = service.replace('\\', "\\\\").replace('"', "\\\"");
    let query = [
        ("q", format!("{{ resource.service.name = \"{service}\" }}")),
        ("start", start_s.to_string()),
        ("end", end_s.to_string()),
        ("limit", PAGE.to_string()),
        ("spss", "1".to_owned()),
    ];
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = client.get("api/search", &query, "application/json")?;
    let search: Search = serde_json::from_slice(&answer.body)
        .map_err(|error| answer.is_no("list of Tempo's traces", &error))?;
    Ok(search.traces.unwrap_or_default())
}

/// Keeps a trace; whether only a part of it is given.
fn keep(id: &str, way: Way, answer: &Answer, kept: &mut Kept) -> Result<bool, Error> {
    if way == Way::V2 {
        return keep_v2(id, answer, kept);
    }
    let form = if answer.is_json() { Form::Json } else { Form::Protobuf };
    kept.add(id, form, &answer.body)?;
    Ok(false)
}

#[derive(Debug, Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    trace: &'a RawValue,
    #[serde(default)]
    status: serde_json::Value,
}

/// Takes a trace out of its wrapping.
fn keep_v2(id: &str, answer: &Answer, kept: &mut Kept) -> Result<bool, Error> {
    if answer.is_json() {
        let wrapped: Wrapped<'_> =
            serde_json::from_slice(&answer.body).map_err(|error| answer.is_no("trace of Tempo", &error))?;
        kept.add(id, Form::Json, wrapped.trace.get().as_bytes())?;
        return Ok(wrapped.status == "PARTIAL" || wrapped.status == 1);
    }
    let Some(Unwrapped { trace, partial }) = unwrapped(&answer.body) else {
        return Err(answer.is_no("trace of Tempo", &"it is neither JSON nor the message TraceByIDResponse"));
    };
    kept.add(id, Form::Protobuf, trace)?;
    Ok(partial)
}

/// What a `TraceByIDResponse` holds.
struct Unwrapped<'a> {
    trace: &'a [u8],
    partial: bool,
}

/// Reads the fields of a `TraceByIDResponse`; `None` if these bytes are none.
fn unwrapped(message: &[u8]) -> Option<Unwrapped<'_>> {
    let mut found = Unwrapped { trace: &[], partial: false };
    let mut rest = message;
    while !rest.is_empty() {
        let field = Field::of(rest).ok()?;
        let content = rest.get(field.header..field.length())?;
        match (field.number, field.kind) {
            (1, Kind::Bytes) => found.trace = content,
            (3, Kind::Varint) => found.partial |= Wire(content).varint() == Some(1),
            _ => {}
        }
        rest = &rest[field.length()..];
    }
    Some(found)
}
