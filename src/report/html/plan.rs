//! Plans as one page: a table of nodes with bars, conditions to unfold, then what is wrong.

use std::io;

use detectors::figures::{count, counted, duration, share};
use detectors::finding::Confidence;
use detectors::plans::{Basis, PlanNode, PlanProblem, PlanReport};

use super::{Text, write_end, write_list, write_start};
use crate::plans::{PlacedPlan, PlansReport};
use crate::report::Style;
use crate::report::words::{estimate_is_off, outside_of_nodes};

/// Nodes deeper than this are not indented further.
const DEPTH_MAX: u32 = 30;

/// Nodes of one plan that are drawn; a browser is slow beyond.
const NODES_MAX: usize = 5_000;

pub(super) fn write(report: &PlansReport, _: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    write_start(out)?;
    writeln!(out, "<h1>Where does the time of this plan go?</h1>")?;
    for placed in &report.plans {
        write_plan(placed, out)?;
    }
    if report.more > 0 {
        let more = counted(report.more, "further plan");
        writeln!(out, "<p class=\"faint\">{more} of logs take less and are left out: --top</p>")?;
    }
    write_end(out)
}

fn write_plan(placed: &PlacedPlan, out: &mut dyn io::Write) -> io::Result<()> {
    let report = &placed.report;
    let took = report.execution_ns.map_or_else(|| "not executed: estimates only".to_owned(), duration);
    let planning = report.planning_ns.map_or(String::new(), |ns| format!(" · planning {}", duration(ns)));
    let (file, line, engine) = (Text(&placed.file), placed.line, report.engine);
    writeln!(out, "<h2>{file}:{line} <span class=\"faint\">{engine} · {took}{planning}</span></h2>")?;
    if let Some(statement) = &report.statement {
        writeln!(out, "<p><code>{}</code></p>", Text(&statement.text))?;
    }
    write_nodes(report, out)?;
    for (number, problem) in (1..).zip(&report.problems) {
        write_problem(report, number, problem, out)?;
    }
    if report.problems.is_empty() {
        writeln!(out, "<p>No flaw whose fix would give back enough to be told.</p>")?;
    }
    let dismissed =
        report.dismissed.iter().map(|one| format!("{} at {}: {}", one.detector, one.subject, one.reason));
    let title = format!("Considered and dismissed: {}", count(report.dismissed.len() as u64));
    write_list(&title, dismissed.collect(), out)?;
    write_list("Not seen", report.missing.clone(), out)
}

fn write_nodes(report: &PlanReport, out: &mut dyn io::Write) -> io::Result<()> {
    let own = if report.basis == Basis::Estimated { "own cost" } else { "own time" };
    writeln!(
        out,
        "<div class=\"scroll\"><table class=\"plan\">\n<thead><tr><th>node</th><th class=\"figure\">{own}</th><th></th>\
         <th class=\"figure\">rows</th><th class=\"figure\">estimated</th><th class=\"figure\">loops</th>\
         <th class=\"figure\">pages</th></tr></thead>\n<tbody>"
    )?;
    let whole = whole(report);
    let mut depths: Vec<u32> = Vec::with_capacity(report.nodes.len());
    for (number, node) in report.nodes.iter().enumerate() {
        let depth = node.parent.map_or(0, |parent| depths[parent as usize] + 1);
        depths.push(depth);
        if number < NODES_MAX {
            write_node(report, node, (number, depth.min(DEPTH_MAX)), whole, out)?;
        }
    }
    for outside in report.outside.iter().filter(|outside| outside.ns.saturating_mul(100) >= whole) {
        let what = outside_of_nodes(outside.what);
        writeln!(
            out,
            "<tr><td class=\"faint\">{what}</td><td class=\"figure\">{}</td><td>{}</td></tr>",
            duration(outside.ns),
            bar(outside.ns, whole)
        )?;
    }
    writeln!(out, "</tbody></table></div>")?;
    match report.nodes.len().checked_sub(NODES_MAX) {
        Some(more @ 1..) => writeln!(out, "<p class=\"faint\">and {} nodes more</p>", count(more as u64)),
        _ => Ok(()),
    }
}

/// What nodes' own times are parts of.
fn whole(report: &PlanReport) -> u64 {
    let sum = || report.nodes.iter().map(|node| node.self_ns).fold(0, u64::saturating_add);
    report.execution_ns.filter(|_| report.basis == Basis::Measured).unwrap_or_else(sum).max(1)
}

