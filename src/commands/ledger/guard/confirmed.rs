//! Times beyond their bound, and whether measuring again has confirmed that they are worse than they were.

use ledger::{EntryNote, Git, Guard, Notes, Outcome, ReMeasurement, SideNote, What};

use super::judged::{Judged, State};

/// Decides on a guard that needs measuring again, where that was done with the code as it is now.
pub(super) fn look(guard: &mut Judged, notes: &Notes, git: Option<&Git>) {
    if guard.state != State::Unconfirmed || matches!(guard.guard, Guard::FrameShare { .. }) {
        return;
    }
    let again = git.and_then(|git| newest(guard, notes, git));
    let found = again.and_then(|(entry, again)| match again.outcome {
        Outcome::Decayed => Some((State::Broken, entry, "measured again, it is worse than it was")),
        Outcome::Holds => Some((State::Holds, entry, "measured again, it is as it was")),
        Outcome::Inconclusive | Outcome::NotComparable => None,
    });
    guard.text = match found {
        Some((_, entry, told)) => format!("{}; {told} ({})", guard.text, entry.id),
        None => {
            format!("{}: measure it again to tell (whyslow ledger remeasure {})", guard.text, guard.entry)
        }
    };
    guard.state = found.map_or(State::Unconfirmed, |(state, ..)| state);
    guard.fails = guard.state == State::Broken;
}

/// The newest re-measurement of the guard's entry of the code as it is now: since then at most the ledger has changed.
fn newest<'n>(
    guard: &Judged,
    notes: &'n Notes,
    git: &Git,
) -> Option<(&'n EntryNote, &'n ReMeasurement<SideNote>)> {
    let head = git.commit("HEAD").ok()?;
    let is_now = |again: &ReMeasurement<SideNote>| {
        let version = again.version.as_ref().filter(|version| version.uncommitted_sha256.is_none());
        version.is_some_and(|version| git.diff(&version.commit, &head).is_ok_and(|diff| diff.is_empty()))
    };
    let mut of_entry = notes.entries.iter().rev().filter_map(|entry| match &entry.what {
        What::ReMeasurement(again) if again.of == guard.entry => Some((entry, &**again)),
        _ => None,
    });
    of_entry.find(|(_, again)| is_now(again))
}
