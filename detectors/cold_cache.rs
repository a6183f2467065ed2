//! Finds caches that hardly ever have what is asked for, and processes whose first requests are much slower than
//! later ones.
//!
//! ## Why it is slow
//!
//! A cache that has nothing costs two round trips on top of the work that it should save. And a process that has
//! just started has nothing yet: its first requests load, compile and ask for what later ones find. Each deployment
//! and each new copy of a service under load lets its users wait for that.
//!
//! ## What counts
//!
//! - Reads of a cache of which at most `found_max` find their value, of at least `reads_min` at one endpoint. That a
//!   value is missing is told by the instrumentation (`cache.hit`, `hit` of ActiveSupport, a response hook that sets
//!   one of them). Elsewhere a request that reads a key, works, and writes one of the same form seems to have missed
//!   it; where each request does so, it may as well write back what it has found, as with sessions: that is a lead.
//! - At least `requests_min` first requests of one process, one after another, that take three times as long as
//!   the endpoint's median and 20 ms longer, while hardly a later one does. Of each instance the 200 earliest
//!   requests are looked at. When a process started no trace tells: a recording that begins in the middle of an
//!   incident looks the same.
//! - Plans that wait for pages to be read for 5 ms and at least `read_min` of the execution, where the server measures that
//!   (`track_io_timing`).
//!
//! ## Stays silent
//!
//! - where keys are known and most are asked for once: no cache could have them;
//! - where it is not told whether values are there, and no request writes what it misses;
//! - on an endpoint that is always slow;
//! - on the first request of a process, which every process has, unless the endpoint misses its target.
//!
//! Where the instrumentation hides keys, they may all differ: it is no more than likely.
//!
//! ## Remedy
//!
//! Values that are found. Best case: the work between the read and the write is gone, with the write. Worst case: three
//! in ten still miss. For a start: the work is done before the first request comes; then first requests take as long
//! as later ones, at best their median, at worst their 95th percentile.
//!
//! For pages of a plan: at best they are found in memory and a twentieth of the wait is left, at worst they are read each time.
//!
//! ## How to check
//!
//! The share of reads that find their value, or the slowest of the first requests after a start.

mod plan;

use crate::candidate::{Advice, Candidates, Case, Check, Remedy, ShortOf, Subject, Told, View};
use crate::docket::{CacheTally, CandidateKey};
use crate::evidence::cache_reads::{CacheRead, cache_reads};
use crate::evidence::trace::NONE;
use crate::evidence::{CacheResult, Kind};
use crate::finding::{Confidence, Unit};
use crate::nature::Nature;
use crate::settings::{Setting, Values};
use crate::shown::{Shown, Unconfirmed, Whole};
use crate::stack::{Language, Stack};
use crate::starts::Start;
use crate::wording::{brief, duration};
use crate::{Detector, Inspect};

const FOUND_MAX: Setting = Setting {
    name: "found_max",
    unit: "% of the reads",
    default: 10,
    why: "a cache that has one value in ten costs more round trips than it saves work, unless that work is long",
};

const READS_MIN: Setting = Setting {
    name: "reads_min",
    unit: "reads",
    default: 50,
    why: "fewer may be the first ones after a start, which every cache misses",
};

const REQUESTS_MIN: Setting = Setting {
    name: "requests_min",
    unit: "slow first requests, one after another",
    default: 3,
    why: "the first requests that come together wait for one start; who comes later and waits, waits for something else",
};

const READ_MIN: Setting = Setting {
    name: "read_min",
    unit: "% of the execution",
    default: 30,
    why: "some pages are always read, and a plan that mostly reads has other flaws",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "cold-cache",
    summary: "a cache hardly ever has what is asked for, or the first requests of a process are much slower",
    page: include_str!("cold_cache.rs"),
    settings: &[FOUND_MAX, READS_MIN, REQUESTS_MIN, READ_MIN],
    inspect: Inspect::RequestAndStart(Nature::CACHE, inspect, inspect_start),
    plan: Some(plan::inspect),
    confirm: Some(confirm),
    logs: false,
    tell: Some(tell),
};

/// What still has to be loaded in the worst case, per mille.
const MISSES_AT_WORST: u16 = 300;

/// Names what a request does because a cache does not have something; all of them tell how often that is.
fn inspect(view: &View<'_>, found: &mut Candidates) {
    let mut misses = cache_reads(view.trace, view.request, view.dictionary);
    misses.retain(|read| read.found == CacheResult::Miss);
    misses.sort_by_key(|read| (view.operation(read.operation).shape, read.operation));
    for reads in misses.chunk_by(|one, other| shape(view, one) == shape(view, other)) {
        let subject = Subject::Shape(shape(view, &reads[0]));
        let mut work: Vec<u32> = reads.iter().flat_map(|read| work_after(view, read)).collect();
        work.sort_unstable();
        work.dedup();
        if work.is_empty() {
            continue;
        }
        let candidate = found.push(subject, Remedy::Remove { worst: MISSES_AT_WORST }, Confidence::High);
        candidate.repeats(reads.len() as u64).claim(work);
        view.mark_origin(view.operation(reads[0].operation), candidate);
    }
}

