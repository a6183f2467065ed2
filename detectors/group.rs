//! The calls of one shape in a request: what they have in common, read once for all detectors.

use rustc_hash::FxHashSet;

use crate::candidate::{Candidate, Mark, View};
use crate::evidence::shape::sql::{Comparison, Facts, Verb};
use crate::evidence::trace::{EndpointName, Operation, Request};
use crate::evidence::{Dictionary, Kind, LocationRef, Role, Shape, ShapeRef, Span, Symbol, UNKNOWN, Values};
use crate::kinship::Kinship;
use crate::nature::Nature;

/// Calls further away than this are not searched for what a loop belongs to.
const LOOK_AROUND: usize = 64;

/// So many different values are compared with others one by one; more are sorted.
const FEW_VALUES: usize = 8;

/// Elements of a list from which on a statement loads in bulk: mappers write a list for one key,
/// and nobody chunks by three.
const BULK_MIN: u32 = 4;

/// What the text of a call says of whether it handles many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bulk {
    /// It does.
    Always,
    /// It does not, unless several are sent as one.
    Never,
    /// It inserts rows, of so many parameters each.
    Inserts { row: u32 },
    /// It has a list, and so many marks in its text; [`UNKNOWN`] where they do not tell how long the list is.
    Lists { marks: u32 },
}

impl Bulk {
    /// What the shape of a call says.
    pub(crate) fn of(kind: Kind, shape: &Shape) -> Self {
        let text = &*shape.text;
        let is_bulk = match kind {
            Kind::Sql => return Self::of_statement(shape),
            Kind::Document => ["$in", "many", "bulk", "batch"].iter().any(|bulk| contains(text, bulk)),
            Kind::Cache => {
                let word = first_word(text);
                ["mget", "mset", "hmget", "hmset", "hgetall", "pipeline", "multi", "exec", "get_multi"]
                    .iter()
                    .any(|bulk| word.eq_ignore_ascii_case(bulk))
            }
            Kind::Rpc => contains(text, "batch") || contains(text, "bulk"),
            _ => false,
        };
        if is_bulk { Self::Always } else { Self::Never }
    }

    fn of_statement(shape: &Shape) -> Self {
        let compared = shape.facts.as_deref().map_or(&[][..], |facts| &facts.predicates);
        match verb(shape) {
            Verb::Copy => Self::Always,
            Verb::Insert | Verb::Merge if contains(&shape.text, "unnest") => Self::Always,
            Verb::Insert | Verb::Merge => Self::Inserts { row: parameters_of_row(&shape.text) },
            _ if compared.iter().all(|predicate| predicate.comparison != Comparison::In) => Self::Never,
            _ if contains(&shape.text, " any") => Self::Lists { marks: UNKNOWN },
            _ => Self::Lists { marks: shape.text.matches('?').count() as u32 },
        }
    }
}

/// Calls of one shape, in time order; at least one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group<'a> {
    pub(crate) view: &'a View<'a>,
    /// Numbers of the operations.
    pub(crate) numbers: &'a [u32],
    /// The first of them.
    pub(crate) first: &'a Operation,
    /// Their shape.
    pub(crate) shape: &'a Shape,
}

/// What is known of the values of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupValues {
    /// At least one call hides them.
    Unknown,
    /// All calls have the same.
    Same,
    /// They differ.
    Other,
}

/// How the time of a group lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Durations added up.
    pub(crate) sum_ns: u64,
    /// Time that is covered by at least one.
    pub(crate) union_ns: u64,
    /// The longest.
    pub(crate) longest_ns: u64,
}

impl<'a> Group<'a> {
    /// A group of a view; `None` if it is empty.
    pub(crate) fn of(view: &'a View<'a>, numbers: &'a [u32]) -> Option<Self> {
        let first = view.operation(*numbers.first()?);
        Some(Self { view, numbers, first, shape: view.dictionary.shape(first.shape) })
    }

