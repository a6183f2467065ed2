//! Tokens: what stands for a value in a copy.
//!
//! The same value has the same token wherever it stands in the inputs of one run, and another one in the next run: a
//! token is a hash with a random key that is kept nowhere. Texts stay texts and numbers numbers.

use std::hash::{BuildHasher, RandomState};
use std::io::Write as _;

/// Makes tokens; clones make the same ones.
#[derive(Debug, Clone, Default)]
pub(in crate::ingest) struct Tokens {
    key: RandomState,
}

/// Numbers have as many digits as fit all integers of 64 bits.
const NUMBER_MIN: u64 = 100_000_000_000_000_000;
const NUMBERS: u64 = 900_000_000_000_000_000;

/// Ports have five digits.
const PORT_MIN: u64 = 10_000;
const PORTS: u64 = 50_000;

impl Tokens {
    /// The token of a value, which is told without its quotes: a number where it is one. Of `{1,2}` each element has its
    /// own. As many lines as the value has follow.
    pub(in crate::ingest) fn value(&self, value: &[u8], out: &mut Vec<u8>) {
        let inner = value.strip_prefix(b"{").and_then(|inner| inner.strip_suffix(b"}"));
        if let Some(inner) = inner.filter(|inner| is_plain_list(inner)) {
            out.push(b'{');
            for (place, element) in inner.split(|byte| *byte == b',').enumerate() {
                out.extend_from_slice(if place > 0 { b"," } else { b"" });
                match element {
                    b"NULL" => out.extend_from_slice(element),
                    _ => self.single(element, out),
                }
            }
            return out.push(b'}');
        }
        self.single(value, out);
    }

    fn single(&self, value: &[u8], out: &mut Vec<u8>) {
        let unsigned = value.strip_prefix(b"-").or_else(|| value.strip_prefix(b"+")).unwrap_or(value);
        if is_number(unsigned) {
            out.extend_from_slice(&value[..value.len() - unsigned.len()]);
            return self.number(unsigned, out);
        }
        self.text(value, out);
        lines_of(value, out);
        // Values that a server has cut.
        out.extend_from_slice(if value.ends_with(b"...") { b"..." } else { b"" });
    }

    /// The token of a text, on one line.
    pub(in crate::ingest) fn text(&self, text: &[u8], out: &mut Vec<u8>) {
        if !text.is_empty() {
            write(out, format_args!("v{:016x}", self.hash(text)));
        }
    }

    /// The token of a number without a sign, of the same kind.
    pub(in crate::ingest) fn number(&self, number: &[u8], out: &mut Vec<u8>) {
        let hash = self.hash(number);
        match number {
            [b'0', b'x' | b'X', ..] => write(out, format_args!("0x{hash:016x}")),
            [b'0', b'b' | b'B', ..] => write(out, format_args!("0b{hash:064b}")),
            _ if number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => {
                let digits = NUMBER_MIN + hash % NUMBERS;
                write(out, format_args!("{}.{:03}", digits / 1_000, digits % 1_000));
            }
            _ => write(out, format_args!("{}", NUMBER_MIN + hash % NUMBERS)),
        }
    }

    /// The token of bits, in hexadecimals or as bits.
    pub(in crate::ingest) fn bits(&self, bits: &[u8], hexadecimal: bool, out: &mut Vec<u8>) {
        let hash = self.hash(bits);
        match hexadecimal {
            true => write(out, format_args!("{hash:016x}")),
            false => write(out, format_args!("{hash:064b}")),
        }
    }

    /// The token of a port.
    pub(in crate::ingest) fn port(&self, port: &[u8], out: &mut Vec<u8>) {
        write(out, format_args!("{}", PORT_MIN + self.hash(port) % PORTS));
    }

    /// The name or address of a client, which may have a port in brackets; none of a local one.
    pub(in crate::ingest) fn host(&self, host: &[u8], out: &mut Vec<u8>) {
        if host == b"[local]" || host == b"localhost" || host == b"[unknown]" {
            return out.extend_from_slice(host);
        }
        let open = host.strip_suffix(b")").and_then(|inner| memchr::memrchr(b'(', inner));
        let (address, port) = host.split_at(open.unwrap_or(host.len()));
        self.text(address, out);
        if let Some(digits) = port.strip_prefix(b"(").and_then(|port| port.strip_suffix(b")")) {
            out.push(b'(');
            self.port(digits, out);
            out.push(b')');
        }
    }

    fn hash(&self, value: &[u8]) -> u64 {
        self.key.hash_one(value)
    }
}

/// The line ends of a value, so that what follows keeps its line; the server begins further lines with a tab.
pub(in crate::ingest) fn lines_of(value: &[u8], out: &mut Vec<u8>) {
    for newline in memchr::memchr_iter(b'\n', value) {
        out.push(b'\n');
        if value.get(newline + 1) == Some(&b'\t') {
            out.push(b'\t');
        }
    }
}

fn write(out: &mut Vec<u8>, token: std::fmt::Arguments<'_>) {
    // Memory takes everything.
    let _ = out.write_fmt(token);
}

fn is_plain_list(inner: &[u8]) -> bool {
    !inner.is_empty() && !inner.iter().any(|byte| b"{}\"\\\n".contains(byte))
}

/// Digits, and a point among them.
pub(in crate::ingest) fn is_number(text: &[u8]) -> bool {
    let points = text.iter().filter(|byte| **byte == b'.').count();
    text.first().is_some_and(u8::is_ascii_digit)
        && points <= 1
        && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tell: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        tell(&mut out);
        String::from_utf8(out).expect("tokens are ASCII")
    }

    #[test]
    fn equal_values_have_equal_tokens_of_their_kind() {
        let tokens = Tokens::default();
        let value = |value: &str| told(|out| tokens.value(value.as_bytes(), out));
        assert_eq!(value("abc"), value("abc"));
        assert_ne!(value("abc"), value("abd"));
        assert!(value("abc").starts_with('v') && value("").is_empty());
        assert!(value("-42").strip_prefix('-').is_some_and(|number| is_number(number.as_bytes())));
        assert_eq!(value("42").len(), 18);
        assert_eq!(value("{1,NULL,1}"), format!("{{{0},NULL,{0}}}", value("1")));
        assert!(value("a\n\tb\nc").ends_with("\n\t\n"));
        assert_ne!(value("abc"), told(|out| Tokens::default().value(b"abc", out)));
    }

    #[test]
    fn hosts_lose_their_names_and_ports() {
        let tokens = Tokens::default();
        let host = |host: &str| told(|out| tokens.host(host.as_bytes(), out));
        assert_eq!(host("[local]"), "[local]");
        assert!(host("10.0.0.7(4711)").starts_with(&host("10.0.0.7")));
        assert!(!host("10.0.0.7(4711)").contains("4711"));
    }
}
