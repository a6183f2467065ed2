//! Nodes and samples of V8.

use std::borrow::Cow;

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::OldNode;
use super::callers::Callers;
use super::times::Timed;
use crate::formats::json;
use crate::limits::DEPTH_MAX;
use crate::{Frame, Measure, NodeId, Place, Profile, Stretch, Unit};

/// A node of V8's tree.
#[derive(Deserialize)]
pub(in crate::formats) struct Node<'j> {
    pub(super) id: i64,
    #[serde(borrow, rename = "callFrame")]
    call: Call<'j>,
    #[serde(rename = "hitCount", default)]
    hits: f64,
    #[serde(default)]
    pub(super) children: Vec<i64>,
    /// In traces, instead of `children`.
    #[serde(default)]
    pub(super) parent: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call<'j> {
    #[serde(borrow, default)]
    function_name: Cow<'j, str>,
    #[serde(borrow, default)]
    url: Cow<'j, str>,
    /// 0-based; -1 where there is none.
    #[serde(default = "nowhere")]
    line_number: f64,
}

fn nowhere() -> f64 {
    -1.0
}

/// Where samples go.
pub(in crate::formats) struct Samples {
    cpu: Option<usize>,
    wall: Option<usize>,
    samples: Option<usize>,
    /// Nodes of the tree by V8's numbers.
    nodes: FxHashMap<i64, Known>,
    /// Whether the nodes tell how often they were met.
    has_hits: bool,
}

#[derive(Clone, Copy)]
struct Known {
    node: NodeId,
    is_idle: bool,
}

impl Samples {
    pub(in crate::formats) fn new(profile: &mut Profile) -> Self {
        let mut measure = |name| profile.measure(Measure::new(name, Unit::Nanoseconds));
        let (cpu, wall) = (measure("cpu"), measure("wall"));
        let samples = profile.measure(Measure::samples());
        Self { cpu, wall, samples, nodes: FxHashMap::default(), has_hits: false }
    }

    /// Adds nodes, given in any order. Those that no root leads to, as in a circle, are left out.
    pub(in crate::formats) fn nodes(&mut self, nodes: &[&Node<'_>], profile: &mut Profile) {
        let callers = Callers::of(nodes, profile);
        let mut open: Vec<(usize, NodeId, usize)> =
            callers.roots().map(|index| (index, NodeId::ROOT, 0)).collect();
        let mut is_met = vec![false; nodes.len()];
        while let Some((index, above, depth)) = open.pop() {
            let (node, place) = (nodes[index], Some(Place::Record(index as u64 + 1)));
            is_met[index] = true;
            let added = self.node(node.id, node.call.frame(), above, (depth, place), profile);
            self.hits(added, node.hits, place, profile);
            let depth = depth + usize::from(added.node != above);
            open.extend(callers.called_by(index).map(|called| (called, added.node, depth)));
        }
        for index in (0..nodes.len()).filter(|index| !is_met[*index] && !callers.is_double(*index)) {
            let what = "a node whose caller is not there, or that calls itself in a circle";
            profile.skipped.add(what, Some(Place::Record(index as u64 + 1)));
        }
    }

    /// Adds the tree of the old form.
    pub(super) fn old(&mut self, head: OldNode<'_>, profile: &mut Profile) {
        let mut open = vec![(head, NodeId::ROOT, 0)];
        while let Some((node, above, depth)) = open.pop() {
            let (function_name, url) = (node.function_name, node.url);
            let call = Call { function_name, url, line_number: node.line_number - 1.0 };
            if self.nodes.contains_key(&node.id) {
                profile.noticed.add("nodes with the number of another, to which their samples count", None);
            }
            let added = self.node(node.id, call.frame(), above, (depth, None), profile);
            self.hits(added, node.hit_count, None, profile);
            let depth = depth + usize::from(added.node != above);
            open.extend(node.children.into_iter().map(|child| (child, added.node, depth)));
        }
    }

    /// Adds a node. Beyond the limit of depth it is the one above.
    fn node(
        &mut self,
        id: i64,
        frame: Frame,
        above: NodeId,
        (depth, place): (usize, Option<Place>),
        profile: &mut Profile,
    ) -> Known {
        let is_idle = &*frame.name == "(idle)";
        let node = match &*frame.name {
            "(root)" => above,
            _ if depth >= DEPTH_MAX => {
                profile.notice_depth(place);
                above
            }
            _ => {
                let frame = profile.frames.intern(frame);
                profile.tree.child(above, frame)
            }
        };
        let known = Known { node, is_idle };
        self.nodes.entry(id).or_insert(known);
        known
    }

    /// Counts of hits, which profiles without times have alone.
    fn hits(&mut self, known: Known, hits: f64, place: Option<Place>, profile: &mut Profile) {
        self.has_hits |= hits > 0.0;
        if let Some(samples) = self.samples.filter(|_| !known.is_idle) {
            profile.add(known.node, samples, hits, place);
        }
    }

    /// Adds samples; each lasts until the next, the last until the end, in microseconds. Where all are of one time they are counted
    /// alone.
    pub(in crate::formats) fn times(&self, mut timed: Vec<Timed>, end: Option<f64>, profile: &mut Profile) {
        if let Some(early) = timed.windows(2).find(|pair| pair[1].at < pair[0].at) {
            let place = Some(Place::Record(early[1].record));
            profile.noticed.add("samples that are earlier than the one before, put in order", place);
            timed.sort_by(|one, other| one.at.total_cmp(&other.at));
        }
        let is_timeless = timed.len() > 1 && timed.iter().all(|sample| sample.at == timed[0].at);
        if is_timeless {
            let what =
                "samples that are all of one time, which says nothing of how long they are: counted alone";
            profile.noticed.add_many(what, timed.len() as u64, None);
        }
        for (index, sample) in timed.iter().enumerate() {
            let place = Some(Place::Record(sample.record));
            let Some(known) = self.nodes.get(&sample.node) else {
                profile.skipped.add("a sample of a node that is not there", place);
                continue;
            };
            profile.records += 1;
            if let Some(samples) = self.samples.filter(|_| !self.has_hits && !known.is_idle) {
                profile.add(known.node, samples, 1.0, place);
            }
            let until = timed.get(index + 1).map(|next| next.at).or(end).unwrap_or(sample.at);
            let lasted = if is_timeless { 0.0 } else { ((until - sample.at).max(0.0) * 1e3).round() };
            for measure in [self.wall, self.cpu.filter(|_| !known.is_idle)].into_iter().flatten() {
                profile.add(known.node, measure, lasted, place);
            }
            if let Some(wall) = self.wall {
                let stretch = Stretch { node: known.node, value: lasted, kept: None };
                profile.sequence.add(wall, stretch);
            }
        }
    }
}

impl Call<'_> {
    /// Functions without a name are told apart by their lines: a file has many of them.
    fn frame(&self) -> Frame {
        let line = json::line(self.line_number + 1.0);
        let file = json::text(Some(&self.url));
        let name = match (&*self.function_name, line) {
            ("", Some(line)) if file.is_some() => format!("(anonymous):{line}"),
            ("", _) => "(anonymous)".to_owned(),
            (name, _) => name.to_owned(),
        };
        Frame { file, line, ..Frame::named(&name) }
    }
}
