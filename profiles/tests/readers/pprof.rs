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

#[test]
fn text_is_no_damaged_pprof() {
    for text in ["2026-01-01 hello world\n", "a b c\n"] {
        let error = profiles::read(text.as_bytes()).expect_err("it is text").to_string();
        assert!(!error.contains("pprof"), "{error}");
    }
}
