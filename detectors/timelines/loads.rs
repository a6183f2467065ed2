//! How the time of requests goes with the number of requests that their process serves at once.
//!
//! Each request has a load: the mean number of requests under way in its process while it is served, itself
//! included. Loads are put together by halves of powers of two; a line through the logarithms of load and median
//! time gives the order: 0 where nothing is shared, 1 where one thing serves one at a time.

use rustc_hash::{FxHashMap, FxHashSet};

use super::by_instance;
use crate::docket::EndpointKey;
use crate::evidence::timeline::{Served, Timelines, WINDOW_NS, Window};
use crate::scaling::two_errors_of_median;

/// Requests that it takes to know the time at one load.
const REQUESTS_MIN: usize = 10;
/// Loads that it takes to tell an order.
const LOADS_MIN: usize = 3;
/// The greatest load is at least so many times the least.
const SPREAD_MIN: f64 = 4.0;
/// At the greatest load requests take at least so many times as long as at the least.
const SLOWER_MIN: f64 = 2.0;
/// A time that grows with a lower order hardly depends on the load.
const ORDER_MIN: f64 = 0.5;
/// From one load to the next the time grows by at least this.
const STEP_MIN: f64 = 1.1;
/// A median is not known better than this share of it.
const ERROR_MIN: f64 = 0.03;

/// How an endpoint's time goes with the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// The endpoint.
    pub endpoint: EndpointKey,
    /// Requests at once on average, in tenths, and their median time in nanoseconds; the least load first.
    pub points: Vec<(u64, u64)>,
    /// The lowest order that fits, the likely and the highest.
    pub order: [f64; 3],
}

impl Load {
    /// What a request takes at the least load.
    pub fn alone_ns(&self) -> u64 {
        self.points.first().map_or(0, |point| point.1)
    }

    /// The share of the time at the greatest load that is due to it, per mille.
    pub fn share(&self) -> u64 {
        let most_ns = self.points.last().map_or(0, |point| point.1);
        super::per_mille(most_ns.saturating_sub(self.alone_ns()), most_ns)
    }
}

/// How the time of each endpoint goes with the load, where it was seen at several.
#[derive(Debug, Default)]
pub struct Loads {
    growing: Vec<Load>,
    /// The orders that fit best where the time does not grow enough.
    steady: FxHashMap<EndpointKey, f64>,
}

impl Loads {
    /// How an endpoint's time grows; else the order that fits best, if the endpoint was seen at several loads.
    pub(crate) fn confirms(&self, endpoint: EndpointKey) -> Result<&Load, Option<f64>> {
        let growing = self.growing.iter().find(|load| load.endpoint == endpoint);
        growing.ok_or_else(|| self.steady.get(&endpoint).copied())
    }

    /// The endpoints that were seen at several loads, with how their time grows if it does.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = (EndpointKey, Option<&Load>)> {
        let growing = self.growing.iter().map(|load| (load.endpoint, Some(load)));
        growing.chain(self.steady.keys().map(|endpoint| (*endpoint, None)))
    }

    /// Looks at all processes. Asked once, when everything is merged.
    pub fn of(timelines: &Timelines) -> Self {
        let instances = by_instance(timelines.windows().filter(|window| !window.is_given_up()));
        let mut by_endpoint: FxHashMap<EndpointKey, Vec<(f64, u64)>> = FxHashMap::default();
        for windows in instances.values() {
            Process::of(windows).loads(&mut by_endpoint);
        }
        let mut loads = Self::default();
        for (endpoint, requests) in by_endpoint {
            match fit(endpoint, requests) {
                Some(Ok(load)) => loads.growing.push(load),
                Some(Err(order)) => drop(loads.steady.insert(endpoint, order)),
                None => {}
            }
        }
        loads
    }
}

/// What one process serves, in the windows that are kept.
struct Process {
    windows: FxHashSet<u64>,
    served: FxHashMap<u64, Served>,
}

