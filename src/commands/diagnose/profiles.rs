//! Profiles among what is given: `whyslow diagnose traces.json cpu.pb.gz`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use detectors::evidence::sampled::SampledProfiles;
use whyslow::sampled::of_profile;

use crate::commands::UsageError;

/// What is given, profiles apart.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// What is no profile.
    pub(super) others: Vec<PathBuf>,
    /// What profiles say of processors.
    pub(super) sampled: SampledProfiles,
    /// What to say of profiles that say nothing.
    pub(super) notes: Vec<String>,
}

impl Given {
    /// Reads `profiles`, and what among `paths` is one by its content.
    pub(super) fn of(paths: &[PathBuf], profiles: &[PathBuf]) -> anyhow::Result<Self> {
        let mut given = Self::default();
        for path in profiles {
            given.read(path)?;
        }
        for path in paths {
            match ::profiles::is_profile(path) {
                true => given.read(path)?,
                false => given.others.push(path.clone()),
            }
        }
        if given.others.is_empty() && !paths.is_empty() {
            let only = "there are only profiles: `whyslow flame` draws them; give the traces of the same time beside them";
            return Err(UsageError(only.to_owned()).into());
        }
        Ok(given)
    }

    fn read(&mut self, path: &Path) -> anyhow::Result<()> {
        let name = path.display().to_string();
        let profile =
            ::profiles::read_file(path).with_context(|| format!("the profile {name} cannot be read"))?;
        match of_profile(&profile, &name) {
            Some(sampled) => {
                if !self.sampled.push(sampled) {
                    self.notes.push(format!("{name}: too few samples of work to say anything, left out"));
                }
            }
            None => self.notes.push(format!("{name}: a profile of something else than processors, left out")),
        }
        if profile.skipped.total() > 0 {
            self.notes.push(format!("{name}: {} could not be read", profile.skipped.total()));
        }
        Ok(())
    }
}
