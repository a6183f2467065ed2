//! whyslow: says why a backend is slow, and what each fix would give back.
pub mod anonymized;
pub mod baseline_file;
pub mod collect;
pub mod diagnosis;
#[cfg(feature = "client")]
pub mod fetch;
pub mod indexes;
pub mod ingest;
#[cfg(feature = "postgres")]
pub mod live;
mod logged_plans;
pub mod measurements;
pub mod pages;
pub mod plans;
#[cfg(feature = "client")]
pub mod probe;
pub mod report;
pub mod sampled;
pub mod settings_file;
pub mod since_last;
pub mod stacks;

pub use measurement::duration;
