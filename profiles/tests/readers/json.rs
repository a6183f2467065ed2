//! Formats in JSON: speedscope, V8, Chrome traces, Firefox.

use profiles::{Measure, Place, Unit, read};

use crate::shown::{fixture, frame_named, function, reasons, stacks};

const MS: f64 = 1e6;

#[test]
fn speedscope_of_py_spy() {
    let profile = fixture("py-spy/speedscope.json");
    assert_eq!(profile.format, "speedscope");
    assert_eq!(profile.measures, [Measure::new("time", Unit::Nanoseconds), Measure::samples()]);
    // 49 samples of one thread and 5 of the other, a fiftieth of a second each.
    assert_eq!((profile.tree.total(0), profile.tree.total(1)), (1_080.0 * MS, 54.0));
    assert!(function(&profile, "busy", 1).1 > 0.0);
    assert_eq!(frame_named(&profile, "busy").file.as_deref(), Some("/srv/app/spin.py"));
}

#[test]
fn speedscope_with_begins_and_ends() {
    let profile = fixture("speedscope/evented.json");
    assert_eq!(
        stacks(&profile, 0),
        [
            "one;main 9000000",
            "one;main;parse 1000000",
            "one;main;parse;read 4000000",
            "two;main 4000000",
            "two;main;parse 5000000",
        ]
    );
    assert_eq!(reasons(&profile.noticed), ["calls whose end is missing, ended with their caller"]);
    assert_eq!(reasons(&profile.skipped), ["the end of a call that did not begin"]);
    assert_eq!(profile.title.as_deref(), Some("two threads"));
}

#[test]
fn v8_of_node() {
    let profile = fixture("v8/node.cpuprofile");
    assert_eq!(profile.format, "cpuprofile");
    assert_eq!(frame_named(&profile, "busy").file.as_deref(), Some("file:///srv/app/spin.js"));
    assert_eq!(frame_named(&profile, "busy").line, Some(2));
    let (own, total) = function(&profile, "rec", 0);
    assert!(total > own && total <= profile.tree.total(0));
    assert!(profile.tree.total(0) <= profile.tree.total(1));
    // 20 of the 65 hits are idle; the first sample is no hit.
    assert_eq!((profile.records, profile.tree.total(2)), (66, 45.0));
}

#[test]
fn v8_in_its_old_form() {
    let profile = fixture("v8/old.cpuprofile");
    assert_eq!(stacks(&profile, 0), ["main 1500000", "main;(anonymous):9 1000000"]);
    assert_eq!(stacks(&profile, 1), ["(idle) 1500000", "main 1500000", "main;(anonymous):9 1000000"]);
    assert_eq!(stacks(&profile, 2), ["main 2", "main;(anonymous):9 1"]);
}

#[test]
fn chrome_of_py_spy() {
    let profile = fixture("py-spy/chrometrace.json.gz");
    assert_eq!(profile.format, "Chrome trace");
    assert!(profile.skipped.is_empty(), "{:?}", profile.skipped);
    assert_eq!(frame_named(&profile, "busy").file.as_deref(), Some("/srv/app/spin.py"));
    let (_, busy) = function(&profile, "busy", 0);
    assert!(busy > 500.0 * MS && busy < 2_000.0 * MS, "{busy}");
}

#[test]
fn chrome_durations_in_any_order_and_cut_off() {
    let profile = fixture("chrome/durations.json");
    assert_eq!(
        stacks(&profile, 0),
        [
            "thread gc;outer 5000",
            "thread gc;outer;late 5000",
            "worker;open 10000",
            "worker;open;inner 4000",
            "worker;request 64500",
            "worker;request;parse 5500",
            "worker;request;sql 20000",
            "worker;request;sql;rows 10000",
        ]
    );
    assert_eq!(
        reasons(&profile.skipped),
        ["an event that takes no time", "no trace event", "the end of a call that did not begin"]
    );
}

#[test]
fn chrome_with_samples_of_v8() {
    let profile = fixture("chrome/v8-samples.json");
    let measures: Vec<_> = profile.measures.iter().map(|measure| &*measure.name).collect();
    assert_eq!(measures, ["cpu", "wall", "samples"]);
    // 1100 main, 1300 idle, 1600 main, 1650 anonymous, 1630 main: the last two change places.
    assert_eq!(stacks(&profile, 0), ["main 250000"]);
    assert_eq!(profile.tree.total(1), 550_000.0);
}

