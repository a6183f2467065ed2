//! How time goes with the size of the data: a power law through the times of several sizes.
//!
//! What is fitted are the steps: from one size to the next, what does one more row cost? A constant part
//! of the time or of the size changes neither, while the logarithms of time and size alone would take it
//! for an order. If one more row costs the same everywhere, the time is linear; if it costs twice as
//! much where there are twice as many, the time goes with the square.

use crate::candidate::Measure;
use crate::docket::{Growth, Times};

/// Requests that it takes to know the time of one size.
const REQUESTS_MIN: u64 = 5;

/// Sizes that it takes to tell an order from a step.
const POINTS_MIN: usize = 4;

/// Sizes that are closer than this, per cent, say the same.
const APART_MIN: u64 = 180;

/// An order below this may be `n log n`, caches that no longer suffice, or collecting garbage.
const ORDER_MIN: f64 = 1.5;

/// Between three sizes that follow one another the order may seem this low.
const ORDER_BETWEEN_MIN: f64 = 1.3;

/// A median is not known better than this share of it.
const ERROR_MIN: f64 = 0.02;

/// How a time goes with the size of the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Law {
    /// What the size counts.
    pub measure: Measure,
    /// Size and median time in nanoseconds, the smallest first: the sizes that it is told by.
    pub points: [(u64, u64); POINTS_MIN],
    /// The lowest order that fits, the likely and the highest: 1 is linear, 2 the square.
    pub order: [f64; 3],
}

/// What the times of several sizes say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fit {
    /// Too few sizes, or too much noise, to say anything.
    Unknown,
    /// Grows, but not for sure faster than the data; with the order that fits best.
    Slow(f64),
    /// Grows faster than the data.
    Fast(Law),
}

/// The median time of one size.
#[derive(Debug, Clone, Copy)]
struct Point {
    size: u64,
    time_ns: u64,
    /// Two standard errors.
    error_ns: f64,
}

/// What one more row costs, from one point to the next.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// The size in the middle.
    size: f64,
    cost_ns: f64,
    error_ns: f64,
}

/// Fits the measure that says most about the data and has enough sizes.
pub(crate) fn fit(growth: &Growth) -> Fit {
    let fits = Measure::ALL.into_iter().map(|measure| fit_by(growth, measure));
    fits.into_iter().find(|fit| *fit != Fit::Unknown).unwrap_or(Fit::Unknown)
}

fn fit_by(growth: &Growth, measure: Measure) -> Fit {
    let points = points(growth, measure);
    let steps: Vec<Step> = points.windows(2).map(|pair| Step::between(pair[0], pair[1])).collect();
    // Where the data is little, other things take the time.
    let first = steps.iter().position(Step::is_certain).unwrap_or(steps.len());
    let (points, steps) = (&points[first.min(points.len())..], &steps[first..]);
    let [from, .., to] = steps else { return Fit::Unknown };
    if points.len() < POINTS_MIN {
        return Fit::Unknown;
    }
    let (likely, error) = from.order(to);
    let grows = steps.windows(2).all(|pair| pair[0].order(&pair[1]).0 >= ORDER_BETWEEN_MIN);
    match grows && likely - error >= ORDER_MIN {
        true => {
            Fit::Fast(Law { measure, points: told(points), order: [likely - error, likely, likely + error] })
        }
        false => Fit::Slow(likely),
    }
}

/// Sizes that are well apart, each with enough requests.
fn points(growth: &Growth, measure: Measure) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    for times in growth.by(measure).filter(|times| times.requests >= REQUESTS_MIN) {
        let size = times.size();
        if points.last().is_none_or(|last| size * 100 >= last.size.saturating_mul(APART_MIN)) {
            points.push(Point::of(times));
        }
    }
    points
}

/// The first, the last and some between them.
fn told(points: &[Point]) -> [(u64, u64); POINTS_MIN] {
    std::array::from_fn(|place| {
        let point = points[place * (points.len() - 1) / (POINTS_MIN - 1)];
        (point.size, point.time_ns)
    })
}

/// Two standard errors of the median of so many values, by the distance of their quartiles: of a normal distribution
/// one is 0.93 of it by the root of the number.
pub(crate) fn two_errors_of_median(between_quartiles: f64, values: u64) -> f64 {
    2.0 * 0.93 * between_quartiles / (values as f64).sqrt()
}

impl Point {
    fn of(times: &Times) -> Self {
        let [low, time_ns, high] = [250, 500, 750].map(|permille| times.claimed.quantile(permille));
        let spread = two_errors_of_median((high - low) as f64, times.requests);
        Self { size: times.size(), time_ns, error_ns: spread.max(time_ns as f64 * ERROR_MIN) }
    }
}