fn shape(view: &View<'_>, read: &CacheRead) -> crate::evidence::ShapeRef {
    view.operation(read.operation).shape
}

/// What is done for a value that is missing: the calls up to the write of it, or up to the next command.
fn work_after(view: &View<'_>, read: &CacheRead) -> Vec<u32> {
    let miss = view.operation(read.operation);
    let mut work = Vec::new();
    for (number, operation) in view.operations().filter(|(number, _)| *number > read.operation) {
        let is_sibling = operation.parent == miss.parent && operation.start_ns >= miss.end_ns;
        match operation.kind {
            Kind::Cache if number == read.filled_by => {
                work.push(number);
                break;
            }
            Kind::Cache if read.filled_by == NONE => break,
            Kind::Sql | Kind::Document | Kind::Http | Kind::Rpc if is_sibling => work.push(number),
            _ => {}
        }
    }
    work
}

/// Names a start that keeps several requests waiting; a single one only where the endpoint misses its target.
fn inspect_start(start: &Start, settings: Values<'_>, misses_target: bool, found: &mut Candidates) {
    let needed = if misses_target { 1 } else { settings.get(&REQUESTS_MIN) };
    if start.most < needed {
        if start.most > 1 {
            found.short(
                Subject::Start,
                ShortOf { what: "slow first requests one after another", seen: start.most, needed },
            );
        }
        return;
    }
    let (best_ns, worst_ns) = start.later_ns;
    let remedy = Remedy::LikeLater { best_ns, worst_ns };
    found.push(Subject::Start, remedy, Confidence::Medium);
}

/// What the reads of all requests show, or the first requests of all processes.
fn confirm<'a>(whole: &'a Whole<'a>, key: &CandidateKey) -> Result<Shown<'a>, Unconfirmed> {
    let shown = match &key.subject {
        Subject::Shape(shape) => {
            let by_plan = whole.dictionary.plans().shows(*shape, DETECTOR.id).then_some(Shown::Nothing);
            whole.docket.caches.get(&(key.endpoint, *shape)).map(Shown::Cache).or(by_plan)
        }
        Subject::Start => whole.docket.starts.get(&key.endpoint).map(Shown::Start),
        _ => None,
    };
    shown.ok_or(Unconfirmed(None))
}

fn tell(case: &Case<'_>) -> Told {
    match *case.shown {
        Shown::Cache(tally) => tell_of_cache(case, tally),
        Shown::Start(start) => tell_of_start(case, start),
        _ => Told::default(),
    }
}

fn tell_of_cache(case: &Case<'_>, tally: &CacheTally) -> Told {
    let CacheTally { reads, misses, told, .. } = *tally;
    let read = brief(case.dictionary, case.shape());
    let (known, again) = tally.known_and_again();
    let how = match (told * 2 >= reads, misses < reads) {
        (true, _) => "as the instrumentation tells",
        (false, true) => "as the request writes what it has missed",
        (false, false) => {
            "if what each request writes afterwards is what it has missed, and not what it has found and writes back"
        }
    };
    let keys = match known * 2 >= reads {
        true if tally.keys_cut => "most ask for a key that was asked for before".to_owned(),
        true => format!("{again} of {known} ask for a key that was asked for before"),
        false => "whether they ask for the same keys again is hidden".to_owned(),
    };
    Told {
        why: format!(
            "{} of {reads} reads find their value ({read}), {how}; {keys}. The work that they should save takes {} in \
             a request, and the cache's own commands come on top",
            reads.saturating_sub(misses),
            duration(case.claimed_ns.p50),
        ),
        fix: fixes_of_cache(Stack::of_case(case).language),
        verify: Check {
            metric: format!("reads of a hundred that find nothing: {read}"),
            unit: Unit::Count,
            now: misses * 100 / reads.max(1),
            expected: u64::from(MISSES_AT_WORST) / 10,
        },
        confidence: Some(match (told * 2 >= reads, misses < reads) {
            (true, _) if known * 2 >= reads => Confidence::High,
            (true, _) | (false, true) => Confidence::Medium,
            (false, false) => Confidence::Low,
        }),
        dismissed: dismissed(case, tally),
    }
}

