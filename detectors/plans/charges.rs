//! Who pays for a node: in whose time what it took is contained.
//!
//! Mostly that is the node that it hangs under. But what PostgreSQL plans apart runs where it is asked for: a common table
//! expression while those read it that come first, an init plan when the first condition wants its value.

use rustc_hash::FxHashMap;

use crate::evidence::plan::{Key, Node, NodeType, Plan, Relationship, Value};

use super::regions::scaled;

/// One that pays for a node, and for which part of what it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charge {
    /// Number of the node that pays.
    pub(super) payer: u32,
    /// How much of what the node took.
    pub(super) ns: u64,
}

/// Steps for each node that looking for those that pay may take, so that no plan makes it slow.
const STEPS_A_NODE: usize = 64;

/// Who pays for each node what it is expected to take: the planner adds what it plans apart to the cost of what it is listed under
/// (`SS_charge_for_initplans`), and not to that of those who ask for it.
pub(super) fn expected_charges(plan: &Plan, took: &[u64]) -> Vec<Vec<Charge>> {
    let one =
        |(node, ns): (&Node, &u64)| node.parent.map(|payer| Charge { payer, ns: *ns }).into_iter().collect();
    plan.nodes.iter().zip(took).map(one).collect()
}

/// Who pays for each node what it took; nobody for the root, and for what runs outside of it.
pub(super) fn charges(plan: &Plan, ends: &[u32], took: &[u64]) -> Vec<Vec<Charge>> {
    let mut search = Search::new(plan, ends, took);
    let one = |(number, node): (usize, &Node)| {
        let Some(parent) = node.parent else { return Vec::new() };
        let charge = |payer: u32| vec![Charge { payer, ns: took[number] }];
        let part = Part { number: number as u32, owner: parent };
        match (node.relationship, node.makes_cte()) {
            (_, Some(name)) => search.readers(part, name),
            (Relationship::InitPlan, None) => charge(search.asking(part).unwrap_or(parent)),
            _ => charge(parent),
        }
    };
    plan.nodes.iter().enumerate().map(one).collect()
}

/// A part that is planned apart, and the node that it is listed under.
#[derive(Debug, Clone, Copy)]
struct Part {
    number: u32,
    owner: u32,
}

/// Nodes by what they ask for.
#[derive(Debug)]
struct Search<'a> {
    plan: &'a Plan,
    ends: &'a [u32],
    took: &'a [u64],
    /// Scans of common table expressions by name.
    scans: FxHashMap<&'a str, Vec<u32>>,
    /// Nodes whose conditions have the value of an init plan, by what stands for it.
    conditions: FxHashMap<&'a str, Vec<u32>>,
    /// Those that give it.
    outputs: FxHashMap<&'a str, Vec<u32>>,
    steps_left: usize,
}

impl<'a> Search<'a> {
    fn new(plan: &'a Plan, ends: &'a [u32], took: &'a [u64]) -> Self {
        let steps_left = STEPS_A_NODE.saturating_mul(plan.nodes.len());
        let empty = FxHashMap::default;
        let mut search =
            Self { plan, ends, took, scans: empty(), conditions: empty(), outputs: empty(), steps_left };
        let asks_apart = plan.nodes.iter().any(|node| node.relationship == Relationship::InitPlan);
        for (number, node) in (0..).zip(&plan.nodes).filter(|_| asks_apart) {
            if let (NodeType::CteScan, Some(name)) = (&node.node_type, node.facts.text(Key::CteName)) {
                search.scans.entry(name).or_default().push(number);
            }
            search.note_values(number, node);
        }
        search
    }

    fn note_values(&mut self, number: u32, node: &'a Node) {
        for (key, value) in node.facts.iter().filter(|(key, _)| *key != Key::SubplanName) {
            let texts = match value {
                Value::Text(text) => std::slice::from_ref(text),
                Value::List(texts) => texts,
                _ => continue,
            };
            let by_name = if key == Key::Output { &mut self.outputs } else { &mut self.conditions };
            for name in texts.iter().flat_map(|text| values_in(text)) {
                let nodes = by_name.entry(name).or_default();
                if nodes.last() != Some(&number) {
                    nodes.push(number);
                }
            }
        }
    }