    /// The operations.
    pub(crate) fn operations(&self) -> impl DoubleEndedIterator<Item = &'a Operation> + use<'a> {
        let view = self.view;
        self.numbers.iter().map(move |&number| view.operation(number))
    }

    /// How many calls they stand for: one span may report several.
    pub(crate) fn calls(&self) -> u64 {
        self.operations().map(|call| u64::from(call.repeats.max(1))).sum()
    }

    /// What it does, if it is a statement.
    pub(crate) fn verb(&self) -> Verb {
        verb(self.shape)
    }

    /// What a parser found, if it is a statement.
    pub(crate) fn facts(&self) -> Option<&'a Facts> {
        self.shape.facts.as_deref()
    }

    /// Whether it changes something.
    pub(crate) fn writes(&self) -> bool {
        self.view.nature(self.numbers[0]).has(Nature::WRITES)
    }

    /// What is known of the values.
    pub(crate) fn values(&self) -> GroupValues {
        let first = self.known_values(self.first);
        let mut values = GroupValues::Same;
        for call in self.operations() {
            match self.known_values(call) {
                None => return GroupValues::Unknown,
                known if known != first => values = GroupValues::Other,
                _ => {}
            }
        }
        values
    }

    /// Whether they have more different values than this; `None` where at least one call hides them.
    pub(crate) fn has_more_values_than(&self, few: usize) -> Option<bool> {
        let mut seen = Vec::with_capacity(FEW_VALUES);
        for call in self.operations() {
            let values = self.known_values(call)?;
            // Where most differ, the first ones tell.
            if seen.len() <= few && seen.len() < FEW_VALUES && !seen.contains(&values) {
                seen.push(values);
            }
        }
        if seen.len() == FEW_VALUES && few >= FEW_VALUES {
            seen = self.operations().filter_map(|call| self.known_values(call)).collect();
            seen.sort_unstable();
            seen.dedup();
        }
        Some(seen.len() > few)
    }

    fn known_values(&self, call: &Operation) -> Option<(Values, Symbol)> {
        known_values(call, self.shape).map(|values| (values, call.target))
    }

    /// How their time lies.
    pub(crate) fn extent(&self) -> Extent {
        let durations = || self.operations().map(Operation::duration_ns);
        Extent {
            sum_ns: durations().sum(),
            union_ns: self.view.union_ns(self.numbers),
            longest_ns: durations().max().unwrap_or(0),
        }
    }

    /// Whether it looks like paging through one result.
    pub(crate) fn is_paged(&self) -> bool {
        is_paged(self.first.kind, self.shape)
    }

    /// Whether each call handles many rows already.
    pub(crate) fn is_bulk(&self) -> bool {
        // Drivers report a batch by one span that stands for several.
        let sent_as_one = |call: &Operation| if call.composite { 1 } else { call.repeats };
        let in_batches = || self.median(|call| Some(sent_as_one(call))).is_some_and(|repeats| repeats > 1);
        if self.first.kind == Kind::Sql && in_batches() {
            return true;
        }
        let rows = || self.median(|call| (call.rows != UNKNOWN).then_some(call.rows));
        let parameters = || self.median(|call| (call.parameters > 0).then_some(call.parameters));
        match self.view.memo.bulk(self.first.kind, self.first.shape, self.view.dictionary) {
            Bulk::Always => true,
            Bulk::Never => false,
            Bulk::Inserts { row } => {
                let inserted = parameters().map(|parameters| parameters / row);
                inserted.or_else(rows).is_some_and(|rows| rows > 1)
            }
            // Without a count it cannot be told from a chunked load, which needs no mending.
            Bulk::Lists { marks } => match parameters().filter(|_| marks != UNKNOWN) {
                // A canonical text has one mark for all elements of its list.
                Some(parameters) => (parameters + 1).saturating_sub(marks) >= BULK_MIN,
                None => rows().is_none_or(|rows| rows > 1),
            },
        }
    }

    fn median(&self, value: impl Fn(&Operation) -> Option<u32>) -> Option<u32> {
        let mut known = self.operations().filter_map(&value);
        let first = known.next()?;
        if known.all(|value| value == first) {
            return Some(first);
        }
        let mut values: Vec<u32> = self.operations().filter_map(value).collect();
        let middle = values.len() / 2;
        (!values.is_empty()).then(|| *values.select_nth_unstable(middle).1)
    }

    /// Whether a timer seems to make them: nobody waits for them, and they cover less than a quarter of the
    /// time that they stretch over. Timers that a request starts are recorded below it for ever.
    pub(crate) fn is_timed(&self) -> bool {
        if !matches!(self.view.request.name, EndpointName::Background(_)) {
            return false;
        }
        let begun = self.operations().map(|call| call.start_ns).min().unwrap_or(0);
        let ended = self.operations().map(|call| call.end_ns).max().unwrap_or(0);
        self.extent().union_ns < ended.saturating_sub(begun) / 4
    }

    /// Whether it asks for one row, or the rows of one other row, by a key.
    pub(crate) fn is_by_key(&self) -> bool {
        match self.facts() {
            Some(facts) => {
                let by_key = facts.predicates.iter().any(|it| {
                    matches!(it.comparison, Comparison::Equal | Comparison::In) && is_key(&it.column)
                });
                facts.single_row || by_key
            }
            None => has_parameters(self.shape),
        }
    }

    /// Whether an object mapper reports the calls or what is around them: its lazy loads are loops.
    pub(crate) fn is_of_mapper(&self) -> bool {
        let around = self.view.upwards(self.first).map(|above| above.origin);
        let mut origins = around.chain([self.view.request.opened_by.origin]);
        origins.any(|origin| self.view.memo.is_of_mapper(origin, self.view.dictionary))
    }

    /// Whether there are several, and each comes from another place in the source, all of which are known.
    pub(crate) fn has_places_of_their_own(&self) -> bool {
        let mut places = FxHashSet::default();
        let mut calls = self.operations();
        self.numbers.len() > 1 && calls.all(|call| call.location.0 != 0 && places.insert(call.location))
    }

    /// How often a shape occurs in the request.
    fn count_of(&self, shape: ShapeRef) -> usize {
        let by_shape = self.view.by_shape;
        let shape_of = |number: &u32| self.view.operation(*number).shape;
        let from = by_shape.partition_point(|number| shape_of(number) < shape);
        let same = by_shape[from..].iter().take_while(|number| shape_of(number) == shape);
        same.take(self.numbers.len()).count()
    }

    /// The query whose rows the calls seem to be made for. Where nothing before the first call is named by
    /// their keys, that call may be made alone, and the loop follow its query later.
    pub(crate) fn sent_for(&self) -> Option<&'a Operation> {
        let before = self.query_before(self.numbers[0]);
        let found = match (before, self.numbers) {
            (Some((Kinship::Named, _)), _) => before,
            (_, [_, second, _, ..]) => {
                self.query_before(*second).filter(|(kin, _)| *kin == Kinship::Named).or(before)
            }
            _ => before,
        };
        found.map(|(_, query)| query)
    }

    /// Of the queries before a call that may return several rows and are not themselves repeated, the
    /// last one that its keys name, else the last one that its keys do not rule out.
    fn query_before(&self, number: u32) -> Option<(Kinship, &'a Operation)> {
        let before = number - self.view.request.operations.start;
        let start_ns = self.view.operation(number).start_ns;
        let earlier = self.view.trace.operations_of(self.view.request)[..before as usize].iter().rev();
        let parents = earlier
            .take(LOOK_AROUND)
            .filter(|other| other.end_ns <= start_ns && other.shape != self.first.shape)
            .filter(|other| may_return_rows(other, self.view.dictionary.shape(other.shape)))
            .filter(|other| self.count_of(other.shape) < self.numbers.len());
        let mut possible = None;
        for parent in parents {
            match self.view.memo.kinship(self.first.shape, parent.shape, self.view.dictionary) {
                Kinship::Named => return Some((Kinship::Named, parent)),
                Kinship::Possible => possible = possible.or(Some((Kinship::Possible, parent))),
                Kinship::Stranger => {}
            }
        }
        possible
    }

    /// Shapes that come once for each of these calls: the rest of the loop.
    pub(crate) fn sent_with(&self) -> Vec<ShapeRef> {
        let mut with = Vec::new();
        let [first, second, ..] = self.numbers else { return with };
        for number in (first + 1..*second).take(LOOK_AROUND) {
            let shape = self.view.operation(number).shape;
            let known = shape.0 == 0 || shape == self.first.shape || with.contains(&shape);
            if !known && self.view.is_work(number) && self.count_of(shape) * 2 >= self.numbers.len() {
                with.push(shape);
            }
        }
        with
    }

    /// Where the calls are made and who reports them: the place, then each library around them.
    pub(crate) fn mark_origin(&self, candidate: &mut Candidate) {
        self.view.mark_origin(self.first, candidate);
    }
}

