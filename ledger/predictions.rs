//! What was predicted against what was measured, where both are of the same load.

use measurement::{Load, Metric};
use serde::Serialize;

use crate::{Optimization, Predicted, RunNote, Side, SideNote};

/// Loads that differ by more do not compare, in per cent.
const APART_MAX_PERCENT: u64 = 10;

/// A prediction, and what came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// What was predicted.
    pub predicted: Predicted,
    /// What was measured, or why that says nothing.
    pub comparison: Comparison,
}

/// What was measured, or why that says nothing of a prediction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// It was measured at the same load.
    Measured {
        /// The typical run before, in nanoseconds.
        before_ns: u64,
        /// The typical run after.
        after_ns: u64,
        /// Measured beyond predicted, in millionths of predicted.
        error_ppm: i64,
        /// Whether it lies between the best and the worst case.
        is_within_range: bool,
    },
    /// Why it does not compare.
    NotComparable(String),
}

/// What both kinds of sides tell of the load.
pub trait Loads {
    /// The load of each run; `None` where it is not known.
    fn loads(&self) -> Vec<Option<Load>>;
}

impl Loads for Side {
    fn loads(&self) -> Vec<Option<Load>> {
        self.runs.iter().map(|run| run.load).collect()
    }
}

impl Loads for SideNote {
    fn loads(&self) -> Vec<Option<Load>> {
        self.runs.iter().map(|RunNote { load }| *load).collect()
    }
}

/// Each prediction of an entry against what was measured.
pub fn predictions<S: Loads>(optimization: &Optimization<S>) -> Vec<Compared> {
    let mismatch = mismatch(&optimization.before.loads(), &optimization.after.loads());
    let compared = optimization.plan.predicted.iter().map(|predicted| Compared {
        predicted: predicted.clone(),
        comparison: match &mismatch {
            Some(reason) => Comparison::NotComparable(reason.clone()),
            None => measured(optimization, predicted),
        },
    });
    compared.collect()
}

fn measured<S>(optimization: &Optimization<S>, predicted: &Predicted) -> Comparison {
    let metrics = &optimization.conclusion.decision.metrics;
    let is_it = |subject: &str, metric: &Metric| *metric == predicted.metric && subject == predicted.endpoint;
    let Some(found) = metrics.iter().find(|of| is_it(&of.subject, &of.metric)) else {
        return Comparison::NotComparable("it was not measured at this endpoint".to_owned());
    };
    let [before_ns, after_ns] = [found.before_typical, found.after_typical].map(|ps| ps / 1_000);
    let [low, high] = predicted.range_ns;
    let difference = i128::from(after_ns) - i128::from(predicted.after_ns);
    let error = difference * 1_000_000 / i128::from(predicted.after_ns.max(1));
    Comparison::Measured {
        before_ns,
        after_ns,
        error_ppm: i64::try_from(error).unwrap_or(i64::MAX),
        is_within_range: (low.min(high)..=low.max(high)).contains(&after_ns),
    }
}

/// Why loads of both sides do not compare; `None` where they do.
fn mismatch(before: &[Option<Load>], after: &[Option<Load>]) -> Option<String> {
    let known = before.iter().chain(after).copied().collect::<Option<Vec<Load>>>();
    let Some(loads) = known.filter(|loads| !loads.is_empty()) else {
        return Some("the load is not known".to_owned());
    };
    let rates = || loads.iter().filter_map(|load| rate(*load));
    let connections = || loads.iter().filter_map(|load| connections(*load));
    let count = loads.len();
    match (rates().count(), connections().count()) {
        (all, 0) if all == count => apart("rates", rates()),
        (0, all) if all == count => apart("connections", connections()),
        (0, _) => Some("how many connections there were is not known".to_owned()),
        _ => Some("one side was loaded at a rate, the other as fast as it answered".to_owned()),
    }
}

fn rate(load: Load) -> Option<u64> {
    match load {
        Load::Open { rate_milli } => Some(rate_milli),
        Load::Closed { .. } => None,
    }
}

fn connections(load: Load) -> Option<u64> {
    match load {
        Load::Open { .. } => None,
        Load::Closed { connections } => connections,
    }
}

fn apart(what: &str, values: impl Iterator<Item = u64> + Clone) -> Option<String> {
    let (least, most) = (values.clone().min()?, values.max()?);
    let is_apart = u128::from(most - least) * 100 > u128::from(most) * u128::from(APART_MAX_PERCENT);
    is_apart.then(|| format!("{what} differ by more than {APART_MAX_PERCENT} %"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn compared(alter: impl Fn(&mut Optimization)) -> Comparison {
        let mut optimization = samples::optimization(60);
        optimization.plan.predicted = vec![Predicted {
            endpoint: "GET /orders".to_owned(),
            metric: "p50".parse().unwrap(),
            before_ns: 150_000_000,
            after_ns: 80_000_000,
            range_ns: [70_000_000, 100_000_000],
        }];
        alter(&mut optimization);
        predictions(&optimization).remove(0).comparison
    }

    fn with_loads(before: Load, after: Load) -> Comparison {
        compared(|optimization| {
            optimization.before.runs.iter_mut().for_each(|run| run.load = Some(before));
            optimization.after.runs.iter_mut().for_each(|run| run.load = Some(after));
        })
    }

    fn is_refused(comparison: &Comparison) -> bool {
        matches!(comparison, Comparison::NotComparable(_))
    }

    #[test]
    fn the_same_load_compares() {
        let Comparison::Measured { after_ns, error_ppm, is_within_range, .. } = compared(|_| {}) else {
            panic!("the same load on both sides");
        };
        assert!((88_000_000..90_000_000).contains(&after_ns), "{after_ns}");
        assert!((100_000..125_000).contains(&error_ppm), "{error_ppm}");
        assert!(is_within_range);
    }

    #[test]
    fn rates_within_a_tenth_compare_and_others_do_not() {
        let open = |rate_milli| Load::Open { rate_milli };
        assert!(!is_refused(&with_loads(open(100_000), open(91_000))));
        assert!(is_refused(&with_loads(open(100_000), open(89_000))));
    }

    #[test]
    fn connections_compare_where_they_are_known() {
        let closed = |connections| Load::Closed { connections };
        assert!(!is_refused(&with_loads(closed(Some(10)), closed(Some(10)))));
        assert!(is_refused(&with_loads(closed(Some(10)), closed(Some(8)))));
        assert!(is_refused(&with_loads(closed(None), closed(None))));
        assert!(is_refused(&with_loads(closed(Some(10)), Load::Open { rate_milli: 1 })));
    }

    #[test]
    fn an_unknown_load_or_endpoint_does_not_compare() {
        assert!(is_refused(&compared(|optimization| optimization.before.runs[0].load = None)));
        assert!(is_refused(&compared(|optimization| {
            optimization.plan.predicted[0].endpoint = "GET /customers".to_owned();
        })));
    }
}
