//! Speedscope's own format: <https://github.com/jlfwong/speedscope/wiki/Importing-from-custom-sources>.
//!
//! Several profiles in one file, mostly one a thread, become one tree with their names next to the root.

use std::borrow::Cow;

use serde::Deserialize;

use super::json;
use super::timeline::Timeline;
use crate::read::Format;
use crate::source::Source;
use crate::{Frame, FrameId, Kind, Measure, NodeId, Place, Profile, Stretch, Unit, Unreadable};

pub(crate) const FORMAT: Format = Format {
    name: "speedscope",
    summary: "speedscope's JSON, sampled and evented, of all its profiles",
    evidence: "py-spy 0.4.3; the specification",
    recognise,
    read,
};

fn recognise(head: &[u8]) -> bool {
    json::is_object(head)
        && (json::has(head, "https://www.speedscope.app/file-format-schema.json")
            || json::has(head, "\"shared\"")
                && json::has(head, "\"frames\"")
                && json::has(head, "\"profiles\""))
}

#[derive(Deserialize)]
struct File<'j> {
    #[serde(borrow)]
    shared: Shared<'j>,
    #[serde(borrow)]
    profiles: Vec<One<'j>>,
    #[serde(borrow, default)]
    name: Option<Cow<'j, str>>,
    #[serde(borrow, default)]
    exporter: Option<Cow<'j, str>>,
    #[serde(rename = "activeProfileIndex", default)]
    active: Option<usize>,
}

#[derive(Deserialize)]
struct Shared<'j> {
    #[serde(borrow)]
    frames: Vec<Named<'j>>,
}

#[derive(Deserialize)]
struct Named<'j> {
    #[serde(borrow)]
    name: Cow<'j, str>,
    #[serde(borrow, default)]
    file: Option<Cow<'j, str>>,
    #[serde(default)]
    line: Option<f64>,
}

#[derive(Deserialize)]
struct One<'j> {
    #[serde(borrow, default)]
    name: Cow<'j, str>,
    #[serde(borrow, default)]
    unit: Cow<'j, str>,
    #[serde(rename = "startValue", default)]
    start: f64,
    #[serde(rename = "endValue", default)]
    end: f64,
    #[serde(default)]
    samples: Vec<Vec<i64>>,
    #[serde(default)]
    weights: Vec<f64>,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    r#type: Type,
    at: f64,
    frame: i64,
}

#[derive(Deserialize, PartialEq)]
enum Type {
    #[serde(rename = "O")]
    Open,
    #[serde(rename = "C")]
    Close,
}

fn read(source: Source<'_>, profile: &mut Profile) -> Result<(), Unreadable> {
    let bytes = source.whole(profile)?;
    let text = String::from_utf8_lossy(&bytes);
    let file: File<'_> =
        serde_json::from_str(&text).map_err(|error| json::unreadable("speedscope", &error))?;
    profile.title = file.name.as_deref().filter(|name| !name.is_empty()).map(str::to_owned);
    let frames: Vec<FrameId> =
        file.shared.frames.iter().map(|named| profile.frames.intern(frame(named))).collect();
    // Our own files have one for each measure; others have one for each thread.
    let are_measures = file.exporter.as_deref().is_some_and(|exporter| exporter.starts_with("whyslow "));
    let mut records = 0;
    for one in &file.profiles {
        let (unit, scale) = Unit::named(&one.unit);
        let name = match unit {
            _ if are_measures => &*one.name,
            Unit::Nanoseconds => "time",
            _ => "value",
        };
        let Some(measure) = profile.measure(Measure::new(name, unit)) else {
            profile.skipped.add("profiles of more units than can be", None);
            continue;
        };
        let root = match file.profiles.len() {
            _ if are_measures => NodeId::ROOT,
            1 => NodeId::ROOT,
            _ => thread(&one.name, profile),
        };
        let mut reader =
            Reader { frames: &frames, root, measure, scale, records, are_samples: !are_measures };
        reader.samples(one, profile);
        reader.events(one, profile);
        records = reader.records;
    }
    if are_measures {
        profile.default_measure = file.active.filter(|active| *active < profile.measures.len()).unwrap_or(0);
    }
    Ok(())
}

fn frame(named: &Named<'_>) -> Frame {
    let name = if named.name.is_empty() { "(anonymous)" } else { &named.name };
    Frame {
        file: json::text(named.file.as_deref()),
        line: named.line.and_then(json::line),
        ..Frame::named(name)
    }
}

fn thread(name: &str, profile: &mut Profile) -> NodeId {
    let name = if name.is_empty() { "(no name)" } else { name };
    let frame = profile.frames.intern(Frame { kind: Some(Kind::Thread), ..Frame::named(name) });
    profile.tree.child(NodeId::ROOT, frame)
}

struct Reader<'f> {
    frames: &'f [FrameId],
    root: NodeId,
    measure: usize,
    /// How many of the measure's unit one of the file's is.
    scale: f64,
    records: u64,
    /// Whether each stack is a sample, and no sum of them.
    are_samples: bool,
}

impl Reader<'_> {
    fn samples(&mut self, one: &One<'_>, profile: &mut Profile) {
        let is_counted = self.are_samples && !one.samples.is_empty();
        let counted = if is_counted { profile.measure(Measure::samples()) } else { None };
        for (index, sample) in one.samples.iter().enumerate() {
            self.records += 1;
            let place = Some(Place::Record(self.records));
            let stack: Option<Vec<FrameId>> = sample.iter().map(|frame| self.frame(*frame)).collect();
            let Some(stack) = stack else {
                profile.skipped.add("a sample with a frame that is not there", place);
                continue;
            };
            let only = one.weights.is_empty().then_some(1.0);
            let Some(weight) = one.weights.get(index).copied().or(only) else {
                profile.skipped.add("a sample without a weight", place);
                continue;
            };
            if weight < 0.0 {
                profile.skipped.add("a sample with a negative weight", place);
                continue;
            }
            let node = profile.below(self.root, stack, place);
            let value = json::whole(weight * self.scale, self.scale);
            profile.add(node, self.measure, value, place);
            if self.are_samples {
                profile.sequence.add(self.measure, Stretch { node, value, kept: None });
            }
            if let Some(samples) = counted {
                profile.add(node, samples, 1.0, place);
            }
            profile.records += 1;
        }
    }

    fn events(&mut self, one: &One<'_>, profile: &mut Profile) {
        let mut timeline = Timeline::of(self.root, self.measure, one.start * self.scale);
        let mut last = one.start * self.scale;
        for event in &one.events {
            self.records += 1;
            let place = Some(Place::Record(self.records));
            let at = event.at * self.scale;
            let Some(frame) = self.frame(event.frame).filter(|_| at.is_finite()) else {
                profile.skipped.add("an event with a frame that is not there", place);
                continue;
            };
            if at < last {
                profile
                    .noticed
                    .add("events that are earlier than the one before, taken as of its time", place);
            }
            last = last.max(at);
            match event.r#type {
                Type::Open => timeline.begin(frame, last, f64::INFINITY, place, profile),
                Type::Close => timeline.end(Some(frame), last, place, profile),
            }
            profile.records += 1;
        }
        let unended = "calls that do not end, ended with their profile";
        timeline.finish(one.end * self.scale, unended, profile);
    }

    fn frame(&self, index: i64) -> Option<FrameId> {
        usize::try_from(index).ok().and_then(|index| self.frames.get(index)).copied()
    }
}
