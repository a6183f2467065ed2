//! Which endpoints send the statements that logs of databases tell of.
//!
//! Traces say it where they have the statement. Where they do not, times do: what lies within requests of one endpoint
//! only was likely sent by it. That is believed where far more lies there than would by chance, of whole runs of
//! statements (a transaction, statements without a pause), else of executions one by one. By chance a long run lies in a
//! request that is little longer than it almost never. Clocks that are apart make runs lie anywhere, so that nothing is
//! believed.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{is_beyond_chance, per_mille};
use crate::docket::{Docket, EndpointKey, fine_bucket, fine_floor};
use crate::evidence::timeline::{Executed, Extent, Open, WINDOW_NS, Window};
use crate::evidence::trace::EndpointName;
use crate::evidence::{Dictionary, ShapeRef, Symbol};

/// Logs cut times to milliseconds, and durations are measured from within: an execution may stick out so far.
const TOLERANCE_NS: u64 = 2_000_000;
/// Fewer runs or executions within an endpoint's requests may lie there by chance.
const PIECES_MIN: u64 = 5;
/// Where a larger share of a statement lies outside of all requests, per mille, clocks may be apart, or others send it.
const OUTSIDE_MAX: u64 = 100;
/// An endpoint with a smaller share of a statement, per mille, is not named by times alone.
const SHARE_MIN: u64 = 100;
/// Requests that are open at once around one execution; of more nothing is told.
const OPEN_MAX: usize = 64;
/// Traces and logs are of the same time where they are not further apart.
const APART_MAX_NS: u64 = 1_000_000_000;

/// An endpoint that sends a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// The endpoint.
    pub endpoint: EndpointKey,
    /// Executions that are known to be its own.
    pub executions: u64,
    /// What they took: its clients where traces tell, else the server.
    pub time_ns: u64,
    /// Only times tell, no trace.
    pub by_time: bool,
}

/// What logs tell of the time of an endpoint's requests, of which traces show no statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Within {
    /// Requests that were looked at.
    pub requests: u64,
    /// Executions within them.
    pub executions: u64,
    /// Their sum.
    pub time_ns: u64,
    /// The statement that takes most of it.
    pub statement: ShapeRef,
}

/// Senders of all statements.
#[derive(Debug, Default)]
pub struct Senders {
    of: FxHashMap<(ShapeRef, Symbol), Vec<Sender>>,
    within: FxHashMap<EndpointKey, Within>,
}

impl Senders {
    /// Looks at everything once.
    pub fn of(docket: &Docket, dictionary: &Dictionary) -> Self {
        let mut senders = Self::default();
        senders.add_traced(docket, dictionary);
        senders.add_by_time(docket, dictionary);
        for of_one in senders.of.values_mut() {
            of_one.sort_by_cached_key(|sender| {
                let EndpointKey { service, name } = sender.endpoint;
                let name = (dictionary.text(service).to_owned(), name.text(dictionary));
                (sender.by_time, Reverse(sender.time_ns), name)
            });
        }
        senders
    }

    /// Who sends a statement to a database; what takes most time first.
    pub fn of_statement(&self, shape: ShapeRef, database: Symbol) -> &[Sender] {
        self.of.get(&(shape, database)).map_or(&[], Vec::as_slice)
    }

    /// Whether traces show that an endpoint sends a statement which a log of the same time has.
    pub fn is_traced(&self, shape: ShapeRef, endpoint: EndpointKey) -> bool {
        let mut of_shape = self.of.iter().filter(|((other, _), _)| *other == shape);
        of_shape.any(|(_, senders)| senders.iter().any(|one| !one.by_time && one.endpoint == endpoint))
    }

    /// Whether times tell that a service sends statements.
    pub fn by_time(&self, service: Symbol) -> bool {
        self.within.keys().any(|endpoint| endpoint.service == service)
    }

    /// What logs tell of an endpoint's time.
    pub fn within(&self, endpoint: EndpointKey) -> Option<&Within> {
        self.within.get(&endpoint)
    }

