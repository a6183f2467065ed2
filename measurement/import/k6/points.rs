//! `--out json`: a line for each measured value, with tags.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::subject::{self, Requests};
use super::super::{Imported, Unreadable, json, time, units};
use super::REQUESTS;
use crate::Run;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    metric: Cow<'a, str>,
    #[serde(borrow)]
    data: Data<'a>,
}

/// Of points; lines that declare a metric have other fields.
#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    time: Option<Cow<'a, str>>,
    #[serde(default)]
    value: Option<f64>,
    #[serde(borrow, default)]
    tags: Option<Tags<'a>>,
}

#[derive(Deserialize, Default)]
struct Tags<'a> {
    #[serde(borrow, default)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    group: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    expected_response: Option<Cow<'a, str>>,
}

pub(super) fn run(output: &[u8]) -> Result<Imported, Unreadable> {
    let mut requests = Requests::default();
    let mut ends: Option<(u64, u64)> = None;
    for read in json::lines::<Line<'_>>(output) {
        let (index, line) = read?;
        let Some(value) = line.data.value.filter(|_| line.kind == "Point" && line.metric == REQUESTS) else {
            continue;
        };
        let duration_ns = units::nanoseconds(value, units::MILLISECOND).map_err(|error| error.at(index))?;
        let tags = line.data.tags.unwrap_or_default();
        requests.add(tags.subject(), duration_ns, tags.is_error());
        if let Some(at) = line.data.time.as_deref().and_then(time::milliseconds) {
            let (first, last) = ends.unwrap_or((at, at));
            ends = Some((first.min(at), last.max(at)));
        }
    }
    let run = Run {
        // Points are made when requests end.
        started_ms: ends.map(|(first, _)| first),
        duration_ns: ends.map(|(first, last)| (last - first).saturating_mul(units::MILLISECOND_NS)),
        samples: requests.samples(None),
        ..Run::default()
    };
    Ok(Imported::of(run))
}

impl Tags<'_> {
    /// `GET /orders`, with the group before it: `checkout: GET /orders`.
    fn subject(&self) -> String {
        let name = self.name.as_deref().or(self.url.as_deref()).unwrap_or_default();
        let request = subject::request(&self.method, name);
        match self.group.trim_start_matches("::") {
            "" => request.trim_start().to_owned(),
            group => subject::short(&format!("{}: {}", group.replace("::", " > "), request.trim_start())),
        }
    }

    fn is_error(&self) -> bool {
        match &self.expected_response {
            Some(expected) => expected == "false",
            None => self.status.starts_with(['0', '4', '5']),
        }
    }
}
