//! Finds own time and statements whose time grows faster than the data that a request works on, and endpoints whose
//! time grows with the number of requests at once.
//!
//! ## Why it is slow
//!
//! A loop within a loop, a search through a list for each row, a string that is copied for each piece that
//! is added to it, a subquery that the database goes through for each row: twice the data takes four
//! times as long. It is quick in tests and for most users, and takes minutes for the largest customer. A
//! faster machine does not help for long. And where requests share what serves only so many at once, twice as
//! many users make each of them wait twice as long.
//!
//! ## What counts
//!
//! The own time that heavy-compute looks at, and the time of the statements that slow-query looks at, over all
//! requests of an endpoint, by how much data each has worked on: the most rows that one statement returned;
//! where no instrumentation tells rows, the most calls of one shape; else the size of the answer. Recordings
//! with several sizes of data, or of a production whose customers have more and less, show it; they may be
//! several inputs of one diagnosis.
//!
//! What is fitted is what one more row costs, so that neither a constant part of the time nor one of the
//! size looks like an order. It takes four sizes, each at least 1.8 times the one before and each with
//! five requests, of which the median counts. From each size to the next one more row must cost more, and
//! the order must be 1.5 or more even at the low end of its interval of two standard errors. The finding
//! tells the order, its interval, and sizes with their times; 1 would be linear, 2 is the square.
//!
//! For the load, each request of 20 ms or longer is looked at by the mean number of requests that its process
//! served meanwhile. It takes three loads, the greatest at least four times the least, each with ten requests;
//! the median time must grow from each to the next, at least double, and go with an order of 0.5 or more even
//! at the low end of its interval. What makes all requests slow for a while also lets them pile up: medium
//! confidence.
//!
//! ## Stays silent
//!
//! - on time that is constant, or that a page or a limit caps;
//! - on time that grows with the data or hardly faster (`n log n`): see heavy-compute, slow-query and
//!   unbounded-result;
//! - on statements that are sent for each row: see n-plus-one;
//! - on a step, such as another way of doing it from some size on;
//! - where nothing tells a size, where all requests came at one load, and where times are too noisy to tell an
//!   order;
//! - on the load, where pool-starvation, worker-starvation, lock-wait or event-loop-stall explain it.
//!
//! ## Remedy
//!
//! Go over the data once: look up in a map that is built before the loop, sort and merge, collect the
//! pieces and join them at the end, let the database join; a statement joins or groups instead of
//! searching for each row, or has an index to search by. Best case: a twentieth of the time is left.
//! Worst case: half of it, as for the smaller ones of the sizes that were seen. For the load: find what is shared,
//! or serve fewer at once in each process. Best case: a request takes what it takes at the least load; worst case:
//! half of the rest is left.
//!
//! ## How to check
//!
//! The time at the largest size, before and after: twice the data takes twice as long. The median under the same load.

use crate::candidate::{Advice, Candidates, Case, Check, Measure, Remedy, Sizes, Subject, Told, View};
use crate::docket::CandidateKey;
use crate::evidence::trace::Waits;
use crate::evidence::{Kind, UNKNOWN};
use crate::figures::count;
use crate::finding::{Confidence, Unit};
use crate::nature::Nature;
use crate::scaling::{self, Fit, Law};
use crate::settings::Setting;
use crate::shown::{Shown, Unconfirmed, Whole};
use crate::stack::Stack;
use crate::wording::{brief, duration, list};
use crate::{Detector, Inspect, heavy_compute, slow_query};

mod load;

const TIME_MIN: Setting = Setting {
    name: "time_min",
    unit: "ms",
    default: 1,
    why: "where the data is little, other things take the time; less of it does not show what grows",
};

const LOADED_MIN: Setting = Setting {
    name: "loaded_min",
    unit: "ms",
    default: 20,
    why: "a request that is quicker under load keeps nobody waiting",
};

pub(crate) const DETECTOR: Detector = Detector {
    id: "scaling-cost",
    summary: "time that grows faster than the data, or with the number of requests at once",
    page: include_str!("scaling_cost.rs"),
    settings: &[TIME_MIN, LOADED_MIN],
    inspect: Inspect::RequestAndLoad(Nature::ANY, inspect, |settings| {
        settings.get(&LOADED_MIN).saturating_mul(1_000_000)
    }),
    plan: None,
    confirm: Some(confirm),
    logs: false,
    tell: Some(tell),
};

const REMEDY: Remedy = Remedy::Shrink { best: 50, worst: 500 };

/// Fewer rows or calls are no data that anything grows with.
const SIZE_MIN: u64 = 8;