    fn add_traced(&mut self, docket: &Docket, dictionary: &Dictionary) {
        let sending = &docket.sending;
        let names: FxHashSet<&str> =
            sending.logs.keys().map(|&(database, _)| dictionary.text(database)).collect();
        for (&(shape, target, endpoint), traced) in &sending.traced {
            let named = dictionary.text(target).rsplit('/').next().filter(|name| names.contains(name));
            for (&(database, _), &(from_ns, to_ns)) in &sending.logs {
                let (first_ns, last_ns) = traced.between_ns;
                let at_once = first_ns <= to_ns.saturating_add(APART_MAX_NS)
                    && from_ns <= last_ns.saturating_add(APART_MAX_NS);
                let other = named.is_some_and(|name| name != dictionary.text(database));
                if at_once && !other && docket.logged.has(shape, database) {
                    let (executions, time_ns) = (traced.executions, traced.time_ns);
                    self.add((shape, database), Sender { endpoint, executions, time_ns, by_time: false });
                }
            }
        }
    }

    fn add(&mut self, statement: (ShapeRef, Symbol), sender: Sender) {
        let of_one = self.of.entry(statement).or_default();
        match of_one.iter_mut().find(|one| one.endpoint == sender.endpoint) {
            // Sent to several targets, as a client names one server in two ways.
            Some(known) => {
                known.executions += sender.executions;
                known.time_ns = known.time_ns.saturating_add(sender.time_ns);
            }
            None => of_one.push(sender),
        }
    }

    fn add_by_time(&mut self, docket: &Docket, dictionary: &Dictionary) {
        let mut seen = Beside::default();
        let windows = docket.sending.timelines.windows().filter(|window| !window.is_given_up());
        windows.for_each(|window| seen.add(window));
        seen.endpoints.values_mut().for_each(|opened| opened.durations_ns.sort_unstable());
        let mut within: FxHashMap<EndpointKey, Vec<(ShapeRef, Within)>> = FxHashMap::default();
        for (&(shape, database), statement) in &seen.statements {
            if self.of.contains_key(&(shape, database)) {
                continue;
            }
            for (endpoint, lies) in seen.believed(statement) {
                let (executions, time_ns) = (lies.executions, lies.time_ns);
                self.add((shape, database), Sender { endpoint, executions, time_ns, by_time: true });
                let requests = seen.endpoints.get(&endpoint).map_or(0, Opened::requests);
                let one = Within { requests, executions, time_ns, statement: shape };
                within.entry(endpoint).or_default().push((shape, one));
            }
        }
        let sums = within.into_iter().filter_map(|(endpoint, all)| Some((endpoint, sum(all, dictionary)?)));
        self.within = sums.collect();
    }
}

/// All statements of an endpoint, with the one that takes most time.
fn sum(statements: Vec<(ShapeRef, Within)>, dictionary: &Dictionary) -> Option<Within> {
    let text = |shape: ShapeRef| &*dictionary.shape(shape).text;
    let most = statements.iter().max_by_key(|(shape, one)| (one.time_ns, one.executions, text(*shape)))?.0;
    let sum = statements.into_iter().map(|(_, one)| one).reduce(|sum, one| Within {
        executions: sum.executions + one.executions,
        time_ns: sum.time_ns.saturating_add(one.time_ns),
        ..sum
    });
    sum.map(|sum| Within { statement: most, ..sum })
}

/// Requests and executions side by side.
#[derive(Debug, Default)]
struct Beside {
    statements: FxHashMap<(ShapeRef, Symbol), Statement>,
    endpoints: FxHashMap<EndpointKey, Opened>,
    /// From the first to the last moment of each window.
    looked_at_ns: u64,
}

/// Where a statement lies, by runs and by executions.
#[derive(Debug, Default)]
struct Statement {
    runs: Pieces,
    executions: Pieces,
}

/// Where pieces of sessions lie that hold a statement.
#[derive(Debug, Default)]
struct Pieces {
    /// Within requests of one endpoint and of no other.
    within: FxHashMap<EndpointKey, Lies>,
    /// Pieces within one endpoint's requests or within none, by bucket of their length.
    lengths: BTreeMap<u16, u64>,
}

/// Pieces within an endpoint's requests.
#[derive(Debug, Clone, Copy, Default)]
struct Lies {
    pieces: u64,
    executions: u64,
    time_ns: u64,
}

/// When an endpoint's requests were open.
#[derive(Debug, Default)]
struct Opened {
    /// How long each request took, of those that ended in the windows that were looked at; sorted at the end.
    durations_ns: Vec<u64>,
    /// How long at least one of its requests was open.
    open_ns: u64,
}

impl Opened {
    fn requests(&self) -> u64 {
        self.durations_ns.len() as u64
    }

