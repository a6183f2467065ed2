//! From names and values in their nesting to a plan: the one place that knows what a name of `EXPLAIN` means.
//!
//! Source: `ExplainOneQuery` and below in `src/backend/commands/explain.c` of PostgreSQL 9.6 to 18. The three structured
//! forms (JSON, YAML, XML) have the same names in the same nesting. Depth is a list here and no recursion.

use std::collections::BTreeMap;

use detectors::evidence::plan::{Facts, Form, Key, Node, NodeType, Plan, Relationship, Value, Worker};

/// What is being read.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    /// The object that holds a plan and what is told of the whole.
    Whole,
    Node(u32),
    /// The nodes below one.
    Nodes(u32),
    Workers(u32),
    Worker(u32),
    Planning,
    Jit,
    Timing,
    /// Time of making code, which has a part of its own from 17 on.
    Generation,
    Serialization,
    Settings,
    Triggers,
    Trigger,
    /// Texts of one key.
    List(u32, Key, Vec<Box<str>>),
    /// Grouping sets of a node; what kind the innermost are.
    Sets(u32, &'static str),
    /// The keys of one grouping set.
    Set(u32, &'static str, Vec<String>),
    /// Groups of an incremental sort, in the words of the text form.
    Groups(u32, Key, Vec<String>),
    /// What is not known; its name and what it holds, in one line.
    Other(Option<u32>, String, String),
}

/// Builds a plan from what a reader of a structured form meets.
#[derive(Debug)]
pub(super) struct Assembly {
    plan: Plan,
    places: Vec<Place>,
    /// Grouping sets of nodes, of which one node may have very many.
    sets: BTreeMap<u32, Vec<Box<str>>>,
}

impl Assembly {
    /// Inside of the object that holds a plan.
    pub(super) fn new() -> Self {
        Self { plan: Plan::default(), places: vec![Place::Whole], sets: BTreeMap::new() }
    }

    /// The reader steps into an object or list; elements of lists have no name, or one that means nothing.
    pub(super) fn enter(&mut self, name: &str) {
        let Some(place) = self.places.last_mut() else { return };
        let next = match place {
            Place::Whole => return self.enter_part(name),
            Place::Node(node) => {
                let node = *node;
                return self.enter_of_node(node, name);
            }
            Place::Nodes(parent) => {
                let parent = *parent;
                return self.enter_node(Some(parent));
            }
            Place::Workers(node) => {
                let node = *node;
                self.plan.nodes[node as usize].workers.push(Worker::default());
                Place::Worker(node)
            }
            Place::Triggers => {
                self.plan.triggers.push(Facts::default());
                Place::Trigger
            }
            Place::Jit if name == "Timing" => Place::Timing,
            Place::Jit => Place::Jit,
            Place::Timing => Place::Generation,
            Place::Sets(node, kind) => match name {
                "Group Keys" => Place::Sets(*node, "Group Key"),
                "Hash Keys" => Place::Sets(*node, "Hash Key"),
                "Sort Key" => Place::Set(*node, "Sort Key", Vec::new()),
                _ if kind.is_empty() => Place::Sets(*node, ""),
                _ => Place::Set(*node, kind, Vec::new()),
            },
            Place::Groups(node, key, texts) => {
                let about = match name.strip_prefix("Sort Space") {
                    Some("") => untold_space(texts),
                    Some(space) => space.trim_start(),
                    None => "",
                };
                if !about.is_empty() {
                    texts.push(format!("\0{about}"));
                }
                Place::Groups(*node, *key, std::mem::take(texts))
            }
            Place::List(node, ..) => Place::Other(Some(*node), name.to_owned(), String::new()),
            Place::Worker(node) => match Key::of(name) {
                Some(key @ (Key::FullSortGroups | Key::PreSortedGroups)) => {
                    Place::Groups(*node, key, Vec::new())
                }
                _ => Place::Other(Some(*node), format!("Worker {name}"), String::new()),
            },
            Place::Other(node, outer, _) => {
                // XML names an element of a list, which the other forms do not.
                let name = if outer.strip_suffix('s') == Some(name) { "" } else { name };
                Place::Other(*node, format!("{outer} {name}").trim().to_owned(), String::new())
            }
            _ => Place::Other(None, name.to_owned(), String::new()),
        };
        self.places.push(next);
    }

    fn enter_part(&mut self, name: &str) {
        let next = match name {
            "Plan" if self.plan.nodes.is_empty() => return self.enter_node(None),
            "Planning" => Place::Planning,
            "JIT" => Place::Jit,
            "Serialization" => Place::Serialization,
            "Settings" => Place::Settings,
            "Triggers" => Place::Triggers,
            _ => Place::Other(None, name.to_owned(), String::new()),
        };
        self.places.push(next);
    }

    fn enter_node(&mut self, parent: Option<u32>) {
        let number = self.plan.nodes.len() as u32;
        self.plan.nodes.push(Node { parent, ..Node::default() });
        self.places.push(Place::Node(number));
    }

    fn enter_of_node(&mut self, node: u32, name: &str) {
        let next = match (name, Key::of(name)) {
            ("Plans", _) => Place::Nodes(node),
            ("Workers", _) => Place::Workers(node),
            ("Grouping Sets", _) => Place::Sets(node, ""),
            // XML does not say which; the first are those that are sorted whole.
            ("Incremental Sort Groups", _) => {
                let is_second = self.plan.nodes[node as usize].facts.has(Key::FullSortGroups);
                let key = if is_second { Key::PreSortedGroups } else { Key::FullSortGroups };
                Place::Groups(node, key, Vec::new())
            }
            (_, Some(key @ (Key::FullSortGroups | Key::PreSortedGroups))) => {
                Place::Groups(node, key, Vec::new())
            }
            (_, Some(key)) if matches!(key.form(), Form::List | Form::Text) => {
                Place::List(node, key, Vec::new())
            }
            _ => Place::Other(Some(node), name.to_owned(), String::new()),
        };
        self.places.push(next);
    }

    /// The reader steps out of what it stepped into last. Whether it is out of the plan.
    pub(super) fn leave(&mut self) -> bool {
        match self.places.pop() {
            Some(Place::List(node, key, texts)) => self.note(node, key, Value::List(texts.into())),
            Some(Place::Set(node, kind, keys)) => self.note_set(node, kind, &keys),
            Some(Place::Groups(node, key, texts)) => self.leave_groups(node, key, texts),
            Some(Place::Other(node, name, text)) if !text.is_empty() => {
                let others = match node {
                    Some(node) => &mut self.plan.nodes[node as usize].others,
                    None => &mut self.plan.others,
                };
                others.push((name.into(), text.into()));
            }
            _ => {}
        }
        self.places.is_empty()
    }

    fn note(&mut self, node: u32, key: Key, value: Value) {
        self.plan.nodes[node as usize].facts.set(key, value);
    }

    /// One grouping set, as the text form writes its line.
    fn note_set(&mut self, node: u32, kind: &str, keys: &[String]) {
        let keys = if keys.is_empty() { "()".to_owned() } else { keys.join(", ") };
        self.sets.entry(node).or_default().push(format!("{kind}: {keys}").into());
    }

    /// Groups within groups are told together.
    fn leave_groups(&mut self, node: u32, key: Key, texts: Vec<String>) {
        match self.places.last_mut() {
            Some(Place::Groups(_, _, outer)) => *outer = texts,
            place => {
                let is_of_worker = matches!(place, Some(Place::Worker(_)));
                let texts: Vec<String> = texts.into_iter().filter(|text| !text.starts_with('\0')).collect();
                let value = Value::Text(texts.join("  ").into());
                let node = &mut self.plan.nodes[node as usize];
                match node.workers.last_mut().filter(|_| is_of_worker) {
                    Some(worker) => worker.facts.set(key, value),
                    None => node.facts.set(key, value),
                }
            }
        }
    }

    /// The reader meets a value: a number, text or truth value as it is written, without quotes.
    pub(super) fn scalar(&mut self, name: &str, written: &str) {
        let Some(place) = self.places.last_mut() else { return };
        let plan = &mut self.plan;
        match place {
            Place::Whole => match name {
                "Query Text" => plan.statement = Some(written.into()),
                _ => set(&mut plan.facts, &mut plan.others, name, written),
            },
            Place::Node(node) => scalar_of_node(&mut plan.nodes[*node as usize], name, written),
            Place::Worker(node) => {
                let node = &mut plan.nodes[*node as usize];
                if let Some(worker) = node.workers.last_mut() {
                    match name {
                        "Worker Number" => worker.number = written.parse().unwrap_or(u32::MAX),
                        _ => set(&mut worker.facts, &mut node.others, name, written),
                    }
                }
            }
            Place::Planning => set(&mut plan.planning, &mut plan.others, name, written),
            Place::Jit => set(&mut plan.jit, &mut plan.others, name, written),
            Place::Timing => set(&mut plan.jit, &mut plan.others, &format!("{name} Time"), written),
            Place::Generation => {
                let name = if name == "Total" { "Generation Time" } else { "Deform Time" };
                set(&mut plan.jit, &mut plan.others, name, written);
            }
            Place::Serialization => set(&mut plan.serialization, &mut plan.others, name, written),
            Place::Settings => plan.settings.push((name.into(), written.into())),
            Place::Trigger => {
                if let Some(trigger) = plan.triggers.last_mut() {
                    set(trigger, &mut plan.others, name, written);
                }
            }
            Place::List(_, _, texts) => texts.push(written.into()),
            Place::Set(_, _, keys) => keys.push(written.to_owned()),
            Place::Groups(_, _, texts) => group(texts, name, written),
            Place::Other(_, _, text) => {
                let separator = if text.is_empty() { "" } else { ", " };
                let name = if name.is_empty() { String::new() } else { format!("{name} ") };
                text.push_str(&format!("{separator}{name}{written}"));
            }
            Place::Nodes(_) | Place::Workers(_) | Place::Triggers | Place::Sets(..) => {}
        }
    }

    /// The plan; `None` where there was none.
    pub(super) fn finish(mut self) -> Option<Plan> {
        if self.plan.nodes.is_empty() {
            return None;
        }
        for (node, sets) in std::mem::take(&mut self.sets) {
            self.note(node, Key::GroupingSets, Value::List(sets.into()));
        }
        super::agreement::normalise(&mut self.plan);
        Some(self.plan)
    }
}

/// Where groups of an incremental sort were sorted, which XML does not say: memory comes before files.
fn untold_space(texts: &[String]) -> &'static str {
    let is_method = |text: &&String| text.starts_with("Sort Method");
    let methods =
        texts.iter().find(is_method).map_or("", |text| text.rsplit(": ").next().unwrap_or_default());
    let is_all_in_files = !methods.is_empty() && methods.split(", ").all(|one| one.starts_with("external"));
    match is_all_in_files || texts.iter().any(|text| text == "\0Memory") {
        true => "Disk",
        false => "Memory",
    }
}

