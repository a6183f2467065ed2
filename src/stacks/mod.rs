//! Profiles out of what is none: the time of requests, of statements in logs, and of plans, as stacks.

mod inputs;
mod plans;
mod requests;

pub use inputs::{Undrawable, of_inputs, of_plans_within};
pub use plans::of_plans;
pub use requests::{Chosen, Error, of_requests};
