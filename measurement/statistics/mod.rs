//! What the values of runs say: intervals of a difference, checks that need no distribution, and what casts doubt on them.
//!
//! Values are logarithms, so that a difference is a factor.

mod doubts;
mod holm;
mod interval;
mod needed;
mod ranks;
mod student;

pub use doubts::{autocorrelation, is_bimodal, moves_together, trend};
pub use holm::holm;
pub use interval::{Interval, paired, welch};
pub use needed::{detectable, runs_needed};
pub use ranks::{noise, permutation, shift};

/// The mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    match values.len() {
        0 => 0.0,
        count => values.iter().sum::<f64>() / count as f64,
    }
}

/// The variance of what the values are a sample of; 0 of fewer than two.
pub fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// Pearson's correlation; 0 where one of both never changes.
fn correlation(left: &[f64], right: &[f64]) -> f64 {
    let (left_mean, right_mean) = (mean(left), mean(right));
    let (mut both, mut of_left, mut of_right) = (0.0, 0.0, 0.0);
    for (left, right) in left.iter().zip(right) {
        both += (left - left_mean) * (right - right_mean);
        of_left += (left - left_mean).powi(2);
        of_right += (right - right_mean).powi(2);
    }
    match of_left * of_right {
        // Rounding may pass the ends.
        product if product > 0.0 => (both / product.sqrt()).clamp(-1.0, 1.0),
        _ => 0.0,
    }
}
