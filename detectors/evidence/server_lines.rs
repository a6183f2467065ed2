//! Statements of a trace that its database's log tells of, too: where a comment in the statement names the span that
//! sends it, the line of the log comes with the spans of the trace.
//!
//! A line whose statement was recorded adds to it what the server knows, and is gone. Of others the trace learns in
//! this way that they were sent.

use rustc_hash::FxHashMap;

use crate::evidence::shape::Family;
use crate::evidence::{Dictionary, Effort, Kind, Logged, ShapeRef, Span, SpanId, UNKNOWN};

/// Logs cut times to milliseconds: what the server took may stick out so far of what the client waited.
const TOLERANCE_NS: u64 = 2_000_000;

/// Puts lines of logs into the traces that they belong to.
#[derive(Debug, Default)]
pub(crate) struct ServerLines {
    spans: Vec<Span>,
    lines: Vec<Span>,
}

impl ServerLines {
    /// The spans of a trace without lines of a log: with what these tell. `None` where there are none, and nothing
    /// where only lines are known: no span of the trace was read.
    pub(crate) fn join(&mut self, spans: &[Span], dictionary: &Dictionary) -> Option<&[Span]> {
        if spans.iter().all(|span| span.logged == Logged::No) {
            return None;
        }
        self.spans.clear();
        self.lines.clear();
        for span in spans {
            let is_line = span.logged != Logged::No;
            if is_line { &mut self.lines } else { &mut self.spans }.push(*span);
        }
        if self.spans.iter().all(Span::is_lost) {
            self.spans.clear();
            return Some(&self.spans);
        }
        self.give_detail(dictionary);
        self.add_unrecorded();
        self.spans.sort_by_key(|span| (!span.is_lost(), span.start_ns, span.id));
        Some(&self.spans)
    }

    /// Gives each recorded statement what its line tells; the lines that are left are those of others.
    fn give_detail(&mut self, dictionary: &Dictionary) {
        let Self { spans, lines } = self;
        let mut recorded = Recorded::of(spans, lines, dictionary);
        lines.retain(|line| {
            let Some(place) = recorded.take(spans, line) else { return true };
            take_detail(&mut spans[place], line, dictionary);
            false
        });
    }

    /// Adds statements that were not recorded below the spans that sent them.
    fn add_unrecorded(&mut self) {
        let Self { spans, lines } = self;
        let parents: FxHashMap<SpanId, Span> = spans.iter().map(|span| (span.id, *span)).collect();
        let requests: Vec<Span> =
            spans.iter().filter(|span| span.kind == Kind::Entry).take(REQUESTS_MAX).copied().collect();
        lines.retain_mut(|line| {
            if !parents.contains_key(&line.parent) {
                // Whoever sent it was not recorded: an access log has the request, under an id of its own.
                let Some(request) = innermost(&requests, line) else { return false };
                line.parent = request.id;
            }
            true
        });
        lines.sort_by_key(|line| (line.parent, line.start_ns, line.id));
        for siblings in lines.chunk_by_mut(|one, other| one.parent == other.parent) {
            let Some(parent) = parents.get(&siblings[0].parent) else { continue };
            shift_into(parent, siblings);
            spans.extend(siblings.iter().map(|line| sent_by(parent, line)));
        }
    }
}

/// Requests of a trace in which a statement is looked for whose sender was not recorded.
const REQUESTS_MAX: usize = 64;

/// The shortest request in which a statement lies.
fn innermost<'s>(requests: &'s [Span], line: &Span) -> Option<&'s Span> {
    let around = requests.iter().filter(|request| {
        request.start_ns <= line.start_ns + TOLERANCE_NS && line.end_ns <= request.end_ns + TOLERANCE_NS
    });
    around.min_by_key(|request| (request.end_ns - request.start_ns, request.id))
}

/// Statements that were recorded, as lines name them.
#[derive(Debug)]
struct Recorded {
    /// By their own id: the place, and the shape of those that have a text.
    by_id: FxHashMap<SpanId, (usize, Option<ShapeRef>)>,
    /// By the span that sent them and their shape, none for those without a text.
    below: FxHashMap<(SpanId, Option<ShapeRef>), Siblings>,
    taken: Vec<bool>,
}

/// Statements of one span.
#[derive(Debug, Default)]
struct Siblings {
    /// In time order.
    places: Vec<usize>,
    /// The first that may still be taken.
    next: usize,
    /// Lines about them; if there are as many, each belongs to the next one, however clocks differ.
    lines: usize,
}

