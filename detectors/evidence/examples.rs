//! Statements of logs as they were executed, with their values: kept only where that was asked for.

use rustc_hash::FxHashMap;

use super::{Dictionary, ShapeRef, Span, SpanId, Symbol};
use crate::figures::clean;
use crate::finding::Example;

/// Bytes of a statement that are kept, and of its parameters.
const TEXT_MAX: usize = 2_000;

/// Bytes of all that is kept.
const BYTES_MAX: usize = 16 << 20;

/// One execution of each statement: the slowest, as far as the line that has the text says how long it took.
#[derive(Debug, Default)]
pub struct Examples {
    by_statement: FxHashMap<(ShapeRef, Symbol), Kept>,
    bytes: usize,
    is_full: bool,
}

#[derive(Debug)]
struct Kept {
    /// What the execution took, and its line.
    rank: (u64, SpanId),
    /// What all executions took.
    total_ns: u64,
    text: Box<[u8]>,
    parameters: Option<Box<[u8]>>,
    is_cut: bool,
}

impl Kept {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.text.len() + self.parameters.as_ref().map_or(0, |values| values.len())
    }
}

impl Examples {
    /// Notes a line with the text of a statement and what its parameters are.
    pub fn note(&mut self, line: &Span, text: &[u8], parameters: Option<&[u8]>) {
        if !line.logged.has_statement_executed() || line.shape == ShapeRef::default() {
            return;
        }
        let took_ns = line.end_ns - line.start_ns;
        let (rank, statement) = ((took_ns, line.id), (line.shape, line.target));
        if let Some(known) = self.by_statement.get_mut(&statement) {
            known.total_ns = known.total_ns.saturating_add(took_ns);
            if known.rank >= rank {
                return;
            }
        }
        let is_cut = [Some(text), parameters].into_iter().flatten().any(|text| text.len() > TEXT_MAX);
        let kept = |text: &[u8]| text[..text.len().min(TEXT_MAX)].into();
        let parameters = parameters.map(kept);
        self.put(statement, Kept { rank, total_ns: took_ns, text: kept(text), parameters, is_cut });
    }

    /// Adds what another worker kept.
    pub fn merge(&mut self, other: Self) {
        self.is_full |= other.is_full;
        other.by_statement.into_iter().for_each(|(statement, kept)| self.put(statement, kept));
    }

    /// Puts those together whose shapes are one after all.
    #[must_use]
    pub fn settle(self, shape: impl Fn(ShapeRef) -> ShapeRef) -> Self {
        let mut settled = Self { is_full: self.is_full, ..Self::default() };
        for ((folded, database), kept) in self.by_statement {
            settled.put((shape(folded), database), kept);
        }
        settled
    }

    /// Whether statements that take little were left out, as there are too many.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// The execution that was kept of a statement of a database.
    pub(crate) fn of(&self, shape: ShapeRef, database: Symbol, dictionary: &Dictionary) -> Option<Example> {
        self.by_statement.get(&(shape, database)).map(|kept| told(kept, dictionary))
    }

    /// The slowest that was kept of a statement of whichever database.
    pub(crate) fn of_shape(&self, shape: ShapeRef, dictionary: &Dictionary) -> Option<Example> {
        let of_shape = self.by_statement.iter().filter(|((known, _), _)| *known == shape);
        let slowest = of_shape.map(|(_, kept)| kept).max_by_key(|kept| kept.rank);
        slowest.map(|kept| told(kept, dictionary))
    }

    fn put(&mut self, statement: (ShapeRef, Symbol), mut kept: Kept) {
        if let Some(known) = self.by_statement.remove(&statement) {
            self.bytes -= known.bytes();
            // An execution that was noted before is in the sum that it ends with.
            let total_ns = known.total_ns.max(kept.total_ns);
            kept = if known.rank > kept.rank { known } else { kept };
            kept.total_ns = total_ns;
        }
        self.bytes += kept.bytes();
        self.by_statement.insert(statement, kept);
        if self.bytes > BYTES_MAX {
            self.leave_out_half();
        }
    }

    /// Leaves out the half of the statements that take least.
    fn leave_out_half(&mut self) {
        self.is_full = true;
        let mut totals: Vec<u64> = self.by_statement.values().map(|kept| kept.total_ns).collect();
        let middle = totals.len() / 2;
        let (_, &mut least_ns, _) = totals.select_nth_unstable(middle);
        self.by_statement.retain(|_, kept| kept.total_ns > least_ns);
        self.bytes = self.by_statement.values().map(Kept::bytes).sum();
    }
}

fn told(kept: &Kept, dictionary: &Dictionary) -> Example {
    let shown = |bytes: &[u8]| clean(whole(&String::from_utf8_lossy(bytes), bytes.len()).trim());
    let (took_ns, line) = kept.rank;
    Example {
        text: shown(&kept.text),
        parameters: kept.parameters.as_deref().map(shown),
        is_cut: kept.is_cut,
        duration_ns: Some(took_ns).filter(|took_ns| *took_ns > 0),
        place: dictionary.place_of_line(line),
    }
}

/// Without what is left of a character that was cut.
fn whole(text: &str, bytes: usize) -> &str {
    if bytes < TEXT_MAX { text } else { text.trim_end_matches('\u{fffd}') }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Logged;

    fn line(shape: u32, number: SpanId, took_ns: u64) -> Span {
        let logged = Logged::Execution;
        Span { id: number, end_ns: took_ns, shape: ShapeRef(shape), logged, ..Span::default() }
    }

    fn text(examples: &Examples, shape: u32) -> Option<String> {
        examples.of_shape(ShapeRef(shape), &Dictionary::default()).map(|example| example.text)
    }

    #[test]
    fn the_slowest_is_kept_in_whichever_order_and_in_parts() {
        let lines = [(1, 50), (2, 90), (3, 20), (4, 90)];
        for turn in 0..lines.len() {
            let mut halves = [Examples::default(), Examples::default()];
            for place in 0..lines.len() {
                let (number, took_ns) = lines[(place + turn) % lines.len()];
                halves[place % 2].note(
                    &line(1, number, took_ns),
                    format!("SELECT {number}").as_bytes(),
                    None,
                );
            }
            let [mut all, other] = halves;
            all.merge(other);
            assert_eq!(text(&all, 1).as_deref(), Some("SELECT 4"));
        }
    }

    #[test]
    fn long_texts_are_cut_and_what_acts_on_a_terminal_is_replaced() {
        let mut examples = Examples::default();
        let long = format!("SELECT '{}'", "é".repeat(3_000));
        examples.note(&line(1, 1, 1), long.as_bytes(), Some(b"$1 = '\x1b[31m\xe2\x80\xae\n'"));
        let told = examples.of_shape(ShapeRef(1), &Dictionary::default()).expect("an example");
        assert!(told.is_cut && told.text.len() <= TEXT_MAX && told.text.ends_with('é'));
        assert_eq!(told.parameters.as_deref(), Some("$1 = '\u{fffd}[31m\u{fffd} '"));
    }

    #[test]
    fn memory_is_bounded_and_keeps_what_takes_most() {
        let mut examples = Examples::default();
        let text = vec![b'x'; TEXT_MAX];
        for number in 1..=20_000 {
            let took_ns = if number == 7 { 1_000_000 } else { u64::from(number % 1_000) };
            examples.note(&line(number, u64::from(number), took_ns), &text, None);
            assert!(examples.bytes <= BYTES_MAX);
        }
        assert!(examples.is_full() && self::text(&examples, 7).is_some());
    }
}
