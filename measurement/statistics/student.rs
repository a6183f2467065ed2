//! Student's distribution: how far from nothing a value is by chance alone.

use std::f64::consts::PI;

/// Student's distribution with so many degrees of freedom, which need not be whole.
pub(super) struct Student {
    freedom: f64,
    /// One part by the beta function of half the freedom and a half.
    scale: f64,
}

/// What is left outside of an interval around zero, both sides together.
#[derive(Clone, Copy)]
pub(super) struct Outside {
    chance: f64,
    /// Where the interval ends in the normal distribution.
    normal: f64,
}

/// One of twenty.
pub(super) const TWENTIETH: Outside = Outside { chance: 0.05, normal: 1.959_963_984_540_054 };

/// Two of five.
pub(super) const TWO_FIFTHS: Outside = Outside { chance: 0.40, normal: 0.841_621_233_572_914_3 };

/// Steps after which nothing changes any more; many more than are needed.
const STEPS_MAX: u32 = 10_000;

impl Student {
    /// `None` where the freedom is no positive number.
    pub(super) fn with(freedom: f64) -> Option<Self> {
        let is_one = freedom > 0.0 && freedom.is_finite();
        is_one.then(|| Self { freedom, scale: gamma_ratio(freedom / 2.0) / PI.sqrt() })
    }

    /// The chance of a value this far from zero, to either side.
    pub(super) fn chance(&self, value: f64) -> f64 {
        if !value.is_finite() {
            return if value.is_nan() { f64::NAN } else { 0.0 };
        }
        let (half, squared) = (self.freedom / 2.0, value * value / self.freedom);
        // The regularised incomplete beta function (NIST, DLMF 8.17) of this part of one, for half the freedom and a half.
        let (part, rest) = (1.0 / (1.0 + squared), squared / (1.0 + squared));
        let front = self.scale * (-half * squared.ln_1p()).exp() * rest.sqrt();
        match part < (half + 1.0) / (half + 2.5) {
            true => front * fraction(half, 0.5, part) / half,
            false => 1.0 - front * fraction(0.5, half, rest) / 0.5,
        }
    }

    /// Where an interval around zero ends outside of which so much is left.
    pub(super) fn end(&self, outside: Outside) -> f64 {
        let mut end = self.near(outside.normal);
        for _ in 0..STEPS_MAX {
            let density = self.density(end);
            // Newton's step, with what the curve's bend adds to it (Halley's).
            let step = (self.chance(end) - outside.chance) / (2.0 * density);
            let bend = end * (self.freedom + 1.0) / (self.freedom + end * end);
            let step = step / (1.0 - (step * bend / 2.0).clamp(-0.5, 0.5));
            end += step;
            // What is left falls with the third power: the next step would be beyond the last digit.
            if step.abs() <= end.abs() * 3e-5 {
                break;
            }
        }
        end
    }

    /// The end by that of the normal distribution (R. A. Fisher, E. A. Cornish, 1960).
    fn near(&self, normal: f64) -> f64 {
        let (squared, freedom) = (normal * normal, self.freedom.max(1.0));
        let first = (squared + 1.0) / 4.0;
        let second = ((5.0 * squared + 16.0) * squared + 3.0) / 96.0;
        let third = (((3.0 * squared + 19.0) * squared + 17.0) * squared - 15.0) / 384.0;
        let fourth = ((((79.0 * squared + 776.0) * squared + 1_482.0) * squared - 1_920.0) * squared - 945.0)
            / 92_160.0;
        let terms = [1.0, first, second, third, fourth];
        normal * terms.iter().rev().fold(0.0, |sum, term| sum / freedom + term)
    }

    fn density(&self, value: f64) -> f64 {
        let power = -(self.freedom + 1.0) / 2.0 * (value * value / self.freedom).ln_1p();
        self.scale / self.freedom.sqrt() * power.exp()
    }
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22), by the method of Lentz as W. J. Thompson and
/// A. R. Barnett altered it (1986).
fn fraction(one: f64, other: f64, part: f64) -> f64 {
    const LEAST: f64 = 1e-300;
    let kept = |value: f64| if value.abs() < LEAST { LEAST } else { value };
    let mut under = 1.0 / kept(1.0 - (one + other) * part / (one + 1.0));
    let (mut over, mut product) = (1.0, under);
    for step in 1..STEPS_MAX {
        let step = f64::from(step);
        let twice = one + 2.0 * step;
        let even = step * (other - step) * part / ((twice - 1.0) * twice);
        let odd = -(one + step) * (one + other + step) * part / (twice * (twice + 1.0));
        under = 1.0 / kept(1.0 + even * under);
        over = kept(1.0 + even / over);
        product *= under * over;
        under = 1.0 / kept(1.0 + odd * under);
        over = kept(1.0 + odd / over);
        let factor = under * over;
        product *= factor;
        if (factor - 1.0).abs() < 1e-15 {
            break;
        }
    }
    product
}

/// The gamma function of a number and a half by that of the number: by its series for large numbers (DLMF 5.11.13), from which
/// smaller ones are a product away.
fn gamma_ratio(number: f64) -> f64 {
    /// Factors of the powers of one part by the number.
    const SERIES: [f64; 8] = [
        1.0,
        -1.0 / 8.0,
        1.0 / 128.0,
        5.0 / 1_024.0,
        -21.0 / 32_768.0,
        -399.0 / 262_144.0,
        869.0 / 4_194_304.0,
        39_325.0 / 33_554_432.0,
    ];
    /// From here on the series is exact to the last digit.
    const LARGE: f64 = 24.0;
    let (mut number, mut product) = (number, 1.0);
    while number < LARGE {
        product *= number / (number + 0.5);
        number += 1.0;
    }
    let series = SERIES.iter().rev().fold(0.0, |sum, factor| sum / number + factor);
    product * number.sqrt() * series
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, StudentsT};

    use super::*;

    /// As statrs has it, for any freedom that sides may have, and values from none to those that are beyond chance.
    #[test]
    fn chances_and_ends_are_those_of_the_library() {
        for freedom in [0.5, 1.0, 1.5, 2.0, 2.7, 4.0, 7.9, 9.0, 17.3, 18.0, 40.0, 97.5, 1_998.0, 50_000.0] {
            let (ours, theirs) =
                (Student::with(freedom).unwrap(), StudentsT::new(0.0, 1.0, freedom).unwrap());
            for value in [0.0, 1e-9, 0.01, 0.3, 1.0, 1.96, 2.5, 4.0, 12.7, 60.0, 1_000.0] {
                let (found, expected) = (ours.chance(-value), 2.0 * theirs.cdf(-value));
                assert!(
                    (found - expected).abs() <= 1e-12 + expected * 1e-9,
                    "{freedom} {value}: {found} {expected}"
                );
            }
            for outside in [TWENTIETH, TWO_FIFTHS] {
                let (found, expected) = (ours.end(outside), theirs.inverse_cdf(1.0 - outside.chance / 2.0));
                // The library is exact to six digits, ours to all, as the line below shows.
                assert!((found / expected - 1.0).abs() < 1e-6, "{freedom}: {found} {expected}");
                assert!((ours.chance(found) - outside.chance).abs() < 1e-13, "{freedom}");
            }
        }
    }

    #[test]
    fn what_is_no_freedom_has_no_distribution() {
        assert!([0.0, -1.0, f64::NAN, f64::INFINITY].iter().all(|freedom| Student::with(*freedom).is_none()));
        assert_eq!(Student::with(3.0).unwrap().chance(f64::INFINITY), 0.0);
    }
}
