//! Lines with the same mark in front: quoted in a mail, or commented out.

use super::{Row, begins_plan};

/// Marks, the longer before the shorter.
const MARKS: [&str; 6] = ["> ", ">", "-- ", "# ", "// ", "* "];

/// Takes the mark off lines, where a plan begins behind one.
pub(super) fn take_off(rows: &[Row]) -> Option<Vec<Row>> {
    let mark = MARKS.into_iter().find(|mark| {
        let behind = rows.iter().filter_map(|row| row.text.strip_prefix(mark));
        // What is marked twice is marked.
        behind.clone().count() > 1
            && behind.into_iter().any(|text| begins_plan(text.trim_start_matches(['>', ' '])))
    })?;
    let take = |row: &Row| {
        let bare = mark.trim_end();
        let text = row.text.strip_prefix(mark).or_else(|| row.text.strip_prefix(bare)).unwrap_or(&row.text);
        Row::new(text, row.line)
    };
    Some(rows.iter().map(take).collect())
}
