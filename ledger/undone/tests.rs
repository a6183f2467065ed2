use super::*;
use crate::repository::Repository;
use crate::{Change, ChangeKind, Statement, samples};

type Tested = Result<(), Box<dyn std::error::Error>>;

const BEFORE: &str = "one\ntwo\nthree\nfour\nfive\n";
const AFTER: &str = "one\n2\n2b\nfour\nfive\n";

/// A repository whose second commit an entry owns, on a branch of its own behind `main`.
fn optimized() -> Result<(Repository, EntryId), Box<dyn std::error::Error>> {
    let repository = Repository::new()?;
    let before = repository.git.version()?;
    let after = repository.commit(&[("src/orders.rs", AFTER)])?;
    let mut optimization = samples::optimization(60);
    optimization.change = Change::between(&repository.git, ChangeKind::Query, Some(before), Some(after))?;
    optimization.conclusion = optimization.concluded_again();
    let what = What::Optimization(Box::new(optimization));
    let file = repository.ledger.add("Ada <a@b>", "2026-11-29T03:31:45Z", &what)?;
    repository.commit(&[])?;
    repository.git.run(&["checkout", "--quiet", "-b", "later"])?;
    Ok((repository, file.id))
}

fn undone(repository: &Repository) -> Result<Undone, Box<dyn std::error::Error>> {
    let notes = repository.ledger.notes()?;
    Ok(Proposed::since(&repository.git, "main")?.undone(&repository.git, &notes)?)
}

fn reverted(entry: &EntryId, is_explained: bool) -> Vec<Reverted> {
    vec![Reverted { entry: entry.clone(), is_explained }]
}

#[test]
fn a_change_elsewhere_undoes_nothing() -> Tested {
    let (repository, _) = optimized()?;
    repository.commit(&[("src/customers.rs", "x\n"), ("src/orders.rs", "one\n2\n2b\nfour\nfive\nsix\n")])?;
    assert_eq!(undone(&repository)?, Undone::default());
    Ok(())
}

#[test]
fn a_revert_is_found_and_needs_an_entry_that_says_why() -> Tested {
    let (repository, entry) = optimized()?;
    repository.git.run(&["revert", "--no-edit", "HEAD~1"])?;
    assert_eq!(undone(&repository)?.reverted, reverted(&entry, false));
    let why = Statement { of: entry.clone(), reason: "wrong totals".to_owned() };
    repository.ledger.add("Ada <a@b>", "2026-12-01T00:00:00Z", &What::Reversion(why))?;
    assert_eq!(undone(&repository)?.reverted, reverted(&entry, true));
    Ok(())
}

#[test]
fn a_revert_by_hand_among_other_changes_is_found_too() -> Tested {
    let (repository, entry) = optimized()?;
    repository.write(&[("src/orders.rs", BEFORE), ("src/customers.rs", "x\n")])?;
    assert_eq!(undone(&repository)?.reverted, reverted(&entry, false));
    Ok(())
}

#[test]
fn an_edit_of_a_line_that_an_entry_owns_is_told_with_its_line() -> Tested {
    let (repository, entry) = optimized()?;
    repository.write(&[("src/orders.rs", "zero\none\n2\nother\nfour\nfive\n")])?;
    let found = undone(&repository)?;
    assert_eq!(found.reverted, []);
    assert_eq!(found.edited, [Edited { path: "src/orders.rs".to_owned(), line: 3, entry }]);
    Ok(())
}

#[test]
fn lines_are_owned_after_a_rename_and_a_rebase() -> Tested {
    let (repository, entry) = optimized()?;
    repository.git.run(&["checkout", "--quiet", "-b", "rebased", "main~2"])?;
    repository.commit(&[("README", "first\n")])?;
    repository.git.run(&["cherry-pick", "main~1", "main"])?;
    repository.git.run(&["mv", "src/orders.rs", "src/list.rs"])?;
    repository.commit(&[])?;
    let notes = repository.ledger.notes()?;
    let mut owners = Owners::of(&repository.git, &notes);
    let ids = |entries: &[&EntryNote]| entries.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>();
    let of_line = owners.why("src/list.rs", Some(2))?;
    assert_eq!((ids(&of_line.own), of_line.near.len()), (vec![entry.clone()], 0));
    let elsewhere = owners.why("src/list.rs", Some(5))?;
    assert_eq!((elsewhere.own.len(), ids(&elsewhere.near)), (0, vec![entry]));
    assert!(owners.why("src/list.rs", Some(99)).is_err());
    Ok(())
}
