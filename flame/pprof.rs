//! `profile.proto`, which `go tool pprof`, Pyroscope, Parca and others read. Source of the fields:
//! <https://github.com/google/pprof/blob/main/proto/profile.proto>.

use std::convert::Infallible;
use std::io;

use flate2::Compression;
use flate2::write::GzEncoder;
use profiles::{Frame, Kind, Measure, Profile, Unit};
use rustc_hash::FxHashMap;

use crate::Graph;
use crate::message::Message;
use crate::order::Order;
use crate::outputs::Output;

pub(crate) const OUTPUT: Output = Output {
    name: "pprof",
    summary: "profile.proto in gzip, with all measures, files and lines, for `go tool pprof` and others",
    write,
    has_all_measures: true,
    compare: None,
};

/// Texts, each of which has a number; the empty one has zero.
struct Texts<'t> {
    texts: Vec<&'t str>,
    numbers: FxHashMap<&'t str, u64>,
}

impl<'t> Texts<'t> {
    fn number(&mut self, text: &'t str) -> u64 {
        let next = self.texts.len() as u64;
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(text);
        }
        number
    }
}

fn write(graph: &Graph<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut encoder = GzEncoder::new(out, Compression::default());
    io::Write::write_all(&mut encoder, &encoded(graph))?;
    encoder.finish().map(drop)
}

fn encoded(graph: &Graph<'_>) -> Vec<u8> {
    let profile = graph.profile;
    let units: Vec<String> = profile.measures.iter().map(unit).collect();
    let period = profile.period.as_ref().map(|(measure, value)| (measure, unit(measure), *value));
    let order = Order::of(profile);
    let mut texts = Texts { texts: vec![""], numbers: FxHashMap::from_iter([("", 0)]) };
    let mut message = Message::default();
    for (measure, unit) in profile.measures.iter().zip(&units) {
        let (name, unit) = (texts.number(&measure.name), texts.number(unit));
        message.message(1, |of_type| value_type(of_type, name, unit));
    }
    samples(&mut message, profile, &order);
    for (id, frame) in (1..).zip(&order.frames) {
        function(&mut message, id, &profile.frames[*frame], &mut texts);
    }
    message.number(9, profile.start_ns.unwrap_or_default());
    message.number(10, profile.duration_ns.unwrap_or_default());
    if let Some((measure, unit, value)) = &period {
        let (name, unit) = (texts.number(&measure.name), texts.number(unit));
        message.message(11, |of_type| value_type(of_type, name, unit));
        message.number(12, value.round() as u64);
    }
    let shown = profile.measures.get(graph.measure).map_or("", |measure| &measure.name);
    let shown = texts.number(shown);
    message.number(14, shown);
    texts.texts.iter().for_each(|text| message.bytes(6, text.as_bytes()));
    message.0
}

/// The unit as this format calls it, which has no word for samples but counts.
fn unit(measure: &Measure) -> String {
    match &measure.unit {
        Unit::Samples => "count".to_owned(),
        Unit::Unknown => String::new(),
        unit => unit.to_string(),
    }
}

fn value_type(message: &mut Message, name: u64, unit: u64) {
    message.number(1, name);
    message.number(2, unit);
}

/// Stacks, the function that was running first. Values are whole numbers in this format.
fn samples(message: &mut Message, profile: &Profile, order: &Order<'_>) {
    let measures = 0..profile.measures.len();
    let has_own = |node| measures.clone().any(|measure| profile.tree.own(node, measure) > 0.0);
    let Ok(()) = order.for_stacks::<Infallible>(has_own, |node, path| {
        message.message(2, |sample| {
            sample.packed(1, path.iter().rev().map(|place| u64::from(*place) + 1));
            sample.packed(2, measures.clone().map(|measure| profile.tree.own(node, measure).round() as u64));
        });
        Ok(())
    });
}

/// A function, its one place, and its binary where known.
fn function<'p>(message: &mut Message, id: u64, frame: &'p Frame, texts: &mut Texts<'p>) {
    let line = u64::from(frame.line.unwrap_or_default());
    let (name, file) = (texts.number(&frame.name), texts.number(frame.file.as_deref().unwrap_or_default()));
    let module = texts.number(frame.module.as_deref().unwrap_or_default());
    if module != 0 || frame.kind == Some(Kind::Kernel) {
        message.message(3, |mapping| {
            mapping.number(1, id);
            mapping.number(5, module);
            mapping.number(7, 1);
        });
    }
    message.message(4, |location| {
        location.number(1, id);
        location.number(2, if module != 0 { id } else { 0 });
        location.message(4, |at| {
            at.number(1, id);
            at.number(2, line);
        });
    });
    message.message(5, |function| {
        function.number(1, id);
        function.number(2, name);
        function.number(3, name);
        function.number(4, file);
        function.number(5, line);
    });
}
