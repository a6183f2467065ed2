//! From ids of shapes to their numbers, in four bytes each: there may be a million.

use super::ShapeRef;
use crate::evidence::shape::ShapeId;

/// Open addressing with linear probing; the ids are with the shapes.
#[derive(Debug)]
pub(super) struct ShapeIndex {
    /// Numbers; zero where there is none, as the first shape stands for none.
    slots: Vec<u32>,
    used: usize,
}

impl Default for ShapeIndex {
    fn default() -> Self {
        Self { slots: vec![0; 1 << 10], used: 0 }
    }
}

impl ShapeIndex {
    /// The number of an id, where it has one; `id_of` tells the ids of others.
    pub(super) fn find(&self, id: ShapeId, id_of: impl Fn(ShapeRef) -> ShapeId) -> Option<ShapeRef> {
        if id == ShapeId::default() {
            return Some(ShapeRef(0));
        }
        let found = self.places(id).map(|place| self.slots[place]).take_while(|number| *number != 0);
        found.map(ShapeRef).find(|shape| id_of(*shape) == id)
    }

    /// Notes the number of an id that has none.
    pub(super) fn insert(&mut self, id: ShapeId, shape: ShapeRef, id_of: impl Fn(ShapeRef) -> ShapeId) {
        if self.used * 4 >= self.slots.len() * 3 {
            let numbers = std::mem::take(&mut self.slots);
            self.slots = vec![0; numbers.len() * 2];
            for number in numbers.into_iter().filter(|number| *number != 0) {
                self.put(id_of(ShapeRef(number)), number);
            }
        }
        self.used += 1;
        self.put(id, shape.0);
    }

    fn put(&mut self, id: ShapeId, number: u32) {
        let free = self.places(id).find(|place| self.slots[*place] == 0);
        if let Some(slot) = free.and_then(|place| self.slots.get_mut(place)) {
            *slot = number;
        }
    }

    fn places(&self, id: ShapeId) -> impl Iterator<Item = usize> + use<> {
        let slots = self.slots.len();
        // The low bits choose workers elsewhere.
        let begin = (id.hash ^ id.hash >> 32).rotate_left(id.family as u32) as usize;
        (0..slots).map(move |step| begin.wrapping_add(step) & (slots - 1))
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.len() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::shape::Family;

    #[test]
    fn finds_what_was_noted() {
        let ids: Vec<ShapeId> = (0..5_000_u64)
            // Many of them begin at one place.
            .map(|number| ShapeId { family: Family::Statement, hash: number % 70 + (number << 32) })
            .collect();
        let id_of = |shape: ShapeRef| ids[shape.0 as usize];
        let mut index = ShapeIndex::default();
        let numbered = || ids.iter().enumerate().skip(1).map(|(number, id)| (*id, ShapeRef(number as u32)));
        for (id, shape) in numbered() {
            assert_eq!(index.find(id, id_of), None);
            index.insert(id, shape, id_of);
        }
        for (id, shape) in numbered() {
            assert_eq!(index.find(id, id_of), Some(shape));
        }
        assert_eq!(index.find(ShapeId::default(), id_of), Some(ShapeRef(0)));
    }
}
