//! What else differs between the sides: if it is more than one thing, the verdict is not about the change.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Change, ChangeKind, Environment, Workload};

/// All that differs between the sides of a measurement.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differences {
    /// Kinds of files that the change touches, and further commits.
    pub code: Vec<String>,
    /// What differs of machine and settings.
    pub environment: Vec<String>,
    /// What differs of what was executed or asked: the sides do not compare.
    pub workload: Vec<String>,
    /// What must be the same and is not known.
    pub unknown: Vec<String>,
}

/// Dependencies as they are pinned.
const LOCK_FILES: [&str; 13] = [
    "Cargo.lock",
    "Gemfile.lock",
    "Pipfile.lock",
    "bun.lock",
    "composer.lock",
    "go.sum",
    "gradle.lockfile",
    "mix.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "uv.lock",
    "yarn.lock",
];

/// Folders of what alters a database's schema.
const MIGRATIONS: [&str; 5] = ["migrations", "migrate", "migration", "alembic", "changelog"];

/// Folders of what is not executed when the program is.
const BESIDE: [&str; 7] = ["test", "tests", "spec", "specs", "__tests__", "doc", "docs"];

impl Differences {
    /// Compares all that is known of two sides.
    pub fn between(
        change: &Change,
        environments: [Option<&Environment>; 2],
        workloads: [&Workload; 2],
    ) -> Self {
        let [before, after] = environments;
        let environment = before.zip(after).map_or(Vec::new(), |(before, after)| before.differences(after));
        let mut unknown = Vec::new();
        for (side, version) in [("before", &change.before), ("after", &change.after)] {
            if version.is_none() {
                unknown.push(format!("which version was measured {side}"));
            }
        }
        if change.before.as_ref().is_some_and(|version| version.uncommitted_sha256.is_some()) {
            unknown.push("what was not committed when it was measured before".to_owned());
        }
        Self { code: code(change), environment, workload: workloads[0].differences(workloads[1]), unknown }
    }

    /// Whether more than the one declared thing differs, so that nothing is told of that one.
    pub fn is_confounded(&self) -> bool {
        self.code.len() + self.environment.len() > 1 || !self.workload.is_empty() || !self.unknown.is_empty()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = String> {
        let known = self.code.iter().chain(&self.environment).chain(&self.workload).cloned();
        known.chain(self.unknown.iter().map(|what| format!("unknown: {what}")))
    }
}

fn code(change: &Change) -> Vec<String> {
    let parts: BTreeSet<&str> =
        change.files.iter().filter_map(|file| part(&file.path, change.kind)).collect();
    let commits =
        Some(change.commits.len()).filter(|count| *count > 1).map(|count| format!("{count} commits"));
    parts.into_iter().map(str::to_owned).chain(commits).collect()
}

/// What a file is a part of; `None` where it does not take part in what is measured.
fn part(path: &str, kind: ChangeKind) -> Option<&'static str> {
    let folders: Vec<&str> = path.split('/').collect();
    let (name, folders) = folders.split_last()?;
    let within = |names: &[&str]| folders.iter().any(|folder| names.contains(folder));
    let ends = |ending: &str| name.len() > ending.len() && name.ends_with(ending);
    match () {
        () if LOCK_FILES.contains(name) || (name.starts_with("requirements") && ends(".txt")) => {
            Some("dependencies")
        }
        () if within(&BESIDE) || ends(".md") => None,
        // An index comes as a migration.
        () if within(&MIGRATIONS) || ends(".sql") || *name == "schema.rb" => {
            Some(if kind == ChangeKind::Index { "code" } else { "schema" })
        }
        () if is_setting(name, folders) => Some(if kind == ChangeKind::Config { "code" } else { "settings" }),
        () => Some("code"),
    }
}

fn is_setting(name: &str, folders: &[&str]) -> bool {
    let is_text =
        [".conf", ".ini", ".json", ".toml", ".yaml", ".yml"].iter().any(|ending| name.ends_with(ending));
    let is_of_containers =
        name == "Dockerfile" || name.starts_with("docker-compose") || name.starts_with("compose.");
    name.starts_with(".env")
        || is_of_containers
        || name.ends_with(".conf")
        || (is_text && folders.iter().any(|folder| matches!(*folder, "config" | "conf" | "settings")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Touched, Version};

    fn change(paths: &[&str]) -> Change {
        let version = Some(Version { commit: "c0".to_owned(), uncommitted_sha256: None });
        let files = paths.iter().map(|path| Touched {
            path: (*path).to_owned(),
            lines: vec![[1, 1]],
            patch_id: None,
        });
        Change { before: version.clone(), after: version, files: files.collect(), ..Change::default() }
    }

    fn of(change: &Change) -> Differences {
        Differences::between(change, [None, None], [&Workload::default(), &Workload::default()])
    }

    #[test]
    fn code_with_its_tests_is_one_thing() {
        let found = of(&change(&["src/orders.rs", "src/customers.rs", "tests/orders.rs", "README.md"]));
        assert_eq!(found.code, ["code"]);
        assert!(!found.is_confounded());
    }

    #[test]
    fn a_lock_file_alone_is_one_thing_and_beside_code_a_second() {
        assert!(!of(&change(&["Cargo.lock"])).is_confounded());
        let found = of(&change(&["src/orders.rs", "web/package-lock.json"]));
        assert_eq!(found.code, ["code", "dependencies"]);
        assert!(found.is_confounded());
    }

    #[test]
    fn a_migration_is_a_second_thing_unless_it_is_the_index() {
        let mut both = change(&["app/orders.py", "app/migrations/0007_index.py", "config/pool.yml"]);
        assert_eq!(of(&both).code, ["code", "schema", "settings"]);
        both.files.pop();
        both.kind = ChangeKind::Index;
        assert!(!of(&both).is_confounded());
    }

    #[test]
    fn several_commits_are_several_things() {
        let mut change = change(&["src/a.rs"]);
        change.commits = vec!["c1".to_owned(), "c2".to_owned()];
        assert_eq!(of(&change).code, ["code", "2 commits"]);
    }

    #[test]
    fn one_setting_may_be_the_change_and_another_load_never_is() {
        let environment = |size: &str| Environment {
            facts: [("shared_buffers".to_owned(), size.to_owned())].into(),
            ..Environment::default()
        };
        let workload = |rate: &str| Workload {
            settings: [("rate".to_owned(), rate.to_owned())].into(),
            ..Workload::default()
        };
        let (small, large) = (environment("128MB"), environment("4GB"));
        let (slow, quick) = (workload("100"), workload("200"));
        let of_setting = Differences::between(&change(&[]), [Some(&small), Some(&large)], [&slow, &slow]);
        assert_eq!(of_setting.environment, ["shared_buffers: 128MB before, 4GB after"]);
        assert!(!of_setting.is_confounded());
        let of_load = Differences::between(&change(&[]), [Some(&small), Some(&small)], [&slow, &quick]);
        assert_eq!(of_load.workload, ["rate: 100 before, 200 after"]);
        assert!(of_load.is_confounded());
    }

    #[test]
    fn an_unknown_version_is_no_change_that_is_known() {
        let mut change = change(&["src/a.rs"]);
        change.before = None;
        assert_eq!(of(&change).unknown, ["which version was measured before"]);
        assert!(of(&change).is_confounded());
    }
}
