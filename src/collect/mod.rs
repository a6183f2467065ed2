//! Evidence from live systems, taken while they run.

pub mod received;
pub mod spool;

#[cfg(feature = "receiver")]
pub mod otlp_http;

#[cfg(feature = "receiver")]
mod body;
#[cfg(feature = "receiver")]
mod exchange;
#[cfg(feature = "receiver")]
mod export;
#[cfg(feature = "receiver")]
mod grpc;
