//! OTLP profiles: the fixtures hold the same, written by OpenTelemetry's own messages.

use std::fs;
use std::path::Path;

use crate::shown::{fixture, frame_named, stacks};
use profiles::{Kind, Measure, Profile, Unit, read};

fn check(profile: &Profile) {
    assert_eq!((profile.format, profile.records), ("OTLP profiles", 5));
    assert!(profile.skipped.is_empty(), "{:?}", profile.skipped);
    assert_eq!(
        profile.measures,
        [
            Measure::new("cpu", Unit::Nanoseconds),
            Measure::new("alloc_space", Unit::Bytes),
            Measure::samples()
        ]
    );
    assert_eq!(
        stacks(profile, 0),
        [
            "orders;flusher;main;list;vfs_read 5000000",
            "orders;worker;main;list 35000000",
            "orders;worker;main;render;escape 30000000",
        ]
    );
    assert_eq!(stacks(profile, 1), ["orders;main;list 4096"]);
    assert_eq!(stacks(profile, 2), ["users;main;[libcrypt.so.2] 4"]);
    assert_eq!(profile.start_ns, Some(1_790_000_000_123_456_789));
    assert_eq!(profile.duration_ns, Some(10_000_000_000));
    assert_eq!(profile.period, Some((Measure::new("cpu", Unit::Nanoseconds), 10_000_000.0)));
    assert_eq!(profile.noticed.total(), 1, "{:?}", profile.noticed);
}

#[test]
fn both_encodings() {
    for name in ["otlp/orders.pb", "otlp/orders.json"] {
        let profile = fixture(name);
        check(&profile);
        let main = frame_named(&profile, "main");
        assert_eq!((main.file.as_deref(), main.line), (Some("main.rs"), Some(3)));
        assert_eq!(main.module.as_deref(), Some("/usr/bin/orders"));
        assert_eq!(frame_named(&profile, "list").line, Some(7));
        assert_eq!(frame_named(&profile, "vfs_read").kind, Some(Kind::Kernel));
        assert_eq!(frame_named(&profile, "worker").kind, Some(Kind::Thread));
    }
}

#[test]
fn services_stand_apart_also_where_each_has_a_message() {
    let several = fixture("otlp/orders.json");
    let names: Vec<&str> = several.services.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["orders", "users"]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp/orders.json");
    let text = fs::read_to_string(path).unwrap().replace('\n', "").replace("users", "orders");
    let only = read(text.as_bytes()).unwrap();
    assert_eq!(only.services, [("orders".to_owned(), profiles::NodeId::ROOT)]);
    assert_eq!(
        stacks(&only, 0),
        [
            "flusher;main;list;vfs_read 5000000",
            "worker;main;list 35000000",
            "worker;main;render;escape 30000000"
        ]
    );
    let other = text.replace("orders", "carts");
    let both = read(format!("{text}\n{other}\n").as_bytes()).unwrap();
    assert_eq!(both.services.len(), 2);
    assert_eq!(both.tree.total(0), 140_000_000.0);
    assert!(
        stacks(&both, 0).contains(&"carts;worker;main;list 35000000".to_owned()),
        "{:?}",
        stacks(&both, 0)
    );
}

#[test]
fn a_message_a_line() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp/orders.json");
    let text = fs::read_to_string(path).unwrap().replace('\n', "");
    let profile = read(format!("{text}\n{text}\n").as_bytes()).unwrap();
    assert_eq!((profile.records, profile.tree.total(0)), (10, 140_000_000.0));
}

#[test]
fn other_signals_are_none_of_it() {
    for text in [
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"}]}]}]}"#,
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}"#,
    ] {
        assert!(profiles::recognise(text.as_bytes()).is_none(), "{text}");
    }
    // A resource's spans: their first field is the identifier of a trace, of 16 bytes.
    let inside = |number: u8, message: &[u8]| [&[number << 3 | 2, message.len() as u8], message].concat();
    let name = inside(5, b"GET /orders");
    let times = [&[0x39][..], &[1; 8], &[0x41], &[2; 8]].concat();
    for trace in [[0x08; 16], [0x10; 16], [0xab; 16]] {
        let span =
            [inside(1, &trace), inside(2, &[8, 7, 6, 5, 4, 3, 2, 1]), name.clone(), times.clone()].concat();
        let spans = inside(1, &inside(2, &inside(2, &span)));
        assert!(profiles::recognise(&*spans).is_none(), "{trace:x?}");
    }
    // A gauge with a point.
    let metric = [inside(1, b"queue.length"), inside(5, &inside(1, &times))].concat();
    assert!(profiles::recognise(&*inside(1, &inside(2, &inside(2, &metric)))).is_none());
}

#[test]
fn indices_that_are_not_there_cost_their_sample() {
    let text = r#"{"resourceProfiles":[{"scopeProfiles":[{"profiles":[{"sampleType":{"typeStrindex":1,"unitStrindex":9},
        "samples":[{"stackIndex":1,"values":["3"]},{"stackIndex":7,"values":[1]},{"stackIndex":-1,"values":[1]},
        {"stackIndex":2,"values":[1]},{"stackIndex":1,"values":[-1]},{"stackIndex":3,"values":[2]}]}]}]}],
        "dictionary":{"stringTable":["","cpu","main"],"functionTable":[{},{"nameStrindex":2}],
        "locationTable":[{},{"lines":[{"functionIndex":1}]},{"lines":[{"functionIndex":5}]}],
        "stackTable":[{},{"locationIndices":[1]},{"locationIndices":[9]},{"locationIndices":[2]}]}}"#;
    let profile = read(text.as_bytes()).unwrap();
    assert_eq!(stacks(&profile, 0), ["[unknown] 2", "main 3"]);
    let skipped: Vec<u64> = profile.skipped.iter().map(|counted| counted.count).collect();
    assert_eq!(skipped, [2, 1, 1]);
}
