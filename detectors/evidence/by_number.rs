//! Lists by number, of things that are numbered without gaps and met in any order.

/// The place of a number in a list, which grows to have it: what was not met yet is as `unmet` says.
pub(crate) fn place_in<T>(list: &mut Vec<T>, number: u32, unmet: impl FnMut() -> T) -> &mut T {
    let place = number as usize;
    if list.len() <= place {
        list.resize_with(place + 1, unmet);
    }
    &mut list[place]
}
