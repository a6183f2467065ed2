//! Finds own time of a request that is a main cost: computing, serialising, rendering.
//!
//! ## Why it is slow
//!
//! The service itself is busy while no statement or call runs. Typical are serialising large answers,
//! building objects for many rows, templates, hashing passwords, images, compression, and sorting or
//! joining in code what the database could sort or join. On one event loop or under one interpreter
//! lock everybody else waits as well.
//!
//! ## What counts
//!
//! Time on the critical path that no operation explains, from `share_min` of the request and `time_min`
//! on: before its first call, after its last one, between its calls, or in a span of its own that makes no call.
//!
//! A trace alone cannot tell computing from an operation that nobody instruments, so confidence is
//! low. It is medium where the request's database client is seen to be instrumented and the time lies
//! before the first or after the last call, or in a span of its own. It is high where a profile that is given beside
//! the traces (`whyslow diagnose traces.json cpu.pb.gz`) has the function that serves the request and shows where most
//! of its time is; that place is named. A profile in which that function is not found names the place where most of all
//! time is, which may be another endpoint's: confidence stays.
//!
//! Of several profiles each speaks of its own service, which OTLP profiles tell, and files that are named after it
//! (`orders.pb.gz`). One whose service is not told is only asked for functions that traces name.
//!
//! ## Stays silent
//!
//! - on requests without any statement or call: their time is unexplained, a client may simply not
//!   be instrumented;
//! - on the gaps of a loop that n-plus-one or repeated-query names: they go with it;
//! - on background work and message handlers;
//! - on traces of which spans were lost while they were read.
//!
//! ## Remedy
//!
//! Do less of it, or do it once. Best case: a twentieth of the time is left, as when a serialiser or an
//! algorithm is replaced. Worst case: 35 % is left, as when only the costliest part is.
//!
//! ## How to check
//!
//! Own time of the request in the same place, before and after; a profile shows where it goes.

use crate::candidate::{
    Advice, Candidates, Case, Check, Claim, Mark, OwnTime, Part, Remedy, ShortOf, Subject, Told, View,
};
use crate::evidence::sampled::{Hotspot, SampledFunction};
use crate::evidence::trace::{NONE, Segment, Waits};
use crate::finding::{Confidence, Unit};
use crate::nature::Nature;
use crate::own_time::{Calls, is_own};
use crate::settings::Setting;
use crate::stack::Stack;
use crate::wording::duration;
use crate::{Detector, Inspect, n_plus_one, place_of, repeated_query};

const SHARE_MIN: Setting = Setting {
    name: "share_min",
    unit: "% of the request",
    default: 5,
    why: "less cannot give back enough to be told; a loop around it may hide it in some requests",
};

const TIME_MIN: Setting = Setting {
    name: "time_min",
    unit: "ms",
    default: 10,
    why: "frameworks take a few milliseconds before and after whatever a request does",
};

/// Its place among all detectors.
pub(crate) const PLACE: usize = place_of(DETECTOR.id);

pub(crate) const DETECTOR: Detector = Detector {
    id: "heavy-compute",
    summary: "the service's own code is a main cost",
    page: include_str!("heavy_compute.rs"),
    settings: &[SHARE_MIN, TIME_MIN],
    inspect: Inspect::Request(Nature::ANY, inspect),
    plan: None,
    confirm: None,
    logs: false,
    tell: Some(tell),
};

pub(crate) const REMEDY: Remedy = Remedy::Shrink { best: 50, worst: 350 };

/// From this share on it is noted, so that the replay of each request knows of it.
const CONSIDERED_MIN: u64 = 1;

/// Claims of one candidate: more pieces of own time than this are dust.
const CLAIMS_MAX: usize = 256;

/// Claims of all parts of a request, as a rule.
const CLAIMS_USUAL: usize = 32;

/// Places of own time in one request: where every span has its own name, none is a main cost.
const PARTS_MAX: usize = 64;

fn inspect(view: &View<'_>, found: &mut Candidates) {
    let own_ns = view.request.path_ns[Waits::Own as usize];
    // A call that was lost looks like own time.
    if view.trace.lost_spans || !view.is_answered() || own_ns < view.share_ns(CONSIDERED_MIN) {
        return;
    }
    let Some(calls) = Calls::of(view) else { return };
    let loops = loops(view, found);
    let mut parts = OwnParts::default();
    // The path runs backwards: what follows a segment was met just before it.
    let mut next: Option<u32> = None;
    for segment in view.trace.path_of(view.request) {
        if is_own(view, segment) {
            sort_in(view, &calls, segment, next, &loops, &mut parts);
        }
        next = Some(segment.operation);
    }
    let considered_ns = view.share_ns(CONSIDERED_MIN);
    for part in parts.parts.iter().filter(|part| part.time_ns >= considered_ns) {
        name(view, part, parts.backwards(part), &calls, found);
    }
}

