//! Types of events of `perf`, and where their values go: each is a measure of its own, beside the number of its samples.

use crate::{Measure, NodeId, Place, Profile, Unit};

/// Types of events by name: few, and mostly the one of the event before.
#[derive(Default)]
pub(super) struct EventTypes {
    types: Vec<Type>,
}

struct Type {
    name: Box<[u8]>,
    samples: usize,
    periods: Option<usize>,
}

impl EventTypes {
    /// The number of a type, with a measure for its periods where it `has_period`; `None` for more than can be told apart.
    pub(super) fn number(&mut self, name: &[u8], has_period: bool, profile: &mut Profile) -> Option<usize> {
        match self.types.iter().position(|known| *known.name == *name) {
            Some(number) => Some(number),
            None => self.add_type(name, has_period, profile),
        }
    }

    fn add_type(&mut self, name: &[u8], has_period: bool, profile: &mut Profile) -> Option<usize> {
        let text = String::from_utf8_lossy(name);
        let unit = match text.split(':').next() {
            Some("cpu-clock" | "task-clock") => Unit::Nanoseconds,
            Some("cycles" | "cpu-cycles" | "ref-cycles" | "cpu_core/cycles/" | "cpu_atom/cycles/") => {
                Unit::Cycles
            }
            _ => Unit::Count,
        };
        let periods = if has_period { profile.measure(Measure::new(text.clone(), unit)) } else { None };
        let samples = profile.measure(Measure::new(format!("samples of {text}"), Unit::Samples))?;
        self.types.push(Type { name: name.into(), samples, periods });
        Some(self.types.len() - 1)
    }

    /// Adds a sample.
    pub(super) fn add(
        &self,
        number: usize,
        period: Option<f64>,
        node: NodeId,
        place: Option<Place>,
        profile: &mut Profile,
    ) {
        let of = &self.types[number];
        profile.add(node, of.samples, 1.0, place);
        if let (Some(periods), Some(period)) = (of.periods, period) {
            profile.add(node, periods, period, place);
        }
        profile.records += 1;
    }

    /// Samples of the only type of event need no name of their own.
    pub(super) fn name_samples(&self, profile: &mut Profile) {
        if let [only] = self.types.as_slice() {
            profile.measures[only.samples] = Measure::samples();
        }
    }
}
