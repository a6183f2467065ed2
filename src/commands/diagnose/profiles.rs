//! Profiles among what is given: `whyslow diagnose traces.json cpu.pb.gz`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use detectors::evidence::sampled::SampledProfiles;
use whyslow::ingest::sorted;
use whyslow::sampled::of_profile;

use crate::commands::{UsageError, say};

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
                false => {
                    if is_folded_alone(path) {
                        let name = path.display();
                        say(format_args!(
                            "{name} looks like folded stacks: they are read as a profile by --profile {name}"
                        ));
                    }
                    given.others.push(path.clone());
                }
            }
        }
        given.tell_of_services();
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
        let sampled = of_profile(&profile, &name);
        if sampled.is_empty() {
            self.notes.push(format!("{name}: a profile of something else than processors, left out"));
        }
        for one in sampled {
            let of = one.service.as_deref().map(|service| format!(", {service}")).unwrap_or_default();
            if !self.sampled.push(one) {
                self.notes.push(format!("{name}{of}: too few samples of work to say anything, left out"));
            }
        }
        if let Some(first) = profile.skipped.iter().next() {
            let place = first.first.map(|place| format!(" at {place}")).unwrap_or_default();
            let total = profile.skipped.total();
            self.notes.push(format!("{name}: {total} could not be read, the first{place}: {}", first.reason));
        }
        Ok(())
    }

    /// Says what is not used of several profiles.
    fn tell_of_services(&mut self) {
        let unknown = self.sampled.of_unknown_service();
        if !unknown.is_empty() {
            self.notes.push(format!(
                "{}: which service each is of is told by the name of its file alone (orders.pb.gz); of other services only functions \
                 that traces name are looked for in it",
                unknown.join(", ")
            ));
        }
    }
}

/// Whether a file looks like folded stacks, and like no log.
fn is_folded_alone(path: &Path) -> bool {
    let is_evidence =
        || sorted(&[path.to_owned()], None, |_| true).is_ok_and(|sorted| !sorted.evidence.is_empty());
    ::profiles::may_be_folded(path) && !is_evidence()
}