fn name(
    view: &View<'_>,
    part: &OwnPart,
    claims: impl Iterator<Item = Claim>,
    calls: &Calls,
    found: &mut Candidates,
) {
    let seen = view.share_of(part.time_ns);
    let sure = calls.store_seen && part.own != OwnTime::Between;
    let confidence = if sure { Confidence::Medium } else { Confidence::Low };
    let (needed, needed_ms) = (view.settings.get(&SHARE_MIN), view.settings.get(&TIME_MIN));
    let seen_ms = part.time_ns / 1_000_000;
    let candidate = found.push(Subject::Own(part.own), REMEDY, confidence);
    candidate.claims.extend(claims);
    candidate.claims.reverse();
    if seen < needed {
        candidate.short_of(ShortOf { what: "% of the request", seen, needed });
        return;
    }
    if seen_ms < needed_ms {
        candidate.short_of(ShortOf { what: "ms of own time", seen: seen_ms, needed: needed_ms });
        return;
    }
    candidate.mark(Mark::By(view.request.opened_by.origin));
    if calls.store_seen {
        candidate.mark(Mark::ClientsSeen);
    }
    let place = view.request.opened_by.location;
    let inside =
        candidate.claims.first().and_then(|claim| view.trace.operations.get(claim.operation as usize));
    let place = inside.map(|operation| operation.location).filter(|place| place.0 != 0).unwrap_or(place);
    if place.0 != 0 {
        candidate.mark(Mark::At(place));
    }
}

/// Own time of one place in the request.
#[derive(Debug)]
struct OwnPart {
    own: OwnTime,
    time_ns: u64,
    claims: usize,
    /// The place of the last of its claims.
    last: usize,
}

/// Own time of a request by its place, with what claims each.
#[derive(Debug, Default)]
struct OwnParts {
    parts: Vec<OwnPart>,
    /// Each with the place of the one before it of the same part.
    claims: Vec<(Claim, usize)>,
}

/// Operations of a request that belong to a loop.
struct Loops {
    first: u32,
    /// For each operation, whether it does; empty where there is no loop.
    members: Vec<bool>,
}

impl Loops {
    fn put(&mut self, operation: u32, is_member: bool) {
        if let Some(member) = self.members.get_mut(operation.wrapping_sub(self.first) as usize) {
            *member = is_member;
        }
    }

    fn have(&self, operation: u32) -> bool {
        self.members.get(operation.wrapping_sub(self.first) as usize).is_some_and(|member| *member)
    }
}

/// What loops and repeats claim, and what is around each single one of their calls.
fn loops(view: &View<'_>, found: &Candidates) -> Loops {
    let own = &view.request.operations;
    let mut loops = Loops { first: own.start, members: Vec::new() };
    let repeats = found.found_by(repeated_query::PLACE);
    for candidate in found.found_by(n_plus_one::PLACE).chain(repeats) {
        loops.members.resize(own.len(), false);
        let mut before = NONE;
        for claim in &candidate.claims {
            loops.put(claim.operation, true);
            let above = view.operation(claim.operation).parent;
            // Where several calls of the loop lie in it, it is around the loop, not in it.
            loops.put(above, above != before);
            before = above;
        }
    }
    loops
}

/// Adds a stretch of own time to the part of the request that it belongs to.
fn sort_in(
    view: &View<'_>,
    calls: &Calls,
    segment: &Segment,
    next: Option<u32>,
    loops: &Loops,
    parts: &mut OwnParts,
) {
    let Some((own, claim)) = calls.place(view, segment, next) else { return };
    let above = (claim.part == Part::GapBefore).then_some(claim.operation);
    let in_loop = own == OwnTime::Between
        && [Some(segment.operation), next, above].iter().flatten().any(|it| loops.have(*it));
    if !in_loop {
        parts.add(own, segment, claim);
    }
}