impl<'a> View<'a> {
    /// Whether an operation leaves the code: anything that is not internal.
    pub(crate) fn is_call(&self, number: u32) -> bool {
        self.nature(number).has(Nature::CALL)
    }

    /// Whether an operation is a statement or call that does something, rather than waiting or
    /// keeping a connection.
    fn is_work(&self, number: u32) -> bool {
        let operation = self.operation(number);
        match operation.kind {
            Kind::Sql => {
                let shape = self.dictionary.shape(operation.shape);
                verb(shape) != Verb::Transaction && !is_session(shape)
            }
            Kind::Document | Kind::Cache | Kind::Http | Kind::Rpc | Kind::Publish => true,
            _ => false,
        }
    }

    /// Whether somebody waits for the request's answer, and all of it is known.
    pub(crate) fn is_answered(&self) -> bool {
        self.seen.has(Nature::ANSWERED)
    }

    /// The operation and what is above it in its request, the innermost first.
    pub(crate) fn upwards(&self, operation: &'a Operation) -> impl Iterator<Item = &'a Operation> + use<'a> {
        let view = *self;
        std::iter::successors(Some(operation), move |&below| view.above(below)).take(LOOK_AROUND)
    }

    /// The share of the request's duration that a time is, in per cent, rounded down.
    pub(crate) fn share_of(&self, time_ns: u64) -> u64 {
        let duration_ns = self.request.duration_ns().max(1);
        match time_ns.checked_mul(100) {
            Some(hundredfold) => hundredfold / duration_ns,
            None => u64::try_from(u128::from(time_ns) * 100 / u128::from(duration_ns)).unwrap_or(u64::MAX),
        }
    }

