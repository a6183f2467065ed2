//! Finds statements that write whole pages into the write-ahead log.
//!
//! ## Why it is slow
//!
//! The first change of a page after a checkpoint writes the whole page into the log, 8 KiB for a row of a hundred bytes. Where
//! checkpoints come often, or changes hit pages at random, such as by random keys, that is most of what is written.
//!
//! ## What counts
//!
//! Changes of rows of whose log at least `share_min` are whole pages, and at least `pages_min` of them.
//!
//! ## Stays silent
//!
//! - on plans without `EXPLAIN (WAL)`;
//! - where few whole pages are written.
//!
//! ## Remedy
//!
//! Checkpoints further apart, and compression of whole pages. Best case: half of the time of the change is left. Worst
//! case: all of it, as the log may not be what it waits for.
//!
//! ## How to check
//!
//! `WAL: records=… fpi=… bytes=…` of the statement some time after a checkpoint.

use crate::evidence::plan::{Key, NodeType};
use crate::figures::{bytes, count, share};
use crate::finding::Confidence;
use crate::plans::{PlanView, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

const SHARE_MIN: Setting = Setting {
    name: "share_min",
    unit: "% of the bytes of the log",
    default: 50,
    why: "below, it is mostly the rows themselves that are written",
};

const PAGES_MIN: Setting = Setting {
    name: "pages_min",
    unit: "whole pages",
    default: 1_000,
    why: "fewer are written in a few milliseconds",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "wal-cost",
    summary: "a change of rows writes whole pages into the write-ahead log",
    page: include_str!("wal_cost.rs"),
    settings: &[SHARE_MIN, PAGES_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

/// Bytes of a page.
const PAGE: u64 = 8_192;

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    for (number, node) in view.nodes().filter(|(_, node)| node.node_type == NodeType::ModifyTable) {
        let (pages, written) = (node.facts.count(Key::WalFpi), node.facts.count(Key::WalBytes));
        if pages == 0 {
            continue;
        }
        // Compressed pages are smaller: no more than all.
        let of_pages = pages.saturating_mul(PAGE).min(written);
        let subject = format!("log of {}", view.target(number));
        let is_little = pages < settings.get(&PAGES_MIN);
        if is_little || of_pages.saturating_mul(100) < written.saturating_mul(settings.get(&SHARE_MIN)) {
            let reason = format!("{} whole pages of {} of log", count(pages), bytes(written));
            problems.dismiss(number, subject, reason);
            continue;
        }
        problems
            .push(number, subject, Confidence::Low)
            .claim(number, 500, 1000)
            .because(format!(
                "{} of its log are whole pages, {} of {}: their first change after a checkpoint",
                share(of_pages, written),
                count(pages),
                bytes(written),
            ))
            .advise("raise max_wal_size and checkpoint_timeout, so that checkpoints are further apart", "a start after a crash takes longer")
            .advise("wal_compression = on (lz4 or zstd from 15 on)", "it takes processor time")
            .advise("keys that grow (identity, UUID version 7) instead of random ones: new rows then share their pages", "")
            .check(format!("whole pages (fpi): {} now", count(pages)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn changed(pages: f64, written: f64) -> Sketch {
        sketch()
            .node(0, NodeType::ModifyTable, 300.0, 0.0, 1)
            .text(Key::RelationName, "events")
            .number(Key::WalFpi, pages)
            .number(Key::WalBytes, written)
            .node(1, NodeType::SeqScan, 50.0, 1e4, 1)
    }

    #[test]
    fn whole_pages_are_a_lead() {
        let report = changed(8_000.0, 70e6).judged();
        let problem = report.only("wal-cost");
        assert_eq!((&*problem.subject, problem.confidence), ("log of events", Confidence::Low));
        assert_eq!(problem.gain_range_ns, Some([0, 125_000_000]));
    }

    #[test]
    fn silent_on_few_pages_and_where_rows_make_up_the_log() {
        changed(10.0, 90e3).judged().silent("wal-cost");
        changed(2_000.0, 70e6).judged().silent("wal-cost");
        changed(0.0, 70e6).judged().silent("wal-cost");
    }
}
