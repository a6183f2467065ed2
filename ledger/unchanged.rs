//! The same version measured on both sides, in turns (A/A): what differs there differs without a change.

use measurement::statistics::{detectable, variance};
use measurement::{MetricDecision, decide};
use serde::{Deserialize, Serialize};

use crate::optimization::grown_ppm;
use crate::{Plan, Side};

/// What two sides of the same version say of the primary metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unchanged {
    /// Runs of each side; of the side with fewer.
    pub runs: u32,
    /// How far the sides are apart, in millionths of the first.
    pub effect_ppm: i64,
    /// The ends of the 95 % interval of that, in millionths.
    pub interval_ppm: [i64; 2],
    /// Differences up to this are noise, in millionths: the larger of what the sides are apart and of what halves of all these runs
    /// are apart at most in 95 of 100 ways to halve them.
    pub floor_ppm: u32,
    /// The difference that so many runs of each side show in 80 of 100 measurements, in millionths.
    pub detectable_ppm: u32,
}

impl Unchanged {
    /// What they say; `None` of counts, which do not vary by chance, and with fewer than three runs of a side.
    pub fn of(plan: &Plan, sides: &[Side; 2]) -> Option<Self> {
        let decision = decide(&sides[0].runs, &sides[1].runs, &plan.question());
        let primary = decision.primary()?;
        let (effect_ppm, interval_ppm) = (primary.effect_ppm?, primary.interval_ppm?);
        let runs = decision.runs_before.min(decision.runs_after);
        Some(Self {
            runs,
            effect_ppm,
            interval_ppm,
            floor_ppm: grown_ppm(effect_ppm).max(primary.noise_of_both_ppm()?),
            detectable_ppm: detectable_ppm(primary, runs)?,
        })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "converting saturates")]
fn detectable_ppm(metric: &MetricDecision, runs: u32) -> Option<u32> {
    let of = |values: &[u64]| {
        variance(&values.iter().map(|value| (*value.max(&1) as f64).ln()).collect::<Vec<_>>())
    };
    let deviation = ((of(&metric.before) + of(&metric.after)) / 2.0).sqrt();
    Some((detectable(deviation, runs)?.exp_m1() * 1e6).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn the_floor_is_no_lower_than_what_the_sides_are_apart() {
        let plan = samples::optimization(100).plan;
        let found =
            Unchanged::of(&plan, &[samples::side("c0", 0, 100), samples::side("c0", 1, 110)]).unwrap();
        assert_eq!((found.runs, found.floor_ppm >= grown_ppm(found.effect_ppm)), (5, true));
        assert!((95_000..105_000).contains(&found.effect_ppm), "{found:?}");
        let few = [0, 1].map(|slot| {
            let mut side = samples::side("c0", slot, 100);
            side.runs.truncate(2);
            side
        });
        assert_eq!(Unchanged::of(&plan, &few), None);
    }
}
