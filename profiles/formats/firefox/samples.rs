//! Samples of a thread.

use serde::Deserialize;

use super::tables::Stacks;
use crate::formats::json;
use crate::{Measure, NodeId, Place, Profile, Unit};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SampleTable {
    #[serde(default)]
    stack: Vec<Option<i64>>,
    #[serde(default)]
    weight: Option<Vec<f64>>,
    #[serde(default)]
    weight_type: Option<String>,
    /// What the thread used of the processor since the sample before.
    #[serde(rename = "threadCPUDelta", default)]
    cpu: Option<Vec<Option<f64>>>,
}

impl SampleTable {
    /// Adds all samples; `cpu` is what is used of the processor, and how many of its unit one of the file's is.
    pub(super) fn add(&self, cpu: &(Measure, f64), stacks: &mut Stacks<'_>, profile: &mut Profile) {
        let (weights, weights_scale) = self.weights();
        let weights = profile.measure(weights);
        let used = self.cpu.as_ref().and_then(|_| profile.measure(cpu.0.clone()));
        for (index, stack) in self.stack.iter().enumerate() {
            let place = Some(Place::Record(index as u64 + 1));
            let node = match self.node(index, *stack, stacks, profile) {
                Ok(Some(node)) => node,
                Ok(None) => continue,
                Err(reason) => {
                    profile.skipped.add(reason, place);
                    continue;
                }
            };
            profile.records += 1;
            let mut add = |measure: Option<usize>, value: f64, scale| {
                if let Some(measure) = measure {
                    profile.add(node, measure, json::whole(value * scale, scale), place);
                }
            };
            add(weights, self.weight(index), weights_scale);
            let used_of = self.cpu.as_ref().and_then(|column| column.get(index).copied().flatten());
            add(used, used_of.unwrap_or(0.0), cpu.1);
        }
    }

    fn weights(&self) -> (Measure, f64) {
        match self.weight_type.as_deref() {
            None | Some("samples") => (Measure::samples(), 1.0),
            Some("tracing-ms") => (Measure::new("time", Unit::Nanoseconds), 1e6),
            Some("bytes") => (Measure::new("bytes", Unit::Bytes), 1.0),
            Some(other) => (Measure::new(other, Unit::Other(other.chars().take(64).collect())), 1.0),
        }
    }

    fn weight(&self, index: usize) -> f64 {
        self.weight.as_ref().map_or(1.0, |column| column.get(index).copied().unwrap_or(0.0))
    }

    /// The node of a sample; `None` where it has no stack.
    fn node(
        &self,
        index: usize,
        stack: Option<i64>,
        stacks: &mut Stacks<'_>,
        profile: &mut Profile,
    ) -> Result<Option<NodeId>, &'static str> {
        let Some(stack) = stack else {
            profile.noticed.add("samples without a stack", Some(Place::Record(index as u64 + 1)));
            return Ok(None);
        };
        if self.weight(index) < 0.0 {
            return Err("a sample with a negative weight: a difference, or memory that was freed");
        }
        stacks.node(stack, profile).map(Some).ok_or("a sample with a stack that is not there")
    }
}
