//! The tree as columns of whole numbers, which the page reads (`viewer/decode.js`).
//!
//! Nodes stand depth first. Column after column follows, each value with seven bits a byte, the lowest first: by how many levels a
//! node is above a child of the node before it; its frame, 0 for the root and else the place in the order by name and one; its own
//! value of each measure. Values that are not whole are written as eight bytes of IEEE 754.

use profiles::Profile;

use crate::order::Order;

/// Whole numbers up to here are exact in a browser.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Columns of a tree.
pub(crate) struct Nodes {
    pub(crate) bytes: Vec<u8>,
    /// By measure: whether its values are whole.
    pub(crate) whole: Vec<bool>,
}

impl Nodes {
    pub(crate) fn of(profile: &Profile, order: &Order<'_>) -> Self {
        let mut bytes = Vec::with_capacity(profile.tree.len() * 6);
        let mut free = 0;
        for visit in order.visits() {
            number(&mut bytes, (free - visit.depth) as u64);
            free = visit.depth + 1;
        }
        order.visits().for_each(|visit| {
            number(&mut bytes, order.place(visit.node).map_or(0, |place| u64::from(place) + 1));
        });
        let whole =
            (0..profile.measures.len()).map(|measure| values(&mut bytes, profile, order, measure)).collect();
        Self { bytes, whole }
    }
}

/// Writes the own values of a measure; says whether they are whole.
fn values(bytes: &mut Vec<u8>, profile: &Profile, order: &Order<'_>, measure: usize) -> bool {
    let own = |node| profile.tree.own(node, measure);
    let is_whole = |value: f64| value.fract() == 0.0 && value <= WHOLE_MAX;
    let whole = profile.tree.nodes().all(|node| is_whole(own(node)));
    for visit in order.visits() {
        match whole {
            true => number(bytes, own(visit.node) as u64),
            false => bytes.extend(own(visit.node).to_le_bytes()),
        }
    }
    whole
}

/// A whole number, seven bits a byte, the lowest first.
pub(crate) fn number(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 127 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
}
