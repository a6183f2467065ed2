//! The runs of one side, or of both in turns.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use ledger::{FindingNote, Git, Side as Measured};
use measurement::{Metric, Run};
use runner::machine::{Ticks, environment};
use runner::{Tree, Turn, order};
use whyslow::diagnosis::Request;
#[cfg(feature = "postgres")]
use whyslow::live::activity::Watch;

use super::cleaning::Cleaning;
#[cfg(feature = "postgres")]
use super::database;
use super::keeping::{Keeping, Left};
use super::progress::Progress;
use super::workload::Work;
use super::{Options, Side, traced};
use crate::commands::run::Prepared;
use crate::commands::{Outcome, UsageError, reading, say};

/// Makes the runs of one side, and keeps them.
pub(super) fn one(options: &Options) -> anyhow::Result<Outcome> {
    let keeping = Keeping::of(options)?;
    let (measured, left) = here(options)?;
    keeping.keep(options, vec![(options.side.unwrap_or(Side::Before), measured)], left)
}

/// Makes the runs of two commits, in turns, and keeps them.
pub(super) fn both(options: &Options, commits: &[String]) -> anyhow::Result<Outcome> {
    let keeping = Keeping::of(options)?;
    let [before, after] = commits else { return Err(UsageError("--ab takes two commits".to_owned()).into()) };
    let sides = [Side::Before, Side::After].into_iter().zip(in_turns(options, [before, after])?).collect();
    // What runs leave in work trees vanishes with these.
    keeping.keep(options, sides, Vec::new())
}

/// Makes the runs of what is in the current folder on both sides, in turns, and keeps them.
pub(super) fn unchanged(options: &Options) -> anyhow::Result<Outcome> {
    let keeping = Keeping::of(options)?;
    let folder = std::env::current_dir().context("cannot tell the current folder")?;
    let left = Left::before(&folder);
    let session = Session::begin(options)?;
    let sides = take_turns(&session, [folder.clone(), folder])?;
    keeping.keep_unchanged(sides, left.since())
}

/// Makes the runs of what is in the current folder; with files that they left there.
pub(super) fn here(options: &Options) -> anyhow::Result<(Measured, Vec<String>)> {
    let folder = std::env::current_dir().context("cannot tell the current folder")?;
    let session = Session::begin(options)?;
    let mut progress = session.progress(options.runs);
    let mut measured = session.side(&folder);
    let left = Left::before(&folder);
    for number in 1..=options.runs {
        let name = format!("run {number} of {}", options.runs);
        let make = || session.run(number.to_string(), &folder, &mut measured.findings);
        let run = progress.during(&name, make)?;
        say_run(&name, &run);
        measured.runs.push(run);
    }
    Ok((measured, left.since()))
}

/// Makes the runs of two commits, in turns: before, after.
pub(super) fn in_turns(options: &Options, commits: [&str; 2]) -> anyhow::Result<[Measured; 2]> {
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    let session = Session::begin(options)?;
    let tree = |commit: &str| -> anyhow::Result<PathBuf> {
        let tree = || Tree::of(&here, commit).map_err(|problem| UsageError(problem.to_string()));
        Ok(session.cleaning.keep(tree)?)
    };
    take_turns(&session, [tree(commits[0])?, tree(commits[1])?])
}

/// Makes the runs of two folders, in turns: before, after, after, before.
fn take_turns(session: &Session<'_>, folders: [PathBuf; 2]) -> anyhow::Result<[Measured; 2]> {
    let runs = session.options.runs;
    let mut progress = session.progress(runs * 2);
    let mut sides = folders.map(|folder| (session.side(&folder), folder));
    for (turn, slot) in order(runs).zip(0u32..) {
        let (name, index) = match turn {
            Turn::Before => ("before", 0),
            Turn::After => ("after", 1),
        };
        let (side, folder) = &mut sides[index];
        let name = format!("run {} of {}, {name}", slot + 1, runs * 2);
        let make = || session.run((side.runs.len() + 1).to_string(), folder, &mut side.findings);
        let mut run = progress.during(&name, make)?;
        run.slot = Some(slot);
        say_run(&name, &run);
        side.runs.push(run);
    }
    Ok(sides.map(|(side, _)| side))
}

