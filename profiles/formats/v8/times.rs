//! When V8's samples were.

use crate::limits::VALUE_EXACT_MAX;
use crate::{Place, Profile};

/// A sample.
#[derive(Debug, Clone, Copy)]
pub(in crate::formats) struct Timed {
    /// In microseconds.
    pub(super) at: f64,
    /// V8's number of the node.
    pub(super) node: i64,
    /// Its own number, 1-based.
    pub(super) record: u64,
}

/// Samples one behind the other, which may come in parts.
pub(in crate::formats) struct Times {
    now: f64,
    records: u64,
    timed: Vec<Timed>,
}

impl Times {
    /// Nothing so far; the first distance is from `start`, in microseconds.
    pub(in crate::formats) fn from(start: f64) -> Self {
        Self { now: if is_time(start) { start } else { 0.0 }, records: 0, timed: Vec::new() }
    }

    /// Adds samples by how much later each is than the one before, in microseconds.
    pub(in crate::formats) fn later(&mut self, samples: &[i64], deltas: &[f64], profile: &mut Profile) {
        self.each(samples, deltas, |now, delta| now + delta, profile);
    }

    /// Adds samples by their times.
    pub(super) fn at(&mut self, samples: &[i64], times: &[f64], profile: &mut Profile) {
        self.each(samples, times, |_, time| time, profile);
    }

    fn each(&mut self, samples: &[i64], times: &[f64], at: fn(f64, f64) -> f64, profile: &mut Profile) {
        for (index, node) in samples.iter().enumerate() {
            self.records += 1;
            let time = times.get(index).copied();
            match time.filter(|time| is_time(*time) && is_time(at(self.now, *time))) {
                Some(time) => {
                    self.now = at(self.now, time);
                    self.timed.push(Timed { at: self.now, node: *node, record: self.records });
                }
                None => {
                    let what = "a sample without a time, or of one that cannot be";
                    profile.skipped.add(what, Some(Place::Record(self.records)));
                }
            }
        }
        if let Some(more) = times.len().checked_sub(samples.len()).filter(|more| *more > 0) {
            let place = Some(Place::Record(self.records + 1));
            profile.noticed.add_many("times of samples that are not there", more as u64, place);
        }
    }

    pub(in crate::formats) fn timed(self) -> Vec<Timed> {
        self.timed
    }
}

/// Whether microseconds are told exactly: 285 years are.
fn is_time(time: f64) -> bool {
    time.abs() <= VALUE_EXACT_MAX
}
