//! The two sides of a comparison: two paths, or one folder whose files and folders are named after their sides.

use std::path::{Path, PathBuf};

use crate::commands::UsageError;

/// What names of each side begin with.
const NAMES: [&str; 2] = ["before", "after"];

/// How two sides are given.
pub(super) const WANTED: &str = "two sides are wanted: BEFORE AFTER, or --before and --after";

/// What a folder holds of each side, in the order of names.
///
/// # Errors
///
/// It is no folder, cannot be read, or holds nothing of a side.
pub(super) fn in_folder(folder: &Path) -> anyhow::Result<[Vec<PathBuf>; 2]> {
    let shown = folder.display();
    if !folder.is_dir() {
        return Err(UsageError(format!("{shown} is one side; {WANTED}")).into());
    }
    let listed = std::fs::read_dir(folder).and_then(|files| files.collect::<Result<Vec<_>, _>>());
    let listed = listed.map_err(|error| UsageError(format!("cannot read {shown}: {error}")))?;
    let mut paths: Vec<PathBuf> = listed.into_iter().map(|file| file.path()).collect();
    paths.sort();
    let sides = NAMES.map(|name| paths.iter().filter(|path| is_of(path, name)).cloned().collect::<Vec<_>>());
    match sides.iter().any(Vec::is_empty) {
        true => {
            let words = "holds both sides only where files or folders in it are named before… and after…";
            Err(UsageError(format!("{shown} is one folder, which {words}; {WANTED}")).into())
        }
        false => Ok(sides),
    }
}

fn is_of(path: &Path, side: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name.starts_with(side)
}