impl Process {
    fn of(windows: &[&Window]) -> Self {
        let served = windows.iter().flat_map(|window| &window.served);
        Self {
            windows: windows.iter().map(|window| window.number).collect(),
            served: served.map(|served| (served.request, *served)).collect(),
        }
    }

    /// Adds the load and the time of each request to those of its endpoint.
    fn loads(&self, by_endpoint: &mut FxHashMap<EndpointKey, Vec<(f64, u64)>>) {
        let served: Vec<&Served> = self.served.values().collect();
        for (served, together_ns) in served.iter().zip(together_ns(&served)) {
            let took_ns = served.end_ns - served.start_ns;
            let kept =
                [served.start_ns, served.end_ns].iter().all(|at| self.windows.contains(&(at / WINDOW_NS)));
            if kept && took_ns > 0 {
                let load = together_ns as f64 / took_ns as f64;
                by_endpoint.entry(served.endpoint).or_default().push((load, took_ns));
            }
        }
    }
}

/// The time that all of some requests spend while each of them is under way.
fn together_ns(served: &[&Served]) -> Vec<u128> {
    // A moment and, below it, which request begins or ends: sorted as a number it is by time.
    let change = |at_ns: u64, number: u32, ends: bool| {
        u128::from(at_ns) << 64 | u128::from(number) << 1 | u128::from(ends)
    };
    let numbered = (0..).zip(served);
    let mut changes: Vec<u128> = numbered
        .flat_map(|(number, it)| [change(it.start_ns, number, false), change(it.end_ns, number, true)])
        .collect();
    changes.sort_unstable();
    let mut together_ns = vec![0; served.len()];
    let (mut sum_ns, mut level, mut until_ns) = (0u128, 0u64, 0);
    for change in changes {
        let (at_ns, number, ends) = ((change >> 64) as u64, (change as u64 >> 1) as usize, change & 1 == 1);
        sum_ns += u128::from(at_ns - until_ns) * u128::from(level);
        until_ns = at_ns;
        match ends {
            true => (together_ns[number], level) = (sum_ns - together_ns[number], level - 1),
            false => (together_ns[number], level) = (sum_ns, level + 1),
        }
    }
    together_ns
}

/// The median time at one load.
struct Point {
    load: f64,
    time_ns: u64,
    /// Two standard errors of the logarithm of the time.
    error: f64,
}

/// `Err` gives the order where the time does not grow enough; `None` where too few loads were seen.
fn fit(endpoint: EndpointKey, requests: Vec<(f64, u64)>) -> Option<Result<Load, f64>> {
    let points = points(requests);
    let [first, .., last] = &points[..] else { return None };
    if points.len() < LOADS_MIN || last.load < first.load * SPREAD_MIN {
        return None;
    }
    let (order, error) = slope(&points);
    let times = |pair: &[Point]| pair[1].time_ns as f64 >= pair[0].time_ns as f64 * STEP_MIN;
    let grows = points.windows(2).all(times) && last.time_ns as f64 >= first.time_ns as f64 * SLOWER_MIN;
    Some(match grows && order - error >= ORDER_MIN {
        true => Ok(Load {
            endpoint,
            points: points.iter().map(|point| ((point.load * 10.0).round() as u64, point.time_ns)).collect(),
            order: [order - error, order, order + error],
        }),
        false => Err(order),
    })
}

/// Loads that are within half a power of two of each other, each with enough requests.
fn points(requests: Vec<(f64, u64)>) -> Vec<Point> {
    let mut by_power: std::collections::BTreeMap<i32, Vec<(f64, u64)>> = Default::default();
    for (load, took_ns) in requests {
        by_power.entry(load.max(1.0).log2().round() as i32).or_default().push((load, took_ns));
    }
    let enough = by_power.into_values().filter(|requests| requests.len() >= REQUESTS_MIN);
    enough.map(|requests| Point::of(&requests)).collect()
}

