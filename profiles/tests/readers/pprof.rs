//! `profile.proto`.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use profiles::{Measure, Place, Unit, read};

use crate::shown::{fixture, frame_named, function, stacks, told};
use crate::wire::{message, number, text};

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

/// A profile of samples with these values: functions `f1`, `f2`, … called by `main`.
fn of_values(unit: &str, values: &[i64]) -> Vec<u8> {
    let mut file = message(1, &[number(1, 1), number(2, 2)]);
    for (index, value) in values.iter().enumerate() {
        let locations = [number(1, index as u64 + 2), number(1, 1)];
        file.extend(message(2, &[locations.concat(), number(2, value.cast_unsigned())]));
    }
    let names: Vec<String> = (0..=values.len()).map(|index| format!("f{index}")).collect();
    for id in 1..=names.len() as u64 {
        file.extend(message(4, &[number(1, id), message(4, &[number(1, id)])]));
        file.extend(message(5, &[number(1, id), number(2, id + 2)]));
    }
    let texts = ["", "cpu", unit].into_iter().chain(names.iter().map(String::as_str));
    file.extend(texts.flat_map(|name| text(6, name)));
    file.extend(number(10, 1_000_000_000));
    file
}

#[test]
fn values_at_the_end_of_what_a_counter_holds() {
    let profile =
        read(&*of_values("nanoseconds", &[5, i64::MAX, i64::MAX - 3, -1, 1 << 53, (1 << 53) + 2])).unwrap();
    assert_eq!(stacks(&profile, 0), ["f0;f1 5", "f0;f5 9007199254740992", "f0;f6 9007199254740994"]);
    let cannot =
        "values that cannot be: negative, infinite, or 2^63 and more, as of a counter that overflowed";
    let negative = "a sample with a negative value: a difference, or a counter that overflowed";
    assert_eq!(
        told(&profile.skipped),
        [(cannot, 2, Some(Place::Record(2))), (negative, 1, Some(Place::Record(4)))]
    );
    let beyond = "values beyond 2^53, exact to 16 digits: a counter may have overflowed";
    assert_eq!(told(&profile.noticed), [(beyond, 1, Some(Place::Record(6)))]);
    // 10^11 seconds are too many nanoseconds.
    let profile = read(&*of_values("seconds", &[5, 100_000_000_000])).unwrap();
    assert_eq!((profile.tree.total(0), profile.skipped.total()), (5e9, 1));
}

#[test]
fn units_that_are_not_known_are_told() {
    let profile = read(&*of_values("furlongs", &[3])).unwrap();
    assert_eq!(profile.measures[0].unit, Unit::Other("furlongs".to_owned()));
    assert_eq!(
        profile.noticed.iter().next().unwrap().reason,
        "cpu is in a unit that is not known, shown as told: furlongs"
    );
    let profile = read(&*of_values("", &[3])).unwrap();
    assert_eq!(profile.noticed.iter().next().unwrap().reason, "cpu has no unit, so that it may be anything");
}

/// The names come last. Whatever is there of a file is read, or it is said that it does not suffice, plain and in gzip.
#[test]
fn what_is_cut_off_is_read_as_far_as_it_goes() {
    let values: Vec<i64> = (1..=40).collect();
    let whole = of_values("nanoseconds", &values);
    let all = read(&*whole).unwrap().tree.total(0);
    let mut read_in_part = 0;
    for length in 20..whole.len() - 1 {
        let Ok(profile) = read(&whole[..length]) else { continue };
        let is_told = profile.skipped.total() + profile.noticed.total() > 0;
        // What is missing at the end is how long was profiled.
        assert!(is_told || length >= whole.len() - 7, "{length}");
        assert!(profile.tree.total(0) <= all, "{length}");
        read_in_part += 1;
    }
    assert!(read_in_part > 100, "{read_in_part}");
    // The names of the last functions are missing.
    let profile = read(&whole[..whole.len() - 60]).unwrap();
    assert_eq!(profile.tree.total(0), all);
    assert_eq!(
        profile.skipped.iter().next().unwrap().reason,
        "what follows: the input is cut off there, or damaged there or before"
    );
    let nameless = "functions whose names are not in the file, shown as [unknown]";
    assert!(told(&profile.noticed).iter().any(|(what, count, _)| *what == nameless && *count > 5));
    // Before any name nothing can be told.
    let names = whole.windows(5).position(|bytes| bytes == b"\x32\x00\x32\x03c").expect("the table");
    let error = read(&whole[..names]).unwrap_err().to_string();
    assert!(error.contains("cut off before the names of functions"), "{error}");

    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&whole).unwrap();
    let packed = packed.finish().unwrap();
    let profile = read(&packed[..packed.len() - 8]).unwrap();
    assert_eq!(profile.tree.total(0), all);
    assert_eq!(profile.skipped.total(), 1, "{:?}", profile.skipped);
    let profile = read(&packed[..packed.len() - 25]).unwrap();
    assert!(profile.tree.total(0) > 0.0 && profile.skipped.total() > 0, "{:?}", profile.skipped);
}

#[test]
fn a_damaged_sample_costs_only_itself() {
    let mut file = of_values("nanoseconds", &[3, 4]);
    file.extend([0x12, 0x03, 0x0a, 0x7f, 0x01]);
    let profile = read(&*file).unwrap();
    assert_eq!(profile.tree.total(0), 7.0);
    assert_eq!(told(&profile.skipped), [("a damaged sample", 1, Some(Place::Record(3)))]);
}