/// Why a cache is not cold, or could not be warm.
fn dismissed(case: &Case<'_>, tally: &CacheTally) -> Option<String> {
    let (reads_min, found_max) = (case.settings.get(&READS_MIN), case.settings.get(&FOUND_MAX));
    let found = tally.reads.saturating_sub(tally.misses).saturating_mul(100) / tally.reads.max(1);
    let (known, again) = tally.known_and_again();
    if found > found_max {
        return Some(format!("{found} % of {} reads find their value, {found_max} % may", tally.reads));
    }
    if tally.reads < reads_min {
        return Some(format!("seen {} reads, needs {reads_min}", tally.reads));
    }
    let once = known * 2 >= tally.reads && again * 2 < known;
    once.then(|| match tally.keys_cut {
        true => "most reads ask for another key: no cache could have them".to_owned(),
        false => format!("{again} of {known} reads ask for a key again: no cache could have the others"),
    })
}

fn fixes_of_cache(language: Language) -> Vec<Advice> {
    let together = match language {
        Language::Python => "dogpile.cache, or a lock for each key",
        Language::Node => "one promise for each key that is being loaded",
        Language::Java => "Caffeine's AsyncLoadingCache, @Cacheable(sync = true)",
        Language::Go => "golang.org/x/sync/singleflight",
        Language::DotNet => "HybridCache",
        Language::Ruby => "Rails.cache.fetch with race_condition_ttl",
        _ => "a lock for each key",
    };
    vec![
        Advice::new(
            "look at the key: a time, a user or an id of the request in it makes each read another one; keep only what \
             the value depends on",
            "values that differ by more than the key says are given to the wrong caller: name all that they depend on",
        ),
        Advice::new(
            "keep values longer than the time between two reads of one key, and remove them when they change; look at \
             evicted_keys and maxmemory of the server",
            "what was changed elsewhere is seen later; more memory",
        ),
        Advice::new(
            format!("load what many ask for before they do, and each value only once at a time ({together})"),
            "work for values that nobody asks for",
        ),
        Advice::new(
            "no cache, if nothing is asked for twice: its commands are saved",
            "the load of the database stays as it is",
        ),
    ]
}

fn tell_of_start(case: &Case<'_>, start: &Start) -> Told {
    let (later_ns, later_p95_ns) = start.later_ns;
    let processes = match start.instances_seen {
        1 => "the process that was seen".to_owned(),
        seen => format!("{} of {seen} processes", start.instances),
    };
    let they = if start.instances == 1 { "it" } else { "they" };
    Told {
        why: format!(
            "the first requests of {processes} take {} (up to {}), up to {} one after another; later ones take {} (p95 {}): \
             if {they} started right before, {they} loaded what was needed until then",
            duration(case.claimed_ns.p50),
            duration(case.claimed_ns.max),
            start.most,
            duration(later_ns),
            duration(later_p95_ns),
        ),
        fix: fixes_of_start(Stack::of_case(case).language),
        verify: Check {
            metric: format!("median of the first requests after a start at {}", case.endpoint),
            unit: Unit::Ns,
            now: case.claimed_ns.p50,
            expected: later_ns.midpoint(later_p95_ns),
        },
        confidence: None,
        dismissed: None,
    }
}

