//! How loads and durations are read: field by field, as what is tagged would be copied before it is looked at.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Histogram;

/// Fields of any load.
#[derive(Deserialize)]
pub(super) struct Load {
    #[serde(rename = "loop")]
    kind: Loop,
    rate_milli: Option<u64>,
    connections: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Loop {
    Open,
    Closed,
}

impl TryFrom<Load> for super::Load {
    type Error = &'static str;

    fn try_from(load: Load) -> Result<Self, Self::Error> {
        match load.kind {
            Loop::Open => Ok(Self::Open { rate_milli: load.rate_milli.ok_or("a load has no rate_milli")? }),
            Loop::Closed => Ok(Self::Closed { connections: load.connections }),
        }
    }
}

/// Fields of any durations.
#[derive(Deserialize)]
pub(super) struct Latency {
    #[serde(rename = "as")]
    kind: Kind,
    histogram: Option<Histogram>,
    percentiles_ns: Option<BTreeMap<u32, u64>>,
    mean_ns: Option<u64>,
    ps: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Unknown,
    Histogram,
    Summary,
    Single,
}

impl TryFrom<Latency> for super::Latency {
    type Error = &'static str;

    fn try_from(latency: Latency) -> Result<Self, Self::Error> {
        let is_there = "durations lack what they are said to be";
        Ok(match latency.kind {
            Kind::Unknown => Self::Unknown,
            Kind::Histogram => Self::Histogram { histogram: latency.histogram.ok_or(is_there)? },
            Kind::Summary => Self::Summary {
                percentiles_ns: latency.percentiles_ns.ok_or(is_there)?,
                mean_ns: latency.mean_ns,
            },
            Kind::Single => Self::Single { ps: latency.ps.ok_or(is_there)? },
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Latency, Load};

    #[test]
    fn what_is_written_is_read() {
        let loads = [
            Load::Open { rate_milli: 5 },
            Load::Closed { connections: None },
            Load::Closed { connections: Some(3) },
        ];
        for load in loads {
            let text = serde_json::to_string(&load).unwrap();
            assert_eq!(serde_json::from_str::<Load>(&text).unwrap(), load, "{text}");
        }
        let percentiles_ns = [(50_000, 7), (99_000, 9)].into();
        let all = [
            Latency::Unknown,
            Latency::Histogram { histogram: [1, 2, 3].into_iter().collect() },
            Latency::Summary { percentiles_ns, mean_ns: Some(8) },
            Latency::Single { ps: 4 },
        ];
        for latency in all {
            let text = serde_json::to_string(&latency).unwrap();
            assert_eq!(serde_json::from_str::<Latency>(&text).unwrap(), latency, "{text}");
        }
    }

    #[test]
    fn what_lacks_something_is_not() {
        for text in [r#"{"loop":"open"}"#, r#"{"rate_milli":5}"#, r#"{"loop":"half"}"#] {
            assert!(serde_json::from_str::<Load>(text).is_err(), "{text}");
        }
        for text in
            ["{}", r#"{"as":"histogram"}"#, r#"{"as":"histogram","histogram":"1:w"}"#, r#"{"as":"single"}"#]
        {
            assert!(serde_json::from_str::<Latency>(text).is_err(), "{text}");
        }
    }
}
