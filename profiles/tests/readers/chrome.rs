//! Chrome traces whose events do not fit together.

use profiles::{Place, Profile, read};

use crate::shown::{stacks, told};

fn trace(events: &str) -> Profile {
    read(format!("[{events}]").as_bytes()).expect("a trace")
}

fn event(ph: &str, name: &str, ts: &str) -> String {
    format!(r#"{{"ph":"{ph}","name":"{name}","ts":{ts},"pid":1,"tid":1}}"#)
}

#[test]
fn a_whole_call_is_not_ended_by_an_event() {
    let whole = r#"{"ph":"X","name":"whole","ts":0,"dur":100,"pid":1,"tid":1}"#;
    let stray = trace(&[whole.to_owned(), event("E", "whole", "10"), event("E", "", "20")].join(","));
    assert_eq!(stacks(&stray, 0), ["whole 100000"]);
    assert_eq!(told(&stray.skipped), [("the end of a call that did not begin", 2, Some(Place::Record(2)))]);
    let inner = [event("B", "outer", "-10"), whole.to_owned(), event("B", "in", "10"), event("E", "", "30")];
    let profile = trace(&[inner.as_slice(), &[event("E", "outer", "50")]].concat().join(","));
    assert_eq!(stacks(&profile, 0), ["outer 10000", "outer;whole 30000", "outer;whole;in 20000"]);
    assert_eq!(
        told(&profile.noticed),
        [
            ("events before time 0, taken as they are", 1, Some(Place::Record(1))),
            ("calls that end after their caller, cut there", 1, Some(Place::Record(2)))
        ]
    );
}

#[test]
fn times_that_cannot_be_cost_their_event() {
    let events = [
        event("B", "a", "1"),
        event("B", "far", "1e300"),
        event("E", "a", "3"),
        event("B", "b", "-1e200"),
        r#"{"ph":"X","name":"long","ts":5,"dur":1e300,"pid":1,"tid":1}"#.to_owned(),
        r#"{"ph":"B","name":"when","pid":1,"tid":1}"#.to_owned(),
    ];
    let profile = trace(&events.join(","));
    assert_eq!(stacks(&profile, 0), ["a 2000"]);
    assert_eq!(
        told(&profile.skipped),
        [("an event without a time, or of one that cannot be", 4, Some(Place::Record(2)))]
    );
}

/// Parts of V8's samples come in any order, and each has as many times as samples, or tells which are missing.
#[test]
fn parts_in_any_order_keep_their_times() {
    let part = |ts: u32, nodes: &str, samples: &str, deltas: &str| {
        format!(
            r#"{{"ph":"P","name":"ProfileChunk","ts":{ts},"pid":1,"tid":1,"id":"0x1","args":{{"data":{{"cpuProfile":
{{"nodes":[{nodes}],"samples":[{samples}]}},"timeDeltas":[{deltas}]}}}}}}"#
        )
    };
    let node = |id: u32, name: &str, more: &str| {
        format!(r#"{{"id":{id},"callFrame":{{"functionName":"{name}"}}{more}}}"#)
    };
    let begin =
        r#"{"ph":"P","name":"Profile","ts":1,"pid":1,"tid":1,"id":"0x1","args":{"data":{"startTime":1000}}}"#;
    let first = part(2, &node(1, "main", ""), "1,1", "10");
    let second = part(3, &node(2, "work", r#","parent":1"#), "2,1", "20,30");
    let profile = trace(&[second, first, begin.to_owned()].join(","));
    assert_eq!(stacks(&profile, 0), ["main 20000", "main;work 30000"]);
    assert_eq!(profile.samples_of(0), Some(3.0));
    assert_eq!(
        told(&profile.skipped),
        [("a sample without a time, or of one that cannot be", 1, Some(Place::Record(2)))]
    );
}