fn fixes_of_start(language: Language) -> Vec<Advice> {
    let before = match language {
        Language::Python => {
            "gunicorn --preload for what is imported, post_worker_init or a lifespan handler for the rest"
        }
        Language::Node => "await it before listen()",
        Language::Java => {
            "an ApplicationRunner with requests to itself; class data sharing or CRaC for the code"
        }
        Language::Go => "before ListenAndServe",
        Language::DotNet => "IHostedService.StartAsync; ReadyToRun for the code",
        Language::Ruby => "config.eager_load, and puma's on_worker_boot",
        Language::Php => "opcache.preload",
        _ => "before it listens",
    };
    vec![
        Advice::new(
            format!("do it before the first request comes ({before}), and report ready after that"),
            "a process takes longer to start, and so does a deployment",
        ),
        Advice::new(
            "send it its own first requests before the balancer does (readiness probe, slow start)",
            "more machines while a deployment runs",
        ),
        Advice::new(
            "keep what is loaded where the next process finds it: a shared cache instead of one in each process",
            "a round trip for each read",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Finding, GainKind, Report};
    use crate::testing::{TraceBuilder, trace};

    /// Reads a key, and loads and writes the value.
    fn miss(trace: TraceBuilder, key: u64) -> TraceBuilder {
        let trace =
            trace.entry("GET /rating", 0.0, 60.0).call(Kind::Cache, "GET rating:?", 1.0, 2.0).values(key);
        let trace = trace.sql("SELECT rating FROM computed WHERE id = ?", 3.0, 53.0);
        trace.call(Kind::Cache, "SET rating:?", 54.0, 55.0)
    }

    fn told_to_miss(trace: TraceBuilder, key: u64) -> TraceBuilder {
        let mut trace = miss(trace, key);
        trace.spans[1].cache = CacheResult::Miss;
        trace
    }

    fn hit(trace: TraceBuilder, key: u64) -> TraceBuilder {
        trace.entry("GET /rating", 0.0, 4.0).call(Kind::Cache, "GET rating:?", 1.0, 2.0).values(key)
    }

    fn told(report: &Report) -> Option<&Finding> {
        report.findings.iter().find(|finding| finding.detector == DETECTOR.id)
    }

    fn reason(report: &Report) -> &str {
        assert_eq!(told(report), None);
        let mut dismissed = report.dismissed.iter().filter(|dismissal| dismissal.detector == DETECTOR.id);
        dismissed.next().map_or("", |dismissal| &dismissal.reason)
    }

    #[test]
    fn keys_that_come_again_and_are_never_there() {
        let report = trace().judge(60, |trace, number| told_to_miss(trace, u64::from(number % 6) + 1));
        let finding = told(&report).expect("a finding");
        assert_eq!((finding.gain.kind, finding.confidence), (GainKind::Latency, Confidence::High));
        assert_eq!((finding.verify.now, &*finding.subject.text), (100, "GET rating:?"));
        assert!(finding.why.contains("54 of 60 ask for a key"), "{}", finding.why);
    }

    #[test]
    fn hidden_keys_are_likely_only() {
        let hidden = trace().judge(60, |trace, _| {
            let mut trace = told_to_miss(trace, 1);
            trace.spans[1].values = crate::evidence::Values::UNKNOWN;
            trace
        });
        assert_eq!(told(&hidden).map(|finding| finding.confidence), Some(Confidence::Medium));
    }

    #[test]
    fn what_each_request_writes_back_is_a_lead() {
        let session = trace().judge(60, |trace, number| miss(trace, u64::from(number % 6) + 1));
        let explained =
            session.findings.iter().any(|it| it.also.iter().any(|also| also.starts_with(DETECTOR.id)));
        assert!(told(&session).is_none() && explained, "{session:#?}");
        let some_found = trace().judge(60, |trace, number| match number % 20 {
            0 => hit(trace, 1),
            other => miss(trace, u64::from(other % 6) + 1),
        });
        assert_eq!(told(&some_found).map(|finding| finding.confidence), Some(Confidence::Medium));
    }

    #[test]
    fn silent_on_caches_that_are_warm_or_could_not_be() {
        let warm = trace().judge(60, |trace, number| match number % 6 {
            0 => miss(trace, u64::from(number)),
            _ => hit(trace, u64::from(number)),
        });
        assert!(reason(&warm).contains("83 % of 60 reads find"), "{}", reason(&warm));
        let once = trace().judge(60, |trace, number| miss(trace, u64::from(number) + 1));
        assert!(reason(&once).contains("0 of 60 reads ask for a key again"), "{}", reason(&once));
        let few = trace().judge(20, |trace, _| miss(trace, 1));
        assert!(reason(&few).contains("seen 20 reads, needs 50"), "{}", reason(&few));
    }

    #[test]
    fn silent_where_nothing_tells_whether_it_was_there() {
        let report = trace().judge(60, |trace, _| {
            let trace = trace.entry("GET /rating", 0.0, 60.0).call(Kind::Cache, "GET rating:?", 1.0, 2.0);
            trace.sql("SELECT rating FROM computed WHERE id = ?", 3.0, 53.0)
        });
        assert_eq!(reason(&report), "");
    }

    /// Requests one after another, of which some of the first take longer.
    fn started(slow: u32, requests: u32) -> Report {
        trace().judge(requests, |trace, number| {
            let from = f64::from(number) * 1000.0;
            let takes = if number < slow { 300.0 } else { 10.0 };
            trace.entry("GET /price", from, from + takes).internal("look up", from + 1.0, from + takes - 1.0)
        })
    }

    #[test]
    fn first_requests_that_are_slow() {
        let report = started(12, 400);
        let finding = told(&report).expect("a finding");
        assert_eq!(
            (finding.requests, finding.confidence, finding.gain.kind),
            (12, Confidence::Medium, GainKind::Latency)
        );
        assert_eq!(finding.latency_ns.predicted.p99.map(|ns| ns / 1_000_000), Some(10));
        assert!(finding.why.contains("12 one after another"), "{}", finding.why);
    }

    #[test]
    fn silent_on_one_first_request_and_on_slow_ones_everywhere() {
        assert_eq!(reason(&started(1, 400)), "");
        assert!(reason(&started(2, 400)).contains("seen 2 slow first requests"));
        assert_eq!(reason(&started(400, 400)), "");
        let everywhere = trace().judge(400, |trace, number| {
            let from = f64::from(number) * 1000.0;
            let takes = if number % 10 == 0 { 300.0 } else { 10.0 };
            trace.entry("GET /price", from, from + takes).internal("look up", from + 1.0, from + takes - 1.0)
        });
        assert_eq!(reason(&everywhere), "");
    }
}
