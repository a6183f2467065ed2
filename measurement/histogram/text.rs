//! Counts as text, short and quick to read: of a ledger hundreds of thousands are read at a time.
//!
//! Behind [`BEGIN`] stand letters, all that ASCII shows but the quote and the backslash, which JSON writes as they are. In their
//! order they say
//!
//! | letters | |
//! |---|---|
//! | 20 | a bin with 1 to 20 durations |
//! | 16 | two bins, one after the other, with 1 and 1, 1 and 2, …, 4 and 4 |
//! | 36 | 1 to 36 empty bins, and one with a single duration |
//! | 12 | 1 to 12 empty bins, and one with two |
//! | 4 | 1, 93, 185 or 277 empty bins, and as many more as one digit says |
//! | 1 | an empty bin, and as many more as three digits say |
//! | 3 | a bin with 21 durations, and as many more as one, three or seven digits say |
//!
//! Digits are letters, too, the first of them 0, the highest first. Bins that nothing is said of at the end are empty. So what is
//! usual, some hundred durations of which few are alike, takes a letter for each.

use super::BINS;
use super::filled::{COUNT_MAX, Filled};

/// What these texts begin with, and no base64: the version of the form.
pub(super) const BEGIN: &str = "1:";

/// Letters that there are, and what a digit is worth at the second place.
const HUNDRED: u64 = 92;

/// What a digit is worth at the fourth place.
const MILLION: u64 = HUNDRED * HUNDRED * HUNDRED;

/// Where each kind of letters begins.
const PAIRS: u8 = 20;
const ONES: u8 = PAIRS + PAIRED * PAIRED;
const TWOS: u8 = ONES + ONES_EMPTY;
const GAPS: u8 = TWOS + TWOS_EMPTY;
const LONG_GAP: u8 = GAPS + 4;
const COUNTS: [u8; 3] = [LONG_GAP + 1, LONG_GAP + 2, LONG_GAP + 3];

/// The most durations of each of two bins that are said by one letter.
const PAIRED: u8 = 4;

/// The most empty bins before one with a single duration, and before one with two, that are said by one letter.
const ONES_EMPTY: u8 = 36;
const TWOS_EMPTY: u8 = 12;

/// The fewest durations that are said in digits.
const MANY: u64 = 21;

/// Digits of a long gap.
const OF_GAP: usize = 3;

/// Digits of counts.
const OF_COUNTS: [usize; 3] = [1, 3, 7];

/// What a letter without digits says, put so that it only has to be added to the bin that is reached.
#[derive(Clone, Copy)]
struct Said {
    /// The first bin with durations.
    first: Filled,
    /// The bin after it, with or without durations.
    second: Filled,
    /// The bin after these.
    next: Filled,
    /// How many of them have durations; 0 where digits follow, or where it is no letter.
    bins: u8,
}

/// What each byte says.
static SAID: [Said; 256] = said();

const fn said() -> [Said; 256] {
    let none = Filled::few(0, 0);
    let mut said = [Said { first: none, second: none, next: none, bins: 0 }; 256];
    let mut letter = 0;
    while letter < GAPS {
        let (empty, first, second) = match letter {
            ..PAIRS => (0, letter + 1, 0),
            PAIRS..ONES => (0, (letter - PAIRS) / PAIRED + 1, (letter - PAIRS) % PAIRED + 1),
            ONES..TWOS => (letter - ONES + 1, 1, 0),
            _ => (letter - TWOS + 1, 2, 0),
        };
        let bins = if second > 0 { 2 } else { 1 };
        said[byte(letter) as usize] = Said {
            first: Filled::few(empty as u32, first),
            second: Filled::few(empty as u32 + 1, second),
            next: Filled::few((empty + bins) as u32, 0),
            bins,
        };
        letter += 1;
    }
    said
}

/// How a letter is written.
const fn byte(letter: u8) -> u8 {
    match letter {
        0 => b'!',
        // The quote is left out, and from the place of the backslash on that.
        1..58 => letter + 0x22,
        _ => letter + 0x23,
    }
}

/// Which letter a byte writes.
fn letter(byte: u8) -> Option<u8> {
    match byte {
        b'!' => Some(0),
        b'#'..=b'[' => Some(byte - 0x22),
        b']'..=b'~' => Some(byte - 0x23),
        _ => None,
    }
}

/// Bins and their counts as text; bins in order, none of them empty.
pub(super) fn encode(filled: &[Filled]) -> String {
    let mut text = BEGIN.to_owned();
    let (mut rest, mut next) = (filled, 0);
    while let [first, after @ ..] = rest {
        let (bin, count) = (first.bin(), first.count());
        let second = after.first().filter(|second| second.bin() == bin + 1).map(|second| second.count());
        let mut said = short(bin - next, count, second);
        if said.is_none() {
            push_gap(&mut text, bin - next);
            said = short(0, count, second);
        }
        match said {
            Some(letter) => push(&mut text, letter),
            None => push_count(&mut text, count),
        }
        let is_pair = said.is_some_and(|letter| (PAIRS..ONES).contains(&letter));
        next = bin + 1 + u32::from(is_pair);
        rest = &after[usize::from(is_pair)..];
    }
    text
}

