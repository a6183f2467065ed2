//! Folded stacks: what must be read from fixtures and from awkward lines.

use crate::shown::{fixture, frame_named, function, stacks};
use std::io::Write;

use profiles::{Kind, Measure, NodeId, Place, Unit, read};

#[test]
fn recursion_counts_once_in_a_total() {
    let profile = fixture("folded/recursion.folded");
    assert_eq!(profile.tree.total(0), 100.0);
    assert_eq!(profile.measures, [Measure::new("value", Unit::Unknown)]);
    for (name, own, total) in [("main", 0.0, 100.0), ("a", 20.0, 50.0), ("b", 80.0, 80.0), ("c", 0.0, 50.0)] {
        assert_eq!(function(&profile, name, 0), (own, total), "{name}");
    }
}

#[test]
fn a_name_that_begins_as_its_sibling_splits_nothing() {
    let profile = read(&b"m;foo 5\nm;foo::{{closure}};x 3\nm;foo;bar 2\n"[..]).unwrap();
    assert_eq!(function(&profile, "foo", 0), (5.0, 7.0));
    assert_eq!(profile.tree.len(), 6);
}

#[test]
fn awkward_lines() {
    let profile = fixture("folded/awkward.folded");
    assert_eq!(
        stacks(&profile, 0),
        [
            "a b;c d 3",
            "m;T<A;B> 1",
            "m;empty;(no name);frame 1",
            "m;f(int, char*) 2",
            "m;op 1.75",
            "m;trail 2",
            "m;win 4",
        ]
    );
    let skipped: Vec<_> =
        profile.skipped.iter().map(|counted| (&*counted.reason, counted.count, counted.first)).collect();
    assert_eq!(skipped, [("no number at the end", 1, Some(Place::Line(7)))]);
}

#[test]
fn lines_move_within_a_function() {
    let profile = fixture("folded/py-spy.folded");
    let busy = frame_named(&profile, "busy");
    assert_eq!((busy.file.as_deref(), busy.line), (Some("spin.py"), Some(7)));
    assert_eq!(function(&profile, "busy", 0), (1.0, 199.0));
    assert_eq!(profile.tree.total(0), 212.0);
}

#[test]
fn kinds_are_no_part_of_names() {
    let profile = read(&b"java;run_[j];copy_[i];do_syscall_64_[k] 7\n"[..]).unwrap();
    let kinds: Vec<_> = profile.frames.iter().map(|(_, frame)| (&*frame.name, frame.kind)).collect();
    let expected = [
        ("java", None),
        ("run", Some(Kind::Jit)),
        ("copy", Some(Kind::Inlined)),
        ("do_syscall_64", Some(Kind::Kernel)),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn two_numbers_are_before_and_after() {
    let profile = read(&b"m;x 50 100\nm;gone 10 0\nm;new 0 20\nm;odd 3\n"[..]).unwrap();
    assert_eq!(profile.measures.iter().map(|measure| &*measure.name).collect::<Vec<_>>(), ["value"]);
    let profile = read(&b"m;x 50 100\nm;gone 10 0\nm;new 0 20\n"[..]).unwrap();
    assert_eq!((profile.tree.total(0), profile.tree.total(1)), (60.0, 120.0));
}

#[test]
fn any_encoding_and_any_line_end() {
    let text = "m;größe;🦀 3\r\nm;b 4\r\n";
    let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    for bytes in [text.as_bytes().to_vec(), marked, utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)] {
        let profile = read(&*bytes).unwrap();
        assert_eq!(stacks(&profile, 0), ["m;b 4", "m;größe;🦀 3"]);
    }
}

#[test]
fn a_stack_of_a_million_frames_is_cut_and_said_so() {
    let line = format!("{}x 5\nf;f;y 2\n", "f;".repeat(1_000_000));
    let profile = read(line.as_bytes()).unwrap();
    assert_eq!(profile.tree.total(0), 7.0);
    assert_eq!(profile.tree.len(), profiles::DEPTH_MAX + 2);
    assert_eq!(profile.noticed.total(), 1);
    assert_eq!(function(&profile, "f", 0), (5.0, 7.0));
    assert_eq!(profile.tree.children(|_| ()).depth_first(NodeId::ROOT).count(), profile.tree.len());
}

#[test]
fn values_that_are_none() {
    let profile = read(&b"a 1\nb -2\nc nan\nd 1e300\ne inf\n 5\n;;; 4\nf 2\n"[..]).unwrap();
    assert_eq!((profile.records, profile.skipped.total()), (3, 5));
    for nothing in ["", "hello\n", "just some words\nand a number\n", "\u{0}\u{1} 5"] {
        assert!(read(nothing.as_bytes()).is_err(), "{nothing:?}");
    }
}

#[test]
fn what_is_there_of_a_compressed_file_that_is_cut_off() {
    let text: String =
        (0..40_000).map(|number| format!("main;f{};g{} 1\n", number % 97, number * 7919 % 10_007)).collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    assert_eq!(read(&*packed).unwrap().tree.total(0), 40_000.0);
    let profile = read(&packed[..packed.len() / 2]).unwrap();
    assert!(profile.records > 1_000 && profile.records < 30_000, "{}", profile.records);
    assert_eq!(profile.skipped.total(), 1);
    let profile = read(&packed[..3_000]).unwrap();
    assert!(profile.records > 10 && profile.skipped.total() >= 1, "{}", profile.records);
}

#[test]
fn what_is_no_profile_says_what_would_help() {
    let told = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    assert_eq!(told(b""), "empty");
    assert!(told(b"<?xml version=\"1.0\"?><svg width=\"1200\">").contains("the file that it was drawn from"));
    assert!(told(b"heap profile: 1: 2 [3: 4] @ heap/1048576\n").contains("pprof -proto"));
    assert!(told(b"\x28\xb5\x2f\xfd....").contains("decompress it first"));
}
