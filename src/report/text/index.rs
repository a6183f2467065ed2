//! Advice about indexes for people: what to create, whom it helps, and which statements get none and why.

use std::io;

use detectors::figures::{bytes, count, counted, duration};
use detectors::indexes::{
    ExistingIndex, Helped, IndexAdvice, MeasuredEffect, PlannerSays, Proof, Proposal, RefusalKind,
    StatementAdvice,
};
use detectors::wording::without_columns;

use super::ink::{Ink, Line};
use super::page::Page;
use crate::report::Style;

/// Statements that are named of those without a plan, unless all are asked for.
const UNPLANNED: usize = 20;

/// Statements that a proposal names, unless all are asked for.
const HELPED: usize = 5;

pub(super) fn write(advice: &IndexAdvice, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page { style, out };
    if advice.proposals.is_empty() {
        page.line(Line::default().with(Ink::Plain, "No index is proposed."))?;
    }
    for (number, proposal) in (1..).zip(&advice.proposals) {
        if number > 1 {
            page.blank()?;
        }
        write_proposal(&mut page, advice, number, proposal)?;
    }
    disproved(&mut page, advice)?;
    refused(&mut page, advice)?;
    existing(&mut page, &advice.existing)?;
    notes(&mut page, &advice.notes)
}

fn notes(page: &mut Page<'_>, notes: &[String]) -> io::Result<()> {
    if !notes.is_empty() {
        page.blank()?;
    }
    notes.iter().try_for_each(|note| page.prose(Line::at(0).with(Ink::Faint, "note  "), Ink::Faint, note))
}

fn write_proposal(
    page: &mut Page<'_>,
    advice: &IndexAdvice,
    number: usize,
    proposal: &Proposal,
) -> io::Result<()> {
    let is_proven = proposal.proof == Proof::Proven;
    let saved = proposal.saved_ns.map_or(Line::default(), |saved| {
        let predicted = if is_proven { "predicted to give back" } else { "gives back" };
        Line::default().with(Ink::Figure, format!("{predicted} {}", duration(saved)))
    });
    let title = Line::default().with(Ink::Figure, format!("{number}  ")).with(Ink::Title, &proposal.table);
    let known = match (proposal.proof, proposal.planner) {
        (Proof::Proven, _) => "   proven",
        (Proof::Unproven, None) => "   predicted, unproven",
        (Proof::Unproven, Some(PlannerSays::WouldUse)) => "   predicted; the planner would use it (HypoPG)",
        (Proof::Unproven, Some(PlannerSays::Unclear)) => "   predicted, unproven; HypoPG cannot tell",
    };
    page.line_and_right(title.with(Ink::Faint, known), saved, 3)?;
    page.prose(label("create"), Ink::Plain, &format!("{};", proposal.ddl))?;
    write_measured(page, advice, proposal)?;
    write_predicted(page, advice, proposal)?;
    page.prose(label("costs"), Ink::Plain, &costs(proposal))?;
    proposal.notes.iter().try_for_each(|text| page.prose(label("note"), Ink::Plain, text))?;
    for other in proposal.others.iter().filter(|_| page.style.verbose) {
        page.prose(label("not"), Ink::Faint, &format!("{}: {}", other.ddl, other.reason))?;
    }
    Ok(())
}

fn label(label: &str) -> Line {
    Line::at(3).with(Ink::Faint, format!("{label:<8}"))
}

/// What was measured comes before what was predicted.
fn write_measured(page: &mut Page<'_>, advice: &IndexAdvice, proposal: &Proposal) -> io::Result<()> {
    for (place, effect) in proposal.measured.iter().take(told(page, HELPED)).enumerate() {
        page.prose(label(if place == 0 { "tried" } else { "" }), Ink::Plain, &measured(advice, effect))?;
        let statement = advice.statements.get(effect.statement).map_or("", |statement| &*statement.text);
        page.prose(label(""), Ink::Faint, &brief(statement))?;
    }
    Ok(())
}

fn write_predicted(page: &mut Page<'_>, advice: &IndexAdvice, proposal: &Proposal) -> io::Result<()> {
    let most = told(page, HELPED);
    let is_tried =
        |helped: &Helped| proposal.measured.iter().any(|effect| effect.statement == helped.statement);
    for (place, helped) in proposal.helps.iter().take(most).enumerate() {
        let statement = &advice.statements[helped.statement];
        let predicted = if proposal.measured.is_empty() { "" } else { "predicted: " };
        let text = format!("{predicted}{}", helps(statement, helped));
        page.prose(label(if place == 0 { "helps" } else { "" }), Ink::Plain, &text)?;
        if !is_tried(helped) {
            page.prose(label(""), Ink::Faint, &brief(&statement.text))?;
        }
    }
    match proposal.helps.len().checked_sub(most).filter(|more| *more > 0) {
        Some(more) => {
            page.prose(label(""), Ink::Faint, &format!("and {} more: -v", counted(more as u64, "statement")))
        }
        None => Ok(()),
    }
}

/// How many of a kind are told, unless all are asked for.
fn told(page: &Page<'_>, most: usize) -> usize {
    if page.style.verbose { usize::MAX } else { most }
}

fn helps(statement: &StatementAdvice, helped: &Helped) -> String {
    let [least, middle, most] = helped.factors.map(factor);
    let times = format!("about {middle} times faster ({least} to {most})");
    let together = if statement.proposals.len() > 1 { ", with the other indexes for it" } else { "" };
    match (helped.now_ns, helped.after_ns) {
        (Some(now), Some([best, worst])) => format!(
            "{}: {} -> {} to {}, {times}{together}",
            statement.place,
            duration(now),
            duration(best),
            duration(worst)
        ),
        _ => format!("{}: {times}, by its estimated cost{together}", statement.place),
    }
}