impl OwnParts {
    fn add(&mut self, own: OwnTime, segment: &Segment, claim: Claim) {
        let known = self.parts.iter().position(|part| part.own == own);
        if known.is_none() && self.parts.len() >= PARTS_MAX {
            return;
        }
        let number = known.unwrap_or_else(|| {
            self.parts.push(OwnPart { own, time_ns: 0, claims: 0, last: usize::MAX });
            self.parts.len() - 1
        });
        let part = &self.parts[number];
        let is_last = self.backwards(part).next() == Some(claim);
        if !is_last && part.claims >= CLAIMS_MAX {
            return;
        }
        // A gap is met once; a span's own time again after what is below it.
        let may_be_known = claim.part == Part::Own;
        let is_known = is_last || may_be_known && self.backwards(part).any(|known| known == claim);
        let is_new = !is_known;
        debug_assert!(!is_new || self.backwards(part).all(|known| known != claim));
        let part = &mut self.parts[number];
        part.time_ns += segment.end_ns - segment.start_ns;
        if is_new {
            if self.claims.is_empty() {
                self.claims.reserve(CLAIMS_USUAL);
            }
            self.claims.push((claim, part.last));
            (part.claims, part.last) = (part.claims + 1, self.claims.len() - 1);
        }
    }

    /// The claims of a part, the last first.
    fn backwards(&self, part: &OwnPart) -> impl Iterator<Item = Claim> {
        let last = self.claims.get(part.last);
        std::iter::successors(last, |(_, before)| self.claims.get(*before)).map(|(claim, _)| *claim)
    }
}

fn tell(case: &Case<'_>) -> Told {
    let Subject::Own(own) = *case.subject else { return Told::default() };
    let own_ns = case.claimed_ns.p50;
    let place = place(case, own);
    let hotspots = hotspots(case, own);
    let hotspot = hotspots.first().copied();
    let known = hotspot.is_some().then(|| by_profiles(&hotspots));
    Told {
        why: format!(
            "{} {place}: no statement or call runs meanwhile; {}",
            duration(own_ns),
            known.as_deref().unwrap_or_else(|| guess(case, own))
        ),
        fix: fixes(case, own, hotspot.as_ref()),
        verify: Check {
            metric: format!("own time {place}"),
            unit: Unit::Ns,
            now: own_ns,
            expected: own_ns / 1000 * 200,
        },
        confidence: match case.is_rare() {
            true => Some(Confidence::Low),
            false => is_sure(&hotspots).then_some(Confidence::High),
        },
        dismissed: None,
    }
}

/// Whether profiles have the function that serves the request, and name the same place.
fn is_sure(hotspots: &[Hotspot<'_>]) -> bool {
    let [first, others @ ..] = hotspots else { return false };
    let is_same = |other: &Hotspot<'_>| other.own_code().name == first.own_code().name;
    first.below.is_some() && others.iter().all(is_same)
}

/// Where profiles show the time of the handler, or of the span, else that of all.
fn hotspots<'c>(case: &Case<'c>, own: OwnTime) -> Vec<Hotspot<'c>> {
    let (dictionary, sampled) = (case.dictionary, case.dictionary.sampled());
    let handler = case.marks.iter().find_map(|(mark, _)| match mark {
        Mark::At(place) => dictionary.location(*place),
        _ => None,
    });
    let handler =
        handler.map(|at| sampled.below(dictionary.text(at.function), dictionary.text(at.file), case.service));
    let span = || match own {
        OwnTime::Span(name) => Some(sampled.below(dictionary.text(name), "", case.service)),
        _ => None,
    };
    let is_any = |hotspots: &Vec<Hotspot<'_>>| !hotspots.is_empty();
    let named = handler.filter(is_any).or_else(|| span().filter(is_any));
    named.unwrap_or_else(|| sampled.whole(case.service))
}

