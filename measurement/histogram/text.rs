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
use super::bins::{STEPS, middle, spare};
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

/// What letters without digits say, in one number, so that it adds up: how far the next bin is from the first one that knows the
/// same bits, for each duration how many bins before the next one it lies, and how many durations there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Said(u64);

impl Said {
    /// More bins than know the same bits.
    const BEYOND: Self = Self::new(STEPS + 1, 0, 0);

    /// Where each of the numbers begins: what some letters say takes less.
    const BEFORE_NEXT: u32 = 16;
    const BINS: u32 = 40;

    const fn new(bins: u32, before_next: u8, count: u8) -> Self {
        Self((bins as u64) << Self::BINS | (before_next as u64) << Self::BEFORE_NEXT | count as u64)
    }

    fn and(self, more: Self) -> Self {
        Self(self.0 + more.0)
    }

    fn bins(self) -> u32 {
        // Bits beyond are of no letter.
        (self.0 >> Self::BINS) as u32
    }

    fn before_next(self) -> u64 {
        self.0 >> Self::BEFORE_NEXT & u64::from(u16::MAX)
    }

    fn count(self) -> u64 {
        self.0 & u64::from(u16::MAX)
    }
}

/// What each byte says; [`Said::BEYOND`] where digits follow, or where it is no letter.
static SAID: [Said; 256] = said();

