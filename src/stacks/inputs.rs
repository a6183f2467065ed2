//! Inputs of any kind as stacks: a profile, else traces and logs, else plans.

use std::io::{self, Cursor, Read};
use std::path::PathBuf;

use profiles::{Profile, Unreadable};

use super::{Chosen, Error, of_plans, of_requests};
use crate::diagnosis::{Progress, Request};
use crate::ingest::{IngestError, Other, sorted};
use crate::plans::{self, LogReading, PlacedPlan};

/// So much of an input tells whether it may be a plan.
const HEAD_BYTES: u64 = 64 << 10;

/// Longer texts are no plans.
const PLANS_BYTES_MAX: u64 = 16 << 20;

/// Words of which plans of each form have one.
const PLAN_WORDS: [&[u8]; 6] = [b"cost=", b"\"Plan\"", b"Plan:", b"<Plan>", b"query_block", b"select_type"];

/// Why an input cannot be shown as stacks.
#[derive(Debug, thiserror::Error)]
pub enum Undrawable {
    /// It cannot be opened.
    #[error(transparent)]
    Input(#[from] IngestError),
    /// Traces and logs from which no stacks come.
    #[error(transparent)]
    Requests(#[from] Error),
    /// Inputs without plans, where these are asked for.
    #[error(transparent)]
    Plans(#[from] plans::Problem),
    /// It is no profile, nor anything else.
    #[error("cannot read {name}: {problem}")]
    Profile {
        /// The input.
        name: String,
        /// What is wrong with it.
        problem: Unreadable,
    },
    /// Several inputs that do not go together.
    #[error(
        "{name} is neither traces nor logs nor plans: one profile is drawn at a time, --compare takes two"
    )]
    Several {
        /// The first of them.
        name: String,
    },
}

/// The stacks of what is given, by what it is: one profile; traces and logs together, as [`of_requests`]; plans, as [`of_plans`].
///
/// # Errors
///
/// When an input cannot be read or is none of these.
pub fn of_inputs(
    paths: &[PathBuf],
    request: &Request,
    chosen: &Chosen,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Profile, Undrawable> {
    if let [path] = paths
        && profiles::is_profile(path)
    {
        let unreadable = |problem| Undrawable::Profile { name: path.display().to_string(), problem };
        return profiles::read_file(path).map_err(unreadable);
    }
    let sorted = sorted(paths, request.log_form.as_ref(), |_| true)?;
    if sorted.evidence.is_empty() {
        return of_others(sorted.others, request);
    }
    let inputs = sorted.evidence.into_iter().map(|recognised| recognised.input).collect();
    let mut profile = of_requests(inputs, request, chosen, progress)?;
    for other in sorted.others.iter().filter(|other| other.is_named) {
        profile.noticed.add(format!("input is neither traces nor a log and left out: {}", other.name), None);
    }
    Ok(profile)
}

/// The stacks of the plans in inputs, as [`of_plans`]: those of files, and of logs that of the slowest execution of each statement.
///
/// # Errors
///
/// When an input cannot be read or holds no plan.
pub fn of_plans_within(
    paths: &[PathBuf],
    request: &Request,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Profile, Undrawable> {
    let reading =
        LogReading { threads: request.threads, log_form: request.log_form.clone(), top: usize::MAX };
    let found = plans::examine(paths, &request.settings, &reading, progress)?;
    let mut profile = of_plans(found.plans.iter().map(|plan| &plan.report));
    for note in found.notes {
        profile.noticed.add(note, None);
    }
    Ok(profile)
}

/// Inputs that are neither traces nor logs: plans, or one profile.
fn of_others(others: Vec<Other>, request: &Request) -> Result<Profile, Undrawable> {
    let is_one = others.len() == 1;
    let mut found: Vec<PlacedPlan> = Vec::new();
    for other in others {
        let name = other.name.clone();
        match Text::of(other, request) {
            Text::Plans(plans) => found.extend(plans),
            Text::Other(stream) if is_one => {
                return profiles::read(stream).map_err(|problem| Undrawable::Profile { name, problem });
            }
            Text::Other(_) => return Err(Undrawable::Several { name }),
        }
    }
    Ok(of_plans(found.iter().map(|plan| &plan.report)))
}

/// What an input holds.
enum Text {
    Plans(Vec<PlacedPlan>),
    /// No plan: all of it.
    Other(Box<dyn Read>),
}

impl Text {
    fn of(other: Other, request: &Request) -> Self {
        let Other { name, mut stream, .. } = other;
        let Some(mut text) = beginning(&mut stream, HEAD_BYTES) else { return Self::Other(stream) };
        if !PLAN_WORDS.iter().any(|word| memchr::memmem::find(&text, word).is_some()) {
            return Self::Other(Box::new(Cursor::new(text).chain(stream)));
        }
        text.extend(beginning(&mut stream, PLANS_BYTES_MAX).unwrap_or_default());
        match plans::judged(&name, &text, None, &request.settings) {
            Ok(plans) if !plans.is_empty() => Self::Plans(plans),
            _ => Self::Other(Box::new(Cursor::new(text).chain(stream))),
        }
    }
}

/// The next bytes; what comes of an error is found by who reads on.
fn beginning(stream: &mut dyn Read, bytes_max: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let read: io::Result<usize> = stream.take(bytes_max).read_to_end(&mut bytes);
    (read.is_ok() || !bytes.is_empty()).then_some(bytes)
}