/// What the first profile shows, and behind it what others do.
fn by_profiles(hotspots: &[Hotspot<'_>]) -> String {
    let mut told = hotspots.first().map(by_profile).unwrap_or_default();
    for other in hotspots.iter().skip(1) {
        let (source, percent) = (&other.profile.source, other.share * 100.0);
        told.push_str(&format!("; {source} shows {percent:.0} % in {}", at(other.function)));
    }
    told
}

/// `of what cpu.pb.gz shows below list_orders, 78 % are in iterencode (encoder.py:256), called by to_json (shop.py:88)`
fn by_profile(hotspot: &Hotspot<'_>) -> String {
    let below = match hotspot.below {
        Some(function) => format!("below {}", function.name),
        None => "in all, whatever the request,".to_owned(),
    };
    let called_by = hotspot.called_by.map(|by| format!(", called by {}", at(by))).unwrap_or_default();
    format!(
        "of what {} shows {below} {:.0} % is in {}{called_by}",
        hotspot.profile.source,
        hotspot.share * 100.0,
        at(hotspot.function)
    )
}

/// `iterencode (encoder.py:256)`
fn at(function: &SampledFunction) -> String {
    match (&function.file, function.line) {
        (Some(file), Some(line)) => format!("{} ({file}:{line})", function.name),
        (Some(file), None) => format!("{} ({file})", function.name),
        (None, _) => function.name.to_string(),
    }
}

pub(crate) fn place(case: &Case<'_>, own: OwnTime) -> String {
    match own {
        OwnTime::BeforeFirst => "before the first call".to_owned(),
        OwnTime::AfterLast => "after the last call".to_owned(),
        OwnTime::Between => "between calls".to_owned(),
        OwnTime::All => "in all".to_owned(),
        OwnTime::Span(name) => format!("in {}", case.dictionary.text(name)),
    }
}

fn guess(case: &Case<'_>, own: OwnTime) -> &'static str {
    match (own, case.mostly(Mark::ClientsSeen)) {
        (_, false) => "computing, or a client that is not instrumented",
        (OwnTime::BeforeFirst, _) => "probably checking and parsing the request, or a wait for a connection",
        (OwnTime::AfterLast, _) => "probably building and serialising the answer",
        (OwnTime::Between, _) => "probably working on the rows that came back",
        (OwnTime::Span(_), _) => "the span makes no call of its own",
        (OwnTime::All, _) => "it makes no call",
    }
}

fn fixes(case: &Case<'_>, own: OwnTime, hotspot: Option<&Hotspot<'_>>) -> Vec<Advice> {
    let stack = Stack::of_case(case);
    let mut fixes = vec![match hotspot {
        Some(hotspot) => Advice {
            text: format!("call {} less, or make it cheaper", hotspot.own_code().name),
            tradeoff: "what is computed less often may be out of date".to_owned(),
            remedy: None,
        },
        None => Advice {
            text: format!("see where it goes: {}; --profile shows it here", stack.profiler()),
            tradeoff: "a sampling profiler costs a few per cent while it runs".to_owned(),
            remedy: None,
        },
    }];
    let text = match own {
        OwnTime::AfterLast => stack.serialise(),
        OwnTime::BeforeFirst => {
            "check and parse less: no schema compiled for each request, no whole body read"
        }
        OwnTime::Between | OwnTime::Span(_) | OwnTime::All => {
            "let the database filter, sort and join, and keep what is costly to compute"
        }
    };
    fixes.push(Advice {
        text: text.to_owned(),
        tradeoff: "the answer may change its form; kept results may be out of date".to_owned(),
        remedy: None,
    });
    fixes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::sampled::{SampledNode, SampledProfile, SampledProfiles};
    use crate::testing::{Inspected, trace};

    const ORDERS: &str = "SELECT * FROM orders";

    /// Name, per cent of the request and confidence of each part in full.
    fn parts(inspected: &Inspected) -> Vec<(String, Confidence)> {
        let parts = inspected.by("heavy-compute").into_iter().map(|found| {
            let Subject::Own(own) = found.subject else { panic!("{found:?}") };
            let name = match own {
                OwnTime::Span(name) => inspected.dictionary.text(name).to_owned(),
                other => format!("{other:?}"),
            };
            (name, found.confidence)
        });
        parts.collect()
    }

    #[test]
    fn a_gap_where_spans_were_lost_says_nothing() {
        let inspected = trace().entry("GET /orders", 0.0, 300.0).sql(ORDERS, 1.0, 90.0).lost().inspect();
        assert!(inspected.by("heavy-compute").is_empty());
        assert_eq!(inspected.trace.requests.len(), 1);
    }

    #[test]
    fn after_the_last_call() {
        let inspected = trace().entry("GET /orders", 0.0, 300.0).sql(ORDERS, 1.0, 90.0).inspect();
        assert_eq!(parts(&inspected), [("AfterLast".to_owned(), Confidence::Medium)]);
        let wrapped = trace()
            .entry("GET /orders", 0.0, 300.0)
            .inside("handler", 0.5, 299.0)
            .sql(ORDERS, 1.0, 90.0)
            .inspect();
        assert_eq!(parts(&wrapped), [("AfterLast".to_owned(), Confidence::Medium)]);
        assert!(wrapped.one("heavy-compute").marks.contains(&Mark::ClientsSeen));
    }

    #[test]
    fn before_the_first_and_between() {
        let inspected = trace()
            .entry("GET /orders", 0.0, 300.0)
            .internal("http receive", 0.0, 0.1)
            .sql(ORDERS, 100.0, 110.0)
            .sql("SELECT * FROM users", 200.0, 299.0)
            .inspect();
        let expected =
            [("Between".to_owned(), Confidence::Low), ("BeforeFirst".to_owned(), Confidence::Medium)];
        assert_eq!(parts(&inspected), expected);
    }

    #[test]
    fn a_span_that_makes_no_call() {
        let inspected = trace()
            .entry("GET /orders", 0.0, 300.0)
            .sql(ORDERS, 1.0, 90.0)
            .internal("serialize", 92.0, 298.0)
            .inspect();
        assert_eq!(parts(&inspected), [("serialize".to_owned(), Confidence::Medium)]);
        assert_eq!(inspected.one("heavy-compute").claims[0].part, Part::Own);
    }

    #[test]
    fn calls_alone_do_not_show_that_the_database_is_seen() {
        let inspected = trace().entry("GET /orders", 0.0, 300.0).http("GET http://a", 1.0, 90.0).inspect();
        assert_eq!(parts(&inspected), [("AfterLast".to_owned(), Confidence::Low)]);
    }

    #[test]
    fn silent_without_any_call() {
        let inspected = trace().entry("GET /orders", 0.0, 300.0).internal("work", 1.0, 290.0).inspect();
        inspected.silent("heavy-compute");
    }

    #[test]
    fn the_gaps_of_a_loop_go_with_it() {
        let by_id = "SELECT * FROM customers WHERE id = ?";
        let inspected = trace()
            .entry("GET /orders", 0.0, 210.0)
            .sql(ORDERS, 0.0, 5.0)
            .each(20, |trace, number| {
                let from = 5.0 + number * 10.0;
                trace.inside("row", from + 1.0, from + 9.0).sql(by_id, from + 3.0, from + 8.0).out()
            })
            .inspect();
        assert_eq!(inspected.by("n-plus-one").len(), 1);
        inspected.silent("heavy-compute");
    }

    /// What is told of a span `serialize`, with a profile in which these two functions are below `caller`.
    fn told_beside(caller: &str, samples: [f64; 2]) -> crate::finding::Finding {
        let function = |name: &str, line| SampledFunction {
            name: name.into(),
            file: Some("app/shop.py".into()),
            line: Some(line),
        };
        let node = |above, function, own| SampledNode { above, function, own };
        let mut sampled = SampledProfiles::default();
        sampled.push(SampledProfile {
            source: "cpu.pb.gz".into(),
            service: None,
            samples: None,
            functions: vec![function(caller, 3), function("round_all", 8), function("other", 9)],
            nodes: vec![
                SampledNode::default(),
                node(0, 0, 0.0),
                node(1, 1, samples[0]),
                node(1, 2, samples[1]),
            ],
        });
        let mut builder = trace();
        builder.dictionary.note_sampled(sampled);
        let report = builder.judge(20, |trace, _| {
            trace.entry("GET /orders", 0.0, 300.0).sql(ORDERS, 1.0, 90.0).internal("serialize", 92.0, 298.0)
        });
        report.findings.into_iter().find(|found| found.detector == "heavy-compute").expect("told")
    }

    #[test]
    fn a_profile_names_the_function_and_makes_it_sure() {
        let told = told_beside("serialize", [75.0, 25.0]);
        let expected = "of what cpu.pb.gz shows below serialize 75 % is in round_all (app/shop.py:8)";
        assert!(told.why.contains(expected), "{}", told.why);
        assert_eq!(told.confidence, Confidence::High);
        assert_eq!(told.fix[0].text, "call round_all less, or make it cheaper");
    }

    #[test]
    fn a_profile_of_something_else_makes_nothing_sure() {
        let told = told_beside("main", [75.0, 25.0]);
        assert!(told.why.contains("in all, whatever the request, 75 % is in round_all"), "{}", told.why);
        assert_eq!(told.confidence, Confidence::Medium);
        let spread = told_beside("main", [49.0, 25.0]);
        assert!(spread.why.contains("round_all"), "49 of 74 are most: {}", spread.why);
    }

    #[test]
    fn a_small_part_is_noted() {
        let inspected = trace().entry("GET /orders", 0.0, 100.0).sql(ORDERS, 0.0, 97.0).inspect();
        inspected.silent("heavy-compute");
        let short = inspected.all_by("heavy-compute")[0].short_of;
        assert_eq!(short, Some(ShortOf { what: "% of the request", seen: 3, needed: 5 }));
    }
}