#[test]
fn chrome_of_two_processes() {
    let profile = fixture("chrome/chromium.json.gz");
    assert!(profile.skipped.is_empty(), "{:?}", profile.skipped);
    // Added up by another program: samples with the function, each as long as until the next.
    assert_eq!(function(&profile, "busy", 0), (26_222_000.0, 377_238_000.0));
    assert_eq!(function(&profile, "(idle)", 1).0, 1_927_978_000.0);
    assert_eq!(function(&profile, "(idle)", 0).0, 0.0);
    assert_eq!(frame_named(&profile, "busy").file.as_deref(), Some("file:///srv/app/page.html"));
}

#[test]
fn firefox_with_tables_of_each_thread() {
    let profile = fixture("firefox/two-threads.json");
    let measures: Vec<_> = profile.measures.iter().map(|measure| &*measure.name).collect();
    assert_eq!(measures, ["samples", "cpu"]);
    assert_eq!(
        stacks(&profile, 0),
        [
            "Parent Process;GeckoMain;main;paint 1",
            "Parent Process;GeckoMain;main;paint;layout 2",
            "Parent Process;Worker;work 3"
        ]
    );
    assert_eq!(profile.tree.total(1), 1_000_000.0);
    let paint = frame_named(&profile, "paint");
    assert_eq!(
        (paint.file.as_deref(), paint.line, paint.module.as_deref()),
        (Some("paint.cpp"), Some(10), Some("libxul.so"))
    );
    let skipped: Vec<_> = profile.skipped.iter().map(|counted| (counted.count, counted.first)).collect();
    assert_eq!(skipped, [(1, Some(Place::Record(5)))], "a stack that is its own caller");
}

#[test]
fn firefox_as_samply_writes() {
    let profile = fixture("firefox/written.json");
    assert_eq!(
        stacks(&profile, 0),
        [
            "shop;start;serve 2",
            "shop;start;serve;parse 3",
            "shop;worker;start;serve 1",
            "shop;worker;start;serve;parse 2"
        ]
    );
    assert_eq!(profile.measures[1], Measure::new("cpu", Unit::Nanoseconds));
    assert_eq!(profile.tree.total(1), 1_300_000.0);
    assert_eq!(profile.start_ns, Some(1_700_000_000_000_000_000));
}

#[test]
fn firefox_with_shared_tables() {
    assert_eq!(stacks(&fixture("firefox/shared.json"), 0), ["app;main 1", "app;main;run 2"]);
}

#[test]
fn what_is_cut_off_says_so() {
    let text = include_str!("../fixtures/py-spy/speedscope.json");
    let error = read(&text.as_bytes()[..text.len() - 100]).unwrap_err().to_string();
    assert!(
        error.starts_with("line 1: not a speedscope profile as it should be: EOF")
            && error.contains("cut off"),
        "{error}"
    );
}

/// Whyslow's own files have a profile for each measure: they are not threads, and are not added up.
#[test]
fn speedscope_of_whyslow_keeps_measures_apart() {
    let one = |name: &str, weight: f64| {
        format!(
            r#"{{"type":"sampled","name":"{name}","unit":"none","startValue":0,"endValue":{weight},"samples":[[0]],"weights":[{weight}]}}"#
        )
    };
    let file = format!(
        r#"{{"shared":{{"frames":[{{"name":"main"}}]}},"exporter":"whyslow 0.1.0","activeProfileIndex":1,"profiles":[{},{}]}}"#,
        one("page-faults", 4.0),
        one("cpu", 9.0)
    );
    let profile = read(file.as_bytes()).unwrap();
    assert_eq!(
        (stacks(&profile, 0), stacks(&profile, 1)),
        (vec!["main 4".to_owned()], vec!["main 9".to_owned()])
    );
    assert_eq!((profile.measures.len(), profile.default_measure), (2, 1));
}

#[test]
fn samples_without_a_weight_are_counted() {
    let file = r#"{"shared":{"frames":[{"name":"main"}]},"profiles":[{"type":"sampled","name":"a","unit":"none","startValue":0,
"endValue":1,"samples":[[0],[0],[0]],"weights":[1]}]}"#;
    let profile = read(file.as_bytes()).unwrap();
    assert_eq!((profile.records, profile.skipped.total()), (1, 2));
}

#[test]
fn what_has_no_sample_is_an_error() {
    let file = r#"{"nodes":[{"id":1,"callFrame":{"functionName":"f","url":"","lineNumber":0},"hitCount":0}],"startTime":0,"endTime":9,
"samples":[],"timeDeltas":[]}"#;
    assert!(read(file.as_bytes()).is_err());
}
