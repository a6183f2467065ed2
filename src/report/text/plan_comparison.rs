//! What changed between two plans, for people: the whole first, then the nodes, the largest difference of time first.

use std::io;

use detectors::figures::{count, counted, duration};
use detectors::plans::{ChangeKind, ComparedNode, PlanChange, PlanTotals};
use detectors::wording::without_columns;

use super::ink::{Ink, Line};
use super::page::Page;
use crate::plans::{Contrast, Contrasts, PlacedComparison};
use crate::report::Style;

/// Columns of times, before what they belong to.
const TIMES: usize = 24;

pub(super) fn write(contrast: &Contrast, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page { style, out };
    match contrast {
        Contrast::One(only) => write_one(&mut page, only),
        Contrast::Several(all) => write_all(&mut page, all),
    }
}

/// Each statement, then those that are not told.
fn write_all(page: &mut Page<'_>, all: &Contrasts) -> io::Result<()> {
    for (place, one) in all.comparisons.iter().enumerate() {
        if place > 0 {
            page.blank()?;
        }
        write_one(page, one)?;
    }
    let [before, after] = &all.files;
    let rest = [
        (all.more, "differs", "differ", "less: --top shows more".to_owned()),
        (all.alone[0], "has", "have", format!("a plan in {before} alone")),
        (all.alone[1], "has", "have", format!("a plan in {after} alone")),
    ];
    let told = rest.into_iter().filter(|(count, ..)| *count > 0).map(|(count, of_one, of_many, what)| {
        format!("{} {} {what}", counted(count, "statement"), if count == 1 { of_one } else { of_many })
    });
    let notes: Vec<String> = told.chain(all.notes.iter().cloned()).collect();
    if !notes.is_empty() {
        page.blank()?;
    }
    notes.iter().try_for_each(|note| page.prose(Line::at(0).with(Ink::Faint, "note  "), Ink::Faint, note))
}

fn write_one(page: &mut Page<'_>, placed: &PlacedComparison) -> io::Result<()> {
    let comparison = &placed.comparison;
    let [before, after] = &placed.files;
    page.line(Line::default().with(Ink::Title, format!("{before} -> {after}")))?;
    if let Some(statement) = &placed.statement {
        let statement = without_columns(statement).unwrap_or_else(|| statement.clone());
        page.prose(Line::at(2), Ink::Faint, &statement)?;
    }
    if comparison.is_same_statement == Some(false) {
        let text = "The statements are not the same: what differs need not be for the plan.";
        page.prose(Line::at(2), Ink::Bad, text)?;
    }
    page.blank()?;
    totals(page, &comparison.before, &comparison.after)?;
    if let Some([one, other]) = &comparison.order {
        page.prose(label("order"), Ink::Plain, &format!("{} -> {}", one.join(", "), other.join(", ")))?;
    }
    page.blank()?;
    match comparison.changes.as_slice() {
        [] => page.line(Line::at(2).with(Ink::Plain, "No node is different.")),
        changes => changes.iter().try_for_each(|change| write_change(page, change)),
    }
}

fn label(text: &str) -> Line {
    Line::at(2).with(Ink::Faint, format!("{text:<12}"))
}

fn totals(page: &mut Page<'_>, before: &PlanTotals, after: &PlanTotals) -> io::Result<()> {
    let mut line = |name: &str, values: Option<(String, String)>, factor: String| match values {
        Some((one, other)) => {
            page.line(label(name).with(Ink::Figure, format!("{one} -> {other}")).with(Ink::Faint, factor))
        }
        None => Ok(()),
    };
    let times = before.execution_ns.zip(after.execution_ns);
    let factor = times.map_or_else(String::new, |(one, other)| factor(one as f64, other as f64));
    line("execution", times.map(|(one, other)| (duration(one), duration(other))), factor)?;
    let planning = before.planning_ns.zip(after.planning_ns);
    line("planning", planning.map(|(one, other)| (duration(one), duration(other))), String::new())?;
    let pages = before.blocks.zip(after.blocks);
    line("pages", pages.map(|(one, other)| (count(one), count(other))), String::new())?;
    let rows = before.rows.zip(after.rows).filter(|(one, other)| one != other);
    line("rows", rows.map(|(one, other)| (whole(one), whole(other))), "   the results differ".to_owned())?;
    let cost = before.cost.zip(after.cost);
    line("cost", cost.map(|(one, other)| (whole(one), whole(other))), "   estimated".to_owned())
}

fn whole(number: f64) -> String {
    count(number.round() as u64)
}

/// How much faster or slower it is, where that is not chance.
fn factor(before: f64, after: f64) -> String {
    let (less, more) = (before.min(after).max(1.0), before.max(after));
    let times = more / less;
    let word = if after < before { "faster" } else { "slower" };
    match times {
        times if times < 1.2 => String::new(),
        times if times < 10.0 => format!("   {times:.1} times {word}"),
        times => format!("   {} times {word}", whole(times)),
    }
}

fn write_change(page: &mut Page<'_>, change: &PlanChange) -> io::Result<()> {
    let took = |node: &Option<ComparedNode>, missing: &str| {
        node.as_ref().map_or_else(|| missing.to_owned(), |node| duration(node.self_ns))
    };
    let times = format!("{:>9} -> {}", took(&change.before, "-"), took(&change.after, "-"));
    let Some(node) = change.after.as_ref().or(change.before.as_ref()) else { return Ok(()) };
    let name = match (&change.before, &change.after) {
        (Some(one), Some(other)) if one.name != other.name => format!("{} -> {}", one.name, other.name),
        _ => node.name.clone(),
    };
    let word = match change.kinds.first() {
        Some(ChangeKind::Gone) => "   gone",
        Some(ChangeKind::New) => "   new",
        _ => "",
    };
    let line = Line::at(2).with(Ink::Figure, times).pad_to(TIMES);
    let line =
        line.with(Ink::Plain, format!("{}  ", node.target)).with(Ink::Flaw, name).with(Ink::Faint, word);
    page.line(line.shortened(page.room(0)))?;
    let told: Vec<String> = change.kinds.iter().filter_map(|kind| figures(*kind, change)).collect();
    match told.is_empty() {
        true => Ok(()),
        false => page.prose(Line::at(TIMES + 2), Ink::Faint, &told.join("; ")),
    }
}

/// The numbers that a kind of change is about.
fn figures(kind: ChangeKind, change: &PlanChange) -> Option<String> {
    let (one, other) = (change.before.as_ref()?, change.after.as_ref()?);
    let amounts = |name: &str, one: f64, other: f64| format!("{name} {} -> {}", whole(one), whole(other));
    match kind {
        ChangeKind::Rows => Some(amounts("rows", one.rows?, other.rows?)),
        ChangeKind::Estimate => Some(amounts("estimated rows", one.estimated?, other.estimated?)),
        ChangeKind::Pages => Some(amounts("pages", one.blocks as f64, other.blocks as f64)),
        _ => None,
    }
}