/// Notes own time and statements; all requests together tell whether one of them grows too fast.
fn inspect(view: &View<'_>, found: &mut Candidates) {
    let needed_ns = view.settings.get(&TIME_MIN).saturating_mul(1_000_000);
    let enough = |waits: Waits| view.request.path_ns[waits as usize] >= needed_ns;
    let (own, database) = (enough(Waits::Own), enough(Waits::Database));
    if !own && !database {
        return;
    }
    let statements = found.considered_by(slow_query::PLACE).filter(|_| database);
    let parts = found.considered_by(heavy_compute::PLACE).filter(|_| own);
    let mut considered = statements.chain(parts).peekable();
    if considered.peek().is_none() {
        return;
    }
    let sizes = sizes(view);
    if sizes.known().next().is_none() {
        return;
    }
    for place in considered {
        let candidate = found.name_again(place, REMEDY);
        candidate.sizes = sizes;
    }
}

/// How much data the request has worked on.
fn sizes(view: &View<'_>) -> Sizes {
    let mut sizes = Sizes::default();
    for numbers in view.groups() {
        let calls = numbers.iter().map(|&number| view.operation(number));
        let rows = calls.clone().filter(|call| tells_rows(call.kind) && call.rows != UNKNOWN);
        let sizes_of_group = [
            (Measure::Calls, calls.map(|call| u64::from(call.repeats.max(1))).sum()),
            (Measure::Rows, rows.map(|call| u64::from(call.rows)).max().unwrap_or(0)),
        ];
        let enough = sizes_of_group.into_iter().filter(|(_, size)| *size >= SIZE_MIN);
        enough.for_each(|(measure, size)| sizes.see(measure, size));
    }
    if view.request.opened_by.response_bytes != UNKNOWN {
        sizes.see(Measure::Bytes, u64::from(view.request.opened_by.response_bytes));
    }
    sizes
}

fn tells_rows(kind: Kind) -> bool {
    matches!(kind, Kind::Sql | Kind::Document)
}

fn confirm<'a>(whole: &'a Whole<'a>, key: &CandidateKey) -> Result<Shown<'a>, Unconfirmed> {
    if key.subject == Subject::Load {
        return load::confirm(whole, key);
    }
    let fit = whole.docket.candidates.get(key).map_or(Fit::Unknown, |tally| scaling::fit(&tally.growth));
    match fit {
        Fit::Fast(law) => Ok(Shown::Law(law)),
        Fit::Slow(order) if order.is_finite() => Err(Unconfirmed::because(format!(
            "not for sure faster than the data: the order that fits best is {order:.1}"
        ))),
        Fit::Slow(_) | Fit::Unknown => Err(Unconfirmed(None)),
    }
}

fn tell(case: &Case<'_>) -> Told {
    if let Shown::Load(load) = *case.shown {
        return load::tell(case, load);
    }
    let Shown::Law(law) = case.shown else { return Told::default() };
    let (time, checked) = match case.subject {
        Subject::Own(own) => {
            let time = format!("own time {}", heavy_compute::place(case, *own));
            (time.clone(), time)
        }
        _ => ("its time".to_owned(), format!("time of {}", brief(case.dictionary, case.shape()))),
    };
    let [.., (size, time_ns)] = law.points;
    let (smallest, smallest_ns) = law.points[0];
    let linear_ns = u128::from(smallest_ns) * u128::from(size) / u128::from(smallest.max(1));
    Told {
        why: why(law, &time),
        fix: fixes(case),
        verify: Check {
            metric: format!("{checked}, with {}", sized(law.measure, size)),
            unit: Unit::Ns,
            now: time_ns,
            expected: u64::try_from(linear_ns).unwrap_or(u64::MAX).min(time_ns),
        },
        confidence: Some(Confidence::Medium),
        dismissed: None,
    }
}

/// `own time after the last call grows about with the square of the rows of a statement (order 2.0, …`.
fn why(law: &Law, time: &str) -> String {
    let [lowest, likely, highest] = law.order;
    let by = match law.measure {
        Measure::Rows => "rows of a statement",
        Measure::Calls => "calls of one shape",
        Measure::Bytes => "size of the answer",
    };
    let how = if likely < 2.5 { "about with the square" } else { "faster than the square" };
    let points =
        law.points.map(|(size, time_ns)| format!("{} with {}", duration(time_ns), sized(law.measure, size)));
    format!(
        "{time} grows {how} of the {by} (order {likely:.1}, between {lowest:.1} and \
         {highest:.1}): {}",
        list(&points)
    )
}

fn sized(measure: Measure, size: u64) -> String {
    let what = match measure {
        Measure::Rows => "rows",
        Measure::Calls => "calls",
        Measure::Bytes => "bytes",
    };
    format!("{} {what}", count(size))
}

fn fixes(case: &Case<'_>) -> Vec<Advice> {
    match case.subject {
        Subject::Own(_) => fixes_of_code(case),
        _ => fixes_of_statement(),
    }
}

