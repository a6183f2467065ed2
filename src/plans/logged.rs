//! Plans that auto_explain wrote into logs of any size: of each statement that of the slowest execution.

use std::cmp::Reverse;
use std::mem;
use std::sync::{Mutex, PoisonError};

use detectors::evidence::Dictionary;
use detectors::evidence::shape::fold::fold;
use detectors::plans::judge;
use detectors::settings::Settings;

use super::{LogReading, PlacedPlan};
use crate::diagnosis::Progress;
use crate::ingest::{self, IngestError, Input};
use crate::logged_plans::{self, LoggedPlan};

/// Plans of logs, the slowest first.
pub(super) struct Logged {
    pub(super) plans: Vec<PlacedPlan>,
    /// Further ones that take less.
    pub(super) more: u64,
    pub(super) notes: Vec<String>,
}

/// Reads logs and looks at the slowest plans.
pub(super) fn read(
    inputs: Vec<Input>,
    reading: &LogReading,
    settings: &Settings,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Logged, IngestError> {
    let AllPlans { mut plans, dictionary, notes } = all(inputs, reading, progress)?;
    let more = plans.len().saturating_sub(reading.top) as u64;
    plans.truncate(reading.top);
    let plans = plans.into_iter().map(|plan| placed(plan, &dictionary, settings)).collect();
    Ok(Logged { plans, more, notes })
}

/// All plans of logs, the slowest first.
pub(super) struct AllPlans {
    pub(super) plans: Vec<LoggedPlan>,
    /// Knows where they stand.
    pub(super) dictionary: Dictionary,
    pub(super) notes: Vec<String>,
}

/// Reads logs and keeps nothing of them but plans.
pub(super) fn all(
    inputs: Vec<Input>,
    reading: &LogReading,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<AllPlans, IngestError> {
    let dictionary = Mutex::new(Dictionary::default());
    let options = ingest::Options {
        threads: reading.threads,
        values_key: 0,
        log_form: reading.log_form.clone(),
        show_values: false,
        keep_texts: false,
    };
    let told = |bytes, bytes_total| progress(Progress { bytes, bytes_total });
    let forget = |spans: &mut Vec<_>| {
        spans.clear();
        Ok(())
    };
    let mut summary = ingest::read(inputs, &options, &dictionary, &forget, &told)?;
    let mut dictionary = dictionary.into_inner().unwrap_or_else(PoisonError::into_inner);
    let fold = fold(&mut dictionary);
    let mut found = Vec::new();
    let kept = mem::take(&mut summary.plans);
    let mut notes = logged_plans::each(kept, |shape| fold.shape(shape), |plan| found.push(plan));
    let problems = summary.inputs.iter().filter_map(|input| Some((&input.name, input.problem.as_ref()?)));
    notes.extend(problems.map(|(name, problem)| format!("{name}: {problem}")));
    found.sort_by_key(|plan| (Reverse(plan.took_ns), plan.line));
    Ok(AllPlans { plans: found, dictionary, notes })
}

fn placed(plan: LoggedPlan, dictionary: &Dictionary, settings: &Settings) -> PlacedPlan {
    let place = dictionary.place_of_line(plan.line);
    let (file, line) = place.rsplit_once(':').unwrap_or((&place, ""));
    PlacedPlan {
        file: file.to_owned(),
        line: line.parse().unwrap_or(0),
        form: plan.found.form,
        report: judge(&plan.found.plan, settings),
    }
}
