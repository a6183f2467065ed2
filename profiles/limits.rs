//! Bounds that no real profile reaches. Where one is hit, [`Profile::noticed`](crate::Profile::noticed) or
//! [`Profile::skipped`](crate::Profile::skipped) counts it.

/// Frames of one stack. What lies deeper is counted at the deepest frame that is kept, so that no weight is lost.
pub const DEPTH_MAX: usize = 10_000;

/// Nodes of one tree. What would need more is counted at the parent, so that no weight is lost.
pub const NODES_MAX: usize = 16_000_000;

/// Stretches of time whose order is kept; later ones are in the tree alone.
pub const STRETCHES_MAX: usize = 1_000_000;

/// Bytes of all frames together. What would need more becomes one frame, `(other frames)`.
pub const FRAME_BYTES_MAX: usize = 256 << 20;

/// Bytes of one name; what is longer is cut and ends in `…`.
pub const NAME_BYTES_MAX: usize = 16 << 10;

/// Bytes of one line of a text; longer ones are skipped.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// Bytes of an input that can only be read whole, such as a JSON document.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 30;

/// A value of one record, in the measure's unit. Larger ones are skipped: 2^63 nanoseconds are 292 years.
pub const VALUE_MAX: f64 = 9_223_372_036_854_775_808.0;

/// Whole values up to here are exact, and their sums (2^53). Where a value is larger, that is said.
pub const VALUE_EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Measures of one profile; values of others are skipped.
pub const MEASURES_MAX: usize = 64;
