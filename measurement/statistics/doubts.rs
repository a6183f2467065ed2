//! What casts doubt on runs: values that follow each other, drift, and two kinds of runs.

use super::student::Student;
use super::{correlation, mean, variance};

/// Runs below which these say nothing.
const RUNS_MIN: usize = 6;

/// Neighbours that move together more than this are compared as pairs.
const TOGETHER_MIN: f64 = 0.3;

/// How alike neighbouring values are, in the order of time: 0 by chance, 1 the same.
///
/// `None` with fewer than six. It is the ratio of the products of neighbours to the squares, without the bias of short series.
pub fn autocorrelation(values: &[f64]) -> Option<f64> {
    if values.len() < RUNS_MIN {
        return None;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let products: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    (squares > 0.0).then(|| products / squares + 1.0 / values.len() as f64)
}

/// How far values move from the first to the last by a straight line, where that is not chance (1 of 100).
pub fn trend(values: &[f64]) -> Option<f64> {
    if values.len() < RUNS_MIN {
        return None;
    }
    let places: Vec<f64> = (0..values.len()).map(|place| place as f64).collect();
    let along = correlation(&places, values);
    let freedom = (values.len() - 2) as f64;
    let rest = 1.0 - along.powi(2);
    let chance =
        if rest > 0.0 { Student::with(freedom)?.chance(along * (freedom / rest).sqrt()) } else { 0.0 };
    let slope = along * (variance(values) / variance(&places)).sqrt();
    (chance < 0.01).then(|| slope * (values.len() - 1) as f64)
}

/// Whether both sides' values of neighbouring slots move together: a correlation above 0.3, beyond chance (1 of 20, by the
/// transformation of R. A. Fisher, 1921).
///
/// A correlation that is merely seen is chance in one of five measurements of ten runs, and going by it would tell changes where
/// there are none. With fewer than six pairs nothing is beyond chance.
pub fn moves_together(before: &[f64], after: &[f64]) -> bool {
    if before.len() != after.len() || before.len() < RUNS_MIN {
        return false;
    }
    let surely = correlation(before, after).atanh() - 1.645 / ((before.len() - 3) as f64).sqrt();
    surely > TOGETHER_MIN.atanh()
}

/// Whether the values lie in two heaps: the widest gap takes more than half of their range, each heap has at least two, and
/// there are eight or more.
///
/// Eight values of one normal heap are taken for two in fewer than one of fifty measurements.
pub fn is_bimodal(values: &[f64]) -> bool {
    if values.len() < 8 {
        return false;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let range = sorted[sorted.len() - 1] - sorted[0];
    let gaps = sorted.windows(2).map(|pair| pair[1] - pair[0]);
    let inner = gaps.skip(1).take(sorted.len().saturating_sub(3));
    range > 0.0 && inner.fold(0.0, f64::max) > range / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_up_and_down_are_not_alike_and_slow_waves_are() {
        let alternating: Vec<f64> = (0..20).map(|place| f64::from(place % 2)).collect();
        let wave: Vec<f64> = (0..20).map(|place| (f64::from(place) / 4.0).sin()).collect();
        assert!(autocorrelation(&alternating).unwrap() < -0.7);
        assert!(autocorrelation(&wave).unwrap() > 0.7);
        assert_eq!(autocorrelation(&[1.0; 5]), None);
        assert_eq!(autocorrelation(&[1.0; 9]), None);
    }

    #[test]
    fn a_steady_climb_is_a_trend() {
        let climb: Vec<f64> =
            (0..10).map(|place| f64::from(place) * 0.01 + f64::from(place % 2) * 0.001).collect();
        assert!((trend(&climb).unwrap() - 0.09).abs() < 0.002);
        assert_eq!(trend(&[1.0, 1.2, 0.9, 1.1, 1.0, 1.1]), None);
    }

    #[test]
    fn a_weak_or_short_correlation_may_be_chance() {
        let waves: Vec<f64> = (0..10).map(|place| f64::from(place * place % 7)).collect();
        let near: Vec<f64> = waves.iter().map(|value| value * 1.1 + 3.0).collect();
        let loose: Vec<f64> =
            waves.iter().zip(0..).map(|(value, place)| value + f64::from(place * 5 % 8)).collect();
        assert!(moves_together(&waves, &near));
        assert!(correlation(&waves, &loose) > TOGETHER_MIN && !moves_together(&waves, &loose));
        assert!(!moves_together(&waves[..5], &near[..5]));
    }

    #[test]
    fn two_heaps_are_seen_and_one_odd_run_is_none() {
        assert!(is_bimodal(&[1.0, 1.01, 1.02, 1.0, 1.3, 1.31, 1.29, 1.3]));
        assert!(!is_bimodal(&[1.0, 1.01, 1.02, 1.0, 1.03, 1.01, 0.99, 1.3]));
        assert!(!is_bimodal(&[1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7]));
    }
}
