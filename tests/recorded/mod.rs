//! Recorded cases: folders `fixtures/<detector>/<case>`, what they say of themselves, and what is found in them.
#![allow(dead_code, reason = "each test uses what it needs")]

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Folders of cases that hold a recording, in the order of their names.
pub(crate) fn cases(holds_one: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let folders = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect()
    };
    let all = folders(&root).into_iter().flat_map(|detector| folders(&detector));
    let mut cases: Vec<PathBuf> = all.filter(|case| holds_one(case)).collect();
    cases.sort();
    cases
}

/// What `case.toml` says: whether the detector that the case is kept under must fire, and, where
/// other subjects do not matter, how the text of the subject begins.
#[derive(Deserialize)]
pub(crate) struct Described {
    pub(crate) fires: bool,
    #[serde(default)]
    pub(crate) subject: String,
}

pub(crate) fn described(case: &Path) -> Described {
    toml::from_str(&fs::read_to_string(case.join("case.toml")).unwrap()).unwrap()
}

/// The cases of one detector among others.
pub(crate) fn of_detector<'c>(cases: &'c [PathBuf], id: &'c str) -> impl Iterator<Item = &'c PathBuf> {
    cases.iter().filter(move |case| case.parent().unwrap().ends_with(id))
}

/// How facts differ from those beside the case; `UPDATE_EXPECT` writes them anew.
pub(crate) fn difference(case: &Path, facts: &impl Serialize) -> Option<String> {
    let found = serde_json::to_string_pretty(facts).unwrap() + "\n";
    let path = case.join("expected.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    (found != expected).then(|| format!("{}\nexpected {expected}found {found}", case.display()))
}
