//! Profiles out of what is none: the time of requests, of statements in logs, and of plans, as stacks.

mod inputs;
mod plans;
mod requests;

pub use inputs::{Undrawable, of_inputs};
pub use plans::of_plans;
pub use requests::{Chosen, Error, of_requests};

use profiles::{Frame, FrameId, Profile};

/// A frame with what its time is spent on in place of a package, by which it is coloured and grouped.
fn frame(profile: &mut Profile, name: &str, spent_on: &str) -> FrameId {
    profile.frames.intern(Frame { module: Some(spent_on.into()), ..Frame::named(name) })
}