impl Point {
    fn of(requests: &[(f64, u64)]) -> Self {
        let mut times: Vec<u64> = requests.iter().map(|(_, took_ns)| *took_ns).collect();
        times.sort_unstable();
        // Summed in one order, so that the last digit does not depend on who came first.
        let mut loads: Vec<f64> = requests.iter().map(|(load, _)| *load).collect();
        loads.sort_unstable_by(f64::total_cmp);
        let at = |permille: usize| times[(times.len() - 1) * permille / 1000].max(1);
        let [low, time_ns, high] = [250, 500, 750].map(at);
        let spread = two_errors_of_median((high as f64 / low as f64).ln(), times.len() as u64);
        let load = loads.iter().sum::<f64>() / loads.len() as f64;
        Self { load, time_ns, error: spread.max(ERROR_MIN) }
    }
}

/// The slope of a line through the logarithms, each point by its certainty, and two standard errors of it.
fn slope(points: &[Point]) -> (f64, f64) {
    let weight = |point: &Point| 1.0 / (point.error * point.error);
    let sum =
        |value: &dyn Fn(&Point) -> f64| points.iter().map(|point| weight(point) * value(point)).sum::<f64>();
    let whole = sum(&|_| 1.0);
    let mean_load = sum(&|point| point.load.ln()) / whole;
    let mean_time = sum(&|point| (point.time_ns as f64).ln()) / whole;
    let variance = sum(&|point| (point.load.ln() - mean_load).powi(2)).max(f64::MIN_POSITIVE);
    let together = sum(&|point| (point.load.ln() - mean_load) * ((point.time_ns as f64).ln() - mean_time));
    (together / variance, 1.0 / variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Symbol;
    use crate::evidence::trace::EndpointName;

    fn endpoint() -> EndpointKey {
        EndpointKey { service: Symbol(1), name: EndpointName::NoRequest }
    }

    /// Twenty requests at each load, which take what is given, give or take 4 %.
    fn fitted(loads: &[f64], took_ms: impl Fn(f64) -> f64) -> Option<Result<Load, f64>> {
        let requests = loads.iter().flat_map(|&load| {
            let took = took_ms(load) * 1e6;
            (0..20).map(move |number| (load, (took * (0.96 + f64::from(number) * 0.004)) as u64))
        });
        fit(endpoint(), requests.collect())
    }

    #[test]
    fn a_shared_processor_is_linear() {
        let load = fitted(&[1.0, 2.0, 4.0, 8.0], |load| 20.0 * load).expect("several loads").expect("grows");
        assert!((0.9..1.1).contains(&load.order[1]), "{load:?}");
        assert_eq!(load.share(), 875);
        assert_eq!(load.points.len(), 4);
    }

    #[test]
    fn what_is_not_shared_does_not_grow() {
        let order = fitted(&[1.0, 4.0, 16.0], |_| 20.0).expect("several loads").expect_err("steady");
        assert!(order.abs() < 0.05, "{order}");
        assert!(fitted(&[1.0, 4.0, 16.0], |load| 20.0 + load).expect("several loads").is_err());
    }

    #[test]
    fn one_load_says_nothing() {
        assert_eq!(fitted(&[8.0], |load| 20.0 * load), None);
        assert_eq!(fitted(&[4.0, 5.0, 8.0], |load| 20.0 * load), None);
    }

    #[test]
    fn loads_are_means_over_the_time_of_a_request() {
        let served = |request, start_ns, end_ns| Served {
            request,
            start_ns,
            end_ns,
            endpoint: endpoint(),
            sent_ns: None,
        };
        let all = [served(1, 0, 100), served(2, 50, 150), served(3, 50, 100)];
        let process = Process {
            windows: FxHashSet::from_iter([0]),
            served: all.into_iter().map(|served| (served.request, served)).collect(),
        };
        let mut by_endpoint = FxHashMap::default();
        process.loads(&mut by_endpoint);
        let mut loads = by_endpoint.remove(&endpoint()).expect("one endpoint");
        loads.sort_by_key(|(_, took_ns)| u64::MAX - took_ns);
        loads.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert_eq!(loads, [(2.0, 100), (2.0, 100), (3.0, 50)]);
    }
}
