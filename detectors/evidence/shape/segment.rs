//! Tells ids from words in paths, hosts, keys and names.

use super::letters;

/// What a part of a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Chosen by a programmer: stays.
    Word,
    /// Chosen by data: a number, an id, a date, something random.
    Id,
    /// May be anything a user typed: never shown.
    Hidden,
}

/// A longer part is data whatever it looks like.
const WORD_BYTES: usize = 40;

/// Judges a part by its form.
pub(super) fn part(bytes: &[u8]) -> Part {
    if is_uuid(bytes) || (bytes.len() >= 32 && bytes.iter().all(u8::is_ascii_hexdigit)) {
        return Part::Id;
    }
    let plain =
        |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'@' | b'%' | b'"' | b'\'' | b'{' | b'}');
    if bytes.len() > WORD_BYTES || !bytes.iter().all(plain) {
        return Part::Hidden;
    }
    if is_numeric(bytes) || is_hex(bytes) || is_random(bytes) { Part::Id } else { Part::Word }
}

/// 8-4-4-4-12 hex digits.
fn is_uuid(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"{").and_then(|bytes| bytes.strip_suffix(b"}")).unwrap_or(bytes);
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Numbers, lists of numbers, dates and times.
fn is_numeric(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_digit)
        && bytes.iter().all(|byte| byte.is_ascii_digit() || b"-+.,:;~TZ".contains(byte))
        && !matches!(bytes, [b'T' | b'Z', ..])
}

/// At least eight hex digits, some of them digits, as in commit ids and Mongo's object ids.
fn is_hex(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"0x").unwrap_or(bytes);
    let length = digits.len();
    length >= 8
        && digits.iter().all(u8::is_ascii_hexdigit)
        && (length >= 16 || digits.iter().any(u8::is_ascii_digit))
}

/// ULIDs, KSUIDs, nano ids, base64, prefixed ids such as `cus_9s6XKzkNRiz8i3`, `order-12345`.
fn is_random(bytes: &[u8]) -> bool {
    bytes.split(|byte| matches!(byte, b'-' | b'_' | b'.' | b'=' | b'~' | b',' | b':')).any(is_random_run)
        || (bytes.len() >= 16 && switches(bytes) * 3 >= bytes.len())
        || letters::are_random(bytes)
}

fn is_random_run(run: &[u8]) -> bool {
    let digits = run.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = run.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if digits + letters < run.len() || run.len() < 3 {
        return false;
    }
    if letters == 0 {
        // `order-12345` is one of many, `report-2024` and `shard-17` may be names.
        return digits >= 5;
    }
    let ends = run.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let mixed = digits > 0 && ends < digits;
    match run.len() {
        20.. => digits > 0 || switches(run) * 4 >= run.len() || has_no_vowels(run),
        8.. => {
            (mixed && digits >= 2 && switches(run) >= 4)
                || digits >= 5
                || switches(run) * 5 >= run.len() * 2
                || has_no_vowels(run)
        }
        5.. => mixed && digits >= 2 && switches(run) >= 4,
        _ => false,
    }
}

/// How often the kind of character changes; a capital that starts a word does not count twice.
fn switches(bytes: &[u8]) -> usize {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'A'..=b'Z' => 1,
        b'a'..=b'z' => 2,
        _ => 3,
    };
    let changes = |pair: &[u8]| kind(pair[0]) != kind(pair[1]) && (kind(pair[0]), kind(pair[1])) != (1, 2);
    bytes.windows(2).filter(|pair| changes(pair) && !pair.iter().any(|byte| kind(*byte) == 3)).count()
}

/// No language writes eight letters without a vowel, nor six consonants in a row but for names.
fn has_no_vowels(run: &[u8]) -> bool {
    run.iter().all(|byte| !b"aeiouyAEIOUY".contains(byte)) && run.iter().any(u8::is_ascii_lowercase)
}

/// Appends a part with its id taken out; says whether it was data.
pub(super) fn push_part(text: &mut String, bytes: &[u8]) -> bool {
    let shown = match part(bytes) {
        Part::Word => {
            text.extend(bytes.iter().map(|byte| char::from(*byte)));
            return false;
        }
        Part::Hidden => "{}",
        Part::Id => "{id}",
    };
    text.push_str(shown);
    if let Some(extension) = extension(bytes).filter(|_| shown == "{id}") {
        text.push('.');
        text.extend(extension.iter().map(|byte| char::from(*byte)));
    }
    true
}

/// The extension of a file name.
fn extension(bytes: &[u8]) -> Option<&[u8]> {
    let dot = bytes.iter().rposition(|byte| *byte == b'.')?;
    let extension = bytes.get(dot + 1..)?;
    let fits = matches!(extension.len(), 2..=5)
        && extension.iter().all(u8::is_ascii_alphanumeric)
        && extension.first().is_some_and(u8::is_ascii_lowercase);
    (fits && dot > 0).then_some(extension)
}

#[cfg(test)]
mod tests {
    use super::{Part, part};

    #[test]
    fn ids() {
        let ids = [
            "1",
            "42",
            "-3",
            "1,2,3",
            "2024-01-31",
            "2024-01-31T10:00:00Z",
            "1.5",
            "7d9f3a4e-8b2c-4e5f-9a1b-0c2d3e4f5a6b",
            "7d9f3a4e8b2c4e5f9a1b0c2d3e4f5a6b",
            "507f1f77bcf86cd799439011",
            "3f2a91bc",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "0ujtsYcgvSTl8PAuAdqWYSMnLOv",
            "V1StGXR8_Z5jdHi6B-myT",
            "cus_9s6XKzkNRiz8i3",
            "order-12345",
            "dQw4w9WgXcQ",
            "pi_3MtwBwLkdIwHu7ix28a3tqPa",
            "ch_1a2b3c4d",
            "report-3f2a91bc.pdf",
            "x7k9q2",
            "MTIzNDU2Nzg5MA==",
            "AKIAIOSFODNN7EXAMPLE",
            "user_2xkq9z7w",
        ];
        for id in ids {
            assert_eq!(part(id.as_bytes()), Part::Id, "{id}");
        }
    }

    #[test]
    fn words() {
        let words = [
            "orders",
            "v1",
            "v2.1",
            "api",
            "oauth2",
            "base64",
            "customer-addresses",
            "getUserById",
            "GetOrderHistoryForCustomer",
            "logo.png",
            "main.css",
            "shard-17",
            "report-2024",
            "s3",
            "list_all_items",
            "my-first-post-about-rust",
            "health",
            "deadbeef-cafe",
            "PaymentIntents",
            "x509",
            "ipv4",
            "sha256",
            "jquery.min.js",
            "graphql",
            "_next",
            ".well-known",
            "rhythms",
            "utf8mb4",
            "index.html",
            "iPhone",
            "internationalization",
            "h2",
            "3d",
            "2fa",
            "k8s",
            "i18n",
            "OpenID2Callback",
            "step1-of-3",
            "a11y",
        ];
        for word in words {
            assert_eq!(part(word.as_bytes()), Part::Word, "{word}");
        }
    }

    #[test]
    fn what_a_user_typed_is_hidden() {
        for value in [
            "jane@example.com",
            "a%20b",
            "what is this",
            "größe",
            "a-very-long-title-that-somebody-gave-to-a-post",
        ] {
            assert_eq!(part(value.as_bytes()), Part::Hidden, "{value}");
        }
    }
}
