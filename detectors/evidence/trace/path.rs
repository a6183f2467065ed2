//! The critical path: which operation a request waited for at each moment.
//!
//! The path is walked from the request's end back to its start: at each moment
//! it follows the child that ended last; time that no child covers is the
//! operation's own. What it attributes always sums to the request's duration.

use std::cmp::Reverse;
use std::ops::Range;

use super::{NONE, Operation, Waits};

/// A stretch of the critical path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// The operation that was waited for; [`NONE`] for the request's own code.
    pub operation: u32,
    /// Start.
    pub start_ns: u64,
    /// End.
    pub end_ns: u64,
}

/// How long after its parent's end a child may end and still be waited for:
/// spans are closed one after another, and streamed bodies end a moment late.
pub(crate) fn tolerance_ns(duration_ns: u64) -> u64 {
    (duration_ns / 50).max(1_000_000)
}

/// Scratch space for walking paths, reused from request to request.
#[derive(Debug, Default)]
pub(in crate::evidence) struct Walker {
    /// Operation numbers, grouped by parent, the latest end first.
    by_parent: Vec<u32>,
    /// First and last place in `by_parent`: of the request itself, then of each operation.
    children: Vec<(u32, u32)>,
    stack: Vec<Frame>,
}

#[derive(Debug)]
struct Frame {
    operation: u32,
    floor_ns: u64,
    cursor_ns: u64,
    next_child: u32,
    last_child: u32,
}

impl Walker {
    /// Walks the path of one request, notes it in `segments` and on the operations.
    pub(in crate::evidence) fn walk(
        &mut self,
        operations: &mut [Operation],
        own: Range<u32>,
        time: (u64, u64),
        segments: &mut Vec<Segment>,
    ) -> [u64; Waits::COUNT] {
        match follow(&operations[own.start as usize..own.end as usize], time) {
            true => walk_row(operations, own, time, segments),
            false => self.walk_tree(operations, own, time, segments),
        }
    }

    fn walk_tree(
        &mut self,
        operations: &mut [Operation],
        own: Range<u32>,
        (start_ns, end_ns): (u64, u64),
        segments: &mut Vec<Segment>,
    ) -> [u64; Waits::COUNT] {
        self.group(operations, &own);
        let mut path = Path { operations, segments, path_ns: [0; Waits::COUNT] };
        self.enter(NONE, own.start, start_ns, end_ns);
        let latest_ns = end_ns.saturating_add(tolerance_ns(end_ns - start_ns));
        while let Some(frame) = self.stack.last_mut() {
            match next_child(frame, &self.by_parent, path.operations, latest_ns) {
                None => {
                    path.own_time(frame.operation, frame.floor_ns, frame.cursor_ns);
                    self.stack.pop();
                }
                Some(child) => {
                    let span = &path.operations[child as usize].span;
                    let (from, to) = (span.start_ns.max(frame.floor_ns), span.end_ns.min(frame.cursor_ns));
                    path.own_time(frame.operation, to, frame.cursor_ns);
                    frame.cursor_ns = from;
                    match self.children[slot(child, own.start)] {
                        (first, last) if first == last => path.own_time(child, from, to),
                        _ => self.enter(child, own.start, from, to),
                    }
                }
            }
        }
        let path_ns = path.path_ns;
        sum_up(operations, own);
        path_ns
    }

    fn enter(&mut self, operation: u32, first: u32, floor_ns: u64, cursor_ns: u64) {
        let (next_child, last_child) = self.children[slot(operation, first)];
        self.stack.push(Frame { operation, floor_ns, cursor_ns, next_child, last_child });
    }

    /// Groups the operations by parent (counting sort), then by end, the latest first.
    fn group(&mut self, operations: &[Operation], own: &Range<u32>) {
        self.children.clear();
        self.children.resize(own.len() + 1, (0, 0));
        for number in own.clone() {
            self.children[slot(operations[number as usize].parent, own.start)].1 += 1;
        }
        let mut filled = 0;
        for range in &mut self.children {
            let count = range.1;
            *range = (filled, filled);
            filled += count;
        }
        self.by_parent.clear();
        self.by_parent.resize(own.len(), 0);
        for number in own.clone().rev() {
            let range = &mut self.children[slot(operations[number as usize].parent, own.start)];
            self.by_parent[range.1 as usize] = number;
            range.1 += 1;
        }
        for &(first, last) in self.children.iter().filter(|(first, last)| last - first > 1) {
            self.by_parent[first as usize..last as usize].sort_by_key(|&number| {
                let span = &operations[number as usize].span;
                (Reverse(span.end_ns), Reverse(span.start_ns))
            });
        }
    }
}