/// What groups of an incremental sort say, in the words and order of the text form.
fn group(texts: &mut Vec<String>, name: &str, written: &str) {
    let kind = texts.iter().rev().find_map(|text| text.strip_prefix('\0')).unwrap_or_default().to_owned();
    let said = match name {
        "Group Count" => written.to_owned(),
        "" => match texts.iter_mut().find(|text| text.starts_with("Sort Method")) {
            Some(methods) => {
                if !methods.starts_with("Sort Methods") {
                    *methods = methods.replacen("Sort Method", "Sort Methods", 1);
                }
                return methods.push_str(&format!(", {written}"));
            }
            None => format!("Sort Method: {written}"),
        },
        "Average Sort Space Used" => format!("Average {kind}: {written}kB"),
        "Peak Sort Space Used" => format!("Peak {kind}: {written}kB"),
        _ => return,
    };
    texts.push(said);
}

fn scalar_of_node(node: &mut Node, name: &str, written: &str) {
    match name {
        "Node Type" => node.node_type = NodeType::of(written),
        "Parent Relationship" => match (Relationship::of(written), written) {
            (Some(relationship), _) => node.relationship = relationship,
            // What extensions call the inputs of their scans.
            (None, "child" | "children") => node.relationship = Relationship::Member,
            (None, _) => node.others.push((name.into(), written.into())),
        },
        _ => set(&mut node.facts, &mut node.others, name, written),
    }
}

/// Notes a property by its name, in the form of its key; what is not known, or not in that form, is kept as text.
pub(super) fn set(facts: &mut Facts, others: &mut Vec<(Box<str>, Box<str>)>, name: &str, written: &str) {
    let Some(key) = Key::of(name) else {
        return others.push((name.into(), written.into()));
    };
    let value = match key.form() {
        Form::Number | Form::NumberOrNothing => {
            written.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Number)
        }
        Form::Text => Some(Value::Text(written.into())),
        Form::List => Some(Value::List([written.into()].into())),
        Form::Flag => match written {
            "true" => Some(Value::Yes),
            _ => return,
        },
    };
    match value {
        Some(value) => facts.set(key, value),
        None => others.push((name.into(), written.into())),
    }
}
