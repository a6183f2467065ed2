//! Plans that are put together from below: what is read first may hang under what is read later.

use detectors::evidence::plan::{Engine, Key, Node, NodeType, Plan, Relationship, Value};

/// A node that was added, by its number.
pub(super) type Id = usize;

struct Part {
    node: Node,
    below: Vec<Id>,
    /// Milliseconds of all loops, with what is below; `None` where nothing was measured.
    total_ms: Option<f64>,
}

/// Nodes, each added after those that it has below.
#[derive(Default)]
pub(super) struct Sketch {
    parts: Vec<Part>,
}

impl Sketch {
    /// Adds a node above others. `own_ms` are the milliseconds that it took itself, in all loops.
    pub(super) fn add(&mut self, node: Node, below: Vec<Id>, own_ms: Option<f64>) -> Id {
        self.parts.push(Part { node, below: Vec::new(), total_ms: own_ms });
        let id = self.parts.len() - 1;
        for one in below {
            self.hang(one, id);
        }
        id
    }

    /// Hangs a node under another, behind what is there.
    pub(super) fn hang(&mut self, child: Id, parent: Id) {
        if let Some(took) = self.parts[child].total_ms {
            *self.parts[parent].total_ms.get_or_insert(0.0) += took;
        }
        self.parts[parent].below.push(child);
    }

    /// More milliseconds that a node took itself; of one that nothing is above yet.
    pub(super) fn add_time(&mut self, id: Id, own_ms: f64) {
        *self.parts[id].total_ms.get_or_insert(0.0) += own_ms;
    }

    pub(super) fn node(&mut self, id: Id) -> &mut Node {
        &mut self.parts[id].node
    }

    /// Changes a node and all that is below it.
    pub(super) fn each_below(&mut self, id: Id, change: impl Fn(&mut Node)) {
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            change(&mut self.parts[id].node);
            open.extend(&self.parts[id].below);
        }
    }

    pub(super) fn number(&self, id: Id, key: Key) -> Option<f64> {
        self.parts[id].node.facts.number(key)
    }

    pub(super) fn text(&self, id: Id, key: Key) -> Option<&str> {
        self.parts[id].node.facts.text(key)
    }

    /// Milliseconds of all loops, with what is below.
    pub(super) fn total_ms(&self, id: Id) -> Option<f64> {
        self.parts[id].total_ms
    }

    /// Rows of all loops; `None` where either is not told.
    pub(super) fn rows(&self, id: Id) -> Option<f64> {
        Some(self.number(id, Key::ActualRows)? * self.number(id, Key::ActualLoops)?)
    }

    /// The plan of what is below a node: parents first, each before those that it has below.
    pub(super) fn finish(mut self, root: Id, engine: Engine) -> Plan {
        let mut plan = Plan { engine, ..Plan::default() };
        // Depth is a list here and no recursion.
        let mut open = vec![(root, None)];
        while let Some((id, parent)) = open.pop() {
            let number = plan.nodes.len() as u32;
            let Part { node, below, total_ms } = &mut self.parts[id];
            let mut node = std::mem::take(node);
            node.parent = parent;
            let loops = node.loops();
            if let (Some(total_ms), 1..) = (*total_ms, loops) {
                node.facts.set(Key::ActualTotalTime, Value::Number(total_ms / loops as f64));
            }
            plan.nodes.push(node);
            open.extend(below.drain(..).rev().map(|child| (child, Some(number))));
        }
        plan
    }
}

/// A node of a type, with nothing told of it.
pub(super) fn bare(node_type: NodeType) -> Node {
    Node { node_type, ..Node::default() }
}

/// A node of a type that hangs in a certain way.
pub(super) fn related(node_type: NodeType, relationship: Relationship) -> Node {
    Node { node_type, relationship, ..Node::default() }
}

/// Notes a text, unless it is empty.
pub(super) fn set_text(node: &mut Node, key: Key, text: &str) {
    if !text.is_empty() {
        node.facts.set(key, Value::Text(text.into()));
    }
}

/// Notes texts, unless there are none.
pub(super) fn set_list<'t>(node: &mut Node, key: Key, texts: impl IntoIterator<Item = &'t str>) {
    let texts: Vec<Box<str>> = texts.into_iter().map(Box::from).collect();
    if !texts.is_empty() {
        node.facts.set(key, Value::List(texts.into()));
    }
}

/// Notes a number, where there is one.
pub(super) fn set_number(node: &mut Node, key: Key, number: Option<f64>) {
    if let Some(number) = number.filter(|number| number.is_finite()) {
        node.facts.set(key, Value::Number(number));
    }
}

/// A plan as a test compares it: types and what is read, indented by one for each level.
#[cfg(test)]
pub(super) fn drawn(plan: &Plan) -> String {
    let mut depths: Vec<usize> = Vec::new();
    let mut text = String::new();
    for node in &plan.nodes {
        let depth = node.parent.map_or(0, |parent| depths[parent as usize] + 1);
        depths.push(depth);
        let mark = if node.relationship.is_apart() { "~" } else { "" };
        let target = node.target().unwrap_or_default();
        let line = format!("{}{mark}{} {target}", " ".repeat(depth), node.node_type.name());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
