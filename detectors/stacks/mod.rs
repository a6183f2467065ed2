//! Where the time of requests goes, as stacks: a request, its operations, the requests these call.
//!
//! What is the flame graph of a program's samples is here that of requests. Two times are kept apart, since a
//! request does several things at once: the time on its critical path, which sums to what its caller waited for, and the
//! time of all work, which does not. Stacks of equal requests are one; how many operations a stack stands for is kept,
//! which shows a loop.

mod spread;

use rustc_hash::FxHashMap;

use crate::analysis::Gathers;
use crate::docket::{EndpointKey, Found, coarse_bucket};
use crate::evidence::shape::sql::shortened;
use crate::evidence::trace::{NONE, Operation, Request, Trace, Waits};
use crate::evidence::{ConnectionUse, Dictionary, Kind, ShapeRef, Symbol};
use crate::wording::without_columns;
use spread::Spread;

/// Stacks that are kept; what comes after is counted where it begins to be new.
const NODES_MAX: usize = 1_000_000;

/// Characters of a statement.
const TEXT_COLUMNS: usize = 200;

/// The place of what all stacks begin with.
const ROOT: u32 = 0;

/// The stacks of the evidence seen so far.
#[derive(Debug)]
pub struct Stacks {
    /// What a stack ends with comes after what it begins with; the first is above all.
    nodes: Vec<StackNode>,
    places: FxHashMap<(u32, Step), u32>,
    spread: Spread,
}

/// What a stack ends with, and what is below a stack that begins so.
#[derive(Debug, Clone, Copy)]
pub struct StackNode {
    /// The place of what it is below, among [`Stacks::nodes`]; that above all is its own.
    pub above: u32,
    /// What it is.
    pub step: Step,
    /// Its own, without what is below it.
    pub own: Weights,
}

/// What a stack is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// What all stacks begin with.
    All,
    /// A request that nobody within its trace waits for, by how long it took (eight buckets to a doubling).
    Request(EndpointKey, u16),
    /// A request that another one waits for.
    Called(EndpointKey),
    /// An operation: its shape, or its name where it has none.
    Operation(Kind, ShapeRef, Symbol),
}

/// What a stack takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weights {
    /// Nanoseconds on the critical path of the request that the stack begins with.
    pub path_ns: u64,
    /// Nanoseconds of work, whoever waits for it: each operation's time less that of operations within it.
    pub work_ns: u64,
    /// Operations or requests that it stands for.
    pub times: u64,
}

impl Weights {
    fn add(&mut self, other: Self) {
        self.path_ns = self.path_ns.saturating_add(other.path_ns);
        self.work_ns = self.work_ns.saturating_add(other.work_ns);
        self.times = self.times.saturating_add(other.times);
    }
}

impl Default for Stacks {
    fn default() -> Self {
        let all = StackNode { above: ROOT, step: Step::All, own: Weights::default() };
        Self { nodes: vec![all], places: FxHashMap::default(), spread: Spread::default() }
    }
}

impl Stacks {
    /// Every stack, those that begin alike after what they begin with.
    pub fn nodes(&self) -> &[StackNode] {
        &self.nodes
    }

    /// Whether there may have been more stacks: they are counted where they begin to be new.
    pub fn is_full(&self) -> bool {
        self.nodes.len() >= NODES_MAX
    }

    /// The stack of one more step; past the bound that which it begins with.
    fn below(&mut self, above: u32, step: Step) -> u32 {
        if let Some(&known) = self.places.get(&(above, step)) {
            return known;
        }
        if self.nodes.len() >= NODES_MAX {
            return above;
        }
        let place = self.nodes.len() as u32;
        self.nodes.push(StackNode { above, step, own: Weights::default() });
        self.places.insert((above, step), place);
        place
    }

    fn own(&mut self, place: u32) -> &mut Weights {
        &mut self.nodes[place as usize].own
    }
}

impl Gathers for Stacks {
    fn add(&mut self, trace: &Trace, _: &ConnectionUse, _: &[Found], dictionary: &Dictionary) {
        let mut spread = std::mem::take(&mut self.spread);
        spread.trace(trace, dictionary, self);
        self.spread = spread;
    }

    fn merge(&mut self, other: Self) {
        let mut here = vec![ROOT; other.nodes.len()];
        for (place, node) in other.nodes.iter().enumerate() {
            if place > 0 {
                here[place] = self.below(here[node.above as usize], node.step);
            }
            self.own(here[place]).add(node.own);
        }
    }
}

impl Step {
    fn of_request(request: &Request, dictionary: &Dictionary) -> Self {
        let key = EndpointKey::of(request, dictionary);
        match is_below_its_caller(request) {
            true => Self::Called(key),
            false => Self::Request(key, coarse_bucket(request.duration_ns())),
        }
    }

