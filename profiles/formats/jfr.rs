//! JDK Flight Recorder: `.jfr` files as the JDK and async-profiler write them.
//!
//! A file is chunks one behind the other, each of which has all that is needed to understand it. One chunk at a time is held. What
//! kind of event counts for which measure is a table in [`events`]; the thread is the root of each stack.
//!
//! After the parser of JDK Mission Control, since the format has no specification:
//! <https://github.com/openjdk/jmc/tree/master/core/org.openjdk.jmc.flightrecorder/src/main/java/org/openjdk/jmc/flightrecorder/internal/parser/v1>

mod bytes;
mod chunk;
mod events;
mod stacks;
mod types;
mod values;

use std::io::{self, Read};

use rustc_hash::FxHashMap;

use self::chunk::{Chunk, HEADER_BYTES, Header};
use self::events::{RECORDED, Recorded, Setting};
use self::stacks::Stacks;
use crate::read::Format;
use crate::source::{self, CUT_OFF, Source};
use crate::{Measure, Place, Profile, Unit, Unreadable};

pub(crate) const FORMAT: Format = Format {
    name: "JFR",
    summary: "recordings of the JDK and of async-profiler: samples of running threads and of threads in native methods apart, waits \
              for locks and parked time, allocations; also several chunks in one file",
    evidence: "OpenJDK 17",
    recognise,
    read,
};

const MAGIC: &[u8] = b"FLR\0";

fn recognise(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

fn read(source: Source<'_>, profile: &mut Profile) -> Result<(), Unreadable> {
    let mut input = source.bytes();
    let mut reader = Reader::default();
    loop {
        let mut header = Vec::new();
        let place = Some(Place::Byte(reader.offset));
        match input.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut header) {
            Err(error) if !source::is_cut_off(&error) => return Err(error.into()),
            Err(_) if header.is_empty() => {
                profile.skipped.add(CUT_OFF, place);
                return Ok(());
            }
            _ if header.is_empty() => return Ok(()),
            _ => {}
        }
        let about = match Header::read(&header) {
            Ok(about) => about,
            Err(damage) => {
                // Where the next chunk begins is unknown.
                profile.skipped.add(damage, place);
                return Ok(());
            }
        };
        if about.is_too_large() {
            profile.skipped.add("a chunk of more than 1 GiB", place);
            let rest = about.size.unwrap_or(0).saturating_sub(HEADER_BYTES as u64);
            io::copy(&mut input.by_ref().take(rest), &mut io::sink())?;
        } else {
            let bytes = about.body(header, &mut input)?;
            reader.chunk(&bytes, &about, profile);
        }
        reader.offset = reader.offset.saturating_add(about.size.unwrap_or(0));
    }
}

#[derive(Default)]
struct Reader {
    /// Where the chunk begins.
    offset: u64,
    /// What async-profiler samples by, where it was not the processor's time.
    sampled_by: Option<String>,
}

impl Reader {
    fn chunk(&mut self, bytes: &[u8], header: &Header, profile: &mut Profile) {
        let place = Some(Place::Byte(self.offset));
        let chunk = match Chunk::read(bytes, header) {
            Ok(chunk) => chunk,
            Err(damage) => return profile.skipped.add(format!("a damaged chunk: {damage}"), place),
        };
        if let Some(damage) = chunk.damage {
            profile.noticed.add(format!("a chunk of which some names are missing: {damage}"), place);
        }
        match header.size {
            None => {
                let what = "a chunk that was not ended, as where a JVM is killed: what is there is read";
                profile.noticed.add(what, place);
            }
            Some(_) if !header.is_whole(bytes) => {
                profile.skipped.add("the rest of a chunk that is cut off", place);
            }
            Some(_) => {}
        }
        about(header, profile);
        let mut events = Events {
            chunk: &chunk,
            ticks_per_second: header.ticks_per_second,
            recorded: recorded(&chunk),
            settings: chunk.types.named("jdk.ActiveSetting"),
            sampled: chunk.types.named("jdk.ExecutionSample"),
            stacks: Stacks::of(&chunk),
        };
        let mut at = HEADER_BYTES;
        while at < bytes.len() {
            let place = Place::Byte(self.offset.saturating_add(at as u64));
            if header.size.is_none() && chunk::begins(chunk.at(at)) {
                return profile.skipped.add("chunks behind one that was not ended", Some(place));
            }
            match events.next(at, place, self, profile) {
                Some(next) => at = next,
                None => return profile.skipped.add("events behind one whose size is damaged", Some(place)),
            }
        }
    }
}