    /// Those that read a common table expression, each with the part that ran while it asked for rows.
    ///
    /// Pages tell who asked: a scan's counts hold those of the rows that it was the first to ask for. Where nothing was
    /// read, the longest scans pay, as far as they go.
    fn readers(&mut self, part: Part, name: &str) -> Vec<Charge> {
        let mut scans = within(self.scans.get(name), self.ends, part, &mut self.steps_left);
        let total = self.took[part.number as usize];
        let blocks = |number: &u32| self.plan.nodes[*number as usize].blocks();
        let all_blocks = scans.iter().map(blocks).fold(0, u64::saturating_add);
        if all_blocks > 0 {
            let share =
                |number: &u32| Charge { payer: *number, ns: scaled(total, blocks(number), all_blocks) };
            return scans.iter().map(share).collect();
        }
        scans.sort_by_key(|number| std::cmp::Reverse(self.took[*number as usize]));
        let mut left = total;
        let pays = |number: u32| {
            let ns = left.min(self.took[number as usize]);
            left -= ns;
            Charge { payer: number, ns }
        };
        scans.into_iter().map(pays).collect()
    }

    /// The node whose expressions ask for an init plan's value first.
    ///
    /// Of nodes below one another the lowest is the first to run; a condition asks before a column is given.
    fn asking(&mut self, part: Part) -> Option<u32> {
        let names = names(self.plan.nodes[part.number as usize].facts.text(Key::SubplanName)?);
        [&self.conditions, &self.outputs].into_iter().find_map(|by_name| {
            let asking = names
                .iter()
                .flat_map(|name| within(by_name.get(name), self.ends, part, &mut self.steps_left));
            let mut asking: Vec<u32> = asking.collect();
            asking.sort_unstable();
            let mut asking = asking.into_iter();
            let first = asking.next()?;
            Some(
                asking.fold(first, |found, next| if next < self.ends[found as usize] { next } else { found }),
            )
        })
    }
}

/// Those of the nodes, in their order, that are below the owner of a part and not in the part itself.
fn within(nodes: Option<&Vec<u32>>, ends: &[u32], part: Part, steps_left: &mut usize) -> Vec<u32> {
    let nodes = nodes.map(Vec::as_slice).unwrap_or_default();
    let own = part.number..ends[part.number as usize];
    let from = nodes.partition_point(|number| *number < part.owner);
    let below = nodes[from..].iter().take_while(|number| **number < ends[part.owner as usize]);
    let found: Vec<u32> = below.take(*steps_left).copied().filter(|number| !own.contains(number)).collect();
    *steps_left = steps_left.saturating_sub(found.len());
    found
}

/// What stands in expressions for the value of an init plan: the number in `(InitPlan 1).col1` from 17 on, before that
/// the parameters that its name tells, `InitPlan 1 (returns $0,$1)`.
fn names(subplan: &str) -> Vec<&str> {
    match subplan.split_once(" (returns ") {
        Some((_, parameters)) => parameters.trim_end_matches(')').split(',').map(str::trim).collect(),
        None => vec![subplan],
    }
}

/// The values of init plans in an expression, by the words of [`names`].
fn values_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(['$', 'I']).filter_map(|(at, start)| {
        let rest = &text[at..];
        let before = if start == "$" { 1 } else { "InitPlan ".len() };
        let is_name = start == "$" || rest.starts_with("InitPlan ");
        let digits = rest.get(before..)?.bytes().take_while(u8::is_ascii_digit).count();
        (is_name && digits > 0).then(|| &rest[..before + digits])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_init_plans_end_where_they_end() {
        assert_eq!(names("InitPlan 1 (returns $0,$1)"), ["$0", "$1"]);
        assert_eq!(names("InitPlan 1"), ["InitPlan 1"]);
        let found = |text| values_in(text).collect::<Vec<_>>();
        assert_eq!(found("((a = $10) AND (b > $1))"), ["$10", "$1"]);
        assert_eq!(found("(total = (InitPlan 10).col1)"), ["InitPlan 10"]);
        assert!(found("(Index = '$'::text) AND (InitPlan = $)").is_empty());
    }
}
