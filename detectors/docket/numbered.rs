//! Values by key, each with a number.

use std::hash::Hash;
use std::ops::{Index, IndexMut};

use rustc_hash::FxHashMap;

/// Values by key, numbered in the order in which their keys came first.
#[derive(Debug)]
pub(crate) struct Numbered<K, V> {
    numbers: FxHashMap<K, u32>,
    values: Vec<(K, V)>,
}

impl<K, V> Default for Numbered<K, V> {
    fn default() -> Self {
        Self { numbers: FxHashMap::default(), values: Vec::new() }
    }
}

impl<K: Clone + Eq + Hash, V> Numbered<K, V> {
    /// The number of a key; a new one gets a value.
    pub(crate) fn number(&mut self, key: K, value: impl FnOnce() -> V) -> u32 {
        if let Some(number) = self.find(&key) {
            return number;
        }
        let number = self.values.len() as u32;
        self.numbers.insert(key.clone(), number);
        self.values.push((key, value()));
        number
    }

    /// The number of a key that is known.
    pub(crate) fn find(&self, key: &K) -> Option<u32> {
        self.numbers.get(key).copied()
    }

    /// The value of a key that is known.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.find(key).map(|number| &self[number])
    }

    /// The key of a number.
    pub(crate) fn key(&self, number: u32) -> &K {
        &self.values[number as usize].0
    }

    /// All keys and values, by number.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, (K, V)> {
        self.values.iter()
    }

    /// Adds others: `merge` adds one value to another. Gives the number here of each of their numbers.
    pub(crate) fn merge(&mut self, other: Self, merge: impl Fn(&mut V, V)) -> Vec<u32> {
        let numbers = other.values.into_iter().map(|(key, value)| match self.find(&key) {
            Some(number) => {
                merge(&mut self[number], value);
                number
            }
            None => self.number(key, || value),
        });
        numbers.collect()
    }
}

impl<K, V> Index<u32> for Numbered<K, V> {
    type Output = V;

    fn index(&self, number: u32) -> &V {
        &self.values[number as usize].1
    }
}

impl<K, V> IndexMut<u32> for Numbered<K, V> {
    fn index_mut(&mut self, number: u32) -> &mut V {
        &mut self.values[number as usize].1
    }
}
