//! A page for a browser: the viewer of `viewer/` with the profile in it.

use std::io::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use profiles::{Kind, Profile, Unit};
use rustc_hash::FxHashMap;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::graph::are_calls;
use crate::nodes::Nodes;
use crate::order::Order;
use crate::outputs::Output;
use crate::packages::package;
use crate::{Difference, Graph};

pub(crate) const OUTPUT: Output = Output {
    name: "html",
    summary: "one page for a browser that holds every stack: zoom, search, callers, table of functions; needs nothing else",
    write: |graph, out| page(&one(graph), graph.profile, out),
    has_all_measures: true,
    compare: Some(|difference, out| page(&two(difference), &difference.both, out)),
};

const PAGE: &str = include_str!("viewer/page.html");
const STYLE: &str = include_str!("viewer/page.css");

/// The script, part by part; `page.js` starts it.
const SCRIPT: &str = concat!(
    include_str!("viewer/decode.js"),
    include_str!("viewer/tree.js"),
    include_str!("viewer/figures.js"),
    include_str!("viewer/difference.js"),
    include_str!("viewer/trees.js"),
    include_str!("viewer/time.js"),
    include_str!("viewer/colours.js"),
    include_str!("viewer/layout.js"),
    include_str!("viewer/graph.js"),
    include_str!("viewer/paint.js"),
    include_str!("viewer/details.js"),
    include_str!("viewer/matcher.js"),
    include_str!("viewer/search.js"),
    include_str!("viewer/table.js"),
    include_str!("viewer/state.js"),
    include_str!("viewer/keys.js"),
    include_str!("viewer/controls.js"),
    include_str!("viewer/page.js"),
);

/// What the page carries beside the stacks. `viewer/decode.js` reads this version.
#[derive(Serialize)]
struct Head<'h> {
    version: u32,
    #[serde(flatten)]
    told: &'h Told<'h>,
    nodes: usize,
    /// By column of values: whether they are whole.
    whole: Vec<bool>,
    time: Option<Time>,
    strings: Vec<&'h str>,
    frames: Frames,
}

/// What is known of the order in time.
#[derive(Serialize)]
struct Time {
    /// What its values are of.
    measure: usize,
    stretches: usize,
    whole: bool,
}

/// What is said of the profile.
#[derive(Serialize)]
struct Told<'h> {
    title: &'h str,
    about: Vec<String>,
    /// Whether frames are functions, and not requests, operations or nodes of plans.
    calls: bool,
    /// The measure to show first.
    measure: usize,
    sides: Vec<Side>,
    measures: Vec<Measure<'h>>,
}

/// What a side is divided by, where known.
#[derive(Serialize, Default)]
struct Side {
    requests: Option<f64>,
    seconds: Option<f64>,
}

#[derive(Serialize)]
struct Measure<'h> {
    name: &'h str,
    unit: String,
    /// The values of one sample on both sides.
    samples: Option<[f64; 2]>,
    /// Whether it is only taken that values count samples.
    assumed: bool,
}

/// Frames, the root first; all but lines are indices of the strings.
#[derive(Serialize, Default)]
struct Frames {
    name: Vec<u32>,
    file: Vec<u32>,
    line: Vec<u32>,
    module: Vec<u32>,
    kind: Vec<u32>,
    package: Vec<u32>,
}

/// Texts, each of them once; the empty one is the first.
struct Strings<'s> {
    strings: Vec<&'s str>,
    indices: FxHashMap<&'s str, u32>,
}

impl<'s> Strings<'s> {
    fn index(&mut self, text: &'s str) -> u32 {
        let next = self.strings.len() as u32;
        let index = *self.indices.entry(text).or_insert(next);
        if index == next {
            self.strings.push(text);
        }
        index
    }
}

/// One profile: each of its measures is one.
fn one<'g>(graph: &'g Graph<'_>) -> Told<'g> {
    let measure = |measure: &'g profiles::Measure| Measure {
        name: &measure.name,
        unit: unit(&measure.unit),
        samples: None,
        assumed: false,
    };
    Told {
        title: &graph.title,
        about: graph.facts(),
        calls: are_calls(graph.profile),
        measure: graph.measure,
        sides: vec![Side::default()],
        measures: graph.profile.measures.iter().map(measure).collect(),
    }
}

/// A difference: one measure with two sides.
fn two(difference: &Difference) -> Told<'_> {
    let [before, after] = &difference.sides;
    let measure = Measure {
        name: &difference.measure.name,
        unit: unit(&difference.measure.unit),
        samples: before.sample.zip(after.sample).map(|(before, after)| [before, after]),
        assumed: difference.is_assumed(),
    };
    let sides = [before, after].map(|side| Side { requests: side.requests, seconds: side.seconds });
    let about = difference.facts.clone();
    let calls = are_calls(&difference.both);
    Told { title: &difference.title, about, calls, measure: 0, sides: sides.into(), measures: vec![measure] }
}

