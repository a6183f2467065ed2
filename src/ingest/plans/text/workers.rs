//! What single workers did: `Worker 0:  actual time=…`, or any property; what follows deeper is of that worker too.

use detectors::evidence::plan::{Node, Worker};

use super::{measured, property};

/// The number of a worker and what is behind it.
pub(super) fn begins(line: &str) -> Option<(u32, &str)> {
    let (number, rest) = line.strip_prefix("Worker ")?.split_once(':')?;
    Some((number.parse().ok()?, rest.trim()))
}

/// A further worker at a node; which it is.
pub(super) fn add(node: &mut Node, number: u32) -> usize {
    node.workers.push(Worker { number, ..Worker::default() });
    node.workers.len() - 1
}

/// Reads a property of a worker.
pub(super) fn read(node: &mut Node, worker: usize, text: &str) {
    let Some(worker) = node.workers.get_mut(worker) else { return };
    let is_measured =
        text.strip_prefix("actual ").is_some_and(|rest| measured::measured(rest, &mut worker.facts));
    if !is_measured && !text.is_empty() {
        property::read(text, &mut worker.facts, &mut node.others);
    }
}
