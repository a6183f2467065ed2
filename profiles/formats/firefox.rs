//! Processed profiles of the Firefox Profiler, as it downloads them and as samply writes them: JSON of columns, mostly in gzip.
//!
//! <https://github.com/firefox-devtools/profiler/blob/main/docs-developer/processed-profile-format.md>. Tables are of each thread, or
//! (since version 57) in `shared`.

mod samples;
mod tables;

use serde::Deserialize;

use self::samples::SampleTable;
use self::tables::{FrameTable, FuncTable, ResourceTable, StackTable, Stacks, Tables};
use super::json;
use crate::read::Format;
use crate::source::Source;
use crate::{Frame, Kind, Measure, NodeId, Profile, Unit, Unreadable};

pub(crate) const FORMAT: Format = Format {
    name: "Firefox Profiler",
    summary: "processed profiles with tables of each thread or shared ones; threads apart, samples and processor time",
    evidence: "`fxprof-processed-profile` 0.8.1, with which samply writes; version 58 documented",
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
    #[serde(rename = "sampleUnits", default)]
    units: Option<SampleUnits>,
}

#[derive(Deserialize)]
struct SampleUnits {
    /// `ns`, `µs`, or `variable CPU cycles`.
    #[serde(rename = "threadCPUDelta", default)]
    cpu: Option<String>,
}

impl Meta {
    /// The measure of what threads use of the processor, and how many of its unit one of the file's is.
    fn cpu(&self) -> (Measure, f64) {
        let unit = self.units.as_ref().and_then(|units| units.cpu.as_deref()).unwrap_or("µs");
        let (unit, scale) = if unit.contains("cycles") { (Unit::Cycles, 1.0) } else { Unit::named(unit) };
        (Measure::new("cpu", unit), scale)
    }
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

fn read(source: Source<'_>, profile: &mut Profile) -> Result<(), Unreadable> {
    let bytes = source.whole(profile)?;
    let text = String::from_utf8_lossy(&bytes);
    let file: File = serde_json::from_str(&text).map_err(|error| json::unreadable("Firefox", &error))?;
    let cpu = file.meta.cpu();
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
        thread.samples.add(&cpu, &mut stacks, profile);
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
