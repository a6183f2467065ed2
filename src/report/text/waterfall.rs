//! One finding with a request that shows it, drawn in time: as measured, and with the fix.

use std::io;

use detectors::figures::{count, counted, duration};
use detectors::finding::{Placed, Report, Waterfall, WaterfallRow};

use super::ink::{Ink, Line};
use super::page::Page;
use super::{Shown, Told, finding, fit, is_at, title};
use crate::report::words::{is_unmeasured, trace_or_place};

/// Where the rows begin.
const INDENT: usize = 2;

/// Rows deeper than this are not indented further.
const DEPTH_MAX: u64 = 12;

/// Columns of a time.
const TIME_WIDTH: usize = 9;

/// Of a narrow page bars take so many columns at least.
const BAR_MIN: usize = 16;

/// On the critical path: shortening it makes the request faster.
const ON_PATH: &str = "█";

/// Beside the critical path.
const BESIDE: &str = "░";

/// Before and between the calls of a run.
const BETWEEN: &str = "·";

/// Marks what the fix changes.
const CLAIMED: &str = "▸ ";

/// Writes the finding of a number.
pub(super) fn write(
    page: &mut Page<'_>,
    report: &Report,
    shown: &Shown<'_>,
    number: usize,
) -> io::Result<()> {
    let Some(told) = shown.findings.iter().copied().find(|told| told.number == number) else {
        return page.line(Line::default().with(Ink::Plain, format!("there is no finding {number}")));
    };
    let endpoint = report.endpoints.iter().find(|endpoint| is_at(told.finding, endpoint));
    if let Some(endpoint) = endpoint {
        super::endpoint::write_head(page, endpoint)?;
        page.blank()?;
    }
    finding::write(page, Told { whole: true, ..told }, endpoint, shown)?;
    page.blank()?;
    match &told.finding.waterfall {
        Some(waterfall) => draw(page, waterfall, number),
        None => {
            let why = match told.finding.gain.total_bytes {
                Some(_) => "no span holds the time that its bytes take: there is nothing to draw",
                None if is_unmeasured(&told.finding.gain) => {
                    "its times are not in this log: there is nothing to draw"
                }
                None => "no request that shows it was kept whole",
            };
            page.line(Line::at(INDENT).with(Ink::Plain, why))
        }
    }
}

fn draw(page: &mut Page<'_>, waterfall: &Waterfall, number: usize) -> io::Result<()> {
    let Waterfall { rows, duration_ns, fixed_ns: [best_ns, worst_ns], .. } = waterfall;
    let scale = Scale::of(page, waterfall);
    let trace =
        Line::default().with(Ink::Faint, format!("{}{}", trace_or_place(&waterfall.trace), waterfall.trace));
    page.line_and_right(title("  a usual request that shows it"), trace, INDENT)?;
    let legend = [
        format!("{ON_PATH} on the critical path"),
        format!("{BESIDE} beside it"),
        format!("{BETWEEN} before and between the calls of a run"),
        format!("{CLAIMED}what the fix changes"),
    ];
    page.flow(Line::at(INDENT), legend.map(|part| Line::default().with(Ink::Faint, part)))?;
    page.blank()?;
    page.line(head("as measured", &format!("{} in all", duration(*duration_ns))))?;
    for row in rows {
        scale.row(page, row, Some(row.measured))?;
    }
    if waterfall.rows_left_out > 0 {
        let text = format!("{}, left out", counted(waterfall.rows_left_out, "shorter row"));
        page.line(Line::at(INDENT).with(Ink::Faint, text))?;
    }
    page.blank()?;
    let range = match best_ns == worst_ns {
        true => format!("{} in all, predicted", duration(*best_ns)),
        false => {
            format!(
                "{} in all at best, {} at worst (drawn), predicted",
                duration(*best_ns),
                duration(*worst_ns)
            )
        }
    };
    page.line(head(&format!("with fix {number}"), &range))?;
    for row in rows.iter().filter(|row| row.fixed.is_some() || row.claimed) {
        scale.row(page, row, row.fixed)?;
    }
    Ok(())
}

fn head(name: &str, figures: &str) -> Line {
    Line::at(INDENT).with(Ink::Title, name).with(Ink::Plain, "   ").with(Ink::Plain, figures)
}

/// How wide the columns are, and how long a bar.
struct Scale {
    text: usize,
    bar: usize,
    duration_ns: u64,
}

impl Scale {
    fn of(page: &Page<'_>, waterfall: &Waterfall) -> Self {
        let widths = waterfall.rows.iter().map(|row| name(row, row.measured, usize::MAX).width());
        let widest = widths.max().unwrap_or(0);
        let room = page.room(INDENT + 1 + TIME_WIDTH + 2);
        let text = widest.min((room / 2).max(room.saturating_sub(BAR_MIN * 3)));
        let bar = room.saturating_sub(text).max(BAR_MIN);
        Self { text, bar, duration_ns: waterfall.duration_ns.max(1) }
    }

    fn row(&self, page: &mut Page<'_>, row: &WaterfallRow, placed: Option<Placed>) -> io::Result<()> {
        let name = name(row, placed.unwrap_or(row.measured), self.text);
        let line = Line::at(INDENT).then(name).pad_to(INDENT + self.text);
        let time = placed.map_or_else(|| "gone".to_owned(), |placed| duration(placed.duration_ns));
        let line = line.pad_to(line_end(self.text, &time)).with(Ink::Plain, time).with(Ink::Plain, "  ");
        page.line(match placed {
            Some(placed) => line.then(self.bar(placed)),
            None => line,
        })
    }

    /// A bar where the operation lies, at least one column long.
    fn bar(&self, placed: Placed) -> Line {
        let column = |ns: u64| {
            (u128::from(ns) * self.bar as u128 / u128::from(self.duration_ns)).min(self.bar as u128) as usize
        };
        let busy_ns = placed.end_ns.saturating_sub(placed.duration_ns);
        let from = column(busy_ns.max(placed.start_ns)).min(self.bar - 1);
        let begin = column(placed.start_ns).min(from);
        let to = column(placed.end_ns).max(from + 1);
        let (ink, sign) = if placed.path_ns > 0 { (Ink::Bar, ON_PATH) } else { (Ink::Faint, BESIDE) };
        Line::at(begin).with(Ink::Faint, BETWEEN.repeat(from - begin)).with(ink, sign.repeat(to - from))
    }
}

/// Times stand at the right of their column.
fn line_end(text: usize, time: &str) -> usize {
    INDENT + text + (TIME_WIDTH + 1).saturating_sub(time.chars().count())
}

/// `200 × SELECT …`, as deep as it lies, in so many columns.
fn name(row: &WaterfallRow, placed: Placed, width: usize) -> Line {
    let indent = 2 * row.depth.min(DEPTH_MAX) as usize;
    let mark = if row.claimed { CLAIMED } else { "  " };
    let calls = if placed.calls > 1 { format!("{} × ", count(placed.calls)) } else { String::new() };
    let ink = if row.claimed { Ink::Flaw } else { Ink::Plain };
    let line = Line::at(indent).with(Ink::Flaw, mark).with(Ink::Figure, calls);
    let room = width.saturating_sub(line.width()).max(1);
    line.with(ink, fit::shorten(&row.text, room))
}
