//! How many runs a difference needs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::student::{Student, TWENTIETH, TWO_FIFTHS};

/// More runs than this nobody makes.
const RUNS_MAX: u32 = 1_000;

/// Runs a side after which an interval would end within `distance` of the difference, in one of two measurements.
///
/// `deviation` is the standard deviation of a run's value. `None` where a thousand would not do.
pub fn runs_needed(deviation: f64, distance: f64) -> Option<u32> {
    let is_enough = |runs: u32| half_width(runs, deviation).is_some_and(|half| half <= distance);
    // More runs make the interval narrower: halving finds the first that will do.
    let (mut too_few, mut enough) = (1, RUNS_MAX);
    if !is_enough(enough) {
        return None;
    }
    while enough - too_few > 1 {
        let middle = u32::midpoint(too_few, enough);
        *(if is_enough(middle) { &mut enough } else { &mut too_few }) = middle;
    }
    Some(enough)
}

/// Half of the interval's width with so many runs a side.
fn half_width(runs: u32, deviation: f64) -> Option<f64> {
    Some(quantile(runs)? * deviation * (2.0 / f64::from(runs)).sqrt())
}

/// Quantiles that were worked out, by runs: the same few are asked for again and again, and each takes long.
static QUANTILES: Mutex<BTreeMap<u32, f64>> = Mutex::new(BTreeMap::new());

/// Student's quantile of 97.5 % with so many runs a side.
fn quantile(runs: u32) -> Option<f64> {
    let mut known = QUANTILES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(quantile) = known.get(&runs) {
        return Some(*quantile);
    }
    let quantile = Student::with(f64::from(runs.checked_mul(2)?.checked_sub(2)?))?.end(TWENTIETH);
    known.insert(runs, quantile);
    Some(quantile)
}

/// The smallest difference that so many runs a side show in 80 of 100 measurements.
///
/// `deviation` is the standard deviation of a run's value. `None` with fewer than two runs.
pub fn detectable(deviation: f64, runs: u32) -> Option<f64> {
    let student = Student::with(f64::from(runs.checked_mul(2)?.checked_sub(2)?))?;
    let quantiles = student.end(TWENTIETH) + student.end(TWO_FIFTHS);
    Some(quantiles * deviation * (2.0 / f64::from(runs)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_noise_needs_more_runs() {
        let few = runs_needed(0.02, 0.05).unwrap();
        let many = runs_needed(0.08, 0.05).unwrap();
        assert!(few < 5 && many > 15, "{few} {many}");
        assert_eq!(runs_needed(1.0, 0.001), None);
        assert_eq!(runs_needed(0.1, 0.0), None);
    }

    #[test]
    fn it_is_the_first_number_that_will_do() {
        for (deviation, distance) in [(0.01, 0.5), (0.02, 0.05), (0.03, 0.01), (0.1, 0.02)] {
            let found = runs_needed(deviation, distance);
            let first = (2..=RUNS_MAX).find(|runs| half_width(*runs, deviation).unwrap() <= distance);
            assert_eq!(found, first, "{deviation} {distance}");
        }
    }

    #[test]
    fn ten_runs_show_four_percent_at_three_percent_noise() {
        let found = detectable(0.03, 10).unwrap();
        assert!((found - 0.040).abs() < 0.001, "{found}");
        assert_eq!(detectable(0.03, 1), None);
    }
}