/// What all runs have in common.
struct Session<'o> {
    options: &'o Options,
    work: Work,
    cleaning: Cleaning,
    request: Request,
    #[cfg(feature = "postgres")]
    watch: Option<Watch>,
}

impl<'o> Session<'o> {
    fn begin(options: &'o Options) -> anyhow::Result<Self> {
        let request = Request {
            settings: reading::settings(None)?,
            memory_bytes: 256 << 20,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
            command: "whyslow measure".to_owned(),
            log_form: None,
            show_values: false,
            sampled: detectors::evidence::sampled::SampledProfiles::default(),
        };
        let cleaning = Cleaning::begin().context("cannot take over signals")?;
        Ok(Self {
            options,
            work: Work::of(options)?,
            cleaning,
            request,
            #[cfg(feature = "postgres")]
            watch: options.database.watch()?,
        })
    }

    fn progress(&self, runs: u32) -> Progress {
        Progress::of(runs, self.work.lasts(), self.options.verbose)
    }

    /// A side without runs.
    fn side(&self, folder: &Path) -> Measured {
        let mut environment = environment();
        #[cfg(feature = "postgres")]
        environment.facts.extend(self.watch.iter().map(|watch| ("postgres".to_owned(), watch.version())));
        environment.facts.extend(self.options.facts.iter().cloned());
        Measured {
            version: Git::find(folder).and_then(|git| git.version().ok()),
            environment: Some(environment),
            workload: self.work.described(),
            ..Measured::default()
        }
    }

    fn run(&self, name: String, folder: &Path, findings: &mut Vec<FindingNote>) -> anyhow::Result<Run> {
        let receiver = match self.options.no_traces || self.work.command().is_none() {
            true => None,
            false => Some(traced::listen()?),
        };
        let prepared = self.work.command().map(|command| match &receiver {
            Some(receiver) => Prepared::of(command, receiver.address(), folder, !self.options.no_instrument),
            None => Prepared::plain(command),
        });
        #[cfg(feature = "postgres")]
        let looked = database::before(self.watch.as_ref())?;
        let (started_ms, ticks) = (now_ms(), Ticks::now());
        let last = || receiver.iter().for_each(traced::wait_for_last);
        let shown = self.options.verbose;
        let mut run = self.work.run(name, prepared.as_ref(), folder, shown, &self.cleaning, &last)?;
        run.started_ms = started_ms;
        run.stolen_milli = Ticks::now().zip(ticks).map(|(now, before)| now.stolen_milli_since(before));
        if let Some(receiver) = receiver {
            findings.extend(traced::count(receiver, &mut run, &self.request)?);
            findings.sort();
            findings.dedup();
        }
        #[cfg(feature = "postgres")]
        database::count(self.watch.as_ref(), looked, &mut run, self.work.sent_before())?;
        Ok(run)
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.cleaning.clean();
    }
}

fn now_ms() -> Option<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// One line for each run, as runs take long.
fn say_run(which: &str, run: &Run) {
    let shown = run.samples.iter().filter(|(_, sample)| !sample.latency.is_unknown()).take(3).map(
        |(subject, sample)| {
            let typical =
                sample.value(&Metric::Percentile(50_000)).or(sample.value(&Metric::Mean)).unwrap_or(0);
            let errors =
                sample.errors.filter(|errors| *errors > 0).map(|errors| format!(", {errors} failed"));
            let requests = if sample.requests > 1 {
                format!(" ({} requests{})", sample.requests, errors.unwrap_or_default())
            } else {
                String::new()
            };
            let colon = if subject.is_empty() { "" } else { ": " };
            format!("{subject}{colon}{:.1} ms{requests}", typical as f64 / 1e9)
        },
    );
    say(format_args!("whyslow: {which}  {}", shown.collect::<Vec<_>>().join("   ")));
}
