use super::*;
use crate::samples;

fn sample() -> Written {
    written("Ada <ada@example.org>", "2026-11-29T03:31:45Z", &[], &samples::improved()).unwrap()
}

#[test]
fn an_entry_is_read_as_it_was_written() {
    let Written { id, bytes } = sample();
    let entry: Entry = read(&bytes).unwrap();
    assert_eq!(entry.id, id);
    assert_eq!(entry.what, samples::improved());
    assert_eq!(written(&entry.author, &entry.created, &entry.parents, &entry.what).unwrap(), sample());
    assert_eq!(check_id(&bytes, &id), Ok(()));
}

#[test]
fn its_form_is_canonical_and_its_id_the_hash_without_the_id() {
    let Written { id, bytes } = sample();
    let mut value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!([&serde_jcs::to_vec(&value).unwrap()[..], b"\n"].concat(), bytes);
    value.as_object_mut().unwrap().remove("id");
    assert_eq!(EntryId::of([&serde_jcs::to_vec(&value).unwrap()[..]]), id);
}

#[test]
fn another_byte_anywhere_is_found() {
    let Written { id, bytes } = sample();
    for place in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[place] ^= 1;
        assert!(check_id(&altered, &id).is_err(), "byte {place}");
    }
    for length in 0..bytes.len() {
        assert!(check_id(&bytes[..length], &id).is_err(), "cut at {length}");
    }
}

#[test]
fn what_looks_like_an_id_in_a_text_is_none() {
    let author = "\",\"id\":\"xj4bnp4pahh6uqkb\",\"parents\":[";
    let written = written(author, "2026-11-29T03:31:45Z", &[], &samples::improved()).unwrap();
    assert_eq!(check_id(&written.bytes, &written.id), Ok(()));
    assert_eq!(read::<SideNote>(&written.bytes).unwrap().author, author);
}

#[test]
fn numbers_that_json_rounds_are_refused() {
    let mut optimization = samples::optimization(60);
    optimization.plan.started_s = 1 << 53;
    let what = What::Optimization(Box::new(optimization));
    let refused = written("a", "2026-11-29T03:31:45Z", &[], &what);
    assert!(matches!(refused, Err(EntryProblem::Unwritable(reason)) if reason.contains("9007199254740992")));
}

#[test]
fn other_versions_and_fields_are_refused() {
    let text = String::from_utf8(sample().bytes).unwrap();
    let other = text.replace(SCHEMA, "whyslow-ledger/2");
    assert!(matches!(read::<SideNote>(other.as_bytes()), Err(EntryProblem::Unreadable(_))));
    let more = text.replace("\"schema\":", "\"schema2\":1,\"schema\":");
    assert!(matches!(read::<SideNote>(more.as_bytes()), Err(EntryProblem::Unreadable(_))));
}

#[test]
fn measuring_again_holds_decays_or_does_not_compare() {
    let then = samples::optimization(60);
    let again = |commit, slot, ms, kernel: &str| {
        let mut now = samples::side(commit, slot, ms);
        now.environment.as_mut().unwrap().kernel = kernel.to_owned();
        ReMeasurement::of(sample().id, &then.plan, &then.after, None, now)
    };
    assert_eq!(again("c9", 2, 60, "6.1").outcome, Outcome::Holds);
    assert_eq!(again("c9", 2, 90, "6.1").outcome, Outcome::Decayed);
    let elsewhere = again("c9", 2, 60, "6.6");
    assert_eq!(elsewhere.outcome, Outcome::NotComparable);
    assert_eq!(elsewhere.differences, ["kernel: 6.1 before, 6.6 after"]);
}

#[test]
fn a_second_change_caps_the_verdict_unless_a_reason_is_given() {
    let mut optimization = samples::optimization(60);
    optimization.after.environment.as_mut().unwrap().kernel = "6.6".to_owned();
    let capped = optimization.concluded_again();
    assert_eq!(capped.verdict, Verdict::Inconclusive);
    assert!(capped.is_capped());
    optimization.confounded = Some("the kernel was measured apart and gives 0.1 %".to_owned());
    assert_eq!(optimization.concluded_again().verdict, Verdict::Improved);
}