    /// Whether what answers a call or request of this shape has a body: the headers of an answer to `HEAD`
    /// speak of one that is not sent.
    pub(crate) fn has_body(&self, shape: ShapeRef) -> bool {
        !self.dictionary.shape(shape).text.starts_with("HEAD ")
    }

    /// The shortest time that is this share of the request's duration, in per cent.
    pub(crate) fn share_ns(&self, percent: u64) -> u64 {
        let duration_ns = self.request.duration_ns().max(1);
        match duration_ns.checked_mul(percent) {
            Some(hundredfold) => hundredfold.div_ceil(100),
            None => {
                let hundredfold = u128::from(duration_ns) * u128::from(percent);
                u64::try_from(hundredfold.div_ceil(100)).unwrap_or(u64::MAX)
            }
        }
    }

    /// Where the request is served, and the library that reports it.
    pub(crate) fn mark_request(&self, candidate: &mut Candidate) {
        let Span { location, origin, .. } = self.request.opened_by;
        candidate.marks.extend(Some(location).filter(|place| *place != LocationRef::default()).map(Mark::At));
        candidate.mark(Mark::By(origin));
    }

    /// Where an operation is made, and the libraries that report it, what is around it and its request.
    pub(crate) fn mark_origin(&self, operation: &'a Operation, candidate: &mut Candidate) {
        let request = &self.request.opened_by;
        let around = || self.upwards(operation).map(|above| &above.span).chain([request]);
        let place = around().map(|span| span.location).find(|place| *place != LocationRef::default());
        candidate.marks.extend(place.map(Mark::At));
        for mark in around().map(|span| Mark::By(span.origin)) {
            if !candidate.marks.contains(&mark) {
                candidate.mark(mark);
            }
        }
    }
}

