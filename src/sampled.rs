//! Profiles beside traces: what detectors ask of them.

use detectors::evidence::sampled::{SampledFunction, SampledNode, SampledProfile};
use profiles::{Kind, Measure, Profile, Unit};

/// What a profile says of where processors were; `None` where it measures something else, such as memory or locks.
/// `source` is its name in reports.
pub fn of_profile(profile: &Profile, source: &str) -> Option<SampledProfile> {
    let measure = processor(profile)?;
    let functions = profile.frames.iter().map(|(_, frame)| SampledFunction {
        name: match frame.kind {
            Some(Kind::Thread) => NO_FUNCTION.into(),
            _ => frame.name.clone(),
        },
        file: frame.file.clone(),
        line: frame.line,
    });
    let tree = &profile.tree;
    let is_waiting = |node| tree.frame(node).is_some_and(|frame| waits(&profile.frames[frame].name));
    let nodes = tree.nodes().map(|node| SampledNode {
        above: tree.parent(node).0,
        function: tree.frame(node).map_or(0, |frame| frame.0),
        own: if is_waiting(node) { 0.0 } else { tree.own(node, measure) },
    });
    Some(SampledProfile {
        source: source.into(),
        samples: samples(profile, measure),
        functions: functions.collect(),
        nodes: nodes.collect(),
    })
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

/// How many stacks the profiler took of a measure, where that is told. Where a format has no units, its numbers are stacks.
fn samples(profile: &Profile, measure: usize) -> Option<u64> {
    let samples = match profile.measures[measure].unit {
        Unit::Unknown => Some(profile.tree.total(measure)),
        _ => profile.samples_of(measure),
    };
    samples.map(|samples| samples as u64)
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
    fn who_waits_and_threads_are_no_functions_that_compute() {
        let mut profile = profile("samples", Unit::Samples);
        let frames = ["__GI___poll", "work"].map(|name| profile.frame(name));
        for frame in frames {
            let node = profile.node([frame], None);
            profile.tree.add(node, 0, 900.0);
        }
        let taken = of_profile(&profile, "cpu").expect("it is");
        assert_eq!(taken.nodes.iter().map(|node| node.own).collect::<Vec<_>>(), [0.0, 30.0, 0.0, 900.0]);
    }

    #[test]
    fn memory_and_waiting_are_not() {
        assert_eq!(of_profile(&profile("alloc_space", Unit::Bytes), "heap"), None);
        assert_eq!(of_profile(&profile("wall", Unit::Nanoseconds), "wall"), None);
        assert_eq!(of_profile(&profile("contentions", Unit::Nanoseconds), "locks"), None);
        assert_eq!(of_profile(&profile("page-faults", Unit::Unknown), "faults"), None);
        assert_eq!(of_profile(&profile("samples of page-faults", Unit::Samples), "faults"), None);
        assert!(of_profile(&profile("cpu-clock", Unit::Nanoseconds), "perf").is_some());
    }
}
