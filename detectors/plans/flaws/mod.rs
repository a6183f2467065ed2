//! Detectors that look at plans alone, one a file. Those that look at requests too have their part for plans beside them.

pub(crate) mod jit_cost;
pub(crate) mod trigger_time;
