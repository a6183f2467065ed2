//! Steps of a plan that went on in temporary files.

use crate::evidence::plan::{Key, Node, NodeType};
use crate::figures::{bytes, counted};
use crate::finding::Confidence;
use crate::plans::{PlanView, Problems};
use crate::settings::Values;

use super::{BYTES_MIN, MEMORY_FOR_FILES, memory_for};

/// In memory a step takes about so much of its time, per mille: at best, and at worst.
const LEFT: (u16, u16) = (350, 800);

/// What a step wrote to files, and the memory in which it would have found room, in bytes.
struct Spill {
    what: &'static str,
    written: u64,
    memory: u64,
}

pub(super) fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    for (number, node) in view.nodes() {
        let Some(spill) = spill_of(node) else { continue };
        let subject = match node.facts.list(Key::SortKey) {
            [] => format!("{} in files", node.title()),
            _ => format!("sort of {} in files", below(view, number)),
        };
        if spill.written < settings.get(&BYTES_MIN) {
            problems.dismiss(number, subject, format!("{} in temporary files", bytes(spill.written)));
            continue;
        }
        tell(problems.push(number, subject, Confidence::High), number, &spill, node);
    }
}

fn tell(problem: &mut crate::plans::Problem, number: u32, spill: &Spill, node: &Node) {
    let times = match node.loops() {
        0 | 1 => String::new(),
        loops => format!(", {} of it", counted(loops, "execution")),
    };
    // Rows that look for partners in a hash table on disk go through files as well.
    let join = node.parent.filter(|_| node.node_type == NodeType::Hash);
    problem
        .claim(number, LEFT.0, LEFT.1)
        .claim_all(join, LEFT.0, LEFT.1)
        .because(format!(
            "{} did not fit into work_mem: {} went through temporary files{times}",
            spill.what,
            bytes(spill.written)
        ))
        .advise(
            format!(
                "SET LOCAL work_mem = '{} MB' for this statement alone",
                memory_for_needed(spill.memory) >> 20
            ),
            "each sort and hash of the statement may take it, in each process",
        )
        .check(format!("temporary files of this node: {} now, none then", bytes(spill.written)));
    if node.node_type == NodeType::Sort {
        problem.advise(
            "an index in the order that is asked for, a limit, or only the columns that are needed",
            "an index costs each write to its table, and space",
        );
    }
}

/// Memory in doublings of 8 MB.
fn memory_for_needed(needed: u64) -> u64 {
    memory_for(needed / MEMORY_FOR_FILES)
}

fn spill_of(node: &Node) -> Option<Spill> {
    let kilobytes = |key| node.facts.count(key).saturating_mul(1024);
    match node.node_type {
        NodeType::Sort | NodeType::IncrementalSort if node.facts.text(Key::SortSpaceType) == Some("Disk") => {
            let written = kilobytes(Key::SortSpaceUsed);
            Some(Spill { what: "the sort", written, memory: written.saturating_mul(MEMORY_FOR_FILES) })
        }
        NodeType::Aggregate if node.facts.count(Key::DiskUsage) > 0 => {
            let written = kilobytes(Key::DiskUsage);
            let memory =
                kilobytes(Key::PeakMemoryUsage).saturating_add(written.saturating_mul(MEMORY_FOR_FILES));
            Some(Spill { what: "the table of groups", written, memory })
        }
        NodeType::Hash if node.facts.count(Key::HashBatches) > 1 => {
            let batches = node.facts.count(Key::HashBatches);
            let table = kilobytes(Key::PeakMemoryUsage).saturating_mul(batches);
            let written = table - table / batches;
            Some(Spill { what: "the hash table", written, memory: table })
        }
        _ => None,
    }
}

/// What a node sorts: the tables below it.
fn below(view: &PlanView<'_>, number: u32) -> String {
    let scan = view.subtree(number).find(|below| !view.target(*below).is_empty());
    scan.map_or_else(|| "rows".to_owned(), |scan| view.target(scan))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn sorted(kilobytes: f64, kind: &str) -> Sketch {
        sketch()
            .node(0, NodeType::Sort, 900.0, 2e5, 1)
            .list(Key::SortKey, &["created_at"])
            .number(Key::SortSpaceUsed, kilobytes)
            .text(Key::SortSpaceType, kind)
            .node(1, NodeType::SeqScan, 100.0, 2e5, 1)
            .text(Key::RelationName, "events")
            .execution(910.0)
    }

    #[test]
    fn a_sort_in_files_is_told_with_the_memory_that_would_do() {
        let report = sorted(30_000.0, "Disk").judged();
        let problem = report.only("disk-spill");
        assert_eq!((problem.node, &*problem.subject), (0, "sort of events in files"));
        assert_eq!(problem.gain_range_ns, Some([160_000_000, 520_000_000]));
        assert_eq!((problem.gain_ns, problem.after_ns), (Some(340_000_000), Some(570_000_000)));
        assert!(problem.fix[0].text.contains("'128 MB'"), "{:?}", problem.fix);
    }

    #[test]
    fn silent_in_memory_and_on_little() {
        sorted(30_000.0, "Memory").judged().silent("disk-spill");
        let little = sorted(40.0, "Disk").judged();
        little.silent("disk-spill");
        assert_eq!(little.dismissed[0].detector, "disk-spill");
    }

    #[test]
    fn hash_tables_in_batches_and_groups_on_disk_are_told() {
        let hash = sketch()
            .node(0, NodeType::HashJoin, 500.0, 1e5, 1)
            .node(1, NodeType::SeqScan, 100.0, 1e5, 1)
            .node(1, NodeType::Hash, 300.0, 1e6, 1)
            .number(Key::HashBatches, 16.0)
            .number(Key::PeakMemoryUsage, 4_000.0);
        let report = hash.judged();
        let problem = report.only("disk-spill");
        assert_eq!((problem.node, problem.gain_range_ns), (2, Some([80_000_000, 260_000_000])));
        let groups = sketch().node(0, NodeType::Aggregate, 500.0, 1e5, 1).number(Key::DiskUsage, 9_000.0);
        assert_eq!(groups.judged().only("disk-spill").node, 0);
    }
}
