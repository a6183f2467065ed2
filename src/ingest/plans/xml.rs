//! PostgreSQL's `EXPLAIN (FORMAT XML)`: an element `explain` with a `Query` for each statement, or, as `auto_explain`
//! writes it, with one plan and its `Query-Text`. Also a `Query` or `Plan` without what is around it.
//!
//! Names of elements are those of JSON with a hyphen for whatever may not stand in a name (`ExplainXMLTag` in
//! `src/backend/commands/explain.c`); members of lists are called `Item`.

use std::borrow::Cow;
use std::sync::LazyLock;

use detectors::evidence::plan::Key;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, Event};
use quick_xml::{Error, Reader};

use super::assembly::Assembly;
use super::{Found, PlanForm, Plans, Unreadable, line_of};

pub(super) const FORM: PlanForm = PlanForm {
    name: "postgresql-xml",
    summary: "PostgreSQL `EXPLAIN (FORMAT XML)` and `auto_explain.log_format = xml`",
    evidence: "recorded from PostgreSQL 10 to 18",
    read,
};

/// Elements that hold plans, and are no part of one.
const AROUND: [&str; 2] = ["explain", "Query"];

/// Where an element that holds a plan begins.
fn start(text: &str) -> Option<usize> {
    ["<explain ", "<explain>", "<Query>", "<Plan>"].iter().filter_map(|name| text.find(name)).min()
}

fn read(text: &str) -> Option<Plans> {
    let mut at = start(text)?;
    if !text[at..].contains("<Node-Type>") {
        return None;
    }
    let mut found = Vec::new();
    loop {
        let mut reading = Reading::new(&text[at..]);
        match reading.document() {
            Ok(plans) => found.extend(plans.into_iter().map(|(from, assembly)| (at + from, assembly))),
            Err(reason) => {
                let line = line_of(text, at + reading.position());
                let reason = format!("{reason}; copy the plan again, with all its lines");
                return Some(Err(Unreadable { line, reason }));
            }
        }
        at += reading.position();
        match start(&text[at..]) {
            Some(next) => at += next,
            None => break,
        }
    }
    let whole = |(from, assembly): (usize, Assembly)| {
        Some(Found { plan: assembly.finish()?, form: FORM.name, line: line_of(text, from) })
    };
    Some(Ok(found.into_iter().filter_map(whole).collect()))
}

struct Reading<'t> {
    reader: Reader<&'t [u8]>,
    /// The plan that is read, and where what holds it begins.
    current: (usize, Assembly),
    done: Vec<(usize, Assembly)>,
    /// Names of elements that are open. Depth is a list here and no recursion.
    open: Vec<String>,
    /// Text since the last tag.
    text: String,
    /// The last tag opened an element, which may be a value or a group.
    is_undecided: bool,
}

impl<'t> Reading<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            reader: Reader::from_str(text),
            current: (0, Assembly::new()),
            done: Vec::new(),
            open: Vec::new(),
            text: String::new(),
            is_undecided: false,
        }
    }

    fn position(&self) -> usize {
        self.reader.buffer_position() as usize
    }

    /// Reads one element whole: the plans in it.
    fn document(&mut self) -> Result<Vec<(usize, Assembly)>, &'static str> {
        loop {
            let from = self.position();
            match self.reader.read_event() {
                Ok(Event::Start(tag)) => self.opened(tag.name().as_ref(), from),
                Ok(Event::Empty(_)) => return Err("an element that PostgreSQL does not write"),
                Ok(Event::Text(text)) => self.text.push_str(&text.xml10_content()),
                Ok(Event::GeneralRef(reference)) => self.text.push_str(&resolved(&reference)),
                Ok(Event::End(_)) => self.closed(),
                Ok(Event::Eof) | Err(Error::Syntax(_)) => {
                    return Err("the plan is cut off: elements are open at its end");
                }
                Ok(_) => {}
                Err(_) => return Err("not well-formed XML"),
            }
            if self.open.is_empty() {
                return Ok(std::mem::take(&mut self.done));
            }
        }
    }

    fn opened(&mut self, name: &str, from: usize) {
        self.decide();
        self.text.clear();
        if AROUND.contains(&name) {
            self.current = (from, Assembly::new());
        }
        self.is_undecided = !AROUND.contains(&name);
        self.open.push(name.to_owned());
    }

    /// What was opened last is a group.
    fn decide(&mut self) {
        if let (true, Some(name)) = (self.is_undecided, self.open.last()) {
            self.current.1.enter(&meant(name));
        }
    }

    fn closed(&mut self) {
        let Some(name) = self.open.pop() else { return };
        let text = std::mem::take(&mut self.text);
        let is_undecided = std::mem::take(&mut self.is_undecided);
        let is_last = self.open.is_empty() || AROUND.contains(&name.as_str());
        match name.as_str() {
            _ if AROUND.contains(&name.as_str()) => {}
            // Groups that are empty have a line's end in them.
            _ if is_undecided && (!text.trim().is_empty() || !text.contains('\n')) => {
                self.current.1.scalar(&meant(&name), &text);
            }
            _ => {
                if is_undecided {
                    self.current.1.enter(&meant(&name));
                }
                self.current.1.leave();
            }
        }
        if is_last {
            let empty = (self.position(), Assembly::new());
            self.done.push(std::mem::replace(&mut self.current, empty));
        }
    }
}

