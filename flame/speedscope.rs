//! The file format of speedscope: <https://github.com/jlfwong/speedscope/blob/main/src/lib/file-format-spec.ts>.

use std::convert::Infallible;
use std::io;

use profiles::{Profile, Unit};
use serde::Serialize;

use crate::Graph;
use crate::order::Order;
use crate::outputs::Output;

pub(crate) const OUTPUT: Output = Output {
    name: "speedscope",
    summary: "JSON of speedscope, with a profile for each measure, files and lines",
    write,
    has_all_measures: true,
    compare: None,
};

#[derive(Serialize)]
struct File<'f> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    name: &'f str,
    #[serde(rename = "activeProfileIndex")]
    active: usize,
    exporter: &'static str,
    shared: Shared<'f>,
    profiles: Vec<Sampled<'f>>,
}

#[derive(Serialize)]
struct Shared<'f> {
    frames: Vec<Frame<'f>>,
}

#[derive(Serialize)]
struct Frame<'f> {
    name: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sampled<'f> {
    r#type: &'static str,
    name: &'f str,
    unit: &'static str,
    start_value: f64,
    end_value: f64,
    samples: Vec<Vec<u32>>,
    weights: Vec<f64>,
}

fn write(graph: &Graph<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let profile = graph.profile;
    let order = Order::of(profile);
    let file = File {
        schema: "https://www.speedscope.app/file-format-schema.json",
        name: &graph.title,
        active: graph.measure,
        exporter: concat!("whyslow ", env!("CARGO_PKG_VERSION")),
        shared: Shared { frames: order.frames.iter().map(|id| frame(&profile.frames[*id])).collect() },
        profiles: (0..profile.measures.len()).map(|measure| sampled(profile, &order, measure)).collect(),
    };
    serde_json::to_writer(&mut *out, &file)?;
    out.write_all(b"\n")
}

fn frame(frame: &profiles::Frame) -> Frame<'_> {
    Frame { name: &frame.name, file: frame.file.as_deref(), line: frame.line }
}

/// The stacks of a measure, from the root on, each with its weight.
fn sampled<'f>(profile: &'f Profile, order: &Order<'_>, measure: usize) -> Sampled<'f> {
    let own = |node| profile.tree.own(node, measure);
    let (mut samples, mut weights) = (Vec::new(), Vec::new());
    let Ok(()) = order.for_stacks::<Infallible>(
        |node| own(node) > 0.0,
        |node, path| {
            samples.push(path.to_vec());
            weights.push(own(node));
            Ok(())
        },
    );
    let unit = match profile.measures[measure].unit {
        Unit::Nanoseconds => "nanoseconds",
        Unit::Bytes => "bytes",
        _ => "none",
    };
    let name = &profile.measures[measure].name;
    Sampled {
        r#type: "sampled",
        name,
        unit,
        start_value: 0.0,
        end_value: profile.tree.total(measure),
        samples,
        weights,
    }
}
