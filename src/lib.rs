//! whyslow: says why a backend is slow, and what each fix would give back.
pub mod anonymized;
pub mod baseline_file;
pub mod collect;
pub mod diagnosis;
pub mod duration;
#[cfg(feature = "client")]
pub mod fetch;
pub mod ingest;
pub mod pages;
#[cfg(feature = "client")]
pub mod plans;
pub mod probe;
pub mod report;
pub mod settings_file;
pub mod since_last;
