//! `profile.proto`, as Go, pprof-rs, Pyroscope, jemalloc's `jeprof` and many others write it, mostly in gzip.
//!
//! All types of samples are measures, of which the one that the file names is shown first; where it names none, the last, as pprof does.

mod locations;
mod messages;

use prost::Message;

use self::locations::Locations;
use self::messages::{Sample, ValueType};
use super::protobuf;
use crate::read::Format;
use crate::source::Source;
use crate::{Measure, NodeId, Place, Profile, Unreadable};

pub(crate) const FORMAT: Format = Format {
    name: "pprof",
    summary: "`profile.proto`, in gzip or not, with all types of samples and inlined functions in their order",
    evidence: "Node.js 20 with `@datadog/pprof`; the specification",
    recognise,
    read,
};

/// Numbers of the fields of a `Profile` that are messages and texts, and that are numbers.
const MESSAGES: [u32; 8] = [1, 2, 3, 4, 5, 6, 11, 13];
const NUMBERS: [u32; 7] = [7, 8, 9, 10, 12, 14, 15];

/// Fields as a `Profile` has them, whose types of samples are two numbers.
fn recognise(head: &[u8]) -> bool {
    // Letters are tags of fields, too; but lengths and numbers are not all letters.
    if head.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        return false;
    }
    let fields: Vec<_> = protobuf::fields(head).take(32).collect();
    let has = |number| fields.iter().any(|field| field.number == number);
    let fits = fields.iter().all(|field| match field.message {
        Some(message) if field.number == 1 => protobuf::is_pair_of_numbers(message),
        Some(_) => MESSAGES.contains(&field.number),
        None => NUMBERS.contains(&field.number),
    });
    !fields.is_empty() && fits && (has(1) || has(2) || has(6)) && protobuf::is_cut_at_end(head, fields.len())
}

fn read(source: Source<'_>, profile: &mut Profile) -> Result<(), Unreadable> {
    let bytes = source.whole()?;
    let message = messages::Profile::decode(&*bytes)
        .map_err(|error| Unreadable::of(format!("a damaged pprof profile: {error}; write it anew")))?;
    drop(bytes);
    about(&message, profile);
    let columns = measures(&message, profile);
    let mut locations = Locations::of(&message);
    for (index, sample) in message.sample.iter().enumerate() {
        let place = Place::Record(index as u64 + 1);
        match locations.stack(sample, profile) {
            Ok(stack) => {
                let node = profile.node(stack.iter().rev().copied(), Some(place));
                add(sample, node, &columns, place, profile);
            }
            Err(reason) => profile.skipped.add(reason, Some(place)),
        }
    }
    locations.notice(profile);
    Ok(())
}

/// What the file tells of itself.
fn about(message: &messages::Profile, profile: &mut Profile) {
    let positive = |value: i64| u64::try_from(value).ok().filter(|value| *value > 0);
    profile.start_ns = positive(message.time_nanos);
    profile.duration_ns = positive(message.duration_nanos);
    if let (Some(of), Some(period)) = (message.period_type, positive(message.period)) {
        let (measure, scale) = measure(message, of);
        profile.period = Some((measure, period as f64 * scale));
    }
}

/// Makes a measure of each type of samples, and gives how many of the measure's unit one of the type's is.
fn measures(message: &messages::Profile, profile: &mut Profile) -> Vec<f64> {
    let mut scales = Vec::new();
    for of in message.sample_type.iter().take(crate::MEASURES_MAX) {
        let (measure, scale) = measure(message, *of);
        profile.measures.push(measure);
        scales.push(scale);
    }
    let wanted = text(message, message.default_sample_type);
    let last = profile.measures.len().saturating_sub(1);
    let named = profile.measures.iter().position(|measure| !wanted.is_empty() && *measure.name == *wanted);
    profile.default_measure = named.unwrap_or(last);
    scales
}

fn measure(message: &messages::Profile, of: ValueType) -> (Measure, f64) {
    Measure::as_named(&text(message, of.r#type), &text(message, of.unit))
}

/// A text of the table; empty where it is not there.
fn text(message: &messages::Profile, index: i64) -> String {
    let text = usize::try_from(index).ok().and_then(|index| message.string_table.get(index));
    text.map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
}

fn add(sample: &Sample, node: NodeId, scales: &[f64], place: Place, profile: &mut Profile) {
    if sample.value.len() != scales.len() {
        return profile.skipped.add("a sample whose values are not as many as the types", Some(place));
    }
    if sample.value.iter().any(|value| *value < 0) {
        return profile
            .skipped
            .add("a sample with a negative value: a difference; read both sides instead", Some(place));
    }
    for (measure, (value, scale)) in sample.value.iter().zip(scales).enumerate() {
        profile.tree.add(node, measure, *value as f64 * scale);
    }
    if !sample.label.is_empty() {
        profile.noticed.add("samples with labels, which are not shown", Some(place));
    }
    profile.records += 1;
}
