//! Finds memories of a nested loop that hardly ever know the answer.
//!
//! ## Why it is slow
//!
//! `Memoize` keeps what the second side of a nested loop gave for a key, in case the key comes again. Where keys hardly ever
//! come again it only costs; where they do but the memory is too small, it forgets what it is asked for next. The nested
//! loop itself was chosen in the belief that most lookups would be spared.
//!
//! ## What counts
//!
//! Memories with at least `lookups_min` lookups that answer fewer than `hits_min` of them.
//!
//! ## Stays silent
//!
//! - where half of the lookups are answered: that is what it is for;
//! - where there are few lookups;
//! - on MariaDB, whose caches of subqueries switch themselves off.
//!
//! ## Remedy
//!
//! Where it forgot: more `work_mem`. Best case: each key that was forgotten had to be looked up twice, and is no more. Worst
//! case: nearly nothing. Where it did not: statistics of the number of different keys, so that the planner knows. Then its own
//! time comes back, at worst half of it.
//!
//! ## How to check
//!
//! `Hits`, `Misses` and `Evictions` of the node, or another join in its place.

use crate::evidence::plan::{Engine, Key, NodeType};
use crate::figures::{count, share};
use crate::finding::Confidence;
use crate::plans::{PlanView, Problem, Problems};
use crate::settings::{Setting, Values};
use crate::{Detector, Inspect};

use super::{left, tables};

const HITS_MIN: Setting = Setting {
    name: "hits_min",
    unit: "% of the lookups",
    default: 50,
    why: "half of the lookups spared pay for keeping the other half",
};

const LOOKUPS_MIN: Setting = Setting {
    name: "lookups_min",
    unit: "lookups",
    default: 1_000,
    why: "the first lookup of each key is always a miss",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "memoize-thrash",
    summary: "what a nested loop remembers is hardly ever asked for again, or forgotten before",
    page: include_str!("memoize_thrash.rs"),
    settings: &[HITS_MIN, LOOKUPS_MIN],
    inspect: Inspect::Plan,
    plan: Some(inspect),
    confirm: None,
    logs: true,
    tell: None,
};

fn inspect(view: &PlanView<'_>, settings: Values<'_>, problems: &mut Problems) {
    // Caches of MariaDB's subqueries switch themselves off where they do not serve.
    let is_kept = view.engine() == Engine::PostgreSql;
    let mut next = 0;
    for (number, node) in view.nodes().filter(|(_, node)| is_kept && node.node_type == NodeType::Memoize) {
        let (hits, misses) = (node.facts.count(Key::CacheHits), node.facts.count(Key::CacheMisses));
        let lookups = hits.saturating_add(misses);
        if number < next || misses == 0 {
            continue;
        }
        let subject = format!("memory of {}", tables(view, number));
        let is_little = lookups < settings.get(&LOOKUPS_MIN);
        if is_little || hits.saturating_mul(100) >= lookups.saturating_mul(settings.get(&HITS_MIN)) {
            let reason = format!("answers {} of {} lookups", count(hits), count(lookups));
            problems.dismiss(number, subject, reason);
            continue;
        }
        next = view.end(number);
        let problem = problems.push(number, subject, Confidence::Medium);
        problem
            .because(format!(
                "it answers {} of {} lookups ({}){}",
                count(hits),
                count(lookups),
                share(hits, lookups),
                forgotten(node.facts.count(Key::CacheEvictions)),
            ))
            .check(format!("hits of the node: {} of {} now", count(hits), count(lookups)));
        remedy(view, number, problem);
    }
}

fn forgotten(evictions: u64) -> String {
    match evictions {
        0 => ": keys hardly ever come again".to_owned(),
        _ => format!(", and forgot {} for want of memory", count(evictions)),
    }
}

fn remedy(view: &PlanView<'_>, number: u32, problem: &mut Problem) {
    let facts = &view.node(number).facts;
    let (misses, evictions) = (facts.count(Key::CacheMisses), facts.count(Key::CacheEvictions));
    if evictions > 0 {
        let kept = left(misses.saturating_sub(evictions) as f64, misses as f64);
        problem.claim(number, kept, 950).claim_all(view.subtree(number).skip(1), kept, 950).advise(
            "SET LOCAL work_mem to more for this statement, or hash_mem_multiplier",
            "each sort and hash of the statement may take it, in each process",
        );
    } else {
        problem.claim(number, 0, 500);
    }
    problem.advise(
        "ANALYZE the table of the first side, with a higher statistics target of the key, so that the planner knows how many \
         different keys there are; or SET LOCAL enable_memoize = off to see what it takes without",
        "",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::testing::{Sketch, sketch};

    fn memory(hits: f64, misses: f64, evictions: f64) -> Sketch {
        let loops = (hits + misses) as u32;
        sketch()
            .node(0, NodeType::NestedLoop, 500.0, f64::from(loops), 1)
            .node(1, NodeType::SeqScan, 10.0, f64::from(loops), 1)
            .node(1, NodeType::Memoize, 400.0 / f64::from(loops), 1.0, loops)
            .number(Key::CacheHits, hits)
            .number(Key::CacheMisses, misses)
            .number(Key::CacheEvictions, evictions)
            .node(2, NodeType::IndexScan, 300.0 / misses, 1.0, misses as u32)
            .text(Key::RelationName, "customers")
    }

    #[test]
    fn a_memory_that_forgets_is_told_with_what_it_forgot() {
        let report = memory(1_000.0, 9_000.0, 6_000.0).judged();
        let problem = report.only("memoize-thrash");
        assert_eq!(problem.subject, "memory of customers");
        let [worst, best] = problem.gain_range_ns.unwrap();
        assert_eq!((worst / 1_000_000, best / 1_000_000), (20, 266));
    }

    #[test]
    fn keys_that_never_come_again_cost_the_remembering() {
        let report = memory(0.0, 10_000.0, 0.0).judged();
        let [worst, best] = report.only("memoize-thrash").gain_range_ns.unwrap();
        assert_eq!((worst / 1_000_000, best / 1_000_000), (50, 100));
    }

    #[test]
    fn silent_where_it_serves_or_has_hardly_begun() {
        memory(9_000.0, 1_000.0, 500.0).judged().silent("memoize-thrash");
        memory(10.0, 200.0, 0.0).judged().silent("memoize-thrash");
    }
}
