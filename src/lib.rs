//! whyslow: says why a backend is slow, and what each fix would give back.
pub mod collect;
pub mod ingest;