fn advice(text: String, tradeoff: &str) -> Advice {
    Advice { text, tradeoff: tradeoff.to_owned(), remedy: None }
}

fn fixes_of_statement() -> Vec<Advice> {
    vec![
        advice(
            "let it go over the data once: a join, GROUP BY or a window function instead of a subquery for \
             each row; an index on what it searches by for each row"
                .to_owned(),
            "an index is written with each row; another statement has to be checked against the old one",
        ),
        advice(
            "see its plan at the largest size, and what is done once for each row: EXPLAIN (ANALYZE, BUFFERS)"
                .to_owned(),
            "EXPLAIN ANALYZE runs the statement",
        ),
    ]
}

fn fixes_of_code(case: &Case<'_>) -> Vec<Advice> {
    vec![
        advice(
            "go over the data once: build a map (or a set) of it by key before the loop and look up in it, \
             instead of searching a list for each row; collect parts and join them at the end"
                .to_owned(),
            "the map takes memory while it is needed",
        ),
        advice(
            format!("see which loop it is: {}", Stack::of_case(case).profiler()),
            "a sampling profiler costs a few per cent while it runs",
        ),
        advice(
            "let the database join, group and remove duplicates, or limit how much one request may ask for"
                .to_owned(),
            "the statement gets larger; who needs everything has to ask several times",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Report;
    use crate::testing::{TraceBuilder, trace};

    const LINES: &str = "SELECT * FROM lines LIMIT ?";
    const SIZES: [u32; 4] = [100, 200, 400, 800];

    /// Eighty requests over lines of four sizes, whose own time is this many milliseconds.
    fn judged(ms: impl Fn(f64) -> f64, sized: impl Fn(TraceBuilder, u32) -> TraceBuilder) -> Report {
        trace().judge(80, |trace, number| {
            let size = SIZES[number as usize % SIZES.len()];
            let noise = 1.0 + f64::from(number / 4 % 5) / 100.0;
            let end = 12.0 + ms(f64::from(size)) * noise;
            sized(trace.entry("GET /lines", 0.0, end).sql(LINES, 1.0, 11.0), size)
        })
    }

    fn told(report: &Report) -> Vec<&str> {
        report.findings.iter().map(|finding| finding.detector.as_str()).collect()
    }

    #[test]
    fn the_square_of_the_rows_is_told_once() {
        let report = judged(|rows| rows * rows / 2_000.0, |trace, size| trace.rows(size));
        assert_eq!(told(&report), ["scaling-cost"]);
        let finding = &report.findings[0];
        assert!(
            finding.why.contains("with the square of the rows of a statement (order 2.0"),
            "{}",
            finding.why
        );
        assert!(finding.verify.expected * 4 < finding.verify.now, "{:?}", finding.verify);
    }

    #[test]
    fn the_size_may_be_that_of_the_answer_or_of_a_loop() {
        let square = |rows: f64| rows * rows / 2_000.0;
        let by_bytes = judged(square, |mut trace, size| {
            let entry = trace.spans.iter_mut().rfind(|span| span.kind == Kind::Entry);
            entry.expect("a request").response_bytes = 500 + size * 40;
            trace
        });
        assert_eq!(told(&by_bytes), ["scaling-cost"]);
        let by_calls = judged(square, |trace, size| trace.batch(size));
        assert_eq!(told(&by_calls), ["scaling-cost"]);
    }

    #[test]
    fn own_time_that_grows_with_the_data_is_heavy_compute() {
        let report = judged(|rows| rows / 4.0, |trace, size| trace.rows(size));
        assert_eq!(told(&report), ["heavy-compute"]);
        let dismissed = report.dismissed.iter().find(|it| it.detector == "scaling-cost");
        assert!(dismissed.expect("considered").reason.ends_with("the order that fits best is 1.0"));
    }

    #[test]
    fn a_statement_may_grow_too_fast() {
        let report = |ms: fn(f64) -> f64| {
            trace().judge(80, move |trace, number| {
                let size = SIZES[number as usize % SIZES.len()];
                let until = 2.0 + ms(f64::from(size)) * (1.0 + f64::from(number / 4 % 5) / 100.0);
                trace.entry("GET /lines", 0.0, until + 1.0).sql(LINES, 1.0, until).rows(size)
            })
        };
        assert_eq!(told(&report(|rows| rows * rows / 2_000.0)), ["scaling-cost"]);
        assert_eq!(told(&report(|rows| rows / 4.0)), ["slow-query"]);
    }

    #[test]
    fn silent_where_no_size_is_told() {
        let report = judged(|rows| rows * rows / 2_000.0, |trace, _| trace);
        assert_eq!(told(&report), ["heavy-compute"]);
    }
}
