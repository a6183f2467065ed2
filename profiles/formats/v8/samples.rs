//! Nodes and samples of V8.

use std::borrow::Cow;

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::OldNode;
use crate::formats::json;
use crate::{Frame, Measure, NodeId, Place, Profile, Unit};

/// A node of V8's tree.
#[derive(Deserialize)]
pub(in crate::formats) struct Node<'j> {
    id: i64,
    #[serde(borrow, rename = "callFrame")]
    call: Call<'j>,
    #[serde(rename = "hitCount", default)]
    hits: f64,
    #[serde(default)]
    children: Vec<i64>,
    /// In traces, instead of `children`.
    #[serde(default)]
    parent: Option<i64>,
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
}

#[derive(Clone, Copy)]
struct Known {
    node: NodeId,
    is_idle: bool,
}

/// The time of each sample in microseconds, out of the distances between them.
pub(in crate::formats) fn times(start: f64, deltas: &[f64]) -> Vec<f64> {
    let later = |at: &mut f64, delta: &f64| {
        *at += delta;
        Some(*at)
    };
    deltas.iter().scan(start, later).collect()
}

impl Samples {
    pub(in crate::formats) fn new(profile: &mut Profile) -> Self {
        let mut measure = |name| profile.measure(Measure::new(name, Unit::Nanoseconds));
        let (cpu, wall) = (measure("cpu"), measure("wall"));
        Self { cpu, wall, samples: profile.measure(Measure::samples()), nodes: FxHashMap::default() }
    }

    /// Adds nodes below `root`, given in any order. Those that no root leads to, as in a circle, are left out.
    pub(in crate::formats) fn nodes(&mut self, nodes: &[Node<'_>], root: NodeId, profile: &mut Profile) {
        let (mut below, has_parent) = below(nodes);
        let mut open: Vec<(usize, NodeId)> = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            match node.parent.and_then(|parent| self.nodes.get(&parent)) {
                Some(above) => open.push((index, above.node)),
                None if !has_parent[index] => open.push((index, root)),
                None => {}
            }
        }
        while let Some((index, above)) = open.pop() {
            let node = &nodes[index];
            // A node that was met already has two parents, or itself for one.
            if !self.nodes.contains_key(&node.id) {
                let added = self.node(node.id, node.call.frame(), above, profile);
                self.hits(added, node.hits, profile);
                open.extend(
                    below.remove(&node.id).unwrap_or_default().into_iter().map(|child| (child, added.node)),
                );
            }
        }
    }

    /// Adds the tree of the old form.
    pub(super) fn old(&mut self, head: OldNode<'_>, profile: &mut Profile) {
        let mut open = vec![(head, NodeId::ROOT)];
        while let Some((node, above)) = open.pop() {
            let (function_name, url) = (node.function_name, node.url);
            let call = Call { function_name, url, line_number: node.line_number - 1.0 };
            let added = self.node(node.id, call.frame(), above, profile);
            self.hits(added, node.hit_count, profile);
            open.extend(node.children.into_iter().map(|child| (child, added.node)));
        }
    }

    fn node(&mut self, id: i64, frame: Frame, above: NodeId, profile: &mut Profile) -> Known {
        let is_idle = &*frame.name == "(idle)";
        let node = match &*frame.name {
            "(root)" => above,
            _ => {
                let frame = profile.frames.intern(frame);
                profile.tree.child(above, frame)
            }
        };
        let known = Known { node, is_idle };
        self.nodes.insert(id, known);
        known
    }

    /// Counts of hits, which profiles without times have alone.
    fn hits(&self, known: Known, hits: f64, profile: &mut Profile) {
        if let Some(samples) = self.samples.filter(|_| !known.is_idle) {
            profile.tree.add(known.node, samples, hits);
        }
    }

    /// Adds samples; each lasts until the next, the last until the end. All in microseconds.
    pub(in crate::formats) fn times(
        &self,
        samples: &[i64],
        times: &[f64],
        end: Option<f64>,
        profile: &mut Profile,
    ) {
        let mut timed: Vec<(f64, i64)> = times.iter().copied().zip(samples.iter().copied()).collect();
        if timed.windows(2).any(|pair| pair[1].0 < pair[0].0) {
            profile.noticed.add("samples that are earlier than the one before, put in order", None);
            timed.sort_by(|one, other| one.0.total_cmp(&other.0));
        }
        for (index, (at, id)) in timed.iter().enumerate() {
            let place = Some(Place::Record(index as u64 + 1));
            let Some(known) = self.nodes.get(id) else {
                profile.skipped.add("a sample of a node that is not there", place);
                continue;
            };
            let until = timed.get(index + 1).map(|next| next.0).or(end).unwrap_or(*at);
            let lasted = ((until - at).max(0.0) * 1e3).round();
            profile.records += 1;
            for measure in [self.wall, self.cpu.filter(|_| !known.is_idle)].into_iter().flatten() {
                profile.tree.add(known.node, measure, lasted);
            }
        }
    }
}

/// Children by the number of their parent, and which nodes have a parent.
fn below(nodes: &[Node<'_>]) -> (FxHashMap<i64, Vec<usize>>, Vec<bool>) {
    let numbers: FxHashMap<i64, usize> =
        nodes.iter().enumerate().map(|(index, node)| (node.id, index)).collect();
    let mut below: FxHashMap<i64, Vec<usize>> = FxHashMap::default();
    let mut has_parent = vec![false; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        if let Some(parent) = node.parent {
            has_parent[index] = true;
            below.entry(parent).or_default().push(index);
        }
        for child in node.children.iter().filter_map(|id| numbers.get(id)) {
            has_parent[*child] = true;
            below.entry(node.id).or_default().push(*child);
        }
    }
    (below, has_parent)
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