/// A factor with as many digits as it deserves.
fn factor(times: f64) -> String {
    if times < 10.0 { format!("{times:.1}") } else { count(times.round() as u64) }
}

fn costs(proposal: &Proposal) -> String {
    let size = proposal.bytes.map_or("size not known".to_owned(), |size| format!("about {}", bytes(size)));
    format!("{size}, and about {} for each row that is written", duration(proposal.write_cost_ns))
}

fn brief(statement: &str) -> String {
    without_columns(statement).unwrap_or_else(|| statement.to_owned())
}

/// A statement before and after, as it was executed.
fn measured(advice: &IndexAdvice, effect: &MeasuredEffect) -> String {
    let statement = advice.statements.get(effect.statement).map_or("", |statement| &*statement.place);
    let values = match effect.values {
        "most-common" => " with the most common values",
        "usual" => " with usual values",
        _ => " with recorded values",
    };
    let search = if effect.is_search_only { ", the search for its rows alone" } else { "" };
    let pages = format!("{} -> {} pages", count(effect.before_blocks), count(effect.after_blocks));
    let change = |before: u64, after: u64| format!("{} -> {}", duration(before), duration(after));
    let times = |before: u64, after: u64| factor(before.max(1) as f64 / after.max(1) as f64);
    let passed = change(effect.before_ns, effect.after_ns);
    let time = match effect.before_cpu_ns.zip(effect.after_cpu_ns) {
        Some((before, after)) => {
            format!(
                "{} of CPU time, {} times less, {passed} in all",
                change(before, after),
                times(before, after)
            )
        }
        None => format!("{passed}, {} times faster", times(effect.before_ns, effect.after_ns)),
    };
    format!("{statement}{values}: {time}, {pages}{search}")
}

fn disproved(page: &mut Page<'_>, advice: &IndexAdvice) -> io::Result<()> {
    if advice.disproved.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.line(Line::default().with(Ink::Title, "Tried and not proposed"))?;
    for index in &advice.disproved {
        page.prose(Line::at(3), Ink::Plain, &format!("{}: {}", index.ddl, index.reason))?;
    }
    Ok(())
}

fn refused(page: &mut Page<'_>, advice: &IndexAdvice) -> io::Result<()> {
    let of = |statement: &StatementAdvice| statement.refusal.as_ref().map(|refusal| refusal.kind);
    let hidden = |kind: RefusalKind| kind == RefusalKind::NoTable && !page.style.verbose;
    let refused =
        advice.statements.iter().filter(|statement| of(statement).is_some_and(|kind| !hidden(kind)));
    let (unplanned, refused): (Vec<&StatementAdvice>, Vec<_>) =
        refused.partition(|statement| of(statement) == Some(RefusalKind::NoPlan));
    if !refused.is_empty() {
        page.blank()?;
        page.line(Line::default().with(Ink::Title, "No index for"))?;
    }
    for statement in refused {
        let Some(refusal) = &statement.refusal else { continue };
        page.prose(
            Line::at(3),
            Ink::Plain,
            &format!("{}{}: {}", statement.place, executed(statement), refusal.reason),
        )?;
        page.prose(Line::at(5), Ink::Faint, &brief(&statement.text))?;
        if let Some(rewrite) = &refusal.rewrite {
            page.prose(Line::at(5).with(Ink::Faint, "rewrite  "), Ink::Plain, rewrite)?;
        }
    }
    without_plan(page, &unplanned)
}

/// Statements of which nothing can be said without a plan, with what would help once for all.
fn without_plan(page: &mut Page<'_>, unplanned: &[&StatementAdvice]) -> io::Result<()> {
    let Some(refusal) = unplanned.first().and_then(|first| first.refusal.as_ref()) else { return Ok(()) };
    page.blank()?;
    page.line(Line::default().with(Ink::Title, "Not known without a plan"))?;
    page.prose(Line::at(3), Ink::Plain, &refusal.reason)?;
    let most = told(page, UNPLANNED);
    for statement in unplanned.iter().take(most) {
        page.prose(Line::at(3), Ink::Plain, &format!("{}{}", statement.place, executed(statement)))?;
        page.prose(Line::at(5), Ink::Faint, &brief(&statement.text))?;
    }
    match unplanned.len().checked_sub(most).filter(|more| *more > 0) {
        Some(more) => page.prose(
            Line::at(3),
            Ink::Faint,
            &format!("and {} more: -v", counted(more as u64, "statement")),
        ),
        None => Ok(()),
    }
}

/// How often a statement was executed and how long that took, where that is known.
fn executed(statement: &StatementAdvice) -> String {
    let times = || counted(statement.executions, "execution");
    statement.time_ns.map_or(String::new(), |time| format!(", {} of {} together", times(), duration(time)))
}

fn existing(page: &mut Page<'_>, indexes: &[ExistingIndex]) -> io::Result<()> {
    if indexes.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.line(Line::default().with(Ink::Title, "Indexes that are there"))?;
    for index in indexes {
        let size = index.bytes.map_or(String::new(), |size| format!(" ({})", bytes(size)));
        page.prose(
            Line::at(3),
            Ink::Plain,
            &format!("{} on {}{size}: {}", index.name, index.table, index.reason),
        )?;
        if let Some(ddl) = &index.ddl {
            page.prose(Line::at(5), Ink::Faint, &format!("{ddl};"))?;
        }
    }
    Ok(())
}
