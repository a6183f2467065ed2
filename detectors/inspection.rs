//! Shows each request of a trace to every detector that looks at requests.

use rustc_hash::FxHashMap;

use crate::candidate::{Candidate, Candidates, View};
use crate::docket::{EndpointKey, Found};
use crate::evidence::trace::{Operation, Trace};
use crate::evidence::{ConnectionUse, Dictionary};
use crate::memo::Memo;
use crate::nature::Nature;
use crate::outline::{Outlined, Outlines};
use crate::settings::{Resolved, Settings};
use crate::{ALL, Inspect, plans};

/// Inspects traces; keeps its scratch space, and the settings of each endpoint, from one to the next.
#[derive(Debug)]
pub struct Inspection<'s> {
    settings: &'s Settings,
    /// What holds where nothing is changed.
    unchanged: Resolved,
    /// What holds at each endpoint, where anything is changed at all.
    resolved: FxHashMap<EndpointKey, Resolved>,
    /// Detectors that look at more than plans.
    looks: Vec<Look>,
    outlines: Outlines,
    /// What each operation of the request is.
    natures: Vec<Nature>,
    memo: Memo,
    candidates: Candidates,
}

impl<'s> Inspection<'s> {
    /// Ready for traces of one dictionary.
    pub fn new(settings: &'s Settings) -> Self {
        Self {
            settings,
            unchanged: Settings::default().at("", ""),
            resolved: FxHashMap::default(),
            looks: LOOKS.into_iter().filter(|look| look.needs != Nature::NOTHING).collect(),
            outlines: Outlines::default(),
            natures: Vec::new(),
            memo: Memo::default(),
            candidates: Candidates::default(),
        }
    }

    /// What the detectors find in a trace, ordered by request and, within one, by detector.
    pub fn inspect(&mut self, trace: &Trace, uses: &ConnectionUse, dictionary: &Dictionary) -> &[Found] {
        self.candidates.take_back();
        let outline = self.outlines.of(trace, &self.memo, dictionary);
        for (number, request) in trace.requests.iter().enumerate() {
            self.candidates.begin(number as u32);
            let waits = uses.waits_of(number);
            let outlined = outline.of(trace, number);
            let told = complete(&mut self.natures, outlined.natures, trace.operations_of(request));
            let seen = outlined.seen
                | told
                | Nature::of_request(request, dictionary)
                | Nature::when(!trace.locking.idle.is_empty(), Nature::IDLE)
                | Nature::when(!waits.is_empty(), Nature::WAITED);
            let resolved = match self.settings.overrides.is_empty() {
                true => &self.unchanged,
                false => {
                    self.resolved.entry(EndpointKey::of(request, dictionary)).or_insert_with_key(|key| {
                        self.settings.at(dictionary.text(key.service), &key.name.text(dictionary))
                    })
                }
            };
            let (Outlined { by_shape, ends, .. }, memo) = (outlined, &self.memo);
            let (natures, settings) = (&self.natures, resolved.of(0));
            let mut view =
                View { trace, request, dictionary, by_shape, ends, natures, seen, waits, memo, settings };
            let at_plans = seen.has(Nature::FLAWED) || cfg!(debug_assertions);
            let looks = if at_plans { &LOOKS[..] } else { &self.looks[..] };
            for look in looks.iter().filter(|look| look.at_logs || !request.is_logged()) {
                let is_shown = seen.has(look.needs.or(look.flaws));
                if !is_shown && !cfg!(debug_assertions) {
                    continue;
                }
                view.settings = resolved.of(look.place);
                self.candidates.detector = look.place;
                debug_assert!(is_shown || look.finds_nothing(&view, &mut self.candidates));
                if seen.has(look.flaws) {
                    plans::inspect(&view, ALL[look.place].id, &mut self.candidates);
                }
                if seen.has(look.needs) {
                    look.show(&view, &mut self.candidates);
                }
            }
            // Of statements that are counted only, nothing is known that could be told.
            let is_told = |found: &Candidate| !found.subject.any(|shape| dictionary.is_counted_only(shape));
            if seen.has(Nature::COUNTED) || cfg!(debug_assertions) {
                let dropped = self.candidates.keep_if(is_told);
                debug_assert!(dropped == 0 || seen.has(Nature::COUNTED));
            }
        }
        self.candidates.all()
    }
}

/// Completes what a request's operations are by what each tells itself; all that they are together.
fn complete(natures: &mut Vec<Nature>, outlined: &[Nature], operations: &[Operation]) -> Nature {
    let told = outlined.iter().zip(operations).map(|(nature, operation)| nature.with_told(operation));
    natures.clear();
    natures.extend(told);
    natures.iter().fold(Nature::NOTHING, |all, nature| all | *nature)
}

/// What decides whether a detector is shown a request, side by side.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// Its place in [`ALL`].
    place: usize,
    /// What it needs to find anything in a request.
    needs: Nature,
    /// What it needs to find anything in plans.
    flaws: Nature,
    at_logs: bool,
}

const LOOKS: [Look; ALL.len()] = {
    let mut looks =
        [Look { place: 0, needs: Nature::NOTHING, flaws: Nature::NOTHING, at_logs: false }; ALL.len()];
    let mut place = 0;
    while place < ALL.len() {
        let detector = &ALL[place];
        let needs = match detector.inspect {
            Inspect::Plan => Nature::NOTHING,
            Inspect::Request(needs, _)
            | Inspect::RequestAndStart(needs, ..)
            | Inspect::RequestAndLoad(needs, ..) => needs,
        };
        let flaws = if detector.plan.is_some() { Nature::FLAWED } else { Nature::NOTHING };
        looks[place] = Look { place, needs, flaws, at_logs: detector.logs };
        place += 1;
    }
    looks
};

