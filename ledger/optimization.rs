//! The entry of an optimization: what was changed and why, what was measured, and what that says.

use measurement::{Decision, MetricDecision, RULE, Verdict, decide};
use serde::{Deserialize, Serialize};

use crate::{
    Change, Differences, EntryId, FindingNote, Guard, Plan, Side, SideNote, Target, TargetMet, Unchanged,
};

/// What was changed, with its proof; `S` is a side, with or without what was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimization<S = Side> {
    /// What was decided before measuring.
    pub plan: Plan,
    /// What was changed, as git tells.
    pub change: Change,
    /// What a reader wants to know before undoing it.
    pub reasons: Reasons,
    /// What was measured before.
    pub before: S,
    /// What was measured after.
    pub after: S,
    /// The same version measured on both sides, in turns, where that was done: how far these are apart is noise.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub unchanged: Option<[S; 2]>,
    /// Why more than one thing differs between the sides, and why the verdict is told nevertheless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confounded: Option<String>,
    /// What the runs say.
    pub conclusion: Conclusion,
    /// What must stay true from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    /// Entries that hold no more, as this one takes their place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supersedes: Vec<EntryId>,
}

/// No sides, whatever their kind.
fn none<S>() -> Option<[S; 2]> {
    None
}

/// What a reader wants to know before undoing a change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reasons {
    /// What explains the result; written after measuring, unlike the plan's hypothesis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// What else was tried or considered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
    /// What it costs: writes, memory, staleness.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tradeoffs: Vec<String>,
    /// The sentence that whoever is about to undo it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub do_not_undo: Option<String>,
}

/// What the runs of an entry say; worked out again from the runs to verify it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conclusion {
    /// The rule by which it was decided.
    pub rule: String,
    /// What the runs say of each metric.
    pub decision: Decision,
    /// All that differs between the sides.
    pub differences: Differences,
    /// What is claimed: the verdict on the primary metric, unless more than one thing differs and nobody says why.
    pub verdict: Verdict,
    /// The target, and whether it was met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetMet>,
    /// How far two halves of the runs before are apart in the primary metric, though nothing was changed between them, in
    /// millionths ([`MetricDecision::noise_ppm`]). Early entries have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_ppm: Option<u32>,
    /// What the same version measured on both sides says, where that was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchanged: Option<Unchanged>,
}

impl Conclusion {
    /// What the runs of two sides say of a change.
    pub fn of(plan: &Plan, change: &Change, sides: [&Side; 2], confounded: Option<&str>) -> Self {
        let [before, after] = sides;
        let decision = decide(&before.runs, &after.runs, &plan.question());
        let environments = [before.environment.as_ref(), after.environment.as_ref()];
        let differences = Differences::between(change, environments, [&before.workload, &after.workload]);
        let measured = decision.primary().map_or(Verdict::Inconclusive, |metric| metric.verdict);
        let is_capped = differences.is_confounded() && confounded.is_none();
        Self {
            rule: RULE.to_owned(),
            verdict: if is_capped { Verdict::Inconclusive } else { measured },
            target: plan.target.as_deref().map(|text| met(text, &decision)),
            noise_ppm: decision.primary().and_then(MetricDecision::noise_ppm),
            unchanged: None,
            decision,
            differences,
        }
    }

    /// Takes what the same version on both sides was apart for noise: of a change that is no larger nothing is claimed.
    #[must_use]
    pub fn with_unchanged(mut self, plan: &Plan, unchanged: Option<&[Side; 2]>) -> Self {
        self.unchanged = unchanged.and_then(|sides| Unchanged::of(plan, sides));
        if self.is_below_floor() {
            self.verdict = Verdict::Inconclusive;
        }
        self
    }

    /// Whether runs seem to tell a change that is no larger than what the same version on both sides was apart.
    pub fn is_below_floor(&self) -> bool {
        let primary = self.decision.primary();
        let changed =
            primary.filter(|metric| matches!(metric.verdict, Verdict::Improved | Verdict::Regressed));
        let effect = changed.and_then(|metric| metric.effect_ppm);
        let within = |(effect, unchanged): (i64, &Unchanged)| grown_ppm(effect) <= unchanged.floor_ppm;
        effect.zip(self.unchanged.as_ref()).is_some_and(within)
    }

    /// Whether the verdict is not told because more than one thing differs.
    pub fn is_capped(&self) -> bool {
        let is_other = self.decision.primary().is_some_and(|metric| metric.verdict != self.verdict);
        is_other && !self.is_below_floor()
    }

    /// Whether a change is claimed that is no larger than what was measured without one.
    pub fn is_within_noise(&self) -> bool {
        let is_claimed = matches!(self.verdict, Verdict::Improved | Verdict::Regressed);
        let effect = self.decision.primary().and_then(|metric| metric.effect_ppm);
        let within = |(noise, effect): (u32, i64)| grown_ppm(effect) <= noise;
        is_claimed && self.noise_ppm.zip(effect).is_some_and(within)
    }
}

/// How much more the larger side has than the smaller one, in millionths: a half less is as far as twice as much.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "converting saturates")]
pub(crate) fn grown_ppm(effect_ppm: i64) -> u32 {
    let factor = (1.0 + effect_ppm as f64 / 1e6).max(f64::MIN_POSITIVE);
    ((factor.max(1.0 / factor) - 1.0) * 1e6).round() as u32
}

fn met(text: &str, decision: &Decision) -> TargetMet {
    let target = text.parse::<Target>().ok();
    let [before, after] = target.map_or([None, None], |target| target.met(decision));
    TargetMet { target: text.to_owned(), before, after }
}

impl Optimization {
    /// What its runs say now; equal to what it says unless one of them was altered.
    pub fn concluded_again(&self) -> Conclusion {
        let sides = [&self.before, &self.after];
        Conclusion::of(&self.plan, &self.change, sides, self.confounded.as_deref())
            .with_unchanged(&self.plan, self.unchanged.as_ref())
    }
}

/// What both kinds of sides tell.
pub trait Findings {
    /// Findings of what was recorded meanwhile.
    fn findings(&self) -> &[FindingNote];
}

impl Findings for Side {
    fn findings(&self) -> &[FindingNote] {
        &self.findings
    }
}

impl Findings for SideNote {
    fn findings(&self) -> &[FindingNote] {
        &self.findings
    }
}

impl<S: Findings> Optimization<S> {
    /// Findings that were there before and are not after.
    pub fn findings_gone(&self) -> Vec<&FindingNote> {
        only_in(self.before.findings(), self.after.findings())
    }

    /// Findings that came.
    pub fn findings_came(&self) -> Vec<&FindingNote> {
        only_in(self.after.findings(), self.before.findings())
    }
}

fn only_in<'f>(here: &'f [FindingNote], there: &[FindingNote]) -> Vec<&'f FindingNote> {
    here.iter().filter(|finding| there.iter().all(|other| other.id != finding.id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_less_is_as_far_as_twice_as_much() {
        let found = [-500_000, 1_000_000, -937_000, 0, -1_000_000].map(grown_ppm);
        assert_eq!(found, [1_000_000, 1_000_000, 14_873_016, 0, u32::MAX]);
    }
}
