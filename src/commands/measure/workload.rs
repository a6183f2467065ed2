//! What is executed or asked in each run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use ledger::Workload;
use measurement::Run;
use runner::command::{Execution, execute};
use runner::http::{Offer, Target, offer};

use super::Options;
use super::cleaning::Cleaning;
use super::server::Server;
use crate::commands::UsageError;
use crate::commands::run::{Environment, Prepared};

/// A larger body is none.
const BODY_MAX: u64 = 16 << 20;

/// What is executed or asked.
pub(super) enum Work {
    /// A command, and how long it takes.
    Command(Vec<OsString>),
    /// Requests, and a server that is started for them.
    Load(Offer, Option<Vec<OsString>>),
}

impl Work {
    /// What the options ask for.
    pub(super) fn of(options: &Options) -> anyhow::Result<Self> {
        if options.urls.is_empty() {
            return Ok(Self::Command(options.command.clone()));
        }
        let usage = |problem: runner::http::Problem| UsageError(problem.to_string());
        let body = options.body.as_deref().map(body).transpose()?;
        let mut targets = Vec::new();
        for url in &options.urls {
            let target = Target::parse(url, &options.allowed).map_err(usage)?.body(body.clone());
            let with_header = |target: Target, header: &String| target.header(header);
            targets.push(options.headers.iter().try_fold(target, with_header).map_err(usage)?);
        }
        let offer = Offer {
            targets,
            rate_milli: options.rate,
            duration: options.duration,
            warm_up: options.warm_up,
            connections: options.connections,
            timeout: options.timeout,
        };
        offer.check().map_err(usage)?;
        let shell = |text: &String| ["sh", "-c", text].map(OsString::from).to_vec();
        Ok(Self::Load(offer, options.start.as_ref().map(shell)))
    }

    /// What is started by it; `None` where requests go to a server that runs already.
    pub(super) fn command(&self) -> Option<&[OsString]> {
        match self {
            Self::Command(command) => Some(command),
            Self::Load(_, start) => start.as_deref(),
        }
    }

    /// How long a run takes at least.
    pub(super) fn lasts(&self) -> Duration {
        match self {
            Self::Command(_) => Duration::ZERO,
            Self::Load(offer, _) => offer.warm_up + offer.duration,
        }
    }

    /// Requests of a run that are sent and not measured.
    #[cfg(feature = "postgres")]
    pub(super) fn sent_before(&self) -> u64 {
        match self {
            Self::Command(_) => 0,
            Self::Load(offer, _) => offer.warm_up_requests(),
        }
    }

    /// The words that tell whether two sides did the same.
    pub(super) fn described(&self) -> Workload {
        match self {
            Self::Command(command) => {
                // Arguments may hold what must not be passed on.
                let program =
                    command.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
                let what = if command.len() > 1 { format!("{program} …") } else { program };
                Workload { tool: "command".to_owned(), what, settings: BTreeMap::new() }
            }
            Self::Load(offer, start) => {
                let what: Vec<String> = offer.targets.iter().map(Target::shown).collect();
                let settings = [
                    ("rate", format!("{}/s", offer.rate_milli as f64 / 1_000.0)),
                    ("duration", format!("{} s", offer.duration.as_secs_f64())),
                    ("warm-up", format!("{} s", offer.warm_up.as_secs_f64())),
                    ("connections", offer.connections.to_string()),
                    (
                        "server",
                        if start.is_some() { "started for each run" } else { "runs already" }.to_owned(),
                    ),
                ];
                let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                Workload { tool: "whyslow".to_owned(), what: what.join(", "), settings }
            }
        }
    }

    /// Makes one run in a folder; `prepared` is what is started.
    pub(super) fn run(
        &self,
        name: String,
        prepared: Option<&Prepared>,
        folder: &Path,
        is_shown: bool,
        cleaning: &Cleaning,
        after: &dyn Fn(),
    ) -> anyhow::Result<Run> {
        match (self, prepared) {
            (Self::Command(_), Some(prepared)) => {
                let run = command(name, prepared, folder, is_shown)?;
                after();
                Ok(run)
            }
            (Self::Load(load, _), Some(Prepared { command, environment, .. })) => {
                let address = load.targets.first().map(Target::address).unwrap_or_default();
                let mut server = Server::start(command, environment, folder, &address, is_shown, cleaning)?;
                let run = asked(load, name)?;
                if !server.is_running() {
                    bail!("the server ended while it was measured (-v shows what it writes)");
                }
                after();
                Ok(run)
            }
            (Self::Load(load, _), None) => asked(load, name),
            (Self::Command(_), None) => bail!("no command to run"),
        }
    }
}

fn command(name: String, prepared: &Prepared, folder: &Path, is_shown: bool) -> anyhow::Result<Run> {
    let Environment { set, removed } = &prepared.environment;
    let execution = Execution {
        command: prepared.command.clone(),
        variables: set.iter().map(|(name, value)| (OsString::from(name), value.clone())).collect(),
        removed: removed.iter().map(OsString::from).collect(),
        folder: Some(folder.to_owned()),
        is_shown,
    };
    let (run, status) = execute(&execution, name).context("cannot run the command")?;
    match status.success() {
        true => Ok(run),
        false => bail!("the command failed ({status}): what fails may be quick (-v shows what it writes)"),
    }
}

/// Requests; a run in which all fail measures nothing.
fn asked(load: &Offer, name: String) -> anyhow::Result<Run> {
    let run = offer(load, name)?;
    let failed = |sample: &measurement::Sample| sample.errors == Some(sample.requests);
    match run.samples.iter().find(|(_, sample)| sample.requests > 0 && failed(sample)) {
        Some((subject, sample)) => bail!("all {} requests of {subject} failed", sample.requests),
        None => Ok(run),
    }
}

fn body(path: &Path) -> anyhow::Result<Vec<u8>> {
    let name = || format!("cannot read {}", path.display());
    if fs::metadata(path).with_context(name)?.len() > BODY_MAX {
        bail!("{} is larger than {} MiB", path.display(), BODY_MAX >> 20);
    }
    fs::read(path).with_context(name)
}
