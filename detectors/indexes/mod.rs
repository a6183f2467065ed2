//! Which indexes a workload lacks, and which it has too many of.
//!
//! A workload is statements with how often they run and how long they take, and plans where these are known. A catalogue is
//! what is known of tables, columns and indexes; from plans and texts alone it is nearly empty. Advice says for each index
//! which statements it helps and by how much, what it costs, and for each statement that gets none why not.

mod catalogue;
mod workload;

pub use catalogue::{Catalogue, Column, Index, IndexKey, Table};
pub use workload::{Workload, WorkloadStatement};