/// The name in JSON.
fn meant(name: &str) -> Cow<'_, str> {
    static MARKED: LazyLock<Vec<(String, &str)>> = LazyLock::new(|| {
        let names = Key::ALL.iter().map(|key| key.name()).chain(["I/O Read Time", "I/O Write Time"]);
        let marked = names.filter(|name| name.contains(['/', '-']));
        marked.map(|name| (name.replace([' ', '/'], "-"), name)).collect()
    });
    if name == "Item" {
        return "".into();
    }
    match MARKED.iter().find(|(tag, _)| tag == name) {
        Some((_, marked)) => Cow::Borrowed(marked),
        None if name.contains('-') => name.replace('-', " ").into(),
        None => name.into(),
    }
}

/// What a reference stands for; itself where it is not known.
fn resolved(reference: &BytesRef<'_>) -> String {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => character.to_string(),
        _ => resolve_xml_entity(reference).map_or_else(|| format!("&{};", &**reference), str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use detectors::evidence::plan::NodeType;

    use super::*;

    fn plans(text: &str) -> Vec<Found> {
        read(text).expect("a plan").expect("a whole plan")
    }

    fn refused(text: &str) -> Unreadable {
        read(text).expect("a plan").expect_err("a broken plan")
    }

    const SORT: &str = r#"<explain xmlns="http://www.postgresql.org/2009/explain">
  <Query>
    <Plan>
      <Node-Type>Sort</Node-Type>
      <Shared-I-O-Read-Time>1.5</Shared-I-O-Read-Time>
      <Sort-Key>
        <Item>a &lt; b &amp;&amp; c</Item>
        <Item>id DESC</Item>
      </Sort-Key>
      <Plans>
        <Plan>
          <Node-Type>Aggregate</Node-Type>
          <Grouping-Sets>
            <Grouping-Set>
              <Group-Keys>
                <Group-Key>
                  <Item>status</Item>
                </Group-Key>
                <Group-Key>
                </Group-Key>
              </Group-Keys>
            </Grouping-Set>
          </Grouping-Sets>
          <One-Time-Filter>false</One-Time-Filter>
        </Plan>
      </Plans>
    </Plan>
    <Settings>
      <jit>off</jit>
    </Settings>
    <Triggers>
    </Triggers>
    <Execution-Time>1.750</Execution-Time>
  </Query>
  <Query>
    <Plan>
      <Node-Type>Result</Node-Type>
    </Plan>
  </Query>
</explain>"#;

    #[test]
    fn plans_are_read_whole() {
        let found = plans(&format!("QUERY PLAN\n{SORT}"));
        let [Found { plan, line: 3, .. }, Found { plan: second, line: 36, .. }] = &found[..] else {
            panic!("{found:?}")
        };
        let [sort, aggregate] = &plan.nodes[..] else { panic!("{plan:?}") };
        assert_eq!(sort.facts.list(Key::SortKey), ["a < b && c".into(), "id DESC".into()]);
        assert_eq!(sort.facts.number(Key::SharedReadTime), Some(1.5));
        assert_eq!(
            aggregate.facts.list(Key::GroupingSets),
            ["Group Key: status".into(), "Group Key: ()".into()]
        );
        assert_eq!(aggregate.facts.text(Key::OneTimeFilter), Some("false"));
        assert_eq!(plan.settings, [("jit".into(), "off".into())]);
        assert_eq!(plan.execution_ns(), Some(1_750_000));
        assert_eq!(second.nodes[0].node_type, NodeType::Result);
    }

    #[test]
    fn auto_explain_has_the_statement_inside_and_no_query() {
        let text = "<explain>\n<Query-Text>select 1\nfrom t&#x0d;</Query-Text>\n<Plan><Node-Type>Result</Node-Type></Plan>\n</explain>";
        let [Found { plan, .. }] = &plans(text)[..] else { panic!() };
        assert_eq!(plan.statement.as_deref(), Some("select 1\nfrom t\r"));
        assert_eq!(plans("<Plan><Node-Type>Result</Node-Type></Plan>").len(), 1);
    }

    #[test]
    fn a_cut_or_broken_plan_is_refused_with_its_line() {
        assert_eq!(refused(&SORT.replace("</Sort-Key>", "</Key>")).line, 9);
        assert!(refused(&SORT[..600]).reason.starts_with("the plan is cut off"));
        assert_eq!(read("<html><explain>of something</explain></html>"), None);
    }

    #[test]
    fn depth_is_no_limit() {
        let deep = 100_000;
        let node = "<Plan>\n<Node-Type>Limit</Node-Type><Plans>";
        let text = node.repeat(deep) + &"</Plans></Plan>".repeat(deep);
        assert_eq!(plans(&text)[0].plan.nodes.len(), deep);
    }
}
