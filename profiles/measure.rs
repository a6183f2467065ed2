//! What was counted, and in which unit.

use std::fmt;

/// One column of values: an event type, or a type of sample.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Measure {
    /// As the profiler calls it: `cpu`, `alloc_space`, `cycles`; `samples` are counts of stacks.
    pub name: String,
    /// Unit of its values.
    pub unit: Unit,
}

impl Measure {
    /// A measure of this name and unit.
    #[must_use]
    pub fn new(name: impl Into<String>, unit: Unit) -> Self {
        Self { name: name.into(), unit }
    }

    /// The measure that a profiler names by a type and a unit, and how many of its unit one of the profiler's is.
    pub(crate) fn as_named(name: &str, unit: &str) -> (Self, f64) {
        let (unit, scale) = Unit::named(unit);
        let are_samples = unit == Unit::Count && matches!(name, "samples" | "sample");
        (Self::new(name, if are_samples { Unit::Samples } else { unit }), scale)
    }

    /// How many stacks were seen.
    #[must_use]
    pub fn samples() -> Self {
        Self::new("samples", Unit::Samples)
    }
}

/// Unit of values. Times are converted to nanoseconds and sizes to bytes when they are read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Time.
    Nanoseconds,
    /// Memory.
    Bytes,
    /// Things of which the measure's name says what they are: allocations, faults, contentions.
    Count,
    /// Stacks that a profiler took. Unlike other counts they are a random sample, which says how exact shares are.
    Samples,
    /// Cycles of a processor.
    Cycles,
    /// A unit that only its name tells.
    Other(String),
    /// The format has no units: any of the above.
    Unknown,
}

impl Unit {
    /// The unit that a profiler calls so, and how many of it one of the profiler's is: `ms` is 1,000,000 nanoseconds.
    #[must_use]
    pub fn named(name: &str) -> (Self, f64) {
        match name.trim().to_ascii_lowercase().as_str() {
            "ns" | "nanosecond" | "nanoseconds" => (Self::Nanoseconds, 1.0),
            "us" | "µs" | "microsecond" | "microseconds" => (Self::Nanoseconds, 1e3),
            "ms" | "millisecond" | "milliseconds" => (Self::Nanoseconds, 1e6),
            "s" | "sec" | "second" | "seconds" => (Self::Nanoseconds, 1e9),
            "min" | "minute" | "minutes" => (Self::Nanoseconds, 60e9),
            "h" | "hr" | "hour" | "hours" => (Self::Nanoseconds, 3600e9),
            "b" | "by" | "byte" | "bytes" => (Self::Bytes, 1.0),
            "kb" | "kib" | "kilobyte" | "kilobytes" => (Self::Bytes, 1024.0),
            "mb" | "mib" | "megabyte" | "megabytes" => (Self::Bytes, 1_048_576.0),
            "gb" | "gib" | "gigabyte" | "gigabytes" => (Self::Bytes, 1_073_741_824.0),
            "sample" | "samples" => (Self::Samples, 1.0),
            "count" | "counts" | "object" | "objects" => (Self::Count, 1.0),
            "cycle" | "cycles" => (Self::Cycles, 1.0),
            "" | "none" | "unknown" => (Self::Unknown, 1.0),
            _ => (
                Self::Other(name.trim().chars().filter(|letter| !letter.is_control()).take(64).collect()),
                1.0,
            ),
        }
    }
}

impl fmt::Display for Unit {
    /// As in `profile.proto` where it knows the unit: `nanoseconds`, `bytes`, `count`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Nanoseconds => "nanoseconds",
            Self::Bytes => "bytes",
            Self::Count => "count",
            Self::Samples => "samples",
            Self::Cycles => "cycles",
            Self::Other(name) => name,
            Self::Unknown => "unknown",
        })
    }
}
