//! A picture by the `inferno` crate.
//!
//! inferno takes lines of text and puts neighbours together that begin alike. Sorted as text, `foo::bar` comes between `foo` and
//! `foo;read`, and `foo` becomes two boxes; so it gets them in the order of the tree, in which it sees each box once. Of what is
//! narrower than it draws only the place is kept: what lies below is put together before.

use std::convert::Infallible;
use std::io;

use inferno::flamegraph::{Options, from_lines};
use profiles::{NodeId, Profile, Tree, Unit};

use crate::Graph;
use crate::folded::for_lines;
use crate::outputs::Output;

pub(crate) const OUTPUT: Output = Output {
    name: "svg",
    summary: "a picture for documents, by inferno: what is wider than 0.01 % of all",
    write,
    has_all_measures: false,
    compare: None,
};

/// Parts of one that fractions are counted in, as inferno counts whole numbers.
const PARTS: f64 = 1000.0;

fn write(graph: &Graph<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut options = options(graph);
    let mut lines = lines(graph.profile, graph.measure, options.min_width, 1.0 / options.factor);
    // Lines are not sorted in this mode alone, which takes the last one first.
    options.flame_chart = true;
    lines.reverse();
    from_lines(&mut options, lines.iter().map(String::as_str), out)
}

fn options(graph: &Graph<'_>) -> Options<'static> {
    let Graph { profile, measure, title } = graph;
    let mut options = Options::default();
    options.title.clone_from(title);
    options.deterministic = true;
    let own = |node: NodeId| profile.tree.own(node, *measure);
    let is_whole = profile.tree.nodes().all(|node| own(node).fract() == 0.0);
    options.factor = if is_whole { 1.0 } else { 1.0 / PARTS };
    if let Some(measure) = profile.measures.get(*measure) {
        options.count_name = match &measure.unit {
            Unit::Unknown | Unit::Count => measure.name.clone(),
            unit => unit.to_string(),
        };
    }
    options
}

/// Stacks as lines, nothing below nodes narrower than `width_min` percent of all.
fn lines(profile: &Profile, measure: usize, width_min: f64, parts: f64) -> Vec<String> {
    let values = folded_to_width(&profile.tree, measure, width_min);
    let count = |node: NodeId| (values[node.index()] * parts).round();
    let mut lines = Vec::new();
    let Ok(()) = for_lines::<Infallible>(
        profile,
        |node| count(node) > 0.0,
        |node, stack| {
            lines.push(format!("{} {}", unmistakable(stack), count(node)));
            Ok(())
        },
    );
    lines
}

/// Own values by node; what is below a node that is too narrow is the node's own.
fn folded_to_width(tree: &Tree, measure: usize, width_min: f64) -> Vec<f64> {
    let totals = tree.totals(measure);
    let narrowest = totals[0] * width_min / 100.0;
    let is_narrow = |node: NodeId| totals[node.index()] < narrowest;
    let mut values: Vec<f64> = tree.nodes().map(|node| tree.own(node, measure)).collect();
    for node in tree.nodes().skip(1).rev().filter(|node| is_narrow(tree.parent(*node))) {
        values[tree.parent(node).index()] += std::mem::take(&mut values[node.index()]);
    }
    values
}

/// A stack of which inferno takes nothing for a comment or for a second number: spaces before digits become unbreakable ones.
fn unmistakable(stack: &str) -> String {
    let mut text = String::with_capacity(stack.len());
    let mut letters = stack.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_before_digit = letters.peek().is_some_and(char::is_ascii_digit);
        let is_after_mark = text == "#";
        text.push(if letter == ' ' && (is_before_digit || is_after_mark) { '\u{a0}' } else { letter });
    }
    text
}
