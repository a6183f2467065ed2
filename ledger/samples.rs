//! Entries to test with.

use measurement::{Histogram, Latency, Load, Run, Sample, Verdict};

use crate::{
    Change, Conclusion, Environment, Optimization, Plan, Reasons, Side, Touched, Version, What, Workload,
};

/// Runs of 200 requests around a median in milliseconds, that take turns with the other side.
pub(crate) fn side(commit: &str, first_slot: u32, median_ms: u64) -> Side {
    let run = |index: u32| {
        let wobble = u64::from(index * 7 % 5) * 100_000;
        let durations =
            (0..200u64).map(|step| median_ms * 1_000_000 + wobble + (step % 40) * 25_000 * median_ms);
        let sample = Sample {
            requests: 200,
            errors: Some(0),
            latency: Latency::Histogram { histogram: durations.collect::<Histogram>() },
            counts_milli: [("statements".to_owned(), 3_000)].into(),
            ..Sample::default()
        };
        Run {
            name: format!("{index}"),
            slot: Some(first_slot + 2 * index),
            duration_ns: Some(1_000_000_000),
            load: Some(Load::Open { rate_milli: 200_000 }),
            samples: [("GET /orders".to_owned(), sample)].into(),
            ..Run::default()
        }
    };
    Side {
        version: Some(Version { commit: commit.to_owned(), uncommitted_sha256: None }),
        environment: Some(Environment { kernel: "6.1".to_owned(), ..Environment::default() }),
        workload: Workload { tool: "whyslow".to_owned(), ..Workload::default() },
        runs: (0..5).map(run).collect(),
        findings: Vec::new(),
    }
}

/// An optimization of one file, from 100 ms to another median.
pub(crate) fn optimization(after_ms: u64) -> Optimization {
    let (before, after) = (side("c0", 0, 100), side("c1", 1, after_ms));
    let mut plan = Plan::new("load customers with the orders", 1_795_900_000, "p50".parse().unwrap());
    plan.subject = "GET /orders".to_owned();
    plan.target = Some("GET /orders p99<150ms".to_owned());
    let change = Change {
        before: before.version.clone(),
        after: after.version.clone(),
        commits: vec!["c1".to_owned()],
        files: vec![Touched { path: "src/orders.rs".to_owned(), lines: vec![[10, 14]], patch_id: None }],
        ..Change::default()
    };
    let conclusion = Conclusion::of(&plan, &change, [&before, &after], None);
    Optimization {
        plan,
        change,
        reasons: Reasons {
            do_not_undo: Some("one query for each order would come back".to_owned()),
            ..Reasons::default()
        },
        before,
        after,
        unchanged: None,
        confounded: None,
        conclusion,
        guards: vec!["statements(\"GET /orders\") <= 4".parse().unwrap()],
        supersedes: Vec::new(),
    }
}

/// It as an entry says it.
pub(crate) fn improved() -> What {
    let optimization = optimization(60);
    assert_eq!(optimization.conclusion.verdict, Verdict::Improved);
    What::Optimization(Box::new(optimization))
}