impl Recorded {
    fn of(spans: &[Span], lines: &[Span], dictionary: &Dictionary) -> Self {
        let mut recorded = Self {
            by_id: FxHashMap::default(),
            below: FxHashMap::default(),
            taken: vec![false; spans.len()],
        };
        for (place, span) in spans.iter().enumerate().filter(|(_, span)| span.kind == Kind::Sql) {
            let shape = has_text(span, dictionary).then_some(span.shape);
            recorded.by_id.insert(span.id, (place, shape));
            recorded.below.entry((span.parent, shape)).or_default().places.push(place);
        }
        for line in lines {
            if let Some(siblings) = recorded.below.get_mut(&(line.parent, Some(line.shape))) {
                siblings.lines += 1;
            }
        }
        recorded
    }

    /// Takes the statement of a line: the one that the line names, or the nearest of its siblings below that. Lines come
    /// in the order of time.
    fn take(&mut self, spans: &[Span], line: &Span) -> Option<usize> {
        let is_named = |(place, shape): &(usize, Option<ShapeRef>)| {
            !self.taken[*place] && shape.is_none_or(|shape| shape == line.shape)
        };
        let named = self.by_id.get(&line.parent).copied().filter(is_named).map(|(place, _)| place);
        let place = named
            .or_else(|| self.take_below(spans, (line.parent, Some(line.shape)), line))
            .or_else(|| self.take_below(spans, (line.parent, None), line))?;
        self.taken[place] = true;
        Some(place)
    }

    fn take_below(&mut self, spans: &[Span], key: (SpanId, Option<ShapeRef>), line: &Span) -> Option<usize> {
        let Siblings { places, next, lines } = self.below.get_mut(&key)?;
        let in_order = *lines == places.len();
        let apart = |place: usize| spans[place].start_ns.abs_diff(line.start_ns);
        while let Some(&place) = places.get(*next) {
            let nearer = places.get(*next + 1).is_some_and(|&after| apart(after) < apart(place));
            *next += 1;
            if !self.taken[place] && (in_order || !nearer) && is_long_enough(&spans[place], line) {
                return Some(place);
            }
        }
        None
    }
}

/// Whether a statement took its client as long as the server says that it took.
fn is_long_enough(span: &Span, line: &Span) -> bool {
    span.end_ns - span.start_ns + TOLERANCE_NS >= line.end_ns - line.start_ns
}

fn has_text(span: &Span, dictionary: &Dictionary) -> bool {
    dictionary.shape(span.shape).id.family == Family::Statement
}

fn take_detail(span: &mut Span, line: &Span, dictionary: &Dictionary) {
    if !has_text(span, dictionary) {
        span.shape = line.shape;
    }
    if !span.values.is_known() {
        span.values = line.values;
    }
    if span.rows == UNKNOWN {
        span.rows = line.rows;
    }
    if line.effort.has(Effort::TOLD) {
        (span.examined, span.effort) = (line.examined, line.effort);
    }
}

/// Moves statements of one span as a whole so that they lie within it: clocks of a service and its database may differ.
/// Those of one connection then follow one another.
fn shift_into(parent: &Span, lines: &mut [Span]) {
    let first_ns = lines.iter().map(|line| line.start_ns).min().unwrap_or(parent.start_ns);
    let last_ns = lines.iter().map(|line| line.end_ns).max().unwrap_or(parent.end_ns);
    // Where they are longer than it, they begin with it.
    let late_ns = last_ns.saturating_sub(parent.end_ns).min(first_ns.saturating_sub(parent.start_ns));
    let early_ns = parent.start_ns.saturating_sub(first_ns);
    let mut ended_ns: FxHashMap<u32, u64> = FxHashMap::default();
    for line in lines {
        let took_ns = line.end_ns - line.start_ns;
        let ended_ns = ended_ns.entry(line.thread).or_insert(parent.start_ns);
        line.start_ns = (line.start_ns + early_ns - late_ns).max(*ended_ns).min(parent.end_ns);
        line.end_ns = (line.start_ns + took_ns).min(parent.end_ns);
        *ended_ns = line.end_ns;
    }
}