const fn said() -> [Said; 256] {
    let mut said = [Said::BEYOND; 256];
    let mut letter = 0;
    while letter < GAPS {
        said[byte(letter) as usize] = match letter {
            ..PAIRS => Said::new(1, letter + 1, letter + 1),
            PAIRS..ONES => {
                let (first, second) = ((letter - PAIRS) / PAIRED + 1, (letter - PAIRS) % PAIRED + 1);
                Said::new(2, 2 * first + second, first + second)
            }
            ONES..TWOS => Said::new((letter - ONES + 2) as u32, 1, 1),
            _ => Said::new((letter - TWOS + 2) as u32, 2, 2),
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

/// Bins and their counts out of what follows [`BEGIN`].
pub(super) fn decode(letters: &[u8]) -> Result<Vec<Filled>, String> {
    let mut filled = Vec::with_capacity(letters.len());
    let (mut reached, mut rest) = (0, letters);
    while !rest.is_empty() {
        let one = One::taken(rest, reached)?;
        filled.extend(one.filled());
        (reached, rest) = (one.next, one.rest);
    }
    Ok(filled)
}

/// Text that was read once and says what it counts without its bins being made: of most no more is asked.
#[derive(Debug, Clone)]
pub(super) struct Letters {
    /// What follows [`BEGIN`].
    letters: Box<[u8]>,
    /// Where the text was looked at anew.
    marks: Vec<Mark>,
    /// All durations.
    pub(super) total: u64,
    /// Their sum, each as long as the middle of its bin.
    pub(super) sum: u128,
}

/// Letters that are looked at together.
const SOME: usize = 32;

/// Marks beyond those of all such letters, where few durations are long: durations with as many bits end them, too.
const MARKS_MORE: usize = 12;

/// A place in the text.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// The next letter.
    place: u32,
    /// The next bin.
    bin: u32,
    /// Durations before.
    count: u64,
}

impl Letters {
    /// Reads what follows [`BEGIN`].
    pub(super) fn read(letters: &[u8]) -> Result<Self, String> {
        let mut marks = Vec::with_capacity(letters.len() / SOME + MARKS_MORE);
        let (mut rest, mut bin, mut total, mut sum) = (letters, 0, 0, 0);
        while !rest.is_empty() {
            let place = u32::try_from(letters.len() - rest.len()).map_err(|_| "it is too long")?;
            marks.push(Mark { place, bin, count: total });
            let mut alike = Alike::at(rest, bin);
            sum += u128::from(alike.take_some());
            total += alike.reached.count();
            (rest, bin) = (alike.rest, alike.bin());
            if alike.is_over() {
                let one = One::taken(rest, bin)?;
                for filled in one.filled() {
                    sum += u128::from(middle(filled.bin())) * u128::from(filled.count());
                    total += filled.count();
                }
                (rest, bin) = (one.rest, one.next);
            }
        }
        Ok(Self { letters: letters.into(), marks, total, sum })
    }

    /// Bins and their counts.
    pub(super) fn filled(&self) -> Vec<Filled> {
        // They were read before.
        decode(&self.letters).unwrap_or_default()
    }

    /// The first bin with which so many durations are reached.
    pub(super) fn reached(&self, wanted: u64) -> Option<Filled> {
        let after = self.marks.partition_point(|mark| mark.count < wanted);
        let mark = self.marks.get(after.checked_sub(1)?)?;
        let mut alike = Alike::at(self.letters.get(mark.place as usize..)?, mark.bin);
        alike.take_while(self.letters.len(), |next, _| mark.count + next.count() < wanted);
        let mut count = mark.count + alike.reached.count();
        One::taken(alike.rest, alike.bin()).ok()?.filled().find(|filled| {
            count += filled.count();
            count >= wanted
        })
    }
}

/// Letters whose durations know the same bits, so that their bins are equally far apart.
struct Alike<'l> {
    /// What follows.
    rest: &'l [u8],
    /// The first bin that knows these bits.
    begin: u32,
    /// What was said.
    reached: Said,
}

impl<'l> Alike<'l> {
    fn at(rest: &'l [u8], bin: u32) -> Self {
        Self { rest, begin: bin / STEPS * STEPS, reached: Said::new(bin % STEPS, 0, 0) }
    }

    /// The next bin.
    fn bin(&self) -> u32 {
        self.begin + self.reached.bins()
    }

    /// Goes on by so many letters at most, as long as each is like these and is wanted: by what is said with it, and by it alone.
    fn take_while(&mut self, mut most: usize, mut is_wanted: impl FnMut(Said, Said) -> bool) {
        while most > 0 {
            let (mut reached, mut taken) = (self.reached, 0);
            for byte in &self.rest[..self.rest.len().min(most)] {
                let said = SAID[usize::from(*byte)];
                let next = reached.and(said);
                if next >= Said::BEYOND || !is_wanted(next, said) {
                    break;
                }
                reached = next;
                taken += 1;
            }
            (self.reached, self.rest) = (reached, &self.rest[taken..]);
            let Some((reached, rest)) = self.beyond_gap() else { return };
            (self.reached, self.rest) = (reached, rest);
            most = most.saturating_sub(taken + 1);
        }
    }

    /// What is said behind a short gap, and what follows.
    fn beyond_gap(&self) -> Option<(Said, &'l [u8])> {
        let ([letter, digit], rest) = self.rest.split_first_chunk()?;
        let reached = self.reached.and(Said::new(gap(*letter, *digit)?, 0, 0));
        (reached < Said::BEYOND).then_some((reached, rest))
    }

    /// Whether the next letter is not like these.
    fn is_over(&self) -> bool {
        let next = self.rest.first().map(|byte| self.reached.and(SAID[usize::from(*byte)]));
        next.is_some_and(|next| next >= Said::BEYOND) && self.beyond_gap().is_none()
    }

    /// Goes on by some letters, of which each is like these: the sum of their durations, each as long as the middle of its bin.
    fn take_some(&mut self) -> u64 {
        let mut sum = 0;
        self.take_while(SOME, |next, said| {
            // Of each duration the next bin adds up; what stands below it has room.
            sum += next.0 * said.count();
            true
        });
        let steps = (sum >> Said::BINS) - self.reached.before_next();
        (steps << spare(self.begin)) + middle(self.begin) * self.reached.count()
    }
}

/// One letter, with the digits after it.
struct One<'l> {
    /// The last two bins before the next, with or without durations.
    filled: [Filled; 2],
    /// The next bin.
    next: u32,
    /// What follows.
    rest: &'l [u8],
}

