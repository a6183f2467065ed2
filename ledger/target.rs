//! The target of an optimization: `GET /orders p99<500ms`.

use std::str::FromStr;

use measurement::{Decision, Metric};
use serde::{Deserialize, Serialize};

use crate::Bound;

/// A goal for one metric of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The endpoint; empty where there is only one.
    pub subject: String,
    /// The metric.
    pub metric: Metric,
    /// What its value must be within.
    pub bound: Bound,
}

/// A target and whether it was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetMet {
    /// The target, as it was given.
    pub target: String,
    /// Whether the typical run before was within it; `None` where that was not measured.
    pub before: Option<bool>,
    /// Whether the typical run after was.
    pub after: Option<bool>,
}

impl FromStr for Target {
    type Err = String;

    /// `[ENDPOINT ]METRIC<BOUND`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{what}; expected such as 'GET /orders p99<500ms'");
        let sign = text.find(['<', '>', '=']).ok_or_else(|| wrong("no `<`"))?;
        let (left, bound) = text.split_at(sign);
        let left = left.trim();
        let (subject, metric) = left.rsplit_once(char::is_whitespace).unwrap_or(("", left));
        let metric: Metric = metric.to_ascii_lowercase().parse().map_err(|reason: String| wrong(&reason))?;
        let bound = Bound::parse(bound, &metric).map_err(|reason| wrong(&reason))?;
        Ok(Self { subject: subject.trim().to_owned(), metric, bound })
    }
}

impl Target {
    /// Whether it was met before and after, as the typical runs of a decision say.
    pub fn met(&self, decision: &Decision) -> [Option<bool>; 2] {
        let mut fitting = decision
            .metrics
            .iter()
            .filter(|of| of.metric == self.metric && (self.subject.is_empty() || of.subject == self.subject));
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => {
                [only.before_typical, only.after_typical].map(|value| Some(self.bound.holds(value)))
            }
            _ => [None, None],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_an_endpoint_or_none() -> Result<(), String> {
        let target: Target = "GET /orders P99 < 500ms".parse()?;
        assert_eq!((target.subject.as_str(), target.metric.to_string().as_str()), ("GET /orders", "p99"));
        assert!(target.bound.holds(499_000_000_000));
        let target: Target = "p99.9<2s".parse()?;
        assert_eq!((target.subject.as_str(), target.metric.to_string().as_str()), ("", "p99.9"));
        Ok(())
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "GET /orders", "GET /orders p99<500", "GET /orders p100<1s", "p99<soon"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
