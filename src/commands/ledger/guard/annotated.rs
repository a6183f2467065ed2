//! What a change undoes, with the sentences of those who know better.

use std::fmt::Write as _;

use detectors::figures::clean;
use ledger::undone::{Edited, Reverted, Undone};
use ledger::{EntryId, Notes};
use serde::Serialize;
use whyslow::report::annotation;

/// What a change undoes.
#[derive(Debug, Default, Serialize)]
pub(super) struct Annotations {
    /// Entries that it reverts.
    reverted: Vec<Annotated<Reverted>>,
    /// Lines that entries own and that it edits.
    edited: Vec<Annotated<Edited>>,
}

/// Something of an entry, with its words.
#[derive(Debug, Serialize)]
struct Annotated<T> {
    #[serde(flatten)]
    what: T,
    title: String,
    do_not_undo: Option<String>,
}

impl Annotations {
    /// Adds what entries say.
    pub(super) fn of(undone: Undone, notes: &Notes) -> Self {
        Self {
            reverted: undone
                .reverted
                .into_iter()
                .map(|what| annotated(what.entry.clone(), what, notes))
                .collect(),
            edited: undone
                .edited
                .into_iter()
                .map(|what| annotated(what.entry.clone(), what, notes))
                .collect(),
        }
    }

    /// Whether something is reverted and nobody says why.
    pub(super) fn fail(&self) -> bool {
        self.reverted.iter().any(|reverted| !reverted.what.is_explained)
    }

    /// As annotations of GitHub's workflows.
    pub(super) fn github(&self) -> String {
        let mut text = String::new();
        for Annotated { what, title, do_not_undo } in &self.reverted {
            let level = if what.is_explained { "notice" } else { "error" };
            let sentence = do_not_undo.as_deref().unwrap_or("its entry says what it gave");
            text += &annotation(level, None, &format!("{} is reverted: {title}", what.entry), sentence);
        }
        for Annotated { what, title, do_not_undo } in &self.edited {
            let sentence = do_not_undo.as_deref().unwrap_or("its entry says what it gave");
            let name = format!("a line of {}: {title}", what.entry);
            text += &annotation("warning", Some((&what.path, what.line)), &name, sentence);
        }
        text
    }

    /// In words.
    pub(super) fn text(&self, notes: &Notes) -> String {
        let mut text = String::new();
        for Annotated { what, title, do_not_undo } in &self.reverted {
            let state = if what.is_explained { "reverted, and an entry says why" } else { "reverted" };
            let _ = writeln!(text, "{state}: {}  {}", what.entry, clean(title));
            add_sentence(&mut text, do_not_undo.as_deref());
            if !what.is_explained {
                let _ = writeln!(text, "  say why:  whyslow ledger revert {} --reason '…'", what.entry);
            }
        }
        for Annotated { what, title, do_not_undo } in &self.edited {
            let created =
                notes.get(&what.entry).map_or("", |entry| entry.created.get(..10).unwrap_or_default());
            let _ = writeln!(
                text,
                "{}:{}: a line of {} ({created})  {}",
                clean(&what.path),
                what.line,
                what.entry,
                clean(title)
            );
            add_sentence(&mut text, do_not_undo.as_deref());
        }
        text
    }
}

fn annotated<T>(entry: EntryId, what: T, notes: &Notes) -> Annotated<T> {
    let of = notes.get(&entry).and_then(|entry| entry.optimization());
    Annotated {
        what,
        title: of.map_or(String::new(), |of| of.plan.title.clone()),
        do_not_undo: of.and_then(|of| of.reasons.do_not_undo.clone()),
    }
}

fn add_sentence(text: &mut String, sentence: Option<&str>) {
    if let Some(sentence) = sentence {
        let _ = writeln!(text, "  do not undo: {}", clean(sentence));
    }
}
