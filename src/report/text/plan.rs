//! Plans for people: a tree with the time of each node, then what is wrong, in the order of what it gives back.

use std::io;

use detectors::figures::{count, counted, duration, share};
use detectors::finding::Confidence;
use detectors::plans::{Basis, PlanNode, PlanProblem, PlanReport};

use super::ink::{Ink, Line};
use super::page::Page;
use crate::plans::{PlacedPlan, PlansReport};
use crate::report::Style;
use crate::report::words::{estimate_is_off, outside_of_nodes};

/// Columns before the tree: own time, share, bar.
const TREE_AT: usize = 26;

/// Columns of the bar for the whole.
const BAR: usize = 8;

/// The right edge of rows, estimated rows and pages, counted from the end of a line.
const FIGURES: usize = 34;

/// A node of at least this part of the time tells its conditions, per mille.
const TELLING: u64 = 50;

/// What of a node's details people look for, and how it is said.
const CONDITIONS: [(&str, &str); 12] = [
    ("Index Cond", "by index"),
    ("Hash Cond", "where"),
    ("Merge Cond", "where"),
    ("Join Filter", "pairs filtered by"),
    ("Filter", "filtered by"),
    ("Recheck Cond", "checked again"),
    ("One-Time Filter", "once filtered by"),
    ("TID Cond", "where"),
    ("Sort Key", "sorted by"),
    ("Group Key", "grouped by"),
    ("Cache Key", "remembered by"),
    ("Function Call", "calls"),
];

pub(super) fn write(report: &PlansReport, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page { style, out };
    for (number, placed) in report.plans.iter().enumerate() {
        if number > 0 {
            page.blank()?;
        }
        write_plan(&mut page, placed)?;
    }
    let more = (report.more > 0).then(|| {
        format!("{} of logs take less and are left out: --top", counted(report.more, "further plan"))
    });
    if more.is_some() || !report.notes.is_empty() {
        page.blank()?;
    }
    let mut notes = more.iter().chain(&report.notes);
    notes.try_for_each(|note| page.prose(Line::at(0).with(Ink::Faint, "note  "), Ink::Faint, note))
}

fn write_plan(page: &mut Page<'_>, placed: &PlacedPlan) -> io::Result<()> {
    let report = &placed.report;
    head(page, placed)?;
    page.blank()?;
    columns(page, report)?;
    tree(page, report)?;
    outside(page, report)?;
    for (number, problem) in (1..).zip(&report.problems) {
        page.blank()?;
        write_problem(page, number, problem)?;
    }
    rest(page, report)
}

fn head(page: &mut Page<'_>, placed: &PlacedPlan) -> io::Result<()> {
    let report = &placed.report;
    let took = match report.execution_ns {
        Some(ns) => Line::default().with(Ink::Figure, duration(ns)),
        None => Line::default().with(Ink::Faint, "not executed: estimates only"),
    };
    let planning = report.planning_ns.map_or(Line::default(), |ns| {
        Line::default().with(Ink::Faint, format!("   planning {}", duration(ns)))
    });
    let place = Line::default().with(Ink::Title, format!("{}:{}", placed.file, placed.line));
    let place = place.with(Ink::Faint, format!("   {}", report.engine)).shortened(page.room(0));
    page.line_and_right(place, took.then(planning), 2)?;
    match &report.statement {
        Some(statement) => {
            let room = page.room(2);
            page.line(Line::at(2).with(Ink::Plain, &statement.text).shortened(room))
        }
        None => Ok(()),
    }
}

fn columns(page: &mut Page<'_>, report: &PlanReport) -> io::Result<()> {
    let own = match report.basis {
        Basis::Measured => "own time",
        Basis::Estimated => "own cost",
        Basis::None => return Ok(()),
    };
    let edge = edge(page);
    let line = Line::at(2).with(Ink::Faint, format!("{own:>9}")).pad_to(TREE_AT);
    let line = line.pad_to(edge - FIGURES).with(Ink::Faint, figures("rows", "estimated", "pages"));
    page.line(line)
}

/// Where lines end.
fn edge(page: &Page<'_>) -> usize {
    page.style.width.clamp(TREE_AT + FIGURES + 20, 140)
}

fn figures(rows: &str, estimated: &str, pages: &str) -> String {
    format!("{rows:>12}{estimated:>12}{pages:>10}")
}

