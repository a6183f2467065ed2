//! Two profiles that are shown as one.

use profiles::{Frame, Kind, Measure, NodeId, Profile, Unit, union};
use rustc_hash::FxHashSet;

use crate::graph::{are_calls, gaps, grouped};
use crate::names::Builds;

/// Two profiles in one tree, which has every stack of either.
#[derive(Debug)]
pub struct Difference {
    /// Its measures 0 and 1 are before and after.
    pub(crate) both: Profile,
    /// What is compared.
    pub(crate) measure: Measure,
    pub(crate) sides: [Side; 2],
    pub(crate) title: String,
    pub(crate) facts: Vec<String>,
}

/// What one side did, which its values are divided by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work {
    /// Requests, iterations, whatever was done: where known.
    pub requests: Option<f64>,
}

/// What is known of one side.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub(crate) requests: Option<f64>,
    pub(crate) seconds: Option<f64>,
    /// The value of one sample, where values come from samples.
    pub(crate) sample: Option<f64>,
}

/// Why two profiles cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum Incomparable {
    /// They have different units, or events.
    #[error(
        "before is {before}, after is {after}: not the same event and unit; --measure names one that both have"
    )]
    Measure {
        /// Name and unit of what was measured before.
        before: String,
        /// The same of after.
        after: String,
    },
}

impl Difference {
    /// Compares one measure of two profiles, each given with the measure's index and what was done meanwhile.
    ///
    /// Functions of both are the same without addresses, hashes, lines and numbers of generated code in their names, and wherever
    /// the program lies.
    ///
    /// # Errors
    ///
    /// The measures differ in event or unit.
    pub fn of(
        before: (&Profile, usize, Work),
        after: (&Profile, usize, Work),
        title: impl Into<String>,
    ) -> Result<Self, Incomparable> {
        let measures = [before, after].map(|(profile, measure, _)| known(profile, measure));
        if measures[0] != measures[1] {
            let [before, after] = measures.map(|measure| told(&measure));
            return Err(Incomparable::Measure { before, after });
        }
        let [measure, _] = measures;
        let builds = Builds::of(&[after.0, before.0]);
        // Steps have names without values, and in place of a file what tells statements apart that look the same.
        let same = |frame: &Frame| if are_calls(after.0) { builds.same(frame) } else { frame.clone() };
        let both = union((before.0, before.1), (after.0, after.1), same);
        let sides = [before, after].map(|(profile, measure, work)| Side {
            requests: work.requests,
            seconds: profile.duration_ns.map(|duration| duration as f64 / 1e9),
            sample: sample(profile, measure),
        });
        let facts = facts(&both, before.0, after.0);
        Ok(Self { both, measure, sides, title: title.into(), facts })
    }

    /// Whether it is only taken that values count samples, as the format has no unit.
    pub(crate) fn is_assumed(&self) -> bool {
        self.measure.unit == Unit::Unknown
    }
}

fn known(profile: &Profile, measure: usize) -> Measure {
    profile.measures.get(measure).cloned().unwrap_or_else(|| Measure::new("value", Unit::Unknown))
}

fn told(measure: &Measure) -> String {
    format!("{} in {}", measure.name, measure.unit)
}

/// The value of one sample: what a difference must exceed depends on how many were taken.
fn sample(profile: &Profile, measure: usize) -> Option<f64> {
    let compared = profile.measures.get(measure)?;
    if matches!(compared.unit, Unit::Samples | Unit::Unknown) {
        return Some(1.0);
    }
    if let Some((_, value)) = profile.period.as_ref().filter(|(period, _)| period == compared) {
        return (*value > 0.0).then_some(*value);
    }
    let (value, count) = (profile.tree.total(measure), profile.samples_of(measure)?);
    (value > 0.0 && count > 0.0).then(|| value / count)
}

/// How much of both sides is the same, and what is missing in either.
fn facts(both: &Profile, before: &Profile, after: &Profile) -> Vec<String> {
    let [old, new] = [0, 1].map(|side| occurring(both, side));
    let same = old.intersection(&new).count() as u64;
    let [same, old, new] = [grouped(same), grouped(old.len() as u64), grouped(new.len() as u64)];
    let what = if are_calls(both) { "functions" } else { "steps" };
    let mut facts = vec![format!("{same} of {old} {what} before and {new} after are the same")];
    for (name, profile) in [("before", before), ("after", after)] {
        facts.extend(gaps(profile).into_iter().map(|gap| format!("{name}: {gap}")));
    }
    facts
}

/// Functions with any value of a side; threads are none.
fn occurring(both: &Profile, side: usize) -> FxHashSet<u32> {
    let totals = both.tree.totals(side);
    let nodes = both.tree.nodes().filter(|node: &NodeId| totals[node.index()] > 0.0);
    let frames = nodes.filter_map(|node| both.tree.frame(node));
    frames.filter(|frame| both.frames[*frame].kind != Some(Kind::Thread)).map(|frame| frame.0).collect()
}
