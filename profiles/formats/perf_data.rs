//! `perf.data`, as `perf record` writes it.
//!
//! Types of events are measures as in the text of `perf script`, and the thread's name is the root. The file has addresses and no
//! symbols: binaries of this machine tell the functions if they are the recorded ones, else frames are places in binaries. `perf
//! script` finds symbols on the machine that was recorded, and its text is read, too.

mod bytes;
mod file;
mod processes;
mod record;
mod stacks;
mod symbols;

use self::bytes::Bytes;
use self::file::File;
use self::processes::Processes;
use self::record::{Record, Sample};
use self::stacks::Stacks;
use self::symbols::Symbols;
use super::perf_events::EventTypes;
use super::perf_script;
use crate::read::Format;
use crate::source::Source;
use crate::{Place, Profile, Unreadable};

pub(crate) const FORMAT: Format = Format {
    name: "perf.data",
    summary: "recordings of `perf record`: event types apart, threads, functions (also inlined ones) of the recorded binaries \
              where they are on this machine, else places in binaries; the kernel's functions are one, the text of `perf script` has \
              names",
    evidence: "perf 6.1",
    recognise,
    read,
};

/// Of a machine that is big-endian.
const MAGIC_SWAPPED: &[u8] = b"2ELIFREP";

fn recognise(head: &[u8]) -> bool {
    head.starts_with(file::MAGIC) || head.starts_with(MAGIC_SWAPPED)
}

fn read(source: Source<'_>, profile: &mut Profile) -> Result<(), Unreadable> {
    let written = source.written;
    let bytes = source.whole(profile)?;
    if bytes.starts_with(MAGIC_SWAPPED) {
        return Err(Unreadable::of(
            "a recording of perf from a big-endian machine; give the text of `perf script`",
        ));
    }
    let file = File::read(Bytes(&bytes)).map_err(Unreadable::of)?;
    let order = in_order(Bytes(&bytes), &file, profile);
    let symbols = written.map(|written| Symbols::of_builds(file.builds(Bytes(&bytes)), written));
    let mut reader = Reader {
        file: &file,
        processes: Processes::default(),
        stacks: Stacks::with(symbols.unwrap_or_default()),
        types: EventTypes::default(),
        times: None,
        nameless: Nameless::default(),
    };
    for (_, at) in order {
        if let Some((record, _)) = Record::at(Bytes(&bytes), at, bytes.len()) {
            reader.record(&record, profile);
        }
    }
    reader.types.name_samples(profile);
    let length = reader.times.map(|(first, last)| last - first);
    profile.duration_ns = length.filter(|length| *length > 0);
    reader.nameless.tell(profile);
    Ok(())
}

/// Stacks in which functions have no names.
#[derive(Default)]
struct Nameless {
    binaries: u64,
    kernel: u64,
}

impl Nameless {
    fn tell(&self, profile: &mut Profile) {
        let binaries = "stacks with functions without names, whose binaries are not on this machine as they were recorded, or have \
                        no symbols; give the text of `perf script` of the machine that was recorded";
        let kernel =
            "stacks in the kernel, whose functions are shown as one; the text of `perf script` names them";
        for (what, count) in [(binaries, self.binaries), (kernel, self.kernel)] {
            if count > 0 {
                profile.noticed.add_many(what, count, None);
            }
        }
    }
}

/// Times and places of the records that are read. Each processor writes its own, so that they are in no order in the file.
fn in_order(bytes: Bytes<'_>, file: &File, profile: &mut Profile) -> Vec<(u64, usize)> {
    let mut order = Vec::new();
    let mut at = file.records.start;
    while at < file.records.end {
        let Some((record, next)) = Record::at(bytes, at, file.records.end) else {
            profile
                .skipped
                .add("records behind one that is cut off or damaged", Some(Place::Byte(at as u64)));
            break;
        };
        match record.kind {
            record::SAMPLE | record::COMM | record::FORK | record::MMAP | record::MMAP2 => {
                order.push((record.time(file), at));
            }
            record::LOST | record::LOST_SAMPLES => lost(&record, profile),
            record::COMPRESSED | record::COMPRESSED2 => {
                let what = "compressed records (`perf record -z`); give the text of `perf script`";
                profile.skipped.add(what, Some(Place::Byte(at as u64)));
            }
            _ => {}
        }
        at = next;
    }
    order.sort_by_key(|(time, _)| *time);
    order
}

fn lost(record: &Record<'_>, profile: &mut Profile) {
    let place = if record.kind == record::LOST { 8 } else { 0 };
    if let Some(count) = record.body.u64(place).filter(|count| *count > 0) {
        let what = "records that the kernel dropped, since perf was too slow";
        profile.skipped.add_many(what, count, Some(Place::Byte(record.at as u64)));
    }
}

struct Reader<'f> {
    file: &'f File,
    processes: Processes<'f>,
    stacks: Stacks<'f>,
    types: EventTypes,
    nameless: Nameless,
    /// Of the first and the last sample.
    times: Option<(u64, u64)>,
}

impl<'f> Reader<'f> {
    fn record(&mut self, record: &Record<'f>, profile: &mut Profile) {
        let place = Some(Place::Byte(record.at as u64));
        if record.kind == record::SAMPLE {
            if let Err(reason) = self.sample(record, profile) {
                profile.skipped.add(reason, place);
            }
        } else if self.processes.record(record).is_none() {
            profile.noticed.add("records of threads or maps that are damaged, or too many", place);
        }
    }

    fn sample(&mut self, record: &Record<'f>, profile: &mut Profile) -> Result<(), &'static str> {
        let place = Place::Byte(record.at as u64);
        let sample =
            Sample::read(record, self.file).ok_or("a sample that is damaged, or of an unknown event")?;
        let name = perf_script::plain(&self.file.events[sample.event].name);
        let number = self.types.number(name, true, profile).ok_or("samples of more than 32 types")?;
        if sample.is_to_unwind {
            let what = "stacks that have to be unwound (`--call-graph dwarf`), of which only what is at the leaf is shown; \
                        give the text of `perf script`";
            profile.noticed.add(what, Some(place));
        }
        let thread = self.stacks.thread(&sample, &self.processes, profile);
        let stack = self.stacks.stack(&sample, &self.processes, profile);
        self.nameless.binaries += u64::from(stack.is_nameless);
        self.nameless.kernel += u64::from(stack.is_nameless_in_kernel);
        let node = profile.node(std::iter::once(thread).chain(stack.frames), Some(place));
        self.types.add(number, sample.period.map(|period| period as f64), node, Some(place), profile);
        let (first, last) = self.times.unwrap_or((sample.time, sample.time));
        self.times = Some((first.min(sample.time), last.max(sample.time)));
        Ok(())
    }
}
