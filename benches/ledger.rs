//! What a large ledger costs: processor time of listing, asking why and verifying 10,000 entries.
//!
//! Each entry is an optimization with ten runs a side of 500 requests, as `whyslow measure` makes them. They are committed to a
//! repository of git, whose own processor time counts too.
//! `cargo bench -p whyslow-ledger --bench ledger` prints these, the table of docs/ledger.md; `-- 1000` takes fewer.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]
#![allow(clippy::unwrap_used, reason = "a bench ends where something is not as expected")]
#![allow(missing_docs, reason = "a program")]

use std::fs;
use std::path::Path;

use ledger::owners::Owners;
use ledger::{
    Change, Conclusion, EntryId, Git, Known, Ledger, Optimization, Plan, Reasons, Side, Touched, Version,
    What, Workload, entries_of, moment, verify, written,
};
use measurement::{Histogram, Latency, Load, Run, Sample};
use sha2::{Digest, Sha256};

const ENTRIES: u64 = 10_000;
const RUNS: u32 = 10;
const REQUESTS: u64 = 500;

fn main() {
    let count = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(ENTRIES);
    let folder = tempfile::tempdir().unwrap();
    let git = repository(folder.path());
    let bytes = fill(folder.path(), count);
    git.run(&["add", "--all"]).unwrap();
    git.run(&["commit", "--quiet", "--message", "entries"]).unwrap();
    println!("{count} entries, {} MB\n", bytes / 1_000_000);
    let ledger = Ledger::of(folder.path());
    measured("list", || assert_eq!(ledger.notes().unwrap().entries.len() as u64, count));
    measured("why", || {
        let notes = ledger.notes().unwrap();
        let because = Owners::of(&git, &notes).why("src/orders.rs", Some(1)).unwrap();
        assert_eq!((because.own.len() + because.near.len()) as u64, count);
    });
    let mut known = Known::default();
    for name in ["verify, the first time", "verify again"] {
        measured(name, || assert_verified(&ledger, &git, &mut known, count));
    }
    measured("verify --base", || {
        let mut known = Known::default();
        known.vouch(entries_of(&git, "HEAD").unwrap());
        assert_verified(&ledger, &git, &mut known, count);
    });
}

fn assert_verified(ledger: &Ledger, git: &Git, known: &mut Known, count: u64) {
    let found = verify(ledger, Some(git), known).unwrap();
    assert_eq!((found.entries as u64, found.problems), (count, Vec::new()));
}

/// Prints the processor time of a piece of work and of the processes that it starts.
fn measured(name: &str, work: impl FnOnce()) {
    let before = processor_s();
    work();
    println!("{name:24} {:.2} s", processor_s() - before);
}

/// Processor time of this process and of those that it has waited for, in user and system.
fn processor_s() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = text.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(4).map(|field| field.parse::<u64>().unwrap());
    ticks.sum::<u64>() as f64 / 100.0
}

fn repository(folder: &Path) -> Git {
    Git::at(folder).run(&["init", "--quiet"]).unwrap();
    let git = Git::find(folder).unwrap();
    git.run(&["config", "user.name", "Ada"]).unwrap();
    git.run(&["config", "user.email", "ada@example.org"]).unwrap();
    // It would pack the entries in the background, and take the processor from what is measured.
    git.run(&["config", "gc.auto", "0"]).unwrap();
    git.run(&["config", "maintenance.auto", "false"]).unwrap();
    fs::create_dir(folder.join("src")).unwrap();
    fs::write(folder.join("src/orders.rs"), "one\n").unwrap();
    git
}

/// Writes entries, each the parent of the next; how many bytes they have.
fn fill(folder: &Path, count: u64) -> usize {
    let mut parents: Vec<EntryId> = Vec::new();
    let mut bytes = 0;
    for number in 0..count {
        let created = moment::moment(1_700_000_000 + number * 3_600);
        let entry = written("Ada <ada@example.org>", &created, &parents, &entry(number)).unwrap();
        let place = folder.join(".whyslow/ledger").join(created[..7].replace('-', "/"));
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(format!("{}.json", entry.id)), &entry.bytes).unwrap();
        bytes += entry.bytes.len();
        parents = vec![entry.id];
    }
    bytes
}

fn entry(number: u64) -> What {
    let (before, after) = (side(number, 0, 100), side(number, 1, 60));
    let mut plan = Plan::new(format!("change {number}"), 1_700_000_000 + number, "p50".parse().unwrap());
    plan.subject = "GET /orders".to_owned();
    let touched = Touched { path: "src/orders.rs".to_owned(), lines: vec![[10, 14]], patch_id: None };
    let change = Change {
        before: before.version.clone(),
        after: after.version.clone(),
        files: vec![touched],
        ..Change::default()
    };
    let conclusion = Conclusion::of(&plan, &change, [&before, &after], None);
    What::Optimization(Box::new(Optimization {
        plan,
        change,
        reasons: Reasons::default(),
        before,
        after,
        unchanged: None,
        confounded: None,
        conclusion,
        guards: Vec::new(),
        supersedes: Vec::new(),
    }))
}

fn side(number: u64, first_slot: u32, median_ms: u64) -> Side {
    let run = |index: u32| {
        let first = (number * 2 + u64::from(first_slot)) * u64::from(RUNS) + u64::from(index);
        let durations = (0..REQUESTS).map(|step| duration_ns(median_ms, first * REQUESTS + step));
        let sample = Sample {
            requests: REQUESTS,
            errors: Some(0),
            latency: Latency::Histogram { histogram: durations.collect::<Histogram>() },
            counts_milli: [("statements".to_owned(), 3_000)].into(),
            ..Sample::default()
        };
        Run {
            name: index.to_string(),
            slot: Some(first_slot + 2 * index),
            load: Some(Load::Open { rate_milli: 50_000 }),
            samples: [("GET /orders".to_owned(), sample)].into(),
            ..Run::default()
        }
    };
    Side {
        version: Some(Version { commit: format!("{number:040}"), uncommitted_sha256: None }),
        workload: Workload { tool: "whyslow".to_owned(), ..Workload::default() },
        runs: (0..RUNS).map(run).collect(),
        ..Side::default()
    }
}

/// The duration of one of all requests, with a deviation of a half of its logarithm: as real ones they repeat themselves little,
/// which is what histograms cost.
fn duration_ns(median_ms: u64, request: u64) -> u64 {
    let digest = Sha256::digest(request.to_le_bytes());
    // The sum of twelve uniform numbers is nearly normal, with a deviation of one.
    let uniform =
        digest.chunks(2).take(12).map(|two| f64::from(u16::from_le_bytes([two[0], two[1]])) / 65_536.0);
    let factor = ((uniform.sum::<f64>() - 6.0) / 2.0).exp();
    (median_ms as f64 * 1e6 * factor) as u64
}