/// Whether somebody waits for a request's answer, and all of it is known.
pub(crate) fn is_answered(request: &Request, dictionary: &Dictionary) -> bool {
    request.opened_by.role != Role::Consumer && request.name.is_of_requests(dictionary)
}

/// The values of a call, where they are known: bodies of calls are not, and what has no text has none.
pub(crate) fn known_values(call: &Operation, shape: &Shape) -> Option<Values> {
    let hidden = match call.kind {
        Kind::Http => writes(Kind::Http, shape),
        Kind::Sql => shape.facts.is_none(),
        Kind::Document | Kind::Cache => call.values == Values::NONE,
        _ => true,
    };
    (!hidden && call.values.is_known()).then_some(call.values)
}

/// Whether the text of a call has places for values.
pub(crate) fn has_parameters(shape: &Shape) -> bool {
    shape.text.contains(['{', '?', '*'])
}

/// Whether a statement is about the session, not about rows; a single function may do anything.
pub(crate) fn is_session(shape: &Shape) -> bool {
    let text = &*shape.text;
    match verb(shape) {
        Verb::Session => {
            let calls = contains(text, "select") && text.contains('(') && !text.contains(';');
            !calls || contains(text, "pg_advisory_unlock_all")
        }
        // Steps around an execution, which has a span of its own.
        Verb::Other => ["PREPARE", "FETCH", "PING"].contains(&text),
        _ => false,
    }
}

/// Whether an execution does not tell which statement it executes: PHP's PDO tells it where it is prepared.
pub(crate) fn hides_statement(shape: &Shape) -> bool {
    shape.text.ends_with("::execute")
}

/// What a statement does to the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It begins.
    Begin,
    /// It is over.
    End,
}

/// Whether a call begins or ends a transaction.
pub(crate) fn transaction_step(kind: Kind, shape: &Shape) -> Option<Step> {
    if kind != Kind::Sql || verb(shape) != Verb::Transaction {
        return None;
    }
    let text = shape.text.to_ascii_lowercase();
    match text.split_whitespace().next() {
        Some("begin" | "start") => Some(Step::Begin),
        Some("commit" | "end" | "abort") => Some(Step::End),
        Some("rollback") if !text.contains(" to ") => Some(Step::End),
        _ => None,
    }
}

/// Values in one row of an insert: its columns, where all of a row is values, else its marks.
fn parameters_of_row(text: &str) -> u32 {
    let upper = text.to_ascii_uppercase();
    let Some((head, rows)) = upper.split_once(" VALUES") else { return u32::MAX };
    let row = rows.split_once(')').map_or(rows, |(row, _)| row);
    let count = match row.trim() {
        "(?" => head.matches(',').count() + 1,
        _ => row.matches('?').count(),
    };
    (count as u32).max(1)
}

/// What a statement does, by its facts or by its first word.
pub(crate) fn verb(shape: &Shape) -> Verb {
    match shape.facts.as_deref() {
        Some(facts) => facts.verb,
        None => match first_word(&shape.text).to_ascii_lowercase().as_str() {
            "select" | "find" | "get" | "query" | "aggregate" | "count" => Verb::Select,
            "insert" => Verb::Insert,
            "update" => Verb::Update,
            "delete" => Verb::Delete,
            _ => Verb::Other,
        },
    }
}

