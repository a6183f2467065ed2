//! The text of `perf script`.

use profiles::{Kind, Measure, Place, Unit, read};

use crate::shown::{fixture, frame_named, function, stacks};

#[test]
fn event_types_are_never_mixed() {
    let profile = fixture("perf/two-events.txt");
    assert_eq!(
        profile.measures,
        [
            Measure::new("page-faults", Unit::Count),
            Measure::new("samples of page-faults", Unit::Samples),
            Measure::new("cpu-clock", Unit::Nanoseconds),
            Measure::new("samples of cpu-clock", Unit::Samples),
        ]
    );
    assert_eq!((profile.tree.total(1), profile.tree.total(3)), (10.0, 43.0));
    let clock = profile.tree.total(2);
    assert!(clock > 43.0 * 15e6 && clock < 43.0 * 25e6, "50 samples a second: {clock}");
    assert_eq!(function(&profile, "hash_rows", 1), (0.0, 0.0));
    assert!(function(&profile, "hash_rows", 3).0 > 20.0);
    assert_eq!(frame_named(&profile, "do_syscall_64").kind, Some(Kind::Kernel));
    assert_eq!(frame_named(&profile, "spin").kind, Some(Kind::Thread));
    assert!(profile.skipped.is_empty() && profile.noticed.is_empty());
}

#[test]
fn frames_of_all_kinds() {
    let text = "\
# a comment
Web Content 12/13 [001] 5.5:   100 cycles:ppp: 
\t    7f01 int std::min<int>(int, int) (inlined)
\t    7f00 sort(std::vector<int>&)+0x10 (/usr/bin/app (deleted))
\t    7e00 Lapp/A;::run->Lapp/B;::step+0x4 (/tmp/perf-12.map)
\t    0 [unknown] (/usr/lib/libjvm.so)
\t    0 [unknown] ([unknown])

not an event
Web Content 12/13 [001] 5.6:   50 cycles:ppp:  7f00 sort(std::vector<int>&)+0x18 (/usr/bin/app)
one 1 6.0:   7 cycles:ppp: 
";
    let profile = read(text.as_bytes()).unwrap();
    assert_eq!(profile.measures, [Measure::new("cycles", Unit::Cycles), Measure::samples()]);
    assert_eq!(
        stacks(&profile, 0),
        [
            "Web Content;[unknown];[libjvm.so];Lapp/A;::run;Lapp/B;::step;sort(std::vector<int>&);int std::min<int>(int, int) 100",
            "Web Content;sort(std::vector<int>&) 50",
            "one 7",
        ]
    );
    let kind = |name| frame_named(&profile, name).kind;
    assert_eq!(kind("int std::min<int>(int, int)"), Some(Kind::Inlined));
    assert_eq!((kind("Lapp/A;::run"), kind("Lapp/B;::step")), (Some(Kind::Jit), Some(Kind::Inlined)));
    let skipped: Vec<_> = profile.skipped.iter().map(|counted| (counted.count, counted.first)).collect();
    assert_eq!(skipped, [(1, Some(Place::Line(9)))]);
}

#[test]
fn deep_recursion_keeps_the_root() {
    let frames = "\t55 f+0x1 (app)\n".repeat(100_000);
    let text = format!("app 1 5.5: 3 cycles: \n{frames}\t44 main+0x1 (app)\n\n");
    let profile = read(text.as_bytes()).unwrap();
    assert_eq!(profile.tree.len(), profiles::DEPTH_MAX + 1);
    assert_eq!(function(&profile, "main", 0), (0.0, 3.0));
    assert_eq!(profile.noticed.total(), 1);
}
