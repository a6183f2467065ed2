//! What every command that reads traces can be told about reading them.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use detectors::evidence::sampled::SampledProfiles;
use detectors::settings::Settings;
use whyslow::diagnosis::Request;
use whyslow::settings_file::{self, Day};

use super::UsageError;

/// More threads than this win nothing, and a system may refuse to start them.
const THREADS_MAX: usize = 128;

/// How traces are read, and which settings hold.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Reading {
    /// Hold so much evidence in memory; what is more goes to temporary files
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = super::size::parse)]
    memory: u64,

    /// Threads that read and inspect [default: one for each core]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<NonZeroUsize>,

    /// The settings file [default: whyslow.toml here or in the nearest folder above]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Reading {
    /// The settings of the project.
    pub(super) fn settings(&self) -> anyhow::Result<Settings> {
        settings(self.config.as_deref())
    }

    /// How evidence is read; `again` is the command that repeats it.
    pub(super) fn request(&self, settings: Settings, again: String) -> Request {
        Request {
            settings,
            memory_bytes: self.memory,
            threads: threads(self.threads),
            command: again,
            log_form: None,
            show_values: false,
            sampled: SampledProfiles::default(),
        }
    }
}

/// So many threads as are asked for, else one for each core.
pub(super) fn threads(wanted: Option<NonZeroUsize>) -> usize {
    let threads = wanted.or_else(|| std::thread::available_parallelism().ok());
    threads.map_or(1, NonZeroUsize::get).min(THREADS_MAX)
}

/// The settings of a file, or of the project where none is named.
pub(super) fn settings(config: Option<&Path>) -> anyhow::Result<Settings> {
    let folder = std::env::current_dir().context("cannot tell the current folder")?;
    let read = settings_file::load(config, &folder, Day::today());
    Ok(read.map_err(|error| UsageError(error.to_string()))?)
}

pub(super) fn at_least_one(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "expected a whole number, 1 or more")
}
