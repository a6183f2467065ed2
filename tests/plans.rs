//! Plans in every form, and as people paste them. Samples are in `fixtures/plan-texts`, or where `WHYSLOW_PLANS` says.

#[path = "plans/alike.rs"]
mod alike;
#[path = "plans/damage.rs"]
mod damage;
#[path = "plans/pastes.rs"]
mod pastes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alike::{share_workers, unmeasured};
use detectors::evidence::plan::{Facts, Plan};
use whyslow::ingest::plans::{self, Found};

fn folder() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/plan-texts");
    std::env::var_os("WHYSLOW_PLANS").map_or(own, PathBuf::from)
}

/// Every file below the folder of samples.
fn samples() -> Vec<PathBuf> {
    let mut folders = vec![folder()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder of samples") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|ending| ending != "md") => files.push(path),
                false => {}
            }
        }
    }
    files.sort();
    files
}

fn read(path: &Path) -> Result<Vec<Found>, String> {
    let bytes = std::fs::read(path).expect("a sample");
    plans::read(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

fn alike(found: Vec<Found>) -> Vec<Plan> {
    found.into_iter().map(|found| unmeasured(found.plan)).collect()
}

#[test]
fn every_sample_is_read() {
    let files = samples();
    let failed: Vec<String> = files.iter().filter_map(|path| read(path).err()).collect();
    assert!(files.len() > 20, "too few samples");
    assert!(failed.is_empty(), "{} of {} not read:\n{}", failed.len(), files.len(), failed.join("\n"));
}

#[test]
fn the_same_statement_gives_the_same_plan_in_each_form() {
    let mut forms: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in samples().into_iter().filter(|path| !is_paste(path)) {
        forms.entry(path.with_extension("")).or_default().push(path);
    }
    let (mut pairs, mut different) = (0, Vec::new());
    for files in forms.values().filter(|files| files.len() > 1) {
        let truth = alike(read(&files[0]).unwrap_or_default());
        for other in &files[1..] {
            pairs += 1;
            let (mut one, mut other_plans) = (truth.clone(), alike(read(other).unwrap_or_default()));
            share_workers(&mut one, &mut other_plans);
            if let Some(what) = difference(&one, &other_plans) {
                different.push(format!("{}: {what}", other.display()));
            }
        }
    }
    assert!(pairs > 10, "too few pairs");
    assert!(different.is_empty(), "{} of {pairs} differ:\n{}", different.len(), different.join("\n"));
}

#[test]
fn nothing_in_a_sample_is_unknown() {
    for path in samples().into_iter().filter(|path| !is_paste(path)) {
        for Found { plan, .. } in read(&path).unwrap_or_default() {
            let of_nodes = plan.nodes.iter().flat_map(|node| &node.others);
            let others = of_nodes.chain(&plan.others);
            let unknown: Vec<_> = others.filter(|(name, _)| &**name != "Target Tables").collect();
            assert!(unknown.is_empty(), "{}: {unknown:?}", path.display());
        }
    }
}

fn is_paste(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("paste."))
}

/// The first line of each in which plans differ.
fn difference(one: &[Plan], other: &[Plan]) -> Option<String> {
    if one == other && !one.is_empty() {
        return None;
    }
    let (one, other) = (written(one), written(other));
    let first = (0..one.len().max(other.len())).find(|at| one.get(*at) != other.get(*at))?;
    Some(format!("\n  {:?}\n  {:?}", one.get(first), other.get(first)))
}

/// Plans in lines: equal ones have equal lines.
fn written(plans: &[Plan]) -> Vec<String> {
    let mut lines = vec![format!("{} plans", plans.len())];
    for plan in plans {
        for node in &plan.nodes {
            let workers: Vec<_> =
                node.workers.iter().map(|worker| (worker.number, sorted(&worker.facts))).collect();
            let place = (&node.node_type, node.parent, node.relationship);
            lines.push(format!("{place:?} {} {workers:?} {:?}", sorted(&node.facts), node.others));
        }
        lines.extend([&plan.facts, &plan.planning, &plan.jit, &plan.serialization].map(sorted));
        lines.extend(plan.triggers.iter().map(sorted));
        lines.push(format!("{:?} {:?} {:?}", plan.statement, plan.settings, plan.others));
    }
    lines
}

fn sorted(facts: &Facts) -> String {
    let mut facts: Vec<_> = facts.iter().collect();
    facts.sort_by_key(|(key, _)| *key);
    format!("{facts:?}")
}
