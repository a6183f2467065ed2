//! `--anonymize`.

use std::path::{Path, PathBuf};

use detectors::figures::counted;
use whyslow::anonymized::{self, Error};

use crate::commands::{UsageError, say};

/// Writes copies of query logs and says what was left out.
pub(super) fn write(paths: &[PathBuf], folder: &Path) -> anyhow::Result<()> {
    let copied = anonymized::write(paths, folder).map_err(|error| match error {
        Error::Refused(_) => UsageError(error.to_string()).into(),
        other => anyhow::Error::from(other),
    })?;
    let logs = counted(copied.files, "anonymized copy");
    say(format_args!("{logs} in {}", folder.display()));
    if copied.left_out > 0 {
        say(format_args!("{} not recognised and left blank there", counted(copied.left_out, "record")));
    }
    if copied.unknown > 0 {
        say(format_args!("{} in no known format and not copied", counted(copied.unknown, "file")));
    }
    Ok(())
}
