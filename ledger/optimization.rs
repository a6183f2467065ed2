//! The entry of an optimization: what was changed and why, what was measured, and what that says.

use measurement::{Decision, MetricDecision, RULE, Verdict, decide};
use serde::{Deserialize, Serialize};

use crate::{Change, Differences, EntryId, FindingNote, Guard, Plan, Side, SideNote, Target, TargetMet};

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
            decision,
            differences,
        }
    }

    /// Whether the verdict is not told because more than one thing differs.
    pub fn is_capped(&self) -> bool {
        self.decision.primary().is_some_and(|metric| metric.verdict != self.verdict)
    }

    /// Whether a change is claimed that is no larger than what was measured without one.
    pub fn is_within_noise(&self) -> bool {
        let is_claimed = matches!(self.verdict, Verdict::Improved | Verdict::Regressed);
        let effect = self.decision.primary().and_then(|metric| metric.effect_ppm);
        let within = |(noise, effect): (u32, i64)| effect.unsigned_abs() <= u64::from(noise);
        is_claimed && self.noise_ppm.zip(effect).is_some_and(within)
    }
}

fn met(text: &str, decision: &Decision) -> TargetMet {
    let target = text.parse::<Target>().ok();
    let [before, after] = target.map_or([None, None], |target| target.met(decision));
    TargetMet { target: text.to_owned(), before, after }
}

impl Optimization {
    /// What its runs say now; equal to what it says unless one of them was altered.
    pub fn concluded_again(&self) -> Conclusion {
        Conclusion::of(&self.plan, &self.change, [&self.before, &self.after], self.confounded.as_deref())
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
