//! What all outputs for people say in the same words.

use detectors::comparison::{
    Change, Cost, FindingChange, StatementChange, StatementChanges, StatementFigures,
};
pub(crate) use detectors::figures::clean;
use detectors::figures::{bytes, count, counted, duration};
use detectors::finding::{
    Endpoint, Example, Finding, Gain, GainKind, Latency, Location, Report, Unit, Verify, is_place,
};
use detectors::plans::{Outside, PlanRows};
use detectors::queries::{Check, Counts, Level, Place, PlaceKind, Problem, Rule, State, Verdict};
use detectors::settings::Metric;

/// Stands for the endpoint where a finding has none.
pub(super) const WHOLE_SERVICE: &str = "(whole service)";

/// What holds for every comparison of two recordings.
pub(super) const ONE_OF_EACH: &str =
    "Per request, of one recording of each side: the same code measured twice differs, too.";

/// With a capital letter in front.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What a request's id or place is called: `trace `, or nothing in front of `postgresql.log:8812`.
pub(super) fn trace_or_place(trace: &str) -> &'static str {
    if is_place(trace) { "" } else { "trace " }
}

/// What requests were seen in: `12 traces`, or logs alone.
pub(super) fn seen_in(report: &Report) -> String {
    match report.seen.traces {
        0 if report.logged.is_some() => "logs".to_owned(),
        traces => counted(traces, "trace"),
    }
}

/// ` (3.1 s)`; nothing where the log has no times.
pub(super) fn took(duration_ns: u64) -> String {
    if duration_ns == 0 { String::new() } else { format!(" ({})", duration(duration_ns)) }
}

/// The target's metric or else the highest that is known, then the median.
pub(super) fn metrics(latency: &Latency, endpoint: Option<&Endpoint>) -> Vec<Metric> {
    let target = endpoint.and_then(|endpoint| Metric::parse(&endpoint.target.as_ref()?.metric));
    let highest = [Metric::P99, Metric::P95, Metric::Max];
    let known = highest.into_iter().find(|metric| value(latency, *metric).is_some());
    let first = target.filter(|metric| value(latency, *metric).is_some()).or(known);
    let mut metrics: Vec<Metric> = first.into_iter().chain([Metric::P50]).collect();
    metrics.dedup();
    metrics
}

pub(super) fn value(latency: &Latency, metric: Metric) -> Option<u64> {
    match metric {
        Metric::P50 => latency.p50,
        Metric::P95 => latency.p95,
        Metric::P99 => latency.p99,
        Metric::Max => latency.max,
    }
}

pub(super) fn metric_name(metric: Metric) -> &'static str {
    match metric {
        Metric::Max => "slowest",
        other => other.name(),
    }
}

/// `p99 3.02 s → 0.80 s, p50 1.67 s → 0.70 s`; `mark` stands around what is left.
pub(super) fn changes(
    before: &Latency,
    after: &Latency,
    endpoint: Option<&Endpoint>,
    mark: [&str; 2],
) -> String {
    let [open, close] = mark;
    let change = |metric| {
        let (before, after) = (duration(value(before, metric)?), duration(value(after, metric)?));
        Some(format!("{} {before} → {open}{after}{close}", metric_name(metric)))
    };
    metrics(before, endpoint).into_iter().filter_map(change).collect::<Vec<_>>().join(", ")
}

/// What a finding's fix alone gives back; `mark` stands around the figures that matter most.
pub(super) fn gain(finding: &Finding, endpoint: Option<&Endpoint>, mark: [&str; 2]) -> String {
    let [open, close] = mark;
    match (finding.gain.kind, given_back(finding.gain.kind)) {
        (GainKind::Latency, _) => {
            let latency = &finding.latency_ns;
            let changes = changes(&latency.measured, &latency.predicted, endpoint, mark);
            if changes.is_empty() {
                return format!("gives back {open}{}{close} of waiting", amount(&finding.gain));
            }
            format!("{changes} with this fix alone, predicted")
        }
        (_, Ok(_)) if is_unmeasured(&finding.gain) => UNMEASURED.to_owned(),
        (_, Ok(what)) => format!("gives back {open}{}{close} of {what}", amount(&finding.gain)),
        (_, Err(what)) => what.to_owned(),
    }
}

/// Whether a finding lies at an endpoint.
pub(super) fn is_at(finding: &Finding, endpoint: &Endpoint) -> bool {
    finding.service == endpoint.service && finding.endpoint.as_deref() == Some(endpoint.name.as_str())
}

/// How much is given back: a time, or bytes.
pub(super) fn amount(gain: &Gain) -> String {
    gain.total_bytes.map_or_else(|| duration(gain.total_ns), bytes)
}

/// Whether nothing tells how much is given back: a log that has no times.
pub(super) fn is_unmeasured(gain: &Gain) -> bool {
    gain.kind == GainKind::DatabaseTime && gain.total_ns == 0 && gain.total_bytes.is_none()
}

/// What is said then.
pub(super) const UNMEASURED: &str = "gives back statements: their times are not in this log";

