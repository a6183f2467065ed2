//! What ran when, of formats that tell it.

use profiles::{Profile, Stretch, read};

/// Stretches as texts: `main;a 3`, and before a `|` how many frames go on where that is told.
fn order(profile: &Profile) -> Vec<String> {
    let told = |stretch: &Stretch| {
        let (mut names, mut at) = (Vec::new(), stretch.node);
        while let Some(frame) = profile.tree.frame(at) {
            names.push(profile.frames[frame].name.to_string());
            at = profile.tree.parent(at);
        }
        names.reverse();
        let kept = stretch.kept.map(|kept| format!("{kept}|")).unwrap_or_default();
        format!("{kept}{} {}", names.join(";"), stretch.value)
    };
    profile.sequence.stretches().iter().map(told).collect()
}

/// `a` is called twice in a row, and nothing runs between 9 and 12.
#[test]
fn calls_that_follow_each_other_are_told_apart() {
    let event = |what: &str, frame: u32, at: u32| format!(r#"{{"type":"{what}","frame":{frame},"at":{at}}}"#);
    let events = [
        event("O", 0, 0),
        event("O", 1, 2),
        event("C", 1, 5),
        event("O", 1, 5),
        event("C", 1, 7),
        event("C", 0, 9),
        event("O", 1, 12),
        event("C", 1, 13),
    ];
    let file = format!(
        r#"{{"$schema":"https://www.speedscope.app/file-format-schema.json","shared":{{"frames":[{{"name":"main"}},{{"name":"a"}}]}},
        "profiles":[{{"type":"evented","name":"t","unit":"none","startValue":0,"endValue":13,"events":[{}]}}]}}"#,
        events.join(",")
    );
    let profile = read(file.as_bytes()).expect("a profile");
    assert_eq!(order(&profile), ["main 2", "1|main;a 3", "1|main;a 2", "1|main 2", "0| 3", "0|a 1"]);
}

/// Samples tell no more than which stacks followed which.
#[test]
fn samples_are_kept_in_their_order() {
    let profile = read(include_bytes!("../fixtures/v8/node.cpuprofile").as_slice()).expect("a profile");
    let measure = profile.sequence.measure().expect("an order");
    let sum: f64 = profile.sequence.stretches().iter().map(|stretch| stretch.value).sum();
    assert_eq!((profile.measures[measure].name.as_str(), sum), ("wall", profile.tree.total(measure)));
    let pairs = profile.sequence.stretches().windows(2);
    assert!(pairs.clone().count() > 10 && pairs.clone().all(|pair| pair[0].node != pair[1].node));
}

#[test]
fn folded_stacks_have_no_order() {
    let profile = read(b"main;a 3\nmain;b 2\n".as_slice()).expect("a profile");
    assert_eq!(profile.sequence.measure(), None);
}
