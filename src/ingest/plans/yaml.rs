//! PostgreSQL's `EXPLAIN (FORMAT YAML)`: a list of mappings with a `Plan` each, or one such mapping, as `auto_explain`
//! writes it. Also a root node without what is around it.
//!
//! This is no reader of YAML but of what `ExplainPropertyText` and its relatives in `src/backend/commands/explain.c`
//! write: two more spaces for each level, labels without quotes, texts in the quotes and escapes of JSON, and lists in
//! brackets for grouping sets alone. Anything else inside of a plan is refused with its line.

use detectors::evidence::plan::Plan;

use super::assembly::Assembly;
use super::{Found, PlanForm, Plans, Unreadable};
use crate::ingest::json::scanner::Scanner;

pub(super) const FORM: PlanForm = PlanForm {
    name: "postgresql-yaml",
    summary: "PostgreSQL `EXPLAIN (FORMAT YAML)` and `auto_explain.log_format = yaml`",
    evidence: "recorded from PostgreSQL 10 to 18",
    read,
};

fn read(text: &str) -> Option<Plans> {
    let lines: Vec<&str> = text.lines().collect();
    let mut at = start(&lines, 0)?;
    let mut found = Vec::new();
    loop {
        let first = at;
        match plan(&lines, &mut at) {
            Ok(Some(plan)) => found.push(Found { plan, form: FORM.name, line: first as u64 + 1 }),
            Ok(None) => {}
            Err(reason) => {
                let reason = format!("{reason}; copy the plan again, as the server wrote it");
                return Some(Err(Unreadable { line: at as u64 + 1, reason }));
            }
        }
        match start(&lines, at) {
            Some(next) => at = next,
            None => return Some(Ok(found)),
        }
    }
}

/// The first line of the next plan: what is told of the statement stands before its root.
fn start(lines: &[&str], from: usize) -> Option<usize> {
    let root = from + lines[from..].iter().position(|line| is_root(line))?;
    let is_beside = |line: &&&str| indent(line) == indent(lines[root]) && property(line.trim()).is_some();
    Some(root - lines[from..root].iter().rev().take_while(is_beside).count())
}

fn is_root(line: &str) -> bool {
    let line = line.trim();
    let line = line.strip_prefix("- ").unwrap_or(line);
    line == "Plan:" || line.starts_with("Node Type: \"")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Reads one plan and moves behind it; where it is refused, `at` is the line.
fn plan(lines: &[&str], at: &mut usize) -> Result<Option<Plan>, &'static str> {
    let mut reading = Reading { assembly: Assembly::new(), open: Vec::new() };
    let first = lines[*at];
    // A list's mark belongs to what follows: its members stand under the first of them.
    let (base, content) = match first.trim().strip_prefix("- ") {
        Some(content) => (indent(first) + 2, content),
        None => (indent(first), first.trim()),
    };
    if content.starts_with("Node Type") {
        reading.assembly.enter("Plan");
    }
    reading.line(base, content)?;
    for line in &lines[*at + 1..] {
        *at += 1;
        let (indent, content) = (indent(line), line.trim());
        let is_behind = indent < base || (indent == base && property(content).is_none());
        match content {
            "" => {}
            _ if is_behind => return Ok(reading.finish()),
            _ => reading.line(indent, content)?,
        }
    }
    *at += 1;
    Ok(reading.finish())
}

struct Reading {
    assembly: Assembly,
    /// How far what is open is indented. Depth is a list here and no recursion.
    open: Vec<usize>,
}

impl Reading {
    fn line(&mut self, mut indent: usize, mut content: &str) -> Result<(), &'static str> {
        self.leave(indent);
        while let Some(item) = content.strip_prefix("- ") {
            if item.starts_with('[') {
                return self.bracketed(item);
            }
            if let Some(value) = value(item) {
                self.assembly.scalar("", &value);
                return Ok(());
            }
            self.assembly.enter("");
            self.open.push(indent);
            (indent, content) = (indent + 2, item.trim_start());
        }
        match property(content) {
            Some((name, "")) => {
                self.assembly.enter(name);
                self.open.push(indent);
            }
            Some((name, written)) => {
                let value =
                    value(written).ok_or("a value that is neither a number nor a whole text in quotes")?;
                self.assembly.scalar(name, &value);
            }
            None => return Err("a line that is not `Name: value`"),
        }
        Ok(())
    }

    /// A list in brackets.
    fn bracketed(&mut self, item: &str) -> Result<(), &'static str> {
        const REASON: &str = "a list in brackets that does not end";
        self.assembly.enter("");
        let mut room = vec![0; item.len()];
        let mut scanner = Scanner::new(item.as_bytes(), 1, &mut room);
        while scanner.next_element().map_err(|_| REASON)? {
            let text = scanner.written().map_err(|_| REASON)?;
            self.assembly.scalar("", &String::from_utf8_lossy(text));
        }
        self.assembly.leave();
        Ok(())
    }

    /// Steps out of what is not indented less than this.
    fn leave(&mut self, indent: usize) {
        while self.open.pop_if(|open| *open >= indent).is_some() {
            self.assembly.leave();
        }
    }

    fn finish(mut self) -> Option<Plan> {
        self.leave(0);
        self.assembly.finish()
    }
}

