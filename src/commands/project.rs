//! The project that a command works in.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The folder that the ledger belongs to: the nearest, from the current one up, with `.whyslow` or `.git`; else the current one.
pub(super) fn root() -> anyhow::Result<PathBuf> {
    let folder = std::env::current_dir().context("cannot tell the current folder")?;
    Ok(above(&folder).unwrap_or(&folder).to_owned())
}

fn above(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|folder| folder.join(".whyslow").is_dir() || folder.join(".git").exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_folder_with_a_ledger_or_a_repository_is_it() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let inner = folder.path().join("a/b");
        std::fs::create_dir_all(&inner)?;
        std::fs::create_dir(folder.path().join(".git"))?;
        assert_eq!(above(&inner), Some(folder.path()));
        std::fs::create_dir(folder.path().join("a/.whyslow"))?;
        assert_eq!(above(&inner), Some(folder.path().join("a").as_path()));
        Ok(())
    }
}
