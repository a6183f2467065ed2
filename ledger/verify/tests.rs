use std::fs;

use measurement::Verdict;

use super::*;
use crate::repository::Repository;
use crate::{Statement, samples};

/// A repository with an entry that is committed.
fn repository() -> (Repository, Ledger, EntryFile) {
    let repository = Repository::new().unwrap();
    let ledger = repository.ledger.clone();
    let file = ledger.add("Ada <a@b>", "2026-11-29T03:31:45Z", &samples::improved()).unwrap();
    repository.commit(&[]).unwrap();
    (repository, ledger, file)
}

fn found(ledger: &Ledger) -> Verification {
    verify(ledger, Git::find(ledger.root()).as_ref(), &mut Known::default()).unwrap()
}

fn texts(found: &Verification) -> Vec<&str> {
    found.problems.iter().map(|problem| problem.text.as_str()).collect()
}

fn withdrawal(of: &EntryId, reason: &str) -> What {
    What::Withdrawal(Statement { of: of.clone(), reason: reason.to_owned() })
}

#[test]
fn what_was_written_is_verified() {
    let (_repository, ledger, file) = repository();
    ledger.add("Ada <a@b>", "2026-12-29T03:31:45Z", &withdrawal(&file.id, "x")).unwrap();
    let found = found(&ledger);
    assert_eq!((found.entries, texts(&found), found.notes.len()), (2, vec![], 0));
}

/// The entries of the worked example: their histograms are in the form of HdrHistogram's libraries.
#[test]
fn early_entries_are_verified() {
    let folder = tempfile::tempdir().unwrap();
    let month = folder.path().join(".whyslow/ledger/2026/11");
    fs::create_dir_all(&month).unwrap();
    let early = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/order-list/ledger/2026/11");
    let mut files = fs::read_dir(early).unwrap().map(|file| file.unwrap().path());
    let is_entry = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "json");
    for path in files.by_ref().filter(is_entry) {
        assert!(fs::read_to_string(&path).unwrap().contains("\"histogram\":\"HIST"), "{}", path.display());
        fs::copy(&path, month.join(path.file_name().unwrap())).unwrap();
    }
    let found = verify(&Ledger::of(folder.path()), None, &mut Known::default()).unwrap();
    assert_eq!((found.entries, texts(&found)), (3, vec![]));
}

#[test]
fn an_altered_entry_is_found() {
    let (_repository, ledger, file) = repository();
    let text = fs::read_to_string(&file.path).unwrap();
    fs::write(&file.path, text.replace("one query for each order", "no query for each order")).unwrap();
    assert!(texts(&found(&ledger))[0].starts_with("it was altered: its content has the id "));
}

#[test]
fn an_entry_that_claims_more_than_its_runs_say_is_found_though_its_id_fits() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::of(folder.path());
    let add = |alter: fn(&mut Optimization)| {
        let mut optimization = samples::optimization(100);
        alter(&mut optimization);
        ledger.add("Eve <e@b>", "2026-11-29T03:31:45Z", &What::Optimization(Box::new(optimization))).unwrap();
    };
    add(|claimed| claimed.conclusion.verdict = Verdict::Improved);
    add(|claimed| claimed.conclusion.decision.metrics[0].after_typical /= 2);
    add(|claimed| claimed.conclusion.differences.workload.push("rate".to_owned()));
    add(|claimed| claimed.conclusion.target.as_mut().unwrap().after = None);
    add(|claimed| claimed.after.runs.truncate(4));
    add(|claimed| claimed.conclusion.noise_ppm = Some(1_000_000));
    add(|claimed| {
        claimed.unchanged = Some([samples::side("c0", 0, 100), samples::side("c0", 1, 101)]);
        claimed.conclusion = claimed.concluded_again();
        claimed.conclusion.unchanged.as_mut().unwrap().floor_ppm = 0;
    });
    // As entries were before.
    add(|claimed| claimed.conclusion.noise_ppm = None);
    let found = verify(&ledger, None, &mut Known::default()).unwrap();
    let mut texts = texts(&found);
    texts.sort_unstable();
    assert_eq!(
        texts,
        [
            "its runs before are not as far apart as it says",
            "its sides differ in other things than it says",
            "its statistics are not those of its runs",
            "its statistics are not those of its runs",
            "its verdict is improved, but its runs say equivalent",
            "the same version on both sides is not as far apart as it says",
            "the target was not met as it says",
        ]
    );
}

#[test]
fn a_deleted_entry_is_found_before_and_after_it_is_committed() {
    let (repository, ledger, file) = repository();
    fs::remove_file(&file.path).unwrap();
    assert_eq!(texts(&found(&ledger)), ["it was committed and is not there any more"]);
    repository.commit(&[]).unwrap();
    let found = found(&ledger);
    assert_eq!(found.problems[0].entry, file.id.to_string());
    assert!(found.problems[0].text.starts_with("it was deleted in commit "));
}

#[test]
fn a_missing_parent_is_found_without_git() {
    let (_repository, ledger, file) = repository();
    ledger.add("Ada <a@b>", "2026-12-29T03:31:45Z", &withdrawal(&file.id, "x")).unwrap();
    fs::remove_file(&file.path).unwrap();
    let found = verify(&ledger, None, &mut Known::default()).unwrap();
    assert_eq!(
        texts(&found),
        [
            format!("its parent is missing: {}", file.id),
            format!("the entry that it is about is missing: {}", file.id)
        ]
    );
    assert_eq!(found.notes.len(), 1);
}

