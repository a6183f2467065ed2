//! The tree as columns of whole numbers, which the page reads (`viewer/decode.js`).
//!
//! Nodes stand depth first. Column after column follows, each value with seven bits a byte, the lowest first: by how many levels a
//! node is above a child of the node before it; its frame, 0 for the root and else the place in the order by name and one; its own
//! value of each measure. Values that are not whole are written as eight bytes of IEEE 754.
//!
//! Where the order in time is known, three columns of stretches follow: the node by its place here; how many frames of the one before
//! go on at most, and one, or 0 where that is not known; how long.

use profiles::Profile;

use crate::order::Order;

/// Whole numbers up to here are exact in a browser.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Columns of a tree, and of the order in time.
pub(crate) struct Nodes {
    pub(crate) bytes: Vec<u8>,
    /// By measure: whether its values are whole.
    pub(crate) whole: Vec<bool>,
    /// Whether those of stretches are.
    pub(crate) whole_stretches: bool,
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
        let own = |measure| order.visits().map(move |visit| profile.tree.own(visit.node, measure));
        let whole = (0..profile.measures.len()).map(|measure| values(&mut bytes, || own(measure))).collect();
        let whole_stretches = stretches(&mut bytes, profile, order);
        Self { bytes, whole, whole_stretches }
    }
}

/// Writes values; says whether they are whole.
fn values<V: Iterator<Item = f64>>(bytes: &mut Vec<u8>, values: impl Fn() -> V) -> bool {
    let whole = values().all(|value| value.fract() == 0.0 && value <= WHOLE_MAX);
    for value in values() {
        match whole {
            true => number(bytes, value as u64),
            false => bytes.extend(value.to_le_bytes()),
        }
    }
    whole
}

/// Writes what ran when; says whether the values are whole.
fn stretches(bytes: &mut Vec<u8>, profile: &Profile, order: &Order<'_>) -> bool {
    let stretches = profile.sequence.stretches();
    let mut places = vec![0; if stretches.is_empty() { 0 } else { profile.tree.len() }];
    if !places.is_empty() {
        (0_u64..).zip(order.visits()).for_each(|(place, visit)| places[visit.node.index()] = place);
    }
    stretches.iter().for_each(|stretch| number(bytes, places[stretch.node.index()]));
    stretches.iter().for_each(|stretch| number(bytes, stretch.kept.map_or(0, |kept| u64::from(kept) + 1)));
    values(bytes, || stretches.iter().map(|stretch| stretch.value))
}

/// A whole number, seven bits a byte, the lowest first.
pub(crate) fn number(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 127 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
}
