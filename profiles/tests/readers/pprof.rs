//! `profile.proto`.

use profiles::{Measure, Unit};

use crate::shown::{fixture, frame_named, function, stacks};

#[test]
fn times_of_node() {
    let profile = fixture("pprof/node-time.pb.gz");
    assert_eq!(profile.format, "pprof");
    assert_eq!(
        profile.measures,
        [Measure::new("sample", Unit::Samples), Measure::new("wall", Unit::Nanoseconds)]
    );
    assert_eq!(profile.default_measure, 1);
    assert_eq!(frame_named(&profile, "busy").file.as_deref(), Some("/srv/app/pp.js"));
    let (own, total) = function(&profile, "busy", 0);
    assert!(total >= own && total > 0.0, "{:?}", stacks(&profile, 0));
    assert!(profile.duration_ns.is_some_and(|duration| duration > 900_000_000));
}

#[test]
fn sizes_of_node() {
    let profile = fixture("pprof/node-heap.pb.gz");
    assert_eq!(
        profile.measures,
        [Measure::new("inuse_objects", Unit::Count), Measure::new("inuse_space", Unit::Bytes)]
    );
    assert!(profile.tree.total(1) > 100_000.0, "{}", profile.tree.total(1));
}
