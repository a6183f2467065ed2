//! Which request covers a moment of a process, if exactly one does.

use super::{EndpointName, Request};
use crate::evidence::{Dictionary, Span, Symbol};

/// One running copy of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Process {
    service: Symbol,
    instance: Symbol,
}

impl Process {
    /// The process that recorded a span.
    pub(super) fn of(span: &Span, dictionary: &Dictionary) -> Self {
        let origin = dictionary.origin(span.origin);
        Self { service: origin.service, instance: origin.instance }
    }
}

/// The recorded requests by process and start, and the latest end of every aligned block of them.
#[derive(Debug, Default)]
pub(super) struct Covers {
    requests: Vec<(Process, u64, u32)>,
    /// Level `n` holds the latest end of each block of 2^n requests.
    latest_ns: Vec<Vec<u64>>,
}

impl Covers {
    /// Ready to be asked about these requests; made-up ones cover nothing.
    pub(super) fn new(requests: &[Request], dictionary: &Dictionary) -> Self {
        let recorded = requests
            .iter()
            .enumerate()
            .filter(|(_, request)| matches!(request.name, EndpointName::Route(_) | EndpointName::Root(_)));
        let mut sorted: Vec<_> = recorded
            .map(|(number, request)| {
                (Process::of(&request.opened_by, dictionary), request.start_ns, number as u32)
            })
            .collect();
        sorted.sort_unstable();
        let mut latest_ns = vec![Vec::new()];
        latest_ns[0].extend(sorted.iter().map(|(.., number)| requests[*number as usize].end_ns));
        while let Some(lower) = latest_ns.last().filter(|lower| lower.len() > 1) {
            // A block that is cut short is never asked for.
            let upper = lower.chunks_exact(2).map(|pair| pair[0].max(pair[1])).collect();
            latest_ns.push(upper);
        }
        Self { requests: sorted, latest_ns }
    }

    /// The request of a process that covers this time; `None` if none or several do.
    pub(super) fn only(&self, process: Process, start_ns: u64, end_ns: u64) -> Option<u32> {
        let first = self.requests.partition_point(|(other, ..)| *other < process);
        let until =
            self.requests.partition_point(|(other, start, _)| (*other, *start) <= (process, start_ns));
        let found = self.last_reaching(first, until, end_ns)?;
        match self.last_reaching(first, found, end_ns) {
            None => Some(self.requests[found].2),
            Some(_) => None,
        }
    }

    /// The last place between `first` and `until` whose request ends no earlier than `end_ns`.
    fn last_reaching(&self, first: usize, until: usize, end_ns: u64) -> Option<usize> {
        let mut until = until;
        while until > first {
            let mut level = until.trailing_zeros().min((until - first).ilog2());
            while self.latest_ns[level as usize][(until >> level) - 1] >= end_ns {
                if level == 0 {
                    return Some(until - 1);
                }
                level -= 1;
            }
            until -= 1 << level;
        }
        None
    }
}