/// A label and what is behind it.
fn property(content: &str) -> Option<(&str, &str)> {
    let (name, written) = match content.strip_suffix(':') {
        Some(name) => (name, ""),
        None => content.split_once(": ")?,
    };
    let is_label = |byte: u8| byte.is_ascii_alphanumeric() || b" -/_.".contains(&byte) || byte >= 0x80;
    let is_value = written.is_empty() || value(written).is_some() || written.starts_with('"');
    let is_named = name.bytes().all(is_label) && name.starts_with(|first: char| first.is_alphabetic());
    (is_named && is_value).then(|| (name, written.trim()))
}

/// What is written, without quotes and escapes.
fn value(written: &str) -> Option<std::borrow::Cow<'_, str>> {
    if written.starts_with('"') {
        let mut room = vec![0; written.len()];
        let mut scanner = Scanner::new(written.as_bytes(), 0, &mut room);
        let text = String::from_utf8_lossy(scanner.text().ok()?).into_owned();
        return (scanner.at == written.len()).then_some(text.into());
    }
    let is_plain = matches!(written, "true" | "false") || written.parse::<f64>().is_ok();
    is_plain.then_some(written.into())
}

#[cfg(test)]
mod tests {
    use detectors::evidence::plan::{Key, NodeType, Relationship};

    use super::*;

    fn plans(text: &str) -> Vec<Found> {
        read(text).expect("a plan").expect("a whole plan")
    }

    fn refused(text: &str) -> Unreadable {
        read(text).expect("a plan").expect_err("a broken plan")
    }

    const SORT: &str = r#"                QUERY PLAN
- Plan: 
    Node Type: "Sort"
    Actual Rows: 1.00
    Sort Key: 
      - "(lower(\"Name\"))"
      - "id DESC"
    Plans: 
      - Node Type: "Aggregate"
        Parent Relationship: "Outer"
        Grouping Sets: 
          - Group Keys: 
              - ["status, or", "b"]
              - []
        Plans: 
          - Node Type: "Seq Scan"
            Parent Relationship: "Outer"
            Filter: "(note = E'a\\n: b'::text)"
      - Node Type: "Result"
        Parent Relationship: "SubPlan"
  Settings: 
    work_mem: "4MB"
  Triggers: 
  Execution Time: 1.750
- Plan: 
    Node Type: "Result"
(30 rows)
"#;

    #[test]
    fn plans_are_read_whole() {
        let found = plans(SORT);
        let [Found { plan, line: 2, .. }, Found { plan: second, line: 25, .. }] = &found[..] else {
            panic!("{found:?}")
        };
        let [sort, aggregate, scan, result] = &plan.nodes[..] else { panic!("{plan:?}") };
        assert_eq!(sort.facts.list(Key::SortKey), ["(lower(\"Name\"))".into(), "id DESC".into()]);
        assert_eq!(
            aggregate.facts.list(Key::GroupingSets),
            ["Group Key: status, or, b".into(), "Group Key: ()".into()]
        );
        assert_eq!((scan.parent, scan.facts.text(Key::Filter)), (Some(1), Some("(note = E'a\\n: b'::text)")));
        assert_eq!((result.parent, result.relationship), (Some(0), Relationship::SubPlan));
        assert_eq!(plan.settings, [("work_mem".into(), "4MB".into())]);
        assert_eq!(plan.execution_ns(), Some(1_750_000));
        assert_eq!(second.nodes[0].node_type, NodeType::Result);
    }

    #[test]
    fn auto_explain_has_the_statement_in_front_and_no_list() {
        let text = "LOG:  duration: 1.5 ms  plan:\n\tQuery Text: \"select 1\\nfrom t: u\"\n\tPlan: \n\t  Node Type: \"Limit\"\n\t  Plans: \n\t    - Node Type: \"Result\"\nLOG:  duration: 2 ms\n";
        let found = plans(text);
        let [Found { plan, line: 2, .. }] = &found[..] else { panic!("{found:?}") };
        assert_eq!((plan.statement.as_deref(), plan.nodes.len()), (Some("select 1\nfrom t: u"), 2));
        assert_eq!(plans("Node Type: \"Limit\"\nPlans:\n  - Node Type: \"Result\"")[0].plan.nodes.len(), 2);
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_line() {
        assert_eq!(refused(&SORT.replace("\"id DESC\"", "\"id DESC")).line, 7);
        assert_eq!(refused(&SORT.replace("[\"status, or\", \"b\"]", "[\"status")).line, 13);
        assert_eq!(refused(&SORT.replace("Parent Relationship: \"Outer\"", "and so on")).line, 10);
        assert_eq!(read("name: \"x\"\nservices:\n  - image: \"y\"\n"), None);
    }

    #[test]
    fn depth_is_no_limit() {
        let deep = 1_000;
        let node = |depth: usize| {
            let indent = "  ".repeat(2 * depth);
            format!("{indent}- Node Type: \"Limit\"\n{indent}  Plans: \n")
        };
        let text: String = (0..deep).map(node).collect();
        assert_eq!(plans(&text)[0].plan.nodes.len(), deep);
    }
}