/// The statement of a line among the spans of its sender: as long as the server took.
fn sent_by(parent: &Span, line: &Span) -> Span {
    Span { origin: parent.origin, logged: Logged::No, response_bytes: UNKNOWN, ..*line }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Values;
    use crate::evidence::shape::sql::{Dialect, Lexer};

    const MS: u64 = 1_000_000;

    fn shape(dictionary: &mut Dictionary, text: &str) -> ShapeRef {
        let shape = Lexer::new(1).describe(text.as_bytes(), Dialect::Postgres);
        dictionary.shape_ref(shape.id, || shape)
    }

    fn span(id: u64, parent: u64, (from_ms, to_ms): (u64, u64), shape: ShapeRef) -> Span {
        let kind = if parent == 0 { Kind::Entry } else { Kind::Sql };
        let (start_ns, end_ns) = (from_ms * MS, to_ms * MS);
        Span { id, parent, start_ns, end_ns, shape, kind, rows: UNKNOWN, ..Span::default() }
    }

    fn line(id: u64, parent: u64, between_ms: (u64, u64), shape: ShapeRef) -> Span {
        let logged = Logged::Execution;
        Span { logged, rows: 3, values: Values::hashed(id), ..span(id, parent, between_ms, shape) }
    }

    fn joined(spans: &[Span], dictionary: &Dictionary) -> Vec<Span> {
        ServerLines::default().join(spans, dictionary).map(<[Span]>::to_vec).unwrap_or_default()
    }

    #[test]
    fn a_recorded_statement_learns_what_its_line_tells() {
        let mut dictionary = Dictionary::default();
        let (one, other) = (shape(&mut dictionary, "SELECT 1"), shape(&mut dictionary, "SELECT a FROM b"));
        let request = span(1, 0, (100, 200), ShapeRef::default());
        let recorded =
            [span(2, 1, (110, 120), one), span(3, 1, (130, 140), one), span(4, 1, (150, 160), other)];
        // Comments name the statement's own span, or the request; the one without a text takes that, too.
        let lines =
            [line(12, 1, (131, 139), one), line(13, 2, (111, 119), one), line(14, 1, (152, 158), other)];
        let spans = joined(&[&[request][..], &recorded, &lines].concat(), &dictionary);
        let told: Vec<_> = spans.iter().map(|span| (span.id, span.values, span.rows, span.logged)).collect();
        let known = |id, line| (id, Values::hashed(line), 3, Logged::No);
        let request = (1, Values::UNKNOWN, UNKNOWN, Logged::No);
        assert_eq!(told, [request, known(2, 13), known(3, 12), known(4, 14)]);
    }

    #[test]
    fn statements_that_were_not_recorded_lie_within_their_request() {
        let mut dictionary = Dictionary::default();
        let one = shape(&mut dictionary, "SELECT 1");
        let request = span(1, 0, (100, 200), ShapeRef::default());
        for shift_ms in [50, 0, 300] {
            // The clock of the database is behind, right, and before; its times are cut, so that statements overlap.
            let at = |ms: u64| ms + shift_ms;
            let lines = [line(11, 1, (at(60), at(70)), one), line(12, 1, (at(69), at(79)), one)];
            let spans = joined(&[&[request][..], &lines].concat(), &dictionary);
            let times: Vec<_> =
                spans[1..].iter().map(|span| (span.start_ns / MS, span.end_ns / MS)).collect();
            let first = times[0].0;
            assert!((100..=190).contains(&first), "{times:?}");
            assert_eq!((times[1].0, spans[1].logged), (times[0].1, Logged::No));
        }
    }

    #[test]
    fn of_a_trace_that_was_not_read_nothing_is_made() {
        let dictionary = Dictionary::default();
        assert_eq!(joined(&[line(11, 1, (0, 1), ShapeRef::default())], &dictionary), []);
        assert_eq!(
            ServerLines::default().join(&[span(1, 0, (0, 1), ShapeRef::default())], &dictionary),
            None
        );
        let request = span(1, 0, (100, 200), ShapeRef::default());
        let elsewhere = line(11, 99, (310, 311), ShapeRef::default());
        assert_eq!(joined(&[request, elsewhere], &dictionary), [request]);
    }

    #[test]
    fn a_statement_whose_sender_was_not_recorded_is_of_the_request_around_it() {
        let dictionary = Dictionary::default();
        let requests =
            [span(1, 0, (100, 200), ShapeRef::default()), span(2, 0, (110, 150), ShapeRef::default())];
        let line = line(11, 99, (120, 121), ShapeRef::default());
        let spans = joined(&[&requests[..], &[line]].concat(), &dictionary);
        assert_eq!(
            spans.iter().map(|span| (span.id, span.parent)).collect::<Vec<_>>(),
            [(1, 0), (2, 0), (11, 2)]
        );
    }

    #[test]
    fn as_many_lines_as_statements_are_theirs_whatever_the_clock_says() {
        let mut dictionary = Dictionary::default();
        let one = shape(&mut dictionary, "SELECT 1");
        let request = span(1, 0, (0, 200), ShapeRef::default());
        let recorded: Vec<Span> =
            (0..9).map(|number| span(2 + number, 1, (number * 10, number * 10 + 9), one)).collect();
        let lines: Vec<Span> =
            (0..9).map(|number| line(20 + number, 1, (number * 10 + 50, number * 10 + 51), one)).collect();
        let spans = joined(&[&[request][..], &recorded, &lines].concat(), &dictionary);
        let values: Vec<Values> = spans[1..].iter().map(|span| span.values).collect();
        assert_eq!(values, (20..29).map(Values::hashed).collect::<Vec<_>>());
        // One is not in the log: the nearest ones are taken.
        let spans = joined(&[&[request][..], &recorded, &lines[4..5]].concat(), &dictionary);
        let known: Vec<u64> =
            spans.iter().filter(|span| span.values.is_known()).map(|span| span.id).collect();
        assert_eq!(known, [10]);
    }
}