/// The types of events that are read, by their numbers in this chunk.
fn recorded(chunk: &Chunk<'_>) -> FxHashMap<i64, &'static Recorded> {
    RECORDED.iter().filter_map(|recorded| Some((chunk.types.named(recorded.event)?, recorded))).collect()
}

/// When the recording began, and how long it is to the end of this chunk.
fn about(header: &Header, profile: &mut Profile) {
    let (Ok(start), Ok(duration)) = (u64::try_from(header.start_ns), u64::try_from(header.duration_ns))
    else {
        return;
    };
    let first = *profile.start_ns.get_or_insert(start);
    let to_here = start.saturating_sub(first).saturating_add(duration);
    profile.duration_ns = Some(profile.duration_ns.unwrap_or(0).max(to_here));
}

/// The events of one chunk.
struct Events<'k, 'c> {
    chunk: &'k Chunk<'c>,
    ticks_per_second: i64,
    recorded: FxHashMap<i64, &'static Recorded>,
    /// The types of events that tell settings, and of samples.
    settings: Option<i64>,
    sampled: Option<i64>,
    stacks: Stacks<'k, 'c>,
}

impl Events<'_, '_> {
    /// Reads the event at a place and gives where the next is; `None` where that is unknown.
    fn next(&mut self, at: usize, place: Place, reader: &mut Reader, profile: &mut Profile) -> Option<usize> {
        let mut bytes = self.chunk.at(at);
        let size = usize::try_from(bytes.int().ok()?).ok()?;
        let class = bytes.long().ok()?;
        let next = at.checked_add(size).filter(|next| *next >= bytes.at())?;
        if Some(class) == self.settings {
            if let Some(setting) = events::setting(self.chunk, class, bytes) {
                self.setting(&setting, reader, profile);
            }
        } else if let Some(recorded) = self.recorded.get(&class) {
            match events::event(self.chunk, class, bytes, recorded, self.ticks_per_second) {
                Ok(event) => {
                    let mut measure = recorded.measure();
                    if let Some(name) = reader.sampled_by.as_ref().filter(|_| Some(class) == self.sampled) {
                        measure.name.clone_from(name);
                    }
                    self.add(&event, measure, place, profile);
                }
                Err(damage) => profile.skipped.add(damage, Some(place)),
            }
        }
        Some(next)
    }

    fn add(&mut self, event: &events::Event, measure: Measure, place: Place, profile: &mut Profile) {
        let Some(measure) = profile.measure(measure) else {
            return profile.skipped.add("events of more than 64 types", Some(place));
        };
        let node = self.stacks.node(event.thread, event.stack, place, profile);
        profile.add(node, measure, event.value, Some(place));
        profile.records += 1;
    }

    /// Settings of samples: how long the JDK waits between two, and what async-profiler goes by.
    fn setting(&self, setting: &Setting, reader: &mut Reader, profile: &mut Profile) {
        if Some(setting.class) != self.sampled {
            return;
        }
        match &*setting.name {
            "period" => {
                if let Some(period) = period(&setting.value) {
                    profile.period = Some((Measure::new("cpu", Unit::Nanoseconds), period));
                }
            }
            "event" if !matches!(&*setting.value, "cpu" | "itimer" | "ctimer" | "") => {
                reader.sampled_by = Some(setting.value.chars().take(64).collect());
            }
            _ => {}
        }
    }
}

/// `20 ms`, in nanoseconds.
fn period(text: &str) -> Option<f64> {
    let (number, unit) = text.split_once(' ')?;
    let number: f64 = number.parse().ok()?;
    match Unit::named(unit) {
        (Unit::Nanoseconds, scale) if number > 0.0 && number.is_finite() => Some(number * scale),
        _ => None,
    }
}
