//! `whyslow ledger import`: runs that other tools made, for the entry that is open.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use ledger::{Open, Side, Workload};
use whyslow::measurements;

use super::{Outcome, Project, UsageError};
use crate::commands::say;

const EXAMPLES: &str = "\
Examples:
  whyslow ledger import --before k6-1.json k6-2.json k6-3.json
  whyslow ledger import --before before/ --after after/      (each file one run)
  whyslow ledger finish --before HEAD~1 --after HEAD         (tools do not tell what they measured)

Exit codes:
  0  the runs belong to the entry
  2  no entry is open, or a side has runs already
  3  a file cannot be read, or is of no tool that is known";

/// Takes runs out of files: outputs of load and benchmark tools, traces, or what `whyslow measure --output` kept.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// Files and folders with runs before the change
    #[arg(long, num_args = 1.., value_name = "PATH", required_unless_present = "after")]
    before: Vec<PathBuf>,

    /// Files and folders with runs after it
    #[arg(long, num_args = 1.., value_name = "PATH")]
    after: Vec<PathBuf>,

    /// Forget the runs that these sides have
    #[arg(long)]
    replace: bool,
}

/// Takes them.
pub(super) fn execute(project: &Project, options: Options) -> anyhow::Result<Outcome> {
    let mut open = Open::load(&project.root).map_err(|problem| UsageError(problem.to_string()))?;
    for (name, paths, place) in
        [("before", &options.before, &mut open.before), ("after", &options.after, &mut open.after)]
    {
        if paths.is_empty() {
            continue;
        }
        if place.is_some() && !options.replace {
            return Err(UsageError(format!("there are runs {name} already: --replace forgets those")).into());
        }
        let side = side(paths)?;
        say(format_args!("whyslow: {} runs {name}, of {}", side.runs.len(), side.workload.tool));
        *place = Some(side);
    }
    open.save(&project.root)?;
    Ok(Outcome::Done)
}

/// What files hold. Those of whyslow tell version and machine; of others these are not known.
fn side(paths: &[PathBuf]) -> anyhow::Result<Side> {
    if let Some(side) = kept(paths)? {
        return Ok(side);
    }
    let measured = measurements::read(paths)?;
    let tool = measured.sources.tools.into_iter().collect::<Vec<_>>().join(", ");
    let subjects: BTreeSet<&String> = measured.runs.iter().flat_map(|run| run.samples.keys()).collect();
    let what = subjects
        .into_iter()
        .filter(|subject| !subject.is_empty())
        .take(5)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    Ok(Side {
        workload: Workload { tool, what, ..Workload::default() },
        runs: measured.runs,
        ..Side::default()
    })
}

/// What `whyslow measure --output` kept; `None` where the first file is something else.
fn kept(paths: &[PathBuf]) -> anyhow::Result<Option<Side>> {
    let Some((first, others)) = paths.split_first() else { return Ok(None) };
    let Some(side) = of_whyslow(first) else { return Ok(None) };
    let mut side = side?;
    for path in others {
        let other = of_whyslow(path)
            .with_context(|| format!("{} is not of whyslow measure, as others are", path.display()))?;
        side.append(other?).map_err(|reason| anyhow::anyhow!("{}: {reason}", path.display()))?;
    }
    Ok(Some(side))
}

fn of_whyslow(path: &Path) -> Option<anyhow::Result<Side>> {
    let text = fs::read(path).ok()?;
    Some(Side::read(&text)?.map_err(|reason| anyhow::anyhow!("{}: {reason}", path.display())))
}