impl<'l> One<'l> {
    /// Takes the first letter, where so many bins are spoken of already.
    fn taken(letters: &'l [u8], reached: u32) -> Result<Self, String> {
        let (byte, rest) = letters.split_first().ok_or("it ends early")?;
        let said = SAID[usize::from(*byte)];
        let (long, rest) = match said {
            Said::BEYOND => Long::taken(*byte, rest)?,
            _ => (Long { bins: said.bins(), count: said.count() }, rest),
        };
        let next = reached.saturating_add(long.bins);
        if next > BINS {
            return Err("it counts longer durations than there are".to_owned());
        }
        // Of two bins the first has what lies two bins before the next.
        let first = if said == Said::BEYOND { 0 } else { said.before_next() - said.count() };
        let filled = |back: u32, count: u64| Filled::new(next.saturating_sub(back), count);
        let filled = [filled(2, first), filled(1, long.count - first)];
        Ok(Self { filled, next, rest })
    }

    fn filled(&self) -> impl Iterator<Item = Filled> + use<> {
        self.filled.into_iter().filter(|filled| filled.count() > 0)
    }
}

/// The empty bins that a letter and one digit say.
fn gap(byte: u8, digit: u8) -> Option<u32> {
    let hundreds = letter(byte)?.checked_sub(GAPS).filter(|hundreds| *hundreds < LONG_GAP - GAPS)?;
    Some(1 + u32::from(hundreds) * HUNDRED as u32 + u32::from(letter(digit)?))
}

/// What a letter and digits after it say: empty bins, or one with many durations.
struct Long {
    bins: u32,
    count: u64,
}

impl Long {
    /// Takes the digits, and says what is left.
    fn taken(byte: u8, rest: &[u8]) -> Result<(Self, &[u8]), String> {
        if let Some((digit, rest)) = rest.split_first()
            && let Some(bins) = gap(byte, *digit)
        {
            return Ok((Self { bins, count: 0 }, rest));
        }
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
        Ok((Self { bins: u32::try_from(number + 1).unwrap_or(u32::MAX), count: 0 }, rest))
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    digits
        .iter()
        .try_fold(0u64, |number, digit| number.checked_mul(HUNDRED)?.checked_add(letter(*digit)?.into()))
}

#[cfg(test)]
mod tests {
    use super::super::filled::{sum, total};
    use super::*;

    fn filled(counts: &[(u32, u64)]) -> Vec<Filled> {
        counts.iter().map(|(bin, count)| Filled::new(*bin, *count)).collect()
    }

    fn written(counts: &[(u32, u64)]) -> String {
        let (filled, text) = (filled(counts), encode(&filled(counts)));
        let letters = text.strip_prefix(BEGIN).unwrap();
        assert_eq!(decode(letters.as_bytes()), Ok(filled.clone()), "{text}");
        let read = Letters::read(letters.as_bytes()).unwrap();
        assert_eq!((read.total, read.sum), (total(&filled), sum(&filled)), "{text}");
        let mut reached = 0;
        for bin in filled {
            assert_eq!(
                (read.reached(reached + 1), read.reached(reached + bin.count())),
                (Some(bin), Some(bin))
            );
            reached += bin.count();
        }
        assert_eq!(read.reached(reached + 1), None);
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
        assert_eq!(decode(b""), Ok(Vec::new()));
    }

    #[test]
    fn counts_beyond_the_last_bin_are_an_error() {
        let gap = encode(&filled(&[(BINS - 1, 1)]));
        let letters = gap.strip_prefix(BEGIN).unwrap();
        assert_eq!(decode(letters.as_bytes()), Ok(filled(&[(BINS - 1, 1)])));
        for beyond in [format!("{letters}!"), "j".repeat(2_000), "{~~~".repeat(20_000)] {
            assert!(decode(beyond.as_bytes()).is_err() && Letters::read(beyond.as_bytes()).is_err());
        }
    }

    #[test]
    fn what_says_nothing_is_an_error() {
        for letters in ["\"", "!\\", "! ", "ä", "w", "{!!", "|", "}!!", "~!!!!!!", "~~~~~~~~", "w\""] {
            assert!(decode(letters.as_bytes()).is_err(), "{letters}");
            assert!(Letters::read(letters.as_bytes()).is_err(), "{letters}");
        }
    }
}
