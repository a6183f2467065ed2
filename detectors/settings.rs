//! Thresholds: declared beside the detector that uses them, changed in `whyslow.toml`.

use std::ops::RangeInclusive;

use crate::ALL;
use crate::evidence::Shape;
use crate::finding::Finding;
use crate::queries::{Place, PlaceKind};

/// A number that a user may change, with its unit and the reason for its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Name in `whyslow.toml`, below the detector's table.
    pub name: &'static str,
    /// What is counted: `statements`, `ms`, `%`.
    pub unit: &'static str,
    /// The value when nothing else is said.
    pub default: u64,
    /// Why the default is what it is.
    pub why: &'static str,
}

/// A day, longer than anything that is waited for.
const MILLISECONDS_MAX: u64 = 86_400_000;

/// More of anything than one request does.
const COUNT_MAX: u64 = 1_000_000_000;

impl Setting {
    /// Values that have a meaning: shares up to the whole, times up to a day, and at least one thing.
    pub fn range(&self) -> RangeInclusive<u64> {
        match self.unit {
            unit if unit.starts_with('%') => 0..=100,
            "ms" => 0..=MILLISECONDS_MAX,
            _ => 1..=COUNT_MAX,
        }
    }
}

/// Where a changed value applies; every part that is given must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Glob over the endpoint's name.
    pub endpoint: Option<String>,
    /// Glob over the service's name.
    pub service: Option<String>,
    /// Glob over the statement's text or its shape id.
    pub statement: Option<String>,
}

/// One changed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Where it applies.
    pub scope: Scope,
    /// Detector id.
    pub detector: String,
    /// Setting name.
    pub name: String,
    /// The value, in the setting's unit.
    pub value: u64,
}

/// What `--target` and `whyslow.toml` ask of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Glob over the service's name; `None` is any.
    pub service: Option<String>,
    /// Glob over the endpoint's name.
    pub endpoint: String,
    /// Which percentile is bounded.
    pub metric: Metric,
    /// The bound in nanoseconds; the target is met below it.
    pub max_ns: u64,
}

impl Target {
    /// Whether it bounds this endpoint.
    pub fn covers(&self, service: &str, endpoint: &str) -> bool {
        fits(&self.service, service) && matches_glob(&self.endpoint, endpoint)
    }
}

/// A latency figure of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    /// Median.
    P50,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// The slowest request.
    Max,
}

impl Metric {
    /// Its name in targets and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Max => "max",
        }
    }

    /// The metric of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::P50, Self::P95, Self::P99, Self::Max].into_iter().find(|metric| metric.name() == name)
    }
}

/// A finding that the team has decided to live with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Finding id; or detector, endpoint and shape below.
    pub finding: Option<String>,
    /// Detector id.
    pub detector: Option<String>,
    /// Glob over the endpoint's name.
    pub endpoint: Option<String>,
    /// Glob over the subject's text or shape id.
    pub shape: Option<String>,
    /// Why it is accepted.
    pub reason: String,
    /// Who decided.
    pub owner: Option<String>,
    /// The last day on which it holds.
    pub until: Option<String>,
}

impl Acceptance {
    /// Whether it speaks of this finding; one that names nothing speaks of none.
    pub fn covers(&self, finding: &Finding) -> bool {
        if let Some(id) = &self.finding {
            return *id == finding.id;
        }
        let subject = &finding.subject;
        let shape = |glob: &String| matches_glob(glob, &subject.text) || Some(glob) == subject.shape.as_ref();
        let detector = |id: &String| *id == finding.detector;
        self.detector.as_ref().is_some_and(detector)
            && fits(&self.endpoint, finding.endpoint.as_deref().unwrap_or_default())
            && self.shape.as_ref().is_none_or(shape)
    }
}

/// A statement that may be sent though the baseline does not allow it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Glob over the endpoint's name; `None` if it speaks of tests.
    pub endpoint: Option<String>,
    /// Glob over the test's name; `None` if it speaks of endpoints.
    pub test: Option<String>,
    /// Glob over the statement's text, or its shape id.
    pub shape: String,
    /// Why it may be sent.
    pub reason: String,
    /// Who decided.
    pub owner: Option<String>,
    /// The last day on which it holds.
    pub until: Option<String>,
}

impl Allowance {
    /// Whether it speaks of this place.
    pub fn is_at(&self, place: &Place) -> bool {
        let glob = match place.kind {
            PlaceKind::Endpoint => &self.endpoint,
            PlaceKind::Test => &self.test,
        };
        glob.as_deref().is_some_and(|glob| matches_glob(glob, &place.name))
    }

