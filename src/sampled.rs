//! Profiles beside traces: what detectors ask of them.

use detectors::evidence::sampled::{SampledFunction, SampledNode, SampledProfile};
use profiles::{Frame, FrameId, Kind, Measure, NodeId, Profile, Unit};
use rustc_hash::FxHashMap;

/// What a profile says of where processors were, for each service that it tells apart; nothing where it measures something else,
/// such as memory or locks. `source` is its name in reports.
pub fn of_profile(profile: &Profile, source: &str) -> Vec<SampledProfile> {
    let Some(measure) = processor(profile) else { return Vec::new() };
    let one = |service| of_service(profile, measure, source, service);
    match profile.services.as_slice() {
        [] => vec![one(None)],
        services => services.iter().map(|(name, node)| one(Some((name, *node)))).collect(),
    }
}

/// What is below a node, that of a service, or in all.
fn of_service(
    profile: &Profile,
    measure: usize,
    source: &str,
    service: Option<(&str, NodeId)>,
) -> SampledProfile {
    let tree = &profile.tree;
    let within = within(profile, service.map_or(NodeId::ROOT, |(_, node)| node));
    let mut taken = SampledProfile {
        source: source.into(),
        service: service.map(|(name, _)| name.into()),
        samples: samples(profile, measure, &within),
        functions: Vec::new(),
        nodes: vec![SampledNode::default()],
    };
    // What is not within counts for nothing, as if it were above all.
    let mut places = vec![0; tree.len()];
    let mut functions: FxHashMap<FrameId, u32> = FxHashMap::default();
    for node in tree.nodes() {
        let own = tree.own(node, measure);
        let Some(frame) = tree.frame(node).filter(|_| within[node.index()]) else {
            taken.nodes[0].own += if within[node.index()] { own } else { 0.0 };
            continue;
        };
        let function = *functions.entry(frame).or_insert_with(|| {
            taken.functions.push(function(&profile.frames[frame]));
            taken.functions.len() as u32 - 1
        });
        places[node.index()] = taken.nodes.len() as u32;
        taken.nodes.push(SampledNode {
            above: places[tree.parent(node).index()],
            function,
            own: if waits(&profile.frames[frame].name) { 0.0 } else { own },
        });
    }
    taken
}

fn function(frame: &Frame) -> SampledFunction {
    let name = match frame.kind {
        Some(Kind::Thread) => NO_FUNCTION.into(),
        _ => frame.name.clone(),
    };
    SampledFunction { name, file: frame.file.clone(), line: frame.line }
}

/// Whether each node is this one, or below it.
fn within(profile: &Profile, root: NodeId) -> Vec<bool> {
    let mut within = vec![false; profile.tree.len()];
    for node in profile.tree.nodes() {
        within[node.index()] = node == root || within[profile.tree.parent(node).index()];
    }
    within
}

/// Stands for what is no function, as profilers write `[unknown]`.
const NO_FUNCTION: &str = "[thread]";

/// Whether a function that is the innermost waits for something, as samples by the clock show it, and computes nothing.
fn waits(name: &str) -> bool {
    const WAITING: [&str; 11] = [
        "(idle)",
        "poll",
        "epoll_wait",
        "ppoll",
        "select",
        "pselect",
        "nanosleep",
        "clock_nanosleep",
        "futex_wait",
        "pthread_cond_wait",
        "pthread_cond_timedwait",
    ];
    WAITING.contains(&name.trim_start_matches("__GI_").trim_start_matches('_'))
}

/// The measure that tells what processors did: the first to show, if it does, else any that does.
fn processor(profile: &Profile) -> Option<usize> {
    let all = std::iter::once(profile.default_measure).chain(0..profile.measures.len());
    all.into_iter().find(|&number| profile.measures.get(number).is_some_and(is_of_processors))
}