fn tree(page: &mut Page<'_>, report: &PlanReport) -> io::Result<()> {
    let branches = Branches::of(report);
    let whole = report.nodes.iter().map(|node| node.self_ns).fold(0, u64::saturating_add).max(1);
    let whole = report.execution_ns.filter(|_| report.basis == Basis::Measured).unwrap_or(whole).max(1);
    for (number, node) in report.nodes.iter().enumerate() {
        let edge = edge(page);
        let (stem, below) = branches.of_node(number);
        let figures_at = edge - FIGURES;
        let mark = mark(report, number as u32);
        let name = Line::default().with(Ink::Faint, stem).then(name(node)).then(mark);
        let line = time(report, node, whole).pad_to(TREE_AT).then(name.shortened(figures_at - TREE_AT - 1));
        page.line(line.pad_to(figures_at).then(node_figures(node)))?;
        let tells = page.style.verbose || node.self_ns.saturating_mul(1000) >= whole.saturating_mul(TELLING);
        if tells && report.basis != Basis::None {
            conditions(page, node, &below)?;
        }
    }
    Ok(())
}

fn time(report: &PlanReport, node: &PlanNode, whole: u64) -> Line {
    let line = Line::at(2);
    if node.loops == Some(0) {
        return line.with(Ink::Faint, "   never executed");
    }
    let own = match report.basis {
        Basis::Measured => duration(node.self_ns),
        Basis::Estimated => count(node.self_ns / 1000),
        Basis::None => return line,
    };
    let bar = node.self_ns.saturating_mul(BAR as u64).saturating_add(whole / 2) / whole;
    let ink = if bar > 0 { Ink::Figure } else { Ink::Faint };
    let line =
        line.with(ink, format!("{own:>9}")).with(Ink::Faint, format!("{:>6} ", share(node.self_ns, whole)));
    line.with(Ink::Bar, "█".repeat((bar as usize).min(BAR)))
}

fn name(node: &PlanNode) -> Line {
    let mut line = Line::default();
    if let Some(subplan) = &node.subplan {
        line = line.with(Ink::Faint, format!("{subplan}: "));
    }
    line = line.with(Ink::Plain, &node.name);
    if let Some(target) = &node.target {
        line = line.with(Ink::Title, format!("  {target}"));
    }
    if let Some(index) = &node.index {
        line = line.with(Ink::Faint, format!("  {index}"));
    }
    let again = match (node.loops, node.processes) {
        (Some(loops), processes) if processes > 1 && loops == u64::from(processes) => {
            format!("  {processes} processes")
        }
        (Some(loops), _) if loops > 1 => format!("  × {}", count(loops)),
        _ => String::new(),
    };
    line.with(Ink::Faint, again)
}

fn mark(report: &PlanReport, node: u32) -> Line {
    let numbers = (1..).zip(&report.problems).filter(|(_, problem)| problem.node == node);
    numbers.fold(Line::default(), |line, (number, _)| line.with(Ink::Flaw, format!("  ◄ {number}")))
}

fn node_figures(node: &PlanNode) -> Line {
    let rows = |rows: Option<f64>| rows.map_or(String::new(), |rows| count(rows.round() as u64));
    let pages =
        node.blocks.map_or(String::new(), |blocks| if blocks > 0 { count(blocks) } else { "-".to_owned() });
    let actual = rows(node.rows.actual);
    let estimated = rows(node.rows.estimated);
    let ink = if estimate_is_off(&node.rows) { Ink::Bad } else { Ink::Faint };
    Line::default()
        .with(Ink::Plain, format!("{actual:>12}"))
        .with(ink, format!("{estimated:>12}"))
        .with(Ink::Faint, format!("{pages:>10}"))
}

fn conditions(page: &mut Page<'_>, node: &PlanNode, stem: &str) -> io::Result<()> {
    let room = edge(page).saturating_sub(TREE_AT + stem.chars().count() + 3);
    for (key, words) in CONDITIONS {
        let Some((_, text)) = node.details.iter().find(|(name, _)| name == key) else { continue };
        let removed = match key {
            "Filter" | "Join Filter" if node.rows.removed >= 1.0 => {
                format!("{} taken away: ", count(node.rows.removed.round() as u64))
            }
            _ => String::new(),
        };
        let text = Line::default().with(Ink::Faint, format!("{words}  {removed}{text}")).shortened(room);
        page.line(Line::at(TREE_AT).with(Ink::Faint, stem).with(Ink::Faint, "  ").then(text))?;
    }
    Ok(())
}

/// What the lines in front of the nodes look like.
struct Branches {
    /// Of each node: its own line, and that of what is told below it.
    stems: Vec<(String, String)>,
}

impl Branches {
    /// Deeper nodes are not moved further to the right.
    const DEPTH_MAX: usize = 20;

