//! Finds statements that sort or hash more than their memory holds and go on with temporary files.
//!
//! ## Why it is slow
//!
//! A database sorts, hashes and keeps intermediate results in memory up to a limit (`work_mem` in PostgreSQL), and
//! beyond it in temporary files, which it writes and reads again, often several times. The limit is small by
//! default, 4 MB, since each step of each statement may take it.
//!
//! ## What counts
//!
//! What the server's log says of temporary files (`log_temp_files = 0` in PostgreSQL), of executions that take at
//! least `time_min` and write at least `bytes_min`. And what a plan says of sorts on disk, hash tables in several
//! batches, and groups on disk.
//!
//! ## Stays silent
//!
//! - on statements that write little, or are quick all the same;
//! - on statements that build indexes or tables: they have a limit of their own (`maintenance_work_mem`);
//! - where neither log nor plan tells: traces never do.
//!
//! ## Remedy
//!
//! Sort less: an index that gives the order, a condition or a limit before the sort, fewer columns in it. Or more
//! memory for this statement alone. Best case, with an index: a twentieth of its time is left. Worst case, with memory
//! alone: seven tenths; in a recorded pair it was two thirds.
//!
//! ## How to check
//!
//! What the statement writes to temporary files: nothing, and its p95.

mod plan;

use crate::candidate::{Advice, Candidates, Case, Check, Remedy, ShortOf, Subject, Told, View};
use crate::evidence::UNKNOWN;
use crate::evidence::shape::sql::Verb;
use crate::figures::bytes;
use crate::finding::{Confidence, Unit};
use crate::group::Group;
use crate::nature::Nature;
use crate::settings::Setting;
use crate::wording::{brief, duration};
use crate::{Detector, Inspect};

const BYTES_MIN: Setting = Setting {
    name: "bytes_min",
    unit: "bytes",
    default: 100_000,
    why: "less is written and read within a millisecond",
};

const TIME_MIN: Setting =
    Setting { name: "time_min", unit: "ms", default: 10, why: "what is quicker has little to give back" };

pub(crate) const DETECTOR: Detector = Detector {
    id: "disk-spill",
    summary: "a statement sorts or hashes more than its memory holds, in temporary files",
    page: include_str!("disk_spill.rs"),
    settings: &[BYTES_MIN, TIME_MIN],
    inspect: Inspect::Request(Nature::MOVED, inspect),
    plan: Some(plan::inspect),
    confirm: None,
    logs: true,
    tell: Some(tell),
};

/// As for any slow statement: of two views of the same time the one that knows why is told.
const REMEDY: Remedy = Remedy::Shrink { best: 50, worst: 700 };

/// Rows take about so many times more room in memory than in temporary files.
const MEMORY_FOR_FILES: u64 = 3;

/// Memory is advised in steps of doublings from here.
const MEMORY_MIN: u64 = 8 << 20;

fn inspect(view: &View<'_>, found: &mut Candidates) {
    if !view.request.is_logged() {
        return;
    }
    for numbers in view.groups() {
        if let Some(group) = Group::of(view, numbers).filter(|group| group.verb() != Verb::Definition) {
            inspect_group(&group, found);
        }
    }
}

fn inspect_group(group: &Group<'_>, found: &mut Candidates) {
    let spilled = |number: &u32| {
        let written = group.view.operation(*number).response_bytes;
        (written != UNKNOWN).then_some((*number, u64::from(written)))
    };
    let spilling: Vec<(u32, u64)> = group.numbers.iter().filter_map(spilled).collect();
    let Some(most) = spilling.iter().map(|(_, written)| *written).max() else { return };
    let settings = &group.view.settings;
    let path_ns = group.view.path_ns(group.numbers);
    let (bytes_min, time_min) =
        (settings.get_for(&BYTES_MIN, group.shape), settings.get_for(&TIME_MIN, group.shape));
    let subject = Subject::Shape(group.first.shape);
    let candidate = found.push(subject, REMEDY, Confidence::Medium);
    candidate.repeats(spilling.len() as u64).bytes(most).claim(spilling.iter().map(|(number, _)| *number));
    if most < bytes_min {
        candidate.short_of(ShortOf { what: "bytes in temporary files", seen: most, needed: bytes_min });
    } else if path_ns < time_min.saturating_mul(1_000_000) {
        let seen = path_ns / 1_000_000;
        candidate.short_of(ShortOf { what: "ms", seen, needed: time_min });
    } else {
        group.mark_origin(candidate);
    }
}

fn tell(case: &Case<'_>) -> Told {
    let statement = brief(case.dictionary, case.shape());
    let memory = memory_for(case.bytes.max);
    Told {
        why: format!(
            "it writes up to {} to temporary files, and reads them again: p50 {}, p95 {} each",
            bytes(case.bytes.max),
            duration(case.single_ns.0),
            duration(case.single_ns.1)
        ),
        fix: vec![
            Advice::new(
                "sort and hash less: an index in the order that is asked for, conditions and limits before the sort, \
                 only the columns that are needed",
                "an index costs each write to its table, and space",
            ),
            Advice::new(
                format!(
                    "give this statement more memory: SET LOCAL work_mem = '{} MB' in its transaction, or ALTER ROLE for \
                     who runs it (rows take about {MEMORY_FOR_FILES} times as much in memory as in files)",
                    memory >> 20
                ),
                "each sort and hash of each connection that is set so may take it: not for the whole server",
            ),
        ],
        verify: Check {
            metric: format!("p95 of {statement}"),
            unit: Unit::Ns,
            now: case.single_ns.1,
            expected: case.single_ns.1 / 1000 * 375,
        },
        confidence: None,
        dismissed: None,
    }
}

/// The memory in which what was written would have found room, in doublings of [`MEMORY_MIN`].
fn memory_for(written: u64) -> u64 {
    let needed = written.saturating_mul(MEMORY_FOR_FILES).max(MEMORY_MIN);
    needed.checked_next_power_of_two().unwrap_or(needed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TraceBuilder, trace};

    const SORTED: &str = "SELECT * FROM events ORDER BY payload";

    /// A session whose statement takes so many milliseconds and writes so much.
    fn session(text: &'static str, ms: f64, written: u32) -> TraceBuilder {
        trace().execution(text, 0.0, ms, written)
    }

    #[test]
    fn a_sort_in_files_is_told_with_the_memory_that_would_do() {
        let report = trace().judge(5, |_, _| session(SORTED, 800.0, 30_000_000));
        let finding = &report.findings[0];
        assert_eq!(finding.detector, "disk-spill");
        assert!(finding.why.contains("up to 30 MB"), "{}", finding.why);
        assert!(finding.fix[1].text.contains("work_mem = '128 MB'"), "{:?}", finding.fix);
        assert!(finding.also.iter().any(|also| also.starts_with("slow-query")), "{:?}", finding.also);
    }

    #[test]
    fn silent_on_little_and_quick_ones_and_on_definitions() {
        for (text, ms, written) in [
            (SORTED, 800.0, 20_000),
            (SORTED, 5.0, 30_000_000),
            ("CREATE INDEX ON events(payload)", 800.0, 30_000_000),
            (SORTED, 800.0, UNKNOWN),
        ] {
            let report = trace().judge(5, |_, _| session(text, ms, written));
            assert!(
                report.findings.iter().all(|finding| finding.detector != "disk-spill"),
                "{text} {ms} {written}"
            );
        }
    }

    #[test]
    fn memory_is_advised_in_doublings() {
        assert_eq!([0, 4_000_000, 700_000_000].map(|written| memory_for(written) >> 20), [8, 16, 2_048]);
    }
}
