//! `profile.proto`, as Go, pprof-rs, Pyroscope, jemalloc's `jeprof` and many others write it, mostly in gzip.
//!
//! All types of samples are measures, of which the one that the file names is shown first; where it names none, the last, as pprof does.

mod file;
mod locations;
mod messages;

use prost::Message;

use self::file::{File, MESSAGES, NUMBERS};
use self::locations::Locations;
use self::messages::{Sample, ValueType};
use super::protobuf;
use crate::read::Format;
use crate::source::{CUT_OFF, Source};
use crate::{Measure, NodeId, Place, Profile, Unreadable};

pub(crate) const FORMAT: Format = Format {
    name: "pprof",
    summary: "`profile.proto`, in gzip or not, with all types of samples and inlined functions in their order",
    evidence: "Node.js 20 with `@datadog/pprof`; the specification",
    recognise,
    read,
};

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
    let bytes = source.whole(profile)?;
    let file = File::read(&bytes, profile);
    let place = |at: usize| Some(Place::Byte(at as u64));
    if !file.has_texts() {
        let what =
            "a pprof profile that is cut off before the names of functions, which come last; write it anew";
        let place = place(file.end.unwrap_or(bytes.len()));
        return Err(Unreadable::Content { what: what.to_owned(), place });
    }
    if let Some(end) = file.end {
        profile.skipped.add(CUT_OFF, place(end));
    }
    about(&file, profile);
    let scales = measures(&file, profile);
    let mut locations = Locations::of(&file);
    let mut number = 0;
    file::samples(&bytes, |message| {
        number += 1;
        let place = Place::Record(number);
        let added = message.and_then(|message| sample(message, &scales, &mut locations, place, profile));
        if let Err(reason) = added {
            profile.skipped.add(reason, Some(place));
        }
    });
    locations.notice(profile);
    Ok(())
}

/// What the file tells of itself.
fn about(file: &File<'_>, profile: &mut Profile) {
    let positive = |value: i64| u64::try_from(value).ok().filter(|value| *value > 0);
    profile.start_ns = positive(file.time_ns);
    profile.duration_ns = positive(file.duration_ns);
    if let (Some(of), Some(period)) = (file.period_type, positive(file.period)) {
        let (measure, scale) = measure(file, of);
        profile.period = Some((measure, period as f64 * scale));
    }
}

/// Makes a measure of each type of samples, and gives how many of the measure's unit one of the type's is.
fn measures(file: &File<'_>, profile: &mut Profile) -> Vec<f64> {
    let mut scales = Vec::new();
    for (number, of) in file.types.iter().enumerate() {
        let (measure, scale) = measure(file, *of);
        if number < crate::MEASURES_MAX {
            profile.measures.push(measure);
        } else {
            profile.skipped.add("values of types beyond the first 64", None);
        }
        scales.push(scale);
    }
    let wanted = file.text(file.default_type).filter(|wanted| !wanted.is_empty());
    let named = profile.measures.iter().position(|measure| wanted.as_ref() == Some(&measure.name));
    profile.default_measure = named.unwrap_or(profile.measures.len().saturating_sub(1));
    scales
}

fn measure(file: &File<'_>, of: ValueType) -> (Measure, f64) {
    let name = file.text(of.r#type).filter(|name| !name.is_empty()).unwrap_or_else(|| "value".to_owned());
    Measure::as_named(&name, &file.text(of.unit).unwrap_or_default())
}

fn sample(
    message: &[u8],
    scales: &[f64],
    locations: &mut Locations<'_>,
    place: Place,
    profile: &mut Profile,
) -> Result<(), &'static str> {
    let sample = Sample::decode(message).map_err(|_| "a damaged sample")?;
    if sample.value.len() != scales.len() {
        return Err("a sample whose values are not as many as the types");
    }
    if sample.value.iter().any(|value| *value < 0) {
        return Err("a sample with a negative value: a difference, or a counter that overflowed");
    }
    let node = locations.node(&sample, place, profile)?;
    add(&sample, node, scales, place, profile);
    Ok(())
}

fn add(sample: &Sample, node: NodeId, scales: &[f64], place: Place, profile: &mut Profile) {
    for (measure, (value, scale)) in sample.value.iter().zip(scales).enumerate().take(crate::MEASURES_MAX) {
        profile.add(node, measure, *value as f64 * scale, Some(place));
    }
    if !sample.label.is_empty() {
        profile.noticed.add("samples with labels, which are not shown", Some(place));
    }
    profile.records += 1;
}