impl Step {
    fn between(from: Point, to: Point) -> Self {
        let rows = (to.size - from.size) as f64;
        Self {
            size: f64::midpoint(from.size as f64, to.size as f64),
            cost_ns: (to.time_ns as f64 - from.time_ns as f64) / rows,
            error_ns: from.error_ns.hypot(to.error_ns) / rows,
        }
    }

    /// Whether one more row costs anything for sure.
    fn is_certain(&self) -> bool {
        self.cost_ns > self.error_ns
    }

    /// The order of the time and two standard errors of it; no order where a step costs nothing.
    fn order(&self, to: &Self) -> (f64, f64) {
        if self.cost_ns <= 0.0 || to.cost_ns <= 0.0 {
            return (f64::NEG_INFINITY, 0.0);
        }
        let apart = (to.size / self.size).ln();
        let error = (self.error_ns / self.cost_ns).hypot(to.error_ns / to.cost_ns);
        (1.0 + (to.cost_ns / self.cost_ns).ln() / apart, error / apart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidate::Sizes;

    /// Twenty requests of each size, in milliseconds; `noise` is added to every other one.
    fn growth(sizes: &[u64], noise: f64, ms: impl Fn(f64) -> f64) -> Growth {
        let mut growth = Growth::default();
        for &size in sizes {
            for number in 0..20 {
                let mut sizes = Sizes::default();
                sizes.see(Measure::Rows, size);
                let ms = ms(size as f64) * (1.0 + noise * f64::from(number % 5));
                growth.add(&sizes, (ms * 1e6) as u64);
            }
        }
        growth
    }

    fn order_of(growth: &Growth) -> Option<[f64; 3]> {
        if let Fit::Fast(law) = fit(growth) { Some(law.order) } else { None }
    }

    const SIZES: [u64; 6] = [50, 100, 200, 400, 800, 1600];

    #[test]
    fn the_square_is_seen_above_whatever_is_constant() {
        for constant in [0.0, 5.0, 40.0] {
            let square = growth(&SIZES, 0.02, |rows| constant + rows * rows / 10_000.0);
            let [lowest, likely, highest] = order_of(&square).expect("grows with the square");
            assert!(likely > 1.9 && likely < 2.1, "{likely}");
            assert!(lowest > 1.5 && highest < 2.6, "{lowest} {highest}");
        }
        let cube = growth(&SIZES, 0.02, |rows| rows * rows * rows / 1_000_000.0);
        assert!(order_of(&cube).expect("grows with the cube")[1] > 2.8);
    }

    #[test]
    fn what_grows_with_the_data_is_no_law() {
        for constant in [0.0, 5.0, 40.0] {
            assert_eq!(order_of(&growth(&SIZES, 0.05, |rows| constant + rows / 10.0)), None);
            assert_eq!(order_of(&growth(&SIZES, 0.05, |rows| constant + rows * rows.ln() / 50.0)), None);
        }
    }

    #[test]
    fn a_constant_part_of_the_size_makes_no_order() {
        let growth = growth(&[1060, 1120, 1240, 1480, 1960, 2920, 4840], 0.01, |rows| (rows - 1000.0) / 10.0);
        assert_eq!(order_of(&growth), None);
    }

    #[test]
    fn steps_pages_and_noise_are_no_law() {
        assert_eq!(order_of(&growth(&SIZES, 0.1, |_| 30.0)), None);
        assert_eq!(order_of(&growth(&SIZES, 0.02, |rows| if rows < 500.0 { 20.0 } else { 300.0 })), None);
        assert_eq!(order_of(&growth(&SIZES, 0.02, |rows| rows.min(200.0) / 5.0)), None);
        assert_eq!(order_of(&growth(&SIZES, 0.02, |rows| (rows - 300.0).max(0.0) / 5.0)), None);
        assert_eq!(order_of(&growth(&SIZES, 1.0, |rows| 200.0 + rows * rows / 30_000.0)), None);
    }

    #[test]
    fn few_sizes_say_nothing() {
        let square = |sizes: &[u64]| fit(&growth(sizes, 0.02, |rows| rows * rows / 1_000.0));
        assert_eq!(square(&[100, 200, 400]), Fit::Unknown);
        assert_eq!(square(&[100, 120, 140, 160]), Fit::Unknown);
        assert!(matches!(square(&[100, 200, 400, 800]), Fit::Fast(_)));
    }
}
