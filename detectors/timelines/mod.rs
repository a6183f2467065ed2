//! What the timelines show once all of them are merged: requests that wait for each other.

mod loads;
mod locks;
mod pool;
mod senders;
mod stalls;
mod starvation;

use rustc_hash::FxHashMap;

pub use loads::{Load, Loads};
pub use locks::{Contention, Contentions, ToldBy};
pub use pool::{Held, Holding};
pub use senders::{Sender, Senders, Within};
pub use stalls::{Delayed, Stall, Stalls};
pub use starvation::{Starvation, Starvations};

use crate::evidence::Symbol;
use crate::evidence::timeline::Window;

/// Windows by service and instance.
fn by_instance<'w>(
    windows: impl Iterator<Item = &'w Window>,
) -> FxHashMap<(Symbol, Symbol), Vec<&'w Window>> {
    let mut instances: FxHashMap<(Symbol, Symbol), Vec<&Window>> = FxHashMap::default();
    for window in windows {
        instances.entry((window.service, window.instance)).or_default().push(window);
    }
    instances
}

/// Whether so many of those that were looked at are more than chance, which would give so many per mille: by three
/// standard deviations.
fn is_beyond_chance(seen: u64, of: u64, by_chance: u64) -> bool {
    let expected = of.saturating_mul(by_chance) / 1000;
    let excess = seen.saturating_sub(expected);
    excess.saturating_mul(excess) > expected.saturating_mul(9)
}

fn per_mille(part: u64, whole: u64) -> u64 {
    (u128::from(part) * 1000 / u128::from(whole.max(1))) as u64
}
