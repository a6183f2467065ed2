//! What was seen that guards can be checked with.

use std::path::PathBuf;

use detectors::finding::{Endpoint, LoggedStatement};
use detectors::queries::{Measured, MeasuredPlace, PlaceKind};
use detectors::settings::matches_glob;
use ledger::Guard;
use whyslow::diagnosis;
use whyslow::ingest::Input;

use super::super::UsageError;
use super::sampled::Sampled;
use crate::commands::diagnose::progress;
use crate::commands::reading::Reading;

/// What was seen; what no guard asks for is not read.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Statements of one request by endpoint.
    counted: Option<Measured>,
    /// Latencies by endpoint.
    endpoints: Option<Vec<Endpoint>>,
    /// Statements with plans.
    statements: Option<Vec<LoggedStatement>>,
    /// Profiles.
    profiles: Vec<Sampled>,
    /// Profiles of the entry's version.
    profiles_then: Vec<Sampled>,
}

impl Evidence {
    /// Reads as much as these guards need.
    pub(super) fn read<'g>(
        paths: &[PathBuf],
        reading: &Reading,
        guards: impl Iterator<Item = &'g Guard> + Clone,
    ) -> anyhow::Result<Self> {
        let inputs = || Input::of_paths(paths).map_err(UsageError);
        let settings = reading.settings()?;
        let mut evidence = Self::default();
        if guards.clone().any(counts) {
            let request = reading.request(settings.clone(), String::new());
            let inputs = inputs()?;
            evidence.counted =
                Some(progress::shown(|progress| diagnosis::count(inputs, &request, progress))?.measured);
        }
        if guards.clone().any(|guard| !counts(guard) && !is_of_frames(guard)) {
            let request = reading.request(settings, String::new());
            let inputs = inputs()?;
            let report = progress::shown(|progress| diagnosis::diagnose(inputs, &request, progress))?;
            evidence.endpoints = Some(report.endpoints);
            evidence.statements = report.logged.map(|logged| logged.by_time);
        }
        Ok(evidence)
    }

    /// Adds what profilers saw of this version, and of the entry's.
    pub(super) fn add_profiles(&mut self, now: &[PathBuf], then: &[PathBuf]) -> anyhow::Result<()> {
        let read = |paths: &[PathBuf]| -> anyhow::Result<Vec<Sampled>> {
            paths.iter().map(|path| Sampled::read(path)).collect()
        };
        (self.profiles, self.profiles_then) = (read(now)?, read(then)?);
        Ok(())
    }

    /// Profiles.
    pub(super) fn profiles(&self) -> &[Sampled] {
        &self.profiles
    }

    /// Profiles of the entry's version.
    pub(super) fn profiles_then(&self) -> &[Sampled] {
        &self.profiles_then
    }

    /// What one request of each endpoint with such a name sends; `None` where nothing was counted.
    pub(super) fn places(&self, glob: &str) -> Option<Vec<&MeasuredPlace>> {
        let places = self.counted.as_ref()?.places.iter();
        let fitting =
            places.filter(|(place, _)| place.kind == PlaceKind::Endpoint && matches_glob(glob, &place.name));
        Some(fitting.map(|(_, seen)| seen).collect())
    }

    /// Whether statements told what they are.
    pub(super) fn knows_statements(&self) -> bool {
        self.counted.as_ref().is_some_and(|counted| counted.texts.values().any(|texts| texts.known > 0))
    }

    /// Endpoints with such a name; `None` where nothing was measured.
    pub(super) fn endpoints(&self, glob: &str) -> Option<Vec<&Endpoint>> {
        let endpoints = self.endpoints.as_ref()?.iter();
        Some(endpoints.filter(|endpoint| matches_glob(glob, &endpoint.name)).collect())
    }

    /// Plans that were seen: the shape of the statement, and what it reads by what.
    pub(super) fn plans(&self) -> Vec<(&str, &str)> {
        let statements = self.statements.iter().flatten();
        let planned =
            statements.filter_map(|of| Some((of.shape.as_str(), of.plan.as_ref()?.outline.as_str())));
        planned.collect()
    }
}

/// Whether a guard is about counts of statements.
fn counts(guard: &Guard) -> bool {
    match guard {
        Guard::Bounded { metric, .. } => metric.is_exact(),
        Guard::ShapeAbsent { .. } => true,
        Guard::IndexUsed { .. } | Guard::FrameAbsent { .. } | Guard::FrameShare { .. } => false,
    }
}

/// Whether a guard is about call paths, which profiles tell.
fn is_of_frames(guard: &Guard) -> bool {
    matches!(guard, Guard::FrameAbsent { .. } | Guard::FrameShare { .. })
}
