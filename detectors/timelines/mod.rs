//! What the timelines show once all of them are merged: requests that wait for each other.

mod loads;
mod locks;
mod pools;
mod stalls;

pub use loads::{Load, Loads};
pub use locks::{Contention, Contentions};
pub use pools::{Held, Holding, Starvation, Starvations};
pub use stalls::{Delayed, Stall, Stalls};

fn per_mille(part: u64, whole: u64) -> u64 {
    (u128::from(part) * 1000 / u128::from(whole.max(1))) as u64
}
