//! Finds queries that return thousands of rows to a request because nothing limits them, and answers of megabytes.
//!
//! ## Why it is slow
//!
//! Each row is read, sent, decoded and made into an object before the first one is used. Nobody looks
//! at thousands of rows, and the list grows with the data: it is quick in tests and slow in the year
//! after. Memory of the service grows with it.
//!
//! ## What counts
//!
//! Queries without a limit on the critical path of a request that is answered, which return at least
//! `rows_min` rows at once. The instrumentation has to tell the rows (`db.response.returned_rows` and
//! its older names); few do by themselves. In Node.js and elsewhere a response hook can note them.
//!
//! Half as many rows count as well where some requests get ten times as many as others: the list grows with
//! what it is asked for, and nothing says where that ends.
//!
//! Where no rows are told, the answer itself tells: data (JSON, XML) of at least `body_min`, as sent. Its size is
//! told by `http.response.body.size` or by captured headers (`content-length` and `content-type`).
//!
//! ## Stays silent
//!
//! - where the rows are not told: a query without a limit may return three of them;
//! - on queries with a limit, and on those that the database sums up to few rows;
//! - on jobs and background work, which read much on purpose;
//! - on answers that are no data: pictures, archives, pages, tables as CSV. Where the type is not told, a large
//!   answer is a lead only;
//! - on endpoints that export: say so by a higher `rows_min` and `body_min` for them in `whyslow.toml`.
//!
//! ## Remedy
//!
//! Ask for a page. Best case: time shrinks with the rows, to those of a page of 100, which is an
//! assumption. Worst case: half of the time is left, as the server may have to find and sort as
//! many. What the service spends on the rows afterwards goes as well, and is left out. Where only the answer is
//! known, bytes are told and no time: those above a page of 50 kB at best, half of them at worst.
//!
//! ## How to check
//!
//! Rows that the statement returns, or bytes of the answer, before and after: they no longer grow with the table.

use crate::candidate::{Advice, Candidates, Case, Check, Measure, Remedy, ShortOf, Subject, Told, View};
use crate::evidence::shape::sql::Verb;
use crate::evidence::trace::Operation;
use crate::evidence::{Kind, Media, UNKNOWN};
use crate::figures::counted;
use crate::finding::{Confidence, Spread, Unit};
use crate::group::Group;
use crate::nature::Nature;
use crate::settings::Setting;
use crate::stack::{Mapper, Stack};
use crate::wording::{brief, bytes, duration};
use crate::{Detector, Inspect, place_of};

const ROWS_MIN: Setting = Setting {
    name: "rows_min",
    unit: "rows of one execution",
    default: 1000,
    why: "a page shows 20 to 100 rows; ten pages at once are still a choice, a thousand rows mostly none",
};

const BODY_MIN: Setting = Setting {
    name: "body_min",
    unit: "kB of one answer",
    default: 1000,
    why: "a page of 100 rows has 10 to 100 kB; a megabyte of data is thousands of rows",
};

/// Its place among all detectors.
pub(crate) const PLACE: usize = place_of(DETECTOR.id);

pub(crate) const DETECTOR: Detector = Detector {
    id: "unbounded-result",
    summary: "a query without a limit returns thousands of rows to a request, or its answer has megabytes",
    page: include_str!("unbounded_result.rs"),
    settings: &[ROWS_MIN, BODY_MIN],
    inspect: Inspect::Request(Nature::ROWS.or(Nature::BYTES), inspect),
    plan: None,
    confirm: None,
    logs: true,
    tell: Some(tell),
};

/// Where rows grow, one of so many parts of `rows_min` is enough.
const GROWN_PART: u64 = 2;

/// They grow where some requests get so many times as many as others.
const GROWN_TIMES: u64 = 10;

/// So few rows are not noted.
const NOTED_MIN: u64 = 20;

/// Rows of the page that is assumed.
const PAGE_ROWS: u64 = 100;

/// Bytes of the page that is assumed.
const PAGE_BYTES: u64 = 50_000;

/// What is left of time or bytes in the worst case, per mille.
const LEFT_AT_WORST: u16 = 500;

/// A result with less than one of so many parts of what it takes is not even noted.
const CONSIDERED_PART: u64 = 4;

