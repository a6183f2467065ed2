//! Recordings of `perf`: numbers are those that `perf script` tells of the same file.

use std::io::Read;

use crate::shown::{fixture, frame_named, function};
use profiles::{Kind, Measure, Place, Unit, read};

/// The recording, decompressed.
fn bytes() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/perf/spin.data.gz");
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).expect("the fixture");
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("the fixture");
    bytes
}

#[test]
fn samples_and_periods_by_thread_and_event() {
    let profile = fixture("perf/spin.data.gz");
    assert_eq!((profile.format, profile.records), ("perf.data", 83));
    assert!(profile.skipped.is_empty(), "{:?}", profile.skipped);
    let names = ["page-faults", "samples of page-faults", "cpu-clock", "samples of cpu-clock"];
    let units = [Unit::Count, Unit::Samples, Unit::Nanoseconds, Unit::Samples];
    let measures: Vec<_> =
        names.into_iter().zip(units).map(|(name, unit)| Measure::new(name, unit)).collect();
    assert_eq!(profile.measures, measures);
    let totals = |name: &str| [0, 1, 2, 3].map(|measure| function(&profile, name, measure).1);
    assert_eq!(totals("spin"), [546.0, 5.0, 595_959_590.0, 59.0]);
    assert_eq!(totals("second thread"), [0.0, 0.0, 191_919_190.0, 19.0]);
    assert_eq!(frame_named(&profile, "second thread").kind, Some(Kind::Thread));
}

#[test]
fn stacks_are_places_in_binaries() {
    let profile = fixture("perf/spin.data.gz");
    // In `main`, behind the calls of `list` and `total`; in both; and in `second`, behind that of `work`.
    for (place, samples) in [
        ("[spin]+0x12be", 39.0),
        ("[spin]+0x12c3", 20.0),
        ("[spin]+0x124d", 39.0),
        ("[spin]+0x127d", 20.0),
        ("[spin]+0x122e", 19.0),
        ("[spin]+0x11b4", 5.0),
    ] {
        assert_eq!(function(&profile, place, 3), (0.0, samples), "{place}");
    }
    assert_eq!(frame_named(&profile, "[spin]+0x12be").module.as_deref(), Some("/tmp/spin/spin"));
    assert_eq!(function(&profile, "[spin]", 3), (72.0, 72.0));
    assert_eq!(function(&profile, "[vdso]", 3).0, 1.0);
    assert_eq!(function(&profile, "[libc.so.6]", 3).0, 1.0);
    assert_eq!(function(&profile, "[kernel.kallsyms]", 3), (4.0, 4.0));
    assert_eq!(function(&profile, "[kernel.kallsyms]", 1), (2.0, 2.0));
    assert_eq!(frame_named(&profile, "[kernel.kallsyms]").kind, Some(Kind::Kernel));
}

#[test]
fn a_recording_that_was_not_ended_is_read() {
    let mut bytes = bytes();
    let begin = u64::from_le_bytes(bytes[40..48].try_into().unwrap());
    let length = u64::from_le_bytes(bytes[48..56].try_into().unwrap());
    // Killed: the size of the records is zero, and nothing is behind them. Then names of events are in no section.
    bytes[48..56].fill(0);
    bytes[72..80].fill(0);
    bytes.truncate((begin + length) as usize);
    let profile = read(&*bytes).unwrap();
    assert_eq!((profile.records, profile.tree.total(1), profile.tree.total(3)), (83, 5.0, 78.0));
    assert_eq!(profile.measures[1].name, "samples of event 2");
    bytes.truncate(bytes.len() - 20);
    let profile = read(&*bytes).unwrap();
    assert_eq!(profile.skipped.total(), 1);
    assert!(matches!(profile.skipped.iter().next().unwrap().first, Some(Place::Byte(at)) if at > begin));
}

#[test]
fn sizes_that_cannot_be_are_refused_or_cut() {
    let whole = bytes();
    for place in [8, 16, 24, 32, 40, 48] {
        for value in [0, 1, 7, 1 << 40, u64::MAX, u64::MAX - 7] {
            let mut bytes = whole.clone();
            bytes[place..place + 8].copy_from_slice(&value.to_le_bytes());
            if let Ok(profile) = read(&*bytes) {
                assert!(profile.records <= 83, "{place} {value}");
            }
        }
    }
    let pipe = [b"PERFILE2".as_slice(), &16_u64.to_le_bytes(), &[0; 200]].concat();
    assert!(read(&*pipe).unwrap_err().to_string().contains("perf script"));
}
