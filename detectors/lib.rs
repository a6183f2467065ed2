//! The pure core of whyslow: what was seen, what is wrong with it, and what each fix gives back.
//!
//! Reads no file, clock, environment or socket, prints nothing and cannot fail.

pub mod evidence;
