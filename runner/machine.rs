//! The machine that runs are made on.

use std::fs;
use std::path::Path;
use std::thread;

use ledger::Environment;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// What is known of this machine now.
pub fn environment() -> Environment {
    let wanted = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    // Where the kernel tells nothing, nothing is known: that is no reason not to measure.
    let system = System::new_with_specifics(wanted).ok();
    let total = system.as_ref().map_or(0, System::total_memory);
    let limit = system.as_ref().and_then(System::cgroup_limits).map(|limits| limits.total_memory);
    let kernel =
        [System::name(), System::kernel_version()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let first = system.as_ref().and_then(|system| system.cpus().first());
    Environment {
        processor: first.map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default(),
        processors: thread::available_parallelism()
            .map_or(0, |count| u32::try_from(count.get()).unwrap_or(u32::MAX)),
        governor: line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").unwrap_or_default(),
        memory_bytes: limit.filter(|limit| *limit > 0).map_or(total, |limit| limit.min(total)),
        kernel,
        processors_milli_max: line("/sys/fs/cgroup/cpu.max").as_deref().and_then(processors_milli),
        facts: [("whyslow".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
    }
}

/// Time of all processors since the machine was started, in ticks: how much there was, and how much went to other guests of
/// the same hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticks {
    /// All time.
    pub all: u64,
    /// What was taken by others.
    pub stolen: u64,
}

impl Ticks {
    /// Now; `None` where the kernel does not say.
    pub fn now() -> Option<Self> {
        line("/proc/stat").as_deref().and_then(ticks)
    }

    /// The share that was stolen since `earlier`, in thousandths.
    pub fn stolen_milli_since(self, earlier: Self) -> u64 {
        let all = self.all.saturating_sub(earlier.all);
        (self.stolen.saturating_sub(earlier.stolen) * 1_000).checked_div(all).unwrap_or(0)
    }
}

/// The first line of a file of the kernel.
fn line(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok()?.lines().next().map(|line| line.trim().to_owned())
}

/// `cpu.max` of a control group: `200000 100000` are two processors, `max 100000` is no limit.
fn processors_milli(line: &str) -> Option<u64> {
    let (quota, period) = line.split_once(' ')?;
    (quota.parse::<u64>().ok()?.saturating_mul(1_000)).checked_div(period.parse().ok()?)
}

/// `cpu  user nice system idle iowait irq softirq steal guest guest_nice` of proc(5); guests are part of user and nice.
fn ticks(line: &str) -> Option<Ticks> {
    let numbers: Vec<u64> =
        line.strip_prefix("cpu ")?.split_whitespace().map_while(|word| word.parse().ok()).collect();
    Some(Ticks { all: numbers.iter().take(8).sum(), stolen: *numbers.get(7)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_ticks_are_read() {
        assert_eq!(processors_milli("150000 100000"), Some(1_500));
        assert_eq!(processors_milli("max 100000"), None);
        assert_eq!(processors_milli("1 0"), None);
        let early = ticks("cpu  10 0 10 70 5 0 0 5 0 0").unwrap();
        let late = ticks("cpu  20 0 20 130 5 0 0 25 0 0").unwrap();
        assert_eq!(early, Ticks { all: 100, stolen: 5 });
        assert_eq!(late.stolen_milli_since(early), 200);
        assert_eq!(ticks("intr 1 2 3"), None);
    }

    #[test]
    fn this_machine_has_processors_memory_and_a_kernel() {
        let found = environment();
        assert!(
            found.processors > 0 && found.memory_bytes > 1 << 24 && !found.kernel.is_empty(),
            "{found:?}"
        );
    }
}