fn inspect(view: &View<'_>, found: &mut Candidates) {
    if !view.is_answered() {
        return;
    }
    for numbers in view.groups() {
        let first = view.operation(numbers[0]);
        let tells_rows = matches!(first.kind, Kind::Sql | Kind::Document) && first.rows != UNKNOWN;
        if tells_rows && let Some(group) = Group::of(view, numbers).filter(is_unlimited) {
            inspect_group(&group, found);
        }
    }
    if found.found_by(PLACE).next().is_none() {
        inspect_answer(view, found);
    }
}

/// Looks at the size of the answer, where it is known to hold data or may hold some.
fn inspect_answer(view: &View<'_>, found: &mut Candidates) {
    let answer = &view.request.opened_by;
    let confidence = match answer.body.media() {
        _ if answer.response_bytes == UNKNOWN || !view.has_body(answer.shape) => return,
        Media::Data => Confidence::Medium,
        Media::Unknown => Confidence::Low,
        Media::Text | Media::Other => return,
    };
    let (size, needed) = (u64::from(answer.response_bytes), view.settings.get(&BODY_MIN));
    let size_kb = size / 1_000;
    if size_kb < needed {
        if size_kb >= (needed / CONSIDERED_PART).max(1) {
            found.short(Subject::Body, ShortOf { what: "kB of one answer", seen: size_kb, needed });
        }
        return;
    }
    let candidate = found.push(Subject::Body, down_to(PAGE_BYTES, size), confidence);
    view.mark_request(candidate.bytes(size));
}

/// What is left when a page is asked for instead of all.
fn down_to(page: u64, all: u64) -> Remedy {
    let best = u16::try_from(page.saturating_mul(1000) / all.max(1)).unwrap_or(LEFT_AT_WORST);
    Remedy::Shrink { best: best.min(LEFT_AT_WORST), worst: LEFT_AT_WORST }
}

fn inspect_group(group: &Group<'_>, found: &mut Candidates) {
    let view = group.view;
    let needed = view.settings.get_for(&ROWS_MIN, group.shape);
    let most = group.operations().map(rows).max().unwrap_or(0);
    let subject = Subject::Shape(group.first.shape);
    let is_large = |number: &u32| {
        let call = view.operation(*number);
        rows(call) >= needed.min(most) && call.path_ns > 0
    };
    let large: Vec<u32> = group.numbers.iter().copied().filter(is_large).collect();
    if most < NOTED_MIN.min(needed) || large.is_empty() {
        return;
    }
    // Whether it is much, or grows, all requests together tell.
    // Of several requests the one that gives back least is predicted: smaller ones count as the least that is told.
    let remedy = down_to(PAGE_ROWS, most.max(needed / GROWN_PART));
    let candidate = found.push(subject, remedy, Confidence::High);
    candidate.repeats(large.len() as u64).claim(large);
    candidate.sizes.see(Measure::Rows, most);
    group.mark_origin(candidate);
}

/// Rows of one execution, as far as they are told.
fn rows(call: &Operation) -> u64 {
    if call.rows == UNKNOWN { 0 } else { u64::from(call.rows) / u64::from(call.repeats.max(1)) }
}

fn is_unlimited(group: &Group<'_>) -> bool {
    match group.first.kind {
        Kind::Sql => group.facts().is_some_and(|facts| {
            facts.verb == Verb::Select && !facts.limited && !facts.single_row && facts.written.is_empty()
        }),
        _ => !group.writes() && !group.is_paged(),
    }
}

fn tell(case: &Case<'_>) -> Told {
    if case.subject.is_response() {
        return tell_of_answer(case);
    }
    let (least, most) = case.rows_seen;
    let needed = case.settings.get_for(&ROWS_MIN, case.dictionary.shape(case.shape()));
    let grows = most >= least.saturating_mul(GROWN_TIMES);
    if most < needed && !(grows && most >= needed / GROWN_PART) {
        let reason = format!("returns at most {} and hardly grows, needs {needed}", counted(most, "row"));
        return Told { dismissed: Some(reason), ..Told::default() };
    }
    let rows = case.rows_mean;
    let grown = match grows {
        true => format!(" ({least} in some requests, {most} in others)"),
        false => String::new(),
    };
    Told {
        why: format!(
            "returns {rows} rows on average{grown} and nothing limits them: {} each (p95 {}), before the service \
             has worked on the first; a page of {PAGE_ROWS} is assumed to be enough",
            duration(case.single_ns.0),
            duration(case.single_ns.1),
        ),
        fix: advice_for("rows_min", page_of(case)).into(),
        verify: Check {
            metric: format!("rows of {}", brief(case.dictionary, case.shape())),
            unit: Unit::Count,
            now: rows,
            expected: PAGE_ROWS.min(rows),
        },
        confidence: match (case.is_rare(), most < needed) {
            (true, _) => Some(Confidence::Low),
            (false, true) => Some(Confidence::Medium),
            (false, false) => None,
        },
        dismissed: None,
    }
}