fn is_of_processors(measure: &Measure) -> bool {
    /// What takes time without a processor, and events of another kind.
    const OTHERS: [&str; 13] = [
        "wall",
        "off",
        "lock-",
        "lock ",
        "contention",
        "delay",
        "block",
        "wait",
        "alloc",
        "fault",
        "switch",
        "miss",
        "parked",
    ];
    let name = measure.name.to_ascii_lowercase();
    let is_time = matches!(measure.unit, Unit::Nanoseconds | Unit::Samples | Unit::Cycles | Unit::Unknown);
    is_time && !OTHERS.iter().any(|other| name.contains(other))
}

/// How many stacks the profiler took of a measure in some nodes, where that is told. Where a format has no units, its numbers are
/// stacks.
fn samples(profile: &Profile, measure: usize, within: &[bool]) -> Option<u64> {
    let column = match profile.measures[measure].unit {
        Unit::Unknown => measure,
        _ => profile.column_of_samples(measure)?,
    };
    let nodes = profile.tree.nodes().filter(|node| within[node.index()]);
    Some(nodes.map(|node| profile.tree.own(node, column)).sum::<f64>() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str, unit: Unit) -> Profile {
        let mut profile = Profile::new("folded");
        let measure = profile.measure(Measure::new(name, unit)).expect("the first one");
        let frame = profile.frame("list_orders");
        let node = profile.node([frame], None);
        profile.tree.add(node, measure, 30.0);
        profile
    }

    #[test]
    fn time_of_processors_is_taken() {
        let taken = of_profile(&profile("cpu", Unit::Nanoseconds), "cpu.pb.gz").pop().expect("it is");
        assert_eq!((taken.functions.len(), taken.nodes.len(), taken.samples), (1, 2, None));
        assert_eq!(taken.nodes[1].own, 30.0);
        let counted = of_profile(&profile("samples", Unit::Samples), "cpu.folded").pop().expect("it is");
        assert_eq!(counted.samples, Some(30));
    }

    #[test]
    fn who_waits_and_threads_are_no_functions_that_compute() {
        let mut profile = profile("samples", Unit::Samples);
        let frames = ["__GI___poll", "work"].map(|name| profile.frame(name));
        for frame in frames {
            let node = profile.node([frame], None);
            profile.tree.add(node, 0, 900.0);
        }
        let taken = of_profile(&profile, "cpu").pop().expect("it is");
        assert_eq!(taken.nodes.iter().map(|node| node.own).collect::<Vec<_>>(), [0.0, 30.0, 0.0, 900.0]);
    }

    #[test]
    fn services_that_are_told_apart_are_profiles_of_their_own() {
        let mut profile = profile("samples", Unit::Samples);
        for (service, samples) in [("shop", 40.0), ("stock", 60.0)] {
            let frames = [service, "work"].map(|name| profile.frame(name));
            let node = profile.node(frames, None);
            profile.tree.add(node, 0, samples);
            let root = profile.tree.parent(node);
            profile.services.push((service.to_owned(), root));
        }
        let taken = of_profile(&profile, "all.otlp");
        let told: Vec<_> = taken.iter().map(|one| (one.service.as_deref(), one.samples)).collect();
        assert_eq!(told, [(Some("shop"), Some(40)), (Some("stock"), Some(60))]);
        assert_eq!(taken[1].nodes.iter().map(|node| node.own).sum::<f64>(), 60.0);
    }

    #[test]
    fn memory_and_waiting_are_not() {
        assert_eq!(of_profile(&profile("alloc_space", Unit::Bytes), "heap"), []);
        assert_eq!(of_profile(&profile("wall", Unit::Nanoseconds), "wall"), []);
        assert_eq!(of_profile(&profile("contentions", Unit::Nanoseconds), "locks"), []);
        assert_eq!(of_profile(&profile("page-faults", Unit::Unknown), "faults"), []);
        assert_eq!(of_profile(&profile("samples of page-faults", Unit::Samples), "faults"), []);
        assert!(of_profile(&profile("cpu-clock", Unit::Nanoseconds), "perf").len() == 1);
    }
}
