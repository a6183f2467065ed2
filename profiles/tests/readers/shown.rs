//! What tests look at profiles with.

use std::fs::File;
use std::path::Path;

use profiles::{Frame, NodeId, Place, Profile, Tally, functions, read};

/// Reads a file of `tests/fixtures`.
pub(crate) fn fixture(name: &str) -> Profile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let file = File::open(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    // Without what this machine knows of binaries.
    read(file).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Folded stacks of a measure, by name.
pub(crate) fn stacks(profile: &Profile, measure: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut path: Vec<&str> = Vec::new();
    for visit in profile.tree.children(|_| ()).depth_first(NodeId::ROOT).skip(1) {
        path.truncate(visit.depth - 1);
        path.extend(profile.tree.frame(visit.node).map(|frame| &*profile.frames[frame].name));
        let own = profile.tree.own(visit.node, measure);
        if own > 0.0 {
            lines.push(format!("{} {own}", path.join(";")));
        }
    }
    lines.sort();
    lines
}

/// Own and total of the functions of this name.
pub(crate) fn function(profile: &Profile, name: &str, measure: usize) -> (f64, f64) {
    functions(&profile.tree, profile.frames.len(), measure)
        .iter()
        .filter(|function| &*profile.frames[function.frame].name == name)
        .fold((0.0, 0.0), |(own, total), function| (own + function.own, total + function.total))
}

/// The first frame of this name.
pub(crate) fn frame_named<'p>(profile: &'p Profile, name: &str) -> &'p Frame {
    profile.frames.iter().map(|(_, frame)| frame).find(|frame| &*frame.name == name).expect(name)
}

/// What is told: reason, how often, where first.
pub(crate) fn told(tally: &Tally) -> Vec<(&str, u64, Option<Place>)> {
    tally.iter().map(|counted| (&*counted.reason, counted.count, counted.first)).collect()
}

/// Reasons in the order of the alphabet.
pub(crate) fn reasons(tally: &Tally) -> Vec<&str> {
    let mut reasons: Vec<&str> = tally.iter().map(|counted| &*counted.reason).collect();
    reasons.sort_unstable();
    reasons
}
