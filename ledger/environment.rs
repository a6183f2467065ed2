//! Where something was measured, and which version of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A version of the measured code, as git knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// The commit's full hash.
    pub commit: String,
    /// SHA-256 of what differs from the commit in the work tree; `None` where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncommitted_sha256: Option<String>,
}

/// The machine and its settings: what must be the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// The processor's name.
    pub processor: String,
    /// Processors that the process may use.
    pub processors: u32,
    /// How the kernel chooses the clock: `performance`, `powersave`; empty where it does not say.
    pub governor: String,
    /// Memory of the machine, or what the container's limit leaves, in bytes.
    pub memory_bytes: u64,
    /// The kernel's name and release.
    pub kernel: String,
    /// Processors that the container may use, in thousandths; `None` without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processors_milli_max: Option<u64>,
    /// Versions and settings that were asked for or found: `whyslow`, `postgres`, `shared_buffers`, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
}

impl Environment {
    /// What differs from another, each in one line: `kernel: 6.1 before, 6.6 after`.
    pub fn differences(&self, after: &Self) -> Vec<String> {
        if self == after {
            return Vec::new();
        }
        differences(&self.lines(), &after.lines())
    }

    fn lines(&self) -> BTreeMap<String, String> {
        let limit =
            self.processors_milli_max.map_or("none".to_owned(), |milli| format!("{:.2}", milli as f64 / 1e3));
        let own = [
            ("processor", self.processor.clone()),
            ("processors", self.processors.to_string()),
            ("governor", self.governor.clone()),
            ("memory", format!("{} MiB", self.memory_bytes >> 20)),
            ("kernel", self.kernel.clone()),
            ("processor limit", limit),
        ];
        own.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(self.facts.clone()).collect()
    }
}

/// Lines that are not the same on both sides, in the order of their names.
pub(crate) fn differences(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |lines: &BTreeMap<String, String>, name: &str| {
        lines.get(name).map_or("unknown", String::as_str).to_owned()
    };
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| format!("{name}: {} before, {} after", of(before, name), of(after, name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_once() {
        let before = Environment {
            kernel: "6.1".into(),
            facts: [("postgres".into(), "15.1".into())].into(),
            ..Environment::default()
        };
        let after = Environment { kernel: "6.6".into(), ..Environment::default() };
        assert_eq!(before.differences(&before), Vec::<String>::new());
        assert_eq!(
            before.differences(&after),
            ["kernel: 6.1 before, 6.6 after", "postgres: 15.1 before, unknown after"]
        );
    }
}
