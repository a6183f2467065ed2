//! Profiles of this version and of the entry's, taken in turns: whether a function has a larger part than it had, beyond what
//! profiles of one version differ by.
//!
//! The unit of evidence is the profile, as the run is of durations: folded stacks do not tell what their numbers count, but five
//! profiles of a version tell how far its profiles differ. So shares are decided on by the rule that decides on runs.

use ledger::Bound;
use measurement::{Decision, Metric, Question, Run, Sample, Verdict, WarningKind, decide};

use super::judged::State;
use super::sampled::{Sampled, holds, percent};

/// Profiles of a version below which nothing is decided: five that agree are chance in one of 32 cases.
const PROFILES_MIN: usize = 5;

/// What profiles say of a share that seems to be beyond its bound: `now` of this version, `then` of the entry's.
pub(super) fn confirmed(frame: &str, bound: &Bound, now: &[Sampled], then: &[Sampled]) -> (State, String) {
    let shares = |profiles: &[Sampled]| -> Vec<f64> { profiles.iter().map(|of| of.share(frame)).collect() };
    let (of_now, of_then) = (shares(now), shares(then));
    let told = told(&of_now);
    if now.len().min(then.len()) < PROFILES_MIN {
        let how = "to tell, take five profiles of this version and of the entry's in turns: --profile NOW… --profile-then THEN…";
        return (State::Unconfirmed, format!("{told}: {how}"));
    }
    let beyond = of_now.iter().filter(|share| !holds(bound, **share)).count();
    if beyond < now.len() {
        return (
            State::Unconfirmed,
            format!("{told}: beyond the bound in {beyond} of {} profiles", now.len()),
        );
    }
    let decision = compared(&runs(then, &of_then), &runs(now, &of_now));
    let (state, words) = judged(&decision);
    (state, format!("{told} in {} profiles, {words} {} then", now.len(), self::told(&of_then)))
}

/// The smallest and the largest of some shares.
fn told(shares: &[f64]) -> String {
    let (low, high) = shares.iter().fold((f64::MAX, 0.0f64), |(low, high), of| (low.min(*of), high.max(*of)));
    match shares.len() {
        1 => percent(high),
        _ => format!("{:.1} to {}", low * 100.0, percent(high)),
    }
}

/// Each profile as a run in which the function took its share of a second.
fn runs(profiles: &[Sampled], shares: &[f64]) -> Vec<Run> {
    let run = |(profile, share): (&Sampled, &f64)| {
        // A share lies between 0 and 1.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let cpu_ns = Some((share * 1e9).round() as u64);
        let sample = Sample { cpu_ns, ..Sample::default() };
        Run { started_ms: profile.written_ms, samples: [(String::new(), sample)].into(), ..Run::default() }
    };
    profiles.iter().zip(shares).map(run).collect()
}

fn compared(then: &[Run], now: &[Run]) -> Decision {
    let primary = Some((String::new(), Metric::Cpu));
    decide(then, now, &Question { primary, ..Question::default() })
}

fn judged(decision: &Decision) -> (State, &'static str) {
    let took_turns = !decision.warnings.iter().any(|warning| warning.kind == WarningKind::NotInterleaved);
    match decision.primary().map(|metric| metric.verdict) {
        Some(Verdict::Regressed) if took_turns => (State::Broken, "more than"),
        Some(Verdict::Regressed) => {
            (State::Unconfirmed, "which were not taken in turns with those of then; more than")
        }
        Some(Verdict::Improved | Verdict::Equivalent) => (State::Holds, "no more than"),
        Some(Verdict::Inconclusive) | None => {
            (State::Unconfirmed, "which may be chance: more profiles would tell;")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Profiles in which a function has these shares, taken one after the other.
    fn taken(shares: &[f64], first_ms: u64) -> Vec<Sampled> {
        let profile = |(share, ms): (&f64, u64)| Sampled::of(&[("json.dumps", *share)], None, Some(ms));
        shares.iter().zip((first_ms..).step_by(2)).map(profile).collect()
    }

    fn state(now: &[f64], then: &[f64], first_then_ms: u64) -> State {
        let bound = Bound::of_share("< 5 %").unwrap();
        confirmed("json.*", &bound, &taken(now, 1_000), &taken(then, first_then_ms)).0
    }

    #[test]
    fn a_share_is_broken_where_it_is_larger_than_it_was_in_profiles_taken_in_turns() {
        let (now, then) = ([0.060, 0.062, 0.061, 0.059, 0.063], [0.030, 0.031, 0.029, 0.032, 0.030]);
        assert_eq!(state(&now, &then, 1_001), State::Broken);
        assert_eq!(state(&now, &then, 2_000), State::Unconfirmed);
        assert_eq!(state(&now, &[], 1_001), State::Unconfirmed);
        assert_eq!(state(&now[..4], &then, 1_001), State::Unconfirmed);
    }

    #[test]
    fn what_is_as_it_was_holds_and_what_may_be_chance_is_not_told() {
        let now = [0.0600, 0.0606, 0.0603, 0.0597, 0.0604];
        assert_eq!(state(&now, &[0.0603, 0.0600, 0.0605, 0.0599, 0.0602], 1_001), State::Holds);
        assert_eq!(state(&now, &[0.020, 0.090, 0.050, 0.070, 0.030], 1_001), State::Unconfirmed);
        assert_eq!(state(&[0.060, 0.062, 0.049, 0.059, 0.063], &[0.01; 5], 1_001), State::Unconfirmed);
    }
}
