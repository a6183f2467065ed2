//! Tables: cells below each other, as wide as they need to be and as there is room for.

use std::io;

use super::ink::Line;
use super::page::Page;

/// Where a table begins.
const INDENT: usize = 2;

/// What is left of an endpoint's name in a narrow table.
const NAME_MIN: usize = 10;

/// Columns between the cells of a table.
const GAP: usize = 2;

/// Cells below each other. Where a line is too long the names (the second column) give way; where
/// that is not enough the last cell goes below.
pub(super) fn write_table(page: &mut Page<'_>, rows: Vec<Vec<Line>>) -> io::Result<()> {
    let columns = rows.first().map_or(0, Vec::len);
    let widest = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..columns).map(widest).collect();
    let name = widths.get(1).copied().unwrap_or(0);
    let room = |shown: &[usize]| {
        let taken: usize = shown.iter().filter(|width| **width > 0).map(|width| width + GAP).sum();
        name.saturating_sub((INDENT + taken).saturating_sub(page.style.width + GAP))
    };
    let least = NAME_MIN.min(name);
    let rooms = [room(&widths), room(&widths[..columns.saturating_sub(1)])];
    if let Some(width) = widths.get_mut(1) {
        *width = rooms.into_iter().find(|room| *room >= least).unwrap_or(least);
    }
    for row in rows {
        let mut line = Line::at(INDENT);
        let shown = row.into_iter().zip(&widths).enumerate().filter(|(_, (_, width))| **width > 0);
        for (column, (cell, width)) in shown {
            if column + 1 == columns && line.width() + cell.width() > page.style.width {
                page.line(std::mem::replace(&mut line, Line::at(INDENT + GAP)))?;
            }
            let end = line.width() + width + GAP;
            line = line.then(cell.shortened(*width)).pad_to(end);
        }
        page.line(line)?;
    }
    Ok(())
}
