//! Intervals of the difference between two sides, by Student's distribution.

use super::student::{Student, TWENTIETH};
use super::{mean, variance};

/// A difference with the interval that holds it in 95 of 100 measurements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The difference: after less before.
    pub difference: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The chance of a difference this far from zero, to either side, where there is none.
    pub p: f64,
    /// The standard error of the difference.
    pub error: f64,
}

/// Welch's interval for sides whose runs vary differently (B. L. Welch, Biometrika 34, 1947).
///
/// `unread` is the variance that a coarse reading adds to each value. `None` with fewer than two runs at a side.
pub fn welch(before: &[f64], after: &[f64], unread: f64) -> Option<Interval> {
    if before.len() < 2 || after.len() < 2 {
        return None;
    }
    let of = |values: &[f64]| (variance(values) + unread) / values.len() as f64;
    let (of_before, of_after) = (of(before), of(after));
    let squared = of_before + of_after;
    let freedom = of_before.powi(2) / (before.len() - 1) as f64 + of_after.powi(2) / (after.len() - 1) as f64;
    let freedom =
        if freedom > 0.0 { squared.powi(2) / freedom } else { (before.len() + after.len() - 2) as f64 };
    interval(mean(after) - mean(before), squared.sqrt(), freedom)
}

/// The interval of the differences of pairs; `None` with fewer than two, or where sides differ in length.
pub fn paired(before: &[f64], after: &[f64], unread: f64) -> Option<Interval> {
    if before.len() < 2 || before.len() != after.len() {
        return None;
    }
    let differences: Vec<f64> = before.iter().zip(after).map(|(before, after)| after - before).collect();
    let error = ((variance(&differences) + 2.0 * unread) / differences.len() as f64).sqrt();
    interval(mean(&differences), error, (differences.len() - 1) as f64)
}

fn interval(difference: f64, error: f64, freedom: f64) -> Option<Interval> {
    let student = Student::with(freedom)?;
    let half = student.end(TWENTIETH) * error;
    let p = match error > 0.0 {
        true => student.chance(difference / error),
        false if difference == 0.0 => 1.0,
        false => 0.0,
    };
    Some(Interval { difference, low: difference - half, high: difference + half, p, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: [f64; 5] = [5.1, 4.9, 5.6, 5.0, 5.3];
    const AFTER: [f64; 5] = [4.2, 4.5, 4.4, 4.1, 4.9];

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }

    /// SciPy 1.17: `ttest_ind(AFTER, BEFORE, equal_var=False)` and its `confidence_interval()`.
    #[test]
    fn welch_is_that_of_scipy() {
        let found = welch(&BEFORE, &AFTER, 0.0).unwrap();
        near(found.difference, -0.76);
        near(found.p, 0.003_663_479);
        near(found.low, -1.191_170_783);
        near(found.high, -0.328_829_217);
    }

    /// SciPy 1.17: `ttest_rel(AFTER, BEFORE)` and its `confidence_interval()`.
    #[test]
    fn pairs_are_those_of_scipy() {
        let found = paired(&BEFORE, &AFTER, 0.0).unwrap();
        near(found.p, 0.008_366_149);
        near(found.low, -1.195_468_399);
        near(found.high, -0.324_531_601);
    }

    #[test]
    fn one_run_says_nothing() {
        assert_eq!(welch(&[1.0], &AFTER, 0.0), None);
        assert_eq!(paired(&[1.0], &[2.0], 0.0), None);
    }

    #[test]
    fn runs_that_never_vary_are_known_as_well_as_they_were_read() {
        let found = welch(&[1.0; 5], &[1.0; 5], 0.01).unwrap();
        assert!(found.low < 0.0 && found.high > 0.0);
        assert_eq!(welch(&[1.0; 5], &[1.0; 5], 0.0).unwrap().p, 1.0);
    }
}
