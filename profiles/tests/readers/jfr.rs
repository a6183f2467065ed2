//! Recordings of the JDK: counts and sums are those that `jfr print` tells of the same file.

use std::io::{Read, Write as _};

use crate::shown::{fixture, frame_named, function, stacks};
use profiles::{Kind, Measure, Place, Profile, Unit, read};

const ORDERS: &str = "jfr/orders.jfr.gz";

/// The recording, decompressed.
fn bytes() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/jfr/orders.jfr.gz");
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).expect("the fixture");
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("the fixture");
    bytes
}

fn total(profile: &Profile, name: &str) -> f64 {
    let measure = profile.measures.iter().position(|measure| measure.name == name).expect(name);
    profile.tree.total(measure)
}

#[test]
fn sums_of_both_chunks() {
    let profile = fixture(ORDERS);
    assert_eq!((profile.format, profile.records), ("JFR", 149));
    assert!(profile.skipped.is_empty(), "{:?}", profile.skipped);
    for (name, sum) in [
        ("cpu", 54.0),
        ("in native methods", 1.0),
        ("lock contention", 364_488_101.0),
        ("parked", 600_251_029.0),
        ("allocated", 39_420_640.0),
    ] {
        // Durations are rounded to nanoseconds once by either, 33 of them.
        assert!((total(&profile, name) - sum).abs() <= 33.0, "{name}: {}", total(&profile, name));
    }
    assert_eq!(profile.period, Some((Measure::new("cpu", Unit::Nanoseconds), 10_000_000.0)));
    assert_eq!(profile.start_ns.map(|start| start / 1_000_000_000), Some(1_795_935_508));
}

#[test]
fn threads_methods_and_kinds() {
    let profile = fixture(ORDERS);
    let cpu = profile.measures.iter().position(|measure| measure.name == "cpu").unwrap();
    assert_eq!(function(&profile, "Orders.sines", cpu), (14.0, 14.0));
    assert_eq!(function(&profile, "Orders.roots", cpu), (36.0, 36.0));
    assert_eq!(function(&profile, "totaller", cpu), (0.0, 36.0));
    assert_eq!(frame_named(&profile, "totaller").kind, Some(Kind::Thread));
    let list = frame_named(&profile, "Orders.list");
    assert_eq!((list.line, list.kind), (Some(29), Some(Kind::Interpreted)));
    let expected = "lister;java.lang.Thread.run;Orders$$Lambda$87.run;Orders.list;Orders.spin;Orders.sines";
    assert!(
        stacks(&profile, cpu).iter().any(|stack| stack.starts_with(expected)),
        "{:?}",
        stacks(&profile, cpu)
    );
}

#[test]
fn what_is_cut_off_costs_only_what_is_missing() {
    let whole = bytes();
    let first = u64::from_be_bytes(whole[8..16].try_into().unwrap());
    let second = &whole[first as usize..];
    assert!(read(second).unwrap().records > 0);
    let profile = read(&whole[..whole.len() - 100]).unwrap();
    let skipped: Vec<_> = profile.skipped.iter().map(|counted| (counted.count, counted.first)).collect();
    // What is missing are the last names.
    assert_eq!(skipped, [(1, Some(Place::Byte(first)))], "{:?}", profile.skipped);
    assert_eq!(profile.records, 149);
    let in_first = read(&whole[..first as usize]).unwrap().records;
    let profile = read(&whole[..whole.len() - 10_000]).unwrap();
    assert!(profile.records > in_first && profile.records <= 149, "{}", profile.records);
    let error = read(&whole[..60_000]).unwrap_err().to_string();
    assert!(error.contains("cut off before its types are described"), "{error}");
}

/// Where names are is told by the header, which is written last: they are found without.
#[test]
fn one_chunk_that_is_cut_off_or_was_not_ended() {
    let whole = bytes();
    let first = u64::from_be_bytes(whole[8..16].try_into().unwrap()) as usize;
    let all = read(&whole[..first]).unwrap();
    let mut killed = whole[..first].to_vec();
    killed[8..32].fill(0);
    let profile = read(&*killed).unwrap();
    assert_eq!((profile.records, &profile.measures), (all.records, &all.measures));
    for measure in 0..all.measures.len() {
        assert_eq!(stacks(&profile, measure), stacks(&all, measure));
    }
    assert!(profile.skipped.is_empty(), "{:?}", profile.skipped);
    assert!(profile.noticed.iter().any(|told| told.reason.contains("not ended")), "{:?}", profile.noticed);
    let part = read(&whole[..first - 1_500]).unwrap();
    assert!(part.records > 0 && part.records <= all.records && !part.skipped.is_empty());
    assert!(function(&part, "Orders.sines", 0).0 > 0.0, "{:?}", stacks(&part, 0));

    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(&whole[..first]).unwrap();
    let packed = packed.finish().unwrap();
    let part = read(&packed[..packed.len() - 200]).unwrap();
    assert!(part.records > 0 && !part.skipped.is_empty());
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let whole = bytes();
    for size in [1, 67, -1, i64::MIN, 1 << 40, i64::MAX] {
        let mut bytes = whole.clone();
        bytes[8..16].copy_from_slice(&size.to_be_bytes());
        match read(&*bytes) {
            Ok(profile) => assert!(size > 1 << 20 && !profile.skipped.is_empty(), "{size}"),
            Err(error) => assert!(error.to_string().contains("JFR"), "{size}: {error}"),
        }
    }
    for (place, value) in [(16, i64::MAX), (16, -5), (24, 1 << 50), (24, 3), (56, 0)] {
        let mut bytes = whole.clone();
        bytes[place..place + 8].copy_from_slice(&i64::to_be_bytes(value));
        // The second chunk is whole, but only found if the first one's size can be believed.
        assert!(read(&*bytes).map_or(true, |profile| !profile.skipped.is_empty()), "{place}");
    }
}