    fn of_operation(operation: &Operation) -> Self {
        match operation.shape == ShapeRef::default() {
            true => Self::Operation(operation.kind, operation.shape, operation.name),
            false => Self::Operation(operation.kind, operation.shape, Symbol::default()),
        }
    }

    /// The service and endpoint of a request.
    pub fn endpoint(self) -> Option<EndpointKey> {
        match self {
            Self::Request(key, _) | Self::Called(key) => Some(key),
            Self::All | Self::Operation(..) => None,
        }
    }

    /// How it is shown, without values.
    pub fn text(self, dictionary: &Dictionary) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Request(key, _) | Self::Called(key) => {
                format!("{} {}", dictionary.text(key.service), key.name.text(dictionary)).trim().to_owned()
            }
            Self::Operation(_, shape, name) if shape == ShapeRef::default() => match dictionary.text(name) {
                "" => "(no name)".to_owned(),
                name => name.to_owned(),
            },
            Self::Operation(_, shape, _) => {
                let text = &dictionary.shape(shape).text;
                shortened(&without_columns(text).unwrap_or_else(|| text.to_string()), TEXT_COLUMNS)
            }
        }
    }

    /// The id of its shape: two statements that read other columns look the same.
    pub fn shape(self, dictionary: &Dictionary) -> Option<String> {
        match self {
            Self::Operation(_, shape, _) if shape != ShapeRef::default() => {
                Some(dictionary.shape(shape).id.to_string())
            }
            _ => None,
        }
    }

    /// What its time is spent on.
    pub fn waits(self) -> Waits {
        match self {
            Self::Operation(kind, ..) => Waits::of(kind),
            Self::All | Self::Request(..) | Self::Called(_) => Waits::Own,
        }
    }
}

/// Whether a request is seen where it is called from.
fn is_below_its_caller(request: &Request) -> bool {
    request.caller != NONE && request.waited_for
}

#[cfg(test)]
mod tests {
    use super::{Stacks, Step, Weights};
    use crate::analysis::Gathers;
    use crate::docket::Found;
    use crate::evidence::trace::Trace;
    use crate::evidence::{ConnectionUse, Dictionary, Kind};
    use crate::testing::{Random, TraceBuilder, trace};

    const MS: u64 = 1_000_000;

    /// `shop GET /;SELECT` with its weights, in whole milliseconds, sorted.
    fn stacks(traces: u32, request: impl Fn(TraceBuilder, u32) -> TraceBuilder) -> Vec<(String, [u64; 3])> {
        let mut builder = trace();
        let stacks: Stacks = builder.gather(traces, request);
        folded(&stacks, &builder.dictionary)
    }

    fn folded(stacks: &Stacks, dictionary: &Dictionary) -> Vec<(String, [u64; 3])> {
        let mut names: Vec<String> = vec![String::new()];
        let mut lines = Vec::new();
        for node in &stacks.nodes()[1..] {
            let above = &names[node.above as usize];
            let text = node.step.text(dictionary);
            let name = if above.is_empty() { text } else { format!("{above};{text}") };
            let Weights { path_ns, work_ns, times } = node.own;
            lines.push((name.clone(), [path_ns / MS, work_ns / MS, times]));
            names.push(name);
        }
        lines.sort();
        lines
    }

    fn line(name: &str, path: u64, work: u64, times: u64) -> (String, [u64; 3]) {
        (name.to_owned(), [path, work, times])
    }

    #[test]
    fn a_loop_is_one_stack_that_tells_how_often() {
        let seen = stacks(2, |trace, _| {
            let trace = trace.entry("GET /orders", 0.0, 100.0);
            trace.each(4, |trace, number| trace.sql("SELECT 1", 10.0 + number * 20.0, 25.0 + number * 20.0))
        });
        assert_eq!(
            seen,
            [line("shop GET /orders", 80, 80, 2), line("shop GET /orders;SELECT 1", 120, 120, 8)]
        );
    }

    #[test]
    fn what_runs_at_once_is_waited_for_once_and_worked_on_twice() {
        let seen = stacks(1, |trace, _| {
            let trace = trace.entry("GET /", 0.0, 100.0);
            trace.http("GET https://a", 10.0, 90.0).http("GET https://b", 10.0, 70.0)
        });
        let path: u64 = seen.iter().map(|(_, weights)| weights[0]).sum();
        assert_eq!(path, 100, "{seen:?}");
        assert_eq!(seen[1].1[1] + seen[2].1[1], 140, "{seen:?}");
        assert_eq!(seen[0].1, [20, 20, 1]);
    }

    #[test]
    fn a_called_request_takes_its_part_of_the_call() {
        let seen = stacks(1, |trace, _| {
            let trace = trace.entry("GET /", 0.0, 100.0).http("POST https://pay", 10.0, 80.0).below();
            trace.service("pay").entry("POST /", 20.0, 70.0).sql("SELECT 1", 30.0, 60.0)
        });
        assert_eq!(
            seen,
            [
                line("shop GET /", 30, 30, 1),
                line("shop GET /;POST https://pay", 20, 20, 1),
                line("shop GET /;POST https://pay;pay POST /", 20, 20, 1),
                line("shop GET /;POST https://pay;pay POST /;SELECT 1", 30, 30, 1),
            ]
        );
    }

