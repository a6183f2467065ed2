//! What is written is what was read: forms are read back, and the picture is inferno's.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::io::Write as _;

use flame::{Difference, Graph, OUTPUTS, Work};
use profiles::{Frame, Measure, Profile, Unit, read};

/// A profile from lines of folded stacks.
fn profile(lines: &str) -> Profile {
    read(lines.as_bytes()).unwrap()
}

/// A profile in one of the forms.
fn written(profile: &Profile, form: &str) -> Vec<u8> {
    let output = OUTPUTS.iter().find(|output| output.name == form).unwrap();
    let mut out = Vec::new();
    (output.write)(&Graph::new(profile, "t"), &mut out).unwrap();
    out
}

fn text(profile: &Profile, form: &str) -> String {
    String::from_utf8(written(profile, form)).unwrap()
}

/// What inferno makes of the same lines.
fn by_inferno(lines: &str) -> String {
    let mut options = inferno::flamegraph::Options::default();
    options.title = "t".to_owned();
    options.count_name = "value".to_owned();
    options.deterministic = true;
    let mut out = Vec::new();
    inferno::flamegraph::from_lines(&mut options, lines.lines(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Stacks of a small program, the same for the same seed, in no order.
fn stacks(seed: u64, count: usize) -> String {
    let mut state = seed;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut lines = String::new();
    for _ in 0..count {
        let depth = 1 + random(12);
        let stack: Vec<String> =
            (0..depth).map(|_| format!("f{}", (b'a' + random(6) as u8) as char)).collect();
        lines.push_str(&format!("main;{} {}\n", stack.join(";"), 1 + random(90)));
    }
    lines
}

#[test]
fn folded_stacks_are_read_back() {
    let lines = "main 2\nmain;a;b 30\nmain;a_[k] 20\nmain;c;b;b 10\n";
    assert_eq!(text(&profile(lines), "folded"), lines);
}

/// Two measures of three functions with files, lines and binaries.
fn detailed() -> Profile {
    let mut profile = Profile::new("test");
    let measures = [Measure::new("cpu", Unit::Nanoseconds), Measure::new("alloc_space", Unit::Bytes)];
    let measures = measures.map(|measure| profile.measure(measure).unwrap());
    let frame = |name: &str, line| Frame {
        file: Some("src/main.rs".into()),
        line: Some(line),
        module: Some("/usr/bin/shop".into()),
        ..Frame::named(name)
    };
    let [main, list, b] = [("main", 3), ("list; x", 14), ("</script>", 15)]
        .map(|(name, line)| profile.frames.intern(frame(name, line)));
    for (stack, values) in
        [(&[main][..], [5.0, 0.0]), (&[main, list], [7.0, 64.0]), (&[main, list, b, list], [11.0, 1.0])]
    {
        let node = profile.node(stack.iter().copied(), None);
        measures.iter().zip(values).for_each(|(measure, value)| profile.tree.add(node, *measure, value));
    }
    profile
}

/// Stacks of a measure as texts, each with its value.
fn told(profile: &Profile, measure: usize) -> Vec<(Vec<String>, f64)> {
    let mut stacks = Vec::new();
    for node in profile.tree.nodes().filter(|node| profile.tree.own(*node, measure) > 0.0) {
        let (mut stack, mut at) = (Vec::new(), node);
        while let Some(id) = profile.tree.frame(at) {
            let Frame { name, file, line, .. } = &profile.frames[id];
            stack.push(format!("{name} {} {line:?}", file.as_deref().unwrap_or_default()));
            at = profile.tree.parent(at);
        }
        stack.reverse();
        stacks.push((stack, profile.tree.own(node, measure)));
    }
    stacks.sort_by(|one, other| one.0.cmp(&other.0));
    stacks
}

#[test]
fn pprof_is_read_back() {
    let profile = detailed();
    let again = read(written(&profile, "pprof").as_slice()).unwrap();
    assert_eq!((again.format, &again.measures), ("pprof", &profile.measures));
    for measure in 0..2 {
        assert_eq!(told(&again, measure), told(&profile, measure));
    }
}

/// The format has no names of measures: each is a profile of that name, by which our own files are read back.
#[test]
fn speedscope_is_read_back() {
    let profile = detailed();
    let again = read(written(&profile, "speedscope").as_slice()).unwrap();
    assert_eq!(again.format, "speedscope");
    for (measure, of_profile) in profile.measures.iter().enumerate() {
        assert_eq!(again.measures[measure].name, of_profile.name);
        assert_eq!(told(&again, measure), told(&profile, measure));
    }
}

#[test]
fn pprof_keeps_binaries_times_and_what_is_shown() {
    let mut profile = detailed();
    profile.default_measure = 1;
    profile.start_ns = Some(1_700_000_000_000_000_000);
    profile.duration_ns = Some(30_000_000_000);
    profile.period = Some((profile.measures[0].clone(), 10_000_000.0));
    let again = read(written(&profile, "pprof").as_slice()).unwrap();
    assert_eq!(again.frames.iter().filter(|(_, frame)| frame.module.is_some()).count(), 3);
    assert_eq!(
        (again.default_measure, again.start_ns, again.duration_ns),
        (1, profile.start_ns, profile.duration_ns)
    );
    assert_eq!(again.period, profile.period);
}

#[test]
fn fractions_are_kept() {
    let lines = "main;a 0.25\nmain;b 1.5\n";
    assert_eq!(text(&profile(lines), "folded"), lines);
    assert!(text(&profile(lines), "svg").contains("all (2 value, 100%)"));
}

#[test]
fn a_picture_is_that_of_inferno() {
    for seed in 1..20 {
        let lines = stacks(seed, 400);
        let (ours, theirs) = (boxes(&text(&profile(&lines), "svg")), boxes(&by_inferno(&lines)));
        let first = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
        assert_eq!((first, ours.len()), (None, theirs.len()), "seed {seed}");
    }
}

#[test]
fn a_picture_without_narrow_boxes_is_inferno_s_byte_by_byte() {
    let lines = "main 2\nmain;a;b 30\nmain;a 20\nmain;c;b 40\nmain;c;b;b 10\n";
    assert_eq!(text(&profile(lines), "svg"), by_inferno(lines));
}

#[test]
fn a_function_is_one_box_whatever_is_beside_it() {
    let lines = "m;foo 5\nm;foo::{{closure}};x 3\nm;foo;bar 2\n";
    assert!(boxes(&by_inferno(lines)).iter().any(|of| of.contains("foo (5 value, 50.00%)")));
    assert!(boxes(&text(&profile(lines), "svg")).iter().any(|of| of.contains("foo (7 value, 70.00%)")));
}

#[test]
fn numbers_in_names_stay_in_names() {
    let drawn = text(&profile("main;idle 10\nmain;job 1;thread 12 5\nmain;job 1 5\n"), "svg");
    assert!(drawn.contains("job\u{a0}1 (10 value, 50.00%)"));
    assert!(drawn.contains("thread\u{a0}12 (5 value, 25.00%)"));
}

/// Titles and places of the boxes, without their order.
fn boxes(svg: &str) -> Vec<String> {
    let mut boxes: Vec<String> =
        svg.split("<g>").skip(1).map(|of| of.split("</g>").next().unwrap().to_owned()).collect();
    boxes.sort();
    boxes
}

#[test]
fn a_page_holds_no_name_as_markup() {
    let hostile = "main;</script><script>document.title='run'</script>;<img src=x onerror=alert(1)> 5\n";
    let page = text(&profile(hostile), "html");
    assert_eq!(page.matches("<script").count(), 2);
    assert!(!page.contains("onerror=alert"));
}

#[test]
fn a_title_is_text() {
    let profile = profile("main 1\n");
    let mut out = Vec::new();
    (OUTPUTS[0].write)(&Graph::new(&profile, "</title><b>{{script}}"), &mut out).unwrap();
    let page = String::from_utf8(out).unwrap();
    assert!(page.contains("<title>&lt;/title>&lt;b>{{script}}</title>"));
}

#[test]
fn the_same_profile_gives_the_same_bytes_in_any_order_of_lines() {
    let lines = stacks(3, 300);
    let backwards: String = lines.lines().rev().map(|line| format!("{line}\n")).collect();
    for form in ["html", "folded", "svg"] {
        assert_eq!(written(&profile(&lines), form), written(&profile(&backwards), form), "{form}");
    }
}

#[test]
fn a_difference_has_both_sides() {
    let (before, after) = (profile("m;x 50\nm;y 40\nm;gone 10\n"), profile("m;x 100\nm;y 80\nm;new 20\n"));
    let difference =
        Difference::of((&before, 0, Work::default()), (&after, 0, Work::default()), "t").unwrap();
    let mut out = Vec::new();
    let folded = OUTPUTS.iter().find(|output| output.name == "folded").unwrap();
    (folded.compare.unwrap())(&difference, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "m;gone 10 0\nm;new 0 20\nm;x 50 100\nm;y 40 80\n");
}

#[test]
fn what_has_other_units_is_not_compared() {
    let mut bytes = profile("m;x 50\n");
    bytes.measures[0].unit = Unit::Bytes;
    let samples = profile("m;x 50\n");
    let refused =
        Difference::of((&bytes, 0, Work::default()), (&samples, 0, Work::default()), "t").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "before is value in bytes, after is value in unknown: not the same event and unit; --measure names one that both have"
    );
}

#[test]
fn deep_stacks_are_written() {
    let deep: Vec<String> = (0..9_000).map(|depth| format!("f{depth}")).collect();
    let profile = profile(&format!("{} 1\n", deep.join(";")));
    let mut sink = std::io::sink();
    for output in OUTPUTS {
        (output.write)(&Graph::new(&profile, "t"), &mut sink).unwrap();
    }
    sink.flush().unwrap();
}
