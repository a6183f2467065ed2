//! `.cpuprofile`, as `node --cpu-prof` and the developer tools of browsers write it; also as parts inside a Chrome trace.
//!
//! A sample lasts until the next one. What V8 calls `(idle)` counts for the measure `wall` and not for `cpu`.

mod callers;
pub(super) mod samples;
pub(super) mod times;

use std::borrow::Cow;

use serde::Deserialize;

use self::samples::{Node, Samples};
use self::times::Times;
use super::json;
use crate::limits::VALUE_MAX;
use crate::read::Format;
use crate::source::Source;
use crate::{Profile, Unreadable};

pub(crate) const FORMAT: Format = Format {
    name: "cpuprofile",
    summary: "V8's `.cpuprofile` with samples and times, or with counts of hits, also the old form with a `head`",
    evidence: "Node.js 20; the old form documented",
    recognise,
    read,
};

fn recognise(head: &[u8]) -> bool {
    let has = |text| json::has(head, text);
    json::is_object(head)
        && (has("\"nodes\"") && has("\"callFrame\"") || has("\"head\"") && has("\"functionName\""))
        && !has("\"traceEvents\"")
}

#[derive(Deserialize)]
struct File<'j> {
    #[serde(borrow, default)]
    nodes: Vec<Node<'j>>,
    /// The root of the old form.
    #[serde(borrow, default)]
    head: Option<OldNode<'j>>,
    #[serde(rename = "startTime", default)]
    start: f64,
    #[serde(rename = "endTime", default)]
    end: f64,
    #[serde(default)]
    samples: Vec<i64>,
    #[serde(rename = "timeDeltas", default)]
    deltas: Vec<f64>,
    /// In microseconds, of the old form.
    #[serde(default)]
    timestamps: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OldNode<'j> {
    #[serde(default)]
    id: i64,
    #[serde(borrow, default)]
    function_name: Cow<'j, str>,
    #[serde(borrow, default)]
    url: Cow<'j, str>,
    #[serde(default)]
    line_number: f64,
    #[serde(default)]
    hit_count: f64,
    #[serde(borrow, default)]
    children: Vec<OldNode<'j>>,
}

fn read(source: Source<'_>, profile: &mut Profile) -> Result<(), Unreadable> {
    let bytes = source.whole(profile)?;
    let text = String::from_utf8_lossy(&bytes);
    let file: File<'_> = serde_json::from_str(&text).map_err(|error| json::unreadable("V8", &error))?;
    let mut samples = Samples::new(profile);
    match file.head {
        // In the old form the times are seconds, lines begin with 1, and the end may be missing.
        Some(head) => {
            samples.old(head, profile);
            let mut times = Times::from(0.0);
            times.at(&file.samples, &file.timestamps, profile);
            samples.times(times.timed(), Some(file.end * 1e6), profile);
        }
        None => {
            samples.nodes(&file.nodes.iter().collect::<Vec<_>>(), profile);
            let mut times = Times::from(file.start);
            times.later(&file.samples, &file.deltas, profile);
            samples.times(times.timed(), Some(file.end), profile);
            let duration = (file.end - file.start) * 1e3;
            profile.duration_ns = (1.0..VALUE_MAX).contains(&duration).then_some(duration as u64);
        }
    }
    Ok(())
}