/// Whether operations are all directly below the request, and each begins when the one before has ended.
fn follow(operations: &[Operation], (start_ns, end_ns): (u64, u64)) -> bool {
    let mut until_ns = start_ns;
    let in_turn = operations.iter().all(|operation| {
        let follows = operation.parent == NONE && until_ns <= operation.start_ns;
        until_ns = operation.end_ns;
        follows
    });
    in_turn && until_ns <= end_ns
}

/// Walks back over operations that follow one another.
fn walk_row(
    operations: &mut [Operation],
    own: Range<u32>,
    (start_ns, end_ns): (u64, u64),
    segments: &mut Vec<Segment>,
) -> [u64; Waits::COUNT] {
    let mut path = Path { operations, segments, path_ns: [0; Waits::COUNT] };
    let mut cursor_ns = end_ns;
    for number in own.rev() {
        let operation = &mut path.operations[number as usize];
        let (from_ns, to_ns) = (operation.start_ns, operation.end_ns);
        if from_ns < to_ns {
            operation.path_ns += to_ns - from_ns;
            path.own_time(NONE, to_ns, cursor_ns);
            path.own_time(number, from_ns, to_ns);
            cursor_ns = from_ns;
        }
    }
    path.own_time(NONE, start_ns, cursor_ns);
    path.path_ns
}

/// The place of what is below an operation, or with [`NONE`] below the request itself.
pub(super) fn slot(operation: u32, first: u32) -> usize {
    if operation == NONE { 0 } else { (operation - first) as usize + 1 }
}

/// The child that ended last before the cursor; those passed over are never looked at again.
fn next_child(frame: &mut Frame, by_parent: &[u32], operations: &[Operation], latest_ns: u64) -> Option<u32> {
    while frame.next_child < frame.last_child {
        let child = by_parent[frame.next_child as usize];
        frame.next_child += 1;
        let span = &operations[child as usize].span;
        let begins = span.start_ns.max(frame.floor_ns);
        if begins < span.end_ns.min(frame.cursor_ns) && span.end_ns <= latest_ns {
            return Some(child);
        }
    }
    None
}

struct Path<'a> {
    operations: &'a mut [Operation],
    segments: &'a mut Vec<Segment>,
    path_ns: [u64; Waits::COUNT],
}

impl Path<'_> {
    fn own_time(&mut self, operation: u32, start_ns: u64, end_ns: u64) {
        let duration_ns = end_ns - start_ns;
        if duration_ns == 0 {
            return;
        }
        self.segments.push(Segment { operation, start_ns, end_ns });
        let waits = match self.operations.get_mut(operation as usize) {
            None => Waits::Own,
            Some(operation) => {
                operation.self_path_ns += duration_ns;
                Waits::of(operation.kind)
            }
        };
        self.path_ns[waits as usize] += duration_ns;
    }
}

/// Adds each operation's share of the path to those that cover it.
fn sum_up(operations: &mut [Operation], own: Range<u32>) {
    for number in own.clone() {
        operations[number as usize].path_ns += operations[number as usize].self_path_ns;
    }
    // A parent starts no later than its child and so has the smaller number.
    for number in own.rev() {
        let (parent, path_ns) = {
            let operation = &operations[number as usize];
            (operation.parent, operation.path_ns)
        };
        if parent != NONE {
            operations[parent as usize].path_ns += path_ns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Kind, Span};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn operations_in_a_row_have_the_path_of_a_tree(
            times in prop::collection::vec((0u64..3, 0u64..3), 0..12),
            after_ns in 0u64..3,
        ) {
            let mut at_ns = 100;
            let mut operations: Vec<Operation> = Vec::new();
            for (pause_ns, took_ns) in times {
                let start_ns = at_ns + pause_ns;
                at_ns = start_ns + took_ns;
                let span = Span { start_ns, end_ns: at_ns, kind: Kind::Sql, ..Span::default() };
                operations.push(Operation { span, parent: NONE, called: NONE, path_ns: 0, self_path_ns: 0 });
            }
            let (own, time) = (0..operations.len() as u32, (100, at_ns + after_ns));
            prop_assert!(follow(&operations, time));
            let mut in_row = (operations.clone(), Vec::new());
            let mut in_tree = (operations, Vec::new());
            let by_row = walk_row(&mut in_row.0, own.clone(), time, &mut in_row.1);
            let by_tree = Walker::default().walk_tree(&mut in_tree.0, own, time, &mut in_tree.1);
            prop_assert_eq!(by_row, by_tree);
            prop_assert_eq!(in_row, in_tree);
        }
    }
}
