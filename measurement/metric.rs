//! What is compared of runs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One number of a run.
///
/// Its text is `p50`, `p99.9`, `mean`, `cpu`, `memory`, or the name of something that is counted, as `statements`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Metric {
    /// The duration that so many thousandths of a percent of the requests do not exceed: 99,900 is p99.9.
    Percentile(u32),
    /// The mean duration; where a run is one number, that number.
    Mean,
    /// Processor time of the run.
    Cpu,
    /// The most memory that the run's processes held.
    Memory,
    /// Something that is counted exactly, for each request.
    Count(String),
}

/// What a whole database counts of all that it does.
const OF_DATABASE: [&str; 4] = ["rows_read", "rows_fetched", "blocks_read", "blocks_hit"];

impl Metric {
    /// What is compared where nothing else is asked for.
    pub const USUAL: [Self; 6] = [
        Self::Percentile(50_000),
        Self::Percentile(95_000),
        Self::Percentile(99_000),
        Self::Mean,
        Self::Cpu,
        Self::Memory,
    ];

    /// Requests that a run should have for this metric: below, the run's value is mostly chance.
    pub fn requests_min(&self) -> u64 {
        match self {
            Self::Percentile(..=50_000) => 100,
            Self::Percentile(..=95_000) => 200,
            Self::Percentile(_) => 1_000,
            Self::Mean | Self::Cpu | Self::Memory | Self::Count(_) => 1,
        }
    }

    /// Whether it is counted exactly, so that any difference is one. What a whole database does is not: it looks after
    /// itself, too, and keeps blocks or not.
    pub fn is_exact(&self) -> bool {
        matches!(self, Self::Count(name) if !OF_DATABASE.contains(&name.as_str()))
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(thousandths) => {
                let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
                match rest {
                    0 => write!(out, "p{whole}"),
                    _ => write!(out, "p{whole}.{}", format!("{rest:03}").trim_end_matches('0')),
                }
            }
            Self::Mean => out.write_str("mean"),
            Self::Cpu => out.write_str("cpu"),
            Self::Memory => out.write_str("memory"),
            Self::Count(name) => out.write_str(name),
        }
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        metric.to_string()
    }
}

impl TryFrom<String> for Metric {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "mean" => return Ok(Self::Mean),
            "cpu" => return Ok(Self::Cpu),
            "memory" => return Ok(Self::Memory),
            _ => {}
        }
        if let Some(thousandths) = text.strip_prefix('p').and_then(thousandths) {
            return Ok(Self::Percentile(thousandths));
        }
        let is_name =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'-');
        match !text.is_empty() && text.len() <= 64 && is_name(text) {
            true => Ok(Self::Count(text.to_owned())),
            false => {
                Err(format!("{text:?} is no metric: p50, p99.9, mean, cpu, memory, or a count as statements"))
            }
        }
    }
}

/// `99.9` as 99,900; only what lies between 0 and 100.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(rest) || rest.len() > 3 || whole.len() > 2 {
        return None;
    }
    let thousandths = whole.parse::<u32>().ok()? * 1_000 + format!("{rest:0<3}").parse::<u32>().ok()?;
    (thousandths > 0).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_are_written() {
        for text in
            ["p50", "p95", "p99.9", "p99.99", "p5", "mean", "cpu", "memory", "statements", "round_trips"]
        {
            assert_eq!(text.parse::<Metric>().map(|metric| metric.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_a_whole_database_does_is_not_exact() {
        let is_exact = |text: &str| text.parse::<Metric>().map(|metric| metric.is_exact());
        assert_eq!((is_exact("statements"), is_exact("rows")), (Ok(true), Ok(true)));
        assert_eq!((is_exact("rows_read"), is_exact("p50")), (Ok(false), Ok(false)));
    }

    #[test]
    fn what_is_no_metric_is_refused() {
        for text in ["", "p0", "p100", "p99.9999", "P 50", "a b"] {
            assert!(text.parse::<Metric>().is_err(), "{text}");
        }
    }
}