    /// For how long a piece of such a length could have begun so that it lies within a request.
    fn room_ns(&self, length_ns: u64) -> u64 {
        let room = |took_ns: &u64| (took_ns + 2 * TOLERANCE_NS).saturating_sub(length_ns);
        let longer = self.durations_ns.iter().rev().map(room).take_while(|room_ns| *room_ns > 0);
        longer.fold(0, u64::saturating_add).min(self.open_ns)
    }
}

impl Beside {
    /// The endpoints within whose requests far more of a statement lies than would by chance.
    fn believed(&self, statement: &Statement) -> Vec<(EndpointKey, Lies)> {
        let by_runs = self.believed_of(&statement.runs, 1);
        if !by_runs.is_empty() {
            return by_runs;
        }
        // Executions of one run do not lie anywhere: they count as much as their run.
        let (runs, executions) = (statement.runs.all(), statement.executions.all());
        self.believed_of(&statement.executions, executions.div_ceil(runs.max(1)))
    }

    /// So many pieces lie together, wherever they lie.
    fn believed_of(&self, pieces: &Pieces, together: u64) -> Vec<(EndpointKey, Lies)> {
        let (all, together) = (pieces.all(), together.max(1));
        let inside: u64 = pieces.within.values().map(|lies| lies.pieces).sum();
        if per_mille(all - inside, all) > OUTSIDE_MAX {
            return Vec::new();
        }
        let is_believed = |(endpoint, lies): &(EndpointKey, Lies)| {
            let apart = lies.pieces / together;
            apart >= PIECES_MIN && per_mille(lies.pieces, all) >= SHARE_MIN && {
                let by_chance = self.by_chance(*endpoint, pieces);
                is_beyond_chance(apart, all / together, by_chance)
            }
        };
        pieces.within.iter().map(|(endpoint, lies)| (*endpoint, *lies)).filter(is_believed).collect()
    }

    /// Which share of pieces would lie within requests of an endpoint by chance, per mille.
    fn by_chance(&self, endpoint: EndpointKey, pieces: &Pieces) -> u64 {
        let Some(opened) = self.endpoints.get(&endpoint) else { return 1000 };
        let expected = pieces.lengths.iter().map(|(bucket, count)| {
            count.saturating_mul(per_mille(opened.room_ns(fine_floor(*bucket)), self.looked_at_ns))
        });
        expected.fold(0, u64::saturating_add) / pieces.all().max(1)
    }

    fn add(&mut self, window: &Window) {
        let (mut open, mut executed) = (window.open.clone(), window.executed.clone());
        open.sort_unstable_by_key(|one| (one.start_ns, one.end_ns, one.request));
        executed.sort_unstable_by_key(|one| (one.start_ns, one.end_ns));
        self.add_open(&open, window.number, &executed);
        let mut coming = open.iter().peekable();
        let mut current: Vec<&Open> = Vec::new();
        for one in &executed {
            while let Some(next) = coming.next_if(|next| next.start_ns <= one.start_ns + TOLERANCE_NS) {
                current.push(next);
            }
            current.retain(|open| open.end_ns + TOLERANCE_NS >= one.start_ns);
            let around = current.iter().copied().filter(|open| one.end_ns <= open.end_ns + TOLERANCE_NS);
            let statement = self.statements.entry((one.shape, one.database)).or_default();
            let pieces = match one.extent {
                Extent::Run => &mut statement.runs,
                Extent::One => &mut statement.executions,
            };
            pieces.add(one, sender_of(around));
        }
    }

    fn add_open(&mut self, open: &[Open], window: u64, executed: &[Executed]) {
        let (begin_ns, end_ns) = (window * WINDOW_NS, (window + 1) * WINDOW_NS);
        let inside = |at_ns: u64| at_ns.clamp(begin_ns, end_ns);
        let times = || {
            let opened = open.iter().map(|one| (one.start_ns, one.end_ns));
            opened.chain(executed.iter().map(|one| (one.start_ns, one.end_ns)))
        };
        let first_ns = times().map(|(start_ns, _)| inside(start_ns)).min().unwrap_or(begin_ns);
        let last_ns = times().map(|(_, end_ns)| inside(end_ns)).max().unwrap_or(begin_ns);
        self.looked_at_ns += last_ns - first_ns;
        let mut reached: FxHashMap<EndpointKey, u64> = FxHashMap::default();
        for one in open {
            let opened = self.endpoints.entry(one.endpoint).or_default();
            if one.end_ns / WINDOW_NS == window {
                opened.durations_ns.push(one.end_ns - one.start_ns);
            }
            let reached_ns = reached.entry(one.endpoint).or_insert(begin_ns);
            let (start_ns, end_ns) = (inside(one.start_ns).max(*reached_ns), inside(one.end_ns));
            opened.open_ns += end_ns.saturating_sub(start_ns);
            *reached_ns = end_ns.max(*reached_ns);
        }
    }
}