/// Whose time or what bytes are given back; as an error what is given back that is not counted.
pub(super) fn given_back(kind: GainKind) -> Result<&'static str, &'static str> {
    match kind {
        GainKind::Latency => Ok("waiting"),
        GainKind::DatabaseTime => Ok("database time"),
        GainKind::CpuTime => Ok("processor time"),
        GainKind::Network => Ok("data sent"),
        GainKind::Memory => Err("gives back memory"),
        GainKind::Risk => Err("a danger, not counted in time"),
    }
}

/// `SELECT * FROM users WHERE name = $1; $1 = 'Ann' (3.1 s, postgresql.log:8812)`, of at most so many letters each.
pub(super) fn example(example: &Example, letters_max: usize) -> String {
    let Example { text, parameters, is_cut, duration_ns, place } = example;
    let mut told = cut(text, letters_max);
    if let Some(parameters) = parameters {
        told.push_str(&format!("; {}", cut(parameters, letters_max)));
    }
    if *is_cut && !told.ends_with('…') {
        told.push('…');
    }
    let took = duration_ns.map_or_else(String::new, |ns| format!("{}, ", duration(ns)));
    format!("{told} ({took}{place})")
}

/// The first letters of a text.
pub(super) fn cut(text: &str, letters_max: usize) -> String {
    match text.char_indices().nth(letters_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `app/orders.py:41 list_orders`.
pub(super) fn place(location: &Location) -> String {
    let line = location.line.map(|line| format!(":{line}")).unwrap_or_default();
    let file = location.file.as_ref().map(|file| format!("{file}{line}"));
    [file, location.function.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// `statements per request 203 → 4`, by this fix alone.
pub(super) fn checked(verify: &Verify) -> String {
    let Verify { metric, unit, now, expected, .. } = verify;
    format!("{metric} {} → {}", figure(*unit, *now), figure(*unit, *expected))
}

/// A value to check.
pub(super) fn figure(unit: Unit, value: u64) -> String {
    match unit {
        Unit::Count => count(value),
        Unit::Ns => duration(value),
        Unit::Bytes => bytes(value),
    }
}

/// `189 in a request → 12, gives back 1.1 s of one → 40 ms`.
pub(super) fn costs(change: &FindingChange) -> String {
    let sides = [change.before, change.after];
    let both = |figures: [Option<String>; 2]| figures.into_iter().flatten().collect::<Vec<_>>().join(" → ");
    let repeats = both(sides.map(|side| Some(count(side?.repeats?.p50))));
    let gains = both(sides.map(|side| {
        let Cost { gain_ns_per_request, gain_bytes_per_request, .. } = side?;
        Some(gain_bytes_per_request.map_or_else(|| duration(gain_ns_per_request), bytes))
    }));
    match repeats.is_empty() {
        true => format!("a fix gives back {gains} of a request"),
        false => format!("{repeats} in a request, a fix gives back {gains} of it"),
    }
}

/// `12,000 executions in 10 min before, 13,000 in 11 min after`, and what changed for all of them.
pub(super) fn of_both_logs(statements: &StatementChanges) -> String {
    let [before, after] = [statements.before, statements.after].map(|side| {
        let executions = counted(side.executions, "execution");
        match side.period_ns {
            Some(period_ns) => format!("{executions} in {}", duration(period_ns)),
            None => executions,
        }
    });
    let mut text = format!("{before} before, {after} after");
    match statements.usual_permille {
        Some(usual) if !(800..1_250).contains(&usual) => text.push_str(&format!(
            "; the usual statement takes {}.{:02} times as long, which is no change of one of them",
            usual / 1_000,
            usual % 1_000 / 10
        )),
        _ => {}
    }
    if statements.statements.is_empty() {
        text.push_str("; no statement changed by more than chance");
    }
    text
}

/// `slower, called more`.
pub(super) fn statement_changes(change: &StatementChange) -> String {
    let names = change.changes.iter().map(|change| match change {
        Change::New => "new",
        Change::Slower => "slower",
        Change::Quicker => "quicker",
        Change::Replanned => "planned differently",
        Change::CalledMore => "called more",
        Change::CalledLess => "called less",
        Change::Gone => "gone",
    });
    names.collect::<Vec<_>>().join(", ")
}

/// Calls, median, p95 and time on both sides.
pub(super) fn statement_figures(change: &StatementChange) -> Vec<String> {
    let both = |name: &str, figure: &dyn Fn(&StatementFigures) -> Option<String>| {
        let [before, after] = [change.before, change.after].map(|side| side.as_ref().and_then(figure));
        match (before, after) {
            (None, None) => None,
            (before, after) => {
                let [before, after] = [before, after].map(|side| side.unwrap_or_else(|| "–".to_owned()));
                Some(format!("{name} {before} → {after}"))
            }
        }
    };
    let figures = [
        both("p50", &|side| side.latency_ns.p50.map(duration)),
        both("p95", &|side| side.latency_ns.p95.map(duration)),
        both("calls", &|side| Some(count(side.executions))),
        both("of 1,000,000 calls", &|side| Some(count(side.per_million))),
        both("time", &|side| Some(duration(side.time_ns))),
    ];
    let plans = change.plans.as_ref().filter(|[before, after]| before != after);
    let plans = plans.map(|[before, after]| format!("plan of the slowest {before} → {after}"));
    figures.into_iter().flatten().chain(plans).collect()
}

/// What takes time of an execution outside of its nodes.
pub(crate) fn outside_of_nodes(what: Outside) -> &'static str {
    match what {
        Outside::Triggers => "triggers",
        Outside::Serialization => "bringing rows into the form of the protocol",
        Outside::UnreadExpressions => "parts that change rows and that nobody reads",
        Outside::Unexplained => "not explained by the nodes: starting, ending",
    }
}

/// Whether so many rows come, or do not, that the planner might have chosen otherwise had it known.
pub(super) fn estimate_is_off(rows: &PlanRows) -> bool {
    rows.actual.zip(rows.estimated).is_some_and(|(actual, estimated)| {
        let (low, high) = (actual.min(estimated).max(1.0), actual.max(estimated));
        high >= 10.0 * low && high >= 100.0
    })
}

/// `1 in a request before, now 20 to 212`, and how many of the requests send it.
pub(super) fn before_and_now(problem: &Problem) -> String {
    let Problem { before, now, requests, requests_with, .. } = problem;
    let of = match requests_with < requests && now.max > 0 {
        true => format!(", in {} of {}", count(*requests_with), counted(*requests, "request")),
        false => String::new(),
    };
    let told = match (before, problem.level) {
        (None, _) => format!("not in the baseline, now {} in a request", times(now)),
        (_, Level::Known) => format!("{} in a request, as accepted", times(now)),
        (Some(before), _) if problem.rules.contains(&Rule::TripsIncrease) => format!(
            "{} in a request in {} before, now in {}",
            times(now),
            counted(before.trips, "trip"),
            counted(now.trips, "trip")
        ),
        (Some(before), _) => format!("{} in a request before, now {}", times(before), times(now)),
    };
    format!("{told}{of}")
}

/// `20`, or `0 to 20`.
fn times(counts: &Counts) -> String {
    match counts.min == counts.max {
        true => count(counts.max),
        false => format!("{} to {}", count(counts.min), count(counts.max)),
    }
}

/// `count-increase, n-plus-one`.
pub(super) fn rules(problem: &Problem) -> String {
    problem.rules.iter().map(|rule| rule.id()).collect::<Vec<_>>().join(", ")
}

/// `GET /orders of shop`, `test tests/a.py::b of shop`.
pub(super) fn place_name(place: &Place) -> String {
    let kind = if place.kind == PlaceKind::Test { "test " } else { "" };
    format!("{kind}{} of {}", place.name, place.service)
}

/// How a check ended, in one line.
pub(super) fn verdict(check: &Check) -> String {
    let of = |level: Level| check.problems.iter().filter(move |problem| problem.level == level);
    let seen = |states: &[State]| {
        let seen = check.places.iter().filter(|place| states.contains(&place.state)).count() as u64;
        let tests = check.places.iter().any(|place| place.place.kind == PlaceKind::Test);
        format!(
            "{seen} {}{}",
            if tests { "endpoints and tests" } else { "endpoint" },
            if seen == 1 || tests { "" } else { "s" }
        )
    };
    match check.verdict {
        Verdict::Unusable => "nothing can be said".to_owned(),
        Verdict::Passed => format!("passed: {} as accepted", seen(&[State::Compared])),
        Verdict::Failed => {
            let mut places: Vec<&Place> = of(Level::Fail).map(|problem| &problem.place).collect();
            places.dedup();
            let came = of(Level::Fail).filter(|problem| problem.before.is_none()).count() as u64;
            let more = of(Level::Fail).count() as u64 - came;
            let parts = [(came, "that came"), (more, "that multiplied")];
            let parts = parts.into_iter().filter(|(number, _)| *number > 0);
            let parts: Vec<String> =
                parts.map(|(number, what)| format!("{} {what}", counted(number, "statement"))).collect();
            format!(
                "failed: {}, at {} of {}",
                parts.join(" and "),
                places.len(),
                seen(&[State::Compared, State::New])
            )
        }
    }
}

/// Titles of problems by their level.
pub(super) fn level_title(level: Level) -> &'static str {
    match level {
        Level::Fail => "not as accepted",
        Level::Allowed => "allowed",
        Level::Accept => "to be accepted (never fails)",
        Level::Known => "accepted as it is, and worth mending",
    }
}

/// Places of the baseline of which nothing was seen.
pub(super) fn not_exercised(check: &Check) -> Vec<String> {
    let missing = check.places.iter().filter(|place| place.state == State::NotExercised);
    missing.map(|place| place_name(&place.place)).collect()
}

/// Whether the baseline should follow what was measured, if that is meant.
pub(super) fn asks_to_accept(check: &Check) -> bool {
    check.problems.iter().any(|problem| matches!(problem.level, Level::Fail | Level::Accept))
}

/// What to do then.
pub(super) const ACCEPTS: &str =
    "If this is meant: whyslow ci accept --traces FILES, and commit the baseline.";
