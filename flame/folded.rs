//! Folded stacks: a line for each, `main;parse;read 42`. Names alone are in it, of one measure.

use std::io;

use profiles::{NodeId, Profile};

use crate::names;
use crate::order::Order;
use crate::outputs::Output;

pub(crate) const OUTPUT: Output = Output {
    name: "folded",
    summary: "lines of `frame;frame;frame number`, which most tools read; of differences two numbers, before and after",
    write: |graph, out| write(graph.profile, &[graph.measure], out),
    has_all_measures: false,
    compare: Some(|difference, out| write(&difference.both, &[0, 1], out)),
};

fn write(profile: &Profile, measures: &[usize], out: &mut dyn io::Write) -> io::Result<()> {
    let own = |node: NodeId, measure: &usize| profile.tree.own(node, *measure);
    let has_own = |node| measures.iter().any(|measure| own(node, measure) > 0.0);
    let mut line = String::new();
    for_lines(profile, has_own, |node, stack| {
        line.clear();
        line.push_str(stack);
        for measure in measures {
            line.push(' ');
            line.push_str(&own(node, measure).to_string());
        }
        line.push('\n');
        out.write_all(line.as_bytes())
    })
}

/// Calls `line` with each node that has a value of its own and its stack as a text, in the order of the tree.
pub(crate) fn for_lines<E>(
    profile: &Profile,
    has_own: impl FnMut(NodeId) -> bool,
    mut line: impl FnMut(NodeId, &str) -> Result<(), E>,
) -> Result<(), E> {
    let order = Order::of(profile);
    let texts: Vec<String> =
        order.frames.iter().map(|frame| names::folded(&profile.frames[*frame])).collect();
    let mut stack = String::new();
    order.for_stacks(has_own, |node, path| {
        stack.clear();
        for place in path {
            if !stack.is_empty() {
                stack.push(';');
            }
            stack.push_str(&texts[*place as usize]);
        }
        // What was measured outside of any function.
        line(node, if stack.is_empty() { "-" } else { &stack })
    })
}