#[test]
fn branches_with_new_entries_merge() {
    let (repository, ledger, file) = repository();
    repository.git.run(&["checkout", "--quiet", "-b", "other"]).unwrap();
    ledger.add("Bob <b@b>", "2026-12-01T00:00:00Z", &withdrawal(&file.id, "of one branch")).unwrap();
    repository.commit(&[]).unwrap();
    repository.git.run(&["checkout", "--quiet", "main"]).unwrap();
    ledger.add("Ada <a@b>", "2026-12-01T00:00:00Z", &withdrawal(&file.id, "of the other")).unwrap();
    repository.commit(&[]).unwrap();
    repository.git.run(&["merge", "--quiet", "--no-edit", "other"]).unwrap();
    let notes = ledger.notes().unwrap();
    assert_eq!((notes.entries.len(), notes.heads().len()), (3, 2));
    let third = ledger.add("Ada <a@b>", "2026-12-02T00:00:00Z", &withdrawal(&file.id, "both")).unwrap();
    assert_eq!(ledger.notes().unwrap().heads(), [third.id].into());
    assert_eq!(texts(&found(&ledger)), Vec::<&str>::new());
}

#[test]
fn what_is_known_is_not_worked_out_again_and_altered_bytes_are_found_all_the_same() {
    let (_repository, ledger, file) = repository();
    let mut known = Known::default();
    assert_eq!(texts(&verify(&ledger, None, &mut known).unwrap()), Vec::<&str>::new());
    assert!(known.has(&file.id));
    known.save(ledger.root()).unwrap();
    let mut known = Known::load(ledger.root());
    let remembered = fs::read_to_string(ledger.root().join(".whyslow/verified.json")).unwrap();
    assert!(ledger.root().join(".whyslow/.gitignore").exists());
    assert_eq!(texts(&verify(&ledger, None, &mut known).unwrap()), Vec::<&str>::new());
    let mut bytes = fs::read(&file.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file.path, bytes).unwrap();
    assert_eq!(texts(&verify(&ledger, None, &mut known).unwrap()).len(), 1);
    // What another version has found is worked out again.
    let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(remembered.contains(&version), "{remembered}");
    let other = remembered.replace(&version, "\"version\":\"0.0.0\"");
    fs::write(ledger.root().join(".whyslow/verified.json"), other).unwrap();
    assert!(!Known::load(ledger.root()).has(&file.id));
}

/// Also of an entry that was verified before.
#[test]
fn another_byte_anywhere_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::of(folder.path());
    let first = ledger.add("Ada <a@b>", "2026-11-29T03:31:45Z", &samples::improved()).unwrap();
    let mut known_first = Known::default();
    assert_eq!(texts(&verify(&ledger, None, &mut known_first).unwrap()), Vec::<&str>::new());
    let file = ledger.add("Ada <a@b>", "2026-11-30T00:00:00Z", &withdrawal(&first.id, "no more")).unwrap();
    let mut known = known_first.clone();
    assert_eq!(texts(&verify(&ledger, None, &mut known).unwrap()), Vec::<&str>::new());
    let bytes = fs::read(&file.path).unwrap();
    for place in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[place] ^= 1;
        fs::write(&file.path, &altered).unwrap();
        for mut known in [known.clone(), known_first.clone()] {
            let found = verify(&ledger, None, &mut known).unwrap();
            assert!(found.problems.iter().any(|of| of.entry == file.id.as_str()), "byte {place}");
        }
    }
}

#[test]
fn a_false_claim_is_never_known() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::of(folder.path());
    let mut claimed = samples::optimization(100);
    claimed.conclusion.verdict = Verdict::Improved;
    ledger.add("Eve <e@b>", "2026-11-29T03:31:45Z", &What::Optimization(Box::new(claimed))).unwrap();
    let mut known = Known::default();
    for _ in 0..2 {
        assert_eq!(verify(&ledger, None, &mut known).unwrap().problems.len(), 1);
    }
}

#[test]
fn what_the_base_has_is_not_worked_out_again_but_hashed_all_the_same() {
    let (repository, ledger, file) = repository();
    let mut claimed = samples::optimization(100);
    claimed.conclusion.verdict = Verdict::Improved;
    let add = |what: What| ledger.add("Eve <e@b>", "2026-11-29T03:31:46Z", &what).unwrap();
    let wrong = add(What::Optimization(Box::new(claimed)));
    let git = Git::find(ledger.root()).unwrap();
    let verified = || {
        let mut known = Known::default();
        known.vouch(entries_of(&git, "HEAD").unwrap());
        verify(&ledger, Some(&git), &mut known).unwrap()
    };
    // The base has the first entry alone: the new one is worked out.
    assert_eq!(texts(&verified()), ["its verdict is improved, but its runs say equivalent"]);
    repository.commit(&[]).unwrap();
    assert_eq!(texts(&verified()), Vec::<&str>::new());
    assert!(entries_of(&git, "HEAD").unwrap().contains(&wrong.id) && entries_of(&git, "nothing").is_err());
    let text = fs::read_to_string(&file.path).unwrap();
    fs::write(&file.path, text.replace("one query for each order", "no query for each order")).unwrap();
    assert!(texts(&verified())[0].starts_with("it was altered: its content has the id "));
}
