//! Events with stacks: which there are, and what of them counts.

use super::bytes::{Bytes, Damage};
use super::chunk::Chunk;
use super::values::{self, Constant, Value};
use crate::limits::VALUE_MAX;
use crate::{Measure, Unit};

/// A type of events that becomes a measure.
pub(super) struct Recorded {
    /// Its type's name.
    pub(super) event: &'static str,
    measure: &'static str,
    amount: Amount,
}

/// What an event counts for.
enum Amount {
    /// One sample.
    One,
    /// As many samples as the field says.
    Samples(&'static str),
    /// Its duration.
    Duration,
    /// Bytes.
    Bytes(&'static str),
}

/// The events of the JDK, and behind them those that only async-profiler has.
///
/// Samples of threads in native code are apart from those of running ones: the recorder does not know whether a native method works
/// or waits. Allocations by the end of buffers (TLAB) are apart from sampled ones: both may be on, and tell of the same bytes.
pub(super) static RECORDED: &[Recorded] = &[
    Recorded { event: "jdk.ExecutionSample", measure: "cpu", amount: Amount::One },
    Recorded { event: "jdk.NativeMethodSample", measure: "in native methods", amount: Amount::One },
    Recorded { event: "jdk.JavaMonitorEnter", measure: "lock contention", amount: Amount::Duration },
    Recorded { event: "jdk.ThreadPark", measure: "parked", amount: Amount::Duration },
    Recorded { event: "jdk.ObjectAllocationSample", measure: "allocated", amount: Amount::Bytes("weight") },
    Recorded {
        event: "jdk.ObjectAllocationInNewTLAB",
        measure: "allocated by buffers",
        amount: Amount::Bytes("tlabSize"),
    },
    Recorded {
        event: "jdk.ObjectAllocationOutsideTLAB",
        measure: "allocated by buffers",
        amount: Amount::Bytes("allocationSize"),
    },
    Recorded { event: "profiler.WallClockSample", measure: "wall", amount: Amount::Samples("samples") },
    Recorded { event: "profiler.LiveObject", measure: "live", amount: Amount::Bytes("allocationSize") },
    Recorded { event: "profiler.Malloc", measure: "malloc", amount: Amount::Bytes("size") },
    Recorded { event: "profiler.NativeLock", measure: "native lock", amount: Amount::Duration },
];

impl Recorded {
    pub(super) fn measure(&self) -> Measure {
        let unit = match self.amount {
            Amount::One | Amount::Samples(_) => Unit::Samples,
            Amount::Duration => Unit::Nanoseconds,
            Amount::Bytes(_) => Unit::Bytes,
        };
        Measure::new(self.measure, unit)
    }
}

/// An event that was read.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) thread: Option<Constant>,
    pub(super) stack: Option<Constant>,
    pub(super) value: f64,
}

/// Reads an event, behind its size and type.
pub(super) fn event(
    chunk: &Chunk<'_>,
    class: i64,
    mut bytes: Bytes<'_>,
    recorded: &Recorded,
    ticks_per_second: i64,
) -> Result<Event, Damage> {
    let of = chunk.types.get(class).ok_or("an event of a type that is not described")?;
    let wanted = match recorded.amount {
        Amount::One => "",
        Amount::Duration => "duration",
        Amount::Samples(field) | Amount::Bytes(field) => field,
    };
    let (mut thread, mut stack, mut number) = (None, None, None);
    values::fields(&chunk.types, &mut bytes, of, &mut |name, value| match (name, value) {
        ("eventThread" | "sampledThread", Value::Constant(constant)) => thread = Some(constant),
        ("stackTrace", Value::Constant(constant)) => stack = Some(constant),
        (name, Value::Number(value)) if name == wanted => number = Some(value as f64),
        _ => {}
    })
    .map_err(|_| "a damaged event")?;
    let value = match recorded.amount {
        Amount::One => 1.0,
        Amount::Duration => {
            (number.ok_or("an event without a duration")? * 1e9 / ticks_per_second as f64).round()
        }
        Amount::Samples(_) | Amount::Bytes(_) => number.ok_or("an event without a value")?,
    };
    match value {
        value if value < 0.0 => Err("an event with a negative value"),
        value if value >= VALUE_MAX => Err("an event with a value of 2^63 or more"),
        value => Ok(Event { thread, stack, value }),
    }
}

/// A setting of the recording.
pub(super) struct Setting {
    /// The type of events that it is for.
    pub(super) class: i64,
    pub(super) name: String,
    pub(super) value: String,
}

/// Reads an event that tells a setting.
pub(super) fn setting(chunk: &Chunk<'_>, class: i64, mut bytes: Bytes<'_>) -> Option<Setting> {
    let of = chunk.types.get(class)?;
    let (mut id, mut setting, mut set) = (None, None, None);
    values::fields(&chunk.types, &mut bytes, of, &mut |name, value| match (name, value) {
        ("id", Value::Number(number)) => id = Some(number),
        ("name", value) => setting = Some(value),
        ("value", value) => set = Some(value),
        _ => {}
    })
    .ok()?;
    Some(Setting { class: id?, name: chunk.text(setting)?, value: chunk.text(set)? })
}
