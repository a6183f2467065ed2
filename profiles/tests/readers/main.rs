//! What must be read from profiles of every format.

mod chrome;
mod damaged;
mod folded;
mod jfr;
mod json;
mod order;
mod otlp;
mod perf;
mod perf_data;
mod pprof;
mod shown;
mod v8;
mod wire;
