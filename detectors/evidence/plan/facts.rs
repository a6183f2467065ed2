//! Properties of a node, a worker or a whole plan.

use super::key::Key;

/// The value of a property.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number, in the unit of its key: milliseconds, kilobytes, blocks, rows.
    Number(f64),
    /// A text; conditions hold values as they were written.
    Text(Box<str>),
    /// Several texts in their order.
    List(Box<[Box<str>]>),
    /// It is so. What is not so is left out.
    Yes,
}

/// Properties by key, each at most once, in no order that means anything.
#[derive(Debug, Clone, Default)]
pub struct Facts(Vec<(Key, Value)>);

impl PartialEq for Facts {
    fn eq(&self, other: &Self) -> bool {
        let is_in = |(key, value): &(Key, Value)| other.get(*key) == Some(value);
        self.0.len() == other.0.len() && self.0.iter().all(is_in)
    }
}

impl Facts {
    /// Whether nothing is told.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a property; a later value replaces an earlier one.
    ///
    /// Zeros that [the text form leaves out](Key::is_left_out_at_zero) are left out here too, so that forms agree.
    pub fn set(&mut self, key: Key, value: Value) {
        let is_zero = matches!(value, Value::Number(number) if number == 0.0);
        let is_left_out = is_zero && key.is_left_out_at_zero();
        match self.0.iter().position(|(own, _)| *own == key) {
            Some(place) if is_left_out => drop(self.0.swap_remove(place)),
            Some(place) => self.0[place].1 = value,
            None if is_left_out => {}
            None => self.0.push((key, value)),
        }
    }

    /// Takes a property away.
    pub fn remove(&mut self, key: Key) {
        self.0.retain(|(own, _)| *own != key);
    }

    /// The value of a property.
    pub fn get(&self, key: Key) -> Option<&Value> {
        self.0.iter().find(|(own, _)| *own == key).map(|(_, value)| value)
    }

    /// Whether a property is told.
    pub fn has(&self, key: Key) -> bool {
        self.get(key).is_some()
    }

    /// A number in the unit of its key.
    pub fn number(&self, key: Key) -> Option<f64> {
        match self.get(key)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A number that counts; zero where nothing is told.
    pub fn count(&self, key: Key) -> u64 {
        self.number(key).map_or(0, |number| number as u64)
    }

    /// A time in nanoseconds, of a key in milliseconds.
    pub fn ns(&self, key: Key) -> Option<u64> {
        self.number(key).map(nanoseconds)
    }

    /// A text.
    pub fn text(&self, key: Key) -> Option<&str> {
        match self.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Texts; one that stands alone is a list of one.
    pub fn list(&self, key: Key) -> &[Box<str>] {
        match self.get(key) {
            Some(Value::List(list)) => list,
            Some(Value::Text(text)) => std::slice::from_ref(text),
            _ => &[],
        }
    }

    /// Whether it is told that it is so.
    pub fn is(&self, key: Key) -> bool {
        matches!(self.get(key), Some(Value::Yes))
    }

    /// All properties.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &Value)> {
        self.0.iter().map(|(key, value)| (*key, value))
    }
}

/// Milliseconds as whole nanoseconds; what is negative or no number is nothing.
pub(super) fn nanoseconds(milliseconds: f64) -> u64 {
    (milliseconds * 1e6).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_whatever_the_order_and_zeros() {
        let mut one = Facts::default();
        one.set(Key::SharedHitBlocks, Value::Number(0.0));
        one.set(Key::ActualRows, Value::Number(0.0));
        one.set(Key::Filter, Value::Text("(a = 1)".into()));
        let mut other = Facts::default();
        other.set(Key::Filter, Value::Text("(b = 1)".into()));
        other.set(Key::Filter, Value::Text("(a = 1)".into()));
        assert_ne!(one, other);
        other.set(Key::ActualRows, Value::Number(0.0));
        assert_eq!(one, other);
    }

    #[test]
    fn times_are_exact() {
        let mut facts = Facts::default();
        facts.set(Key::ExecutionTime, Value::Number(154.92));
        assert_eq!(facts.ns(Key::ExecutionTime), Some(154_920_000));
        facts.set(Key::ExecutionTime, Value::Number(f64::NAN));
        assert_eq!(facts.ns(Key::ExecutionTime), Some(0));
    }
}