impl Pieces {
    fn all(&self) -> u64 {
        self.lengths.values().sum()
    }

    fn add(&mut self, piece: &Executed, around: Around) {
        if around != Around::Several {
            *self.lengths.entry(fine_bucket(piece.end_ns - piece.start_ns)).or_default() += 1;
        }
        if let Around::One(endpoint) = around {
            let lies = self.within.entry(endpoint).or_default();
            lies.pieces += 1;
            lies.executions += u64::from(piece.executions);
            lies.time_ns = lies.time_ns.saturating_add(piece.time_ns);
        }
    }
}

/// Whose requests are open around an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    Nobody,
    One(EndpointKey),
    Several,
}

/// Of a request and one that it called the one that was called counts.
fn sender_of<'o>(around: impl Iterator<Item = &'o Open> + Clone) -> Around {
    let Some(first) = around.clone().next() else { return Around::Nobody };
    let named = |one: &Open| match one.endpoint.name {
        // Who is called there is not known, and may have sent it.
        EndpointName::Incomplete => Around::Several,
        _ => Around::One(one.endpoint),
    };
    if around.clone().all(|one| one.endpoint == first.endpoint) {
        return named(first);
    }
    if around.clone().nth(OPEN_MAX).is_some() {
        return Around::Several;
    }
    let innermost = || around.clone().filter(|one| !around.clone().any(|other| other.caller == one.request));
    match innermost().next() {
        Some(first) if innermost().all(|one| one.endpoint == first.endpoint) => named(first),
        _ => Around::Several,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Analysis;
    use crate::evidence::shape::sql::{Dialect, Lexer};
    use crate::evidence::shape::{Family, Shape, ShapeId};
    use crate::evidence::{
        Kind, Logged, Origin, OriginRef, Recorder, Role, Span, UNKNOWN, line_id, session_id,
    };
    use crate::settings::Settings;

    const MS: u64 = 1_000_000;
    const BEGIN_MS: u64 = 1_700_000_000_000;

    /// Requests of endpoints and a session of a database, by milliseconds from the same begin.
    struct Evidence {
        dictionary: Dictionary,
        web: OriginRef,
        requests: Vec<Vec<Span>>,
        lines: Vec<Span>,
    }

    impl Evidence {
        fn new() -> Self {
            let mut dictionary = Dictionary::default();
            let service = dictionary.symbol("web");
            let web = dictionary.origin_ref(Origin { service, ..Origin::default() });
            dictionary.note_log(7, "postgresql.log");
            Self { dictionary, web, requests: Vec::new(), lines: Vec::new() }
        }

        fn request(&mut self, endpoint: &str, from_ms: u64, to_ms: u64) {
            let id = ShapeId::of(Family::Endpoint, endpoint);
            let shape =
                self.dictionary.shape_ref(id, || Shape { text: endpoint.into(), id, ..Shape::default() });
            self.requests.push(vec![Span {
                id: self.requests.len() as u64 + 1,
                start_ns: (BEGIN_MS + from_ms) * MS,
                end_ns: (BEGIN_MS + to_ms) * MS,
                origin: self.web,
                shape,
                kind: Kind::Entry,
                role: Role::Server,
                repeats: 1,
                ..Span::default()
            }]);
        }

        /// A call to another service within the latest request.
        fn call(&mut self, from_ms: u64, to_ms: u64) {
            let Some(trace) = self.requests.last_mut() else { return };
            let (start_ns, end_ns) = ((BEGIN_MS + from_ms) * MS, (BEGIN_MS + to_ms) * MS);
            let call = Span {
                id: trace[0].id + 1000,
                parent: trace[0].id,
                start_ns,
                end_ns,
                kind: Kind::Http,
                ..trace[0]
            };
            trace.push(Span { role: Role::Client, ..call });
        }

        /// A transaction whose statements take 1 ms each and are 10 ms apart.
        fn transaction(&mut self, from_ms: u64, to_ms: u64) {
            self.execution("BEGIN", from_ms + 1);
            (from_ms + 2..to_ms)
                .step_by(10)
                .for_each(|at_ms| self.execution("SELECT a FROM b WHERE c = ?", at_ms));
            self.execution("COMMIT", to_ms);
        }

        fn execution(&mut self, text: &str, ended_ms: u64) {
            let shape = Lexer::new(1).describe(text.as_bytes(), Dialect::Postgres);
            let shape = self.dictionary.shape_ref(shape.id, || shape);
            let service = self.dictionary.symbol("shop");
            let origin = Origin { service, recorder: Recorder::DatabaseLog, ..Origin::default() };
            let origin = self.dictionary.origin_ref(origin);
            let start_ns = (BEGIN_MS + ended_ms) * MS;
            self.lines.push(Span {
                id: line_id(7, self.lines.len() as u64 + 1),
                start_ns,
                end_ns: start_ns + MS,
                origin,
                target: service,
                shape,
                kind: Kind::Sql,
                role: Role::Server,
                rows: UNKNOWN,
                response_bytes: UNKNOWN,
                thread: UNKNOWN,
                repeats: 1,
                logged: Logged::Execution,
                ..Span::default()
            });
        }

        /// Endpoints that are believed to send the statement, with the number of executions.
        fn senders(&self) -> Vec<(String, u64)> {
            let settings = Settings::default();
            let mut analysis: Analysis<'_, Docket> = Analysis::new(&settings);
            for (number, trace) in self.requests.iter().enumerate() {
                analysis.take(number as u128 + 1, trace, &self.dictionary);
            }
            analysis.take(session_id(1), &self.lines, &self.dictionary);
            let senders = Senders::of(&analysis.into_gathered(), &self.dictionary);
            let select = self.lines[1];
            let told = senders.of_statement(select.shape, select.target).iter();
            told.map(|sender| (sender.endpoint.name.text(&self.dictionary), sender.executions)).collect()
        }
    }

    #[test]
    fn transactions_within_requests_were_sent_by_them() {
        // Though requests follow one another almost without a pause.
        let mut evidence = Evidence::new();
        for number in 0..30 {
            evidence.request("GET /orders", number * 65, number * 65 + 60);
            evidence.transaction(number * 65 + 4, number * 65 + 56);
        }
        assert_eq!(evidence.senders(), [("GET /orders".to_owned(), 150)]);
    }

    #[test]
    fn transactions_of_others_lie_anywhere() {
        let mut evidence = Evidence::new();
        for number in 0..30 {
            evidence.request("GET /orders", number * 65, number * 65 + 60);
            evidence.transaction(number * 71 + 4, number * 71 + 56);
        }
        assert_eq!(evidence.senders(), []);
        // Short ones, too, where requests are always open.
        let mut evidence = Evidence::new();
        for number in 0..100 {
            evidence.request("GET /orders", number * 65, number * 65 + 60);
            evidence.transaction(number * 71, number * 71 + 4);
        }
        assert_eq!(evidence.senders(), []);
    }

    #[test]
    fn what_others_send_as_well_is_not_told_by_times() {
        let mut evidence = Evidence::new();
        for number in 0..30 {
            evidence.request("GET /orders", number * 165, number * 165 + 60);
            evidence.transaction(number * 165 + 4, number * 165 + 56);
            if number % 4 == 0 {
                evidence.transaction(number * 165 + 84, number * 165 + 136);
            }
        }
        assert_eq!(evidence.senders(), []);
    }

    #[test]
    fn within_a_call_that_was_not_traced_the_sender_is_not_known() {
        let mut evidence = Evidence::new();
        for number in 0..30 {
            evidence.request("GET /orders", number * 65, number * 65 + 60);
            evidence.call(number * 65 + 2, number * 65 + 58);
            evidence.transaction(number * 65 + 4, number * 65 + 56);
        }
        assert_eq!(evidence.senders(), []);
    }

    #[test]
    fn which_of_two_endpoints_at_once_is_not_known() {
        let mut evidence = Evidence::new();
        for number in 0..30 {
            evidence.request("GET /orders", number * 65, number * 65 + 60);
            evidence.request("GET /people", number * 65 + 1, number * 65 + 61);
            evidence.transaction(number * 65 + 4, number * 65 + 56);
        }
        assert_eq!(evidence.senders(), []);
    }
}
