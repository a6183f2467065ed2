//! The critical path: which operation a request waited for at each moment.
//!
//! The path is walked from the request's end back to its start: at each moment
//! it follows the child that ended last; time that no child covers is the
//! operation's own. What it attributes always sums to the request's duration.

use std::cmp::Reverse;
use std::ops::Range;

use super::{NONE, Operation, Waits};
use crate::evidence::Span;

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
        (start_ns, end_ns): (u64, u64),
        segments: &mut Vec<Segment>,
    ) -> [u64; Waits::COUNT] {
        match fill(operations, &own, (start_ns, end_ns)) {
            true => in_a_row(operations, own, segments),
            false => self.walk_children(operations, own, (start_ns, end_ns), segments),
        }
    }

    fn walk_children(
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

/// Whether operations follow one another from the start to the end without a gap, and none is below another: those of a
/// log's sessions do.
fn fill(operations: &[Operation], own: &Range<u32>, (start_ns, end_ns): (u64, u64)) -> bool {
    let mut at_ns = start_ns;
    let follow = own.clone().all(|number| {
        let Operation { span, parent, .. } = &operations[number as usize];
        let follows = *parent == NONE && span.start_ns == at_ns;
        at_ns = span.end_ns;
        follows
    });
    follow && at_ns == end_ns
}

/// The path along operations that follow one another, the latest first.
fn in_a_row(
    operations: &mut [Operation],
    own: Range<u32>,
    segments: &mut Vec<Segment>,
) -> [u64; Waits::COUNT] {
    let mut path = Path { operations, segments, path_ns: [0; Waits::COUNT] };
    for number in own.rev() {
        let Span { start_ns, end_ns, .. } = path.operations[number as usize].span;
        path.own_time(number, start_ns, end_ns);
        let operation = &mut path.operations[number as usize];
        operation.path_ns += operation.self_path_ns;
    }
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
    use crate::evidence::Kind;

    #[test]
    fn the_path_along_a_row_is_that_of_any_operations() {
        for lengths in [&[5, 0, 7, 7, 1][..], &[0, 3], &[3, 0], &[0, 0], &[]] {
            let mut at_ns = 100;
            let operation = |(number, length): (usize, &u64)| {
                let start_ns = std::mem::replace(&mut at_ns, at_ns + length);
                let kind = [Kind::Connect, Kind::Sql][number.min(1)];
                let span = Span { start_ns, end_ns: start_ns + length, kind, ..Span::default() };
                Operation { span, parent: NONE, called: NONE, path_ns: 0, self_path_ns: 0 }
            };
            let operations: Vec<Operation> = lengths.iter().enumerate().map(operation).collect();
            let (own, time) = (0..lengths.len() as u32, (100, 100 + lengths.iter().sum::<u64>()));
            assert!(fill(&operations, &own, time) && !fill(&operations, &own, (99, time.1)));
            let (mut row, mut any) = (operations.clone(), operations);
            let (mut of_row, mut of_any) = (Vec::new(), Vec::new());
            assert_eq!(
                in_a_row(&mut row, own.clone(), &mut of_row),
                Walker::default().walk_children(&mut any, own, time, &mut of_any)
            );
            assert_eq!((of_row, row), (of_any, any));
        }
    }
}
