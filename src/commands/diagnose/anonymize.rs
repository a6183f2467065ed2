//! `--anonymize`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use detectors::figures::counted;
use tempfile::TempDir;
use whyslow::anonymized::{self, Error};
use whyslow::ingest::Input;

use crate::commands::{UsageError, say};

/// What paths name, with standard input as a file, as it is read twice.
pub(super) struct Kept {
    pub(super) paths: Vec<PathBuf>,
    /// Where standard input is, for nobody else, until all is read.
    stdin: Option<(TempDir, PathBuf)>,
}

impl Kept {
    /// Keeps standard input in a temporary file, if it is among the paths.
    pub(super) fn of(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let is_stdin = |path: &Path| path.as_os_str() == "-";
        Input::of_paths(paths).map_err(UsageError)?;
        if !paths.iter().any(|path| is_stdin(path)) {
            return Ok(Self { paths: paths.to_vec(), stdin: None });
        }
        let folder = TempDir::new().context("cannot keep standard input (TMPDIR says where)")?;
        let file = folder.path().join("stdin.log");
        io::copy(&mut io::stdin(), &mut File::create(&file)?).context("cannot keep standard input")?;
        let named = |path: &PathBuf| if is_stdin(path) { file.clone() } else { path.clone() };
        Ok(Self { paths: paths.iter().map(named).collect(), stdin: Some((folder, file)) })
    }

    /// The inputs under their own names.
    pub(super) fn inputs(&self) -> anyhow::Result<Vec<Input>> {
        let input = |path: &PathBuf| match &self.stdin {
            Some((_, file)) if file == path => {
                let stream =
                    Box::new(File::open(file).context("cannot read what was kept of standard input")?);
                Ok(Input::Stream { name: "stdin".into(), stream })
            }
            _ => Ok(Input::Path(path.clone())),
        };
        self.paths.iter().map(input).collect()
    }
}

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
