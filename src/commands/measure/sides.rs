//! The runs of one side, or of both in turns, and where they are kept.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use detectors::figures::clean;
use ledger::{FindingNote, Git, Local, Open, OpenProblem, Side as Measured};
use measurement::{Metric, Run};
use runner::machine::{Ticks, environment};
use runner::{Tree, Turn, order};
use whyslow::diagnosis::Request;
#[cfg(feature = "postgres")]
use whyslow::live::activity::Watch;

use super::cleaning::Cleaning;
#[cfg(feature = "postgres")]
use super::database;
use super::progress::Progress;
use super::workload::Work;
use super::{Options, Side, traced};
use crate::commands::run::Prepared;
use crate::commands::{Outcome, UsageError, project, reading, say};

/// Makes the runs of one side, and keeps them.
pub(super) fn one(options: &Options) -> anyhow::Result<Outcome> {
    let keeping = Keeping::of(options)?;
    let (measured, left) = here(options)?;
    keeping.keep(options, vec![(options.side.unwrap_or(Side::Before), measured)], left)
}

/// Makes the runs of two commits, in turns, and keeps them.
pub(super) fn both(options: &Options, commits: &[String]) -> anyhow::Result<Outcome> {
    let keeping = Keeping::of(options)?;
    let commits: Vec<&str> = commits.iter().map(String::as_str).collect();
    let sides = [Side::Before, Side::After].into_iter().zip(in_turns(options, &commits)?).collect();
    // What runs leave in work trees vanishes with these.
    keeping.keep(options, sides, Vec::new())
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
pub(super) fn in_turns(options: &Options, commits: &[&str]) -> anyhow::Result<Vec<Measured>> {
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    let session = Session::begin(options)?;
    let mut progress = session.progress(options.runs * 2);
    let mut sides = Vec::new();
    for commit in commits {
        let tree = || Tree::of(&here, commit).map_err(|problem| UsageError(problem.to_string()));
        let folder = session.cleaning.keep(tree)?;
        sides.push((folder.clone(), session.side(&folder)));
    }
    for (turn, slot) in order(options.runs).zip(0u32..) {
        let (name, index) = match turn {
            Turn::Before => ("before", 0),
            Turn::After => ("after", 1),
        };
        let (folder, side) = &mut sides[index];
        let name = format!("run {} of {}, {name}", slot + 1, options.runs * 2);
        let make = || session.run((side.runs.len() + 1).to_string(), folder, &mut side.findings);
        let mut run = progress.during(&name, make)?;
        run.slot = Some(slot);
        say_run(&name, &run);
        side.runs.push(run);
    }
    Ok(sides.into_iter().map(|(_, side)| side).collect())
}

/// What git knew of a work tree before its first run.
struct Left(Option<(Git, BTreeSet<String>)>);

impl Left {
    fn before(folder: &Path) -> Self {
        Self(Git::find(folder).and_then(|git| git.untracked().ok().map(|files| (git, files))))
    }

    /// Files that are there now, were not before, and are neither committed nor ignored.
    fn since(self) -> Vec<String> {
        let now = self.0.and_then(|(git, before)| git.untracked().ok().map(|now| (before, now)));
        now.map(|(before, now)| now.difference(&before).cloned().collect()).unwrap_or_default()
    }
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

/// Where runs are kept: in the open entry, or in files.
enum Keeping {
    Entry(PathBuf),
    File(PathBuf),
}

impl Keeping {
    /// Whether there is a place is known before anything is measured.
    fn of(options: &Options) -> anyhow::Result<Self> {
        if let Some(path) = &options.output {
            return Ok(Self::File(path.clone()));
        }
        if options.side.is_none() && options.ab.is_none() {
            let text = "where do the runs belong? --side before or after in the ledger, or --output FILE";
            return Err(UsageError(text.to_owned()).into());
        }
        let root = project::root()?;
        match Open::load(&root) {
            Ok(_) => Ok(Self::Entry(root)),
            Err(OpenProblem::None) => {
                Err(UsageError(format!("{}; or keep the runs with --output", OpenProblem::None)).into())
            }
            Err(problem) => Err(problem.into()),
        }
    }

    fn keep(
        &self,
        options: &Options,
        sides: Vec<(Side, Measured)>,
        left: Vec<String>,
    ) -> anyhow::Result<Outcome> {
        match self {
            Self::Entry(root) => {
                keep_in_entry(root, options.replace || options.ab.is_some(), sides)?;
                remember(root, left)?;
            }
            Self::File(path) => keep_in_files(path, options.ab.is_some(), &sides)?,
        }
        Ok(Outcome::Done)
    }
}

fn keep_in_entry(root: &Path, replace: bool, sides: Vec<(Side, Measured)>) -> anyhow::Result<()> {
    // It may have changed while we measured.
    let mut open = Open::load(root)?;
    for (side, measured) in sides {
        let place = match side {
            Side::Before => &mut open.before,
            Side::After => &mut open.after,
        };
        match place.as_mut().filter(|_| !replace) {
            None => *place = Some(measured),
            Some(there) => {
                if let Err(reason) = there.append(measured) {
                    bail!("{reason}: --replace forgets those");
                }
            }
        }
    }
    open.save(root)?;
    say(format_args!("whyslow: kept in the entry \"{}\"; whyslow next says what to do now", open.plan.title));
    Ok(())
}

/// Remembers how it was measured, and what the runs left, which is no change of the code.
fn remember(root: &Path, left: Vec<String>) -> anyhow::Result<()> {
    if !left.is_empty() {
        let named = left.iter().take(3).map(|file| clean(file)).collect::<Vec<_>>().join(", ");
        let more =
            left.len().checked_sub(4).map(|more| format!(" and {} more", more + 1)).unwrap_or_default();
        say(format_args!("whyslow: the runs left {named}{more}; these do not count as a change"));
    }
    let mut local = Local { measured_with: again(std::env::args().skip(2)), ..Local::load(root) };
    local.add_left(left);
    local.save(root).context("cannot remember how it was measured")
}

fn keep_in_files(path: &Path, is_folder: bool, sides: &[(Side, Measured)]) -> anyhow::Result<()> {
    for (side, measured) in sides {
        let file = match (is_folder, side) {
            (false, _) => path.to_owned(),
            (true, Side::Before) => path.join("before.json"),
            (true, Side::After) => path.join("after.json"),
        };
        measured.save(&file).with_context(|| format!("cannot write {}", file.display()))?;
        say(format_args!("whyslow: kept in {}", file.display()));
    }
    Ok(())
}

/// What follows `whyslow measure` when the other side is measured.
fn again(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut words = words.peekable();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--" => {
                kept.push(word);
                kept.extend(words.by_ref());
            }
            "--side" => drop(words.next()),
            "--ab" => drop((words.next(), words.next())),
            "--replace" => {}
            word if word.starts_with("--side=") => {}
            _ => kept.push(word),
        }
    }
    kept
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_is_measured_with_the_same_words() {
        let words = |text: &str| again(text.split(' ').map(str::to_owned)).join(" ");
        assert_eq!(words("--side before --runs 5 -- ./load.sh --side x"), "--runs 5 -- ./load.sh --side x");
        assert_eq!(words("--ab HEAD~1 HEAD --url http://localhost/a?b=1"), "--url http://localhost/a?b=1");
        assert_eq!(words("--replace --side=after --rate 5"), "--rate 5");
    }
}
