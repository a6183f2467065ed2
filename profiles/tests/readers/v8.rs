//! `.cpuprofile` whose parts do not fit together.

use std::fmt::Write as _;

use profiles::{DEPTH_MAX, NodeId, Place, Profile, read};

use crate::shown::{stacks, told};

/// A node of this number and name, which calls others.
fn node(id: i64, name: &str, children: &str) -> String {
    format!(r#"{{"id":{id},"callFrame":{{"functionName":"{name}"}},"children":[{children}]}}"#)
}

fn profile(nodes: &[String], samples: &str, deltas: &str) -> Profile {
    let nodes = nodes.join(",");
    let text = format!(
        r#"{{"nodes":[{nodes}],"startTime":0,"endTime":10,"samples":[{samples}],"timeDeltas":[{deltas}]}}"#
    );
    read(text.as_bytes()).expect("a profile")
}

#[test]
fn nodes_in_circles_are_counted_with_their_samples() {
    let nodes =
        [node(1, "a", "2"), node(2, "b", "1,2"), node(3, "c", "3,3,4"), node(4, "d", ""), node(5, "e", "")];
    let profile = profile(&nodes, "1,2,3,4,5", "1,1,1,-1,1");
    assert_eq!(stacks(&profile, 0), ["e 7000"]);
    let circle = "a node whose caller is not there, or that calls itself in a circle";
    let sample = "a sample of a node that is not there";
    assert_eq!(
        told(&profile.skipped),
        [(circle, 4, Some(Place::Record(1))), (sample, 4, Some(Place::Record(1)))]
    );
}

#[test]
fn numbers_that_are_there_twice_and_not_at_all() {
    let nodes = [node(1, "main", "2,3,9"), node(2, "a", "3"), node(3, "b", ""), node(2, "other", "3")];
    let profile = profile(&nodes, "2,3,3", "1,1,1");
    assert_eq!(stacks(&profile, 0), ["main;a 1000", "main;b 8000"]);
    assert_eq!(told(&profile.skipped), [("a node with the number of another", 1, Some(Place::Record(4)))]);
    assert_eq!(
        told(&profile.noticed),
        [
            ("nodes that call one that is not there", 1, Some(Place::Record(1))),
            ("nodes with two callers, shown below the first", 1, Some(Place::Record(3)))
        ]
    );
}

#[test]
fn samples_and_times_of_different_number() {
    let nodes = [node(1, "a", ""), node(2, "b", "")];
    let short = profile(&nodes, "1,2,1,2", "1,1");
    assert_eq!(stacks(&short, 0), ["a 1000", "b 8000"]);
    let without = "a sample without a time, or of one that cannot be";
    assert_eq!(told(&short.skipped), [(without, 2, Some(Place::Record(3)))]);
    let long = profile(&nodes, "1,2", "1,1,1,1");
    assert_eq!(stacks(&long, 0), ["a 1000", "b 8000"]);
    assert_eq!(told(&long.noticed), [("times of samples that are not there", 2, Some(Place::Record(3)))]);
    let absurd = profile(&nodes, "1,2,1", "1,1e300,2");
    assert_eq!(stacks(&absurd, 0), ["a 9000"]);
    assert_eq!(told(&absurd.skipped), [(without, 1, Some(Place::Record(2)))]);
}

/// The last sample would have all the time, which nothing says.
#[test]
fn samples_of_one_time_are_counted_alone() {
    let nodes = [node(1, "a", ""), node(2, "b", "")];
    let profile = profile(&nodes, "1,1,2", "0,0,0");
    let shown = profile.default_measure;
    assert_eq!(profile.measures[shown].name, "samples");
    assert_eq!(stacks(&profile, shown), ["a 2", "b 1"]);
    assert_eq!((profile.tree.total(0), profile.tree.total(1)), (0.0, 0.0));
    assert!(profile.noticed.iter().any(|told| told.reason.contains("all of one time") && told.count == 3));
}

#[test]
fn stacks_are_cut_at_the_limit_and_keep_their_time() {
    let count = DEPTH_MAX + 500;
    let mut nodes = String::new();
    for id in 1..=count {
        let below = if id < count { (id + 1).to_string() } else { String::new() };
        write!(
            nodes,
            "{}{}",
            if id > 1 { "," } else { "" },
            node(id as i64, &format!("f{}", id % 7), &below)
        )
        .unwrap();
    }
    let profile = profile(&[nodes], &count.to_string(), "1");
    assert_eq!(profile.tree.len(), DEPTH_MAX + 1);
    assert_eq!(profile.tree.total(0), 9_000.0);
    let deepest = NodeId(DEPTH_MAX as u32);
    assert_eq!(profile.tree.own(deepest, 0), 9_000.0);
    let cut: Vec<_> = told(&profile.noticed);
    assert_eq!(
        cut,
        [("stacks deeper than 10000 frames, cut there", 500, Some(Place::Record(DEPTH_MAX as u64 + 1)))]
    );
}

#[test]
fn times_that_cannot_be_are_told() {
    for end in ["1e300", "-5", "9e15"] {
        let text = format!(
            r#"{{"nodes":[{},{}],"startTime":0,"endTime":{end},"samples":[1,2],"timeDeltas":[0,5]}}"#,
            node(1, "a", ""),
            node(2, "b", "")
        );
        let profile = read(text.as_bytes()).unwrap();
        assert!(profile.tree.total(0) < 1e19, "{end}");
        // Of both measures of the last sample.
        assert_eq!(profile.skipped.total(), 2 * u64::from(end == "1e300"), "{end}");
        assert_eq!(profile.noticed.total(), 2 * u64::from(end == "9e15"), "{end}");
        assert!(profile.duration_ns.is_none_or(|duration| duration < 1 << 63), "{end}");
    }
}
