//! Messages of protocol buffers, as far as a profile needs them: numbers, texts, messages, packed numbers.

use crate::nodes::number;

/// Bytes of one message.
#[derive(Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    /// A number; zero is what a field is when it is not there.
    pub(crate) fn number(&mut self, field: u32, value: u64) {
        if value != 0 {
            number(&mut self.0, u64::from(field) << 3);
            number(&mut self.0, value);
        }
    }

    /// Text, or anything else that has a length.
    pub(crate) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        number(&mut self.0, u64::from(field) << 3 | 2);
        number(&mut self.0, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A message within this one.
    pub(crate) fn message(&mut self, field: u32, fill: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        fill(&mut inner);
        self.bytes(field, &inner.0);
    }

    /// Several numbers in one field.
    pub(crate) fn packed(&mut self, field: u32, values: impl Iterator<Item = u64>) {
        let mut inner = Vec::new();
        values.for_each(|value| number(&mut inner, value));
        self.bytes(field, &inner);
    }
}