/// As figures are written: counts need no unit, as their measure says what they are.
fn unit(unit: &Unit) -> String {
    match unit {
        Unit::Count | Unit::Unknown => String::new(),
        unit => unit.to_string(),
    }
}

fn page(told: &Told<'_>, profile: &Profile, out: &mut dyn io::Write) -> io::Result<()> {
    let carried = carried(told, profile)?;
    let mut rest = PAGE;
    while let Some((before, (name, after))) = split(rest) {
        out.write_all(before.as_bytes())?;
        match name {
            "policy" => out.write_all(policy().as_bytes())?,
            "generator" => write!(out, "whyslow {}", env!("CARGO_PKG_VERSION"))?,
            "title" => out.write_all(escaped(told.title).as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "script" => out.write_all(SCRIPT.as_bytes())?,
            _ => out.write_all(carried.as_bytes())?,
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// What the page may do: run and style by the two texts that it has, also in a worker that it makes of them, and nothing else.
fn policy() -> String {
    let (script, style) = (hash(SCRIPT), hash(STYLE));
    format!(
        "default-src 'none'; script-src {script}; style-src {style}; worker-src blob:; base-uri 'none'; form-action 'none'"
    )
}

/// A template up to the next `{{name}}`, the name, and what is behind it.
fn split(template: &str) -> Option<(&str, (&str, &str))> {
    let (before, rest) = template.split_once("{{")?;
    Some((before, rest.split_once("}}")?))
}

/// What the policy calls the one text that may run or style.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// Head and nodes, compressed, in letters that mean nothing to HTML: no name can end the element that it is in.
fn carried(told: &Told<'_>, profile: &Profile) -> io::Result<String> {
    let order = Order::of(profile);
    let Nodes { bytes, whole, whole_stretches } = Nodes::of(profile, &order);
    let stretches = profile.sequence.stretches().len();
    let measure = profile.sequence.measure();
    let time = measure.map(|measure| Time { measure, stretches, whole: whole_stretches });
    let mut strings = Strings { strings: vec![""], indices: FxHashMap::from_iter([("", 0)]) };
    let frames = frames(profile, &order, &mut strings);
    let nodes = profile.tree.len();
    let head = Head { version: 2, told, nodes, whole, time, strings: strings.strings, frames };
    let json = serde_json::to_vec(&head)?;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&(json.len() as u32).to_le_bytes())?;
    encoder.write_all(&json)?;
    encoder.write_all(&bytes)?;
    Ok(STANDARD.encode(encoder.finish()?))
}

fn frames<'p>(profile: &'p Profile, order: &Order<'_>, strings: &mut Strings<'p>) -> Frames {
    let mut frames = Frames::default();
    let root = profiles::Frame::named("");
    // What is no call of a function is coloured by what its time is spent on.
    let are_calls = are_calls(profile);
    frames.push(["all", "", "", "", ""].map(|text| strings.index(text)), root.line);
    for id in &order.frames {
        let frame = &profile.frames[*id];
        let texts = [
            &*frame.name,
            frame.file.as_deref().unwrap_or_default(),
            frame.module.as_deref().unwrap_or_default(),
            frame.kind.map_or("", kind),
            if are_calls { package(frame) } else { frame.module.as_deref().unwrap_or_default() },
        ];
        frames.push(texts.map(|text| strings.index(text)), frame.line);
    }
    frames
}

impl Frames {
    fn push(&mut self, [name, file, module, kind, package]: [u32; 5], line: Option<u32>) {
        self.name.push(name);
        self.file.push(file);
        self.line.push(line.unwrap_or_default());
        self.module.push(module);
        self.kind.push(kind);
        self.package.push(package);
    }
}

/// A kind as a word.
const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Kernel => "kernel",
        Kind::Inlined => "inlined",
        Kind::Jit => "compiled at run time",
        Kind::Interpreted => "interpreted",
        Kind::Quick => "quickly compiled",
        Kind::Native => "native",
        Kind::Waker => "waker",
        Kind::Thread => "thread",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_page_ends_its_own_elements() {
        assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
    }

    #[test]
    fn the_template_has_each_part_once() {
        for name in ["policy", "generator", "style", "script", "profile"] {
            assert_eq!(PAGE.matches(&format!("{{{{{name}}}}}")).count(), 1, "{name}");
        }
    }
}