/// The letter that says it all: empty bins, how many durations the next has, and those of the one after it, if it has any.
fn short(empty: u32, count: u64, second: Option<u64>) -> Option<u8> {
    let empty = u8::try_from(empty).ok()?;
    let count = u8::try_from(count).ok()?;
    let second = second.and_then(|second| u8::try_from(second).ok()).filter(|second| *second <= PAIRED);
    match (empty, count, second) {
        (0, ..=PAIRED, Some(second)) => Some(PAIRS + (count - 1) * PAIRED + second - 1),
        (0, ..=PAIRS, _) => Some(count - 1),
        (1..=ONES_EMPTY, 1, _) => Some(ONES + empty - 1),
        (1..=TWOS_EMPTY, 2, _) => Some(TWOS + empty - 1),
        _ => None,
    }
}

fn push(text: &mut String, letter: u8) {
    text.push(char::from(byte(letter)));
}

fn push_gap(text: &mut String, empty: u32) {
    let Some(more) = empty.checked_sub(1) else { return };
    let more = u64::from(more);
    let hundreds = u8::try_from(more / HUNDRED).ok().filter(|hundreds| *hundreds < LONG_GAP - GAPS);
    match hundreds {
        Some(hundreds) => push(text, GAPS + hundreds),
        None => push(text, LONG_GAP),
    }
    match hundreds {
        Some(_) => push_digits(text, more % HUNDRED, 1),
        None => push_digits(text, more, OF_GAP),
    }
}

fn push_count(text: &mut String, count: u64) {
    let more = count.saturating_sub(MANY);
    let (letter, digits) = match more {
        ..HUNDRED => (COUNTS[0], OF_COUNTS[0]),
        HUNDRED..MILLION => (COUNTS[1], OF_COUNTS[1]),
        _ => (COUNTS[2], OF_COUNTS[2]),
    };
    push(text, letter);
    push_digits(text, more, digits);
}

/// Adds a number in so many digits.
fn push_digits(text: &mut String, mut number: u64, count: usize) {
    let mut digits = [0; OF_COUNTS[2]];
    for digit in digits.iter_mut().rev() {
        *digit = (number % HUNDRED) as u8;
        number /= HUNDRED;
    }
    digits.iter().skip(digits.len() - count).for_each(|digit| push(text, *digit));
}

/// Bins and their counts out of what follows [`BEGIN`]. Which letters speak of two bins cannot be foretold, so that nothing
/// branches on it.
pub(super) fn decode(text: &str) -> Result<Vec<Filled>, String> {
    let mut letters = text.as_bytes().iter();
    let mut filled = Vec::with_capacity(text.len());
    let mut room = [Filled::few(0, 0); ROOM];
    let (mut reached, mut bins) = (Filled::few(0, 0), 0u8);
    while let Some(byte) = letters.next() {
        let said = &SAID[usize::from(*byte)];
        room[usize::from(bins)] = reached.beyond(said.first);
        room[usize::from(bins) + 1] = reached.beyond(said.second);
        reached = reached.beyond(said.next);
        bins += said.bins;
        if said.bins == 0 {
            let (long, rest) = Long::taken(*byte, letters.as_slice())?;
            letters = rest.iter();
            room[usize::from(bins)] = Filled::new(reached.bin(), long.count);
            bins += u8::from(long.count > 0);
            reached = Filled::few(reached.bin().saturating_add(long.bins).min(BINS + 1), 0);
        }
        if bins >= FULL {
            filled.extend_from_slice(&room[..usize::from(bins)]);
            bins = 0;
            check(reached.bin())?;
        }
    }
    filled.extend_from_slice(&room[..usize::from(bins)]);
    check(reached.bin()).map(|()| filled)
}

/// Bins that are kept at a time, numbered by a byte, and one more.
const ROOM: usize = 257;

/// So many leave no room for two more.
const FULL: u8 = 253;

fn check(bin: u32) -> Result<(), String> {
    match bin <= BINS {
        true => Ok(()),
        false => Err("it counts longer durations than there are".to_owned()),
    }
}

/// What a letter and digits after it say: empty bins, or one with many durations.
struct Long {
    bins: u32,
    count: u64,
}

