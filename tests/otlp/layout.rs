//! One JSON document in many layouts: order of keys, blanks, escapes, members that nobody knows.

use serde_json::Value;

/// Numbers that look random and are the same each time (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// Writes a value in a random layout.
pub(crate) fn write(value: &Value, random: &mut Random, out: &mut String) {
    blank(random, out);
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            for last in (1..members.len()).rev() {
                members.swap(last, random.below(last + 1));
            }
            out.push('{');
            for (number, (key, value)) in members.into_iter().enumerate() {
                separate(number, out);
                if random.one_in(20) {
                    unknown(random, out);
                    out.push(',');
                }
                blank(random, out);
                text(key, random, out);
                blank(random, out);
                out.push(':');
                write(value, random, out);
            }
            blank(random, out);
            out.push('}');
        }
        Value::Array(values) => {
            out.push('[');
            for (number, value) in values.iter().enumerate() {
                separate(number, out);
                write(value, random, out);
            }
            blank(random, out);
            out.push(']');
        }
        Value::String(value) => text(value, random, out),
        other => out.push_str(&other.to_string()),
    }
    blank(random, out);
}

fn separate(number: usize, out: &mut String) {
    if number > 0 {
        out.push(',');
    }
}

fn blank(random: &mut Random, out: &mut String) {
    if random.one_in(4) {
        out.push_str(["\n", " ", "\t", "\r\n  "][random.below(4)]);
    }
}

/// A member with braces, quotes and brackets in its texts.
fn unknown(random: &mut Random, out: &mut String) {
    let depth = random.below(300);
    out.push_str(r#""unknown{\"spans\":[":"#);
    (0..depth).for_each(|level| out.push_str(if level % 2 == 0 { r#"{"a":"# } else { "[" }));
    out.push_str([r#""}]\\\"""#, "null", "-1.5e-7", "123456789012345678901234567890"][random.below(4)]);
    (0..depth).rev().for_each(|level| out.push(if level % 2 == 0 { '}' } else { ']' }));
}

fn text(text: &str, random: &mut Random, out: &mut String) {
    if !random.one_in(8) {
        return out.push_str(&Value::String(text.to_owned()).to_string());
    }
    out.push('"');
    for unit in text.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(plain) if plain.is_ascii_alphanumeric() && random.one_in(2) => out.push(plain),
            _ => out.push_str(&format!("\\u{unit:04X}")),
        }
    }
    out.push('"');
}
