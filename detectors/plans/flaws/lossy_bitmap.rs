//! Finds bitmaps that forget which rows they mean, for want of memory.
//!
//! ## Why it is slow
//!
//! A bitmap of an index remembers for each page of the table which rows to look at. Where that does not fit into `work_mem`
//! it remembers only the page, and each row of the page is read and checked again.
//!
//! ## What counts
//!
//! Bitmaps of which at least `lossy_min` of the pages are remembered without their rows, and at least some with them.
//!
//! ## Stays silent
//!
//! - where all pages are without rows: indexes of kind BRIN know no rows, however much memory there is;
//! - where the check throws next to nothing away: then each row of those pages is wanted.
//!
//! ## Remedy
//!
//! More `work_mem` for this statement: a page takes about 64 bytes. Best case: the rows that the check throws away are not
//! read. Worst case: half of the time that they take comes back.
//!
//! ## How to check
//!
//! `Heap Blocks: exact=… lossy=…` of the scan: no lossy ones.

use crate::evidence::plan::{Key, Node, NodeType};
use crate::figures::{count, share};
use crate::finding::Confidence;
use crate::plans::{PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

use super::{left, removed, rows};

const LOSSY_MIN: Setting = Setting {
    name: "lossy_min",
    unit: "% of the pages",
    default: 10,
    why: "the rows of a few pages are quickly checked",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "lossy-bitmap",
    summary: "a bitmap does not fit into memory, and whole pages are checked again",
    page: include_str!("lossy_bitmap.rs"),
    settings: &[LOSSY_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// Memory that a bitmap takes for one page of the table (`PagetableEntry` and its place in a hash table), in bytes.
const BYTES_A_PAGE: u64 = 64;

/// The default of `work_mem`, from which memory is advised in doublings.
const MEMORY_MIN: u64 = 8 << 20;

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    for (number, node) in view.nodes().filter(|(_, node)| node.node_type == NodeType::BitmapHeapScan) {
        let (exact, lossy) = (node.facts.count(Key::ExactHeapBlocks), node.facts.count(Key::LossyHeapBlocks));
        if lossy == 0 {
            continue;
        }
        let subject = format!("bitmap of {}", view.target(number));
        let pages = exact.saturating_add(lossy);
        if exact == 0 {
            problems.dismiss(
                number,
                subject,
                "no page is remembered with its rows: that is how BRIN indexes are",
            );
        } else if lossy.saturating_mul(100) < pages.saturating_mul(settings.get(&LOSSY_MIN)) {
            let reason = format!("{} of {} pages are without their rows", count(lossy), count(pages));
            problems.dismiss(number, subject, reason);
        } else {
            tell(problems.push(number, subject, Confidence::High), number, node);
        }
    }
}

fn tell(problem: &mut crate::plans::Problem, number: u32, node: &Node) {
    let (exact, lossy) = (node.facts.count(Key::ExactHeapBlocks), node.facts.count(Key::LossyHeapBlocks));
    let pages = exact.saturating_add(lossy);
    let rechecked = removed(node, Key::RowsRemovedByIndexRecheck);
    let wanted = node.rows().unwrap_or(0.0) + removed(node, Key::RowsRemovedByFilter);
    let read = wanted + rechecked;
    problem
        .claim(number, left(wanted, read), left(wanted + rechecked / 2.0, read))
        .because(format!(
            "the bitmap did not fit into work_mem: of {} of {} pages ({}) it knows no rows, so that {} rows are read in vain",
            count(lossy),
            count(pages),
            share(lossy, pages),
            rows(rechecked),
        ))
        .advise(
            format!("SET LOCAL work_mem = '{} MB' for this statement alone", memory(pages) >> 20),
            "each sort and hash of the statement may take it, in each process",
        )
        .check(format!("lossy heap blocks of this node: {} now, none then", count(lossy)));
}

/// Memory in which a bitmap of so many pages finds room, in bytes: its hash table grows in doublings.
fn memory(pages: u64) -> u64 {
    let needed = pages.saturating_mul(BYTES_A_PAGE).saturating_mul(2).max(MEMORY_MIN);
    needed.checked_next_power_of_two().unwrap_or(needed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn bitmap(exact: f64, lossy: f64, rechecked: f64) -> Sketch {
        sketch()
            .node(0, NodeType::BitmapHeapScan, 400.0, 5e4, 1)
            .text(Key::RelationName, "events")
            .number(Key::ExactHeapBlocks, exact)
            .number(Key::LossyHeapBlocks, lossy)
            .number(Key::RowsRemovedByIndexRecheck, rechecked)
    }

    #[test]
    fn pages_without_their_rows_are_told() {
        let report = bitmap(50_000.0, 150_000.0, 1.5e5).judged();
        let problem = report.only("lossy-bitmap");
        assert_eq!(problem.gain_range_ns, Some([150_000_000, 300_000_000]));
        assert!(problem.fix[0].text.contains("'32 MB'"), "{:?}", problem.fix);
    }

    #[test]
    fn silent_on_brin_on_few_pages_and_where_each_row_is_wanted() {
        bitmap(0.0, 200_000.0, 1.5e5).judged().silent("lossy-bitmap");
        bitmap(200_000.0, 2_000.0, 1.5e5).judged().silent("lossy-bitmap");
        bitmap(50_000.0, 150_000.0, 0.0).judged().silent("lossy-bitmap");
    }
}