impl Long {
    /// Takes the digits, and says what is left.
    fn taken(byte: u8, rest: &[u8]) -> Result<(Self, &[u8]), String> {
        let letter = letter(byte).ok_or("it has a letter that says nothing")?;
        let kind = COUNTS.iter().position(|count| *count == letter);
        let count = match kind {
            Some(kind) => OF_COUNTS[kind],
            None if letter == LONG_GAP => OF_GAP,
            None => 1,
        };
        let (digits, rest) = rest.split_at_checked(count).ok_or("a number ends early")?;
        let number = number(digits).ok_or("a number has other digits")?;
        if kind.is_some() {
            let count = number.checked_add(MANY).filter(|count| *count <= COUNT_MAX);
            return Ok((Self { bins: 1, count: count.ok_or("a count is too large")? }, rest));
        }
        let hundreds = letter.checked_sub(GAPS).filter(|_| letter < LONG_GAP).unwrap_or(0);
        let empty = 1 + u64::from(hundreds) * HUNDRED + number;
        Ok((Self { bins: u32::try_from(empty).unwrap_or(u32::MAX), count: 0 }, rest))
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    digits
        .iter()
        .try_fold(0u64, |number, digit| number.checked_mul(HUNDRED)?.checked_add(letter(*digit)?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(counts: &[(u32, u64)]) -> Vec<Filled> {
        counts.iter().map(|(bin, count)| Filled::new(*bin, *count)).collect()
    }

    fn written(counts: &[(u32, u64)]) -> String {
        let text = encode(&filled(counts));
        let letters = text.strip_prefix(BEGIN).unwrap();
        assert_eq!(decode(letters), Ok(filled(counts)), "{text}");
        letters.to_owned()
    }

    #[test]
    fn letters_are_those_that_json_writes_as_they_are() {
        let letters: String = (0..92).map(|letter| char::from(byte(letter))).collect();
        assert_eq!(serde_json::to_string(&letters).unwrap(), format!("\"{letters}\""));
        assert_eq!(
            (letters.as_bytes()[0], letters.as_bytes()[91], letters.contains(' ')),
            (b'!', b'~', false)
        );
        assert!((0..92).all(|place| letter(byte(place)) == Some(place)));
        assert_eq!([b' ', b'"', b'\\', 0x7f, 0xc3].map(letter), [None; 5]);
    }

    #[test]
    fn what_is_usual_takes_a_letter() {
        // The first letter, then those that each kind begins and ends with.
        assert_eq!(written(&[(0, 1)]), "!");
        assert_eq!(written(&[(0, 20), (1, 20)]), "55");
        assert_eq!(written(&[(0, 1), (1, 1), (2, 4), (3, 4)]), "6E");
        assert_eq!(written(&[(1, 1), (38, 1)]), "Fj");
        assert_eq!(written(&[(1, 2), (14, 2)]), "kv");
    }

    #[test]
    fn what_is_not_takes_digits() {
        assert_eq!(written(&[(1, 3)]), "w!$");
        assert_eq!(written(&[(92, 3), (186, 3)]), "w~$x!$");
        assert_eq!(written(&[(368, 3), (738, 3)]), "z~${!&!$");
        assert_eq!(written(&[(0, 21), (1, 112)]), "|!|~");
        assert_eq!(written(&[(0, 113)]), "}!#!");
        assert_eq!(written(&[(0, 21 + MILLION - 1), (1, 21 + MILLION)]).len(), 4 + 8);
        assert_eq!(written(&[(0, u64::MAX), (BINS - 1, u64::MAX)]).len(), 8 + 4 + 8);
    }

    #[test]
    fn any_counts_come_back() {
        let mut counts = Vec::new();
        let mut bin = 0;
        for step in 0..2_000u32 {
            bin += 1 + [0, 0, 0, 1, 9, 36, 37, 95][(step * 7 / 3 % 8) as usize] * (step % 3 / 2);
            counts.push((bin, [1, 1, 1, 2, 3, 4, 5, 21, 400][(step * 5 / 2 % 9) as usize]));
            written(&counts[counts.len().saturating_sub(200)..]);
        }
        written(&counts);
        assert_eq!(decode(""), Ok(Vec::new()));
    }

    #[test]
    fn counts_beyond_the_last_bin_are_an_error() {
        let gap = encode(&filled(&[(BINS - 1, 1)]));
        let letters = gap.strip_prefix(BEGIN).unwrap();
        assert_eq!(decode(letters), Ok(filled(&[(BINS - 1, 1)])));
        assert!(decode(&format!("{letters}!")).is_err());
        assert!(decode(&"j".repeat(2_000)).is_err() && decode(&"{~~~".repeat(20_000)).is_err());
    }

    #[test]
    fn what_says_nothing_is_an_error() {
        for letters in ["\"", "!\\", "! ", "ä", "w", "{!!", "|", "}!!", "~!!!!!!", "~~~~~~~~", "w\""] {
            assert!(decode(letters).is_err(), "{letters}");
        }
    }
}
