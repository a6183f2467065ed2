use super::*;
use crate::{Histogram, Sample, WarningKind};

/// Runs that are one duration each, in milliseconds, taking turns with the other side.
fn runs(first_slot: u32, milliseconds: &[f64]) -> Vec<Run> {
    let run = |(index, value): (usize, &f64)| Run {
        name: index.to_string(),
        slot: Some(first_slot + 2 * u32::try_from(index).unwrap()),
        samples: [(String::new(), single(*value))].into(),
        ..Run::default()
    };
    milliseconds.iter().enumerate().map(run).collect()
}

fn single(milliseconds: f64) -> Sample {
    Sample { requests: 1, latency: Latency::Single { ps: whole(milliseconds * 1e9) }, ..Sample::default() }
}

fn question() -> Question {
    Question { primary: Some((String::new(), Metric::Mean)), ..Question::default() }
}

fn verdict(before: &[f64], after: &[f64]) -> MetricDecision {
    decide(&runs(0, before), &runs(1, after), &question()).metrics.remove(0)
}

const STEADY: [f64; 6] = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2];

fn times(factor: f64) -> Vec<f64> {
    [100.1, 99.3, 100.7, 99.8, 100.4, 99.9].iter().map(|value| value * factor).collect()
}

#[test]
fn a_fifth_less_is_improved_and_proven_to_almost_a_fifth() {
    let found = verdict(&STEADY, &times(0.8));
    assert_eq!(found.verdict, Verdict::Improved);
    assert_eq!(found.proven_percent, Some(19));
    assert!((found.effect_ppm.unwrap() + 200_000).abs() < 2_000);
    assert!(found.p_permutation_ppm.unwrap() < 10_000);
}

#[test]
fn more_is_regressed() {
    assert_eq!(verdict(&STEADY, &times(1.2)).verdict, Verdict::Regressed);
}

#[test]
fn the_same_is_equivalent_and_a_little_less_is_not_told() {
    assert_eq!(verdict(&STEADY, &times(1.0)).verdict, Verdict::Equivalent);
    let little = verdict(&STEADY, &times(0.985));
    assert!(little.interval_ppm.unwrap()[1] < 0, "beyond chance, but within the margin");
    assert_eq!(little.verdict, Verdict::Equivalent);
}

#[test]
fn noise_is_inconclusive_and_says_how_many_runs_decide() {
    let found = verdict(&[100.0, 130.0, 80.0, 110.0, 95.0], &[90.0, 120.0, 75.0, 100.0, 85.0]);
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert!(found.runs_needed.unwrap() > 10, "{:?}", found.runs_needed);
}

#[test]
fn one_run_a_side_is_inconclusive_whatever_the_difference() {
    for count in [1, 2] {
        let decision = decide(&runs(0, &STEADY[..count]), &runs(1, &times(0.1)[..count]), &question());
        assert_eq!(decision.metrics[0].verdict, Verdict::Inconclusive);
        assert!(decision.warnings.iter().any(|warning| warning.kind == WarningKind::FewRuns));
    }
}

#[test]
fn coarse_values_that_never_vary_prove_no_more_than_their_step() {
    let coarse = |milliseconds: f64, slot| {
        let mut runs = runs(slot, &[milliseconds; 5]);
        let samples = runs.iter_mut().flat_map(|run| run.samples.values_mut());
        samples.for_each(|sample| sample.resolution_ns = Some(1_000_000));
        runs
    };
    let decision = decide(&coarse(2.0, 0), &coarse(2.0, 1), &question());
    assert_eq!(decision.metrics[0].verdict, Verdict::Inconclusive, "2 ms and 2 ms may differ by a half");
    let decision = decide(&coarse(4.0, 0), &coarse(2.0, 1), &question());
    assert_eq!(decision.metrics[0].verdict, Verdict::Improved);
}

#[test]
fn runs_that_move_together_are_compared_as_pairs() {
    let before = [100.0, 120.0, 90.0, 140.0, 80.0, 110.0, 130.0];
    let after: Vec<f64> =
        before.iter().zip([0.90, 0.91, 0.89, 0.90, 0.905, 0.895, 0.90]).map(|(b, f)| b * f).collect();
    let found = verdict(&before, &after);
    assert_eq!((found.method, found.verdict), (Method::Paired, Verdict::Improved));
}

#[test]
fn counts_are_compared_exactly() {
    let counted = |counts: &[u64]| -> Vec<Run> {
        let sample = |milli: &u64| Sample {
            requests: 9,
            counts_milli: [("statements".into(), *milli)].into(),
            ..Sample::default()
        };
        counts
            .iter()
            .map(|milli| Run { samples: [("GET /orders".into(), sample(milli))].into(), ..Run::default() })
            .collect()
    };
    let verdict = |before: &[u64], after: &[u64]| {
        decide(&counted(before), &counted(after), &Question::default()).metrics[0].verdict
    };
    assert_eq!(verdict(&[203_000], &[4_000]), Verdict::Improved);
    assert_eq!(verdict(&[4_000, 4_000], &[4_000, 4_000]), Verdict::Equivalent);
    assert_eq!(verdict(&[4_000, 4_000], &[4_001, 4_001]), Verdict::Regressed);
    assert_eq!(verdict(&[4_000, 6_000], &[5_000, 5_000]), Verdict::Inconclusive);
}

#[test]
fn the_primary_metric_comes_first_and_the_others_share_their_chances() {
    let many = |slot: u32, factor: f64| -> Vec<Run> {
        let names = ["a", "b", "c"];
        let mut runs = runs(slot, &STEADY);
        for (index, run) in runs.iter_mut().enumerate() {
            let odd = [1.0, 1.01, 0.99, 1.005, 0.995, 1.0][index];
            run.samples =
                names.iter().map(|name| ((*name).to_owned(), single(100.0 * factor * odd))).collect();
        }
        runs
    };
    let question = Question { primary: Some(("b".into(), Metric::Mean)), ..Question::default() };
    let decision = decide(&many(0, 1.0), &many(1, 0.9), &question);
    let named: Vec<&str> = decision.metrics.iter().map(|metric| metric.subject.as_str()).collect();
    assert_eq!(named, ["b", "a", "c"]);
    assert_eq!(decision.primary().unwrap().p_holm_ppm, None);
    assert!(decision.metrics[1..].iter().all(|metric| metric.p_holm_ppm >= metric.p_ppm));
}

#[test]
fn sides_that_fail_differently_or_took_no_turns_are_warned_of() {
    let side = |slot: u32, errors: u64| -> Vec<Run> {
        let latency = || Latency::Histogram {
            histogram: (1..=1_000u64).map(|step| step * 1_000).collect::<Histogram>(),
        };
        let sample =
            || Sample { requests: 1_000, errors: Some(errors), latency: latency(), ..Sample::default() };
        (slot..slot + 5)
            .map(|slot| Run {
                slot: Some(slot),
                samples: [(String::new(), sample())].into(),
                ..Run::default()
            })
            .collect()
    };
    let decision = decide(&side(0, 0), &side(5, 50), &Question::default());
    let kinds: Vec<WarningKind> = decision.warnings.iter().map(|warning| warning.kind).collect();
    assert_eq!(kinds, [WarningKind::NotInterleaved, WarningKind::Errors]);
}
