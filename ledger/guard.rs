//! Guards: what must stay true from now on, as text that machines check.
//!
//! ```text
//! statements("GET /orders") <= 4          exact: statements of one request of an endpoint
//! shape("q1:…") absent                    exact: no request sends this statement
//! shape("q1:…", "GET /orders") absent     exact: none of this endpoint does
//! index("orders_customer_idx") used       exact: a plan that was seen reads by it
//! index("orders_customer_idx", "q1:…") used   exact: the plan of this statement does
//! frame("f") absent                       exact: no call path contains it
//! frame("f") < 5 %                        statistical: it has no larger share of a profile, beyond chance
//! p95("GET /orders") < 300ms              statistical: needs a confirming measurement
//! ```

use std::fmt;
use std::str::FromStr;

use measurement::Metric;
use serde::{Deserialize, Serialize};

use crate::Bound;

/// Longer texts are no guards.
const LENGTH_MAX: usize = 1_000;

/// Something that must stay true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Guard {
    /// A metric of an endpoint is within a bound.
    Bounded {
        /// The metric.
        metric: Metric,
        /// The endpoint; `*` stands for anything.
        endpoint: String,
        /// The bound.
        bound: Bound,
    },
    /// No request sends a statement.
    ShapeAbsent {
        /// The statement's shape id.
        shape: String,
        /// Of this endpoint; `None` for all.
        endpoint: Option<String>,
    },
    /// A plan reads by an index.
    IndexUsed {
        /// The index.
        index: String,
        /// The plan of the statement with this shape; `None` for any plan.
        shape: Option<String>,
    },
    /// No call path contains a function.
    FrameAbsent {
        /// The function; `*` stands for anything.
        frame: String,
        /// While this endpoint is served; `None` for always.
        endpoint: Option<String>,
    },
    /// The part of the time in which call paths contain a function is within a bound.
    FrameShare {
        /// The function; `*` stands for anything.
        frame: String,
        /// The bound, in thousandths of a per cent.
        bound: Bound,
    },
}

impl Guard {
    /// Whether what it says is counted, so that a violation is one; measured times need to be measured again.
    pub fn is_exact(&self) -> bool {
        match self {
            Self::Bounded { metric, .. } => metric.is_exact(),
            Self::ShapeAbsent { .. } | Self::IndexUsed { .. } | Self::FrameAbsent { .. } => true,
            Self::FrameShare { .. } => false,
        }
    }
}

impl FromStr for Guard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected such as 'statements(\"GET /orders\") <= 4', 'shape(\"q1:…\") absent', \
            'index(\"orders_customer_idx\") used', 'frame(\"f\") absent', 'frame(\"f\") < 5 %' or 'p95(\"GET /orders\") < 300ms'";
        read(text).map_err(|reason| format!("`{text}`: {reason}; {expected}"))
    }
}

fn read(text: &str) -> Result<Guard, String> {
    if text.len() > LENGTH_MAX {
        return Err("too long".to_owned());
    }
    let (name, rest) = text.split_once('(').ok_or("no selector in parentheses")?;
    let (first, second, rest) = selectors(rest)?;
    match (name.trim(), rest.trim()) {
        ("shape", "absent") => Ok(Guard::ShapeAbsent { shape: first, endpoint: second }),
        ("index", "used") => Ok(Guard::IndexUsed { index: first, shape: second }),
        ("frame", "absent") => Ok(Guard::FrameAbsent { frame: first, endpoint: second }),
        ("shape", _) => Err("it ends with `absent`".to_owned()),
        ("frame", _) if second.is_some() => Err("profiles do not tell shares of endpoints".to_owned()),
        ("frame", bound) => Ok(Guard::FrameShare { frame: first, bound: Bound::of_share(bound)? }),
        ("index", _) => Err("it ends with `used`".to_owned()),
        (_, _) if second.is_some() => Err("one selector is enough".to_owned()),
        (metric, bound) => {
            let metric: Metric = metric.parse()?;
            let bound = Bound::parse(bound, &metric)?;
            Ok(Guard::Bounded { metric, endpoint: first, bound })
        }
    }
}

