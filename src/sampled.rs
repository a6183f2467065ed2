//! Profiles beside traces: what detectors ask of them.

use detectors::evidence::sampled::{SampledFunction, SampledNode, SampledProfile};
use profiles::{Measure, Profile, Unit};

/// What a profile says of where processors were; `None` where it measures something else, such as memory or locks.
/// `source` is its name in reports.
pub fn of_profile(profile: &Profile, source: &str) -> Option<SampledProfile> {
    let measure = processor(profile)?;
    let functions = profile.frames.iter().map(|(_, frame)| SampledFunction {
        name: frame.name.clone(),
        file: frame.file.clone(),
        line: frame.line,
    });
    let tree = &profile.tree;
    let nodes = tree.nodes().map(|node| SampledNode {
        above: tree.parent(node).0,
        function: tree.frame(node).map_or(0, |frame| frame.0),
        own: tree.own(node, measure),
    });
    Some(SampledProfile {
        source: source.into(),
        samples: samples(profile),
        functions: functions.collect(),
        nodes: nodes.collect(),
    })
}

/// The measure that tells what processors did: the first to show, if it does, else any that does.
fn processor(profile: &Profile) -> Option<usize> {
    let all = std::iter::once(profile.default_measure).chain(0..profile.measures.len());
    all.into_iter().find(|&number| profile.measures.get(number).is_some_and(is_of_processors))
}

fn is_of_processors(measure: &Measure) -> bool {
    /// What takes time without a processor.
    const WAITS: [&str; 8] = ["wall", "off", "lock", "contention", "delay", "block", "wait", "alloc"];
    let name = measure.name.to_ascii_lowercase();
    let is_time = matches!(measure.unit, Unit::Nanoseconds | Unit::Samples | Unit::Cycles | Unit::Unknown);
    is_time && !WAITS.iter().any(|wait| name.contains(wait))
}

/// How many stacks the profiler took, where that is told.
fn samples(profile: &Profile) -> Option<u64> {
    let is_count = |measure: &Measure| measure.unit == Unit::Samples || measure.name == "samples";
    let number = profile.measures.iter().position(is_count)?;
    Some(profile.tree.total(number) as u64)
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
        let taken = of_profile(&profile("cpu", Unit::Nanoseconds), "cpu.pb.gz").expect("it is");
        assert_eq!((taken.functions.len(), taken.nodes.len(), taken.samples), (1, 2, None));
        assert_eq!(taken.nodes[1].own, 30.0);
        let counted = of_profile(&profile("samples", Unit::Samples), "cpu.folded").expect("it is");
        assert_eq!(counted.samples, Some(30));
    }

    #[test]
    fn memory_and_waiting_are_not() {
        assert_eq!(of_profile(&profile("alloc_space", Unit::Bytes), "heap"), None);
        assert_eq!(of_profile(&profile("wall", Unit::Nanoseconds), "wall"), None);
        assert_eq!(of_profile(&profile("contentions", Unit::Nanoseconds), "locks"), None);
    }
}
