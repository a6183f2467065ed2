//! Processed profiles of the Firefox Profiler, as it downloads them and as samply writes them: JSON of columns, mostly in gzip.
//!
//! <https://github.com/firefox-devtools/profiler/blob/main/docs-developer/processed-profile-format.md>. Tables are of each thread, or
//! (since version 57) in `shared`.

mod tables;

use serde::Deserialize;

use self::tables::{FrameTable, FuncTable, ResourceTable, StackTable, Stacks, Tables};
use super::json;
use crate::read::Format;
use crate::source::Source;
use crate::{Frame, Kind, Measure, NodeId, Place, Profile, Unit, Unreadable};

pub(crate) const FORMAT: Format = Format {
    name: "Firefox Profiler",
    summary: "processed profiles with tables of each thread or shared ones; threads apart, samples and processor time",
    evidence: "the documentation of versions 24 to 58",
    recognise,
    read,
};

fn recognise(head: &[u8]) -> bool {
    json::is_object(head) && json::has(head, "\"preprocessedProfileVersion\"")
}

#[derive(Deserialize)]
struct File {
    meta: Meta,
    #[serde(default)]
    shared: Option<Tables>,
    #[serde(default)]
    threads: Vec<Thread>,
}

#[derive(Deserialize)]
struct Meta {
    /// Between samples, in milliseconds.
    #[serde(default)]
    interval: f64,
    #[serde(default)]
    product: Option<String>,
    /// In milliseconds since 1970.
    #[serde(rename = "startTime", default)]
    start: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thread {
    #[serde(default)]
    name: String,
    #[serde(default)]
    process_name: Option<String>,
    samples: SampleTable,
    // The tables one by one: flattened, serde would keep all of a thread twice.
    #[serde(default)]
    stack_table: StackTable,
    #[serde(default)]
    frame_table: FrameTable,
    #[serde(default)]
    func_table: FuncTable,
    #[serde(default)]
    resource_table: ResourceTable,
    #[serde(default)]
    string_array: Vec<String>,
    /// As it was called before.
    #[serde(default)]
    string_table: Vec<String>,
}

impl Thread {
    /// Its own tables; `None` where it has none.
    fn tables(&mut self) -> Option<Tables> {
        let string_array =
            if self.string_array.is_empty() { &mut self.string_table } else { &mut self.string_array };
        let tables = Tables {
            string_array: std::mem::take(string_array),
            stack_table: std::mem::take(&mut self.stack_table),
            frame_table: std::mem::take(&mut self.frame_table),
            func_table: std::mem::take(&mut self.func_table),
            resource_table: std::mem::take(&mut self.resource_table),
        };
        (!tables.stack_table.frame.is_empty()).then_some(tables)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SampleTable {
    #[serde(default)]
    stack: Vec<Option<i64>>,
    #[serde(default)]
    weight: Option<Vec<f64>>,
    #[serde(default)]
    weight_type: Option<String>,
    /// Of each sample, in the units of `meta.sampleUnits`: microseconds where that is not there.
    #[serde(rename = "threadCPUDelta", default)]
    cpu: Option<Vec<Option<f64>>>,
}

fn read(source: Source<'_>, profile: &mut Profile) -> Result<(), Unreadable> {
    let bytes = source.whole()?;
    let text = String::from_utf8_lossy(&bytes);
    let file: File = serde_json::from_str(&text).map_err(|error| json::unreadable("Firefox", &error))?;
    profile.title = file.meta.product;
    profile.start_ns = Some((file.meta.start * 1e6) as u64).filter(|start| *start > 0);
    if file.meta.interval > 0.0 {
        let period = Measure::new("wall", Unit::Nanoseconds);
        profile.period = Some((period, (file.meta.interval * 1e6).round()));
    }
    let shared = file.shared.unwrap_or_default();
    for mut thread in file.threads {
        let own = thread.tables();
        let root = root(&thread, profile);
        let mut stacks = Stacks::of(own.as_ref().unwrap_or(&shared), root);
        add(&thread, &mut stacks, profile);
    }
    Ok(())
}

/// The node of a thread, below its process where that has a name.
fn root(thread: &Thread, profile: &mut Profile) -> NodeId {
    let process = thread.process_name.as_deref().filter(|name| !name.is_empty() && *name != thread.name);
    let names = process.into_iter().chain([&*thread.name].into_iter().filter(|name| !name.is_empty()));
    names.fold(NodeId::ROOT, |node, name| {
        let frame = profile.frames.intern(Frame { kind: Some(Kind::Thread), ..Frame::named(name) });
        profile.tree.child(node, frame)
    })
}

fn add(thread: &Thread, stacks: &mut Stacks<'_>, profile: &mut Profile) {
    let measure = match thread.samples.weight_type.as_deref() {
        None | Some("samples") => Measure::samples(),
        Some("tracing-ms") => Measure::new("time", Unit::Nanoseconds),
        Some("bytes") => Measure::new("bytes", Unit::Bytes),
        Some(other) => Measure::new(other, Unit::Other(other.chars().take(64).collect())),
    };
    let scale = if measure.unit == Unit::Nanoseconds { 1e6 } else { 1.0 };
    let weights = profile.measure(measure);
    let cpu =
        thread.samples.cpu.as_ref().and_then(|_| profile.measure(Measure::new("cpu", Unit::Nanoseconds)));
    for (index, stack) in thread.samples.stack.iter().enumerate() {
        let place = Some(Place::Record(index as u64 + 1));
        let Some(stack) = stack else {
            profile.noticed.add("samples without a stack", place);
            continue;
        };
        let Some(node) = stacks.node(*stack, profile) else {
            profile.skipped.add("a sample with a stack that is not there", place);
            continue;
        };
        let weight =
            thread.samples.weight.as_ref().map_or(1.0, |column| column.get(index).copied().unwrap_or(0.0));
        if weight < 0.0 {
            profile
                .skipped
                .add("a sample with a negative weight: a difference, or memory that was freed", place);
            continue;
        }
        profile.records += 1;
        if let Some(weights) = weights {
            profile.tree.add(node, weights, json::whole(weight * scale, scale));
        }
        let used = thread.samples.cpu.as_ref().and_then(|column| column.get(index).copied().flatten());
        if let (Some(cpu), Some(used)) = (cpu, used) {
            profile.tree.add(node, cpu, (used * 1e3).round());
        }
    }
}
