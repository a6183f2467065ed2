//! What an entry is called: a hash of all that it says.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Bytes of the hash that the id keeps: 80 bits, so that a second entry with the same id would take 2^80 attempts.
const BYTES: usize = 10;

/// Its length as text.
const LENGTH: usize = 16;

/// Base32 in small letters of the first ten bytes of the SHA-256 of an entry's canonical form without its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryId(String);

impl EntryId {
    /// The id of what has these canonical bytes, the id left out of them.
    pub fn of<'b>(parts: impl IntoIterator<Item = &'b [u8]>) -> Self {
        let mut hash = Sha256::new();
        parts.into_iter().for_each(|part| hash.update(part));
        Self(BASE32_NOPAD.encode(&hash.finalize()[..BYTES]).to_lowercase())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl From<EntryId> for String {
    fn from(id: EntryId) -> Self {
        id.0
    }
}

impl TryFrom<String> for EntryId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_digit = |byte: u8| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte);
        match text.len() == LENGTH && text.bytes().all(is_digit) {
            true => Ok(Self(text)),
            false => {
                Err(format!("{text:?} is no id of an entry: {LENGTH} small letters and digits from 2 to 7"))
            }
        }
    }
}

impl FromStr for EntryId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.to_owned().try_into()
    }
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_begin_of_the_hash() -> Result<(), String> {
        // SHA-256 of "abc" begins with ba7816bf8f01cfea4141 (FIPS 180-2, appendix B.1); base32 by RFC 4648.
        let id = EntryId::of([&b"a"[..], b"bc"]);
        assert_eq!(id.as_str(), "xj4bnp4pahh6uqkb");
        assert_eq!(id, "xj4bnp4pahh6uqkb".parse()?);
        Ok(())
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_id() {
        for text in ["", "../../etc/passwd", "xj4bnp4pahh6uqk", "XJ4BNP4PAHH6UQKB", "xj4bnp4pahh6uqk1"] {
            assert!(text.parse::<EntryId>().is_err(), "{text}");
        }
    }
}