fn bar(ns: u64, whole: u64) -> String {
    let percent = (ns as f64 * 100.0 / whole as f64).min(100.0);
    let told = share(ns, whole);
    format!(
        "<div class=\"path\" role=\"img\" aria-label=\"{told}\" title=\"{told}\"><span \
         style=\"width:{percent:.2}%;background:var(--database)\"></span></div>"
    )
}

fn write_node(
    report: &PlanReport,
    node: &PlanNode,
    (number, depth): (usize, u32),
    whole: u64,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let own = match report.basis {
        Basis::Measured => duration(node.self_ns),
        Basis::Estimated => count(node.self_ns / 1000),
        Basis::None => String::new(),
    };
    let rows = |rows: Option<f64>| rows.map_or(String::new(), |rows| count(rows.round() as u64));
    let off = if estimate_is_off(&node.rows) { " bad" } else { "" };
    write!(out, "<tr><td style=\"padding-left:{:.1}rem\">", f64::from(depth) * 1.1 + 0.4)?;
    write_name(report, node, number, out)?;
    writeln!(
        out,
        "</td><td class=\"figure\">{own}</td><td>{}</td><td class=\"figure\">{}</td><td class=\"figure{off}\">{}</td>\
         <td class=\"figure\">{}</td><td class=\"figure\">{}</td></tr>",
        bar(node.self_ns, whole),
        rows(node.rows.actual),
        rows(node.rows.estimated),
        node.loops.map_or(String::new(), count),
        node.blocks.map_or(String::new(), count),
    )
}

fn write_name(
    report: &PlanReport,
    node: &PlanNode,
    number: usize,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let subplan = node.subplan.as_ref().map_or(String::new(), |name| format!("{name}: "));
    let index = node.index.as_ref().map_or(String::new(), |index| format!(" by {index}"));
    let target = node.target.as_deref().unwrap_or_default();
    let name =
        format!("{} <b>{}</b> <span class=\"faint\">{}</span>", Text(&node.name), Text(target), Text(&index));
    let name = format!("<span class=\"faint\">{}</span>{name}", Text(&subplan));
    let marks = (1..).zip(&report.problems).filter(|(_, problem)| problem.node as usize == number);
    let marks: String =
        marks.map(|(place, problem)| format!(" <a href=\"#{}\">{place}</a>", Text(&problem.id))).collect();
    if node.details.is_empty() {
        return write!(out, "{name}{marks}");
    }
    write!(out, "<details><summary>{name}</summary><dl>")?;
    for (key, value) in &node.details {
        write!(out, "<dt>{}</dt><dd><code>{}</code></dd>", Text(key), Text(value))?;
    }
    write!(out, "</dl></details>{marks}")
}

fn write_problem(
    report: &PlanReport,
    number: usize,
    problem: &PlanProblem,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let lead = if problem.confidence == Confidence::Low { " · a lead" } else { "" };
    let gain = match (problem.gain_ns, problem.after_ns) {
        (Some(gain), Some(after)) => {
            format!("{} → <b>{}</b>", duration(after.saturating_add(gain)), duration(after))
        }
        _ => format!("{} of the estimated cost", share((problem.gain_share * 1e6) as u64, 1_000_000)),
    };
    let at = report.nodes.get(problem.node as usize).map_or("", |node| node.name.as_str());
    writeln!(
        out,
        "<article id=\"{0}\" tabindex=\"0\"><h3>{number} {1} <span class=\"faint\">{2} · {3}{lead}</span></h3>\n\
         <p class=\"gain\">{gain}</p>\n<dl><dt>why</dt><dd>{4}</dd>",
        Text(&problem.id),
        Text(&problem.detector),
        Text(&problem.subject),
        Text(at),
        Text(&problem.why),
    )?;
    for (place, fix) in problem.fix.iter().enumerate() {
        let name = if place == 0 { "fix" } else { "or" };
        let costs = if fix.tradeoff.is_empty() { String::new() } else { format!("costs: {}", fix.tradeoff) };
        let (text, costs) = (Text(&fix.text), Text(&costs));
        writeln!(out, "<dt>{name}</dt><dd>{text} <span class=\"faint\">{costs}</span></dd>")?;
    }
    if !problem.check.is_empty() {
        writeln!(out, "<dt>check</dt><dd>{}</dd>", Text(&problem.check))?;
    }
    for also in &problem.also {
        writeln!(out, "<dt>also</dt><dd>{}</dd>", Text(also))?;
    }
    writeln!(out, "</dl></article>")
}