impl Look {
    fn show(&self, view: &View<'_>, candidates: &mut Candidates) {
        match ALL[self.place].inspect {
            Inspect::Plan => {}
            Inspect::Request(_, inspect)
            | Inspect::RequestAndStart(_, inspect, _)
            | Inspect::RequestAndLoad(_, inspect, _) => inspect(view, candidates),
        }
    }

    /// Whether a request that lacks what the detector needs shows it nothing indeed.
    fn finds_nothing(&self, view: &View<'_>, candidates: &mut Candidates) -> bool {
        let known = candidates.all().len();
        self.show(view, candidates);
        candidates.all().len() == known
    }
}

#[cfg(test)]
mod tests {
    use crate::finding::Report;
    use crate::testing::trace;

    /// Detector of each finding, in order of rank.
    fn told(report: &Report) -> Vec<&str> {
        report.findings.iter().map(|finding| finding.detector.as_str()).collect()
    }

    #[test]
    fn three_causes_come_in_the_order_of_what_they_cost() {
        let report = trace().judge(600, |trace, number| {
            let times = if number % 50 == 0 { 440 } else { 200 };
            let end = f64::from(times) * 5.1 + 20.0;
            trace
                .entry("GET /orders", 0.0, end + 520.0)
                .by("opentelemetry.instrumentation.sqlalchemy")
                .sql("SELECT id, total FROM orders WHERE shop_id = ?", 2.0, 12.0)
                .each(times, |trace, number| {
                    let from = 14.0 + number * 5.1;
                    trace.sql("SELECT id, name FROM customers WHERE id = ?", from, from + 5.0)
                })
                .by("requests")
                .http("POST payments/charge", end + 10.0, end + 310.0)
        });
        assert_eq!(told(&report), ["n-plus-one", "blocking-call", "heavy-compute"]);
        let steps = &report.endpoints[0].after_fixes;
        let p50: Vec<u64> = steps.iter().filter_map(|step| step.latency_ns.p50).collect();
        assert!(p50.is_sorted_by(|one, other| one > other) && p50.len() == 3, "{p50:?}");
    }

    #[test]
    fn one_cause_at_several_endpoints_ranks_by_all_of_them() {
        let report = trace().judge(60, |trace, number| match number % 3 {
            0 => trace.entry("GET /report", 0.0, 205.0).sql("SELECT sum(total) FROM orders", 2.0, 202.0),
            other => trace.entry(if other == 1 { "GET /a" } else { "GET /b" }, 0.0, 110.0).each(
                20,
                |trace, number| {
                    let from = 2.0 + number * 5.1;
                    trace.sql("SELECT name FROM permission WHERE role_id = ?", from, from + 5.0)
                },
            ),
        });
        assert_eq!(told(&report), ["n-plus-one", "n-plus-one", "slow-query"]);
        let gains: Vec<u64> = report.findings.iter().map(|finding| finding.gain.total_ns).collect();
        assert!(gains[0] < gains[2] && gains[0] + gains[1] > gains[2], "{gains:?}");
        assert_eq!(report.findings[0].cause, report.findings[1].cause);
    }

    #[test]
    fn own_time_of_two_endpoints_has_two_causes() {
        let report = trace().judge(40, |trace, number| {
            let name = if number % 2 == 0 { "GET /a" } else { "GET /b" };
            trace.entry(name, 0.0, 300.0).sql("SELECT name FROM permission", 1.0, 20.0)
        });
        assert_eq!(told(&report), ["heavy-compute", "heavy-compute"]);
        assert_ne!(report.findings[0].cause, report.findings[1].cause);
    }

    #[test]
    fn one_loop_of_equal_values_is_one_finding() {
        let report = trace().judge(20, |trace, _| {
            trace.entry("GET /orders", 0.0, 220.0).sql("SELECT * FROM orders WHERE id > ?", 1.0, 9.0).each(
                20,
                |trace, number| {
                    let from = 10.0 + number * 10.0;
                    trace.sql("SELECT value FROM settings WHERE name = ?", from, from + 9.0).values(7)
                },
            )
        });
        assert_eq!(told(&report), ["repeated-query"]);
    }

    #[test]
    fn a_loop_of_calls_is_one_finding() {
        let report = trace().judge(20, |trace, _| {
            trace.entry("GET /prices", 0.0, 330.0).each(15, |trace, number| {
                let from = 1.0 + number * 21.0;
                trace.http("GET partner/prices/{id}", from, from + 20.0).values(number as u64 + 1)
            })
        });
        assert_eq!(told(&report), ["n-plus-one"]);
    }

    #[test]
    fn calls_that_could_overlap_are_one_finding() {
        let report = trace().judge(20, |trace, _| {
            trace
                .entry("GET /page", 0.0, 300.0)
                .http("GET partner/weather", 1.0, 90.0)
                .http("GET partner/news", 91.0, 200.0)
                .http("GET partner/rates", 201.0, 298.0)
        });
        assert_eq!(told(&report), ["sequential-calls"]);
    }

    #[test]
    fn a_flaw_of_a_called_service_is_told_there() {
        let report = trace().judge(20, |trace, _| {
            let trace = trace.entry("GET /", 0.0, 276.0).http("GET orders/orders", 1.0, 275.0).below();
            let trace = trace.service("orders").entry("GET /orders", 2.0, 274.0);
            let trace = trace.sql("SELECT * FROM orders", 3.0, 8.0).each(20, |trace, number| {
                let from = 10.0 + number * 13.0;
                trace.sql("SELECT * FROM customers WHERE id = ?", from, from + 12.0)
            });
            trace.out().out().out().service("shop")
        });
        assert_eq!(told(&report), ["n-plus-one"]);
        assert_eq!(report.findings[0].service, "orders");
    }
}
