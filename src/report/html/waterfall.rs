//! A request drawn in time: a table whose last column holds bars.

use std::io;

use detectors::figures::{count, counted, duration};
use detectors::finding::{Placed, WaitsFor, Waterfall, WaterfallRow};

use super::Text;
use crate::report::words::trace_or_place;

/// Rows deeper than this are not indented further.
const DEPTH_MAX: u64 = 12;

/// Writes it as measured and with the fix of this number, folded.
pub(super) fn write(waterfall: &Waterfall, number: usize, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(
        out,
        "<details><summary>a usual request that shows it: {}{}</summary>",
        trace_or_place(&waterfall.trace),
        Text(&waterfall.trace)
    )?;
    let [best_ns, worst_ns] = waterfall.fixed_ns;
    let measured = format!("as measured: {}", duration(waterfall.duration_ns));
    write_table(&measured, waterfall, |row| Some(row.measured), out)?;
    if waterfall.rows_left_out > 0 {
        let left_out = counted(waterfall.rows_left_out, "shorter row");
        writeln!(out, "<p class=\"faint\">{left_out}, left out</p>")?;
    }
    let fixed = format!(
        "with fix {number}, predicted: {} at best, {} at worst (drawn)",
        duration(best_ns),
        duration(worst_ns)
    );
    write_table(&fixed, waterfall, |row| row.fixed, out)?;
    writeln!(out, "</details>")
}

fn write_table(
    caption: &str,
    waterfall: &Waterfall,
    placed: impl Fn(&WaterfallRow) -> Option<Placed>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(
        out,
        "<table class=\"waterfall\"><caption>{caption}</caption>\n<thead><tr><th>operation</th>\
         <th class=\"figure\">time</th><th>when</th></tr></thead>\n<tbody>"
    )?;
    for row in &waterfall.rows {
        match placed(row) {
            Some(placed) => write_row(row, placed, waterfall.duration_ns, out)?,
            None if row.claimed => write_gone(row, out)?,
            None => {}
        }
    }
    writeln!(out, "</tbody></table>")
}

fn write_row(row: &WaterfallRow, placed: Placed, whole_ns: u64, out: &mut dyn io::Write) -> io::Result<()> {
    let percent = |ns: u64| ns as f64 * 100.0 / whole_ns.max(1) as f64;
    let calls = if placed.calls > 1 { format!("{} × ", count(placed.calls)) } else { String::new() };
    let class = class_of(row.waits_for);
    let state = match (row.waits_for, placed.path_ns) {
        (WaitsFor::Request, _) => "request",
        (_, 0) => "beside",
        _ => "on-path",
    };
    write_name(row, &calls, out)?;
    let busy_ns = placed.end_ns.saturating_sub(placed.duration_ns).max(placed.start_ns);
    let place = |from_ns: u64, to_ns: u64| {
        let width = percent(to_ns.saturating_sub(from_ns)).min(100.0);
        format!("left:{:.3}%;width:{width:.3}%;background:var(--{class})", percent(from_ns).min(100.0))
    };
    write!(out, "<td class=\"figure\">{}</td><td><div class=\"lane\">", duration(placed.duration_ns))?;
    if busy_ns > placed.start_ns {
        let between = place(placed.start_ns, busy_ns);
        write!(
            out,
            "<span class=\"between\" title=\"before and between the calls\" style=\"{between}\"></span>"
        )?;
    }
    writeln!(
        out,
        "<span class=\"{state}\" title=\"{} on the critical path\" style=\"{}\"></span></div></td></tr>",
        duration(placed.path_ns),
        place(busy_ns, placed.end_ns),
    )
}

fn write_gone(row: &WaterfallRow, out: &mut dyn io::Write) -> io::Result<()> {
    write_name(row, "", out)?;
    writeln!(out, "<td class=\"figure good\">gone</td><td></td></tr>")
}

fn write_name(row: &WaterfallRow, calls: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let class = if row.claimed { " class=\"claimed\"" } else { "" };
    let mark = if row.claimed { "▸ " } else { "" };
    write!(
        out,
        "<tr{class}><td class=\"name\" title=\"{0}\" style=\"padding-left:{1}rem\"><code>{mark}{calls}{0}</code></td>",
        Text(&row.text),
        row.depth.min(DEPTH_MAX) as f64 * 0.9 + 0.4,
    )
}

/// The class of the style sheet.
fn class_of(waits_for: WaitsFor) -> &'static str {
    match waits_for {
        WaitsFor::Database => "database",
        WaitsFor::Cache => "cache",
        WaitsFor::Call => "call",
        WaitsFor::PoolWait => "pool_wait",
        WaitsFor::LockWait => "lock_wait",
        WaitsFor::Own => "own",
        WaitsFor::Request => "request",
    }
}