    fn of(report: &PlanReport) -> Self {
        let mut last = vec![None; report.nodes.len()];
        for (number, node) in report.nodes.iter().enumerate() {
            if let Some(parent) = node.parent {
                last[parent as usize] = Some(number);
            }
        }
        let mut stems: Vec<(String, String)> = Vec::with_capacity(report.nodes.len());
        let mut depths: Vec<usize> = Vec::with_capacity(report.nodes.len());
        for (number, node) in report.nodes.iter().enumerate() {
            let Some(parent) = node.parent.map(|parent| parent as usize) else {
                stems.push((String::new(), String::new()));
                depths.push(0);
                continue;
            };
            let depth = depths[parent] + 1;
            let before = stems[parent].1.clone();
            let is_last = last[parent] == Some(number);
            stems.push(match (depth > Self::DEPTH_MAX, is_last) {
                (true, _) => (before.clone(), before),
                (false, true) => (format!("{before}└─ "), format!("{before}   ")),
                (false, false) => (format!("{before}├─ "), format!("{before}│  ")),
            });
            depths.push(depth);
        }
        Self { stems }
    }

    fn of_node(&self, number: usize) -> (&str, String) {
        let (own, below) = &self.stems[number];
        (own, below.clone())
    }
}

fn outside(page: &mut Page<'_>, report: &PlanReport) -> io::Result<()> {
    let Some(whole) = report.execution_ns else { return Ok(()) };
    for outside in report.outside.iter().filter(|outside| outside.ns.saturating_mul(100) >= whole) {
        let what = outside_of_nodes(outside.what);
        let line = Line::at(2).with(Ink::Plain, format!("{:>9}", duration(outside.ns)));
        let line = line.with(Ink::Faint, format!("{:>6} ", share(outside.ns, whole)));
        page.line(line.pad_to(TREE_AT).with(Ink::Faint, what))?;
    }
    Ok(())
}

fn write_problem(page: &mut Page<'_>, number: usize, problem: &PlanProblem) -> io::Result<()> {
    let gain = match (problem.gain_ns, problem.after_ns) {
        (Some(gain), Some(after)) => {
            let before = after.saturating_add(gain);
            Line::default().with(Ink::Figure, format!("{} -> {}", duration(before), duration(after)))
        }
        _ => Line::default()
            .with(Ink::Faint, format!("{:.0} % of the estimated cost", 100.0 * problem.gain_share)),
    };
    let lead = if problem.confidence == Confidence::Low { "   a lead" } else { "" };
    let title = Line::at(2)
        .with(Ink::Figure, format!("{number}  "))
        .with(Ink::Flaw, &problem.detector)
        .with(Ink::Plain, format!("   {}", problem.subject))
        .with(Ink::Faint, lead);
    page.line_and_right(title, gain, 5)?;
    let label = |label: &str| Line::at(5).with(Ink::Faint, format!("{label:<6}"));
    page.prose(label("why"), Ink::Plain, &problem.why)?;
    for (place, fix) in problem.fix.iter().enumerate() {
        let text = match fix.tradeoff.as_str() {
            "" => fix.text.clone(),
            tradeoff => format!("{}; costs: {tradeoff}", fix.text),
        };
        page.prose(label(if place == 0 { "fix" } else { "or" }), Ink::Plain, &text)?;
    }
    if !problem.check.is_empty() {
        page.prose(label("check"), Ink::Faint, &problem.check)?;
    }
    let range = problem.gain_range_ns.filter(|_| page.style.verbose);
    if let Some([least, most]) = range {
        let text = format!("gives back {} to {}, predicted", duration(least), duration(most));
        page.prose(label("range"), Ink::Faint, &text)?;
    }
    problem.also.iter().try_for_each(|also| page.prose(label("also"), Ink::Faint, also))
}

fn rest(page: &mut Page<'_>, report: &PlanReport) -> io::Result<()> {
    if report.problems.is_empty() {
        page.blank()?;
        let said = match report.basis {
            Basis::None => "Nothing can be said of its time: there are neither times nor costs.",
            _ => "No flaw whose fix would give back enough to be told.",
        };
        page.line(Line::at(2).with(Ink::Plain, said))?;
    }
    if page.style.verbose && !report.dismissed.is_empty() {
        page.blank()?;
        for dismissal in &report.dismissed {
            let text = format!("{} at {}: {}", dismissal.detector, dismissal.subject, dismissal.reason);
            page.prose(Line::at(2).with(Ink::Faint, "dismissed  "), Ink::Faint, &text)?;
        }
    } else if !report.dismissed.is_empty() {
        page.blank()?;
        let text = format!("{} considered and dismissed: -v", counted(report.dismissed.len() as u64, "flaw"));
        page.line(Line::at(2).with(Ink::Faint, text))?;
    }
    report
        .missing
        .iter()
        .try_for_each(|missing| page.prose(Line::at(2).with(Ink::Faint, "not seen   "), Ink::Faint, missing))
}