/// Whether a call changes something; what cannot be told counts as a change.
pub(crate) fn writes(kind: Kind, shape: &Shape) -> bool {
    match kind {
        Kind::Sql => match shape.facts.as_deref() {
            Some(facts) if facts.verb == Verb::Select => !facts.written.is_empty(),
            _ => !matches!(verb(shape), Verb::Select | Verb::Session | Verb::Transaction),
        },
        Kind::Http => !["GET", "HEAD", "OPTIONS"].contains(&first_word(&shape.text)),
        Kind::Rpc => !reads_by_name(&shape.text),
        Kind::Document => {
            const WRITES: [&str; 11] = [
                "insert", "update", "delete", "remove", "replace", "bulk", "modify", "save", "put", "write",
                "upsert",
            ];
            let word = first_word(&shape.text).to_ascii_lowercase();
            WRITES.iter().any(|write| word.contains(write)) || word == "index" || word == "create"
        }
        Kind::Cache => {
            const READS: [&str; 16] = [
                "GET",
                "MGET",
                "HGET",
                "HGETALL",
                "HMGET",
                "EXISTS",
                "TTL",
                "SMEMBERS",
                "SISMEMBER",
                "LRANGE",
                "ZRANGE",
                "ZSCORE",
                "SCAN",
                "HSCAN",
                "STRLEN",
                "GETS",
            ];
            let word = first_word(&shape.text);
            !READS.iter().any(|read| word.eq_ignore_ascii_case(read))
        }
        Kind::Publish => true,
        _ => false,
    }
}

/// Whether a call looks like one page of a result.
pub(crate) fn is_paged(kind: Kind, shape: &Shape) -> bool {
    let text = &*shape.text;
    match kind {
        Kind::Sql => shape.facts.as_deref().is_some_and(|facts| facts.paged),
        Kind::Http => has_page_parameter(text),
        Kind::Document => contains(text, "getmore") || contains(text, "scroll"),
        Kind::Cache => contains(first_word(text), "scan"),
        _ => false,
    }
}

/// Whether the name of a remote procedure says that it reads.
fn reads_by_name(text: &str) -> bool {
    const READS: [&str; 12] = [
        "get", "list", "find", "search", "read", "fetch", "query", "lookup", "count", "describe", "batchget",
        "check",
    ];
    let method = text.rsplit(['/', '.']).next().unwrap_or(text).to_ascii_lowercase();
    READS.iter().any(|read| method.starts_with(read))
}

fn may_return_rows(operation: &Operation, shape: &Shape) -> bool {
    let several = operation.rows == UNKNOWN || operation.rows > 1;
    let is_query = match operation.kind {
        Kind::Sql => {
            let single = shape.facts.as_ref().is_some_and(|facts| facts.single_row && !facts.paged);
            verb(shape) == Verb::Select && (!single || operation.rows != UNKNOWN)
        }
        Kind::Document | Kind::Http | Kind::Rpc | Kind::Cache => !writes(operation.kind, shape),
        _ => false,
    };
    several && is_query
}

/// `id`, `user_id`, `userId`, `uuid`, `sku`: a column that names one row.
pub(crate) fn is_key(column: &str) -> bool {
    let lower = column.to_ascii_lowercase();
    ["id", "uuid", "guid", "key", "pk", "slug", "sku", "code"].contains(&lower.as_str())
        || ["_id", "_uuid", "_key", "_pk"].iter().any(|end| lower.ends_with(end))
        || column.ends_with("Id")
        || column.ends_with("ID")
}

fn has_page_parameter(text: &str) -> bool {
    const NAMES: [&str; 8] =
        ["page", "cursor", "offset", "page_token", "pagetoken", "starting_after", "after", "skip"];
    let Some((_, query)) = text.split_once('?') else { return false };
    query.split('&').filter_map(|pair| pair.split('=').next()).any(|name| {
        let name = name.to_ascii_lowercase();
        NAMES.contains(&name.as_str())
    })
}

fn first_word(text: &str) -> &str {
    text.split([' ', '(']).next().unwrap_or(text)
}

pub(crate) fn contains(text: &str, lower: &str) -> bool {
    text.to_ascii_lowercase().contains(lower)
}