fn tell_of_answer(case: &Case<'_>) -> Told {
    let Spread { p50, max } = case.bytes;
    let most = match max {
        max if max > p50 + p50 / 10 => format!(" and up to {}", bytes(max)),
        _ => String::new(),
    };
    let others = match case.requests_of_endpoint - case.requests.min(case.requests_of_endpoint) {
        0 => String::new(),
        others => format!(
            "; {} of the endpoint are smaller: they grow with what is asked for",
            counted(others, "answer")
        ),
    };
    let [page, _, export] = advice_for("body_min", page_of(case));
    Told {
        why: format!(
            "answers have {}{most}, built and sent as a whole before the caller can work on the first row{others}; \
             a page of {} is assumed to be enough",
            bytes(p50),
            bytes(PAGE_BYTES),
        ),
        fix: vec![
            page,
            Advice::new("send only the fields that callers use", "callers have to say which"),
            export,
        ],
        verify: Check {
            metric: format!("bytes of answers of {}", case.endpoint),
            unit: Unit::Bytes,
            now: p50,
            expected: PAGE_BYTES.min(p50),
        },
        confidence: case.is_rare().then_some(Confidence::Low),
        dismissed: None,
    }
}

/// A page by the last key, in the words of the mapper.
fn page_of(case: &Case<'_>) -> &'static str {
    match Stack::of_case(case).mapper {
        Some(Mapper::SqlAlchemy) => ".where(Table.id > last).order_by(Table.id).limit(100)",
        Some(Mapper::Django) => "a Paginator, or .filter(pk__gt=last).order_by(\"pk\")[:100]",
        Some(Mapper::ActiveRecord) => ".where(\"id > ?\", last).order(:id).limit(100)",
        Some(Mapper::Hibernate) => "a Pageable, or setMaxResults(100) with the last key as a condition",
        Some(Mapper::EfCore) => ".Where(it => it.Id > last).OrderBy(it => it.Id).Take(100)",
        Some(Mapper::Sequelize) => {
            "findAll({ where: { id: { [Op.gt]: last } }, order: [\"id\"], limit: 100 })"
        }
        Some(Mapper::Prisma) => "findMany({ cursor: { id: last }, skip: 1, take: 100 })",
        Some(Mapper::TypeOrm) => "find({ where: { id: MoreThan(last) }, order: { id: \"ASC\" }, take: 100 })",
        Some(Mapper::Gorm) => "db.Where(\"id > ?\", last).Order(\"id\").Limit(100)",
        Some(Mapper::Laravel) => "cursorPaginate(100)",
        Some(Mapper::Doctrine) => "setMaxResults(100) with the last key as a condition",
        Some(Mapper::Diesel | Mapper::SeaOrm) | None if case.kind == Some(Kind::Document) => {
            "a limit, and the last key as a condition"
        }
        Some(Mapper::Diesel | Mapper::SeaOrm) | None => "WHERE id > last ORDER BY id LIMIT 100",
    }
}

/// The ways to mend it; `setting` says for an endpoint that it exports.
fn advice_for(setting: &str, page: &str) -> [Advice; 3] {
    [
        Advice::new(
            format!("ask for a page by the last key: {page}"),
            "callers have to ask for the next page; an order by a key with an index",
        ),
        Advice::new(
            "let the database count, sum or filter what the service does with the rows",
            "logic moves into the statement",
        ),
        Advice::new(
            format!(
                "if all of them are needed (an export): stream them by a cursor, and raise {setting} for this endpoint"
            ),
            "no quicker at the end; memory stays flat, and a connection is held for as long as it takes",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Body;
    use crate::finding::{Finding, GainKind};
    use crate::testing::{TraceBuilder, trace};

    fn list(statement: &str, rows: u32) -> TraceBuilder {
        trace().entry("GET /lines", 0.0, 100.0).sql(statement, 1.0, 81.0).rows(rows)
    }

    #[test]
    fn thousands_of_rows_without_a_limit() {
        let inspected = list("SELECT id FROM order_lines", 10_000).inspect();
        let found = inspected.one(DETECTOR.id);
        assert_eq!((found.repeats, found.confidence), (1, Confidence::High));
        assert_eq!(found.remedy, Remedy::Shrink { best: 10, worst: 500 });
    }

    #[test]
    fn silent_on_few_rows_limits_and_unknown_rows() {
        let told = |rows: &'static [u32]| {
            let report = trace().judge(40, |_, number| {
                list("SELECT id FROM order_lines", rows[number as usize % rows.len()])
            });
            report.findings.iter().filter(|finding| finding.detector == DETECTOR.id).count()
        };
        assert_eq!([told(&[999]), told(&[450, 40]), told(&[900, 400])], [0, 0, 0]);
        assert_eq!([told(&[1_000]), told(&[900, 300, 40])], [1, 1]);
        list("SELECT id FROM order_lines LIMIT ?", 5_000).inspect().silent(DETECTOR.id);
        list("SELECT id FROM order_lines", UNKNOWN).inspect().silent(DETECTOR.id);
        list("UPDATE order_lines SET seen = ?", 5_000).inspect().silent(DETECTOR.id);
        list("SELECT id FROM order_lines", 19).inspect().silent(DETECTOR.id);
    }

    #[test]
    fn large_answers_where_no_rows_are_told() {
        let answer = |media, bytes| {
            let trace = trace().entry("GET /lines", 0.0, 20.0).body(Body::new(media, false), bytes);
            trace.sql("SELECT id FROM order_lines", 1.0, 8.0).inspect()
        };
        let inspected = answer(Media::Data, 2_000_000);
        let found = inspected.one(DETECTOR.id);
        assert_eq!(
            (&found.subject, found.bytes, found.confidence),
            (&Subject::Body, 2_000_000, Confidence::Medium)
        );
        assert_eq!(answer(Media::Unknown, 2_000_000).one(DETECTOR.id).confidence, Confidence::Low);
        answer(Media::Data, 999_999).silent(DETECTOR.id);
        answer(Media::Other, 9_000_000).silent(DETECTOR.id);
        answer(Media::Text, 9_000_000).silent(DETECTOR.id);
        answer(Media::Data, UNKNOWN).silent(DETECTOR.id);
    }

    #[test]
    fn rows_say_more_than_the_answer() {
        let inspected = list("SELECT id FROM order_lines", 10_000).inspect();
        assert!(matches!(inspected.one(DETECTOR.id).subject, Subject::Shape(_)));
        let report = trace().judge(20, |trace, _| {
            let trace = trace.entry("GET /lines", 0.0, 20.0).body(Body::DATA, 3_000_000);
            trace.sql("SELECT id FROM order_lines", 1.0, 8.0)
        });
        let of_bytes = |finding: &&Finding| finding.gain.kind == GainKind::Network;
        let [finding] = report.findings.iter().filter(of_bytes).collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!((&*finding.detector, finding.verify.expected), (DETECTOR.id, PAGE_BYTES));
        assert!(finding.also[0].starts_with("uncompressed-payload"), "{:?}", finding.also);
    }

    #[test]
    fn silent_in_jobs_and_beside_the_path() {
        let mut job = list("SELECT id FROM order_lines", 10_000);
        job.spans[0].role = crate::evidence::Role::Consumer;
        job.inspect().silent(DETECTOR.id);
        let beside = list("SELECT id FROM order_lines", 10_000).http("GET http://other", 0.5, 99.0);
        beside.inspect().silent(DETECTOR.id);
    }

    #[test]
    fn the_rows_and_the_page_are_told() {
        let report = trace().judge(20, |trace, _| {
            let trace = trace.entry("GET /lines", 0.0, 100.0).by("opentelemetry.instrumentation.django");
            trace.sql("SELECT id FROM order_lines", 1.0, 81.0).rows(12_000)
        });
        let finding = &report.findings[0];
        assert_eq!(
            (&*finding.detector, finding.verify.now, finding.verify.expected),
            (DETECTOR.id, 12_000, 100)
        );
        assert!(finding.fix[0].text.contains("Paginator"), "{:?}", finding.fix);
    }
}