    /// Whether it speaks of this statement.
    pub fn covers(&self, place: &Place, shape: &str, text: &str) -> bool {
        self.is_at(place) && (self.shape == shape || matches_glob(&self.shape, text))
    }
}

/// Everything that changes how evidence is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Changed values; the last match wins.
    pub overrides: Vec<Override>,
    /// Goals.
    pub targets: Vec<Target>,
    /// Accepted findings (expired ones are refused before they come here).
    pub accepted: Vec<Acceptance>,
    /// Statements that may be sent beyond the baseline (expired ones are refused before they come here).
    pub allowed: Vec<Allowance>,
}

impl Settings {
    /// The values that hold at one endpoint, for all detectors.
    pub fn at(&self, service: &str, endpoint: &str) -> Resolved {
        let mut values: Vec<u64> = declared().map(|(_, setting)| setting.default).collect();
        let mut by_statement = Vec::new();
        for change in self.overrides.iter().filter(|change| change.scope.covers(service, endpoint)) {
            let declared =
                declared().position(|(id, setting)| id == change.detector && setting.name == change.name);
            let Some(index) = declared else { continue };
            match &change.scope.statement {
                Some(glob) => by_statement.push((index, glob.clone(), change.value)),
                None => values[index] = change.value,
            }
        }
        let is_default = by_statement.is_empty()
            && values.iter().zip(declared()).all(|(value, (_, setting))| *value == setting.default);
        Resolved { is_changed: !is_default, values, by_statement }
    }
}

impl Scope {
    fn covers(&self, service: &str, endpoint: &str) -> bool {
        fits(&self.service, service) && fits(&self.endpoint, endpoint)
    }
}

fn declared() -> impl Iterator<Item = (&'static str, &'static Setting)> {
    ALL.iter().flat_map(|detector| detector.settings.iter().map(|setting| (detector.id, setting)))
}

/// The values at one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Whether anything differs from what the detectors declare.
    is_changed: bool,
    values: Vec<u64>,
    by_statement: Vec<(usize, String, u64)>,
}

impl Resolved {
    /// The values of one detector, by its place in [`ALL`].
    pub(crate) fn of(&self, detector: usize) -> Values<'_> {
        Values { resolved: self, detector, first: FIRST[detector] }
    }
}

/// The place of each detector's first setting among all of them.
const FIRST: [usize; ALL.len()] = {
    let mut first = [0; ALL.len()];
    let mut detector = 1;
    while detector < ALL.len() {
        first[detector] = first[detector - 1] + ALL[detector - 1].settings.len();
        detector += 1;
    }
    first
};

/// The values of one detector at one endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    resolved: &'a Resolved,
    detector: usize,
    first: usize,
}

impl Values<'_> {
    /// The value of a setting that the detector declares.
    pub(crate) fn get(&self, setting: &Setting) -> u64 {
        if !self.resolved.is_changed {
            return setting.default;
        }
        self.index(setting).map_or(setting.default, |index| self.resolved.values[index])
    }

    /// The value for one statement, which may have its own.
    pub(crate) fn get_for(&self, setting: &Setting, shape: &Shape) -> u64 {
        let own = self.resolved.by_statement.iter().rev().find(|(index, glob, _)| {
            Some(*index) == self.index(setting)
                && (matches_glob(glob, &shape.text) || *glob == shape.id.to_string())
        });
        own.map_or_else(|| self.get(setting), |(_, _, value)| *value)
    }

    fn index(&self, setting: &Setting) -> Option<usize> {
        let settings = ALL[self.detector].settings;
        settings.iter().position(|declared| declared.name == setting.name).map(|place| self.first + place)
    }
}

/// Whether `text` fits a glob that may be missing.
fn fits(glob: &Option<String>, text: &str) -> bool {
    glob.as_deref().is_none_or(|glob| matches_glob(glob, text))
}

/// Whether `text` fits `glob`, in which `*` stands for any run of characters.
pub fn matches_glob(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    if !glob.contains('*') {
        return rest.is_empty();
    }
    let mut parts: Vec<&str> = parts.collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches_glob;

    #[test]
    fn globs() {
        assert!(matches_glob("GET /orders", "GET /orders"));
        assert!(!matches_glob("GET /orders", "GET /orders/{id}"));
        assert!(matches_glob("GET /orders*", "GET /orders/{id}"));
        assert!(matches_glob("*orders*", "GET /orders/{id}"));
        assert!(matches_glob("*", ""));
        assert!(!matches_glob("a*a", "a"));
        assert!(matches_glob("a*b*c", "aXbYbZc"));
    }
}
