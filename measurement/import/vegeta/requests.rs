//! `vegeta encode`: each request, as JSON or CSV.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::subject::{self, Requests};
use super::super::{Imported, Unreadable, csv, json, table, time, units};
use super::report::open;
use crate::Run;

/// Latency in nanoseconds.
#[derive(Deserialize)]
struct Request<'a> {
    code: u16,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    latency: f64,
    #[serde(borrow, default)]
    error: Cow<'a, str>,
    #[serde(borrow, default)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    url: Cow<'a, str>,
}

/// Requests, and when they were sent.
#[derive(Default)]
struct Attack {
    requests: Requests,
    count: u64,
    /// The first and the last, in nanoseconds since 1970.
    ends: Option<(u64, u64)>,
}

pub(super) fn of_json(output: &[u8]) -> Result<Imported, Unreadable> {
    let mut attack = Attack::default();
    for read in json::lines::<Request<'_>>(output) {
        let (index, request) = read?;
        let sent_ns =
            time::milliseconds(&request.timestamp).map(|ms| ms.saturating_mul(units::MILLISECOND_NS));
        let is_error = !request.error.is_empty() || !(200..400).contains(&request.code);
        let address = (&*request.method, &*request.url);
        attack.add(address, sent_ns, request.latency, is_error).map_err(|error| error.at(index))?;
    }
    attack.imported()
}

/// Columns: time in nanoseconds since 1970, status, latency in nanoseconds, bytes out, bytes in, error, body, attack, number,
/// and in newer versions method, address and headers.
pub(super) fn is_csv(output: &[u8]) -> bool {
    let first = output.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let first = String::from_utf8_lossy(&first[..first.len().min(1 << 20)]);
    let fields = csv::fields(&first);
    let is_number = |at: usize| fields.get(at).is_some_and(|field| field.parse::<u64>().is_ok());
    fields.len() >= 9 && fields[0].len() >= 18 && [0, 1, 2, 3, 4, 8].into_iter().all(is_number)
}

pub(super) fn of_csv(output: &[u8]) -> Result<Imported, Unreadable> {
    let mut attack = Attack::default();
    for (index, line) in table::text(output).lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let fields = csv::fields(line);
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        let (Some(sent_ns), Some(code), Some(latency), Some(error)) =
            (number(0), number(1), number(2), fields.get(5))
        else {
            return Err(Unreadable::of("not the columns that vegeta writes").at(index));
        };
        let text = |at: usize| fields.get(at).map_or("", |field| &**field);
        let is_error = !error.is_empty() || !(200..400).contains(&code);
        let added = attack.add((text(9), text(10)), Some(sent_ns), latency as f64, is_error);
        added.map_err(|error| error.at(index))?;
    }
    attack.imported()
}

impl Attack {
    fn add(
        &mut self,
        (method, address): (&str, &str),
        sent_ns: Option<u64>,
        latency: f64,
        is_error: bool,
    ) -> Result<(), Unreadable> {
        let subject = if address.is_empty() { String::new() } else { subject::request(method, address) };
        self.requests.add(subject, units::nanoseconds(latency, units::NANOSECOND)?, is_error);
        self.count += 1;
        if let Some(sent) = sent_ns {
            let (first, last) = self.ends.unwrap_or((sent, sent));
            self.ends = Some((first.min(sent), last.max(sent)));
        }
        Ok(())
    }

    /// The rate is that of the requests but the first, over the time in which they were sent.
    fn imported(self) -> Result<Imported, Unreadable> {
        let sent_ns = self.ends.map(|(first, last)| last - first).filter(|ns| *ns > 0);
        let rate = sent_ns.map(|ns| self.count.saturating_sub(1) as f64 / (ns as f64 / units::SECOND));
        let run = Run {
            started_ms: self.ends.map(|(first, _)| first / units::MILLISECOND_NS),
            duration_ns: sent_ns,
            load: rate.map(open).transpose()?,
            samples: self.requests.samples(None),
            ..Run::default()
        };
        Ok(Imported::of(run))
    }
}