    #[test]
    fn operations_within_others_are_below_them() {
        let seen = stacks(1, |trace, _| {
            let trace = trace.entry("GET /", 0.0, 100.0).inside("render", 10.0, 90.0);
            trace.sql("SELECT 1", 20.0, 50.0).sql("SELECT 2", 30.0, 60.0)
        });
        assert_eq!(seen[1], line("shop GET /;render", 40, 40, 1));
        assert_eq!(seen.iter().map(|(_, weights)| weights[0]).sum::<u64>(), 100);
    }

    /// One span ends exactly when the next begins, another runs beside one that takes longer, and one outlives the request.
    #[test]
    fn a_path_that_is_known_is_the_one_that_is_taken() {
        let seen = stacks(1, |trace, _| {
            let trace = trace.entry("GET /o", 0.0, 100.0).http("GET https://auth", 10.0, 30.0);
            let trace = trace.sql("SELECT 1", 30.0, 60.0).call(Kind::Cache, "GET key", 35.0, 55.0);
            trace.sql("SELECT 2", 60.0, 90.0).call(Kind::Publish, "orders", 85.0, 140.0)
        });
        let path: Vec<(&str, u64)> = seen
            .iter()
            .map(|(stack, weights)| (stack.rsplit(';').next().unwrap_or_default(), weights[0]))
            .collect();
        let expected = [
            ("shop GET /o", 20),
            ("GET https://auth", 20),
            ("GET key", 0),
            ("SELECT 1", 30),
            ("SELECT 2", 30),
            ("orders", 0),
        ];
        assert_eq!(path, expected);
    }

    /// A request with anything in it: overlapping, nested, outliving, and calls of other services.
    fn anything(
        mut trace: TraceBuilder,
        random: &mut Random,
        depth: u32,
        from: u64,
        to: u64,
    ) -> TraceBuilder {
        for _ in 0..random.below(5) {
            let begin = from + random.below(to - from);
            let end = begin + random.below((to - from) / 2 + 2);
            let (begin_ms, end_ms) = (begin as f64, end as f64);
            let goes_on = depth > 0 && end > begin;
            trace = match random.below(4) {
                0 => trace.sql("SELECT 1", begin_ms, end_ms),
                1 if goes_on => {
                    let inside = trace.inside("work", begin_ms, end_ms);
                    anything(inside, random, depth - 1, begin, end).out()
                }
                2 if goes_on => {
                    let called = trace.http("POST https://other", begin_ms, end_ms).below();
                    let called = called.service("other").entry("POST /", begin_ms, end_ms);
                    anything(called, random, depth - 1, begin, end).out().out().service("shop")
                }
                _ => trace.http("GET https://leaf", begin_ms, end_ms),
            };
        }
        trace
    }

    /// How long requests took that nobody within their trace waits for.
    #[derive(Default)]
    struct Waited(Stacks, u64);

    impl Gathers for Waited {
        fn add(&mut self, trace: &Trace, uses: &ConnectionUse, found: &[Found], dictionary: &Dictionary) {
            self.0.add(trace, uses, found, dictionary);
            let roots = trace.requests.iter().filter(|request| !super::is_below_its_caller(request));
            self.1 += roots.map(crate::evidence::trace::Request::duration_ns).sum::<u64>();
        }

        fn merge(&mut self, other: Self) {
            self.0.merge(other.0);
            self.1 += other.1;
        }
    }

    #[test]
    fn paths_sum_to_the_durations_of_what_is_waited_for() {
        for seed in 0..400 {
            let mut builder = trace();
            let waited: Waited = builder.gather(3, |trace, number| {
                let mut random = Random(seed * 16 + u64::from(number));
                anything(trace.entry("GET /", 0.0, 1000.0), &mut random, 4, 0, 1000)
            });
            let path_ns: u64 = waited.0.nodes().iter().map(|node| node.own.path_ns).sum();
            assert_eq!(path_ns, waited.1, "seed {seed}");
        }
    }

    #[test]
    fn merging_adds_up() {
        let mut builder = trace();
        let request = |trace: TraceBuilder, _| trace.entry("GET /", 0.0, 10.0).sql("SELECT 1", 2.0, 6.0);
        let mut one: Stacks = builder.gather(1, request);
        let same: Stacks = builder.gather(1, request);
        one.merge(same);
        assert_eq!(
            folded(&one, &builder.dictionary),
            [line("shop GET /", 12, 12, 2), line("shop GET /;SELECT 1", 8, 8, 2)]
        );
        assert!(matches!(one.nodes()[2].step, Step::Operation(Kind::Sql, ..)));
    }
}