/// `"a", "b") rest`.
fn selectors(text: &str) -> Result<(String, Option<String>, &str), String> {
    let (first, rest) = quoted(text)?;
    let (second, rest) = match rest.strip_prefix(',') {
        Some(rest) => quoted(rest).map(|(second, rest)| (Some(second), rest))?,
        None => (None, rest),
    };
    let rest = rest.strip_prefix(')').ok_or("no `)` after the selector")?;
    Ok((first, second, rest))
}

fn quoted(text: &str) -> Result<(String, &str), String> {
    let text = text.trim_start().strip_prefix('"').ok_or("the selector is not in quotes")?;
    let (inner, rest) = text.split_once('"').ok_or("the selector does not end")?;
    match inner.is_empty() || inner.chars().any(char::is_control) {
        true => Err("the selector is empty, or no text".to_owned()),
        false => Ok((inner.to_owned(), rest.trim_start())),
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let also =
            |second: &Option<String>| second.as_ref().map_or(String::new(), |text| format!(", \"{text}\""));
        match self {
            Self::Bounded { metric, endpoint, bound } => write!(out, "{metric}(\"{endpoint}\") {bound}"),
            Self::ShapeAbsent { shape, endpoint } => {
                write!(out, "shape(\"{shape}\"{}) absent", also(endpoint))
            }
            Self::IndexUsed { index, shape } => write!(out, "index(\"{index}\"{}) used", also(shape)),
            Self::FrameAbsent { frame, endpoint } => {
                write!(out, "frame(\"{frame}\"{}) absent", also(endpoint))
            }
            Self::FrameShare { frame, bound } => write!(out, "frame(\"{frame}\") {bound}"),
        }
    }
}

impl From<Guard> for String {
    fn from(guard: Guard) -> Self {
        guard.to_string()
    }
}

impl TryFrom<String> for Guard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_are_read_as_they_are_written() {
        for text in [
            "statements(\"GET /orders\") <= 4",
            "p95(\"GET /orders/{id}\") < 300ms",
            "shape(\"q1:0011\") absent",
            "shape(\"q1:0011\", \"GET /orders\") absent",
            "index(\"orders_customer_idx\") used",
            "index(\"orders_customer_idx\", \"q1:0011\") used",
            "frame(\"json.dumps\") absent",
            "frame(\"json.*\") < 2.5 %",
        ] {
            assert_eq!(text.parse::<Guard>().map(|guard| guard.to_string()), Ok(text.to_owned()));
        }
        let loose = " statements ( \"GET /orders\" )<=4".parse::<Guard>().map(|guard| guard.to_string());
        assert_eq!(loose, Ok("statements(\"GET /orders\") <= 4".to_owned()));
    }

    #[test]
    fn only_times_are_not_exact() {
        let is_exact = |text: &str| text.parse::<Guard>().unwrap().is_exact();
        assert!(is_exact("statements(\"a\") <= 4") && is_exact("shape(\"q1:0\") absent"));
        assert!(
            !is_exact("frame(\"f\") <= 5%")
                && !is_exact("p95(\"a\") < 3ms")
                && !is_exact("mean(\"a\") < 3ms")
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "statements",
            "statements(GET /orders) <= 4",
            "statements(\"GET /orders\" <= 4",
            "statements(\"GET /orders\")",
            "statements(\"\") <= 4",
            "statements(\"a\", \"b\") <= 4",
            "p95(\"a\") < 300",
            "shape(\"q1:0\") used",
            "index(\"i\") absent",
            "frame(\"f\") < 5",
            "frame(\"f\", \"GET /a\") < 5 %",
        ] {
            assert!(text.parse::<Guard>().is_err(), "{text}");
        }
    }
}
